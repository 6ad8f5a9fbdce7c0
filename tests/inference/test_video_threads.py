"""A session that several threads share: one goes through the video, others ask."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from argus.inference.follow import step
from argus.inference.session import VideoSession
from argus.inference.turns import Turns
from argus.model.sam3 import Sam3
from tests.inference.test_video import BOX, FRAMES, OTHER, POLICY, clip, model, opened

__all__ = ["clip", "model"]  # fixtures


def meanwhile(
    session: VideoSession, frame: int, act: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> tuple[threading.Thread, list[object]]:
    """Lets another thread act while the session is at work on a frame, with time enough to get in between."""
    at_work = threading.Event()
    outcome: list[object] = []

    def slow(*args: Any) -> Any:
        if args[5].frame == frame:
            at_work.set()
            while thread.is_alive() and not session._turns._queue.locked():  # it is done, or waits for its turn
                time.sleep(0.001)
        return step(*args)

    def other() -> None:
        at_work.wait(60)
        try:
            outcome.append(act())
        except ValueError as error:
            outcome.append(error)

    monkeypatch.setattr("argus.inference.session.step", slow)
    thread = threading.Thread(target=other)
    thread.start()
    return thread, outcome


@pytest.mark.parametrize("removes", [True, False])
def test_what_another_thread_asks_holds_from_the_next_frame(
    model: Sam3, clip: np.ndarray, removes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = opened(model, clip)
    first, second = session.add(box=BOX), session.add(box=OTHER)
    act = (lambda: session.remove(first)) if removes else (lambda: session.add(box=BOX, frame=4))
    thread, outcome = meanwhile(session, 2, act, monkeypatch)
    shown = [{one.id for one in frame.masklets} for frame in session.run()]
    thread.join()
    later = [{second}] * 3 if removes else [{first, second}, *[{first, second, outcome[0]}] * 2]
    assert shown[:2] == [{first, second}] * 2 and shown[3:] == later
    assert set(session.states) == later[-1]


def test_a_new_run_does_not_begin_while_another_thread_is_at_work(
    model: Sam3, clip: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = opened(model, clip, replace(POLICY, hot_start=2))
    session.add("dog")
    thread, outcome = meanwhile(session, 0, session.run, monkeypatch)  # the first frame has another to wait for
    assert len(list(session.run())) == FRAMES
    thread.join()
    assert isinstance(outcome[0], ValueError) and "Leave its loop first" in str(outcome[0])
    assert len(list(session.run())) == FRAMES


def test_a_thread_that_wants_its_turn_back_waits_behind_others() -> None:
    turns, order, waits = Turns(), [], threading.Event()

    def other() -> None:
        waits.set()
        with turns.taken():
            order.append("other")

    thread = threading.Thread(target=other)
    with turns.taken():
        thread.start()
        waits.wait(60)
        while not turns._queue.locked():
            pass
    with turns.taken():
        order.append("first again")
    thread.join()
    assert order == ["other", "first again"]
