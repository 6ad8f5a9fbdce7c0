"""Complete run configurations, by name, and how to run one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from argus.recipes import nano
from argus.train.feed import feed
from argus.train.loop import train
from argus.train.stages.detector import DetectorRecipe
from argus.train.stages.towers import TowerRecipe
from argus.train.start import starting_model
from argus.train.start import save_weights as _save_weights

Recipe = TowerRecipe | DetectorRecipe
RECIPES: dict[str, Callable[[Path], Recipe]] = {"nano-towers": nano.towers, "nano-detector": nano.detector}


def get(name: str) -> Callable[[Path], Recipe]:
    """The recipe of that name: a function from the folder of prepared scenes to the whole configuration.

    Raises ValueError for an unknown name.
    """
    if name not in RECIPES:
        raise ValueError(f"expected one of the recipes {sorted(RECIPES)}, got {name!r}")
    return RECIPES[name]


def run(
    recipe: Recipe,
    folder: Path,
    *,
    start: Path | None = None,
    workers: int = 1,
    device: torch.device = torch.device("cpu"),
    look: Callable[[nn.Module, Path], None] | None = None,
    progress: bool = True,
) -> int:
    """Run a recipe in the run folder `folder`, going on where it stopped; returns the number of finished steps.

    A new run begins with the weights in the folder `start` (a run's `weights`), or with a new nano. `look(model,
    folder)` draws overlays of fixed scenes now and then.
    """
    resumed = folder / "weights" if (folder / "state.pt").exists() else start
    model = starting_model(resumed, recipe.scenes, recipe.train.seed)
    batches = recipe.batches()
    state = train(
        recipe.learner(model),
        lambda first: feed(batches, first, workers),
        recipe.train,
        folder,
        save_weights=_save_weights,
        look=look,
        device=device,
        progress=progress,
    )
    return state.step
