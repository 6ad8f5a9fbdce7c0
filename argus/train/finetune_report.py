"""The report of a fine-tuning: one HTML page that stands by itself."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from argus.eval import plots
from argus.ops.pixels import jpeg_base64
from argus.train.finetune_plan import FinetunePlan, Outcome, table_rows

if TYPE_CHECKING:
    from PIL import Image

CLAIM = 3  # seeds that a gain is claimed from
CURVES = ("total", "classification", "presence", "mask_dice", "picking", "presence_accuracy", "matched_iou", "pick_iou")


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One held-out image: its name, and pictures of the truth, of the answer before and of the answer after."""

    name: str
    pictures: Mapping[str, Image.Image]


def verdict(outcomes: Sequence[Outcome]) -> str:
    """In a sentence: did it help, and was anything forgotten. A gain is claimed from `CLAIM` seeds that all gained."""
    gains = [100 * (outcome.after.new["cgF1"] - outcome.before.new["cgF1"]) for outcome in outcomes]
    helped, claimed = min(gains) > 0, len(gains) >= CLAIM
    mean = sum(gains) / len(gains)
    first = ("It helped" if claimed else "It seems to have helped") if helped else "It did not help"
    first += f": held-out cgF1 {mean:+.1f}"
    if len(gains) > 1:
        first += f" in the mean of {len(gains)} seeds ({min(gains):+.1f} to {max(gains):+.1f})"
    if not helped:
        first += "; use the base model"
    elif not claimed:
        first += f"; --seeds {CLAIM} gives a mean and a spread, from which a gain can be claimed"
    lost = [
        100 * (outcome.after.base["cgF1"] - outcome.before.base["cgF1"])
        for outcome in outcomes
        if outcome.after.base is not None and outcome.before.base is not None
    ]
    base = f"base concepts {sum(lost) / len(lost):+.1f}" if lost else "base concepts were not measured (give --replay)"
    return f"{first}; {base}."


def write_report(
    path: Path,
    plan: FinetunePlan,
    outcomes: Sequence[Outcome],
    folder: Path,
    notes: Sequence[str],
    shown: Sequence[Shown],
) -> None:
    """Write the page. `folder` has the runs' logs, `notes` are lines about the data and what was not done."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    page = environment.from_string(_PAGE).render(
        verdict=verdict(outcomes),
        rows=table_rows(list(outcomes)),
        curves=[_measures_plot(outcomes), *_loss_plots(outcomes, folder)],
        shown=[
            (
                s.name,
                [(label, jpeg_base64(picture.convert("RGB"), quality=88)) for label, picture in s.pictures.items()],
            )
            for s in shown
        ],
        notes=notes,
        outcomes=outcomes,
        plan=plan,
    )
    path.write_text(page, "utf-8", errors="backslashreplace")  # names of files may be no UTF-8


def read_log(path: Path) -> dict[str, list[float]]:
    """The columns of a run's log.csv."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in (rows[0] if rows else {})}


def _measures_plot(outcomes: Sequence[Outcome]) -> str:
    lines = {}
    for outcome in outcomes:
        steps = [0, *(step for step, _ in outcome.history)]
        values = [outcome.before.new, *(metrics for _, metrics in outcome.history)]
        for key in ("cgF1", "pmF1"):
            lines[f"{key}, seed {outcome.seed}"] = (steps, [100 * value[key] for value in values])
    return plots.curves(lines, "held-out new data, percent")


def _loss_plots(outcomes: Sequence[Outcome], folder: Path) -> list[str]:
    logs = {o.seed: read_log(folder / f"seed-{o.seed}" / "run" / "log.csv") for o in outcomes}
    return [
        plots.curves(
            {f"seed {seed}": (log["step"], log[name]) for seed, log in logs.items()}, f"{name.replace('_', ' ')}"
        )
        for name in CURVES
        if all(name in log for log in logs.values())
    ]


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Argus: fine-tuning</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1000px; padding: 0 1em; }
table { border-collapse: collapse; } td, th { padding: .25em .9em; border-bottom: 1px solid #ccc; text-align: right; }
td:first-child, td:nth-child(2), th:first-child, th:nth-child(2) { text-align: left; }
.verdict { font-size: 1.25em; font-weight: 600; } .row { display: flex; gap: 8px; flex-wrap: wrap; }
figure { margin: 0; flex: 1 1 30%; min-width: 220px; } code { background: #eee; }
figure img, figure svg { width: 100%; height: auto; }
</style></head><body>
<h1>Fine-tuning of {{ plan.model }}</h1>
<p class="verdict">{{ verdict }}</p>
<table><tr><th>concepts</th><th>measure</th><th>before</th><th>after</th><th>gain</th></tr>
{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</table>
<p>new: held-out images of your data. base: what the model knew before. pick_IoU: objects that the
tracker picks by their box at first sight, up to 8 an image. Percent, IL_MCC and pick_IoU as they are.
Every number is of the saved file, read again. The step that is kept is chosen on the held-out images, so their
number is a little kind.</p>
<h2>Use it</h2>
{% for outcome in outcomes %}
<p>seed {{ outcome.seed }}: <code>argus segment IMAGE --prompt PHRASE --model {{ outcome.source }}</code>, kept from
step {{ outcome.best }} of {{ outcome.steps }}, {{ "%.2f"|format(outcome.bytes_saved / 1e6) }} MB,
{{ outcome.queries[1] }} object queries{% if outcome.queries[0] != outcome.queries[1] %} (the base has
{{ outcome.queries[0] }}){% endif %}{% if outcome.refined %}, outlines refined by a net{% endif %}.</p>
{% endfor %}
<h2>Data</h2>
<ul>{% for note in notes %}<li>{{ note }}</li>{% endfor %}</ul>
<h2>Curves</h2>
<div class="row">{% for curve in curves %}<figure>{{ curve | safe }}</figure>
{% endfor %}</div>
<h2>Held-out images</h2>
{% for name, pictures in shown %}
<h3>{{ name }}</h3>
<div class="row">{% for label, picture in pictures %}<figure><figcaption>{{ label }}</figcaption>
<img alt="{{ label }}" src="data:image/jpeg;base64,{{ picture }}"></figure>{% endfor %}</div>
{% endfor %}
</body></html>
"""
