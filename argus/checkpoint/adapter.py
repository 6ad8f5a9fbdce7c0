"""Tables that translate the tensors of a layout to ours and back.

A rule pairs name patterns: `*` stands for a number, `**` for anything, `{p}` for `weight` and `bias`. Tensors that the
model never uses have rules too, under our names `unused.…`, so that they can be kept and written again.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

UNUSED = "unused."

Tensors = Sequence[Tensor]


@dataclass(frozen=True, kw_only=True)
class Transform:
    """How the tensors of a rule become ours, and the way back. Both ways only move numbers, so they are exact."""

    to_ours: Callable[[Tensors], Tensors]
    to_theirs: Callable[[Tensors], Tensors]


def _joined(parts: Tensors) -> Tensors:
    return [torch.cat(list(parts))]


def _thirds(parts: Tensors) -> Tensors:
    return [part.clone() for part in parts[0].chunk(3)]


def _square(rows: Tensor) -> Tensor:
    """(1, n, c) to (side, side, c)."""
    side = math.isqrt(rows.shape[1])
    return rows.reshape(side, side, -1)


def _without_cls(parts: Tensors) -> Tensors:
    return [_square(parts[0][:, 1:]), parts[0][:, :1]]


def _with_cls(parts: Tensors) -> Tensors:
    """The CLS row is zero where it was not kept: nothing reads it."""
    rows = parts[0].reshape(1, -1, parts[0].shape[-1])
    cls = parts[1] if len(parts) > 1 else torch.zeros_like(rows[:, :1])
    return [torch.cat((cls.to(rows), rows), dim=1)]


SAME = Transform(to_ours=list, to_theirs=list)
JOIN = Transform(to_ours=_joined, to_theirs=_thirds)  # q, k, v are one of ours
SPLIT = Transform(to_ours=_thirds, to_theirs=_joined)  # one of theirs is our q, k, v
ROW = Transform(to_ours=lambda parts: [parts[0][0]], to_theirs=lambda parts: [parts[0][None]])  # (1, c) to (c)
GRID = Transform(
    to_ours=lambda parts: [_square(parts[0])],
    to_theirs=lambda parts: [parts[0].reshape(1, -1, parts[0].shape[-1])],
)
GRID_AFTER_CLS = Transform(to_ours=_without_cls, to_theirs=_with_cls)
PAIRS = Transform(  # complex numbers to pairs, which every file of ours can hold
    to_ours=lambda parts: [torch.view_as_real(parts[0])], to_theirs=lambda parts: [torch.view_as_complex(parts[0])]
)
TWICE = Transform(to_ours=lambda parts: [parts[0], parts[0].clone()], to_theirs=lambda parts: [parts[0]])
TIMES = Transform(  # (t, 1, 1, c) to (t, c)
    to_ours=lambda parts: [parts[0][:, 0, 0]], to_theirs=lambda parts: [parts[0][:, None, None]]
)
CELL = Transform(to_ours=lambda parts: [parts[0][0, 0]], to_theirs=lambda parts: [parts[0][None, None]])  # (1, 1, c)
TRANSPOSED = Transform(to_ours=lambda parts: [parts[0].t()], to_theirs=lambda parts: [parts[0].t()])


def stacked(*counts: int) -> Transform:
    """Tensors of so many rows each that are one of ours."""
    return Transform(to_ours=_joined, to_theirs=lambda parts: [part.clone() for part in parts[0].split(list(counts))])


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Names in a layout, our names, and how the tensors differ. Several names on a side belong together, in order."""

    theirs: tuple[str, ...]
    ours: tuple[str, ...]
    transform: Transform = SAME


def rule(theirs: str | tuple[str, ...], ours: str | tuple[str, ...], transform: Transform = SAME) -> Rule:
    """A rule, with one name a side or several."""
    as_tuple = [(names,) if isinstance(names, str) else names for names in (theirs, ours)]
    return Rule(theirs=as_tuple[0], ours=as_tuple[1], transform=transform)


def renamed(theirs: str, ours: str, names: Mapping[str, str]) -> tuple[Rule, ...]:
    """Rules for the weights and biases of layers beside each other, by their names and ours."""
    return tuple(rule(f"{theirs}.{their}.{{p}}", f"{ours}.{our}.{{p}}") for their, our in names.items())


def under(theirs: str, ours: str, rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules with a prefix on each side."""
    return tuple(
        replace(r, theirs=tuple(theirs + n for n in r.theirs), ours=tuple(ours + n for n in r.ours)) for r in rules
    )


def spelled(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules with `{p}` written out, once for weights and once for biases."""
    return tuple(
        replace(r, theirs=tuple(n.format(p=p) for n in r.theirs), ours=tuple(n.format(p=p) for n in r.ours))
        for r in rules
        for p in (("weight", "bias") if "{p}" in r.theirs[0] else ("",))
    )


def of_ours(rules: Iterable[Rule], names: Iterable[str]) -> Iterator[Rule]:
    """The rules with numbers for `*`, one for each group of tensors among `names` that the rules call ours."""
    return _numbered(rules, names, lambda r: r.ours[0])


def of_theirs(rules: Iterable[Rule], names: Iterable[str]) -> Iterator[Rule]:
    """The rules with numbers for `*`, one for each group of tensors among `names` that the rules call theirs."""
    return _numbered(rules, names, lambda r: r.theirs[0])


def is_unused(entry: Rule) -> bool:
    """True when the model reads none of the rule's tensors."""
    return entry.ours[0].startswith(UNUSED)


def their_shapes(entry: Rule, ours: Mapping[str, torch.Size]) -> list[torch.Size]:
    """The shapes that a layout must give the tensors of a numbered rule, from the shapes of ours."""
    parts = [torch.empty(ours[name], device="meta") for name in entry.ours if name in ours]
    return [part.shape for part in entry.transform.to_theirs(parts)]


def _numbered(rules: Iterable[Rule], names: Iterable[str], key: Callable[[Rule], str]) -> Iterator[Rule]:
    names = list(names)
    for entry in rules:
        pattern = re.compile(re.escape(key(entry)).replace(r"\*\*", "(.+)").replace(r"\*", r"(\d+)"))
        for name in names:
            if found := pattern.fullmatch(name):
                yield replace(
                    entry,
                    theirs=tuple(_filled(n, found.groups()) for n in entry.theirs),
                    ours=tuple(_filled(n, found.groups()) for n in entry.ours),
                )


def _filled(pattern: str, values: Sequence[str]) -> str:
    parts = iter(values)
    return re.sub(r"\*\*?", lambda _: next(parts), pattern)
