"""The metrics as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from argus.eval.cgf1 import PairScore, summarise

if TYPE_CHECKING:
    from rich.table import Table

_COLUMNS = ("cgF1", "pmF1", "IL_MCC", "cgF1@0.5", "cgF1@0.75", "IL_precision", "IL_recall")


def by_group(scores: Sequence[PairScore], key: Literal["language", "kind"]) -> dict[str, dict[str, float]]:
    """The metrics of the pairs of each language, or of each kind, in alphabetical order.

    A kind that is only of positives, or only of negatives, has no Matthews correlation, and so cgF1 0: read pmF1 or
    IL_recall of the first, IL_FPR of the second.
    """
    names = sorted({str(getattr(score.pair, key)) for score in scores})
    return {name: summarise([score for score in scores if getattr(score.pair, key) == name]) for name in names}


def table(groups: Mapping[str, Mapping[str, float]], title: str) -> Table:
    """A row a group, metrics in percent (IL_MCC as it is), with the number of pairs."""
    from rich.table import Table

    made = Table(title=title)
    made.add_column("")
    for name in ("pairs", *_COLUMNS, "IL_FPR"):
        made.add_column(name, justify="right")
    for group, metrics in groups.items():
        cells = [_cell(name, metrics[name]) for name in (*_COLUMNS, "IL_FPR")]
        made.add_row(group or "-", f"{metrics['pairs']:.0f}", *cells)
    return made


def _cell(name: str, value: float) -> str:
    return f"{value:.3f}" if name == "IL_MCC" else f"{100 * value:.1f}"
