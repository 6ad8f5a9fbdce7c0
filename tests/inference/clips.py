"""Tiny clips, written where a test asks for them, and ways to damage them."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

RATE = 25
SIZE = (48, 64)


def pictures(count: int, size_hw: tuple[int, int] = SIZE) -> np.ndarray:
    """Frames that tell their index by their colour, each with a bright corner at the top left."""
    frames = np.zeros((count, *size_hw, 3), np.uint8)
    for index in range(count):
        frames[index, ..., 0] = 40 + index * 8 % 200
        frames[index, ..., 2] = 200 - index * 5 % 200
        frames[index, : size_hw[0] // 3, : size_hw[1] // 3] = 255
    return frames


def write_clip(
    path: Path,
    frames: np.ndarray,
    *,
    codec: str = "libx264",
    times: list[int] | None = None,
    rotation: int = 0,
    mirrored: bool = False,
    options: dict[str, str] | None = None,
    b_frames: int = 2,
) -> Path:
    """Write frames with a key frame every 6; `times` are in 1/1000 s (default: 25 frames a second)."""
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = 6
        if codec == "libx264":
            stream.codec_context.max_b_frames = b_frames
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if rotation or mirrored:
            stream.set_display_rotation(rotation, hflip=mirrored)
        for index, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = index if times is None else times[index]
            frame.time_base = Fraction(1, RATE if times is None else 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_sound(path: Path, cover: bool = False) -> Path:
    """A file that holds sound, with a cover picture or without, and no video."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        if cover:
            picture = container.add_stream("mjpeg", rate=RATE)
            picture.height, picture.width, picture.pix_fmt = (*SIZE, "yuvj420p")
            picture.disposition = Disposition.attached_pic
            container.mux(picture.encode(av.VideoFrame.from_ndarray(pictures(1)[0], format="rgb24")))
            container.mux(picture.encode())
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate, frame.pts = 8000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def damage(path: Path, packet: int) -> None:
    """Overwrite the end of one packet, counted as they are stored."""
    with av.open(str(path)) as container:
        places = [(found.pos, found.size) for found in container.demux(video=0) if found.size]
    position, size = places[packet]
    content = bytearray(path.read_bytes())
    content[position + size // 3 : position + size] = b"\xff" * (size - size // 3)
    path.write_bytes(content)


def cut(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def decoded(path: Path) -> np.ndarray:
    """All frames, by PyAV alone."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
