"""What a video session is, beside its model and its video: plain values that can be saved."""

from collections import deque
from dataclasses import dataclass, field

from argus.inference.follow import Concept, Followed
from argus.inference.sources import Frame
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
    withdrawn: set[int] = field(default_factory=set)
    exited: set[int] = field(default_factory=set)
    dropped: int = 0
    frame: int = -1  # the last one that was done
    reverse: bool = False
