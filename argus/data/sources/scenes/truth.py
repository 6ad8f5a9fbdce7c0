"""Whether a phrase names an object of a scene: yes, no, or doubtful. Doubtful phrases are never asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from argus.data.sources.scenes.colours import ColourReading
from argus.data.sources.scenes.concepts import Ontology

SMALL_AT_MOST = 0.15
"""An object alone is small up to this extent, as a fraction of the image's side."""
LARGE_FROM = 0.38
_GAP = 1.45
_ALIKE = 1.25


@dataclass(frozen=True, kw_only=True)
class Placed:
    """What is known about one object in a scene.

    `extent` is the square root of its bounding area over the image's side, `visible` the fraction of the object that is
    seen. `pattern` is "" for plain and None when unknown. `exact`: no narrower concept could name it (a drawing of a
    car is no taxi; a photo of a car may be one).
    """

    concept: str
    reading: ColourReading
    extent: float
    visible: float
    pattern: str | None
    exact: bool


@dataclass(frozen=True, kw_only=True)
class Phrase:
    """A concept with attributes; None where the phrase says nothing."""

    concept: str
    colour: str | None = None
    size: str | None = None
    pattern: str | None = None


def instances(phrase: Phrase, placed: Sequence[Placed], ontology: Ontology) -> tuple[int, ...] | None:
    """Indices of the objects that the phrase names; None when it is doubtful for any object."""
    verdicts = [_is_named(phrase, thing, ontology) for thing in placed]
    if any(verdict is None for verdict in verdicts):
        return None
    named = tuple(index for index, verdict in enumerate(verdicts) if verdict)
    return named if phrase.size is None else _of_size(phrase.size, named, placed)


def _is_named(phrase: Phrase, thing: Placed, ontology: Ontology) -> bool | None:
    """Three-valued "and": one no makes no; without a no, one doubt makes a doubt."""
    verdicts = [_is_a(thing, phrase.concept, ontology)]
    if verdicts[0] is False:
        return False
    if phrase.colour is not None:
        possible = phrase.colour in thing.reading.possible
        verdicts.append(True if thing.reading.name == phrase.colour else None if possible else False)
    if phrase.pattern is not None:
        verdicts.append(None if thing.pattern is None else thing.pattern == phrase.pattern)
    if False in verdicts:
        return False
    return None if None in verdicts else True


def _is_a(thing: Placed, concept: str, ontology: Ontology) -> bool | None:
    if concept in ontology.ancestors[thing.concept]:
        return True
    if concept in ontology.doubtful[thing.concept]:
        return None
    if not thing.exact and thing.concept in ontology.ancestors[concept] | ontology.doubtful[concept]:
        return None
    return False


def _of_size(size: str, named: tuple[int, ...], placed: Sequence[Placed]) -> tuple[int, ...] | None:
    """The small or large ones among alike objects: by a clear gap between them, else by their size in the image."""
    if not named:
        return ()
    if any(placed[index].visible < 0.6 for index in named):
        return None
    order = sorted(named, key=lambda index: placed[index].extent)
    extents = [placed[index].extent for index in order]
    if extents[-1] / extents[0] <= _ALIKE:
        return _of_absolute_size(size, named, extents)
    ratios = [above / below for below, above in pairwise(extents)]
    cut = ratios.index(max(ratios)) + 1
    if ratios[cut - 1] < _GAP or extents[cut - 1] > LARGE_FROM or extents[cut] < SMALL_AT_MOST:
        return None
    return tuple(sorted(order[:cut] if size == "small" else order[cut:]))


def _of_absolute_size(size: str, named: tuple[int, ...], extents: list[float]) -> tuple[int, ...] | None:
    if extents[0] >= LARGE_FROM:
        return named if size == "large" else ()
    if extents[-1] <= SMALL_AT_MOST:
        return named if size == "small" else ()
    return None
