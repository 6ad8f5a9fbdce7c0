"""The metrics as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from argus.eval.cgf1 import PairScore, summarise
from argus.eval.hota import VideoScore, summarise_videos
from argus.eval.jf import JF

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


def videos_by_group(scores: Sequence[VideoScore], key: Literal["language", "kind"]) -> dict[str, dict[str, float]]:
    """The same of (video, phrase) pairs."""
    names = sorted({str(getattr(score.pair, key)) for score in scores})
    return {name: summarise_videos([s for s in scores if getattr(s.pair, key) == name]) for name in names}


def table(groups: Mapping[str, Mapping[str, float]], title: str) -> Table:
    """A row a group, metrics in percent (IL_MCC as it is), with the number of pairs."""
    columns = (*_COLUMNS, "IL_FPR")
    rows = {
        group: (f"{metrics['pairs']:.0f}", *(_cell(name, metrics[name]) for name in columns))
        for group, metrics in groups.items()
    }
    return _plain_table(("pairs", *columns), rows, title)


def jf_table(rows: Mapping[str, JF], title: str) -> Table:
    """A row a sequence or a method, in percent, with the number of objects."""
    cells = {
        name: (f"{row.objects}", *(f"{100 * value:.1f}" for value in (row.jf, row.j, row.f)))
        for name, row in rows.items()
    }
    return _plain_table(("objects", "J&F", "J", "F"), cells, title)


def video_table(rows: Mapping[str, Mapping[str, float]], title: str) -> Table:
    """A row a group of (video, phrase) pairs as `summarise_videos` sums them up, in percent (IL_MCC as it is)."""
    columns = ("pHOTA", "DetA", "AssA", "LocA", "cgF1", "pmF1", "IL_MCC", "IL_FPR")
    cells = {
        name: (f"{metrics['pairs']:.0f}", *(_cell(column, metrics[column]) for column in columns))
        for name, metrics in rows.items()
    }
    return _plain_table(("pairs", *columns), cells, title)


def _plain_table(columns: Sequence[str], rows: Mapping[str, Sequence[str]], title: str) -> Table:
    from rich.table import Table

    made = Table(title=title)
    made.add_column("")
    for column in columns:
        made.add_column(column, justify="right")
    for name, cells in rows.items():
        made.add_row(name or "-", *cells)
    return made


def _cell(name: str, value: float) -> str:
    return f"{value:.3f}" if name == "IL_MCC" else f"{100 * value:.1f}"
