"""Concept scenes, made from a configuration and a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from argus.data.records import Sample
from argus.data.sources.scenes import compose
from argus.data.sources.scenes.cast import Cast
from argus.data.sources.scenes.config import SceneConfig
from argus.data.sources.scenes.truth import Placed


def scene(config: SceneConfig, seed: int) -> Sample:
    """The scene of a seed: image, visible masks and phrases. The same arguments give the same bytes."""
    return _stage(config).scene(seed)


def stream(config: SceneConfig, start_seed: int) -> Iterator[Sample]:
    """Scenes of `start_seed`, `start_seed + 1`, ... without end."""
    seed = start_seed
    while True:
        yield scene(config, seed)
        seed += 1


def drawable_concepts(config: SceneConfig) -> tuple[str, ...]:
    """Ids of the concepts that scenes of this configuration show, in the ontology's order."""
    return _stage(config).cast.pool


@dataclass(frozen=True, kw_only=True)
class _Object:
    """A sprite chosen for the scene, before it is placed."""

    layer: compose.Layer
    placed: Placed


class _Stage:
    """Makes scenes of one configuration."""

    def __init__(self, config: SceneConfig) -> None:
        self.config = config
        self.cast = Cast(config)

    def scene(self, seed: int) -> Sample:
        config, size = self.config, self.config.size
        rng = np.random.default_rng(seed)
        ground = self.cast.ground((size, size), rng)
        objects = self._objects(rng)
        keep, labels, fractions = compose.visible_layers([thing.layer for thing in objects], (size, size))
        layers = [objects[index].layer for index in keep]
        image = compose.draw(ground.image, layers, rng, shadows=bool(rng.random() < 0.5))
        image = compose.photograph(image, rng, config.difficulty)
        placed = [replace(objects[i].placed, visible=fraction) for i, fraction in zip(keep, fractions, strict=True)]
        count = int(rng.integers(config.min_prompts, config.max_prompts + 1))
        return Sample(
            image=image,
            masks=compose.masks_from_labels(labels, len(keep)),
            queries=self.cast.asker.ask(placed, ground.shows, rng, count),
            concepts=tuple(thing.concept for thing in placed),
            name=f"scene-{seed:010d}",
            unmarked=ground.shows,
        )

    def _objects(self, rng: np.random.Generator) -> list[_Object]:
        """Choose concepts, sizes and sprites, and place them, the far (drawn first) and the near."""
        concepts = self.cast.choose_concepts(rng)
        extents = self.cast.choose_extents(len(concepts), rng)
        common = int(rng.integers(len(self.cast.bank.styles)))
        mixed = rng.random() < 0.6
        crowd = rng.uniform(0, 0.45) * self.config.difficulty
        objects: list[_Object] = []
        for concept, extent in zip(concepts, extents, strict=True):
            style = int(rng.integers(len(self.cast.bank.styles))) if mixed else common
            thing = self._object(concept, extent, style, rng)
            objects.append(self._place(thing, objects, crowd, rng))
        return objects

    def _object(self, concept: str, extent: float, style: int, rng: np.random.Generator) -> _Object:
        """A sprite of a concept, turned and lit, not placed yet."""
        sprite = self.cast.sprite(concept, extent, style, rng)
        turned = compose.turn(sprite.rgba, sprite.size_wh, sprite.degrees, bool(rng.random() < 0.5))
        layer = compose.Layer(rgba=compose.light(turned, rng), left=0, top=0)
        return _Object(layer=layer, placed=sprite.placed)

    def _place(self, thing: _Object, others: list[_Object], crowd: float, rng: np.random.Generator) -> _Object:
        """Try some places and take the first that covers others by less than `crowd`, else the best of them."""
        height, width = thing.layer.rgba.shape[:2]
        size = self.config.size
        boxes = np.array([_box(other.layer) for other in others], np.float64).reshape(-1, 4)
        best, least = (0, 0), np.inf
        for _ in range(8):
            outside = 0.25 if rng.random() < 0.12 * self.config.difficulty else 0.0
            low = -outside * np.array([width, height])
            left, top = rng.uniform(low, np.maximum(low, size - np.array([width, height]) - low))
            overlap = _overlap((left, top, left + width, top + height), boxes)
            if overlap < least:
                best, least = (round(left), round(top)), overlap
            if least <= crowd:
                break
        layer = compose.Layer(rgba=thing.layer.rgba, left=best[0], top=best[1])
        return _Object(layer=layer, placed=thing.placed)


@cache
def _stage(config: SceneConfig) -> _Stage:
    """Opened sprites of a configuration; kept for the life of the process."""
    return _Stage(config)


def _box(layer: compose.Layer) -> tuple[int, int, int, int]:
    height, width = layer.rgba.shape[:2]
    return layer.left, layer.top, layer.left + width, layer.top + height


def _overlap(box: tuple[float, float, float, float], boxes: np.ndarray) -> float:
    """Largest intersection with any of the boxes over the smaller of the two areas; 0 without boxes."""
    if not len(boxes):
        return 0.0
    corner = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    area = (box[2] - box[0]) * (box[3] - box[1])
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    return float((corner.clip(0).prod(1) / np.minimum(area, areas)).max())
