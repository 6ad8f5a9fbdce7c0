"""Which frames a run goes through, and in which order."""

from collections.abc import Sequence
from numbers import Integral
from typing import Literal

from argus.inference.session_state import Span
from argus.inference.sources import Video
from argus.inference.sources.frames import BLOCK_BYTES, Frames

Direction = Literal["forward", "backward", "both"]


def planned(
    video: Video, direction: Direction, start: int | None, stop: int | None, picked_in: Sequence[int]
) -> tuple[Span, ...]:
    """The spans of a run, see `VideoSession.run`; `picked_in` are the frames in which objects were picked.

    Raises ValueError for a direction that is none, for frames that are not there, and for a live video other than
    forward.
    """
    if direction not in ("forward", "backward", "both"):
        raise ValueError(f'Expected "forward", "backward" or "both", got {direction!r}.')
    frames = video.frames
    for name, value, most in (("start", start, None if frames is None else frames - 1), ("stop", stop, frames)):
        if value is None:
            continue
        if not isinstance(value, Integral) or isinstance(value, bool):
            raise ValueError(f"Expected {name} as the index of a frame (0, 1, ...), got {value!r}.")
        if value < 0 or (most is not None and value > most):
            raise ValueError(f"Expected {name} in 0..{most}, got {value}: {video.name} has {frames} frames.")
    if direction == "forward":
        return (_checked(start or 0, stop),)
    if video.live or frames is None:
        raise ValueError(f"Expected a video that can be read again to run {direction}, got a live one.")
    if direction == "backward":
        return (_checked(frames - 1 if start is None else start, stop, reverse=True),)
    first = start if start is not None else min(picked_in, default=0)
    back = (Span(start=int(first) - 1, stop=None, reverse=True),) if first else ()
    return (_checked(first, stop), *back)


def _checked(start: int, stop: int | None, reverse: bool = False) -> Span:
    span = Span(start=int(start), stop=None if stop is None else int(stop), reverse=reverse)
    if span.stop is not None and (span.stop > span.start if span.reverse else span.stop < span.start):
        side = "at most" if span.reverse else "at least"
        raise ValueError(f"Expected stop {side} {span.start}, where the run starts, got {span.stop}.")
    return span


def finished(span: Span, frames: int | None) -> bool:
    """Whether nothing is left of a span of a video of so many frames (None: nobody knows)."""
    if span.reverse:
        return span.start <= (-1 if span.stop is None else span.stop)
    end = frames if span.stop is None else span.stop
    return end is not None and span.start >= end


def backward_block(video: Video, limit_bytes: int) -> int:
    """How many frames are decoded together to go backward: 4 at least, else as many as fit; 0 for a live video."""
    if video.live or video.frames is None:
        return 0
    fit = min(limit_bytes, BLOCK_BYTES) // (3 * video.size_hw[0] * video.size_hw[1])
    return min(max(4, fit), video.frames)


def read(video: Video, span: Span, block: int) -> Frames:
    """The frames of a span, those of one in reverse `block` by block."""
    if not span.reverse:
        yield from video.read(span.start, span.stop)
        return
    first = 0 if span.stop is None else span.stop + 1
    for end in range(span.start + 1, first, -block):
        yield from video.read(max(first, end - block), end, reverse=True)
