"""`argus.checkpoint.inspect`: what a source holds, without building the model."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from argus.checkpoint.loading import MEMORY, POINTS, plan_reading
from argus.checkpoint.report import Report
from argus.checkpoint.source import find
from argus.model.sam3 import Sam3Config


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the model and how many parameters it has."""

    name: str
    parameters: int


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What a source is. `dtypes` are the number formats in the file; `report` says how its tensors fit the sizes;
    `tokenizer` is the file it brings, None where `load` needs one; `points` is False where no point prompts work,
    `memory` where nothing can be followed through video."""

    source: str
    layout: str
    config: Sam3Config
    parts: tuple[Part, ...]
    dtypes: tuple[str, ...]
    points: bool
    memory: bool
    tokenizer: Path | None
    training: Mapping[str, Any]
    report: Report

    @property
    def parameters(self) -> int:
        return sum(part.parameters for part in self.parts)


def inspect(source: str | PathLike[str]) -> Inspection:
    """Look at a source, as `load` takes it, reading no weights. Raises ValueError where there is none."""
    found = find(source)
    plan = plan_reading(found)
    counts: dict[str, int] = {}
    whole = {} if found.adapter is None else {name: tensor.shape for name, tensor in found.adapter.whole.items()}
    for name, shape in {**plan.shapes, **whole}.items():
        part = _part(name)
        counts[part] = counts.get(part, 0) + (0 if name in plan.lacking else math.prod(shape))
    training = found.config_json.get("training")
    adapted = {} if found.adapter is None else {"adapter": dict(found.adapter.training)}
    return Inspection(
        source=found.name,
        layout=found.layout.value,
        config=found.config if found.adapter is None else found.adapter.config(found.config),
        parts=tuple(Part(name=name, parameters=count) for name, count in counts.items()),
        dtypes=tuple(sorted({tensor.dtype for tensor in found.stored.values()})),
        points=not any(name.startswith(POINTS) for name in plan.lacking),
        memory=found.config.tracker is not None and not any(name.startswith(MEMORY) for name in plan.lacking),
        tokenizer=found.tokenizer,
        training=(training if isinstance(training, dict) else {}) | adapted,
        report=plan.report,
    )


def _part(name: str) -> str:
    """`vision encoder`, `text encoder`, the part of the detector, `tracker`, `outlines`, `namer` or `cutter`."""
    first, second = name.split(".")[:2]
    if first in ("tracker", "outlines", "namer", "cutter"):
        return first
    return second.replace("_", " ") if first == "detector" else f"{first} encoder"
