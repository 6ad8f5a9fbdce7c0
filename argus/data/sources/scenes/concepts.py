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
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

from argus.data.ontology import graph
from argus.data.sources.scenes import table_culture, table_food, table_nature, table_things

_FLAG = re.compile(r"([?~+!])\s*([^?~+!]+?)(?=\s+[?~+!]|\s*$)")


@dataclass(frozen=True, kw_only=True)
class Concept(graph.Concept):
    """A concept with what it is drawn by; `tint`: it and its descendants may take any colour."""

    glyphs: tuple[str, ...] = ()
    tint: bool = False


class Ontology(graph.Graph[Concept]):
    """The concepts of scenes; `tintable` are those that may take any colour."""

    def __init__(self, concepts: Iterable[Concept]) -> None:
        super().__init__(concepts)
        self.tintable = frozenset(
            id_ for id_ in self.concepts if any(self.concepts[a].tint for a in self.ancestors[id_])
        )


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
