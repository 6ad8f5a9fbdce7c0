"""When the frames of a video file are shown, found by reading its packets through without decoding them."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int

from argus.inference.sources.frames import NOMINAL_RATE

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

CUT_SHORT_S = 0.25  # a header may announce so much more than there is without being doubted
_VP8_SHOWN = 0x10  # in the first byte of a packet: others only serve to decode those


@dataclass(frozen=True, kw_only=True, eq=False)
class Timetable:
    """The times of the frames, in the order in which they are shown, and those at which decoding can begin.

    Where the packets tell no times that hold (`is_timed` is false), frames are counted as they come out of the decoder,
    from the first, and are shown at equal distances.
    """

    pts: Int[np.ndarray, "n"]  # in units of `unit_s`, rising
    keys: Int[np.ndarray, "k"]  # indices of frames, rising, the first 0
    unit_s: Fraction
    is_timed: bool
    rate: float | None
    cut: str | None  # what says that the file is not whole

    @property
    def frames(self) -> int:
        return len(self.pts)

    def time_s(self, index: int) -> float:
        return float(int(self.pts[index] - self.pts[0]) * self.unit_s)

    def key_before(self, index: int) -> int:
        """The last frame, up to `index`, at which decoding can begin."""
        return int(self.keys[np.searchsorted(self.keys, index, side="right") - 1])

    def index(self, pts: int | None) -> int | None:
        """The frame that is shown at a time; None where no packet told that time."""
        place = len(self.pts) if pts is None else int(np.searchsorted(self.pts, pts))
        return place if place < len(self.pts) and self.pts[place] == pts else None


@dataclass
class _Scan:
    """What the packets told."""

    times: list[int | None] = field(default_factory=list)  # of packets that show a frame, as they are stored
    key_times: list[int | None] = field(default_factory=list)
    packets: int = 0
    end_s: float = 0.0
    error: str | None = None


def read_timetable(container: "InputContainer", stream: "VideoStream") -> Timetable:
    """Read all packets of the container."""
    scan = _scan(container, stream)
    average = float(stream.average_rate) if stream.average_rate else None
    cut = _cut(scan, container, stream, average)
    times = [time for time in scan.times if time is not None]
    # AVI has no times, only the order in which packets are stored, and H.264 is shown in another
    has_order = container.format.name != "avi" or stream.codec_context.name not in ("h264", "hevc")
    if has_order and len(set(times)) == len(scan.times) and stream.time_base:
        pts = np.array(sorted(times), np.int64)
        keys = np.searchsorted(pts, np.array([time for time in scan.key_times if time is not None], np.int64))
        unit_s, is_timed = Fraction(stream.time_base), True
        rate = (len(pts) - 1) / float(int(pts[-1] - pts[0]) * unit_s) if len(pts) > 1 else average
    else:
        pts, keys, is_timed, rate = np.arange(len(scan.times)), np.zeros(0, np.int64), False, average
        unit_s = 1 / Fraction(stream.average_rate or NOMINAL_RATE)
    return Timetable(
        pts=pts, keys=np.union1d([0], keys).astype(np.int64), unit_s=unit_s, is_timed=is_timed, rate=rate, cut=cut
    )


def _scan(container: "InputContainer", stream: "VideoStream") -> _Scan:
    from av.error import FFmpegError

    scan = _Scan()
    try:
        for packet in container.demux():
            if packet.pts is not None and packet.time_base:
                scan.end_s = max(scan.end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if packet.stream_index != stream.index or (packet.size == 0 and packet.dts is None):
                continue
            scan.packets += 1
            if _shows_a_frame(packet, stream.codec_context.name):
                scan.times.append(packet.pts)
                if packet.is_keyframe:
                    scan.key_times.append(packet.pts)
    except FFmpegError as error:
        scan.error = f"reading stops with: {error.strerror}"
    return scan


def _shows_a_frame(packet: "Packet", codec: str) -> bool:
    if packet.size == 0 or packet.is_discard:
        return False
    return codec != "vp8" or bool(bytes(packet)[0] & _VP8_SHOWN)


def _cut(scan: _Scan, container: "InputContainer", stream: "VideoStream", rate: float | None) -> str | None:
    """Why the file is thought to be cut short, or None."""
    if scan.error is not None:
        return scan.error
    if stream.frames > scan.packets:
        return f"the header announces {stream.frames} frames, the file holds {scan.packets}: it is cut short"
    announced_s = (container.duration or 0) / 1e6
    if "matroska" in container.format.name and announced_s - scan.end_s > max(CUT_SHORT_S, 3 / (rate or NOMINAL_RATE)):
        return f"the header announces {announced_s:.2f} s, the file holds {scan.end_s:.2f} s: it is cut short"
    return None
