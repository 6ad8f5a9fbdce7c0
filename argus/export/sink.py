"""What writes a tracked video to files, frame by frame."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType

from argus.types import TrackedFrame


@dataclass(frozen=True, kw_only=True)
class Clip:
    """What a video is: a name for its files, frames a second and number of frames (None: unknown), and size."""

    name: str
    rate: float | None
    size_hw: tuple[int, int]
    frames: int | None


class Sink(ABC):
    """Takes the frames of a clip, each once, in any order, and keeps none of them in memory.

    As a context manager it closes itself, also where a run breaks off: the files then hold what was written.
    """

    def __init__(self, clip: Clip, *paths: Path) -> None:
        self._clip, self._paths = clip, paths
        self._is_open = True

    @property
    def paths(self) -> list[Path]:
        """The files and folders that are there; all that will be, once the sink is closed."""
        return [path for path in self._paths if path.exists()]

    def write(self, frame: TrackedFrame) -> None:
        """Take a frame. Raises ValueError for one of another size than the clip's, and after `close`."""
        size_hw = frame.pixels.shape[:2]
        if size_hw != self._clip.size_hw:
            raise ValueError(
                f"Expected frames of {self._clip.size_hw} (height, width), got frame {frame.index} of {size_hw}."
            )
        if not self._is_open:
            raise ValueError(f"Expected frames before the files are closed, got frame {frame.index} after that.")
        self._write(frame)

    def close(self) -> None:
        """Finish the files. Closing again does nothing."""
        if self._is_open:
            self._is_open = False
            self._finish()

    @abstractmethod
    def _write(self, frame: TrackedFrame) -> None: ...

    @abstractmethod
    def _finish(self) -> None: ...

    def __enter__(self) -> "Sink":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Spool:
    """Lines of text that wait on disk until a document can be written."""

    def __init__(self, folder: Path) -> None:
        self._file = TemporaryFile("w+b", dir=folder)  # noqa: SIM115  # open as long as the sink
        self._end = 0

    def add(self, line: str) -> int:
        """Keep a line; returns where it is."""
        content = line.encode() + b"\n"
        self._file.seek(self._end)
        self._file.write(content)
        start, self._end = self._end, self._end + len(content)
        return start

    def line(self, start: int) -> str:
        self._file.seek(start)
        return self._file.readline().decode().rstrip("\n")

    def lines(self) -> Iterator[str]:
        self._file.seek(0)
        return (content.decode().rstrip("\n") for content in self._file)

    def close(self) -> None:
        self._file.close()
