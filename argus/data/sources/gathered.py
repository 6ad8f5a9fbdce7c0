"""Labelled images while they are read from people's files, and the dataset that they become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from argus.data.dataset import Dataset, Record, VideoRecord
from argus.data.phrases import language_of
from argus.data.pictures import printable
from argus.data.problems import Problems
from argus.data.records import Query
from argus.ops.rle import Rle


@dataclass(kw_only=True)
class Gathered:
    """One image with what is known of it so far.

    `crowded` are concepts with regions that are not outlined one by one, `lost` those of instances that were bad.
    """

    name: str
    path: Path
    size_hw: tuple[int, int]
    rles: list[Rle] = field(default_factory=list)
    concepts: list[str] = field(default_factory=list)
    crowded: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)

    def add(self, concept: str, mask: Rle) -> None:
        """One more instance."""
        self.concepts.append(concept)
        self.rles.append(mask)

    @property
    def unsure(self) -> tuple[str, ...]:
        return tuple(sorted(self.crowded | (self.lost - set(self.concepts))))

    def record(self, queries: Sequence[Query] | None = None, group: str | None = None) -> Record:
        """As a value, with the queries given, or else one for each concept that is fully outlined."""
        return Record(
            name=printable(self.name),
            path=self.path,
            size_hw=self.size_hw,
            rles=tuple(self.rles),
            concepts=tuple(self.concepts),
            queries=named(self.concepts, self.crowded) if queries is None else tuple(queries),
            unsure=self.unsure,
            group=printable(self.name) if group is None else group,
        )


def named(concepts: Sequence[str], unasked: set[str]) -> tuple[Query, ...]:
    """The phrases that name each concept's instances, but for those `unasked`."""
    places: dict[str, list[int]] = {}
    for index, concept in enumerate(concepts):
        if concept not in unasked:
            places.setdefault(concept, []).append(index)
    return tuple(
        Query(text=concept, language=language_of(concept), kind="name", instances=tuple(instances))
        for concept, instances in places.items()
    )


def dataset(
    form: str,
    source: Path,
    records: Sequence[Record],
    problems: Problems,
    totals: dict[str, int],
    videos: Sequence[VideoRecord] = (),
) -> Dataset:
    """All that was read. Raises ValueError when too much of it was bad (`totals`, by kind), or nothing is left."""
    for kind, total in totals.items():
        problems.check(kind, total)
    instances = sum(len(record.rles) for record in records)
    if not records or not instances:
        skipped = f" What was skipped: {problems.first()}." if problems.texts else ""
        raise ValueError(
            f"Expected labelled images in {printable(source)} ({form}), got {len(records)} images with {instances} "
            f"instances: nothing to learn from.{skipped}"
        )
    return Dataset(format=form, records=tuple(records), videos=tuple(videos), problems=tuple(problems.texts))
