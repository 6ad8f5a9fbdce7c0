"""Videos made of pictures: folders, arrays, lists, and animations (GIF, WebP, PNG)."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from argus.inference.preprocess import RgbImage, failures_told, read_image
from argus.inference.sources.frames import NOMINAL_RATE, Frame, Frames, StoredVideo, check_size, size_of

PICTURE_SUFFIXES = {".apng", ".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
LEAST_S, UNTOLD_S = (
    0.011,
    0.1,
)  # frames of an animation that are to be shown for less are shown for 0.1 s, as by browsers


class PictureVideo(StoredVideo):
    """Pictures in a sequence: paths, arrays, PIL images. They tell no times: those are of 25 frames a second."""

    rate = None

    def __init__(self, name: str, pictures: Sequence[Any]) -> None:
        super().__init__()
        self.name, self.frames, self._pictures = name, len(pictures), pictures
        first = next(self._read(0, self.frames), None)
        if first is None:
            why = self.problems[0].reason if self.problems else "there are none."
            raise ValueError(f"Expected a video of one or more pictures, got {name}: {why}")
        self.size_hw = size_of(first.pixels)

    def _forward(self, start: int, stop: int) -> Frames:
        for frame in self._read(start, stop):
            check_size(frame.index, size_of(frame.pixels), self.size_hw, self.name)
            yield frame

    def _read(self, start: int, stop: int) -> Iterator[Frame]:
        """The pictures that can be read, of any size."""
        for index in range(start, stop):
            time_s = index / NOMINAL_RATE
            try:
                yield Frame(index=index, time_s=time_s, pixels=read_picture(self._pictures[index], index, self.name))
            except DamagedFileError as error:
                self._note(index, time_s, str(error))


class AnimationVideo(StoredVideo):
    """An animation that Pillow reads, with the times that its frames tell. Transparency is laid over white."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.name, self._path = str(path), path
        shown_s: list[float] = []
        with failures_told(self.name), Image.open(path) as opened:
            self.frames = getattr(opened, "n_frames", 1)
            self.size_hw = size_of(read_image(opened.copy()))
            for index in range(self.frames):
                with suppress(OSError, SyntaxError, ValueError):  # told when the frame itself is read
                    opened.seek(index)
                    opened.load()  # WebP tells its times no sooner
                shown_s.append(float(opened.info.get("duration") or 0) / 1000)
        times_s = np.cumsum([0.0, *(UNTOLD_S if span < LEAST_S else span for span in shown_s)])
        self._times_s: list[float] = times_s.tolist()
        self.rate = self.frames / self._times_s[-1] if self.frames > 1 else None

    def _forward(self, start: int, stop: int) -> Frames:
        with Image.open(self._path) as opened:
            for index in range(start, stop):
                try:
                    opened.seek(index)
                    pixels = read_image(opened.copy())
                except (OSError, SyntaxError, ValueError) as error:
                    self._note(index, self._times_s[index], f"frame {index} of {self.name}: {error}")
                    continue
                yield Frame(index=index, time_s=self._times_s[index], pixels=pixels)


class DamagedFileError(ValueError):
    """A picture of a video is a file that cannot be read, which does not end the video."""


def read_picture(picture: Any, index: int, name: str) -> RgbImage:
    """The pixels of one picture of a video. Raises ValueError for what is none; DamagedFileError where it is a file."""
    is_file = isinstance(picture, (str, os.PathLike))
    try:
        return read_image(picture)
    except ValueError as error:
        kind = DamagedFileError if is_file else ValueError
        raise kind(f"frame {index} of {name}: {error}") from error


def open_folder(folder: Path) -> PictureVideo:
    """The pictures of a folder in the order of the numbers in their names: 2 before 10."""
    files = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".") and path.is_file()
    ]
    if not files:
        raise ValueError(
            f"Expected a folder of pictures ({', '.join(sorted(PICTURE_SUFFIXES))}), got {folder} without one."
        )
    return PictureVideo(str(folder), sorted(files, key=_natural))


def open_array(array: np.ndarray) -> PictureVideo:
    """The frames of an array (t, h, w, 3) of uint8."""
    if array.ndim != 4 or array.shape[3] != 3 or array.dtype != np.uint8 or 0 in array.shape:
        raise ValueError(
            f"Expected a video as a uint8 array (frames, height, width, 3) of RGB, got {array.dtype} {array.shape}. "
            "For floats 0..1 use (array * 255).round().astype(np.uint8); for (t, 3, h, w) array.transpose(0, 2, 3, 1)."
        )
    return PictureVideo("the array", tuple(array))


def _natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Sorts numbers in names as numbers; the name itself decides between 1.png and 01.png."""
    parts = re.split(r"(\d+)", path.name.casefold())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], path.name
