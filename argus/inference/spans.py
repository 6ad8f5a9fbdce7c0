"""Which frames a run goes through, and in which order."""

from collections.abc import Sequence
from typing import Literal

from argus.inference.session_state import Span
from argus.inference.sources import Video

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
        if value is not None and (value < 0 or (most is not None and value > most)):
            raise ValueError(f"Expected {name} in 0..{most}, got {value}: {video.name} has {frames} frames.")
    if direction == "forward":
        return (Span(start=start or 0, stop=stop),)
    if video.live or frames is None:
        raise ValueError(f"Expected a video that can be read again to run {direction}, got a live one.")
    if direction == "backward":
        return (Span(start=frames - 1 if start is None else start, stop=stop, reverse=True),)
    first = start if start is not None else min(picked_in, default=0)
    back = (Span(start=first - 1, stop=None, reverse=True),) if first else ()
    return (Span(start=first, stop=stop), *back)
