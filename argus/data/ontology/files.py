"""Ontologies from the built-in tables and from JSON files."""

from __future__ import annotations

import json
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from argus.data.ontology.graph import LANGUAGES, Concept
from argus.data.ontology.lookup import Ontology
from argus.data.ontology.skos import read_skos

_LISTS = (*LANGUAGES, "parents", "may_be")


@cache
def built_in() -> Ontology:
    """The concepts of the scenes (everyday things, in English and Chinese); the same object at each call."""
    from argus.data.sources.scenes.concepts import ontology  # here: the scenes need this package themselves

    plain = [field.name for field in fields(Concept)]
    drawn = ontology().concepts.values()
    return Ontology(Concept(**{name: getattr(concept, name) for name in plain}) for concept in drawn)


def read_ontology(path: str | Path) -> Ontology:
    """Read a file of either kind: `.json` is Argus' own form, everything else SKOS."""
    return read_json(path) if Path(path).suffix.casefold() == ".json" else read_skos(path)


def read_json(path: str | Path) -> Ontology:
    """Read an ontology in the form that docs/training.md describes.

    Raises ValueError for another form, unknown keys, concepts without a name, names that stand twice, parents that no
    concept has for its first name, and circles.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"expected JSON in UTF-8 in {path}, got: {error}") from error
    if not isinstance(document, dict) or document.keys() != {"concepts"} or not isinstance(document["concepts"], list):
        raise ValueError(f'expected {{"concepts": [...]}} in {path}, got another form; see docs/training.md')
    return Ontology(_concept(record, number, path) for number, record in enumerate(document["concepts"], 1))


def write_json(ontology: Ontology, path: str | Path) -> Path:
    """Write an ontology so that `read_json` reads the same; returns the path."""
    records = [_record(concept) for concept in ontology.concepts.values()]
    text = ",\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    Path(path).write_text(f'{{"concepts": [\n{text}\n]}}\n', encoding="utf-8")
    return Path(path)


def _concept(record: Any, number: int, path: str | Path) -> Concept:
    where = f"concept number {number} in {path}"
    if not isinstance(record, dict):
        raise ValueError(f"{where}: expected a JSON object, got {record!r}")
    if unknown := record.keys() - {*_LISTS, "abstract"}:
        raise ValueError(f"{where}: expected the keys {', '.join(_LISTS)} and abstract, got {sorted(unknown)} too")
    if not isinstance(record.get("abstract", False), bool):
        raise ValueError(f"{where}: expected true or false for abstract, got {record['abstract']!r}")
    lists = {key: _texts(record.get(key, []), f"{where}: {key}") for key in _LISTS}
    names = lists["en"] + lists["zh"]
    if not names:
        raise ValueError(f'{where}: expected a name at least, as in "en": ["dog"], got none')
    return Concept(
        id=names[0],
        names_en=lists["en"],
        names_zh=lists["zh"],
        parents=lists["parents"],
        maybe=lists["may_be"],
        abstract=record.get("abstract", False),
    )


def _texts(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) and text.strip() for text in value):
        raise ValueError(f'{where}: expected a list of texts, as in ["dog"], got {value!r}')
    texts = tuple(text.strip() for text in value)
    if len({text.casefold() for text in texts}) < len(texts):
        raise ValueError(f"{where}: expected each text once, got {value!r}")
    return texts


def _record(concept: Concept) -> dict[str, Any]:
    record: dict[str, Any] = {
        "en": list(concept.names_en),
        "zh": list(concept.names_zh),
        "parents": list(concept.parents),
        "may_be": list(concept.maybe),
        "abstract": concept.abstract,
    }
    return {key: value for key, value in record.items() if value}
