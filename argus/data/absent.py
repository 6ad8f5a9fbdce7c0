"""Phrases that are not true of an image, for data that come with few of them or none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from argus.data.dataset import Dataset, Record
from argus.data.ontology import Ontology
from argus.data.phrases import language_of
from argus.data.records import Query

_HARD_SHARE = 0.5


def with_absent_phrases(dataset: Dataset, ontology: Ontology, per_image: int, seed: int) -> Dataset:
    """The data with phrases added that are absent from an image, drawn by `seed`, so that each asks for `per_image`.

    They are the data's other concepts, and where those do not reach, names from the `ontology`, about half of them
    siblings of what the image holds, in the language of its phrases. None of them could be true: left out are what the
    image holds or is already asked, what shares all its words with a concept there (or the other way round: "car" and
    "red cars"), and what the ontology relates to one (synonyms, parents, what may pass for it). Videos keep their
    phrases. Raises ValueError for a negative number.
    """
    if per_image < 0:
        raise ValueError(f"Expected a number of phrases of at least 0, got {per_image}.")
    drawing = _Drawing(dataset.concepts, ontology)
    records = []
    for index, record in enumerate(dataset.records):
        lacking = per_image - sum(not query.instances for query in record.queries)
        rng = np.random.default_rng([seed, index])
        added = drawing.absent(record, lacking, rng) if lacking > 0 else []
        records.append(replace(record, queries=(*record.queries, *added)))
    return replace(dataset, records=tuple(records))


class _Drawing:
    """What can be asked of images that does not hold of them; judgements on pairs of phrases are kept."""

    def __init__(self, own: Sequence[str], ontology: Ontology) -> None:
        self.own, self.ontology = own, ontology
        self._known: dict[tuple[str, str], bool] = {}

    def absent(self, record: Record, count: int, rng: np.random.Generator) -> list[Query]:
        """Up to `count` phrases that are absent from an image and not asked yet."""
        there = {*record.concepts, *record.unsure, *(query.text for query in record.queries if query.instances)}
        asked = {query.text.casefold() for query in record.queries}
        languages = Counter(map(language_of, sorted(there)))
        language = languages.most_common(1)[0][0] if languages else "en"
        found: list[Query] = []
        for phrase in (self.own[index] for index in rng.permutation(len(self.own))):
            self._take(phrase, "absent", there, asked, found, count)
        if len(found) < count:
            siblings = {sibling for present in there for sibling in self.ontology.siblings(present)}
            # more than are needed, for some may be asked already or share their words with what is there
            for phrase in self.ontology.absent(there, 2 * count + len(asked), rng, _HARD_SHARE, language=language):
                hard = self.ontology.find(phrase) in siblings
                self._take(phrase, "absent-sibling" if hard else "absent", there, asked, found, count)
        return found

    def _take(self, phrase: str, kind: str, there: set[str], asked: set[str], found: list[Query], most: int) -> None:
        """Add a phrase to those found, unless there are enough, or it is asked already or could be true."""
        if len(found) < most and phrase.casefold() not in asked and not any(self._could_be(phrase, p) for p in there):
            asked.add(phrase.casefold())
            found.append(Query(text=phrase, language=language_of(phrase), kind=kind, instances=()))

    def _could_be(self, phrase: str, present: str) -> bool:
        key = (phrase, present)
        if key not in self._known:
            words, there = _words(phrase), _words(present)
            alike = words <= there or there <= words
            self._known[key] = alike or self.ontology.related(phrase, present)
        return self._known[key]


def _words(phrase: str) -> frozenset[str]:
    """The words of a phrase, of its Chinese part each character; without the s of a plural."""
    found = re.findall(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+", phrase.casefold())
    return frozenset(word[:-1] if word.endswith("s") and len(word) > 3 else word for word in found) or frozenset(
        [phrase]
    )
