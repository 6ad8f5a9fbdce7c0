"""AP by the protocols of COCO, LVIS and YouTube-VIS, through pycocotools' COCOeval.

What COCOeval does not know is done around it. LVIS (Gupta et al., 2019) is federated: only categories that an image is
known about count in it, and what is found beyond the instances of a category that is not exhaustively labelled there is
ignored. YouTube-VIS (Yang et al., 2019) compares volumes: the frames of a video, side by side, are one wide image.
"""

import contextlib
import io
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from argus.data.sources.coco import check_categories
from argus.data.sources.saco import check_records, load_json
from argus.data.sources.saco_video import read_videos
from argus.eval.breakdown import SIDES_PX, VIDEO_SIDES_PX
from argus.eval.predictions import check_id, check_score, read_results
from argus.eval.video_predictions import frame_masks
from argus.ops import rle
from argus.ops.boxes import is_xywh

Protocol = Literal["coco", "lvis", "ytvis"]
MOST = {"coco": (1, 10, 100), "lvis": (300,), "ytvis": (1, 10, 100)}  # detections an image (LVIS), or of a category
_SIDES_PX = {"coco": SIDES_PX, "lvis": SIDES_PX, "ytvis": VIDEO_SIDES_PX}
_SIZES = ("all", "small", "medium", "large")


@dataclass(frozen=True, kw_only=True, eq=False)
class Instances:
    """A ground truth as COCOeval takes it; `asked` and `partial` (LVIS) are the categories that an image is known
    about, and those of them that may lack instances."""

    protocol: Protocol
    images: dict[int, dict[str, Any]]
    annotations: list[dict[str, Any]]
    categories: dict[int, dict[str, Any]]
    asked: dict[int, set[int]] = field(default_factory=dict)
    partial: dict[int, set[int]] = field(default_factory=dict)


def read_instances(path: str | Path) -> Instances:
    """Read COCO instances JSON, or that of LVIS, whose images have `neg_category_ids`.

    Raises ValueError when the file is not of this form.
    """
    document = load_json(Path(path))
    if not isinstance(document, dict) or not {"images", "annotations", "categories"} <= document.keys():
        raise ValueError(f"Expected a JSON object with images, annotations and categories, got another form in {path}.")
    check_records(document, "images", {"id", "width", "height"}, path)
    check_records(document, "categories", {"id", "name"}, path)
    check_records(document, "annotations", {"id", "image_id", "category_id", "segmentation"}, path)
    images = {image["id"]: image for image in document["images"]}
    categories = {category["id"]: category for category in document["categories"]}
    annotations = [
        _annotation(record, images, f"annotation {record['id']} of {path}")
        for record in check_categories(document, categories, path)
    ]
    federated = any("neg_category_ids" in image for image in images.values())
    if not federated:
        return Instances(protocol="coco", images=images, annotations=annotations, categories=categories)
    asked = {number: set(image.get("neg_category_ids", ())) for number, image in images.items()}
    for annotation in annotations:
        asked[annotation["image_id"]].add(annotation["category_id"])
    partial = {number: set(image.get("not_exhaustive_category_ids", ())) for number, image in images.items()}
    return Instances(
        protocol="lvis", images=images, annotations=annotations, categories=categories, asked=asked, partial=partial
    )


def read_video_instances(path: str | Path) -> Instances:
    """Read YouTube-VIS JSON, each video as one wide image. Raises ValueError when the file is not of this form."""
    document, videos = read_videos(path, {"videos", "annotations", "categories"})
    check_records(document, "categories", {"id", "name"}, path)
    categories = {category["id"]: category for category in document["categories"]}
    images = {
        number: {**video, "frames": len(video["file_names"]), "frame_width": video["width"]}
        | {"width": video["width"] * len(video["file_names"])}
        for number, video in videos.items()
    }
    annotations = [
        {**_masklet(record, images[record["video_id"]], f"annotation {record['id']} of {path}"), "id": record["id"]}
        for record in check_categories(document, categories, path)
    ]
    return Instances(protocol="ytvis", images=images, annotations=annotations, categories=categories)


def protocol(name: Protocol, iou: str) -> dict[str, str]:
    """How AP is measured, in words."""
    small, large = _SIDES_PX[name]
    of = {"coco": "a category in an image", "lvis": "an image, over all categories", "ytvis": "a category in a video"}
    found = {
        "protocol": {"coco": "COCO AP", "lvis": "LVIS AP (federated)", "ytvis": "YouTube-VIS video AP"}[name],
        "iou": f"{'volume' if name == 'ytvis' else iou}; thresholds 0.50, 0.55 ... 0.95, 101 points of recall",
        "detections": f"the best {MOST[name][-1]} of {of[name]}",
        "sizes": f"small < {small}^2 px, large >= {large}^2 px",
        "computed by": "pycocotools COCOeval",
    }
    if name == "lvis":
        found["categories"] = "those an image has or lacks for sure; what is beyond a partly labelled one is ignored"
    return found


def average_precision(
    truth: Instances, predictions: str | Path | Sequence[Mapping[str, Any]], *, iou: str = "mask"
) -> dict[str, float]:
    """AP of a results list, as fractions: the mean over IoU 0.50, 0.55 ... 0.95 and over categories with instances.

    Names: `AP`, `AP50`, `AP75`; `AP_small` ... by the size of objects; `AR1`, `AR10`, `AR100` (`AR300`) with that many
    detections; of LVIS `AP_rare`, `AP_common`, `AP_frequent`. A metric without an instance to measure on is left out.
    Raises ValueError for records of another form, and about unknown images or categories.
    """
    if iou not in ("mask", "box") or (iou == "box" and truth.protocol == "ytvis"):
        raise ValueError(f"Expected iou of 'mask', or of 'box' for images, got {iou!r}.")
    records = read_results(predictions) if isinstance(predictions, (str, Path)) else predictions
    results = [_result(record, truth, iou) for record in records]
    if truth.protocol == "lvis":
        results = [result for result in _best(results) if result["category_id"] in truth.asked[result["image_id"]]]
    return _summary(truth, *_evaluated(truth, results, iou))


def _annotation(record: Mapping[str, Any], images: Mapping[int, dict[str, Any]], what: str) -> dict[str, Any]:
    """With its mask as compressed runs, and an area and a box where it has none."""
    image = images[record["image_id"]]
    try:
        mask = rle.from_coco(record["segmentation"], (int(image["height"]), int(image["width"])))
    except ValueError as error:
        raise ValueError(f"In {what}: {error}") from error
    area, box = record.get("area"), record.get("bbox")
    own: dict[str, Any] = {"area": float(area)} if isinstance(area, Real) and math.isfinite(area) else {}
    own |= {"bbox": box} if is_xywh(box) else {}
    crowd = {"iscrowd": int(bool(record.get("iscrowd")))}
    return {**_measured(mask), **own, **crowd, **{key: record[key] for key in ("id", "image_id", "category_id")}}


def _measured(mask: rle.Rle) -> dict[str, Any]:
    left, top, right, bottom = rle.boxes_xyxy_px([mask])[0].tolist()
    return {
        "segmentation": {"size": list(mask.size_hw), "counts": mask.counts},
        "area": float(rle.area([mask])[0]),
        "bbox": [left, top, right - left, bottom - top],
    }


def _masklet(record: Mapping[str, Any], video: Mapping[str, Any], what: str) -> dict[str, Any]:
    """As an object of the wide image; its area is the mean over the frames where it is seen."""
    size_hw = (int(video["height"]), int(video["frame_width"]))
    masks = frame_masks(record["segmentations"], size_hw, what)
    if len(masks) != video["frames"]:
        raise ValueError(f"Expected a mask or null for each of {video['frames']} frames, got {len(masks)} in {what}.")
    areas = rle.area([mask for mask in masks if mask is not None])
    return {
        **_measured(rle.side_by_side(masks, size_hw)),
        "area": float(areas[areas > 0].mean()) if areas.any() else 0.0,
        "iscrowd": int(bool(record.get("iscrowd"))),
        "image_id": record["video_id"],
        "category_id": record["category_id"],
    }


def _result(record: Mapping[str, Any], truth: Instances, iou: str) -> dict[str, Any]:
    place = "video_id" if truth.protocol == "ytvis" else "image_id"
    shape = "segmentations" if truth.protocol == "ytvis" else "segmentation" if iou == "mask" else "bbox"
    if missing := sorted({place, "category_id", "score", shape} - record.keys()):
        raise ValueError(
            f"Expected {place}, category_id, score and {shape} in every result, got one without {missing}."
        )
    check_score(record["score"])
    for name in (place, "category_id"):
        check_id(record[name], name)
    if record[place] not in truth.images or record["category_id"] not in truth.categories:
        raise ValueError(
            f"Expected results about images (videos) and categories of the ground truth, got one about "
            f"{place} {record[place]!r} and category {record['category_id']!r}."
        )
    score = {"score": float(record["score"])}
    what = f"a result about {place} {record[place]}"
    if truth.protocol == "ytvis":
        return {**_masklet(record, truth.images[record[place]], what), **score}
    if iou == "mask":
        plain = {key: record[key] for key in ("image_id", "category_id", "segmentation")}
        return {**_annotation({**plain, "id": 0}, truth.images, what), **score}
    if not is_xywh(record["bbox"]):
        raise ValueError(f"Expected every bbox as finite left, top, width, height, got {record['bbox']!r:.80}.")
    area = float(record["bbox"][2] * record["bbox"][3])
    plain = {key: record[key] for key in ("image_id", "category_id", "bbox")}
    return {**plain, "area": area, "iscrowd": 0, **score}


def _best(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The detections of each image, of all categories, that LVIS looks at."""
    by_image: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for result in sorted(results, key=lambda result: -result["score"]):
        if len(by_image[result["image_id"]]) < MOST["lvis"][-1]:
            by_image[result["image_id"]].append(result)
    return [result for chosen in by_image.values() for result in chosen]


def _evaluated(
    truth: Instances, results: list[dict[str, Any]], iou: str
) -> tuple[Float[np.ndarray, "t r k a m"], Float[np.ndarray, "t k a m"]]:
    """COCOeval's precision (by IoU threshold, recall, category, size and number of detections) and recall; -1 where
    there is nothing to measure."""
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):  # COCOeval tells of its progress
        found, wanted = _coco(truth, results), _coco(truth, truth.annotations)
        run = COCOeval(wanted, found, "segm" if iou == "mask" else "bbox")
        run.params.maxDets = list(MOST[truth.protocol])
        small, large = (side**2 for side in _SIDES_PX[truth.protocol])
        run.params.areaRng = [[0, 1e10], [0, small], [small, large], [large, 1e10]]
        run.params.areaRngLbl = list(_SIZES)
        run.evaluate()
        for entry in filter(None, run.evalImgs):
            if entry["category_id"] in truth.partial.get(entry["image_id"], ()):
                entry["dtIgnore"] = np.logical_or(entry["dtIgnore"], np.asarray(entry["dtMatches"]) == 0)
        run.accumulate()
    return run.eval["precision"], run.eval["recall"]


def _coco(truth: Instances, annotations: list[dict[str, Any]]) -> Any:
    """Numbered anew from 1, since COCOeval takes a match with an annotation of id 0 for none."""
    from pycocotools.coco import COCO

    coco = COCO()
    coco.dataset = {
        "images": list(truth.images.values()),
        "annotations": [{**one, "id": number} for number, one in enumerate(annotations, start=1)],
        "categories": list(truth.categories.values()),
    }
    coco.createIndex()
    return coco


def _summary(
    truth: Instances, precision: Float[np.ndarray, "t r k a m"], recall: Float[np.ndarray, "t k a m"]
) -> dict[str, float]:
    best = precision[..., -1]
    parts = {"AP": best[:, :, :, 0], "AP50": best[0, :, :, 0], "AP75": best[5, :, :, 0]}
    parts |= {f"AP_{size}": best[:, :, :, index] for index, size in enumerate(_SIZES) if index}
    if truth.protocol == "lvis":
        ids = sorted(truth.categories)
        for letter, name in (("r", "rare"), ("c", "common"), ("f", "frequent")):
            chosen = [row for row, number in enumerate(ids) if truth.categories[number].get("frequency") == letter]
            parts[f"AP_{name}"] = best[:, :, chosen, 0]
    parts |= {f"AR{most}": recall[:, :, 0, index] for index, most in enumerate(MOST[truth.protocol])}
    return {name: float(values[values > -1].mean()) for name, values in parts.items() if (values > -1).any()}
