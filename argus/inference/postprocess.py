"""From the detector's answer to `Detections`: scores, boxes in pixels, masks as runs, and which of them are kept."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
from jaxtyping import UInt8

from argus.inference.outlines import outlined
from argus.inference.rejecting import detect
from argus.model.detector import DetectorOutput
from argus.model.sam3 import Features, Sam3
from argus.ops.boxes import clip_xyxy, norm_to_px
from argus.types import Detections, Prompt

PROMPTS_AT_ONCE = 8  # bounds the low-resolution masks that are held before they become runs


@dataclass(frozen=True, kw_only=True)
class Keep:
    """What is kept of an answer; the defaults are the published ones. See `ImagePredictor.predict`."""

    score_threshold: float = 0.5
    mask_threshold: float = 0.0
    max_count: int | None = None
    nms_within: float | None = None
    nms_across: float | None = None

    def __post_init__(self) -> None:
        for name in ("score_threshold", "nms_within", "nms_across"):
            value = getattr(self, name)
            off = value is None and name != "score_threshold"
            if not off and not (isinstance(value, Real) and 0 <= float(value) <= 1):
                raise ValueError(f"Expected {name} in 0..1, got {value!r}.")
        if not (isinstance(self.mask_threshold, Real) and math.isfinite(self.mask_threshold)):
            raise ValueError(
                f"Expected mask_threshold as a finite logit (0 is even odds), got {self.mask_threshold!r}."
            )
        if self.max_count is not None and not (isinstance(self.max_count, Integral) and self.max_count >= 1):
            raise ValueError(
                f"Expected max_count as a whole number of at least 1, got {self.max_count!r}. "
                "For no limit leave it out (None)."
            )

    @property
    def max_masks(self) -> int | None:
        """Masks to decode for a prompt at most: NMS has to see all of them before they are counted."""
        return self.max_count if self.nms_within is None and self.nms_across is None else None


def to_detections(
    model: Sam3,
    output: DetectorOutput,
    concepts: Sequence[str],
    pixels: UInt8[np.ndarray, "h w 3"],
    mask_threshold: float,
) -> Detections:
    """All kept queries of each row (named by `concepts`) in an image; masks are made row by row."""
    parts = []
    scores, size_hw = output.scores, (pixels.shape[0], pixels.shape[1])
    for row, (concept, kept) in enumerate(zip(concepts, output.kept, strict=True)):
        boxes_xyxy_px = clip_xyxy(norm_to_px(output.boxes_cxcywh_norm[row, kept], size_hw), size_hw)
        parts.append(
            Detections.build(
                boxes_xyxy_px.cpu().numpy(),
                scores[row, kept].cpu().numpy(),
                [concept] * len(kept),
                outlined(model, pixels, output.mask_logits[row], [concept] * len(kept), mask_threshold),
                size_hw,
            )
        )
    return Detections.merge(parts)


def answers(
    model: Sam3,
    features: Features,
    prompts: Sequence[Prompt],
    pixels: UInt8[np.ndarray, "h w 3"],
    keep: Keep,
    max_masks: int | None,
) -> list[Detections]:
    """What a model finds in an encoded image, asked a few prompts at a time, so that no more than their masks are held.
    NMS and counts are still to come (`best`)."""
    parts = []
    for start in range(0, len(prompts), PROMPTS_AT_ONCE):
        chunk = prompts[start : start + PROMPTS_AT_ONCE]
        output = detect(model, features, chunk, pixels, score_threshold=keep.score_threshold, max_masks=max_masks)
        parts.append(to_detections(model, output, [p.phrase for p in chunk], pixels, keep.mask_threshold))
    return parts


def best(found: Detections, keep: Keep) -> Detections:
    """Best first (equal scores by concept, so that the order of phrases does not show), after NMS and count."""
    found = found[np.lexsort((found.concept, -found.scores))]
    if keep.nms_within is not None:
        found = found.with_nms(keep.nms_within)
    if keep.nms_across is not None:
        found = found.with_nms(keep.nms_across, across=True)
    return found if keep.max_count is None else found[_first_of_each(found.concept, keep.max_count)]


def _first_of_each(concept: np.ndarray, count: int) -> np.ndarray:
    """Which of the rows, in order, are among the first `count` of their concept."""
    keep = np.zeros(len(concept), bool)
    for name in np.unique(concept):
        keep[np.flatnonzero(concept == name)[:count]] = True
    return keep
