"""What is left of a sample when its masks have lost pixels: which instances stay, and which phrases are still true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, UInt8

from argus.data.augment.config import AugmentConfig
from argus.data.augment.phrases import is_about_arrangement
from argus.data.records import Query, Sample

_TRACE = 0.02
"""Up to this part of it, what is left of an instance is nothing that one would see."""


def settle(
    sample: Sample,
    image: UInt8[np.ndarray, "h w 3"],
    masks: Bool[np.ndarray, "n h w"],
    whole_px: Float[np.ndarray, "n"],
    config: AugmentConfig,
) -> Sample:
    """The sample with a new image and new masks of its instances, of which those hardly seen are dropped.

    `whole_px` are the areas that the masks would have if nothing were hidden or outside. A phrase whose instances are
    all gone is a negative from here on; where a piece of a dropped one can still be seen, the phrase is left out, for
    it is neither true nor false. So are phrases about places, sizes and numbers as soon as anything is dropped.
    """
    left_px = masks.sum(axis=(1, 2)).astype(np.float64)
    kept = (left_px >= config.least_visible * whole_px) & (left_px >= config.least_area_px)
    if kept.all():
        return replace(sample, image=image, masks=masks)
    traces = left_px > _TRACE * whole_px
    queries = (_settled(query, kept, traces) for query in sample.queries if not is_about_arrangement(query))
    return replace(
        sample,
        image=image,
        masks=masks[kept],
        concepts=tuple(concept for concept, stays in zip(sample.concepts, kept, strict=True) if stays),
        queries=tuple(query for query in queries if query is not None),
    )


def _settled(query: Query, kept: Bool[np.ndarray, "n"], traces: Bool[np.ndarray, "n"]) -> Query | None:
    """The phrase with the instances that stay, by their new numbers; None when it is neither true nor false."""
    numbers = kept.cumsum() - 1
    instances = tuple(int(numbers[index]) for index in query.instances if kept[index])
    if instances or not query.instances:
        return replace(query, instances=instances)
    if any(traces[index] for index in query.instances):
        return None
    return replace(query, instances=(), kind="absent")
