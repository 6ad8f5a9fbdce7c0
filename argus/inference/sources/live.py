"""Videos that are read once and forward: cameras, addresses of streams, and any iterable of frames."""

import sys
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sized
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias

from argus.export.pyav import import_av
from argus.inference.preprocess import RgbImage
from argus.inference.sources.encoded import Geometry, video_stream
from argus.inference.sources.frames import NOMINAL_RATE, Frame, Frames, Video, check_size, read_ahead, size_of
from argus.inference.sources.pictures import DamagedFileError, read_picture

if TYPE_CHECKING:
    from av.container import InputContainer

KEPT = 8  # frames that can be read again
TIMEOUT_S = 10.0
STREAM_PREFIXES = ("rtsp://", "rtsps://", "http://", "https://", "rtmp://", "udp://", "tcp://", "srt://")
WEBCAM_PREFIX = "webcam:"

Timed: TypeAlias = tuple[float | None, RgbImage]  # seconds, where they are known


class LiveVideo(Video):
    """Frames as they come. They are numbered as they are read; times count from the first frame.

    The last 8 frames are kept, so that reading can go on where a consumer that reads ahead has broken off.
    """

    live = True

    def __init__(self, name: str, rate: float | None = None, frames: int | None = None) -> None:
        super().__init__()
        self.name, self.rate, self.frames = name, rate, frames
        self._source: Generator[Timed, None, None] = _nothing()
        self._kept: deque[Frame] = deque(maxlen=KEPT)
        self._next, self._start_s = 0, 0.0

    def begin(self, source: Generator[Timed, None, None]) -> "LiveVideo":
        """Take the frames from `source`, waiting for the first of them. Raises ValueError where there is none."""
        self._source = source
        first = next(source, None)
        if first is None:
            raise ValueError(f"Expected a video with frames, got {self.name} with none.")
        self._start_s = first[0] or 0.0
        self.size_hw = size_of(first[1])
        self._keep(first)
        return self

    def read(self, start: int = 0, stop: int | None = None, reverse: bool = False) -> Frames:
        if reverse:
            raise ValueError(f"Expected to read {self.name} forward, got reverse: a live video cannot go back.")
        oldest = self._next - len(self._kept)
        if start < oldest or (stop is not None and stop < start):
            raise ValueError(
                f"Expected frames from {oldest} on of the live video {self.name}, got {start} to {stop}: earlier ones "
                "have gone by."
            )
        return self._read(start, stop)

    def close(self) -> None:
        self._source.close()

    def note(self, reason: str) -> None:
        """A frame could not be had. It takes no number: the next one comes in its place."""
        self._note(self._next, self._kept[-1].time_s if self._kept else 0.0, reason)

    def _read(self, start: int, stop: int | None) -> Frames:
        for index in count(start) if stop is None else range(start, stop):
            while index >= self._next:
                timed = next(self._source, None)
                if timed is None:
                    return
                self._keep(timed)
            yield self._kept[index - self._next]

    def _keep(self, timed: Timed) -> None:
        seconds, pixels = timed
        check_size(self._next, size_of(pixels), self.size_hw, self.name)
        time_s = self._next / NOMINAL_RATE if seconds is None else seconds - self._start_s
        self._kept.append(Frame(index=self._next, time_s=time_s, pixels=pixels))
        self._next += 1


def open_iterable(frames: Iterable[Any]) -> LiveVideo:
    """Arrays, PIL images or paths, one after the other. They tell no times: those are of 25 frames a second."""
    known = len(frames) if isinstance(frames, Sized) else None
    video = LiveVideo(f"the {type(frames).__name__}", frames=known)
    return video.begin(_of_iterable(frames, video))


def open_stream(address: str) -> LiveVideo:
    """A stream at an address. Where it goes on without end, frames that come while others are at work are dropped."""
    over_tcp = {"rtsp_transport": "tcp"} if address.startswith("rtsp") else {}
    return _open_live(address, address, format_name=None, options=over_tcp)


def open_webcam(number: int) -> LiveVideo:
    """A camera of this machine, from 0. Frames that come while others are at work are dropped."""
    ways = {"linux": ("v4l2", f"/dev/video{number}"), "darwin": ("avfoundation", str(number))}
    if sys.platform not in ways or number < 0:
        raise ValueError(
            f"Expected a webcam 0, 1 ... on Linux or macOS, got {number} on {sys.platform}. Pass an iterator of its "
            "frames instead."
        )
    format_name, file = ways[sys.platform]
    return _open_live(f"{WEBCAM_PREFIX}{number}", file, format_name=format_name, options={})


def _open_live(name: str, file: str, format_name: str | None, options: dict[str, str]) -> LiveVideo:
    av = import_av()
    try:
        container = av.open(file, format=format_name, options=options, timeout=TIMEOUT_S)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise ValueError(f"Expected a video at {name}, got none: {error}.") from error
    rate = video_stream(container, name).average_rate
    video = LiveVideo(name, rate=float(rate) if rate else None)
    decoded = _of_container(container, video)
    return video.begin(decoded if container.duration else read_ahead(decoded, 1, newest=True))


def _of_iterable(frames: Iterable[Any], video: LiveVideo) -> Generator[Timed, None, None]:
    for index, picture in enumerate(frames):
        try:
            yield None, read_picture(picture, index, video.name)
        except DamagedFileError as error:
            video.note(str(error))


def _of_container(container: "InputContainer", video: LiveVideo) -> Generator[Timed, None, None]:
    from av.error import FFmpegError

    geometry = None
    with container:
        stream = video_stream(container, video.name)
        packets: Iterator[Any] = container.demux(stream)
        while (packet := _next_packet(packets, video)) is not None:
            try:
                frames = packet.decode()
            except FFmpegError as error:
                video.note(f"a frame cannot be decoded: {error.strerror}")
                continue
            for frame in frames:
                geometry = geometry or Geometry.of(frame)
                yield frame.time, geometry.pixels(frame)


def _next_packet(packets: Iterator[Any], video: LiveVideo) -> Any:
    """None at the end, and where the stream breaks off, which is noted."""
    from av.error import FFmpegError

    try:
        return next(packets, None)
    except FFmpegError as error:
        video.note(f"the stream breaks off: {error.strerror}")
        return None


def _nothing() -> Generator[Timed, None, None]:
    yield from ()
