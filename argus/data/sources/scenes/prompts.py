"""Phrases for a scene: names, synonyms, parents, colours, sizes and patterns, and as many that name nothing in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from argus.data.records import Query
from argus.data.sources.scenes.colours import BY_NAME
from argus.data.sources.scenes.concepts import Ontology
from argus.data.sources.scenes.shapes import PATTERNS
from argus.data.sources.scenes.truth import Phrase, Placed, instances

_SIZES_EN = {"small": ("small", "small", "little"), "large": ("large", "large", "big")}
_SIZES_ZH = {"small": "小", "large": "大"}
_HARD_SHARE = 0.5
_TRIES = 12
_COLOURS = tuple(BY_NAME)


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Makes phrases about scenes from the concepts in use (`usable`: those with sprites, and all above them)."""

    ontology: Ontology
    usable: tuple[str, ...]
    chinese_share: float

    def ask(self, placed: Sequence[Placed], rng: np.random.Generator, count: int) -> tuple[Query, ...]:
        """About `count` phrases with different texts, half of them (all in an empty scene) without instance."""
        queries: dict[str, Query] = {}
        wanted = min(count // 2, 2 + 3 * len(placed)) if placed else 0
        for phrase, kind in self._positives(placed, rng):
            if len(queries) >= wanted:
                break
            self._add(phrase, kind, placed, rng, queries)
        present = len(queries)
        absent = count - count // 2 if not placed else max(4, present + int(rng.integers(-1, 2)))
        for _ in range(absent * _TRIES):
            if len(queries) >= present + absent:
                break
            phrase, kind = self._negative(placed, rng)
            if instances(phrase, placed, self.ontology) == ():
                self._add(phrase, kind, placed, rng, queries)
        return tuple(queries.values())

    def _add(
        self, phrase: Phrase, kind: str, placed: Sequence[Placed], rng: np.random.Generator, queries: dict[str, Query]
    ) -> None:
        """Put the phrase into words and keep it, unless it is doubtful or its text is there already."""
        named = instances(phrase, placed, self.ontology)
        language = "zh" if rng.random() < self.chinese_share else "en"
        text, is_synonym = self._words(phrase, language, rng)
        if named is not None and text not in queries:
            kind = "synonym" if is_synonym and kind == "name" else kind
            queries[text] = Query(text=text, language=language, kind=kind, instances=named)

    def _positives(self, placed: Sequence[Placed], rng: np.random.Generator) -> Iterator[tuple[Phrase, str]]:
        """Phrases that name something in the scene, in random order; names come up most."""
        pool: dict[tuple[Phrase, str], float] = {}
        for thing in placed:
            for phrase, kind, weight in self._about(thing):
                pool.setdefault((phrase, kind), weight)
        keys = rng.random(len(pool)) ** (1 / np.fromiter(pool.values(), float, len(pool)))
        candidates = list(pool)
        for index in np.argsort(-keys):
            phrase, kind = candidates[index]
            if instances(phrase, placed, self.ontology):
                yield phrase, kind

    def _about(self, thing: Placed) -> Iterator[tuple[Phrase, str, float]]:
        """Everything to say about one object, with weights."""
        own = thing.concept
        is_shape = "shape" in self.ontology.ancestors[own]
        for concept in sorted(self.ontology.ancestors[own].intersection(self.usable)):
            named = Phrase(concept=concept)
            yield named, ("shape" if is_shape else "name") if concept == own else "parent", 3 if concept == own else 0.8
            weight = 1.0 if concept == own else 0.25
            if thing.reading.name is not None:
                yield replace(named, colour=thing.reading.name), "colour", 1.6 * weight
            for size in _SIZES_EN:
                yield replace(named, size=size), "size", 1.4 * weight
                if thing.reading.name is not None:
                    yield replace(named, size=size, colour=thing.reading.name), "colour-size", 0.5 * weight
            if thing.pattern:
                yield replace(named, pattern=thing.pattern), "pattern", 1.6 * weight

    def _negative(self, placed: Sequence[Placed], rng: np.random.Generator) -> tuple[Phrase, str]:
        """A phrase that probably names nothing in the scene: hard (near something present) or any."""
        if placed and rng.random() < _HARD_SHARE:
            thing = placed[rng.integers(len(placed))]
            return _pick((self._sibling, self._other_colour, self._other_attribute), (0.5, 0.3, 0.2), rng)(thing, rng)
        concept = str(rng.choice(self._groups)) if rng.random() < 0.35 else str(rng.choice(self.usable))
        kind = "absent-parent" if self.ontology.children[concept] else "absent"
        colour = str(rng.choice(_COLOURS)) if rng.random() < 0.2 else None
        return Phrase(concept=concept, colour=colour), kind

    def _sibling(self, thing: Placed, rng: np.random.Generator) -> tuple[Phrase, str]:
        """Another child of a parent (most often the nearest one) of something present."""
        above = [a for a in self.ontology.ancestors[thing.concept] if a != thing.concept]
        parents = self.ontology.concepts[thing.concept].parents if rng.random() < 0.7 else tuple(sorted(above))
        family = [c for p in parents for c in self.ontology.children[p] if c != thing.concept and c in self._usable]
        concept = str(rng.choice(family)) if family else str(rng.choice(self.usable))
        colour = thing.reading.name if rng.random() < 0.15 else None
        return Phrase(concept=concept, colour=colour), "absent-sibling" if family else "absent"

    def _other_colour(self, thing: Placed, rng: np.random.Generator) -> tuple[Phrase, str]:
        return Phrase(concept=self._name_of(thing, rng), colour=str(rng.choice(_COLOURS))), "wrong-colour"

    def _other_attribute(self, thing: Placed, rng: np.random.Generator) -> tuple[Phrase, str]:
        if thing.pattern is not None:
            return Phrase(concept=self._name_of(thing, rng), pattern=str(rng.choice(list(PATTERNS)))), "wrong-pattern"
        return Phrase(concept=self._name_of(thing, rng), size=str(rng.choice(list(_SIZES_EN)))), "wrong-size"

    def _name_of(self, thing: Placed, rng: np.random.Generator) -> str:
        """The object's own concept, sometimes one above it."""
        above = sorted(self.ontology.ancestors[thing.concept].intersection(self.usable))
        return str(rng.choice(above)) if rng.random() < 0.25 else thing.concept

    def _words(self, phrase: Phrase, language: str, rng: np.random.Generator) -> tuple[str, bool]:
        """The phrase in words, and whether a synonym stands for the usual name."""
        names = self.ontology.concepts[phrase.concept].names(language)
        choice = int(rng.integers(1, len(names))) if len(names) > 1 and rng.random() < 0.35 else 0
        compose = _chinese if language == "zh" else _english
        return compose(phrase, names[choice], rng), choice > 0

    @property
    def _usable(self) -> frozenset[str]:
        return frozenset(self.usable)

    @property
    def _groups(self) -> tuple[str, ...]:
        return tuple(concept for concept in self.usable if self.ontology.children[concept])


def usable_concepts(ontology: Ontology, drawable: Sequence[str]) -> tuple[str, ...]:
    """Concepts one may ask for when `drawable` can appear: they and everything above them, abstract ones left out."""
    reachable = frozenset().union(*(ontology.ancestors[concept] for concept in drawable))
    return tuple(id_ for id_, concept in ontology.concepts.items() if id_ in reachable and not concept.abstract)


def _english(phrase: Phrase, name: str, rng: np.random.Generator) -> str:
    """Size, colour, pattern, name: "small red striped star"."""
    size = str(rng.choice(_SIZES_EN[phrase.size])) if phrase.size else None
    return " ".join(word for word in (size, phrase.colour, phrase.pattern, name) if word)


def _chinese(phrase: Phrase, name: str, rng: np.random.Generator) -> str:
    """ "小的红色汽车", "红色的苹果": the particle stands once; after a colour it is sometimes left out."""
    colour = BY_NAME[phrase.colour].name_zh if phrase.colour else ""
    pattern = PATTERNS[phrase.pattern] if phrase.pattern else ""
    if phrase.size:
        return f"{_SIZES_ZH[phrase.size]}的{colour}{pattern}{name}"
    particle = "的" if (colour or pattern) and rng.random() < 0.75 else ""
    return f"{colour}{pattern}{particle}{name}"


_Maker = Callable[[Placed, np.random.Generator], tuple[Phrase, str]]


def _pick(makers: tuple[_Maker, ...], shares: tuple[float, ...], rng: np.random.Generator) -> _Maker:
    return makers[rng.choice(len(makers), p=shares)]
