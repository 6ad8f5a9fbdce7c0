"""Values that cross boundaries: what is asked (`Prompt`), what was found in an image (`Detections`) and in a frame of a
video (`Masklet`, `TrackedFrame`)."""

from __future__ import annotations

import operator
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from numpy.typing import ArrayLike
from torch import Tensor

from argus import export
from argus.ops import nms, rle
from argus.ops.rle import Rle

if TYPE_CHECKING:
    from supervision import Detections as SupervisionDetections

VISUAL = "visual"  # the phrase that stands in for text when a prompt has none


@dataclass(frozen=True, init=False, eq=False)
class Prompt:
    """One question about one image of a batch: a phrase, exemplar boxes, points, or any mix of them.

    Boxes are cxcywh and points xy, both as fractions of the image. Labels: 1 is + (like this), 0 is - (not this);
    without labels all are +. Lists, arrays and tensors are accepted; what is kept are CPU tensors (float32, int64), of
    zero rows where nothing was given. Raises ValueError for an empty phrase, coordinates that are not finite or not in
    the image, boxes without area, wrong label counts or values, and a prompt with nothing in it.
    """

    text: str | None
    boxes_cxcywh_norm: Float[Tensor, "b 4"]
    box_labels: Int[Tensor, "b"]
    points_xy_norm: Float[Tensor, "p 2"]
    point_labels: Int[Tensor, "p"]
    image: int

    def __init__(
        self,
        text: str | None = None,
        boxes_cxcywh_norm: ArrayLike | Tensor | None = None,
        box_labels: ArrayLike | Tensor | None = None,
        points_xy_norm: ArrayLike | Tensor | None = None,
        point_labels: ArrayLike | Tensor | None = None,
        image: int = 0,
    ) -> None:
        boxes = _coordinates(boxes_cxcywh_norm, 4, "boxes_cxcywh_norm")
        points = _coordinates(points_xy_norm, 2, "points_xy_norm")
        if len(boxes) and not bool((boxes[:, 2:] > 0).all()):
            raise ValueError(f"Expected boxes with width and height above 0, got {boxes.tolist()} (cx, cy, w, h).")
        if text is not None and not _says_something(text):
            raise ValueError(f"Expected a phrase, got {text!r}. Leave text out (None) to ask by boxes or points alone.")
        if text is None and not len(boxes) and not len(points):
            raise ValueError("Expected a phrase, boxes or points, got none of them.")
        values = {
            "text": text,
            "boxes_cxcywh_norm": boxes,
            "box_labels": _labels(box_labels, len(boxes), "box_labels"),
            "points_xy_norm": points,
            "point_labels": _labels(point_labels, len(points), "point_labels"),
            "image": _image_index(image),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def phrase(self) -> str:
        """The text the model reads: the prompt's own, or "visual"."""
        return self.text if self.text is not None else VISUAL


@dataclass(frozen=True, kw_only=True, eq=False)
class Detections:
    """What was found in one image: N objects as parallel arrays, best first as predictors return them.

    Masks are kept as compressed runs and decoded on demand. `len`, iteration, and indexing by an integer, a slice, an
    index array or a boolean array work as on a list, and always give `Detections`.
    """

    boxes_xyxy_px: Float[np.ndarray, "n 4"]
    scores: Float[np.ndarray, "n"]
    concept: np.ndarray  # (n,) of str
    rles: tuple[Rle, ...]
    size_hw: tuple[int, int]

    def __post_init__(self) -> None:
        count = len(self.rles)
        shapes = (self.boxes_xyxy_px.shape, self.scores.shape, self.concept.shape)
        if shapes != ((count, 4), (count,), (count,)):
            raise ValueError(f"Expected arrays (n, 4), (n,), (n,) for n = {count} masks, got {shapes}.")
        wrong = {mask.size_hw for mask in self.rles} - {self.size_hw}
        if wrong:
            raise ValueError(f"Expected masks of the image's size {self.size_hw} (height, width), got {sorted(wrong)}.")

    @classmethod
    def empty(cls, size_hw: tuple[int, int]) -> Detections:
        """Nothing found in an image of `size_hw`."""
        return cls.build(np.zeros((0, 4)), np.zeros(0), [], (), size_hw)

    @classmethod
    def build(
        cls,
        boxes_xyxy_px: ArrayLike,
        scores: ArrayLike,
        concept: Sequence[str] | np.ndarray,
        rles: Sequence[Rle],
        size_hw: tuple[int, int],
    ) -> Detections:
        """From array-likes of any float type."""
        return cls(
            boxes_xyxy_px=np.asarray(boxes_xyxy_px, np.float32),
            scores=np.asarray(scores, np.float32),
            concept=np.asarray(concept, np.str_),
            rles=tuple(rles),
            size_hw=(int(size_hw[0]), int(size_hw[1])),
        )

    @classmethod
    def from_masks(
        cls, masks: Bool[np.ndarray, "n h w"], scores: ArrayLike, concept: Sequence[str] | np.ndarray
    ) -> Detections:
        """From dense masks, with their tight boxes."""
        rles = tuple(rle.encode(mask) for mask in masks)
        return cls.build(rle.boxes_xyxy_px(rles), scores, concept, rles, masks.shape[1:])

    @classmethod
    def merge(cls, parts: Sequence[Detections]) -> Detections:
        """All objects of several answers about one image, in order. Raises ValueError for none, or several sizes."""
        sizes = {part.size_hw for part in parts}
        if len(sizes) != 1:
            raise ValueError(f"Expected one or more detections of one image size, got {len(parts)} of {sorted(sizes)}.")
        return cls.build(
            np.concatenate([part.boxes_xyxy_px for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.concept for part in parts]),
            [mask for part in parts for mask in part.rles],
            sizes.pop(),
        )

    @property
    def masks(self) -> Bool[np.ndarray, "n h w"]:
        """All masks, decoded: n x height x width bytes. For large images take `mask(i)`."""
        masks = np.zeros((len(self), *self.size_hw), bool)
        for index in range(len(self)):
            masks[index] = self.mask(index)
        return masks

    def mask(self, index: int) -> Bool[np.ndarray, "h w"]:
        """One mask, decoded."""
        return rle.decode(self.rles[index])

    @property
    def areas_px(self) -> Int[np.ndarray, "n"]:
        """Pixels in each mask, without decoding."""
        return rle.area(self.rles)

    def __len__(self) -> int:
        return len(self.rles)

    def __iter__(self) -> Iterator[Detections]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, key: int | slice | ArrayLike) -> Detections:
        return self._take(np.atleast_1d(np.arange(len(self))[_index(key)]))

    def _take(self, chosen: Int[np.ndarray, "k"]) -> Detections:
        """Some of the objects, in the order of `chosen`."""
        return replace(
            self,
            boxes_xyxy_px=self.boxes_xyxy_px[chosen],
            scores=self.scores[chosen],
            concept=self.concept[chosen],
            rles=tuple(self.rles[index] for index in chosen),
        )

    def filter(self, score: float = 0.0, concept: str | None = None) -> Detections:
        """Objects whose score is at least `score`, of one concept where it is given."""
        keep = self.scores >= score
        return self[keep if concept is None else keep & (self.concept == concept)]

    def with_nms(self, iou: float, across: bool = False) -> Detections:
        """Best first, less any whose mask IoU with a better one (of their concept, or `across` all) is above `iou`."""
        overlap = rle.iou(self.rles, self.rles)
        if not across:
            overlap[self.concept[:, None] != self.concept[None, :]] = 0.0
        return self[nms.greedy_nms(torch.from_numpy(overlap), torch.from_numpy(self.scores), iou).numpy()]

    def to_coco(self, image_id: int = 1, categories: Sequence[str] | None = None) -> list[export.CocoResult]:
        """COCO results: a record an object. Category ids count from 1 in `categories` (default: the concepts found)."""
        return export.coco_results(self, image_id, categories)

    def to_supervision(self) -> SupervisionDetections:
        """The same objects for the `supervision` package: class_id counts concepts from 0, `class_name` names them."""
        try:
            import supervision
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "Expected the package supervision, which is not installed: pip install supervision, or, in a checkout "
                'of Argus, pip install -c constraints.txt ".[dev]".',
                name="supervision",
            ) from error

        names = export.concepts_in_order(self)
        return supervision.Detections(
            xyxy=self.boxes_xyxy_px,
            mask=self.masks,
            confidence=self.scores,
            class_id=np.array([names.index(name) for name in self.concept], dtype=int),
            data={"class_name": self.concept},
        )

    def save(
        self,
        folder: str | Path,
        formats: str | Sequence[str] = ("coco",),
        *,
        image: export.Picture | None = None,
        stem: str = "image",
        file_name: str | None = None,
        image_path: str | PathLike[str] | None = None,
        image_id: int = 1,
        categories: Sequence[str] | None = None,
    ) -> list[Path]:
        """Write `formats` of "coco", "yolo", "labelme", "png", "overlay" into `folder`; see `argus.export.save`."""
        return export.save(
            self,
            Path(folder),
            formats,
            image=image,
            stem=stem,
            file_name=file_name,
            image_path=image_path,
            image_id=image_id,
            categories=categories,
        )


class MaskletState(str, Enum):
    """Where an object of a video stands: not sure yet that it is one, sure, hidden, or gone for good."""

    tentative = "tentative"
    confirmed = "confirmed"
    occluded = "occluded"
    exited = "exited"


@dataclass(frozen=True, kw_only=True, eq=False)
class Masklet:
    """One object in one frame of a video; the same `id` is the same object in every frame.

    `score` is that of this frame, in 0..1: how sure it is that the object is there.
    """

    id: int
    concept: str
    rle: Rle
    box_xyxy_px: Float[np.ndarray, "4"]
    score: float
    state: MaskletState

    @property
    def mask(self) -> Bool[np.ndarray, "h w"]:
        """Decoded, at the size of the frame."""
        return rle.decode(self.rle)


@dataclass(frozen=True, kw_only=True, eq=False)
class TrackedFrame:
    """A frame of a video and the masklets that are visible in it, by id; `time_s` counts from the video's start."""

    index: int
    time_s: float
    pixels: UInt8[np.ndarray, "h w 3"]
    masklets: tuple[Masklet, ...]

    @property
    def detections(self) -> Detections:
        """The same objects as those of an image, to count, filter and save."""
        return Detections.build(
            np.array([masklet.box_xyxy_px for masklet in self.masklets]).reshape(-1, 4),
            [masklet.score for masklet in self.masklets],
            [masklet.concept for masklet in self.masklets],
            [masklet.rle for masklet in self.masklets],
            self.pixels.shape[:2],
        )


def _index(key: int | slice | ArrayLike) -> int | slice | np.ndarray:
    if isinstance(key, (int, slice)):
        return key
    array = np.asarray(key)
    return array if array.size or array.dtype == bool else array.astype(np.int64)


def _says_something(text: str) -> bool:
    """False for a phrase of spaces and invisible characters alone."""
    if not isinstance(text, str):
        raise ValueError(f"Expected text as a string, got {text!r}. Make one prompt for each phrase.")
    return any(unicodedata.category(letter) not in ("Zs", "Zl", "Zp", "Cc", "Cf") for letter in text)


def _image_index(image: int) -> int:
    try:
        index = operator.index(image)
    except TypeError:
        index = -1
    if index < 0:
        raise ValueError(f"Expected the index of an image in the batch (0, 1, ...), got {image!r}.")
    return index


def _tensor(values: ArrayLike | Tensor, name: str) -> Tensor:
    if isinstance(values, Tensor):
        return values.detach().cpu()
    try:
        return torch.as_tensor(np.asarray(values, np.float64))
    except (TypeError, ValueError) as error:
        raise ValueError(f"Expected {name} as numbers, got {values!r}.") from error


def _coordinates(values: ArrayLike | Tensor | None, width: int, name: str) -> Tensor:
    if values is None:
        return torch.zeros(0, width)
    tensor = _tensor(values, name).to(torch.float32)
    if tensor.numel() == 0:
        return torch.zeros(0, width)
    if tensor.ndim != 2 or tensor.shape[1] != width:
        raise ValueError(f"Expected {name} of shape (n, {width}), got {tuple(tensor.shape)}.")
    if not bool(torch.isfinite(tensor).all()):
        raise ValueError(f"Expected finite {name}, got {tensor.tolist()}.")
    if not bool(((tensor[:, :2] >= 0) & (tensor[:, :2] <= 1)).all()) or bool((tensor > 2).any()):
        raise ValueError(f"Expected {name} as fractions of the image, centres in 0..1, got {tensor.tolist()}.")
    return tensor


def _labels(values: ArrayLike | Tensor | None, count: int, name: str) -> Tensor:
    if values is None:
        return torch.ones(count, dtype=torch.int64)
    tensor = _tensor(values, name).reshape(-1)
    if len(tensor) != count:
        raise ValueError(f"Expected {count} {name}, one for each box or point, got {len(tensor)}.")
    if not bool(((tensor == 0) | (tensor == 1)).all()):
        raise ValueError(f"Expected {name} of 1 (+) and 0 (-), got {tensor.tolist()}.")
    return tensor.to(torch.int64)
