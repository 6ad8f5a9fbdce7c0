"""SA-Co JSON as a dataset to learn from: its pairs gathered by image."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from argus.data.dataset import Dataset, Record
from argus.data.phrases import as_phrase, language_of
from argus.data.problems import Problems
from argus.data.records import Query
from argus.data.sources.gathered import Gathered, dataset
from argus.data.sources.items import id_of, items, label, told_size_hw
from argus.data.sources.outlines import outline
from argus.data.sources.places import Places
from argus.data.sources.saco import counts
from argus.ops.rle import Rle


@dataclass(kw_only=True)
class _Asked:
    """One pair while it is read: what is said of it, and its masks."""

    photo: Gathered
    phrase: str
    language: str
    kind: str
    exhaustive: bool
    rles: list[Rle] = field(default_factory=list)
    lost: bool = False


def open_saco(path: Path, document: dict[str, Any], images: Path | None) -> Dataset:
    """The labelled images of a SA-Co document from `path`, each with all its phrases, absent ones too.

    A mask that several phrases of an image share is one instance; its concept is the first of them that is a name. A
    pair that is not exhaustive, or has crowd or ignored regions, is not asked. Else as `argus.data.sources.coco`.
    """
    problems = Problems(str(path))
    asked, known = _pairs(document, path, Places.beside(path, images), problems)
    annotations = items(document, "annotations", path)
    for place, item in enumerate(annotations):
        try:
            number = id_of(item, "image_id")
            if number not in known:
                raise ValueError(f"it is about image {number!r}, which is not listed")
            pair = asked.get(number)
            if pair is None:
                continue
            if not counts(item):
                pair.exhaustive = False
                continue
            pair.lost = True
            pair.rles.append(outline(item.get("segmentation"), pair.photo.size_hw))
        except ValueError as error:
            problems.add("annotations", f"annotation {label(item, place)}: {error}")
    by_photo: dict[int, list[_Asked]] = {}
    for pair in asked.values():
        by_photo.setdefault(id(pair.photo), []).append(pair)
    totals = {"pairs": len(items(document, "images", path)), "annotations": len(annotations)}
    return dataset("SA-Co JSON", path, [_record(pairs) for pairs in by_photo.values()], problems, totals)


def _pairs(
    document: dict[str, Any], path: Path, places: Places, problems: Problems
) -> tuple[dict[Hashable, _Asked], set[Hashable]]:
    """The pairs whose pictures are there, by id, and the ids of all."""
    found: dict[Hashable, _Asked] = {}
    known: set[Hashable] = set()
    photos: dict[Path, Gathered] = {}
    phrases: set[tuple[Path, str]] = set()
    for place, item in enumerate(items(document, "images", path)):
        try:
            number = id_of(item, "id")
            if number in known:
                found.pop(number, None)  # nobody knows which of them its annotations are about
                raise ValueError(f"several pairs have its id, one of them {item.get('text_input')!r}: all are left out")
            known.add(number)
            phrase = as_phrase(item.get("text_input"))
            file, size_hw = places.find(item.get("file_name"), told_size_hw(item))
            if (file, phrase) in phrases:
                raise ValueError(f"{phrase!r} is asked about {item['file_name']} already")
            phrases.add((file, phrase))
            photo = photos.setdefault(file, Gathered(name=item["file_name"], path=file, size_hw=size_hw))
            if photo.size_hw != size_hw:
                raise ValueError(f"its size is {size_hw}, that of another pair about {item['file_name']} another")
            told = item.get("language")
            found[number] = _Asked(
                photo=photo,
                phrase=phrase,
                language=told if told in ("en", "zh") else language_of(phrase),
                kind=str(item.get("kind") or ""),
                exhaustive=bool(item.get("is_instance_exhaustive", True)),
            )
        except ValueError as error:
            problems.add("pairs", f"pair {label(item, place)}: {error}")
    return found, known


def _record(pairs: list[_Asked]) -> Record:
    """One image with its instances, each once, and its phrases."""
    photo, rows = pairs[0].photo, dict[bytes, int]()
    queries = []
    for pair in sorted(pairs, key=lambda pair: pair.kind not in ("", "name")):
        for mask in pair.rles:
            if mask.counts not in rows:
                rows[mask.counts] = len(photo.rles)
                photo.add(pair.phrase, mask)
        if not pair.exhaustive or (pair.lost and not pair.rles):
            photo.crowded.add(pair.phrase)
            continue
        instances = tuple(dict.fromkeys(rows[mask.counts] for mask in pair.rles))
        kind = pair.kind or ("name" if instances else "absent")
        queries.append(Query(text=pair.phrase, language=pair.language, kind=kind, instances=instances))
    return photo.record(queries)
