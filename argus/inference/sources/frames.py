"""A frame of a video, what all videos have in common, and the thread that decodes frames ahead."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeAlias, TypeVar

import numpy as np
from jaxtyping import UInt8

NOMINAL_RATE = 25.0  # frames a second, for the times of what tells none
BLOCK_BYTES = 128 << 20  # of pixels that are held at once to read a video backwards
MAX_PROBLEMS = 1000  # a live source may go on for days
PATIENCE_S = 10.0  # how long a thread that is no longer wanted may take to end

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """One frame of a video: RGB, upright. `index` counts from 0, `time_s` from the video's first frame."""

    index: int
    time_s: float
    pixels: UInt8[np.ndarray, "h w 3"]


Frames: TypeAlias = Generator[Frame, None, None]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A frame that could not be decoded, or only with damage; or the frame at which a file is cut short."""

    index: int
    time_s: float
    reason: str


class Video(ABC):
    """Frames to be read one after the other; `open_video` makes one.

    `frames` is None where their number is not known, `rate` (the mean, in frames a second) where no times are. A live
    video is read once and forward: a camera, a stream, an iterator.
    """

    name: str
    frames: int | None
    rate: float | None
    size_hw: tuple[int, int]
    live: bool

    def __init__(self) -> None:
        self._problems: dict[int, Problem] = {}

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was found wrong up to now, by frame."""
        return tuple(self._problems[index] for index in sorted(self._problems))

    @abstractmethod
    def read(self, start: int = 0, stop: int | None = None, reverse: bool = False) -> Frames:
        """Frames `start` to `stop` - 1 (None: to the end), in that order or from the last to the first.

        Frames that cannot be decoded are left out, and their indices with them; `problems` tells. Raises ValueError for
        frames that are not there, and for a live video backwards.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of a camera or a stream. Files are open only while they are read."""

    def _note(self, index: int, time_s: float, reason: str) -> None:
        if len(self._problems) < MAX_PROBLEMS:
            self._problems.setdefault(index, Problem(index=index, time_s=time_s, reason=reason))


class StoredVideo(Video):
    """A video of known length that can be read again, from any frame, and backwards."""

    frames: int
    live = False

    def read(self, start: int = 0, stop: int | None = None, reverse: bool = False) -> Frames:
        end = self.frames if stop is None else stop
        if not 0 <= start <= end <= self.frames:
            raise ValueError(f"Expected frames within 0..{self.frames} of {self.name}, got {start} to {stop}.")
        return self._backward(start, end) if reverse else self._forward(start, end)

    def close(self) -> None:
        pass

    @abstractmethod
    def _forward(self, start: int, stop: int) -> Frames:
        """Frames `start` to `stop` - 1, which are there."""

    def _backward(self, start: int, stop: int) -> Frames:
        """Block by block from the end, each decoded forwards."""
        size = max(4, BLOCK_BYTES // (3 * self.size_hw[0] * self.size_hw[1]))
        for end in range(stop, start, -size):
            block = list(self._forward(max(start, end - size), end))
            while block:
                yield block.pop()


def size_of(pixels: UInt8[np.ndarray, "h w 3"]) -> tuple[int, int]:
    """Height and width."""
    return pixels.shape[0], pixels.shape[1]


def check_size(index: int, size_hw: tuple[int, int], first_hw: tuple[int, int], name: str) -> None:
    """Raises ValueError where a frame is not of the size of the first."""
    if size_hw != first_hw:
        raise ValueError(
            f"Expected frames of one size, got frame {index} of {name} of {size_hw} (height, width) after {first_hw}. "
            "Resize them, or take the parts as videos of their own."
        )


def read_ahead(items: Iterator[T], count: int, newest: bool = False) -> Generator[T, None, None]:
    """The same items, taken by a thread that is up to `count` ahead.

    `newest`: where the consumer is slower, the oldest ones that wait are dropped. What the thread meets is raised here.
    It ends with the items, or when this generator is closed, and closes `items` if that is a generator.
    """
    waiting: Queue[tuple[T | None, BaseException | None]] = Queue(max(1, count))
    stopped = Event()
    thread = Thread(target=_fill, args=(items, waiting, stopped, newest), daemon=True, name="argus read ahead")
    thread.start()
    try:
        while True:
            item, error = waiting.get()
            if error is not None:
                raise error
            if item is None:
                return
            yield item
    finally:
        stopped.set()
        thread.join(PATIENCE_S)


def _fill(
    items: Iterator[T], waiting: Queue[tuple[T | None, BaseException | None]], stopped: Event, newest: bool
) -> None:
    error: BaseException | None = None
    try:
        for item in items:
            _put(waiting, (item, None), stopped, newest)
            if stopped.is_set():
                break
    except BaseException as met:  # of any kind: the consumer is to hear of it
        error = met
    finally:
        if isinstance(items, Generator):
            items.close()
    _put(waiting, (None, error), stopped, newest=False)


def _put(
    waiting: Queue[tuple[T | None, BaseException | None]],
    entry: tuple[T | None, BaseException | None],
    stopped: Event,
    newest: bool,
) -> None:
    while not stopped.is_set():
        try:
            return waiting.put(entry, timeout=0.0 if newest else 0.05)
        except Full:
            if newest:
                _drop_one(waiting)


def _drop_one(waiting: Queue[tuple[T | None, BaseException | None]]) -> None:
    with suppress(Empty):  # where the consumer was quicker
        waiting.get_nowait()
