"""Other words for the same picture: synonyms, and parents, which name more instances."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from argus.data.augment.config import AugmentConfig
from argus.data.ontology import Ontology
from argus.data.ontology.words import fold
from argus.data.records import Query, Sample


def rephrase(sample: Sample, config: AugmentConfig, rng: np.random.Generator, ontology: Ontology) -> Sample:
    """The sample with some of its phrases put into other words, by chance; no text comes up twice.

    A phrase becomes a synonym, and names what it named before; or, if it is present, one of its parents, and then names
    every instance that is one. It stays where the ontology does not know it, or an instance might be one or not.
    """
    texts = {fold(query.text) for query in sample.queries}
    queries: list[Query] = []
    for query in sample.queries:
        draw, pick = rng.random(2)
        other = query
        if draw < config.synonym_share:
            other = _synonym(query, pick, ontology)
        elif draw < config.synonym_share + config.parent_share and query.instances:
            other = _parent(query, sample, pick, ontology)
        if fold(other.text) in texts:
            other = query
        texts.add(fold(other.text))
        queries.append(other)
    return replace(sample, queries=tuple(queries))


def _synonym(query: Query, pick: float, ontology: Ontology) -> Query:
    names = ontology.synonyms(query.text)
    if not names:
        return query
    return replace(query, text=names[int(pick * len(names))], kind="synonym" if query.kind == "name" else query.kind)


def _parent(query: Query, sample: Sample, pick: float, ontology: Ontology) -> Query:
    choices = []
    for parent in ontology.parents(query.text):
        concept = ontology.concepts[parent]
        named = instances_of(parent, sample, ontology)
        if concept.names(query.language) and not concept.abstract and named and set(query.instances) <= set(named):
            choices.append(replace(query, text=concept.names(query.language)[0], kind="parent", instances=named))
    return choices[int(pick * len(choices))] if choices else query


def instances_of(phrase: str, sample: Sample, ontology: Ontology) -> tuple[int, ...] | None:
    """The instances that a phrase names, by their concepts; None when that is in doubt for any."""
    verdicts = [ontology.is_a(concept, phrase) for concept in sample.concepts]
    return None if None in verdicts else tuple(index for index, verdict in enumerate(verdicts) if verdict)
