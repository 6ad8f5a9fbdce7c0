"""Plots of scored pairs and of runs, as SVG to stand in a page."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from argus.eval.breakdown import calibration
from argus.eval.cgf1 import THRESHOLDS, PairScore, f1
from argus.eval.extras import needs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def thresholds(scores: Sequence[PairScore]) -> str:
    """pmF1 at each IoU threshold: how soon masks that are found are not good enough."""
    figure, axes = _axes("pmF1 by IoU threshold", "IoU", "pmF1, %")
    hits = np.sum([score.true_positives for score in scores], axis=0)
    wanted = sum(score.wanted for score in scores)
    predicted = sum(score.predicted for score in scores if score.wanted)
    axes.plot(THRESHOLDS, 100 * f1(hits, predicted - hits, wanted - hits), marker="o")
    axes.set_ylim(0, 100)
    return _svg(figure)


def reliability(scores: Sequence[PairScore]) -> str:
    """The share of predictions that are right against their score; on the diagonal scores are honest."""
    found = calibration(scores)
    figure, axes = _axes(f"Reliability, ECE {100 * found.ece:.1f} %", "score", "share right at IoU 0.5")
    axes.plot([0.5, 1], [0.5, 1], color="grey", linewidth=1)
    axes.bar(
        [(one.low + one.high) / 2 for one in found.bins],
        [one.right for one in found.bins],
        width=0.045,
        alpha=0.7,
    )
    axes.set_ylim(0, 1)
    return _svg(figure)


def counts(scores: Sequence[PairScore]) -> str:
    """How many were predicted against how many there are; a disk's area grows with the number of pairs."""
    figure, axes = _axes("Counts", "instances", "predicted")
    pairs, numbers = np.unique([(score.wanted, score.predicted) for score in scores], axis=0, return_counts=True)
    most = int(pairs.max()) + 1
    axes.plot([0, most], [0, most], color="grey", linewidth=1)
    axes.scatter(pairs[:, 0], pairs[:, 1], s=12 + 200 * numbers / numbers.max(), alpha=0.6)
    return _svg(figure)


def curves(lines: Mapping[str, tuple[Sequence[float], Sequence[float]]], title: str) -> str:
    """Named lines over the steps of a run: of each the steps, and a value at each."""
    figure, axes = _axes(title, "step", "")
    for name, (steps, values) in lines.items():
        axes.plot(steps, values, label=name, marker="." if len(steps) < 30 else "")
    if len(lines) > 1:
        axes.legend(fontsize="small")
    return _svg(figure)


def _axes(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    with needs("matplotlib", "plot"):
        from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 3), layout="constrained")
    axes = figure.add_subplot()
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.grid(alpha=0.3)
    return figure, axes


def _svg(figure: Figure) -> str:
    """The element alone, without the head of an XML file."""
    from matplotlib import rc_context

    written = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "argus"}):
        figure.savefig(written, format="svg", metadata={"Date": None})
    text = written.getvalue()
    return text[text.index("<svg") :]
