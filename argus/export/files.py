"""YOLO-seg text, LabelMe JSON and PNG masks."""

import json
from pathlib import Path

from PIL import Image

from argus.export.coco import Objects, concepts_in_order
from argus.export.outline import Ring, bridged, parts
from argus.ops import rle


def write_yolo(folder: Path, stem: str, objects: Objects) -> list[Path]:
    """Write `stem.txt`: a line an object, class index and one polygon x y x y ... as fractions of the image.

    YOLO has one polygon an object: parts and holes are joined by bridges of no width. Objects without a pixel are left
    out. Classes are numbered by `classes.txt` in the same folder, which new concepts extend and nothing renumbers.
    Raises ValueError for the stem "classes", whose file that would be.
    """
    if stem.casefold() == "classes":
        raise ValueError(f"Expected a stem other than {stem!r}, which is the list of classes. Pass another stem=...")
    classes = folder / "classes.txt"
    known = classes.read_text(encoding="utf-8").splitlines() if classes.exists() else []
    names = list(dict.fromkeys([*known, *(_one_line(name) for name in concepts_in_order(objects))]))
    height, width = objects.size_hw
    lines = []
    for concept, mask in zip(objects.concept, objects.rles, strict=True):
        rings = [ring for part in parts(mask) for ring in (part.outer, *part.holes)]
        if rings:
            values = (bridged(rings) / [width, height]).ravel()
            lines.append(" ".join([str(names.index(_one_line(str(concept)))), *(f"{v:.6f}" for v in values)]))
    path = folder / f"{stem}.txt"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    classes.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    return [path, classes]


def write_labelme(path: Path, image_path: str, objects: Objects) -> None:
    """Write a LabelMe document: a polygon a connected part; parts of one object share a group_id.

    `image_path` is where the picture lies, as seen from the folder of the document.
    LabelMe polygons have no holes: a hole is joined to its part by a bridge of no width.
    """
    shapes = []
    for index, mask in enumerate(objects.rles):
        for part in parts(mask):
            shapes.append(_shape(str(objects.concept[index]), bridged([part.outer, *part.holes]), index))
    height, width = objects.size_hw
    document: dict[str, object] = {
        "version": "5.5.0",
        "flags": {},
        "shapes": shapes,
        "imagePath": image_path,
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
    }
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def write_masks(folder: Path, objects: Objects) -> list[Path]:
    """Write one PNG an object, 255 on the mask and 0 elsewhere, named by its index and concept.

    Masks of an earlier answer in the same folder are removed, so that none passes for one of this answer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("[0-9][0-9][0-9]-*.png"):
        old.unlink()
    written = []
    for index, mask in enumerate(objects.rles):
        path = folder / f"{index:03d}-{slug(str(objects.concept[index]))}.png"
        Image.fromarray(rle.decode(mask)).convert("L").save(path)
        written.append(path)
    return written


def slug(concept: str) -> str:
    """A concept as part of a file's name."""
    return "".join(c if c.isalnum() else "-" for c in concept)[:40]


def _shape(label: str, ring: Ring, group: int) -> dict[str, object]:
    points = [[round(x, 2), round(y, 2)] for x, y in ring.tolist()]
    return {
        "label": label,
        "points": points,
        "group_id": group,
        "description": "",
        "shape_type": "polygon",
        "flags": {},
    }


def _one_line(name: str) -> str:
    return " ".join(name.split())
