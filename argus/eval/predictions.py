"""Predictions as they stand in COCO results files, by (image, phrase) pair."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from argus.data.sources.items import is_id
from argus.data.sources.saco import load_json
from argus.ops import rle
from argus.ops.boxes import is_xywh
from argus.ops.rle import Rle

MIN_SCORE = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """What was predicted for one pair, of score `MIN_SCORE` and above; no masks (`rles`) where boxes are compared."""

    rles: tuple[Rle, ...]
    boxes_xyxy_px: Float[np.ndarray, "n 4"]
    scores: Float[np.ndarray, "n"]

    @classmethod
    def nothing(cls) -> "Found":
        return cls(rles=(), boxes_xyxy_px=np.zeros((0, 4), np.float32), scores=np.zeros(0))

    @property
    def areas_px(self) -> Int[np.ndarray, "n"]:
        """Pixels of the masks, or of the boxes where there are no masks."""
        if self.rles or not len(self):
            return rle.area(self.rles)
        return (self.boxes_xyxy_px[:, 2:] - self.boxes_xyxy_px[:, :2]).prod(axis=1).astype(np.int64)

    def __len__(self) -> int:
        return len(self.boxes_xyxy_px)


def file_of(path: object, what: str) -> Path:
    """The path of a file. Raises ValueError for anything else; `what` names its content."""
    if not isinstance(path, (str, Path)) or Path(path).is_dir():  # Path("") is a folder, the one we are in
        raise ValueError(f"Expected a JSON file of {what}, got {path!r}, which is no path of a file.")
    return Path(path)


def read_results(path: str | Path) -> list[dict[str, Any]]:
    """The records of a results file. Raises ValueError when it is not a JSON list of objects."""
    records = load_json(file_of(path, "predictions"))
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise ValueError(f"Expected predictions as a list of objects (COCO results), got another form in {path}.")
    return records


def check_id(number: object, name: str) -> None:
    """Raise ValueError unless an id, of `name`, is a whole number or a string."""
    if not is_id(number):
        raise ValueError(f"Expected {name} as a number or a string, got {number!r:.80}.")


def check_score(score: object) -> None:
    """Raise ValueError unless a score is a finite number."""
    if not isinstance(score, Real) or not math.isfinite(score):
        raise ValueError(f"Expected scores as finite numbers, got {score!r}.")


def found_by_pair(records: Sequence[Mapping[str, Any]], iou: str) -> dict[int, Found]:
    """COCO results by `image_id`, those that count. Raises ValueError for records of another form."""
    if not isinstance(records, Sequence):
        raise ValueError(f"Expected predictions as a COCO results list, got a {type(records).__name__}.")
    by_pair: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for record in records:
        if not isinstance(record, Mapping) or not {"image_id", "score"} <= record.keys():
            raise ValueError(f"Expected predictions with image_id and score, got {str(record)[:80]}.")
        check_score(record["score"])
        check_id(record["image_id"], "image_id")
        if float(record["score"]) >= MIN_SCORE:
            by_pair[record["image_id"]].append(record)
    return {pair_id: _found_in_pair(chosen, iou) for pair_id, chosen in by_pair.items()}


def _found_in_pair(records: list[Mapping[str, Any]], iou: str) -> Found:
    scores = np.array([record["score"] for record in records], np.float64)
    field = "segmentation" if iou == "mask" else "bbox"
    if not all(record.get(field) for record in records):
        raise ValueError(f"Expected a {field} in every prediction for {iou} IoU, got one without.")
    if iou == "mask":
        rles = tuple(rle.from_coco(record["segmentation"], None) for record in records)
        return Found(rles=rles, boxes_xyxy_px=rle.boxes_xyxy_px(rles), scores=scores)
    wrong = [record["bbox"] for record in records if not is_xywh(record["bbox"])]
    if wrong:
        raise ValueError(f"Expected every bbox as finite left, top, width, height, got {wrong[0]!r:.80}.")
    xywh = np.array([record["bbox"] for record in records], np.float32)
    return Found(rles=(), boxes_xyxy_px=np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1), scores=scores)
