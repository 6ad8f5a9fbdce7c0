"""What a run must keep to go on exactly where it stopped, and how it is kept."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import torch
from torch import nn

from argus.model.sam3 import Sam3
from argus.ops.files import replace_file
from argus.train.engine import gathered, joined, placed, recompute, shard
from argus.train.optim import Ema, make_optimizer
from argus.train.team import Team

if TYPE_CHECKING:
    from argus.train.loop import Learner, TrainConfig

B = TypeVar("B")


@dataclass(kw_only=True)
class TrainState(Generic[B]):
    """A run in memory. `step` counts finished steps; with the seed it also fixes the data and the chance to come.

    `engine` is what is called for a loss. A model that is shared out has a `blank` one, whole and on the CPU, for its
    averaged weights; only the first process keeps it. `stopped`: a person ended it, by Ctrl-C or SIGTERM.
    """

    learner: Learner[B]  # type: ignore[type-var]
    ema: Ema[Learner[B]]  # type: ignore[type-var]
    optimizer: torch.optim.Optimizer
    engine: nn.Module
    team: Team = field(default_factory=Team)
    accumulate: int = 1
    step: int = 0
    sharded: bool = False
    blank: Sam3 | None = None
    stopped: bool = False

    def averaged(self) -> Sam3 | None:
        """The model with averaged weights, in evaluation mode; None in all processes but the first. All must ask."""
        model = self.ema.model.eval().model
        if not self.sharded:
            return model if self.team.first else None
        weights = gathered(model.state_dict(), self.team)
        if self.blank is None:
            return None
        whole = copy.deepcopy(self.blank)
        whole.load_state_dict(placed(weights, whole.state_dict()))
        return whole.to(self.team.device)


def new_state(
    learner: Learner[B],  # type: ignore[type-var]
    config: TrainConfig,
    team: Team,
    step: int = 0,
) -> TrainState[B]:
    """A run that begins. Raises ValueError for `config.shard` in a single process."""
    if config.shard and team.size == 1:
        raise ValueError("expected several processes to share a model out among, got one: start them by torchrun")
    learner.to(team.device).train()
    team.spread(learner)
    blank = copy.deepcopy(learner.model).cpu().eval() if config.shard and team.first else None
    ema = Ema(learner)
    if config.recompute:
        recompute(learner.model)
    if config.shard:
        shard(learner, learner.model, team)
        shard(ema.model, ema.model.model, team)
    return TrainState(
        learner=learner,
        ema=ema,
        optimizer=make_optimizer(learner, config.optim),
        engine=learner if config.shard else joined(learner, team),
        team=team,
        accumulate=config.accumulate,
        step=step,
        sharded=config.shard,
        blank=blank,
    )


def save_state(state: TrainState[B], folder: Path) -> None:
    """Write `folder/state.pt` at once or not at all: a kill while writing leaves the file of before.

    All processes of a team must call it, and the first one writes; the file is the same for any number of them. Raises
    OSError where it cannot be written, such as on a full disc; the file of before is then left.
    """
    kept = {
        "step": state.step,
        "accumulate": state.accumulate,
        "learner": gathered(state.learner.state_dict(), state.team),
        "ema": gathered(state.ema.model.state_dict(), state.team),
        "ema_updates": state.ema.updates,
        "optimizer": gathered(state.optimizer.state_dict(), state.team),
    }
    if state.team.first:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / "state.pt", lambda path: torch.save(kept, path))


def load_state(state: TrainState[B], folder: Path) -> None:
    """Continue from `folder/state.pt` where there is one, in this number of processes or another.

    Raises ValueError when it belongs to another model, or to steps of another number of batches.
    """
    path = folder / "state.pt"
    if path.exists():
        _load(state, path)
    if state.team.summed([state.step]) != [state.step * state.team.size]:
        raise ValueError(f"expected all processes to see {path}: the run folder must lie on a disc that they share")


def _load(state: TrainState[B], path: Path) -> None:
    kept = torch.load(path, map_location="cpu", weights_only=True)
    try:
        state.learner.load_state_dict(placed(kept["learner"], state.learner.state_dict()))
        state.ema.model.load_state_dict(placed(kept["ema"], state.ema.model.state_dict()))
        state.optimizer.load_state_dict(_placed_moments(kept["optimizer"], state.optimizer))
    except (RuntimeError, ValueError, KeyError) as error:
        raise ValueError(f"{path} is the state of another model or recipe ({error}); use a new run folder") from error
    accumulate = kept.get("accumulate", state.accumulate)
    if accumulate != state.accumulate:
        raise ValueError(
            f"{path} is of a run whose steps take {accumulate} batches, not {state.accumulate}, so it would not go on "
            f"with the same data: give --batches {accumulate}, or use a new run folder"
        )
    state.ema.updates, state.step = kept["ema_updates"], kept["step"]


def _placed_moments(kept: dict[str, Any], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The optimiser's tensors as the parameters are held. They are kept by the number of the parameter."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    numbers = [number for group in kept["param_groups"] for number in group["params"]]
    like = dict(zip(numbers, parameters))  # where these differ in length, the optimiser says so
    state = {
        number: placed(moments, {name: like[number] for name in moments if name != "step" and number in like})
        for number, moments in kept["state"].items()
    }
    return {**kept, "state": state}
