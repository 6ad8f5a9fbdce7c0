"""What a video session is, beside its model and its video: plain values that can be saved."""

from collections import deque
from dataclasses import dataclass, field, replace

from argus.inference import association
from argus.inference.follow import Concept, Followed
from argus.inference.policy import VideoPolicy
from argus.inference.sources import Frame
from argus.model.memory_bank import POINTERS, MemoryBank
from argus.ops.rle import Rle


@dataclass(frozen=True, kw_only=True)
class Span:
    """Frames still to go through: from `start`, to before `stop` (None: to the end), forward or in reverse. A `fresh`
    one has not begun."""

    start: int
    stop: int | None
    reverse: bool = False
    fresh: bool = True


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """One masklet of a frame that waits for the end of its hot start; its state is settled when it is shown."""

    id: int
    concept: str
    rle: Rle
    score: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Waiting:
    """A frame that is done and waits to be shown."""

    frame: Frame
    shown: tuple[Shown, ...]


@dataclass(kw_only=True, eq=False)
class State:
    """All that a session is, beside its model and video."""

    concepts: dict[int, Concept] = field(default_factory=dict)
    objects: tuple[Followed, ...] = ()
    next_id: int = 1
    plan: tuple[Span, ...] = ()
    waiting: deque[Waiting] = field(default_factory=deque)
    exited: set[int] = field(default_factory=set)
    dropped: int = 0
    frame: int = -1  # the last one that was done
    reverse: bool = False
    direction: str = "forward"  # that was asked for last


def anew(one: Followed, span: Span, policy: VideoPolicy, state: State) -> Followed:
    """An object as it was before a run through `span`, with all that was asked of it. Of tracked frames only those near
    the start stay: a later one would be read as if it were the last. One that came through its hot start up to where
    the session stands has been shown to people as confirmed, and is not put on trial again."""
    before = (lambda f: f > span.start) if span.reverse else (lambda f: f < span.start)
    bank = MemoryBank(
        prompted={f: entry for f, entry in one.bank.prompted.items() if f in one.asked or before(f)},
        tracked={f: e for f, e in one.bank.tracked.items() if before(f) and abs(f - span.start) <= POINTERS},
    )
    first = (max if span.reverse else min)(one.asked)
    track = replace(
        one.track,
        first=first,
        keep_alive=policy.keep_alive,
        confirmed=not association.in_hot_start(one.track, state.frame, policy, state.reverse),
        unmatched=0,
        shared={},
        hidden=None,
    )
    return replace(one, bank=bank, track=track)
