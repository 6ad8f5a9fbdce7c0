"""A measurement of concepts as one HTML file that needs nothing else: tables, plots, and the worst cases.

`argus.eval.video_page` has that of videos.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw

from argus.data.sources.saco import Pair
from argus.eval import plots
from argus.eval.bootstrap import Interval, intervals
from argus.eval.breakdown import by_kind, by_number, by_size, by_subject, counting, undefined
from argus.eval.cgf1 import THRESHOLDS, PairScore, summarise
from argus.eval.extras import needs
from argus.ops import rle
from argus.ops.paint import tint, upright
from argus.ops.pixels import jpeg_base64
from argus.ops.rle import Rle

WORST = 12
_SIDE_PX = 680
_COLOURS = {"found": (31, 157, 85), "missed": (37, 99, 235), "wrong": (220, 38, 38)}
METRICS = ("cgF1", "pmF1", "IL_MCC", "cgF1@0.5", "cgF1@0.75", "IL_FPR", "count_exact", "count_MAE")


@dataclass(frozen=True, kw_only=True)
class Table:
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A pair that went wrong; `picture` is a JPEG in base 64, "" where there is none, for which `fault` says why."""

    phrase: str
    file_name: str
    f1: str
    wanted: int
    predicted: int
    picture: str
    fault: str


def write_page(
    path: Path,
    title: str,
    scores: Sequence[PairScore] | Mapping[str, Sequence[PairScore]],
    images: Path | None,
    *,
    settings: Mapping[str, str],
    failed: Mapping[str, str],
) -> None:
    """Write the page about scored pairs, or those of several subsets by name. `images` is the folder of their images,
    None to show none; a picture that cannot be read is named instead. `failed` are files that could not be scored, and
    why."""
    subsets = scores if isinstance(scores, Mapping) else {}
    pairs = [score for group in subsets.values() for score in group] if isinstance(scores, Mapping) else scores
    render(
        path,
        title,
        tables=[*([_by_subset(subsets)] if subsets else []), *_tables(pairs)],
        plots=[plots.thresholds(pairs), plots.reliability(pairs), plots.counts(pairs)],
        cases=[_case(score, images) for score in worst(pairs)],
        settings=settings,
        failed=failed,
    )


def render(
    path: Path,
    title: str,
    *,
    tables: Sequence[Table],
    plots: Sequence[str],
    cases: Sequence[Case],
    settings: Mapping[str, str],
    failed: Mapping[str, str],
) -> None:
    """Write a page of these parts."""
    with needs("jinja2", "write a report"):
        from jinja2 import Environment, StrictUndefined

    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(
        Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    )
    page = template.render(
        title=title,
        tables=tables,
        plots=plots,
        cases=cases,
        settings=list(settings.items()),
        failed=list(failed.items()),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8", errors="backslashreplace")  # names of files may be no UTF-8


def worst(scores: Sequence[PairScore]) -> list[PairScore]:
    """The pairs of the lowest F1 (mean over thresholds), of equal ones those with the most errors at IoU 0.5 first."""

    def badness(score: PairScore) -> tuple[float, int]:
        return float(score.f1.mean()), int(2 * score.true_positives[0]) - score.wanted - score.predicted

    return [score for score in sorted(scores, key=badness) if score.f1.mean() < 0.999][:WORST]


def _tables(scores: Sequence[PairScore]) -> list[Table]:
    whole, subjects = {"all": {**summarise(scores), **counting(scores)}}, by_subject(scores)
    return [
        metric_table("All pairs", whole, METRICS, intervals(scores)),
        *([metric_table("By what phrases are about", subjects, METRICS)] if subjects else []),
        metric_table("By kind of phrase", by_kind(scores), METRICS),
        metric_table("By number of instances", by_number(scores), METRICS),
        size_table(by_size(scores)),
    ]


def _by_subset(subsets: Mapping[str, Sequence[PairScore]]) -> Table:
    rows = {name: {**summarise(scores), **counting(scores)} for name, scores in subsets.items()}
    mean = {key: sum(row[key] for row in rows.values()) / len(rows) for key in next(iter(rows.values()))}
    return metric_table("By subset", {**rows, "mean": mean}, METRICS)


def metric_table(
    title: str,
    groups: Mapping[str, Mapping[str, float]],
    metrics: Sequence[str],
    sure: Mapping[str, Interval] | None = None,
) -> Table:
    """A row a group, with the number of pairs and blanks for what is undefined; then a row of intervals."""
    rows = [
        (name or "-", tuple("" if key in undefined(row) else _cell(key, row[key]) for key in ("pairs", *metrics)))
        for name, row in groups.items()
    ]
    if sure:
        spans = (f"{_cell(m, sure[m].low)} to {_cell(m, sure[m].high)}" if m in sure else "" for m in metrics)
        rows.append(("95 %", ("", *spans)))
    return Table(title=title, columns=("pairs", *metrics), rows=tuple(rows))


def size_table(sizes: Mapping[str, Mapping[str, float]]) -> Table:
    """A row a size of objects, as `argus.eval.breakdown.by_size` has them."""
    columns = tuple(next(iter(sizes.values())))
    rows = tuple((name, tuple(_cell(column, row[column]) for column in columns)) for name, row in sizes.items())
    return Table(title="By size of objects", columns=columns, rows=rows)


def _cell(name: str, value: float) -> str:
    if name in ("pairs", "instances", "predictions"):
        return f"{value:.0f}"
    return f"{value:.3f}" if name in ("IL_MCC", "count_MAE") else f"{100 * value:.1f}"


def _case(score: PairScore, images: Path | None) -> Case:
    pair = score.pair
    assert isinstance(pair, Pair)
    return case(score, pair.file_name, None if images is None else images / pair.file_name, overlay)


def case(
    score: PairScore,
    name: str,
    image: Path | None,
    draw: Callable[[UInt8[np.ndarray, "h w 3"], PairScore], UInt8[np.ndarray, "h w 3"]],
) -> Case:
    """A pair with its picture, if there is an `image` to draw on, called by `name`."""
    picture, fault = "", ""
    if image is not None:
        try:
            picture = _jpeg(draw(_pixels(image), score))
        except (OSError, ValueError) as error:
            fault = str(error)
    return Case(
        phrase=score.pair.phrase,
        file_name=name,
        f1=f"{100 * score.f1.mean():.1f}",
        wanted=score.wanted,
        predicted=score.predicted,
        picture=picture,
        fault=fault,
    )


def overlay(pixels: UInt8[np.ndarray, "h w 3"], score: PairScore) -> UInt8[np.ndarray, "h w 3"]:
    """The image with instances that were found, those that were missed, and wrong predictions."""
    assert isinstance(score.pair, Pair)
    return painted(pixels, score, score.pair.rles, score.found_rles)


def painted(
    pixels: UInt8[np.ndarray, "h w 3"], score: PairScore, truth: Sequence[Rle | None], found: Sequence[Rle | None]
) -> UInt8[np.ndarray, "h w 3"]:
    """The same of the masks of instances and predictions, None where one is not seen: each in its colour, and in a
    frame, since small ones would not be noticed.

    Raises ValueError for masks of another size.
    """
    if pixels.shape[:2] != score.pair.size_hw:
        raise ValueError(f"Expected an image of {score.pair.size_hw} (height, width), got {pixels.shape[:2]}.")
    hit = score.match.truth_ious >= THRESHOLDS[0]
    parts: dict[str, list[Rle]] = {
        "found": [mask for mask, right in zip(truth, hit) if mask is not None and right],
        "missed": [mask for mask, right in zip(truth, hit) if mask is not None and not right],
        "wrong": [m for m, iou in zip(found, score.match.found_ious) if m is not None and iou < THRESHOLDS[0]],
    }
    shown = pixels.copy()
    for name, masks in parts.items():
        for mask in masks:
            tint(shown, mask, _COLOURS[name])
    image = Image.fromarray(shown)
    pen, width_px = ImageDraw.Draw(image), max(1, round(max(pixels.shape[:2]) / 300))
    for name, masks in parts.items():
        for left, top, right, bottom in rle.boxes_xyxy_px(masks).tolist():
            if right > left:
                pen.rectangle((left, top, right - 1, bottom - 1), outline=_COLOURS[name], width=width_px)
    return np.asarray(image)


def _pixels(path: Path) -> UInt8[np.ndarray, "h w 3"]:
    with Image.open(path) as image:
        return upright(image)


def _jpeg(pixels: UInt8[np.ndarray, "h w 3"]) -> str:
    image: Any = Image.fromarray(pixels)
    image.thumbnail((_SIDE_PX, _SIDE_PX))
    return jpeg_base64(image, quality=80)
