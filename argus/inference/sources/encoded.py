"""Video files that PyAV (FFmpeg's libraries) reads: mp4, mov, webm, mkv, avi and others.

Pixels are those of FFmpeg's own conversion to rgb24: swscale, bicubic, with the colour space and range that the stream
tells (BT.601 where it tells none). FFmpeg gives the same when it saves the frames as PNG.
"""

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int, UInt8

from argus.export.pyav import import_av
from argus.inference.preprocess import RgbImage
from argus.inference.sources.frames import Frame, Frames, StoredVideo, size_of
from argus.inference.sources.timetable import read_timetable

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream


class EncodedVideo(StoredVideo):
    """A video file. Opening it reads its packets through once, without decoding: headers may tell nothing, or lie.

    Frames are numbered in the order in which they are shown, by the times of their packets, so that a frame that fails
    to decode leaves the others their numbers. Frames of another size than the first are scaled to it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.name, self._path = str(path), path
        with _opened(path) as (container, stream):
            self._times = read_timetable(container, stream)
        self.frames, self.rate = self._times.frames, self._times.rate
        if not self.frames:
            raise ValueError(f"Expected a video with frames, got {self.name} with none.")
        with closing(self._decoded(0, self.frames)) as decoded:
            first = next(decoded, None)
        if first is None:
            raise ValueError(
                f"Expected a video that can be decoded, got {self.name}, none of whose {self.frames} frames can: "
                f"{self.problems[0].reason}."
            )
        self._geometry = Geometry.of(first[1])
        self.size_hw = size_of(self._geometry.pixels(first[1]))
        if self._times.cut is not None:
            self._note(self.frames, self._times.time_s(self.frames - 1), self._times.cut)

    def _forward(self, start: int, stop: int) -> Frames:
        with closing(self._decoded(start, stop)) as decoded:
            for index, frame in decoded:
                pixels = self._geometry.pixels(frame)
                yield Frame(index=index, time_s=self._times.time_s(index), pixels=pixels)

    def _decoded(self, start: int, stop: int) -> Generator[tuple[int, "VideoFrame"], None, None]:
        """The frames among `start` to `stop` - 1 that can be decoded; of the others it is noted why not."""
        reasons: dict[int, str] = {}
        expected = start
        with closing(self._decoded_about(start, reasons)) as decoded:
            for index, frame in decoded:
                if index < expected:
                    continue
                self._note_all(expected, min(index, stop), reasons)
                if index >= stop:
                    return
                if frame.is_corrupt:
                    self._note(index, self._times.time_s(index), "the frame is damaged")
                yield index, frame
                expected = index + 1
        self._note_all(expected, stop, reasons)

    def _note_all(self, start: int, stop: int, reasons: dict[int, str]) -> None:
        for index in range(start, stop):
            reason = reasons.get(index, "no picture comes out of the decoder")
            self._note(index, self._times.time_s(index), f"the frame cannot be decoded: {reason}")

    def _decoded_about(self, start: int, reasons: dict[int, str]) -> Generator[tuple[int, "VideoFrame"], None, None]:
        """Frames from the last key frame before `start` on; from the first where a seek does not lead there."""
        key = self._times.key_before(start)
        frames = self._decoded_from(key, reasons)
        first = next(frames, None)
        if key and (first is None or first[0] > start):
            frames.close()
            reasons.clear()
            frames = self._decoded_from(0, reasons)
            first = next(frames, None)
        with closing(frames):
            if first is not None:
                yield first
                yield from frames

    def _decoded_from(self, key: int, reasons: dict[int, str]) -> Generator[tuple[int, "VideoFrame"], None, None]:
        """Frames from a key frame on, as they come; `reasons` takes what the decoder says of those that fail."""
        from av.error import FFmpegError

        times, count = self._times, 0
        with _opened(self._path) as (container, stream):
            if key:
                container.seek(int(times.pts[key]), stream=stream)
            for packet in _packets(container, stream):
                try:
                    frames = packet.decode()
                except FFmpegError as error:
                    failed = times.index(packet.pts) if times.is_timed else count
                    reasons[-1 if failed is None else failed] = error.strerror or str(error)
                    count += 1
                    continue
                for frame in frames:
                    index = times.index(frame.pts) if times.is_timed else count
                    count += 1
                    if index is not None:
                        yield index, frame


@dataclass(frozen=True, kw_only=True, eq=False)
class Geometry:
    """The size of a stream's frames as they are coded, and how they are turned: as its first frame tells.

    Others are not asked, since a frame that was asked for its side data is freed late, and memory would grow.
    """

    coded_hw: tuple[int, int]
    matrix: Int[np.ndarray, "9"] | None

    @classmethod
    def of(cls, frame: "VideoFrame") -> "Geometry":
        found: Any = frame.side_data.get("DISPLAYMATRIX")
        matrix = None if found is None else np.frombuffer(found, np.int32).copy()
        return cls(coded_hw=(frame.height, frame.width), matrix=matrix)

    def pixels(self, frame: "VideoFrame") -> RgbImage:
        """RGB of a decoded frame, scaled to the size of the first, and upright."""
        height, width = self.coded_hw
        pixels = frame.to_ndarray(format="rgb24", width=width, height=height, interpolation="BICUBIC")
        return pixels if self.matrix is None else np.ascontiguousarray(_upright(pixels, self.matrix))


def video_stream(container: "InputContainer", name: str) -> "VideoStream":
    """The first stream of pictures that is no cover. Raises ValueError where there is none."""
    from av.stream import Disposition

    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    kinds = sorted({"a cover" if stream.type == "video" else stream.type for stream in container.streams})
    raise ValueError(f"Expected a video, got {name}, which holds {' and '.join(kinds) or 'nothing'} alone.")


def _upright(pixels: RgbImage, matrix: Int[np.ndarray, "9"]) -> UInt8[np.ndarray, "H W 3"]:
    """Turned by quarters and mirrored. A point x, y comes to a x + c y, b x + d y, for the matrix a b . c d . . . ."""
    a, b, c, d = (int(matrix[place]) for place in (0, 1, 3, 4))
    if abs(b) > abs(a):
        pixels, a, d = pixels.transpose(1, 0, 2), c, b
    return pixels[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]


@contextmanager
def _opened(path: Path) -> Iterator[tuple["InputContainer", "VideoStream"]]:
    av = import_av()
    if path.stat().st_size == 0:
        raise ValueError(f"Expected a video, got {path}: the file is empty.")
    try:
        container = av.open(str(path))
    except (av.error.FFmpegError, OSError) as error:
        raise ValueError(
            f"Expected a video (mp4, mov, webm, mkv, avi ...), got {path}: {error.strerror}. It is no video, cut short "
            "or damaged."
        ) from error
    with container:
        if container.format.name == "tty":  # FFmpeg would show the text of a .txt file
            raise ValueError(f"Expected a video, got {path}, which is text.")
        yield container, video_stream(container, str(path))


def _packets(container: "InputContainer", stream: "VideoStream") -> Iterator[Any]:
    """The packets up to where the file can be read, which the timetable has told."""
    from av.error import FFmpegError

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except FFmpegError:
            return
        if packet is None:
            return
        yield packet
