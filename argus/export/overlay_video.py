"""A clip with masks, ids and labels drawn on its frames."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from argus.export.draw import draw
from argus.export.pyav import import_av
from argus.export.sink import Clip, Sink
from argus.types import TrackedFrame

ENCODERS = ("libx264", "mpeg4")  # the first that there is
UNIT_S = Fraction(1, 60000)  # of times: mpeg4 has no finer ones
NOMINAL_RATE = 25.0
BITS_A_PIXEL = 0.3  # of mpeg4, which has no constant quality
SEEK_S = 2  # between frames that a player can jump to


class OverlayVideo(Sink):
    """`NAME.overlay.mp4`, H.264 (MPEG-4 where there is no encoder for it), with each frame at its own time.

    A frame that is not later than the one before, as in a run backwards, is shown after it for the time that a frame
    takes on the average. Odd heights and widths grow by a row or column, which repeats the last. Without a frame there
    is no file. Raises ModuleNotFoundError without PyAV.
    """

    def __init__(self, path: Path, clip: Clip) -> None:
        super().__init__(clip, path)
        self._av = import_av()
        self._container: Any = None
        self._stream: Any = None
        self._concepts: dict[str, None] = {}
        self._start_s = 0.0
        self._last: int | None = None  # in units of UNIT_S
        path.unlink(missing_ok=True)

    def _write(self, frame: TrackedFrame) -> None:
        if self._container is None:
            self._begin(frame)
        self._concepts.update(dict.fromkeys(masklet.concept for masklet in frame.masklets))
        ids = [masklet.id for masklet in frame.masklets]
        drawn = draw(frame.pixels, frame.detections, ids=ids, concepts=list(self._concepts))
        picture = self._av.VideoFrame.from_ndarray(_even(np.asarray(drawn)), format="rgb24")
        picture.pts, picture.time_base = self._time(frame), UNIT_S
        self._container.mux(self._stream.encode(picture))

    def _finish(self) -> None:
        if self._container is not None:
            self._container.mux(self._stream.encode())
            self._container.close()

    def _begin(self, frame: TrackedFrame) -> None:
        # fragments can be played though the file is never finished; when it is, it becomes an ordinary one
        options = {"movflags": "hybrid_fragmented", "flush_packets": "1"}
        self._container = self._av.open(str(self._paths[0]), "w", options=options)
        rate = self._clip.rate or NOMINAL_RATE
        height, width = (side + side % 2 for side in self._clip.size_hw)
        encoder = next(name for name in ENCODERS if _can_encode(self._av, name))
        self._stream = self._container.add_stream(encoder, rate=Fraction(rate).limit_denominator(1001))
        self._stream.height, self._stream.width, self._stream.pix_fmt = height, width, "yuv420p"
        self._stream.codec_context.time_base = UNIT_S
        self._stream.codec_context.gop_size = max(1, round(rate * SEEK_S))
        if encoder == "libx264":
            # without B frames: in fragments they would put off the start
            self._stream.options = {"preset": "veryfast", "crf": "20", "bf": "0"}
        else:
            self._stream.bit_rate = max(200_000, round(BITS_A_PIXEL * height * width * rate))
        self._start_s = frame.time_s

    def _time(self, frame: TrackedFrame) -> int:
        time = round((frame.time_s - self._start_s) / UNIT_S)
        if self._last is not None and time <= self._last:
            time = self._last + round(1 / (UNIT_S * Fraction(self._clip.rate or NOMINAL_RATE)))
        self._last = time
        return time


def _even(pixels: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "H W 3"]:
    height, width = pixels.shape[:2]
    return np.ascontiguousarray(np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge"))


def _can_encode(av: Any, name: str) -> bool:
    try:
        av.Codec(name, "w")
    except (av.error.FFmpegError, ValueError):
        return False
    return True
