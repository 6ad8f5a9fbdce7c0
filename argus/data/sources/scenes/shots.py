"""The plan of a clip: who is shown, how they and the camera move, what they pass behind, and where it is cut."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import UInt8

from argus.data.sources.scenes import compose
from argus.data.sources.scenes.backgrounds import Ground
from argus.data.sources.scenes.cast import Cast, Sprite
from argus.data.sources.scenes.colours import read_colour
from argus.data.sources.scenes.config import ClipConfig
from argus.data.sources.scenes.motion import Camera, Course, Matrix, Point, affine, rotation

_GROUND_SIDE = 1.5
"""Side of a ground over the frame's: the camera moves over it; past its edge it is mirrored."""
_EVENTS = ("enter", "leave", "pass", "return", "behind bar", "behind other")
_EVENT_SHARES = (0.2, 0.16, 0.1, 0.12, 0.17, 0.25)
_BAR_SHOWS = ("rectangle",)
"""What a bar in front may be called; phrases about it are not asked."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A strip before everything, fixed in the world and no object; `matrix` leads from its pixels to the world."""

    rgba: UInt8[np.ndarray, "h w 4"]
    matrix: Matrix


@dataclass(frozen=True, kw_only=True)
class Shot:
    """Frames without a cut: the actors (by index) with their courses, the farthest first.

    `span` is the part of the courses' time that the frames show.
    """

    frames: int
    span: tuple[float, float]
    ground: Ground
    camera: Camera
    courses: dict[int, Course]
    bars: tuple[Bar, ...]
    shadow_seed: int | None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A whole clip."""

    actors: tuple[Sprite, ...]
    shots: tuple[Shot, ...]


def plan(cast: Cast, config: ClipConfig, rng: np.random.Generator) -> Plan:
    """One shot, or two with a cut between: some actors stay, the others vanish, new ones come."""
    actors = _actors(cast, config, rng)
    together = list(range(len(actors)))
    if config.frames < 6 or rng.random() > 0.25 * config.difficulty * min(1.0, config.frames / 16):
        return Plan(actors=tuple(actors), shots=(_shot(cast, config, actors, together, config.frames, rng),))
    cut = int(rng.integers(config.frames // 4, config.frames - config.frames // 4 + 1))
    alone = [index for index in together if _is_alone(actors, index)]
    later = [index for index in alone if rng.random() < 0.25]  # the cut brings them in
    stay = [index for index in alone if index not in later and rng.random() < 0.6]
    stay = stay if stay or later else alone[:1]
    first = _shot(cast, config, actors, [index for index in together if index not in later], cut, rng)
    second = _shot(cast, config, actors, stay + later, config.frames - cut, rng)
    return Plan(actors=tuple(actors), shots=(first, second))


def _is_alone(actors: list[Sprite], index: int) -> bool:
    """Whether it is the only one of its concept: after a cut nobody could tell which of several it was."""
    return Counter(actor.placed.concept for actor in actors)[actors[index].placed.concept] == 1


def _actors(cast: Cast, config: ClipConfig, rng: np.random.Generator) -> list[Sprite]:
    concepts = cast.choose_concepts(rng) or cast.choose_concepts(rng)  # there is little to learn from empty clips
    extents = cast.choose_extents(len(concepts), rng) * 1.1
    common, mixed = int(rng.integers(len(cast.bank.styles))), rng.random() < 0.6
    actors: list[Sprite] = []
    for concept, extent in zip(concepts, extents, strict=True):
        twins = [actor for actor in actors if actor.placed.concept == concept]
        if twins and rng.random() < 0.4 * config.difficulty:
            actors.append(_twin(twins[rng.integers(len(twins))], rng))
            continue
        style = int(rng.integers(len(cast.bank.styles))) if mixed else common
        sprite = cast.sprite(concept, float(extent), style, rng)
        if cast.patches is not None and rng.random() < 0.35 * config.difficulty:
            sprite = (_cut_out if concept in cast.shapes else _grained)(sprite, cast.patches, rng)
        mirrored = sprite.rgba[:, ::-1] if rng.random() < 0.5 else sprite.rgba
        actors.append(replace(sprite, rgba=compose.light(np.ascontiguousarray(mirrored), rng)))
    return actors


def _twin(sprite: Sprite, rng: np.random.Generator) -> Sprite:
    """The very same drawing, hardly larger or smaller: only its way tells it from the other."""
    scale = rng.uniform(0.85, 1.15)
    return replace(sprite, size_wh=(sprite.size_wh[0] * scale, sprite.size_wh[1] * scale))


def _cut_out(sprite: Sprite, patches: UInt8[np.ndarray, "n s s 3"], rng: np.random.Generator) -> Sprite:
    """A shape cut out of a photo."""
    alpha = sprite.rgba[..., 3]
    photo = _crop(patches, alpha.shape, rng)
    rgba = np.dstack([cv2.multiply(photo, cv2.merge([alpha] * 3), scale=1 / 255), alpha])
    step = max(1, max(alpha.shape) // 32)
    reading = read_colour(np.ascontiguousarray(rgba[::step, ::step]))
    return replace(sprite, rgba=rgba, placed=replace(sprite.placed, reading=reading, pattern=None))


def _grained(sprite: Sprite, patches: UInt8[np.ndarray, "n s s 3"], rng: np.random.Generator) -> Sprite:
    """A drawing with the light and dark of a photo on it, weak enough that its colours keep their names."""
    alpha = sprite.rgba[..., 3]
    grey = cv2.cvtColor(_crop(patches, alpha.shape, rng), cv2.COLOR_RGB2GRAY).astype(np.float32)
    contrast = rng.uniform(0.1, 0.25) / max(float(grey.std()), 1.0)
    gain = np.clip(1 + contrast * (grey - grey.mean()), 0.5, 1.4)
    lit = cv2.multiply(np.ascontiguousarray(sprite.rgba[..., :3]), cv2.merge([gain] * 3), dtype=cv2.CV_8U)
    return replace(sprite, rgba=np.dstack([cv2.min(lit, cv2.merge([alpha] * 3)), alpha]))


def _crop(
    patches: UInt8[np.ndarray, "n s s 3"], size_hw: tuple[int, ...], rng: np.random.Generator
) -> UInt8[np.ndarray, "h w 3"]:
    """A part of a photo patch, stretched to the size."""
    side = int(rng.integers(patches.shape[1] // 3, patches.shape[1] + 1))
    top, left = rng.integers(0, patches.shape[1] - side + 1, 2)
    crop = np.ascontiguousarray(patches[rng.integers(len(patches)), top : top + side, left : left + side])
    return cv2.resize(crop, size_hw[::-1], interpolation=cv2.INTER_LINEAR)


def _shot(
    cast: Cast, config: ClipConfig, actors: list[Sprite], shown: list[int], frames: int, rng: np.random.Generator
) -> Shot:
    side = round(_GROUND_SIDE * config.size)
    camera = _camera(config, frames, rng)
    director = _Director(cast, config, camera, actors, frames, rng)
    for index in rng.permutation(shown).tolist():
        director.send(index)
    least = min(1.0, 0.2 + frames / 24)  # few frames rarely show all of an event
    shown_part = rng.uniform(least, min(1.0, least + 0.4))
    first = float(rng.uniform(0, 1 - shown_part))
    return Shot(
        frames=frames,
        span=(first, float(first + shown_part)),
        ground=cast.ground((side, side), rng),
        camera=camera,
        courses={index: director.courses[index] for index in director.order},
        bars=tuple(director.bars),
        shadow_seed=int(rng.integers(2**31)) if rng.random() < 0.4 else None,
    )


def _camera(config: ClipConfig, frames: int, rng: np.random.Generator) -> Camera:
    """Still in a third of the shots; else panning, zooming, turning and shaking a little, as held in the hand."""
    strength = config.difficulty * min(1.0, frames / 16)
    if rng.random() < 0.35:
        return Camera(size=config.size, shakes_px=np.zeros((2, 2)))
    zoom = float(np.exp(rng.normal(0, 0.18) * strength))
    start = float(np.exp(rng.uniform(-0.1, 0.1)))
    shaken = rng.random() < 0.4
    shakes = rng.normal(0, 0.006 * config.size, (frames + 1, 2)) * (shaken * config.difficulty)
    pan = rng.normal(0, 0.16 * config.size, 2) * strength
    return Camera(
        size=config.size,
        pan_px=(float(pan[0]), float(pan[1])),
        pace=float(np.exp(rng.normal(0, 0.3))),
        zooms=(start, start * zoom),
        degrees=(0.0, float(rng.normal(0, 5) * strength)),
        shakes_px=shakes,
    )


class _Director:
    """Sends the actors of a shot on their ways, one after the other; `order` is the order of drawing."""

    def __init__(
        self,
        cast: Cast,
        config: ClipConfig,
        camera: Camera,
        actors: list[Sprite],
        frames: int,
        rng: np.random.Generator,
    ) -> None:
        self.cast, self.size, self.camera, self.actors, self.rng = cast, config.size, camera, actors, rng
        self.eagerness = 0.1 + 0.45 * config.difficulty
        self.reach = config.size * min(1.0, frames / 20) * (0.2 + 0.5 * config.difficulty)
        self.crossing = 0.25 + 0.5 * config.difficulty
        self.courses: dict[int, Course] = {}
        self.order: list[int] = []
        self.bars: list[Bar] = []
        self._crossed: set[int] = set()

    def send(self, index: int) -> None:
        """Choose what the actor does: cross one that looks alike, take part in an event, or wander about."""
        twins = [other for other in self.order if other not in self._crossed and self._alike(index, other)]
        larger = [other for other in self.order if self._radius(other) > 1.15 * self._radius(index)]
        event = str(self.rng.choice(_EVENTS, p=_EVENT_SHARES)) if self.rng.random() < self.eagerness else "wander"
        place = int(self.rng.integers(len(self.order) + 1))
        if twins and self.rng.random() < self.crossing:
            stops = self._cross(index, twins[0])
        elif event == "behind other" and larger:
            other = larger[self.rng.integers(len(larger))]
            stops = self._through(self._seen(other, 0.5), index, self._radius(other))
            place = int(self.rng.integers(self.order.index(other) + 1))
        elif event == "behind bar":
            stops = self._behind_bar(index)
        elif event in ("enter", "leave", "pass", "return"):
            stops = self._over_the_edge(event, index)
        else:
            stops = self._wander(index)
        self.courses[index] = self._course(index, stops)
        self.order.insert(place, index)

    def _wander(self, index: int) -> tuple[Point, Point, Point]:
        start, angle = self._inside(index), self.rng.uniform(0, 2 * np.pi)
        distance, bend = self.rng.beta(1.2, 2) * self.reach, self.rng.normal(0, 0.2)
        way = distance * np.array([np.cos(angle), np.sin(angle)])
        end = self._keep_inside(np.array(start) + way, index)
        via = (np.array(start) + end) / 2 + bend * np.array([-way[1], way[0]])
        return start, _point(via), _point(end)

    def _over_the_edge(self, event: str, index: int) -> tuple[Point, Point, Point]:
        """In, out, through, or out and back."""
        inside, outside = self._inside(index), self._outside(index)
        if event == "pass":
            return outside, inside, _point(2 * np.array(inside) - np.array(outside))
        if event == "return":
            near = self._keep_inside(np.array(outside), index)
            other = self._keep_inside(near + self.rng.normal(0, 0.2 * self.size, 2), index)
            return _point(near), outside, _point(other)
        via = _point((np.array(inside) + np.array(outside)) / 2 + self.rng.normal(0, 0.06 * self.size, 2))
        return (outside, via, inside) if event == "enter" else (inside, via, outside)

    def _behind_bar(self, index: int) -> tuple[Point, Point, Point]:
        """Through the middle of a bar that is wide enough to hide the actor."""
        if not self.bars:
            self.bars.append(self._bar(2 * self._radius(index) * self.rng.uniform(1.1, 1.6)))
            middle = self.rng.uniform(0.35, 0.65, 2) * self.size
            turn = rotation(self.rng.normal(0, 8) + 90 * int(self.rng.random() < 0.3))
            held = np.array(self.bars[0].rgba.shape[1::-1]) / 2
            matrix = affine(turn, np.array(self.camera.world(_point(middle), 0.5)) - turn @ held)
            self.bars[0] = replace(self.bars[0], matrix=matrix)
        bar = self.bars[0]
        height, width = bar.rgba.shape[:2]
        along = height / 2 + self.rng.uniform(-0.25, 0.25) * self.size
        hidden = self.camera.matrix(0.5) @ bar.matrix @ (width / 2, along, 1.0)
        across = (bar.matrix[:2, 0] * self.rng.choice([-1, 1])) @ rotation(self.rng.normal(0, 12)).T
        step = across * (width / 2 + self._radius(index) * self.rng.uniform(0.9, 1.8))
        return _point(hidden[:2] - step), _point(hidden[:2]), _point(hidden[:2] + step)

    def _bar(self, width_px: float) -> Bar:
        side = round(_GROUND_SIDE * self.size)
        ground = self.cast.ground((side, side), self.rng).image
        strip = np.tile(ground[:, : round(min(width_px, 0.4 * self.size))], (2, 1, 1))
        shade = 1 - 0.35 * np.linspace(-1, 1, strip.shape[1]) ** 2  # rounded, like a post
        rgb = (strip * shade[None, :, None]).astype(np.uint8)
        return Bar(rgba=np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)]), matrix=np.eye(3))

    def _cross(self, index: int, other: int) -> tuple[Point, Point, Point]:
        """The way of the other one backwards, over a meeting in the middle of the frame's inner part."""
        self._crossed.update((index, other))
        meeting = np.array(self._keep_inside(self.rng.uniform(0.3, 0.7, 2) * self.size, index))
        angle = self.rng.uniform(0, 2 * np.pi)
        step = np.array([np.cos(angle), np.sin(angle)]) * 2 * self._radius(index) * self.rng.uniform(0.9, 1.5)
        aside = np.array([-step[1], step[0]]) * self.rng.uniform(0, 0.2)
        self.courses[other] = self._course(other, (_point(meeting - step), _point(meeting), _point(meeting + step)))
        return _point(meeting + step), _point(meeting + aside), _point(meeting - step)

    def _through(self, middle: Point, index: int, radius: float) -> tuple[Point, Point, Point]:
        """From one side of something to the other."""
        angle = self.rng.uniform(0, 2 * np.pi)
        step = np.array([np.cos(angle), np.sin(angle)]) * (radius + self._radius(index) * self.rng.uniform(0.7, 1.4))
        return _point(np.array(middle) - step), middle, _point(np.array(middle) + step)

    def _course(self, index: int, stops: tuple[Point, Point, Point]) -> Course:
        """Stops in the frame, half way at half time, turned into a way in the world."""
        actor, rng = self.actors[index], self.rng
        start, via, end = (self.camera.world(stop, time) for stop, time in zip(stops, (0.0, 0.5, 1.0), strict=True))
        shrink = float(np.exp(-abs(rng.normal(0, 0.3)) * self.eagerness))
        turn = float(rng.normal(0, 10 if actor.steep else 45) * self.eagerness)

        return Course(
            start=start,
            via=via,
            end=end,
            pace=float(np.exp(rng.normal(0, 0.25))) if rng.random() < 0.5 else 1.0,
            scales=(shrink, 1.0) if rng.random() < 0.5 else (1.0, shrink),
            degrees=(actor.degrees, actor.degrees + turn),
            wobble=float(rng.uniform(0, 0.1)) if rng.random() < self.eagerness else 0.0,
            swings=float(rng.uniform(0.5, 2.0)),
        )

    def _alike(self, index: int, other: int) -> bool:
        return self.actors[index].placed.concept == self.actors[other].placed.concept

    def _seen(self, index: int, time: float) -> Point:
        """Where in the frame an actor that is on its way already will be."""
        return _point((self.camera.matrix(time) @ (*self.courses[index].centre(time), 1.0))[:2])

    def _radius(self, index: int) -> float:
        return 0.5 * max(self.actors[index].size_wh)

    def _inside(self, index: int) -> Point:
        """A place in the frame, the least crowded of a few."""
        taken = np.array([self._seen(other, 0.0) for other in self.order]).reshape(-1, 2)
        places = [self._keep_inside(self.rng.uniform(0, self.size, 2), index) for _ in range(5)]
        room = [np.linalg.norm(taken - place, axis=1).min(initial=np.inf) for place in places]
        return _point(places[int(np.argmax(room))])

    def _outside(self, index: int) -> Point:
        """A place just beyond one of the edges."""
        beyond, along = self._radius(index) * 1.25, self.rng.uniform(0.15, 0.85) * self.size
        edge = -beyond if self.rng.random() < 0.5 else self.size + beyond
        return (edge, along) if self.rng.random() < 0.5 else (along, edge)

    def _keep_inside(self, point: np.ndarray, index: int) -> np.ndarray:
        margin = min(self._radius(index), self.size / 2 - 1)
        return np.clip(point, margin, self.size - margin)


def _point(xy: np.ndarray) -> Point:
    return float(xy[0]), float(xy[1])


def shows(shot: Shot) -> tuple[str, ...]:
    """Concepts that may be in the shot without being an actor."""
    return shot.ground.shows + (_BAR_SHOWS if shot.bars else ())
