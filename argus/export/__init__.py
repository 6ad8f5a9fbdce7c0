"""Write found objects to files: COCO JSON, YOLO-seg text, LabelMe JSON, PNG masks, a drawn overlay."""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from argus.export.coco import CocoResult, Objects, coco_results, concepts_in_order, write_coco
from argus.export.draw import Picture, draw
from argus.export.files import write_labelme, write_masks, write_yolo

__all__ = [
    "FORMATS",
    "CocoResult",
    "Objects",
    "Picture",
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
GREY = (128, 128, 128)


def save(
    objects: Objects,
    folder: Path,
    formats: str | Sequence[str],
    *,
    image: Picture | None = None,
    stem: str = "image",
    file_name: str | None = None,
    image_path: str | os.PathLike[str] | None = None,
    image_id: int = 1,
    categories: Sequence[str] | None = None,
) -> list[Path]:
    """Write the objects of one image in each of `formats` (a single name will do) and return the paths written.

    - "coco": `stem.coco.json`; "labelme": `stem.json`
    - "overlay": `stem.overlay.png`, drawn on `image`; without one on plain grey, with a warning
    - "yolo": `stem.txt` and `classes.txt`, which is kept and extended where it is already there
    - "png": `stem.masks/000-concept.png`, 0 or 255, one an object, since masks may overlap

    `image` may be a path too. `image_path` is where the picture lies (default: `image`, where that is a path): LabelMe
    opens it from there. `file_name` is what the files say it is called (default: the name of that path, else
    `stem.jpg`). `image_id` and `categories` number the image and the concepts in COCO JSON, for several files that
    belong together (default: 1, and the concepts found, from 1). The folder is made. Raises ValueError for an unknown
    format, and for an overlay on an image of another size or on no image at all.
    """
    names = list(dict.fromkeys([formats] if isinstance(formats, str) else formats))
    unknown = [name for name in names if name not in FORMATS]
    if unknown:
        raise ValueError(f"Expected formats of {', '.join(FORMATS)}, got {', '.join(map(str, unknown))}.")
    if image_path is None and isinstance(image, (str, os.PathLike)):
        image_path = image
    if file_name is None:
        file_name = f"{stem}.jpg" if image_path is None else Path(image_path).name
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for name in names:
        if name == "coco":
            written.append(folder / f"{stem}.coco.json")
            write_coco(written[-1], [(file_name, objects)], categories, image_id)
        elif name == "yolo":
            written += write_yolo(folder, stem, objects)
        elif name == "labelme":
            written.append(folder / f"{stem}.json")
            seen = file_name if image_path is None else _seen_from(folder, Path(image_path))
            write_labelme(written[-1], seen, objects)
        elif name == "png":
            written += write_masks(folder / f"{stem}.masks", objects)
        else:
            written.append(folder / f"{stem}.overlay.png")
            draw(_grey(objects) if image is None else image, objects).save(written[-1])
    return written


def _seen_from(folder: Path, file: Path) -> str:
    """The way from a folder to a file, with slashes."""
    whole = file.parent.resolve() / file.name
    try:
        return Path(os.path.relpath(whole, folder.resolve())).as_posix()
    except ValueError:  # on another drive of Windows
        return whole.as_posix()


def _grey(objects: Objects) -> Image.Image:
    warnings.warn(
        "no image given for the overlay: drawn on plain grey. Pass image=... to see the picture.", stacklevel=4
    )
    height, width = objects.size_hw
    return Image.new("RGB", (width, height), GREY)
