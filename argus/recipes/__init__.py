"""Complete run configurations, by name, and how to run one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from argus.data.sources.scenes import SceneConfig
from argus.recipes import nano
from argus.train.feed import feed
from argus.train.loop import Learner, TrainConfig, train
from argus.train.stages.tracker import TrackerRecipe
from argus.train.start import Look, Model, save_weights, starting_model, steps_of
from argus.train.team import Team


@runtime_checkable
class Recipe(Protocol):
    """A whole run: its configuration, how the model learns, and the n-th batch."""

    @property
    def stage(self) -> str: ...

    @property
    def train(self) -> TrainConfig: ...

    @property
    def scenes(self) -> SceneConfig: ...

    def learner(self, model: Model) -> Learner[Any]: ...

    def batches(self) -> Callable[[int], Any]: ...


RECIPES: dict[str, Callable[[Path], Recipe]] = {
    "nano-towers": nano.towers,
    "nano-detector": nano.detector,
    "nano-decoder": nano.decoder,
    "nano-tracker": nano.tracker,
}


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
    team: Team = Team(),
    look: Look | None = None,
    progress: bool = True,
) -> int:
    """Run a recipe in the run folder `folder`, going on where it stopped; returns the number of finished steps.

    A new run begins with the weights in the folder `start` (a run's `weights`, or a bundled model), or with a new nano;
    where those weights have steps of this stage behind them, it goes on counting from there. `look(model,
    folder)` draws overlays of fixed scenes now and then. Every process of a `team` calls this with the same arguments.
    """
    resumed = folder / "weights" if (folder / "state.pt").exists() else start
    model = starting_model(resumed, recipe.scenes, recipe.train.seed, tracker=isinstance(recipe, TrackerRecipe))
    batches = recipe.batches()
    state = train(
        recipe.learner(model),
        lambda first, stride: feed(batches, first, workers, stride),
        recipe.train,
        folder,
        save_weights=lambda model, path, step: save_weights(model, path, recipe.stage, step),
        begin=steps_of(model, recipe.stage),
        look=look,
        team=team,
        progress=progress,
    )
    return state.step
