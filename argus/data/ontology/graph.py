"""Concepts as a graph: parents and their closure, children, and what an instance may pass for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

LANGUAGES = ("en", "zh")


@dataclass(frozen=True, kw_only=True)
class Concept:
    """What a prompt names. The `id` is the first of its names; the other names are synonyms.

    `parents` and `maybe` are ids: what every instance is, and what an instance could pass for without surely being it.
    `abstract`: a grouping that nobody would ask for.
    """

    id: str
    names_en: tuple[str, ...]
    names_zh: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    maybe: tuple[str, ...] = ()
    abstract: bool = False

    def names(self, language: str) -> tuple[str, ...]:
        """Names in "en" or "zh", the usual one first."""
        return self.names_zh if language == "zh" else self.names_en


C = TypeVar("C", bound=Concept)


class Graph(Generic[C]):
    """Concepts with the closure of their parents (`ancestors` hold the concept itself, too), and what could be true of
    an instance of each (`near`, itself too; the relation goes both ways).

    Raises ValueError when an id or a name stands twice, a link leads nowhere, or parents go in a circle.
    """

    def __init__(self, concepts: Iterable[C]) -> None:
        self.concepts: Mapping[str, C] = _by_id(concepts)
        _check_links(self.concepts)
        _check_names(self.concepts)
        self.children = _children(self.concepts)
        self.ancestors = _ancestors(self.concepts)
        self.doubtful: dict[str, frozenset[str]] = {id_: self._doubtful(id_) for id_ in self.concepts}
        self.near = self._neighbourhoods()

    def siblings(self, id_: str) -> tuple[str, ...]:
        """Other children of the parents of a concept."""
        return tuple(child for parent in self.concepts[id_].parents for child in self.children[parent] if child != id_)

    def _doubtful(self, id_: str) -> frozenset[str]:
        """What an instance of the concept may pass for: the closure of every `maybe`, without what it surely is."""
        maybe = (self.ancestors[m] for ancestor in self.ancestors[id_] for m in self.concepts[ancestor].maybe)
        return frozenset().union(*maybe) - self.ancestors[id_]

    def _neighbourhoods(self) -> dict[str, frozenset[str]]:
        near: dict[str, set[str]] = {id_: set() for id_ in self.concepts}
        for id_ in self.concepts:
            for other in self.ancestors[id_] | self.doubtful[id_]:
                near[id_].add(other)
                near[other].add(id_)
        return {id_: frozenset(others) for id_, others in near.items()}


def _by_id(concepts: Iterable[C]) -> dict[str, C]:
    found: dict[str, C] = {}
    for concept in concepts:
        if concept.id in found:
            raise ValueError(f"concept {concept.id!r} stands twice; give each concept one entry")
        found[concept.id] = concept
    return found


def _check_links(concepts: Mapping[str, C]) -> None:
    for concept in concepts.values():
        for other in concept.parents + concept.maybe:
            if other not in concepts:
                raise ValueError(
                    f"concept {concept.id!r} refers to {other!r}, which is the first name of no concept; "
                    "add that concept or correct the name"
                )


def _check_names(concepts: Mapping[str, C]) -> None:
    for language in LANGUAGES:
        owners: dict[str, str] = {}
        for concept in concepts.values():
            for name in concept.names(language):
                if not name.strip():
                    raise ValueError(f"concept {concept.id!r} has an empty name; leave it out")
                if (owner := owners.setdefault(name.casefold(), concept.id)) != concept.id:
                    raise ValueError(f"{name!r} names both {owner!r} and {concept.id!r}; a name may stand once")


def _children(concepts: Mapping[str, C]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {id_: [] for id_ in concepts}
    for concept in concepts.values():
        for parent in dict.fromkeys(concept.parents):
            found[parent].append(concept.id)
    return {id_: tuple(children) for id_, children in found.items()}


def _ancestors(concepts: Mapping[str, C]) -> dict[str, frozenset[str]]:
    """The closure of every concept, each after its parents; without recursion, for chains may be long."""
    done: dict[str, frozenset[str]] = {}
    for start in concepts:
        path = [start]
        while path:
            id_ = path[-1]
            waiting = [parent for parent in concepts[id_].parents if parent not in done]
            if not waiting:
                done[id_] = frozenset({id_}).union(*(done[parent] for parent in concepts[id_].parents))
                path.pop()
            elif waiting[0] in path:
                circle = " > ".join([*path[path.index(waiting[0]) :], waiting[0]])
                raise ValueError(f"parents go in a circle: {circle}; a concept cannot be its own ancestor")
            else:
                path.append(waiting[0])
    return {id_: done[id_] for id_ in concepts}
