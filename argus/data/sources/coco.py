"""COCO instances JSON as (image, phrase) pairs, the phrases being the category names; as objects to pick; as a dataset
to learn from."""

from collections import defaultdict
from collections.abc import Container, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from argus.data.dataset import Dataset
from argus.data.problems import Problems
from argus.data.sources.gathered import dataset
from argus.data.sources.items import category_names, id_of, items, label, photos
from argus.data.sources.outlines import outline
from argus.data.sources.places import Places
from argus.data.sources.saco import Pair, check_records, counts, load_json, outlined
from argus.ops import rle
from argus.ops.boxes import is_xywh
from argus.ops.rle import Rle


@dataclass(frozen=True, kw_only=True, eq=False)
class BoxedObjects:
    """The objects of one image, each with its mask and the box that the file gives it."""

    file_name: str
    size_hw: tuple[int, int]
    rles: tuple[Rle, ...]
    boxes_xyxy_px: Float[np.ndarray, "n 4"]


def read_coco(path: str | Path, *, absent: int = 5, seed: int = 0) -> list[Pair]:
    """Read each image with each category it holds and, drawn by `seed`, up to `absent` categories it does not hold.

    Categories of one name are one. One with crowd regions or a bad annotation (left out with a warning) in an image
    makes a pair that is not exhaustive. Raises ValueError for many bad ones, and when the file is not of this form.
    """
    document = load_json(Path(path))
    if not isinstance(document, dict) or not {"images", "annotations", "categories"} <= document.keys():
        raise ValueError(f"Expected a JSON object with images, annotations and categories, got another form in {path}.")
    check_records(document, "images", {"id", "file_name", "width", "height"}, path)
    check_records(document, "annotations", {"image_id", "category_id", "segmentation"}, path)
    names, problems = category_names(document, Path(path)), Problems(str(path))
    found: dict[int, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for annotation in check_categories(document, names, path):
        found[annotation["image_id"]][names[annotation["category_id"]]].append(annotation)
    generator = np.random.default_rng(seed)
    pairs: list[Pair] = []
    for image in document["images"]:
        present = found[image["id"]]
        others = [name for name in dict.fromkeys(names.values()) if name not in present]
        drawn = generator.permutation(len(others))[:absent].tolist()
        for name in [*present, *(others[index] for index in drawn)]:
            pairs.append(_pair(len(pairs) + 1, image, name, present.get(name, []), problems))
    problems.check("annotations", len(document["annotations"]))
    problems.warn()
    return pairs


def read_boxed(path: str | Path, *, min_area_px: float = 0, leave_out: str | None = None) -> list[BoxedObjects]:
    """Read the objects that are outlined by polygons, of at least `min_area_px` (their `area`), image by image.

    Images whose record has a true value under the key `leave_out` are left out, and bad annotations, with a warning.
    Raises ValueError for many of them, when the file is not of this form, and for a key that no image has.
    """
    document = load_json(Path(path))
    if not isinstance(document, dict) or not {"images", "annotations"} <= document.keys():
        raise ValueError(f"Expected a JSON object with images and annotations, got another form in {path}.")
    check_records(document, "images", {"id", "file_name", "width", "height"}, path)
    check_records(document, "annotations", {"image_id", "segmentation", "bbox", "area"}, path)
    if leave_out is not None and not any(leave_out in image for image in document["images"]):
        raise ValueError(f"Expected images with the key {leave_out!r} in {path}, got none that has it.")
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    problems = Problems(str(path))
    for place, annotation in enumerate(document["annotations"]):
        if not isinstance(annotation["segmentation"], list) or not counts(annotation):
            continue
        if not is_xywh(annotation["bbox"]) or not isinstance(annotation["area"], (int, float)):
            shown = f"its bbox and area are {annotation['bbox']!r:.60} and {annotation['area']!r:.20}"
            problems.add("annotations", f"annotation {label(annotation, place)}: {shown}")
        elif annotation["area"] >= min_area_px:
            found[annotation["image_id"]].append(annotation)
    kept = [image for image in document["images"] if leave_out is None or not image.get(leave_out)]
    boxed = [_boxed(image, found[image["id"]], problems) for image in kept if found[image["id"]]]
    problems.check("annotations", len(document["annotations"]))
    problems.warn()
    return [one for one in boxed if one.rles]


def open_coco(path: Path, document: dict[str, Any], images: Path | None) -> Dataset:
    """The labelled images of a COCO document from `path`, whose pictures lie in `images` (None: beside it).

    Crowd regions are no instances, and their concept is not asked about that image. Bad items are named and left out.
    Raises ValueError for many of them, for categories without names, and when nothing is left.
    """
    names, problems = category_names(document, path), Problems(str(path))
    found, known = photos(document, path, Places.beside(path, images), problems)
    annotations = items(document, "annotations", path)
    seen: set[Hashable] = set()
    for place, item in enumerate(annotations):
        try:
            image, category = id_of(item, "image_id"), id_of(item, "category_id")
            if image not in known:
                raise ValueError(f"it is about image {image!r}, which is not listed")
            if category not in names:
                raise ValueError(f"it is of category {category!r}, which is not listed")
            photo, name = found.get(image), names[category]
            if photo is None:  # its picture is what was wrong
                continue
            if not counts(item):
                photo.crowded.add(name)
                continue
            photo.lost.add(name)
            if item.get("id") is not None and (number := id_of(item, "id")) in seen:
                raise ValueError(f"another annotation has its id, {number!r}")
            seen.add(item.get("id"))
            photo.add(name, outline(item.get("segmentation"), photo.size_hw))
        except ValueError as error:
            problems.add("annotations", f"annotation {label(item, place)}: {error}")
    totals = {"images": len(items(document, "images", path)), "annotations": len(annotations)}
    return dataset("COCO JSON", path, [photo.record() for photo in found.values()], problems, totals)


def check_categories(document: dict[str, Any], names: Container[object], path: str | Path) -> list[dict[str, Any]]:
    """The annotations. Raises ValueError for one of an unknown category."""
    annotations: list[dict[str, Any]] = document["annotations"]
    unknown = [one["category_id"] for one in annotations if one["category_id"] not in names]
    if unknown:
        raise ValueError(f"Expected annotations of known categories in {path}, got one of {unknown[0]!r}.")
    return annotations


def _boxed(image: dict[str, Any], annotations: list[dict[str, Any]], problems: Problems) -> BoxedObjects:
    size_hw = (int(image["height"]), int(image["width"]))
    annotations, rles = outlined(annotations, size_hw, problems)
    xywh = np.array([annotation["bbox"] for annotation in annotations], np.float64).reshape(-1, 4)
    return BoxedObjects(
        file_name=image["file_name"],
        size_hw=size_hw,
        rles=rles,
        boxes_xyxy_px=np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1),
    )


def _pair(
    pair_id: int, image: dict[str, Any], name: str, annotations: list[dict[str, Any]], problems: Problems
) -> Pair:
    size_hw = (int(image["height"]), int(image["width"]))
    _, rles = outlined([annotation for annotation in annotations if counts(annotation)], size_hw, problems)
    return Pair(
        id=pair_id,
        file_name=image["file_name"],
        phrase=name,
        size_hw=size_hw,
        rles=rles,
        boxes_xyxy_px=rle.boxes_xyxy_px(rles),
        exhaustive=len(rles) == len(annotations),
        kind="name" if annotations else "absent",
    )
