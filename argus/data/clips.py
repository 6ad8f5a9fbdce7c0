"""Labelled clips as values: what the sources of video yield for training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from argus.data.records import Query


@dataclass(frozen=True, kw_only=True, eq=False)
class Clip:
    """T RGB frames with the visible pixels of N objects on each and phrases about the whole clip.

    Masks of concept clips are disjoint; those that people drew may overlap.

    A row of `masks` is one object throughout: its id. The mask is empty on frames where the object is not seen.
    `queries` name the rows that a phrase means, on whichever frames they are seen; none: absent from all frames.
    `flow` is the known motion, in pixels, as (x, y): a pixel of frame k + 1 at p shows what frame k showed at
    p + flow[k][p]. It is NaN where frame k did not show it: hidden, outside the frame, or before a cut. None: unknown.
    """

    frames: UInt8[np.ndarray, "t h w 3"]
    masks: Bool[np.ndarray, "t n h w"]
    concepts: tuple[str, ...]
    queries: tuple[Query, ...]
    flow: Float32[np.ndarray, "t-1 h w 2"] | None
    name: str

    def __post_init__(self) -> None:
        count, height, width = self.frames.shape[:3]
        if (self.masks.shape[0], *self.masks.shape[2:]) != (count, height, width):
            raise ValueError(
                f"Clip {self.name!r}: expected masks ({count}, N, {height}, {width}) like the frames, "
                f"got {self.masks.shape}; resize both together"
            )
        if len(self.concepts) != self.masks.shape[1]:
            raise ValueError(
                f"Clip {self.name!r}: expected one concept per object, got {len(self.concepts)} concepts "
                f"for {self.masks.shape[1]} objects"
            )
        if self.flow is not None and self.flow.shape != (count - 1, height, width, 2):
            raise ValueError(
                f"Clip {self.name!r}: expected flow ({count - 1}, {height}, {width}, 2), got {self.flow.shape}"
            )
        unknown = {index for query in self.queries for index in query.instances if not 0 <= index < len(self.concepts)}
        if unknown:
            raise ValueError(
                f"Clip {self.name!r}: expected phrases about objects 0 to {len(self.concepts) - 1}, got {min(unknown)}"
            )
