"""LabelMe folders: one JSON file an image, with the shapes drawn on it."""

from __future__ import annotations

import base64
import binascii
import io
from math import cos, hypot, pi, sin
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from argus.data.dataset import Dataset
from argus.data.phrases import as_phrase
from argus.data.pictures import failures_told, printable
from argus.data.problems import Problems
from argus.data.sources.gathered import Gathered, dataset
from argus.data.sources.outlines import from_outlines
from argus.data.sources.places import SUFFIXES, Places
from argus.data.sources.saco import load_json
from argus.ops import rle
from argus.ops.rle import Rle

_CORNERS = 64  # of the polygon that stands for a circle


def open_labelme(folder: Path, images: Path | None) -> Dataset:
    """The images that the JSON files of a folder label, each beside its file or in `images`.

    Polygons, rectangles, circles and masks are read; what has no area (points, lines) is named and left out. Shapes of
    one label and group_id are one instance. Raises ValueError as `argus.data.sources.coco`.
    """
    problems, records, files = Problems(printable(folder)), [], sorted(folder.glob("*.json"))
    places = Places([*([] if images is None else [images]), folder, folder / "images", folder.parent / "images"])
    taken: set[Path] = set()
    shapes = 0
    for file in files:
        try:
            document = load_json(file)
            photo = _photo(document, file, places)
            if photo.path in taken:
                raise ValueError(f"{printable(photo.path)} is labelled by another file already")
            taken.add(photo.path)
        except ValueError as error:
            problems.add("files", f"{printable(file)}: {error}")
            continue
        shapes += len(document["shapes"])
        _add_shapes(document["shapes"], printable(file), photo, problems)
        records.append(photo.record())
    return dataset("LabelMe", folder, records, problems, {"files": len(files), "shapes": shapes})


def _photo(document: Any, file: Path, places: Places) -> Gathered:
    if not isinstance(document, dict) or not isinstance(document.get("shapes"), list):
        raise ValueError("it holds no shapes, as LabelMe has them")
    sides = (document.get("imageHeight"), document.get("imageWidth"))
    told = (sides[0], sides[1]) if isinstance(sides[0], int) and isinstance(sides[1], int) else None
    try:
        path, size_hw = places.find(document.get("imagePath"), told)
    except ValueError:
        # The picture was renamed with its file.
        names = [file.stem + suffix for suffix in sorted(SUFFIXES)]
        found = [name for name in names if any((folder / name).is_file() for folder in places.folders)]
        if not found:
            raise
        path, size_hw = places.find(found[0], told)
    return Gathered(name=path.name, path=path, size_hw=size_hw)


def _add_shapes(shapes: list[Any], where: str, photo: Gathered, problems: Problems) -> None:
    """Add the instances of an image: each shape, or all shapes of a group."""
    groups: dict[tuple[str, str], list[Rle]] = {}
    for place, shape in enumerate(shapes):
        try:
            if not isinstance(shape, dict):
                raise ValueError(f"it is no object, but {str(shape)[:40]!r}")
            name = as_phrase(shape.get("label"))
            photo.lost.add(name)
            group = shape.get("group_id")
            key = f"alone {place}" if group is None else f"group {group}"
            mask = _mask(shape, photo.size_hw)
            groups.setdefault((name, key), []).append(mask)
        except ValueError as error:
            problems.add("shapes", f"{where}, shape {place + 1}: {error}")
    for (name, _), masks in groups.items():
        photo.add(name, masks[0] if len(masks) == 1 else rle.encode(np.any([rle.decode(m) for m in masks], axis=0)))


def _mask(shape: dict[str, Any], size_hw: tuple[int, int]) -> Rle:
    kind, points = shape.get("shape_type") or "polygon", shape.get("points")
    try:
        corners = np.array(points, np.float64).reshape(-1, 2)
    except (TypeError, ValueError) as error:
        raise ValueError(f"its points are no pairs of numbers ({error})") from error
    if not np.isfinite(corners).all():
        raise ValueError("its points hold a coordinate that is no finite number")
    if kind == "polygon":
        return from_outlines([corners.ravel().tolist()], size_hw)
    if kind not in ("rectangle", "circle", "mask") or len(corners) != 2:
        raise ValueError(f"a {str(kind)[:20]} of {len(corners)} points has no area that is known")
    (x0, y0), (x1, y1) = corners.tolist()
    if kind == "mask":
        return _pasted(shape.get("mask"), (min(x0, x1), min(y0, y1)), size_hw)
    if kind == "rectangle":
        return from_outlines([[x0, y0, x1, y0, x1, y1, x0, y1]], size_hw)
    radius = hypot(x1 - x0, y1 - y0)
    angles = [2 * pi * corner / _CORNERS for corner in range(_CORNERS)]
    return from_outlines([[v for a in angles for v in (x0 + radius * cos(a), y0 + radius * sin(a))]], size_hw)


def _pasted(encoded: object, corner_xy_px: tuple[float, float], size_hw: tuple[int, int]) -> Rle:
    """A mask given as a PNG in base64 whose upper left corner is told."""
    try:
        data = base64.b64decode(encoded if isinstance(encoded, str) else "", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"its mask is no base64 ({error})") from error
    with failures_told(Path("its mask")), Image.open(io.BytesIO(data)) as image:
        part = image.convert("1") if image.mode == "1" else image.convert("L")
    canvas = Image.new("L", (size_hw[1], size_hw[0]))
    far = max(size_hw) + max(part.size)
    corner = [int(np.clip(round(side), -far, far)) for side in corner_xy_px]
    canvas.paste(part.point(lambda value: 255 if value else 0).convert("L"), (corner[0], corner[1]))
    mask = np.array(canvas) > 0
    if not mask.any():
        raise ValueError("its mask has no pixel in the image")
    return rle.encode(mask)
