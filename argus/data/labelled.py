"""Labelled images of a person's own: what fine-tuning needs of them, and COCO instances JSON as such."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from PIL import Image

from argus.data.records import Query, Sample
from argus.data.sources.coco import read_coco
from argus.data.sources.saco import Pair
from argus.ops import rle

Window = tuple[int, int, int, int]


@runtime_checkable
class Labelled(Protocol):
    """Images with instances and phrases, read one at a time."""

    def __len__(self) -> int: ...

    def sample(
        self, index: int, *, window_xyxy_px: Window | None = None, size_hw: tuple[int, int] | None = None
    ) -> Sample:
        """An image, or a window of it, stretched to `size_hw` where that is given."""
        ...

    def window_xyxy_px(self, index: int, rng: np.random.Generator, most_instances: int) -> Window:
        """The whole image where it holds at most so many instances, else a random window that does."""
        ...

    def split(self, share: float, seed: int) -> tuple[Labelled, Labelled]:
        """Training images, and held out `share` of the images."""
        ...

    def pairs(self) -> list[Pair]:
        """(image, phrase) pairs to measure on; their file names are whole paths."""
        ...


@dataclass(frozen=True, kw_only=True)
class LabelledPairs:
    """`Labelled` from pairs whose masks share one image size."""

    groups: tuple[tuple[Pair, ...], ...]

    def __len__(self) -> int:
        return len(self.groups)

    def sample(
        self, index: int, *, window_xyxy_px: Window | None = None, size_hw: tuple[int, int] | None = None
    ) -> Sample:
        group = self.groups[index]
        image = np.asarray(Image.open(group[0].file_name).convert("RGB"))
        if image.shape[:2] != group[0].size_hw:
            raise ValueError(f"expected {group[0].file_name} of size {group[0].size_hw}, got {image.shape[:2]}")
        left, top, right, bottom = window_xyxy_px or (0, 0, image.shape[1], image.shape[0])
        out_hw = size_hw or (bottom - top, right - left)
        masks: list[np.ndarray] = []
        concepts: list[str] = []
        queries: list[Query] = []
        for pair in group:
            seen = []
            for mask in (rle.decode(run)[top:bottom, left:right] for run in pair.rles):
                if mask.any():
                    seen.append(len(masks))
                    masks.append(_resized(mask, out_hw))
                    concepts.append(pair.phrase)
            if pair.exhaustive:
                kind = pair.kind if seen or not pair.rles else "absent"
                queries.append(Query(text=pair.phrase, language=pair.language, kind=kind, instances=tuple(seen)))
        return Sample(
            image=_resized(image[top:bottom, left:right], out_hw),
            masks=np.stack(masks) if masks else np.zeros((0, *out_hw), bool),
            queries=tuple(queries),
            concepts=tuple(concepts),
            name=Path(group[0].file_name).stem,
        )

    def window_xyxy_px(self, index: int, rng: np.random.Generator, most_instances: int) -> Window:
        group = self.groups[index]
        height, width = group[0].size_hw
        boxes = np.concatenate([np.zeros((0, 4), np.float32), *(pair.boxes_xyxy_px for pair in group)])
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        share = 1.0
        while share > 0.05:
            h, w = max(int(height * share), 1), max(int(width * share), 1)
            left, top = int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1))
            inside = ((centres >= [left, top]) & (centres < [left + w, top + h])).all(1)
            if inside.sum() <= most_instances:
                return left, top, left + w, top + h
            share *= 0.85
        return left, top, left + w, top + h

    def split(self, share: float, seed: int) -> tuple[LabelledPairs, LabelledPairs]:
        order = np.random.default_rng(seed).permutation(len(self))
        out = set(order[: round(share * len(self))].tolist())
        kept, held = ([g for i, g in enumerate(self.groups) if (i in out) is wanted] for wanted in (False, True))
        return replace(self, groups=tuple(kept)), replace(self, groups=tuple(held))

    def pairs(self) -> list[Pair]:
        return [pair for group in self.groups for pair in group]


def open_labelled(path: Path, images: Path) -> LabelledPairs:
    """Read COCO instances JSON, without further absent phrases. Raises ValueError when the file is not of this form."""
    groups: dict[str, list[Pair]] = defaultdict(list)
    for pair in read_coco(path, absent=0):
        groups[str(images / pair.file_name)].append(replace(pair, file_name=str(images / pair.file_name)))
    return LabelledPairs(groups=tuple(tuple(group) for group in groups.values()))


def with_absent_phrases(data: LabelledPairs, phrases: Sequence[str], per_image: int, seed: int) -> LabelledPairs:
    """Ask each image also for up to `per_image` of the phrases that none of its own pairs has."""
    rng = np.random.default_rng(seed)
    count = max((pair.id for pair in data.pairs()), default=0)
    groups = []
    for group in data.groups:
        there = {pair.phrase.casefold() for pair in group}
        drawn = [p for p in (phrases[i] for i in rng.permutation(len(phrases))) if p.casefold() not in there]
        absent = [
            replace(
                group[0],
                id=count + place,
                phrase=phrase,
                rles=(),
                boxes_xyxy_px=np.zeros((0, 4), np.float32),
                exhaustive=True,
                kind="absent",
            )
            for place, phrase in enumerate(drawn[:per_image], 1)
        ]
        count += len(absent)
        groups.append((*group, *absent))
    return replace(data, groups=tuple(groups))


def _resized(pixels: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """An image (smoothly) or a mask stretched to another size."""
    if pixels.shape[:2] == size_hw:
        return np.ascontiguousarray(pixels)
    how = Image.Resampling.NEAREST if pixels.dtype == bool else Image.Resampling.BILINEAR
    return np.array(Image.fromarray(pixels).resize((size_hw[1], size_hw[0]), how))
