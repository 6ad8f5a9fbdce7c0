"""Concept clips, made from a configuration and a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
from jaxtyping import Float32, Int

from argus.data.clips import Clip
from argus.data.records import Query
from argus.data.sources.scenes import compose
from argus.data.sources.scenes.cast import Cast
from argus.data.sources.scenes.config import ClipConfig
from argus.data.sources.scenes.film import Set, Take, flow, look
from argus.data.sources.scenes.shots import Plan, plan, shows

_MIN_SEEN_AREA = 8 / 280**2
"""On a frame that shows less of an object, as a fraction of the image, the object counts as not seen."""


def clip(config: ClipConfig, seed: int) -> Clip:
    """The clip of a seed: frames, visible masks, known motion and phrases. The same arguments give the same bytes."""
    cast = _cast(config)
    rng = np.random.default_rng([seed, 1])  # other draws than those of the scene of this seed
    planned = plan(cast, config, rng)
    sets = [Set(shot, planned.actors, config.size) for shot in planned.shots]
    shown, takes = _takes(sets, config, len(planned.actors))
    shutter = float(rng.uniform(0.2, 0.7)) if rng.random() < 0.5 * config.difficulty else 0.0
    finish = look(config.size, config.frames, rng, config.difficulty)
    images = [stage.draw(frame, shown, shutter) for stage in sets for frame in range(stage.shot.frames)]
    labels = np.stack([take.labels for shot in takes for take in shot])
    masks = labels[:, None] == np.array(shown, np.int16)[:, None, None] + 1
    seen = masks.sum((2, 3)) >= _MIN_SEEN_AREA * config.size**2
    return Clip(
        frames=np.stack([finish(image, frame, rng) for frame, image in enumerate(images)]),
        masks=masks & seen[:, :, None, None],
        concepts=tuple(planned.actors[index].placed.concept for index in shown),
        queries=_queries(cast, planned, shown, rng),
        flow=_flows(takes, config),
        name=f"clip-{seed:010d}",
    )


def clip_stream(config: ClipConfig, start_seed: int) -> Iterator[Clip]:
    """Clips of `start_seed`, `start_seed + 1`, ... without end."""
    seed = start_seed
    while True:
        yield clip(config, seed)
        seed += 1


def _takes(sets: list[Set], config: ClipConfig, count: int) -> tuple[list[int], list[list[Take]]]:
    """The actors that stay, and the frames of each shot with them.

    Of those that stay a good part is seen on two frames at least; the others leave, until all that stay are seen.
    """
    shown = list(range(count))
    while True:
        takes = [[stage.take(frame, shown) for frame in range(stage.shot.frames)] for stage in sets]
        good = sum((_well_seen(*pair, config.size) for pair in zip(sets, takes, strict=True)), np.zeros(count, int))
        seen = [index for index in shown if good[index] >= min(2, config.frames)]
        if seen == shown:
            return shown, takes
        shown = seen


def _well_seen(stage: Set, takes: list[Take], size: int) -> Int[np.ndarray, "actors"]:
    """On how many frames of a shot a good part of each actor is seen."""
    count = len(stage.actors)
    good = np.zeros(count, int)
    for frame, take in enumerate(takes):
        areas = np.bincount(take.labels.ravel(), minlength=count + 1)[1:]
        for index in stage.shot.courses:
            part = compose.MIN_VISIBLE_FRACTION * stage.area(index, frame)
            good[index] += areas[index] >= max(compose.MIN_VISIBLE_AREA * size**2, part)
    return good


def _queries(cast: Cast, planned: Plan, shown: list[int], rng: np.random.Generator) -> tuple[Query, ...]:
    """Phrases, half of them (all of an empty clip) about nothing in it.

    Sizes change in a clip, so that nothing present is called small or large: to that end all count as hidden.
    """
    config = cast.config
    placed = [replace(planned.actors[index].placed, visible=0.0) for index in shown]
    unmarked = tuple(sorted({concept for shot in planned.shots for concept in shows(shot)}))
    count = int(rng.integers(config.min_prompts, config.max_prompts + 1))
    asked = cast.asker.ask(placed, unmarked, rng, max(count, 8))
    present = [query for query in asked if query.instances][: -(-count // 2)]
    absent = [query for query in asked if not query.instances]
    return (*present, *absent[: count - len(present)])


def _flows(takes: list[list[Take]], config: ClipConfig) -> Float32[np.ndarray, "s h w 2"]:
    """The known motion between neighbouring frames; none over a cut."""
    flows = np.full((config.frames - 1, config.size, config.size, 2), np.nan, np.float32)
    first = 0
    for shot in takes:
        for frame, (before, after) in enumerate(pairwise(shot), start=first):
            flows[frame] = flow(before, after)
        first += len(shot)
    return flows


@cache
def _cast(config: ClipConfig) -> Cast:
    """Opened sprites of a configuration; kept for the life of the process."""
    return Cast(config)
