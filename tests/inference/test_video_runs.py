"""What a session keeps through runs that are broken off, mended, repeated or reversed, and what it lets go."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from argus.inference.budget import object_bytes
from argus.inference.sources import Frame
from argus.model.sam3 import Features, Sam3
from argus.types import MaskletState
from tests.inference.test_video import BOX, FRAMES, OTHER, POLICY, SIZE_HW, clip, model, opened
from tests.train import toys

__all__ = ["clip", "model"]  # fixtures


def test_a_box_and_a_phrase_in_half_precision(clip: np.ndarray) -> None:
    torch.manual_seed(0)
    half = toys.tiny_tracker_model().eval().to(torch.bfloat16)
    policy = replace(POLICY, recondition_every=2, recondition_score=0.0, recondition_iou=0.0)
    session = opened(half, clip, policy)
    session.add("dog", boxes=[BOX], frame=1)
    picked, given = session.add(box=BOX), session.add(mask=np.eye(*SIZE_HW, dtype=bool) | np.tri(*SIZE_HW, dtype=bool))
    frames = list(session.run())
    assert {picked, given} < {one.id for frame in frames for one in frame.masklets}
    session.add(points=[[20, 20]], labels=[0], frame=3, masklet=picked)
    assert len(list(session.run(start=0))) == FRAMES


def test_a_frame_is_encoded_once_for_all_that_was_asked_there(
    model: Sam3, clip: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = opened(model, clip)
    ids = [session.add(box=BOX), session.add(box=OTHER)]
    for id in ids:
        session.add(box=BOX, frame=4, masklet=id)
    session.add(box=OTHER, frame=5)  # has not begun before: need not be looked at
    encoded, encode = [], session._encode

    def noted(frame: Frame) -> Features:
        encoded.append(frame.index)
        return encode(frame)

    monkeypatch.setattr(session, "_encode", noted)
    list(session.run())
    assert encoded == [4, *range(FRAMES)]


def test_a_correction_of_a_frame_gone_by_keeps_the_newest_memories(model: Sam3, clip: np.ndarray) -> None:
    session = opened(model, clip)
    picked = session.add(box=BOX)
    for frame in session.run():
        if frame.index == 4:
            before = set(session._state.objects[0].bank.tracked)
            session.add(points=[[20, 30]], labels=[1], frame=1, masklet=picked)
    (one,) = session._state.objects
    assert set(one.bank.prompted) == {0, 1} and before - {1} < set(one.bank.tracked)


def test_the_last_frames_that_wait_are_shown_by_the_next_run(model: Sam3, clip: np.ndarray) -> None:
    session = opened(model, clip, replace(POLICY, hot_start=3))
    session.add("dog")
    shown = []
    for frame in session.run():
        shown.append(frame.index)
        if frame.index == 4:
            break
    assert [*shown, *(frame.index for frame in session.run())] == list(range(FRAMES))
    assert [frame.index for frame in session.run()] == list(range(FRAMES))


def test_a_run_whose_frames_were_all_taken_is_over(model: Sam3, clip: np.ndarray) -> None:
    session = opened(model, clip)
    session.add(box=BOX)
    run = session.run()
    for _ in range(FRAMES):
        next(run)
    assert len(list(session.run())) == FRAMES


def test_a_run_in_both_directions_goes_on_as_such_and_only_then(model: Sam3, clip: np.ndarray) -> None:
    session = opened(model, clip)
    session.add(box=BOX, frame=2)
    assert next(session.run()).index == 0
    assert next(session.run("both")).index == 2
    assert [frame.index for frame in session.run("both")] == [3, 4, 5, 1, 0]


def test_a_new_run_ends_the_one_before(model: Sam3) -> None:
    session = opened(model, (np.full((*SIZE_HW, 3), index, np.uint8) for index in range(20)))
    session.add(box=BOX)
    first = session.run()
    assert [next(first).index for _ in range(2)] == [0, 1]
    second = session.run()
    assert next(second).index == 2 and list(first) == []
    assert [frame.index for frame in second] == list(range(3, 20))


def test_what_is_asked_at_the_end_needs_a_frame_and_a_phrase_does_not(model: Sam3, clip: np.ndarray) -> None:
    session = opened(model, clip)
    session.add(box=BOX)
    for frame in session.run():
        if frame.index == FRAMES - 1:
            with pytest.raises(ValueError, match=r"a frame in 0\.\.5, got 6"):
                session.add(box=OTHER)
            session.add("dog")
    assert len(session._state.objects) == 1


def test_a_frame_that_cannot_be_decoded_cannot_be_asked_about(model: Sam3, tmp_path: Path) -> None:
    for index in range(4):
        path = tmp_path / f"{index}.png"
        Image.fromarray(np.full((*SIZE_HW, 3), 40 * index, np.uint8)).save(path)
    path = tmp_path / "2.png"
    path.write_bytes(path.read_bytes()[:60])
    session = opened(model, tmp_path)
    with pytest.raises(ValueError, match=r"frame 2 of .*could not be decoded"):
        session.add(box=BOX, frame=2)
    session.add(box=BOX, frame=1)
    assert [(frame.index, len(frame.masklets)) for frame in session.run("both")] == [(1, 1), (3, 1), (0, 1)]


def test_masklets_and_objects_together_are_at_most_as_many_as_set(model: Sam3, clip: np.ndarray) -> None:
    session = opened(model, clip, replace(POLICY, max_objects=2, detection_nms=None, birth_iou=1.0))
    session.add(box=BOX)
    session.add("dog")
    for _ in session.run():
        assert len(session._state.objects) <= 2
    assert session.dropped


def test_little_is_kept_of_masklets_that_are_gone(model: Sam3, clip: np.ndarray) -> None:
    never = replace(POLICY, match_iou=1.0, hot_start=3, hot_start_unmatched=2)
    session = opened(model, np.concatenate([clip] * 3), never)
    session.add("dog")
    list(session.run())
    assert session._state.next_id > 6
    assert set(session._history.last_seen) <= {one.id for one in session._state.objects}


def test_a_later_run_lets_nobody_go_who_has_not_begun(model: Sam3, clip: np.ndarray) -> None:
    enough = int((10 * SIZE_HW[0] * SIZE_HW[1] * 3 + 2.5 * object_bytes(model, 16)) * 64 / 63)
    policy = replace(POLICY, keep_alive=1, detection_nms=None, birth_iou=1.0)
    session = opened(model, clip, policy, memory=enough)
    session.add("dog")
    list(session.run(start=4))
    ids = {one.id for one in session._state.objects}
    assert len(ids) == 2
    list(session.run(start=0, stop=2))
    assert ids <= {one.id for one in session._state.objects}


def test_a_track_made_anew_reads_no_frame_far_from_its_start(model: Sam3) -> None:
    clip = np.random.default_rng(0).integers(0, 255, (40, *SIZE_HW, 3), dtype=np.uint8)
    session = opened(model, clip)
    session.add(box=BOX, frame=2)
    for frame in session.run("both"):
        if frame.index == 1:
            break
    (one,) = session._state.objects
    assert set(one.bank.tracked) == {1}


def test_a_session_that_cannot_be_saved_leaves_the_older_file(
    model: Sam3, clip: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = opened(model, clip)
    session.add(box=BOX)
    session.save(tmp_path / "session.pt")

    def full(values: object, path: Path) -> None:
        path.write_bytes(b"part")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space left"):
        session.save(tmp_path / "session.pt")
    assert [path.name for path in tmp_path.iterdir()] == ["session.pt"]


def test_going_backward_decodes_no_more_than_is_set_aside(model: Sam3) -> None:
    session = opened(model, np.zeros((30, *SIZE_HW, 3), np.uint8), memory="3MB")
    session.add(box=BOX)
    assert 4 <= session._block <= max(4, 3e6 / 16 / (SIZE_HW[0] * SIZE_HW[1] * 3))
    spans, read = [], session.video.read

    def noted(start: int, stop: int, reverse: bool) -> Iterator[Any]:
        spans.append(stop - start)
        return read(start, stop, reverse)

    session.video.read = noted  # type: ignore[method-assign, assignment]
    assert [frame.index for frame in session.run("backward", start=25, stop=3)] == list(range(25, 3, -1))
    assert max(spans) == session._block


def test_what_was_removed_is_in_none_of_the_frames_that_wait(model: Sam3, clip: np.ndarray) -> None:
    nobody_withdrawn = replace(POLICY, hot_start=4, hot_start_unmatched=100, hot_start_duplicates=100)
    session = opened(model, clip, nobody_withdrawn)
    dog, picked = session.add("dog"), session.add(box=BOX)
    run = session.run()
    first = next(run)
    dogs = {one.id for one in first.masklets if one.concept == "dog"}
    assert dogs and picked in {one.id for one in first.masklets} and session._state.frame == 3
    session.remove(picked)
    second = {one.id for one in next(run).masklets}
    assert picked not in second and dogs & second
    session.remove(dog)
    session.add(box=OTHER)
    assert not [one for frame in run for one in frame.masklets if one.id in dogs | {picked}]


def test_what_is_confirmed_going_forward_is_so_going_backward(model: Sam3, clip: np.ndarray) -> None:
    """Going back no detection matches: that speaks against masklets on trial alone."""
    policy = replace(POLICY, hot_start=2, hot_start_unmatched=1, hot_start_duplicates=100, match_iou=0.0)
    session = opened(model, clip, policy)
    session.add("dog")
    confirmed, back = set(), []
    for frame in session.run("both", start=3):
        if frame.index == FRAMES - 1:
            confirmed = {id for id, state in session.states.items() if state is MaskletState.confirmed}
            session.policy = replace(policy, match_iou=1.0)
        elif frame.index < 3:
            back.append(frame)
    assert confirmed and [frame.index for frame in back] == [2, 1, 0]
    for frame in back:
        states = {one.id: one.state for one in frame.masklets}
        assert confirmed <= set(states) and all(states[id] is MaskletState.confirmed for id in confirmed)
