"""Samples of rectangles whose colours say which instance they are."""

from collections.abc import Sequence

import numpy as np

from argus.data.records import Query, Sample

COLOURS = np.array([[250, 0, 0], [0, 250, 0], [0, 0, 250], [250, 250, 0]], np.uint8)
GROUND = 90


def toy(
    boxes_xyxy_px: Sequence[tuple[int, int, int, int]],
    concepts: Sequence[str],
    queries: Sequence[Query] = (),
    size_hw: tuple[int, int] = (60, 80),
) -> Sample:
    """One rectangle a box, in the colour of its number, on grey."""
    image = np.full((*size_hw, 3), GROUND, np.uint8)
    masks = np.zeros((len(boxes_xyxy_px), *size_hw), bool)
    for index, (left, top, right, bottom) in enumerate(boxes_xyxy_px):
        masks[:index, top:bottom, left:right] = False
        masks[index, top:bottom, left:right] = True
        image[top:bottom, left:right] = COLOURS[index]
    return Sample(image=image, masks=masks, queries=tuple(queries), concepts=tuple(concepts), name="toy")


def ask(text: str, *instances: int, kind: str | None = None, language: str = "en") -> Query:
    default = "name" if instances else "absent"
    return Query(text=text, language=language, kind=kind or default, instances=instances)


def seen(sample: Sample, index: int, colour: int) -> float:
    """The part of an instance's pixels that have (nearly) a colour of the table."""
    pixels = sample.image[sample.masks[index]].astype(int)
    return float((np.abs(pixels - COLOURS[colour]).max(axis=1) < 60).mean())
