"""Write found objects to files: COCO JSON, YOLO-seg text, LabelMe JSON, PNG masks, a drawn overlay."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from argus.export.coco import CocoResult, Objects, coco_results, concepts_in_order, write_coco
from argus.export.draw import draw
from argus.export.files import write_labelme, write_masks, write_yolo

__all__ = [
    "FORMATS",
    "CocoResult",
    "Objects",
    "coco_results",
    "concepts_in_order",
    "draw",
    "save",
    "write_coco",
    "write_labelme",
    "write_masks",
    "write_yolo",
]

FORMATS = ("coco", "yolo", "labelme", "png", "overlay")


def save(
    objects: Objects,
    folder: Path,
    formats: Sequence[str],
    *,
    image: Image.Image | np.ndarray | None = None,
    stem: str = "image",
    file_name: str | None = None,
) -> list[Path]:
    """Write the objects of one image in each of `formats` and return the paths written.

    - "coco": `stem.coco.json`; "labelme": `stem.json`; "overlay": `stem.overlay.png` (needs `image`)
    - "yolo": `stem.txt` and `classes.txt`, which is kept and extended where it is already there
    - "png": `stem.masks/000-concept.png`, 0 or 255, one an object, since masks may overlap

    `file_name` is what the files say the image is called (default: `stem.jpg`). The folder is made. Raises ValueError
    for an unknown format, and for an overlay without an image or of an image of another size.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise ValueError(f"Expected formats of {', '.join(FORMATS)}, got {', '.join(unknown)}.")
    if "overlay" in formats and image is None:
        raise ValueError("Expected image=... for the overlay, got none: pass the picture, or leave out 'overlay'.")
    folder.mkdir(parents=True, exist_ok=True)
    file_name = file_name or f"{stem}.jpg"
    written: list[Path] = []
    for name in dict.fromkeys(formats):
        written += _write(objects, folder, name, image, stem, file_name)
    return written


def _write(
    objects: Objects, folder: Path, name: str, image: Image.Image | np.ndarray | None, stem: str, file_name: str
) -> list[Path]:
    if name == "coco":
        path = folder / f"{stem}.coco.json"
        write_coco(path, [(file_name, objects)])
        return [path]
    if name == "yolo":
        return write_yolo(folder, stem, objects)
    if name == "labelme":
        path = folder / f"{stem}.json"
        write_labelme(path, file_name, objects)
        return [path]
    if name == "png":
        return write_masks(folder / f"{stem}.masks", objects)
    assert image is not None
    path = folder / f"{stem}.overlay.png"
    draw(image, objects).save(path)
    return [path]
