"""The log of a run: CSV, TensorBoard where it is installed, and a progress bar."""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import torch

from argus.ops.files import replace_file

if TYPE_CHECKING:
    from argus.train.loop import Losses, TrainConfig
    from argus.train.team import Team


class Journal:
    """Writes the mean of each part of the loss every `log_every` steps to `log.csv` and TensorBoard.

    Of a team every process keeps one, because parts of the loss add up over all of them; the first one writes.

    On resuming, lines past the state's step are dropped, so that the log is one unbroken curve. `about.txt` gains a
    line a start: when, from which step, and the configuration.
    """

    def __init__(self, folder: Path, config: TrainConfig, step: int, *, team: Team, progress: bool) -> None:
        self._path, self._config, self._step, self._team = folder / "log.csv", config, step, team
        self._progress = progress and team.first
        self._sums: dict[str, torch.Tensor] = {}
        self._count, self._began = 0, time.monotonic()
        self._board: Any = None
        self._bar: Any = None
        if not team.first:
            return
        folder.mkdir(parents=True, exist_ok=True)
        self._board = _board(folder)
        _drop_lines_after(self._path, step)
        many = f" in {team.size} processes" if team.size > 1 else ""
        with open(folder / "about.txt", "a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} from step {step}{many}: {config}\n")

    def __enter__(self) -> Journal:
        if self._progress:
            self._bar = _bar()
            self._bar.start()
            self._task = self._bar.add_task("step", total=self._config.steps, completed=self._step, loss="")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()
        if self._board is not None:
            self._board.close()

    def record(self, step: int, losses: Sequence[Losses], optimizer: torch.optim.Optimizer) -> None:
        """Take the losses of the batches of a finished step."""
        for part in losses:
            for field in fields(part):  # type: ignore[arg-type]
                value = getattr(part, field.name).detach()
                self._sums[field.name] = self._sums.get(field.name, torch.zeros_like(value)) + value
        self._count += 1
        if self._bar is not None:
            self._bar.update(self._task, completed=step)
        if step % self._config.log_every == 0 or step == self._config.steps:
            self._write(step, max(group["lr"] for group in optimizer.param_groups))

    def _write(self, step: int, rate: float) -> None:
        sums = self._team.summed([total.item() for total in self._sums.values()])
        values = {name: total / self._count for name, total in zip(self._sums, sums, strict=True)}
        speed = self._count / (time.monotonic() - self._began)
        self._sums, self._count, self._began = {}, 0, time.monotonic()
        if not self._team.first:
            return
        row: dict[str, float] = {"step": step, **values, "rate": rate, "steps_per_second": speed}
        new = not self._path.exists()
        with open(self._path, "a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(row)
            writer.writerow([step, *(f"{value:.6g}" for value in list(row.values())[1:])])
        if self._board is not None:
            for name, value in list(row.items())[1:]:
                self._board.add_scalar(name, value, step)
        if self._bar is not None:
            self._bar.update(self._task, loss=f"loss {values['total']:.3f}")


def _drop_lines_after(path: Path, step: int) -> None:
    if not path.exists():
        return
    header, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True) or [""]
    if not header.endswith("\n"):  # killed while it was begun
        path.unlink()
        return
    kept = [line for line in lines if line.endswith("\n") and int(line.split(",")[0]) <= step]
    replace_file(path, lambda file: file.write_text(header + "".join(kept), encoding="utf-8"))


def _board(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder / "tensorboard"))


def _bar() -> Any:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        MofNCompleteColumn(),
        BarColumn(),
        TextColumn("{task.fields[loss]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns)
