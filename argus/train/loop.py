"""The training loop: one step, and a run of steps that can be stopped and resumed at any time."""

from __future__ import annotations

import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import FrameType
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn

from argus.checkpoint.loading import choose_dtype
from argus.model.sam3 import Sam3
from argus.train.engine import forget_unused, held_back, noted, whole
from argus.train.journal import Journal
from argus.train.optim import OptimConfig, rate_at, set_rate
from argus.train.state import TrainState, load_state, new_state, save_state
from argus.train.team import Team


@runtime_checkable
class Losses(Protocol):
    """A frozen dataclass of scalar tensors whose batches add up to the step's; `total` is what is minimised."""

    @property
    def total(self) -> Tensor: ...


@runtime_checkable
class Movable(Protocol):
    """A batch: what can be moved to the device of the model."""

    def to(self, device: torch.device) -> Any: ...


B = TypeVar("B", bound=Movable)


class Learner(nn.Module, ABC, Generic[B]):
    """A model with what it is trained by. `model` is what is kept; other parts (heads) are thrown away."""

    model: Sam3

    @abstractmethod
    def totals(self, batches: Sequence[B]) -> Any:
        """Counts in some of the batches of a step: a number, or a dataclass of numbers, which add up over processes."""

    @abstractmethod
    def forward(self, batch: B, totals: Any) -> Losses:
        """Losses of one batch of a step, divided by `totals`: the counts in all its batches, each at least 1."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A run. `purpose` says in a line what it is for; it is kept with the log.

    A step takes `accumulate` batches, which the processes share out evenly. `precision`: "bf16" (autocast), "fp32", or
    "auto": bf16 where the device is fast at it. With `shard` each process holds a share of the parameters and of the
    optimiser instead of all; with `recompute` activations of layers are computed again in the backward pass instead of
    kept. `minutes` stops the run cleanly after that time (None: never); it can then be resumed.
    """

    purpose: str
    steps: int
    optim: OptimConfig
    accumulate: int = 1
    precision: str = "auto"
    shard: bool = False
    recompute: bool = False
    seed: int = 0
    log_every: int = 10
    save_every: int = 500
    look_every: int = 500
    minutes: float | None = None

    def __post_init__(self) -> None:
        if self.precision not in ("auto", "bf16", "fp32"):
            raise ValueError(f"precision must be 'auto', 'bf16' or 'fp32', got {self.precision!r}")
        if min(self.steps, self.accumulate, self.log_every, self.save_every, self.look_every) < 1:
            raise ValueError(f"steps, accumulate and the *_every counts must be at least 1, got {self}")


def train_step(state: TrainState[B], batches: Sequence[B], config: TrainConfig) -> list[Losses]:
    """One step over this process's share of its batches. Raises FloatingPointError for a loss or gradient that is not
    finite.

    Chance (sampled points) depends on the seed and the number of the batch alone, so a resumed run repeats
    what it would have done, in whichever number of processes.
    """
    team = state.team
    set_rate(state.optimizer, rate_at(state.step, config.steps, config.optim))
    fast = choose_dtype(config.precision, team.device) == torch.bfloat16
    with torch.autocast(team.device.type, torch.bfloat16, enabled=fast):
        totals = team.added(state.learner.totals(batches))
    parts: list[Losses] = []
    used: set[str] = set()
    for place, batch in enumerate(batches):
        number = state.step * config.accumulate + place * team.size + team.rank
        torch.manual_seed(config.seed * 1_000_003 + number)
        with held_back(state.engine, last=place == len(batches) - 1):
            with torch.autocast(team.device.type, torch.bfloat16, enabled=fast):
                losses = state.engine(batch.to(team.device), totals)
            with noted(state.engine, used):
                (losses.total * team.size).backward()  # processes are averaged, and their losses have to add up
        parts.append(losses)
    forget_unused(state.engine, used, team)
    norm = whole(nn.utils.clip_grad_norm_(state.learner.parameters(), config.optim.clip))
    for losses in parts:  # only now: a process that stopped alone would leave the others waiting
        stop_unless_finite(losses, state.step)
    if not torch.isfinite(norm):
        raise FloatingPointError(f"the gradient is not finite at step {state.step}; {_ADVICE}")
    state.optimizer.step()
    state.optimizer.zero_grad(set_to_none=True)
    state.ema.update(state.learner)
    state.step += 1
    return parts


_ADVICE = "the last saved state is untouched: lower the rates or the clip, or use fp32, and start again from it"


def stop_unless_finite(losses: Losses, step: int) -> None:
    """Raise FloatingPointError, naming the parts at fault, unless the total is finite."""
    if not torch.isfinite(losses.total):
        parts = {field.name: getattr(losses, field.name).item() for field in fields(losses)}  # type: ignore[arg-type]
        shown = ", ".join(f"{name} {value:.4g}" for name, value in parts.items())
        raise FloatingPointError(f"the loss is not finite at step {step} ({shown}); {_ADVICE}")


def train(
    learner: Learner[B],
    batches: Callable[[int, int], Iterator[B]],
    config: TrainConfig,
    folder: Path,
    *,
    save_weights: Callable[[Sam3, Path, int], None],
    begin: int = 0,
    look: Callable[[Sam3, Path], None] | None = None,
    team: Team = Team(),
    progress: bool = False,
) -> TrainState[B]:
    """Train until `config.steps`, resuming whatever `folder` holds; also stops, saved, on SIGTERM, Ctrl-C or time.

    A new run has `begin` steps behind it: those of the weights that it starts from, whose optimiser is gone.
    `batches(n, stride)` yields the n-th batch and each `stride`-th after it, the same ones whenever it is asked.
    `save_weights(model, folder, step)` writes the averaged weights to `folder/weights`; `look(model, folder)` draws
    what the averaged model (in evaluation mode, its caches emptied) finds in fixed scenes to `folder/overlays/STEP`.
    Every process of a `team` calls this with the same arguments; the first one alone writes and looks.
    """
    share = team.share(config.accumulate)
    state = new_state(learner, config, team, begin)
    load_state(state, folder)
    source, began = batches(state.step * config.accumulate + team.rank, team.size), time.monotonic()
    saved = -1
    with Journal(folder, config, state.step, team=team, progress=progress) as journal, StopRequest() as stop:
        while state.step < config.steps and not team.any(stop.requested or _late(began, config.minutes)):
            losses = train_step(state, [next(source) for _ in range(share)], config)
            journal.record(state.step, losses, state.optimizer)
            if look is not None and state.step % config.look_every == 0:
                model = state.averaged()
                if model is not None:
                    look(model, folder / "overlays" / f"{state.step:07d}")
            if state.step % config.save_every == 0:
                _save(state, folder, save_weights)
                saved = state.step
        if saved != state.step:
            _save(state, folder, save_weights)
        state.stopped = stop.requested
    return state


def _save(state: TrainState[B], folder: Path, save_weights: Callable[[Sam3, Path, int], None]) -> None:
    model = state.averaged()
    if model is not None:
        save_weights(model, folder / "weights", state.step)  # first: where there is a state there are weights
    save_state(state, folder)


def _late(began: float, minutes: float | None) -> bool:
    return minutes is not None and time.monotonic() - began > minutes * 60


class StopRequest:
    """While open, the first SIGTERM or Ctrl-C only sets `requested`; a second Ctrl-C interrupts at once."""

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.requested = True
