"""The ontology of concept scenes: names in English and Chinese, parents, and what may be mistaken for what.

The tables hold one concept a line; indentation gives the parent:

    english names ; chinese names ; glyphs ; flags

The first English name is the concept's id, the other names are synonyms. Glyphs are emoji code points (`1f436`, joined
by `-`) or `shape:NAME` for a procedural shape. Flags: `+other` a further parent; `?other` an instance of this concept
may also pass for `other` (no phrase is asked for which this doubt matters); `~other` the same in both directions;
`!abstract` a grouping that nobody would ask for; `!tint` the concept and its descendants may take any colour.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache

from argus.data.sources.scenes import table_culture, table_food, table_nature, table_things

_FLAG = re.compile(r"([?~+!])\s*([^?~+!]+?)(?=\s+[?~+!]|\s*$)")


@dataclass(frozen=True, kw_only=True)
class Concept:
    """What a prompt names: `names_en[0]` is the id; `parents` are ids; `maybe` are ids it could pass for."""

    id: str
    names_en: tuple[str, ...]
    names_zh: tuple[str, ...]
    glyphs: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    maybe: tuple[str, ...] = ()
    abstract: bool = False
    tint: bool = False

    def names(self, language: str) -> tuple[str, ...]:
        """Names in "en" or "zh", the usual one first."""
        return self.names_zh if language == "zh" else self.names_en


class Ontology:
    """Concepts with the closure of their parents.

    Raises ValueError when a name stands twice or a link leads nowhere.
    """

    def __init__(self, concepts: Iterable[Concept]) -> None:
        self.concepts: Mapping[str, Concept] = {concept.id: concept for concept in concepts}
        self._check_links()
        self._check_names()
        self.children: dict[str, tuple[str, ...]] = {
            id_: tuple(c.id for c in self.concepts.values() if id_ in c.parents) for id_ in self.concepts
        }
        self.ancestors: dict[str, frozenset[str]] = {id_: self._closure(id_) for id_ in self.concepts}
        self.doubtful: dict[str, frozenset[str]] = {id_: self._doubtful(id_) for id_ in self.concepts}
        self.tintable = frozenset(
            id_ for id_ in self.concepts if any(self.concepts[a].tint for a in self.ancestors[id_])
        )

    def siblings(self, id_: str) -> tuple[str, ...]:
        """Other children of the parents of a concept."""
        return tuple(child for parent in self.concepts[id_].parents for child in self.children[parent] if child != id_)

    def _closure(self, id_: str) -> frozenset[str]:
        parents = (self._closure(parent) for parent in self.concepts[id_].parents)
        return frozenset({id_}).union(*parents)

    def _doubtful(self, id_: str) -> frozenset[str]:
        """What an instance of the concept may pass for: the closure of every `maybe`, without what it surely is."""
        maybe = (self.ancestors[m] for ancestor in self.ancestors[id_] for m in self.concepts[ancestor].maybe)
        return frozenset().union(*maybe) - self.ancestors[id_]

    def _check_links(self) -> None:
        for concept in self.concepts.values():
            for other in concept.parents + concept.maybe:
                if other not in self.concepts:
                    raise ValueError(f"concept {concept.id!r} refers to {other!r}, which no table defines")

    def _check_names(self) -> None:
        for language in ("en", "zh"):
            owners: dict[str, str] = {}
            for concept in self.concepts.values():
                for name in concept.names(language):
                    owner = owners.setdefault(name, concept.id)
                    if owner != concept.id:
                        raise ValueError(f"{name!r} names both {owner!r} and {concept.id!r}; a name may stand once")


@cache
def ontology() -> Ontology:
    """The built-in ontology, parsed from the tables."""
    concepts: list[Concept] = []
    both_ways: list[tuple[str, str]] = []
    for table in (table_nature.TABLE, table_food.TABLE, table_things.TABLE, table_culture.TABLE):
        _parse(table, concepts, both_ways)
    extra: dict[str, list[str]] = {}
    for left, right in both_ways:
        extra.setdefault(left, []).append(right)
        extra.setdefault(right, []).append(left)
    return Ontology(_with_maybe(concept, extra.get(concept.id, [])) for concept in concepts)


def _with_maybe(concept: Concept, extra: list[str]) -> Concept:
    return replace(concept, maybe=tuple(dict.fromkeys([*concept.maybe, *extra])))


def _parse(table: str, concepts: list[Concept], both_ways: list[tuple[str, str]]) -> None:
    """Append the concepts of one table; `~` links are collected, for their other end may come later."""
    path: list[str] = []
    for line in filter(str.strip, table.splitlines()):
        depth = (len(line) - len(line.lstrip())) // 2
        fields = [field.strip() for field in line.split(";")] + ["", ""]
        names_en = tuple(name.strip() for name in fields[0].split(","))
        flags = _FLAG.findall(fields[3])
        linked = {sign: tuple(other for s, other in flags if s == sign) for sign in "?~+!"}
        path[depth:] = [names_en[0]]
        both_ways += [(names_en[0], other) for other in linked["~"]]
        concepts.append(
            Concept(
                id=names_en[0],
                names_en=names_en,
                names_zh=tuple(name.strip() for name in fields[1].split(",")),
                glyphs=tuple(fields[2].split()),
                parents=tuple(path[-2:-1]) + linked["+"],
                maybe=linked["?"],
                abstract="abstract" in linked["!"],
                tint="tint" in linked["!"],
            )
        )
