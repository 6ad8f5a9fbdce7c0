"""What is asked of a fine-tuning, what came of it, and the folder that records both."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch

from argus.data.augment import light, strong
from argus.data.dataset import Dataset
from argus.data.ontology import Ontology
from argus.data.pairs import Pair
from argus.data.records import Sample
from argus.ops.files import replace_file
from argus.ops.windows import MOST
from argus.train.lora import RANK

RECORD = "finetune.json"
PICK_IOU = "pick_IoU"
MEASURES = {"cgF1": 100, "pmF1": 100, "IL_MCC": 1, PICK_IOU: 1}
"""What is told, and times what. Picking, by box, is measured before and after, where the model has a tracker."""
AUGMENTATIONS = {"light": light, "strong": strong}

Metrics = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class FinetunePlan:
    """What is asked for. `hours` (of all but the trial, and the measures before and after) goes before `epochs`.

    `full`: all weights learn but the tracker's; else adapters of `rank`. A step has `images` of the data and every
    second one `replayed` of the base concepts, with up to `per_image` prompts each. `augment` says how much pictures of
    the data are changed (`AUGMENTATIONS`). `tiles` and `queries` None: as many as the data needs. `looks`: how often
    held-out data are measured, at most. `seeds` runs are made, of seeds 0, 1, ...
    """

    model: str = "nano"
    full: bool = False
    rank: int = RANK
    epochs: float = 20.0
    hours: float | None = None
    images: int = 2
    replayed: int = 1
    per_image: int = 2
    augment: str = "light"
    tiles: int | None = None
    queries: int | None = None
    looks: int = 8
    seeds: int = 1
    precision: str = "auto"

    def __post_init__(self) -> None:
        if min(self.rank, self.images, self.per_image, self.looks, self.seeds) < 1 or self.replayed < 0:
            raise ValueError(f"rank, images, per_image, looks and seeds must be at least 1, replayed 0; got {self}")
        if self.tiles is not None and not 1 <= self.tiles <= MOST:
            raise ValueError(f"expected 1 to {MOST} tiles, got {self.tiles}")
        if not (self.epochs > 0 and math.isfinite(self.epochs)) or not (self.hours is None or self.hours > 0):
            raise ValueError(f"expected epochs and hours above 0, got {self.epochs} and {self.hours}")
        if self.augment not in AUGMENTATIONS:
            raise ValueError(f"expected augment to be one of {', '.join(AUGMENTATIONS)}, got {self.augment!r}")


@dataclass(frozen=True, kw_only=True)
class Material:
    """What is learned and measured: training and held-out images, and the base concepts, where there are any to show.

    `replay(n)` is the n-th sample of the base concepts, of the size the model takes. The `ontology` knows other words
    for what is in the training images.
    """

    training: Dataset
    held_out: Dataset
    replay: Callable[[int], Sample] | None = None
    base_pairs: tuple[Pair, ...] = ()
    ontology: Ontology | None = None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Metrics on the held-out new data, and on the base concepts (None: not measured)."""

    new: Metrics
    base: Metrics | None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One run: `source` is what `argus.load` takes; `history` the held-out measures by step, `best` the kept step,
    `refined` whether a net refines the new phrases' outlines."""

    seed: int
    source: str
    before: Measured
    after: Measured
    history: tuple[tuple[int, Metrics], ...]
    best: int
    steps: int
    queries: tuple[int, int]
    refined: bool
    bytes_saved: int


def check(material: Material) -> None:
    """Raise ValueError for data that nothing can be learned from, or measured on."""
    for name, data in (("train on", material.training), ("hold out", material.held_out)):
        pairs = data.pairs()
        instances = sum(len(pair.rles) for pair in pairs)
        if not len(data) or not instances:
            raise ValueError(
                f"expected images with masks to {name}, got {len(data)} images with {instances} masks: check the "
                "paths, the file, and the share that is held out"
            )


def claim(folder: Path, plan: FinetunePlan, material: Material | None = None) -> None:
    """Make the folder this run's. Raises ValueError where it holds something else, or a run of another plan or on other
    `material` (None: not read yet)."""
    record, data = folder / RECORD, None if material is None else _marks(material)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"expected a folder to write to, got the file {folder}")
    begun = any(folder.glob("seed-*"))
    if record.exists():
        try:
            document = json.loads(record.read_text("utf-8"))
            known, seen = document["plan"], document["data"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{record} is no record of a fine-tuning ({error}): choose another folder") from error
        wanted = asdict(plan)
        changed = sorted(key for key, value in wanted.items() if known.get(key) != value)
        changed += [key for key, mark in (data or {}).items() if seen and seen[key] != mark]
        if begun and changed:  # else it failed before it began
            raise ValueError(f"{folder} holds a fine-tuning with other {', '.join(changed)}: choose another folder")
    elif folder.is_dir() and any(folder.iterdir()):
        raise ValueError(f"{folder} holds something else than a fine-tuning: choose a new or empty folder")
    folder.mkdir(parents=True, exist_ok=True)
    if not begun:
        _write(record, plan, data, [])


def write_record(folder: Path, plan: FinetunePlan, material: Material, outcomes: list[Outcome]) -> None:
    """Write what was asked and, for each finished seed, what came of it to `finetune.json`."""
    _write(folder / RECORD, plan, _marks(material), outcomes)


def _write(record: Path, plan: FinetunePlan, data: Mapping[str, str] | None, outcomes: list[Outcome]) -> None:
    content = {"plan": asdict(plan), "data": data, "outcomes": [asdict(outcome) for outcome in outcomes]}
    replace_file(record, lambda path: path.write_text(json.dumps(content, indent=1), "utf-8"))


def _marks(material: Material) -> dict[str, str]:
    """What tells material from other material: its images by their names, its phrases and its masks."""
    parts = {
        "training data": material.training.pairs(),
        "held-out data": material.held_out.pairs(),
        "base concepts": material.base_pairs,
    }
    return {name: _mark(pairs) for name, pairs in parts.items()}


def _mark(pairs: Iterable[Pair]) -> str:
    mark = hashlib.sha256()
    for pair in pairs:
        mark.update(repr((Path(pair.file_name).name, pair.phrase, [one.counts for one in pair.rles])).encode())
    return mark.hexdigest()


def told(measured: Measured) -> str:
    """The measures in one line."""
    parts = {"new": measured.new, "base": measured.base}
    lines = [
        f"{name} " + ", ".join(f"{key} {shown(key, metrics[key])}" for key in MEASURES if key in metrics)
        for name, metrics in parts.items()
        if metrics is not None
    ]
    return "; ".join(lines)


def shown(key: str, value: float, sign: str = "") -> str:
    """A measure in percent, or one of 0 to 1 as it is."""
    return f"{MEASURES[key] * value:{sign}.{1 if MEASURES[key] == 100 else 3}f}"


def spread(outcomes: list[Outcome], of: Callable[[Outcome], float]) -> tuple[float, float]:
    """Mean and standard deviation over seeds (0 for one)."""
    values = torch.tensor([of(outcome) for outcome in outcomes], dtype=torch.float64)
    return float(values.mean()), float(values.std()) if len(values) > 1 else 0.0


def table_rows(outcomes: list[Outcome]) -> list[tuple[str, str, str, str, str]]:
    """Rows of the report: what, measure, before, after, gain; mean ± spread of seeds."""
    rows = []
    sides: Mapping[str, Callable[[Measured], Metrics | None]] = {"new": lambda m: m.new, "base": lambda m: m.base}
    for name, side in sides.items():
        first = side(outcomes[0].before)
        if first is None:
            rows.append((name, "", "not measured", "not measured", ""))
            continue
        for key in (key for key in MEASURES if key in first):
            mean, sd = spread(outcomes, partial(_after, side=side, key=key))
            after = shown(key, mean) + (f" ± {shown(key, sd)}" if len(outcomes) > 1 else "")
            rows.append((name, key, shown(key, first[key]), after, shown(key, mean - first[key], "+")))
    return rows


def _after(outcome: Outcome, side: Callable[[Measured], Metrics | None], key: str) -> float:
    metrics = side(outcome.after)
    assert metrics is not None
    return metrics[key]
