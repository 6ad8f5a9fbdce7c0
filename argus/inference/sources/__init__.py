"""Where frames come from: `open_video` reads files, folders of pictures, arrays, iterators, cameras and streams."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from argus.inference.sources.encoded import EncodedVideo
from argus.inference.sources.frames import NOMINAL_RATE, Frame, Problem, Video, read_ahead
from argus.inference.sources.live import STREAM_PREFIXES, WEBCAM_PREFIX, open_iterable, open_stream, open_webcam
from argus.inference.sources.pictures import PICTURE_SUFFIXES, AnimationVideo, PictureVideo, open_array, open_folder

__all__ = ["NOMINAL_RATE", "Frame", "MissingVideoError", "Problem", "Video", "VideoSource", "open_video", "read_ahead"]

VideoSource: TypeAlias = str | os.PathLike[str] | int | np.ndarray | Iterable[Any] | Video


class MissingVideoError(FileNotFoundError, ValueError):
    """There is no file at the path given for a video."""


def open_video(source: VideoSource) -> Video:
    """Open a video to read frames from: RGB uint8 (height, width, 3), turned upright.

    `source` is

    - a video file (mp4, mov, webm, mkv, avi ...; needs PyAV, the extra `video`), or an animated GIF, WebP or PNG;
    - a folder of pictures, taken in the order of the numbers in their names;
    - an array (frames, height, width, 3) of uint8, or a list of pictures (what `read_image` takes);
    - any other iterable of pictures: live, read once and forward;
    - a camera, as its number or "webcam:0", or the address of a stream (rtsp://, http://, udp:// ...): live too;
    - a `Video`, which is given back.

    Raises ValueError for a file that is missing (a FileNotFoundError too), empty, no video or without a frame that can
    be decoded, and for anything else; ModuleNotFoundError for a video file without PyAV.
    """
    if isinstance(source, Video):
        return source
    if isinstance(source, (str, os.PathLike)):
        return _open_named(os.fspath(source))
    if isinstance(source, int) and not isinstance(source, bool):
        return open_webcam(source)
    if isinstance(source, np.ndarray):
        return open_array(source)
    if isinstance(source, Sequence) and not isinstance(source, (bytes, bytearray, memoryview)):
        return PictureVideo(f"the {type(source).__name__}", source)
    if isinstance(source, Iterable) and not isinstance(source, (bytes, bytearray, memoryview, Mapping)):
        return open_iterable(source)
    raise ValueError(
        "Expected a path, an array (frames, height, width, 3), an iterable of frames, a camera's number or a stream's "
        f"address, got {type(source).__name__}."
    )


def _open_named(name: str) -> Video:
    if name.startswith(STREAM_PREFIXES):
        return open_stream(name)
    if name.startswith(WEBCAM_PREFIX):
        number = name.removeprefix(WEBCAM_PREFIX)
        if not number.isdecimal():
            raise ValueError(f"Expected a camera as {WEBCAM_PREFIX}0, {WEBCAM_PREFIX}1 ..., got {name!r}.")
        return open_webcam(int(number))
    path = Path(name)
    if os.path.isdir(path):
        return open_folder(path)
    if not os.path.exists(path):
        raise MissingVideoError(f"Expected a video, got {name[:300]}: there is none.")
    if path.suffix.lower() in PICTURE_SUFFIXES:
        return AnimationVideo(path)
    return EncodedVideo(path)
