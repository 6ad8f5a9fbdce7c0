"""Folders laid out as DAVIS has them: frames and the masks of a few objects, to follow from their first mask."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

FRAMES, MASKS = "frames", "masks"
FRAME_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
VOID = 255  # in a PNG of indices: nobody knows


@dataclass(frozen=True, kw_only=True)
class VosSequence:
    """One video and the objects of its first frame: files of all frames in order, and for each its mask file or None.

    `objects` are their values in the mask files; None says that the files are binary, of one object.
    """

    name: str
    frames: tuple[Path, ...]
    masks: tuple[Path | None, ...]
    objects: tuple[int, ...] | None

    @property
    def object_ids(self) -> tuple[int, ...]:
        return (1,) if self.objects is None else self.objects

    def pixels(self) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """The frames as RGB, one after the other."""
        for path in self.frames:
            with Image.open(path) as image:
                yield np.array(image.convert("RGB"))

    def truth(self, frame: int) -> Bool[np.ndarray, "n h w"] | None:
        """The masks of the objects in a frame, None where the folder has none."""
        path = self.masks[frame]
        if path is None:
            return None
        values = _values(path)
        if self.objects is None:
            return values[None] != 0
        return np.stack([values == value for value in self.objects])


def davis_places(folder: str | Path) -> list[tuple[str, Path, Path]]:
    """The name of each sequence of a folder, and the folders of its frames and its masks, for `read_sequence`.

    It holds frames/ and masks/, either with the files of one sequence or with a folder for each; or a folder for each
    sequence, with frames/ and masks/ in it. A mask has the name of its frame and is a PNG: binary (0 and 255, or of one
    bit), or with an index for each object, where 0 and 255 (DAVIS' mark of the unknown) are none. The first frame needs
    one. Raises ValueError for folders of another form.
    """
    root = Path(folder)
    if (root / FRAMES).is_dir():
        names = sorted(path.name for path in (root / FRAMES).iterdir() if path.is_dir())
        places = [(name, root / FRAMES / name, root / MASKS / name) for name in names]
        places = places or [(root.resolve().name, root / FRAMES, root / MASKS)]
    else:
        parents = sorted(path.parent for path in root.glob(f"*/{FRAMES}"))
        places = [(path.name, path / FRAMES, path / MASKS) for path in parents]
    if not places:
        raise ValueError(
            f"Expected {FRAMES}/ and {MASKS}/ in {root}, or in a folder for each sequence there, found neither."
        )
    return places


def read_sequence(name: str, frame_folder: Path, mask_folder: Path) -> VosSequence:
    """One sequence. Raises ValueError where frames or the first mask are missing, or no object is in it."""
    files = (path for path in frame_folder.iterdir() if path.suffix.lower() in FRAME_SUFFIXES)
    frames = tuple(sorted(files, key=_by_number))
    masks = tuple(path if path.exists() else None for path in (mask_folder / f"{f.stem}.png" for f in frames))
    if not frames or masks[0] is None:
        raise ValueError(
            f"Expected frames in {frame_folder}, and in {mask_folder} a PNG named like the first of them, found "
            f"{len(frames)} frames and {sum(mask is not None for mask in masks)} masks, that of the first not among "
            "them."
        )
    first = _values(masks[0])
    present = set(np.unique(first).tolist())
    if not present - {0}:
        raise ValueError(f"Expected an object in the first mask, {masks[0]}, found it empty.")
    binary = first.dtype == bool or present <= {0, VOID}
    return VosSequence(
        name=name,
        frames=frames,
        masks=masks,
        objects=None if binary else tuple(sorted(present - {0, VOID})),
    )


def _by_number(path: Path) -> list[tuple[int, str]]:
    """Order in which 10.jpg comes after 9.jpg."""
    parts = re.findall(r"(\d+)|(\D+)", path.name)
    return [(int(number) if number else -1, text) for number, text in parts]


def _values(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        values = np.array(image)
    if values.ndim != 2:
        raise ValueError(f"Expected a binary or an indexed PNG as a mask, got {path} with {values.shape[2]} channels.")
    return values
