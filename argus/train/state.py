"""What a run must keep to go on exactly where it stopped, and how it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import torch

from argus.checkpoint.files import replace_file

if TYPE_CHECKING:
    from argus.train.loop import Learner
    from argus.train.optim import Ema

B = TypeVar("B")


@dataclass(kw_only=True)
class TrainState(Generic[B]):
    """A run in memory. `step` counts finished steps; with the seed it also fixes the data and the chance to come."""

    learner: Learner[B]  # type: ignore[type-var]
    ema: Ema[Learner[B]]  # type: ignore[type-var]
    optimizer: torch.optim.Optimizer
    device: torch.device
    step: int = 0


def save_state(state: TrainState[B], folder: Path) -> None:
    """Write `folder/state.pt` at once or not at all: a kill while writing leaves the file of before.

    Raises OSError where it cannot be written, such as on a full disc; the file of before is then left.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = {
        "step": state.step,
        "learner": state.learner.state_dict(),
        "ema": state.ema.model.state_dict(),
        "ema_updates": state.ema.updates,
        "optimizer": state.optimizer.state_dict(),
    }
    replace_file(folder / "state.pt", lambda path: torch.save(kept, path))


def load_state(state: TrainState[B], folder: Path) -> None:
    """Continue from `folder/state.pt` where there is one. Raises ValueError when it belongs to another model."""
    path = folder / "state.pt"
    if not path.exists():
        return
    kept = torch.load(path, map_location=state.device, weights_only=True)
    try:
        state.learner.load_state_dict(kept["learner"])
        state.ema.model.load_state_dict(kept["ema"])
        state.optimizer.load_state_dict(kept["optimizer"])
    except (RuntimeError, ValueError, KeyError) as error:
        raise ValueError(f"{path} is the state of another model or recipe ({error}); use a new run folder") from error
    state.ema.updates, state.step = kept["ema_updates"], kept["step"]
