"""Every threshold of following concepts through a video; the defaults are the published ones (SAM 3, 2025)."""

import math
from dataclasses import dataclass, fields
from numbers import Integral, Real

OWN_HOT_START = 15  # the delay that the published counts of hot start go with


@dataclass(frozen=True, kw_only=True)
class VideoPolicy:
    """How detections become masklets, and which masklets are kept, hidden or let go. IoU is that of masks.

    Detections
        detection_score: a detection counts when its score is above it.
        detection_nms: of two detections of one concept with a greater IoU the better one stays; None: both.
        boundary_margin: a detection whose box has its centre nearer to the border than this fraction of the frame is
            dropped; 0 (off) by default, 0.025 as published where it is used.
    Association and birth
        birth_iou, birth_score: a detection begins a masklet when its IoU with each of its concept's masklets is below
            the one, and its score at least the other (any score while the concept has no masklet).
        match_iou: a masklet is matched by a detection of at least this IoU.
        one_to_one: a detection matches one masklet at most, by the best assignment (Hungarian); else any number.
        max_objects: no more masklets than this at a time; the best new ones are taken.
    Hot start: a frame is shown when `hot_start` frames (0 to 15) from it on are done; what is wrong by then never is
        hot_start_unmatched, hot_start_duplicates: a masklet is withdrawn when in so many frames, of the first
            `hot_start`, it was unmatched, or shared its detection with an older masklet. Both are those of the full
            delay; with a shorter one fewer do: `unmatched_limit` and `duplicate_limit`.
    Keep-alive: a masklet's credit, one more for a matched frame and one less for an unmatched one
        keep_alive, keep_alive_least: the credit at birth and at most, and at least.
        hide_unmatched: a masklet without credit is hidden; off by default, as published.
    Overlaps
        overlap_iou: of two masklets of a concept that overlap by at least this, the one that was hidden behind
            something last is hidden again; None: neither.
        shrink: a masklet that would keep less than this part of its mask when each pixel goes to one masklet of its
            concept is not there, for memory.
        exclusive_concepts: a pixel that masklets of several concepts claim goes to the best; else only within concepts.
    Reconditioning: a sure detection prompts the masklet that it agrees with anew
        recondition_every: in frames whose index is a multiple of it; 0: never.
        recondition_score, recondition_iou: the least score and IoU of the detection, and the least object logit.
    Cleaning
        speck_area: holes and specks of at most so many pixels of the mask at four times the token grid are filled or
            removed; 0: none.

    Raises ValueError for values outside their ranges.
    """

    detection_score: float = 0.5
    detection_nms: float | None = 0.1
    boundary_margin: float = 0.0
    birth_iou: float = 0.1
    birth_score: float = 0.7
    match_iou: float = 0.5
    one_to_one: bool = False
    max_objects: int = 10_000
    hot_start: int = OWN_HOT_START
    hot_start_unmatched: int = 8
    hot_start_duplicates: int = 8
    keep_alive: int = 30
    keep_alive_least: int = -1
    hide_unmatched: bool = False
    overlap_iou: float | None = 0.7
    shrink: float = 0.3
    exclusive_concepts: bool = False
    recondition_every: int = 16
    recondition_score: float = 0.8
    recondition_iou: float = 0.8
    speck_area: int = 16

    def __post_init__(self) -> None:
        for field in fields(self):
            _check(field.name, getattr(self, field.name), field.type)
        if self.hot_start > OWN_HOT_START:
            raise ValueError(f"Expected hot_start of 0 to {OWN_HOT_START} frames, got {self.hot_start}.")
        if self.max_objects < 1:
            raise ValueError(f"Expected max_objects of at least 1, got {self.max_objects}.")

    @property
    def unmatched_limit(self) -> int:
        """Unmatched frames after which a masklet in its hot start is withdrawn."""
        return self._scaled(self.hot_start_unmatched)

    @property
    def duplicate_limit(self) -> int:
        """Frames on an older masklet's detection after which a masklet in its hot start is withdrawn."""
        return self._scaled(self.hot_start_duplicates)

    def _scaled(self, count: int) -> int:
        return min(count, math.ceil(self.hot_start * count / OWN_HOT_START))


def _check(name: str, value: object, kind: object) -> None:
    if kind is bool:
        if not isinstance(value, bool):
            raise ValueError(f"Expected {name} as True or False, got {value!r}.")
    elif kind is int:
        least = -math.inf if name == "keep_alive_least" else 0
        if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
            raise ValueError(f"Expected {name} as a whole number from 0, got {value!r}.")
    elif not (value is None and kind is not float) and not (isinstance(value, Real) and 0 <= float(value) <= 1):
        raise ValueError(f"Expected {name} in 0..1, got {value!r}.")
