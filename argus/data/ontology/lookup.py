"""An ontology asked by phrases: what they name, other words for it, and what is surely absent beside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from argus.data.ontology.graph import LANGUAGES, Concept, Graph
from argus.data.ontology.words import fold, language_of, share_words, singulars, stems, tails

_SYNONYM_SHARE = 0.35


class Ontology(Graph[Concept]):
    """Concepts that are found by any of their names.

    Phrases may be written with capitals, in the plural or with an article. What no name fits is unknown: it has no
    synonyms, parents or siblings, and is taken to be related to whatever speaks of the same word.
    """

    def __init__(self, concepts: Iterable[Concept]) -> None:
        super().__init__(concepts)
        self._owners = {
            fold(name): concept.id
            for language in reversed(LANGUAGES)
            for concept in self.concepts.values()
            for name in concept.names(language)
        }
        self._about, self._saying = self._word_index()

    def find(self, phrase: str) -> str | None:
        """The id of the concept that has the phrase for a name; None when there is none."""
        folded = fold(phrase)
        spellings = [folded, *singulars(folded)]
        return next((self._owners[text] for text in spellings if text in self._owners), None)

    def head(self, phrase: str) -> str | None:
        """The id of what a phrase is about: its longest end that is a name ("small red apple": "apple")."""
        return next((id_ for tail in tails(fold(phrase)) if (id_ := self.find(tail)) is not None), None)

    def synonyms(self, phrase: str) -> tuple[str, ...]:
        """Other names of the same concept in the phrase's language, the usual one first."""
        id_ = self.find(phrase)
        if id_ is None:
            return ()
        own = {fold(phrase), *singulars(fold(phrase))}
        return tuple(name for name in self.concepts[id_].names(language_of(phrase)) if fold(name) not in own)

    def parents(self, phrase: str) -> tuple[str, ...]:
        """The ids of all ancestors, nearest first."""
        id_ = self.find(phrase)
        found: list[str] = [] if id_ is None else list(dict.fromkeys(self.concepts[id_].parents))
        for ancestor in found:  # grows while it is read: breadth first
            found += [parent for parent in dict.fromkeys(self.concepts[ancestor].parents) if parent not in found]
        return tuple(found)

    def siblings(self, phrase: str) -> tuple[str, ...]:
        """The ids of the other children of its parents."""
        id_ = self.find(phrase)
        return () if id_ is None else tuple(dict.fromkeys(super().siblings(id_)))

    def related(self, a: str, b: str) -> bool:
        """Whether one could be true of an instance of the other: the same, a synonym, an ancestor or descendant, or
        what one may pass for. Neither may be a negative where the other is present."""
        if fold(a) == fold(b):
            return True
        head_a, head_b = self.head(a), self.head(b)
        if head_a is not None and head_b is not None and head_b in self.near[head_a]:
            return True
        return (self.find(a) is None or self.find(b) is None) and share_words(a, b)

    def is_a(self, concept: str, phrase: str) -> bool | None:
        """Whether an instance that is labelled `concept` is one of what the phrase names; None when it is doubtful."""
        if fold(concept) == fold(phrase):
            return True
        own, asked = self.find(concept), self.head(phrase)
        if own is None or asked is None:
            return None
        if asked in self.ancestors[own]:
            return True if self.find(phrase) is not None else None  # it is an apple; whether a red one is not known
        return None if self.related(concept, phrase) else False

    def absent(
        self,
        present: Iterable[str],
        count: int,
        rng: np.random.Generator,
        hard_share: float,
        *,
        language: str = "en",
    ) -> tuple[str, ...]:
        """Up to `count` different phrases that name nothing where `present` is all there is.

        Each is, with probability `hard_share`, the name of a sibling of something present, as far as there are any.
        Fewer come back when the ontology has no more. Raises ValueError for a share outside 0..1.
        """
        if not 0 <= hard_share <= 1:
            raise ValueError(f"expected a share of hard negatives in 0..1, got {hard_share}")
        present = tuple(present)
        free = self.unrelated(present, language)
        beside = {sibling for phrase in present for sibling in self.siblings(self.head(phrase) or phrase)}
        hard = list(rng.permutation(sorted(free & beside)).tolist())
        easy = list(rng.permutation(sorted(free - beside)).tolist())
        chosen: list[str] = []
        while len(chosen) < count and (hard or easy):
            pool = hard if hard and (rng.random() < hard_share or not easy) else easy
            chosen.append(self.name(pool.pop(), language, rng))
        return tuple(chosen)

    def unrelated(self, present: Iterable[str], language: str) -> frozenset[str]:
        """The ids of what surely is not in a picture that shows `present`, and can be asked for in the language."""
        blocked: set[str] = set()
        for phrase in set(present):
            head = self.head(phrase)
            blocked |= self.near[head] if head is not None else frozenset()
            if self.find(phrase) is None:
                blocked |= self._sharing(phrase)
        return frozenset(
            id_ for id_, c in self.concepts.items() if id_ not in blocked and c.names(language) and not c.abstract
        )

    def name(self, id_: str, language: str, rng: np.random.Generator) -> str:
        """A name of the concept: mostly the usual one, at times a synonym. It has to have names in the language."""
        names = self.concepts[id_].names(language)
        other = len(names) > 1 and rng.random() < _SYNONYM_SHARE
        return names[int(rng.integers(1, len(names)))] if other else names[0]

    def _word_index(self) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
        """Which concepts have a name that ends in a word, and which one that says it anywhere."""
        about: dict[str, set[str]] = defaultdict(set)
        saying: dict[str, set[str]] = defaultdict(set)
        for concept in self.concepts.values():
            for last, every in map(stems, concept.names_en):
                for word in every:
                    saying[word].add(concept.id)
                for word in last:
                    about[word].add(concept.id)
        return dict(about), dict(saying)

    def _sharing(self, phrase: str) -> frozenset[str]:
        """The concepts with a name that `share_words` with the phrase."""
        if language_of(phrase) == "zh":
            held = (i for i, c in self.concepts.items() if any(n in phrase or phrase in n for n in c.names_zh))
            return frozenset(held)
        last, every = stems(phrase)
        by_last = (self._saying.get(word, set()) for word in last)
        by_any = (self._about.get(word, set()) for word in every)
        return frozenset().union(*by_last, *by_any)
