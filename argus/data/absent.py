"""Phrases that are not true of an image, for data that come without any."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from argus.data.dataset import Dataset, Record
from argus.data.phrases import language_of
from argus.data.records import Query


def with_absent_phrases(
    dataset: Dataset,
    phrases: Sequence[str],
    per_image: int,
    seed: int,
    related: Callable[[str, str], bool] | None = None,
) -> Dataset:
    """The data with up to `per_image` more phrases about each image that are absent from it, drawn by `seed`.

    They are the data's other concepts, and where those do not reach, `phrases`. None of them could be true: left out
    are what the image holds or is already asked, what shares all its words with a concept there (or the other way
    round: "car" and "red cars"), and what is `related` to one, asked both ways (synonyms, parents). Videos keep their
    phrases. Raises ValueError for a negative number.
    """
    if per_image < 0:
        raise ValueError(f"Expected a number of phrases of at least 0, got {per_image}.")
    own = list(dataset.concepts)
    given = [phrase for phrase in dict.fromkeys(phrases) if phrase not in set(own)]
    words = {phrase: _words(phrase) for phrase in (*own, *given)}
    known: dict[tuple[str, str], bool] = {}

    def could_be(phrase: str, present: str) -> bool:
        key = (phrase, present)
        if key not in known:
            there = words.get(present) or _words(present)
            alike = words[phrase] <= there or there <= words[phrase]
            known[key] = alike or (related is not None and (related(phrase, present) or related(present, phrase)))
        return known[key]

    records = []
    for index, record in enumerate(dataset.records):
        rng = np.random.default_rng([seed, index])
        drawn = [own[i] for i in rng.permutation(len(own))] + [given[i] for i in rng.permutation(len(given))]
        records.append(_with(record, drawn, per_image, could_be))
    return replace(dataset, records=tuple(records))


def _with(record: Record, drawn: Sequence[str], most: int, could_be: Callable[[str, str], bool]) -> Record:
    """The record with the first `most` of the phrases drawn that are absent from it."""
    there = {*record.concepts, *record.unsure, *(query.text for query in record.queries if query.instances)}
    asked = {query.text.casefold() for query in record.queries}
    absent: list[Query] = []
    for phrase in drawn:
        if len(absent) == most:
            break
        if phrase.casefold() not in asked and not any(could_be(phrase, present) for present in there):
            asked.add(phrase.casefold())
            absent.append(Query(text=phrase, language=language_of(phrase), kind="absent", instances=()))
    return replace(record, queries=(*record.queries, *absent))


def _words(phrase: str) -> frozenset[str]:
    """The words of a phrase, of its Chinese part each character; without the s of a plural."""
    found = re.findall(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+", phrase.casefold())
    return frozenset(word[:-1] if word.endswith("s") and len(word) > 3 else word for word in found) or frozenset(
        [phrase]
    )
