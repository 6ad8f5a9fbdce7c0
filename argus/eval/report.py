"""The metrics as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from argus.eval.bootstrap import LEVEL, Interval
from argus.eval.breakdown import undefined
from argus.eval.cgf1 import PairScore, summarise
from argus.eval.hota import VideoScore, summarise_videos
from argus.eval.jf import JF

if TYPE_CHECKING:
    from rich.table import Table

_COLUMNS = ("cgF1", "pmF1", "IL_MCC", "cgF1@0.5", "cgF1@0.75", "IL_precision", "IL_recall")


def by_group(scores: Sequence[PairScore], key: Literal["language", "kind"]) -> dict[str, dict[str, float]]:
    """The metrics of the pairs of each language, or of each kind, in alphabetical order.

    A kind that is only of positives, or only of negatives, has no Matthews correlation, and so cgF1 0: tables leave
    such cells blank (`argus.eval.breakdown.undefined`).
    """
    names = sorted({str(getattr(score.pair, key)) for score in scores})
    return {name: summarise([score for score in scores if getattr(score.pair, key) == name]) for name in names}


def videos_by_group(scores: Sequence[VideoScore], key: Literal["language", "kind"]) -> dict[str, dict[str, float]]:
    """The same of (video, phrase) pairs."""
    names = sorted({str(getattr(score.pair, key)) for score in scores})
    return {name: summarise_videos([s for s in scores if getattr(s.pair, key) == name]) for name in names}


def table(
    groups: Mapping[str, Mapping[str, float]], title: str, intervals: Mapping[str, Interval] | None = None
) -> Table:
    """A row a group, metrics in percent (IL_MCC as it is), with the number of pairs; then a row of `intervals`."""
    return _metric_table(groups, (*_COLUMNS, "IL_FPR"), title, intervals or {})


def jf_table(rows: Mapping[str, JF], title: str) -> Table:
    """A row a sequence or a method, in percent, with the number of objects."""
    cells = {
        name: (f"{row.objects}", *(f"{100 * value:.1f}" for value in (row.jf, row.j, row.f)))
        for name, row in rows.items()
    }
    return _plain_table(("objects", "J&F", "J", "F"), cells, title)


def video_table(
    rows: Mapping[str, Mapping[str, float]], title: str, intervals: Mapping[str, Interval] | None = None
) -> Table:
    """The same of (video, phrase) pairs as `summarise_videos` sums them up."""
    columns = ("pHOTA", "DetA", "AssA", "LocA", "cgF1", "pmF1", "IL_MCC", "IL_FPR")
    return _metric_table(rows, columns, title, intervals or {})


def count_table(groups: Mapping[str, Mapping[str, float]], title: str) -> Table:
    """A row a number of instances: how well pairs of so many are found (pmF1, in percent) and counted."""
    rows = {}
    for name, row in groups.items():
        shares = [f"{100 * row[key]:.1f}" if row["positive_pairs"] else "" for key in ("pmF1", "count_exact")]
        false = f"{100 * row['IL_FPR']:.1f}" if row["positive_pairs"] < row["pairs"] else ""
        rows[name] = (f"{row['pairs']:.0f}", *shares, f"{row['count_MAE']:.2f}", false)
    return _plain_table(("pairs", "pmF1", "count exact", "count MAE", "IL_FPR"), rows, title)


def size_table(groups: Mapping[str, Mapping[str, float]], title: str) -> Table:
    """A row a size of objects, as `argus.eval.breakdown.by_size` has them, in percent."""
    shares = ("recall", "precision", "recall@0.5", "precision@0.5")
    rows = {
        name: (f"{row['instances']:.0f}", f"{row['predictions']:.0f}", *(f"{100 * row[key]:.1f}" for key in shares))
        for name, row in groups.items()
    }
    return _plain_table(("instances", "predictions", *shares), rows, title)


def metric_row(metrics: Mapping[str, float], title: str) -> Table:
    """One row with every metric, in percent."""
    return _plain_table(tuple(metrics), {"all": tuple(f"{100 * value:.1f}" for value in metrics.values())}, title)


def _metric_table(
    groups: Mapping[str, Mapping[str, float]], columns: Sequence[str], title: str, intervals: Mapping[str, Interval]
) -> Table:
    rows = {
        group: (
            f"{metrics['pairs']:.0f}",
            *("" if name in undefined(metrics) else _cell(name, metrics[name]) for name in columns),
        )
        for group, metrics in groups.items()
    }
    if intervals:
        rows[f"{100 * LEVEL:.0f} %"] = ("", *(_span(name, intervals.get(name)) for name in columns))
    return _plain_table(("pairs", *columns), rows, title)


def _span(name: str, interval: Interval | None) -> str:
    return "" if interval is None else f"{_cell(name, interval.low)}-{_cell(name, interval.high)}"


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
