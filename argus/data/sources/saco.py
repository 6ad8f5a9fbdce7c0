"""SA-Co JSON: (image, phrase) pairs with the masks of every instance of the phrase."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from argus.data.pairs import Pair as Pair
from argus.data.problems import Problems
from argus.data.sources.items import is_id, label, told_size_hw
from argus.data.sources.outlines import outline
from argus.ops import rle
from argus.ops.boxes import is_xywh
from argus.ops.rle import Rle


def read_saco(path: str | Path) -> list[Pair]:
    """Read the pairs of a SA-Co image file; boxes may be xywh in 0..1, as published, or in pixels.

    A bad annotation is left out with a warning, and its pair is not exhaustive. Raises ValueError for many of them, and
    when the file is not of this form.
    """
    document = load_json(Path(path))
    if not isinstance(document, dict) or not {"images", "annotations"} <= document.keys():
        raise ValueError(f"Expected a JSON object with images and annotations, got another form in {path}.")
    check_records(document, "images", {"id", "file_name", "text_input", "width", "height"}, path)
    check_records(document, "annotations", {"image_id", "segmentation"}, path)
    annotations: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for annotation in document["annotations"]:
        annotations[annotation["image_id"]].append(annotation)
    problems = Problems(str(path))
    pairs = [_pair(record, annotations[record["id"]], problems) for record in document["images"]]
    problems.check("annotations", len(document["annotations"]))
    problems.warn()
    return pairs


_IDS = {"id", "image_id", "video_id", "category_id"}
_TEXTS = {"file_name", "text_input", "noun_phrase"}


def load_json(path: Path) -> Any:
    """The content of a JSON file. Raises ValueError, naming the file, when it is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError(f"Expected JSON as UTF-8, got {path}: {error}. Save it as UTF-8.") from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"Expected a JSON file, got {path}: {error}.") from error


def check_records(document: dict[str, Any], name: str, keys: set[str], path: str | Path) -> None:
    """Raise ValueError unless `document[name]` is a list of objects with `keys`: ids different, images known, sizes and
    names such."""
    records = document[name]
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise ValueError(f"Expected a list of objects as {name} in {path}.")
    for record in records:
        if missing := sorted(keys - record.keys()):
            raise ValueError(f"Expected {', '.join(sorted(keys))} in all {name} of {path}, got one without {missing}.")
        for key in keys & _IDS:
            if not is_id(record[key]):
                raise ValueError(
                    f"Expected numbers or strings as {key} in {name} of {path}, got {str(record[key])[:40]!r}."
                )
        for key in keys & _TEXTS:
            if not isinstance(record[key], str) or not record[key].strip():
                raise ValueError(f"Expected text as {key} in {name} of {path}, got {str(record[key])[:40]!r}.")
        if "height" in keys:
            try:
                told_size_hw(record)
            except ValueError as error:
                raise ValueError(
                    f"Expected a size in pixels of all {name} of {path}, got one where {error}."
                ) from error
    if "id" in keys and len({record["id"] for record in records}) != len(records):
        raise ValueError(f"Expected {name} of different ids in {path}, got an id twice.")
    if "image_id" in keys:
        unknown = {record["image_id"] for record in records} - {image["id"] for image in document["images"]}
        if unknown:
            raise ValueError(f"Expected {name} about the images of {path}, got one about {min(unknown, key=str)!r}.")


def counts(annotation: dict[str, Any]) -> bool:
    """Whether an annotation is an instance to find: neither crowd nor ignored."""
    return not annotation.get("iscrowd", 0) and not annotation.get("ignore", 0)


def outlined(
    annotations: list[dict[str, Any]], size_hw: tuple[int, int], problems: Problems
) -> tuple[list[dict[str, Any]], tuple[Rle, ...]]:
    """The annotations whose masks can be read, and those masks; the others are added to the problems."""
    kept: list[dict[str, Any]] = []
    masks: list[Rle] = []
    for place, annotation in enumerate(annotations):
        try:
            masks.append(outline(annotation["segmentation"], size_hw))
            kept.append(annotation)
        except ValueError as error:
            about = f"annotation {label(annotation, place)} of image {annotation['image_id']}"
            problems.add("annotations", f"{about}: {error}")
    return kept, tuple(masks)


def _pair(record: dict[str, Any], annotations: list[dict[str, Any]], problems: Problems) -> Pair:
    size_hw = (int(record["height"]), int(record["width"]))
    instances = [annotation for annotation in annotations if counts(annotation)]
    kept, rles = outlined(instances, size_hw, problems)
    return Pair(
        id=record["id"],
        file_name=record["file_name"],
        phrase=record["text_input"],
        size_hw=size_hw,
        rles=rles,
        boxes_xyxy_px=_boxes_xyxy_px([annotation.get("bbox") for annotation in kept], rles, size_hw),
        exhaustive=bool(record.get("is_instance_exhaustive", True)) and len(kept) == len(instances),
        language=record.get("language", "en"),
        kind=record.get("kind", ""),
    )


def _boxes_xyxy_px(
    bboxes: list[list[float] | None], rles: tuple[Rle, ...], size_hw: tuple[int, int]
) -> Float[np.ndarray, "n 4"]:
    """The boxes of the file, or those of the masks where it has none.

    A box is read as fractions when that lies nearer to the box of its mask than reading it as pixels.
    """
    boxes = rle.boxes_xyxy_px(rles)
    scale = np.array([size_hw[1], size_hw[0]] * 2)
    for index, bbox in enumerate(bboxes):
        if bbox is not None:
            if not is_xywh(bbox):
                raise ValueError(f"Expected every bbox as finite left, top, width, height, got {bbox!r:.80}.")
            given = np.array([bbox[0], bbox[1], bbox[0] + bbox[2], bbox[1] + bbox[3]])
            boxes[index] = min((given * scale, given), key=lambda box: float(np.abs(box - boxes[index]).sum()))
    return boxes
