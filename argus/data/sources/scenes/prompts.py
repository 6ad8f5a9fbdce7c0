"""Phrases for a scene: names, synonyms, parents, colours, sizes and patterns, and as many that name nothing in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

import numpy as np

from argus.data.ontology.words import plural
from argus.data.records import Query
from argus.data.sources.scenes.colours import BY_NAME
from argus.data.sources.scenes.concepts import Ontology
from argus.data.sources.scenes.shapes import PATTERNS
from argus.data.sources.scenes.truth import Phrase, Placed, instances

_SIZES_EN = {"small": ("small", "small", "little"), "large": ("large", "large", "big")}
_SIZES_ZH = {"small": "小", "large": "大"}
_HARD_SHARE = 0.5
_HARD_KINDS = ("absent-sibling", "wrong-colour", "wrong-size", "wrong-pattern")
_HARD_SHARES = (0.5, 0.28, 0.14, 0.08)
_TRIES = 6
_PLURAL_SHARE = 0.08
_COLOURS = tuple(BY_NAME)


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Makes phrases about scenes from the concepts in use (`usable`: those with sprites, and all above them)."""

    ontology: Ontology
    usable: tuple[str, ...]
    chinese_share: float

    def ask(
        self, placed: Sequence[Placed], unmarked: tuple[str, ...], rng: np.random.Generator, count: int
    ) -> tuple[Query, ...]:
        """Up to `count` phrases with different texts, half of them (all in an empty scene) without instance.

        What can be said about few objects is little; then there are fewer. `unmarked` are concepts that may be in the
        picture without being one of `placed`: nothing is asked about them, what is above and what is below them.
        """
        queries: dict[str, Query] = {}
        for phrase, kind in chain(self._positives(placed, rng), self._positives(placed, rng)):  # again in other words
            if len(queries) >= count // 2:
                break
            if self._is_about(phrase, unmarked):
                continue
            self._add(phrase, kind, placed, rng, queries)
        present = len(queries)
        absent = count - count // 2 if not placed else max(4, present + int(rng.integers(-1, 2)))
        for _ in range(absent * _TRIES):
            if len(queries) >= present + absent:
                break
            absence, kind = self._negative(placed, rng)
            if absence is not None and not self._is_about(absence, unmarked):
                self._add(absence, kind, placed, rng, queries)
        return tuple(queries.values())

    def _is_about(self, phrase: Phrase, unmarked: tuple[str, ...]) -> bool:
        """Whether the phrase could name one of the unmarked concepts."""
        ancestors = self.ontology.ancestors
        return any(other in ancestors[phrase.concept] or phrase.concept in ancestors[other] for other in unmarked)

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
            yield named, ("shape" if is_shape else "name") if concept == own else "parent", 3 if concept == own else 0.6
            weight = 1.0 if concept == own else 0.25
            if thing.reading.name is not None:
                yield replace(named, colour=thing.reading.name), "colour", 1.8 * weight
            for size in _SIZES_EN:
                yield replace(named, size=size), "size", 0.7 * weight
                if thing.reading.name is not None:
                    yield replace(named, size=size, colour=thing.reading.name), "colour-size", 0.3 * weight
            if thing.pattern:
                yield replace(named, pattern=thing.pattern), "pattern", 1.8 * weight

    def _negative(self, placed: Sequence[Placed], rng: np.random.Generator) -> tuple[Phrase | None, str]:
        """A phrase that names nothing in the scene: hard (near something present) or any; None when none is found."""
        hard = bool(placed) and rng.random() < _HARD_SHARE
        kind = str(rng.choice(_HARD_KINDS, p=_HARD_SHARES)) if hard else "absent"
        make = {
            "absent": self._absent,
            "absent-sibling": self._sibling,
            "wrong-colour": self._other_colour,
            "wrong-size": self._other_size,
            "wrong-pattern": self._other_pattern,
        }[kind]
        for _ in range(_TRIES):
            phrase = make(placed, rng)
            if instances(phrase, placed, self.ontology) == ():
                is_group = kind == "absent" and self.ontology.children[phrase.concept]
                return phrase, "absent-parent" if is_group else kind
        return None, kind

    def _absent(self, placed: Sequence[Placed], rng: np.random.Generator) -> Phrase:
        """Any concept, or what is above any: large groups come up as often as they would be present."""
        concept = str(rng.choice(self.usable))
        if rng.random() < 0.55:
            concept = str(rng.choice(sorted(self.ontology.ancestors[concept].intersection(self.usable))))
        colour = str(rng.choice(_COLOURS)) if rng.random() < 0.15 else None
        size = str(rng.choice(list(_SIZES_EN))) if rng.random() < 0.15 else None
        return Phrase(concept=concept, colour=colour, size=size)

    def _sibling(self, placed: Sequence[Placed], rng: np.random.Generator) -> Phrase:
        """Another child of a parent (most often the nearest one) of something present."""
        thing = placed[int(rng.integers(len(placed)))]
        own = self.ontology.concepts[thing.concept]
        parents = own.parents if rng.random() < 0.7 else sorted(self.ontology.ancestors[own.id] - {own.id})
        family = [c for p in parents for c in self.ontology.children[p] if c != own.id and c in self._usable]
        concept = str(rng.choice(family)) if family else str(rng.choice(self.usable))
        return Phrase(concept=concept, colour=thing.reading.name if rng.random() < 0.15 else None)

    def _other_colour(self, placed: Sequence[Placed], rng: np.random.Generator) -> Phrase:
        """Something present in a colour it does not have, often the colour of something else."""
        others = [thing.reading.name for thing in placed if thing.reading.name is not None]
        colour = str(rng.choice(others)) if others and rng.random() < 0.5 else str(rng.choice(_COLOURS))
        return Phrase(concept=self._present(placed, rng), colour=colour)

    def _other_size(self, placed: Sequence[Placed], rng: np.random.Generator) -> Phrase:
        return Phrase(concept=self._present(placed, rng), size=str(rng.choice(list(_SIZES_EN))))

    def _other_pattern(self, placed: Sequence[Placed], rng: np.random.Generator) -> Phrase:
        shapes = [thing for thing in placed if thing.pattern is not None]
        return Phrase(concept=self._present(shapes or placed, rng), pattern=str(rng.choice(list(PATTERNS))))

    def _present(self, placed: Sequence[Placed], rng: np.random.Generator) -> str:
        """The concept of something present, sometimes one above it."""
        thing = placed[int(rng.integers(len(placed)))]
        above = sorted(self.ontology.ancestors[thing.concept].intersection(self.usable))
        return str(rng.choice(above)) if rng.random() < 0.25 else thing.concept

    def _words(self, phrase: Phrase, language: str, rng: np.random.Generator) -> tuple[str, bool]:
        """The phrase in words, and whether a synonym stands for the usual name."""
        names = self.ontology.concepts[phrase.concept].names(language)
        choice = int(rng.integers(1, len(names))) if len(names) > 1 and rng.random() < 0.35 else 0
        name = names[choice]
        if language == "zh":
            return _chinese(phrase, name, rng), choice > 0
        return _english(phrase, plural(name) if rng.random() < _PLURAL_SHARE else name, rng), choice > 0

    @cached_property
    def _usable(self) -> frozenset[str]:
        return frozenset(self.usable)


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
