"""Choosing what scenes and clips show: concepts, sizes, sprites and their looks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8

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


@dataclass(frozen=True, kw_only=True)
class Sprite:
    """A sprite chosen to be shown `size_wh` pixels large and turned by `degrees`. `steep`: it must not turn far."""

    rgba: UInt8[np.ndarray, "h w 4"]
    size_wh: tuple[float, float]
    degrees: float
    placed: Placed
    steep: bool


class Cast:
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

    def ground(self, size_hw: tuple[int, int], rng: np.random.Generator) -> Ground:
        """Something to stand on, the plainer the easier the scenes are."""
        plainness = 0.6 - 0.52 * self.config.difficulty
        return background(size_hw, rng, plainness=plainness, patches=self.patches)

    def choose_concepts(self, rng: np.random.Generator) -> list[str]:
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

    def choose_extents(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Longer sides as fractions of the image's, together no larger than the image allows."""
        difficulty = self.config.difficulty
        low, high = 0.3 - 0.18 * difficulty, 0.6 - 0.12 * difficulty
        extents = np.exp(rng.uniform(np.log(low), np.log(high), count))
        small = rng.random(count) < 0.15 * difficulty
        extents[small] = rng.uniform(0.07, 0.12, int(small.sum()))
        crowding = np.sqrt(0.9 / max((extents**2).sum(), 0.9))
        return np.maximum(extents * crowding, 0.07)

    def sprite(self, concept: str, extent: float, style: int, rng: np.random.Generator) -> Sprite:
        """A sprite of a concept, perhaps tinted, about `extent` of the image's side large when it is drawn."""
        side = extent * self.config.size
        pattern: str | None = None
        exact, steep = True, True
        upright = rng.normal(0, 12)
        sprites = self.bank.by_concept.get(concept, [])
        if concept in self.shapes and (not sprites or rng.random() < 0.7):
            name = self.shapes[concept]
            shape = draw_shape(name, min((s for s in SIDES if s >= side), default=SIDES[0]), rng)
            rgba, pattern = shape.rgba, shape.pattern
            steep = name in _STEEP
            degrees = upright if steep else rng.uniform(-180, 180)
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
        size_wh = (float(rgba.shape[1] * scale * squeeze), float(rgba.shape[0] * scale / squeeze))
        placed = Placed(
            concept=concept,
            reading=_read(rgba, pattern),
            extent=float(np.sqrt(size_wh[0] * size_wh[1])) / self.config.size,
            visible=1.0,
            pattern=pattern,
            exact=exact,
        )
        return Sprite(rgba=rgba, size_wh=size_wh, degrees=degrees, placed=placed, steep=steep)

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


def _shape_of(glyphs: tuple[str, ...]) -> str:
    return next((glyph.removeprefix("shape:") for glyph in glyphs if glyph.startswith("shape:")), "")


def _read(rgba: UInt8[np.ndarray, "h w 4"], pattern: str | None) -> ColourReading:
    """The colour of a sprite; a patterned one has no single colour."""
    step = max(1, max(rgba.shape[:2]) // 32)
    reading = read_colour(rgba[::step, ::step])
    return ColourReading(name=None, possible=reading.possible) if pattern else reading
