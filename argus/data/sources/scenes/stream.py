"""Concept scenes, made from a configuration and a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np
from jaxtyping import UInt8

from argus.data.records import Sample
from argus.data.sources.scenes import compose
from argus.data.sources.scenes.backgrounds import Ground, background
from argus.data.sources.scenes.bank import PHOTOS_STYLE, SIDES, SpriteBank
from argus.data.sources.scenes.colours import ColourReading, read_colour
from argus.data.sources.scenes.concepts import Ontology, ontology
from argus.data.sources.scenes.config import SceneConfig
from argus.data.sources.scenes.cutouts import read_patches
from argus.data.sources.scenes.prompts import Asker, usable_concepts
from argus.data.sources.scenes.shapes import draw_shape
from argus.data.sources.scenes.truth import Placed

_STEEP = frozenset({"square", "diamond", "cross", "x", "rectangle", "heart", "star", "arrow"})
"""Shapes that turn into another one, or look wrong, when turned far."""


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
    return _stage(config).pool


@dataclass(frozen=True, kw_only=True)
class _Object:
    """A sprite chosen for the scene, before it is placed."""

    layer: compose.Layer
    placed: Placed


class _Stage:
    """All that scenes of one configuration share."""

    def __init__(self, config: SceneConfig) -> None:
        cv2.setNumThreads(0)
        self.config = config
        self.ontology: Ontology = ontology()
        self.bank = SpriteBank(config.cache_folder, config.styles)
        self.shapes = {c.id: _shape_of(c.glyphs) for c in self.ontology.concepts.values() if _shape_of(c.glyphs)}
        everything = [id_ for id_ in self.ontology.concepts if id_ in self.bank.by_concept or id_ in self.shapes]
        drawn = [c.id for c in self.ontology.concepts.values() if c.glyphs]  # the same choice whatever the styles
        chosen = set(np.random.default_rng(0).permutation(drawn)[: config.concepts].tolist())
        self.pool = tuple(id_ for id_ in everything if id_ in chosen)
        self._pool_shapes = tuple(id_ for id_ in self.pool if id_ in self.shapes) or self.pool
        self._pool_photos = tuple(id_ for id_ in self.pool if self._has_photos(id_)) or self.pool
        self._family = {id_: [s for s in self.ontology.siblings(id_) if s in self.pool] for id_ in self.pool}
        usable = usable_concepts(self.ontology, self.pool)
        self.asker = Asker(ontology=self.ontology, usable=usable, chinese_share=config.chinese_share)
        self.patches = read_patches(config.cache_folder)

    def scene(self, seed: int) -> Sample:
        config, size = self.config, self.config.size
        rng = np.random.default_rng(seed)
        ground = self._ground(rng, 0.6 - 0.52 * config.difficulty)
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
            queries=self.asker.ask(placed, ground.shows, rng, count),
            concepts=tuple(thing.concept for thing in placed),
            name=f"scene-{seed:010d}",
        )

    def _ground(self, rng: np.random.Generator, plainness: float) -> Ground:
        size_hw = (self.config.size, self.config.size)
        return background(size_hw, rng, plainness=plainness, patches=self.patches)

    def _objects(self, rng: np.random.Generator) -> list[_Object]:
        """Choose concepts, sizes and sprites, and place them, the far (drawn first) and the near."""
        concepts = self._choose_concepts(rng)
        extents = self._choose_extents(len(concepts), rng)
        common = int(rng.integers(len(self.bank.styles)))
        mixed = rng.random() < 0.6
        crowd = rng.uniform(0, 0.45) * self.config.difficulty
        objects: list[_Object] = []
        for concept, extent in zip(concepts, extents, strict=True):
            style = int(rng.integers(len(self.bank.styles))) if mixed else common
            thing = self._object(concept, extent, style, rng)
            objects.append(self._place(thing, objects, crowd, rng))
        return objects

    def _choose_concepts(self, rng: np.random.Generator) -> list[str]:
        """Between none and `max_objects` concepts: repeated ones, siblings (look-alikes) and others."""
        if rng.random() < 0.04:
            return []
        most = 4 + self.config.difficulty * (self.config.max_objects - 4)
        count = 1 + int(rng.beta(1.0, 2.4) * most)
        repeat, sibling = rng.uniform(0.1, 0.8), rng.uniform(0, 0.6)
        chosen: list[str] = []
        for _ in range(count):
            near = chosen[rng.integers(len(chosen))] if chosen else ""
            if chosen and rng.random() < repeat:
                chosen.append(near)
            elif chosen and self._family[near] and rng.random() < sibling:
                chosen.append(self._family[near][rng.integers(len(self._family[near]))])
            else:
                pools = (self.pool, self._pool_shapes, self._pool_photos)
                pool = pools[rng.choice(3, p=(0.82, 0.1, 0.08))]
                chosen.append(pool[rng.integers(len(pool))])
        return chosen

    def _choose_extents(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Longer sides as fractions of the image's, together no larger than the image allows."""
        difficulty = self.config.difficulty
        low, high = 0.3 - 0.18 * difficulty, 0.6 - 0.12 * difficulty
        extents = np.exp(rng.uniform(np.log(low), np.log(high), count))
        small = rng.random(count) < 0.15 * difficulty
        extents[small] = rng.uniform(0.07, 0.12, int(small.sum()))
        crowding = np.sqrt(0.9 / max((extents**2).sum(), 0.9))
        return np.maximum(extents * crowding, 0.07)

    def _object(self, concept: str, extent: float, style: int, rng: np.random.Generator) -> _Object:
        """A sprite of a concept, turned, lit and perhaps tinted, not placed yet."""
        side = extent * self.config.size
        pattern: str | None = None
        exact = True
        upright = rng.normal(0, 12)
        sprites = self.bank.by_concept.get(concept, [])
        if concept in self.shapes and (not sprites or rng.random() < 0.7):
            name = self.shapes[concept]
            shape = draw_shape(name, min((s for s in SIDES if s >= side), default=SIDES[0]), rng)
            rgba, pattern = shape.rgba, shape.pattern
            degrees = upright if name in _STEEP else rng.uniform(-180, 180)
        else:
            index = self._choose_sprite(sprites, style, rng)
            rgba = self.bank.pixels(index, side)
            exact = self.bank.styles[self.bank.style_of[index]] != PHOTOS_STYLE
            degrees = upright if rng.random() < 0.9 else rng.uniform(-45, 45)
            if exact and concept in self.ontology.tintable and rng.random() < 0.4:
                rgba = compose.tint(rgba, rng)
            if rng.random() < 0.5 * self.config.difficulty:
                rgba = compose.restyle(rgba, rng)
        squeeze = np.exp(rng.normal(0, 0.08))
        scale = side / max(rgba.shape[:2])
        size_wh = rgba.shape[1] * scale * squeeze, rgba.shape[0] * scale / squeeze
        turned = compose.light(compose.turn(rgba, size_wh, degrees, bool(rng.random() < 0.5)), rng)
        placed = Placed(
            concept=concept,
            reading=_read(rgba, pattern),
            extent=float(np.sqrt(size_wh[0] * size_wh[1])) / self.config.size,
            visible=1.0,
            pattern=pattern,
            exact=exact,
        )
        return _Object(layer=compose.Layer(rgba=turned, left=0, top=0), placed=placed)

    def _has_photos(self, concept: str) -> bool:
        styles = {self.bank.styles[self.bank.style_of[index]] for index in self.bank.by_concept.get(concept, [])}
        return PHOTOS_STYLE in styles

    def _choose_sprite(self, sprites: list[int], style: int, rng: np.random.Generator) -> int:
        """A sprite of the wanted style, or of any style that has the concept."""
        photos = [index for index in sprites if self.bank.styles[self.bank.style_of[index]] == PHOTOS_STYLE]
        if photos and rng.random() < 0.4:
            return photos[rng.integers(len(photos))]
        fitting = [index for index in sprites if self.bank.style_of[index] == style] or sprites
        return fitting[rng.integers(len(fitting))]

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


def _shape_of(glyphs: tuple[str, ...]) -> str:
    return next((glyph.removeprefix("shape:") for glyph in glyphs if glyph.startswith("shape:")), "")


def _read(rgba: UInt8[np.ndarray, "h w 4"], pattern: str | None) -> ColourReading:
    """The colour of a sprite; a patterned one has no single colour."""
    step = max(1, max(rgba.shape[:2]) // 32)
    reading = read_colour(rgba[::step, ::step])
    return ColourReading(name=None, possible=reading.possible) if pattern else reading


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
