"""Pictures of a tracked video: DAVIS' indexed masks, a frame a file, and cut-out objects."""

import json
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from argus.export.draw import PALETTE
from argus.export.files import slug
from argus.export.sink import Clip, Sink
from argus.ops import rle
from argus.types import TrackedFrame

MAX_INDEXED = 255


class Davis(Sink):
    """`NAME.davis/00000.png` and so on, each pixel the number of its object, 0 where there is none; and `ids.json`,
    which gives for each number the masklet's id and concept.

    Objects are numbered from 1 as they appear. Where masks overlap, the better score has the pixel. A frame that holds
    a number above 255 is grey of 16 bits, since a palette ends there.
    """

    def __init__(self, folder: Path, clip: Clip) -> None:
        super().__init__(clip, folder)
        self._folder = _emptied(folder, "[0-9]*.png")
        self._numbers: dict[int, int] = {}
        self._told: dict[str, dict[str, object]] = {}
        self._tell()

    def _write(self, frame: TrackedFrame) -> None:
        for masklet in frame.masklets:
            if masklet.id not in self._numbers:
                number = self._numbers[masklet.id] = len(self._numbers) + 1
                self._told[str(number)] = {"id": masklet.id, "concept": masklet.concept}
                self._tell()
        canvas = np.zeros(self._clip.size_hw, np.uint16)
        for masklet in sorted(frame.masklets, key=lambda masklet: masklet.score):
            top, left, inside = rle.decode_window(masklet.rle)
            window = canvas[top : top + inside.shape[0], left : left + inside.shape[1]]
            window[inside] = self._numbers[masklet.id]
        _indexed(canvas).save(self._folder / f"{frame.index:05d}.png")

    def _tell(self) -> None:
        (self._folder / "ids.json").write_text(json.dumps(self._told, ensure_ascii=False), encoding="utf-8")

    def _finish(self) -> None:
        pass  # each frame is whole when it is written


class Cutouts(Sink):
    """`NAME.cutouts/003-dog/00012.png`: masklet 3 in frame 12, cut out to its box, transparent around its mask."""

    def __init__(self, folder: Path, clip: Clip) -> None:
        super().__init__(clip, folder)
        self._folder = _emptied(folder, "[0-9]*-*/[0-9]*.png")

    def _write(self, frame: TrackedFrame) -> None:
        for masklet in frame.masklets:
            top, left, inside = rle.decode_window(masklet.rle)
            if not inside.size:
                continue
            colours = frame.pixels[top : top + inside.shape[0], left : left + inside.shape[1]]
            opacity = np.where(inside, 255, 0).astype(np.uint8)[..., None]
            folder = self._folder / f"{masklet.id:03d}-{slug(masklet.concept)}"
            folder.mkdir(exist_ok=True)
            Image.fromarray(np.concatenate([colours, opacity], axis=2)).save(folder / f"{frame.index:05d}.png")

    def _finish(self) -> None:
        pass


def _indexed(canvas: np.ndarray) -> Image.Image:
    if canvas.max(initial=0) > MAX_INDEXED:
        return Image.fromarray(canvas)  # uint16, grey of 16 bits
    picture = Image.fromarray(canvas.astype(np.uint8), "P")
    colours = [PALETTE[number % len(PALETTE)] for number in range(MAX_INDEXED)]
    picture.putpalette([0, 0, 0, *(value for colour in colours for value in colour)])
    return picture


def _emptied(folder: Path, pattern: str) -> Path:
    """The folder, without the pictures of an earlier run, so that none passes for one of this."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in list(folder.glob(pattern)):
        old.unlink()
        if old.parent != folder:
            with suppress(OSError):  # it holds something else
                old.parent.rmdir()
    return folder
