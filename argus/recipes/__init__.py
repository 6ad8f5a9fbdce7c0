"""Complete run configurations, by name, and how to run one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from argus.data.sources.scenes import SceneConfig
from argus.model.sam3 import Sam3Config
from argus.recipes import nano, sam3
from argus.train.feed import feed
from argus.train.forgetting import Remembered
from argus.train.loop import Learner, TrainConfig, train
from argus.train.stages.cutter import CutterRecipe
from argus.train.stages.detector import DetectorRecipe, FinishRecipe
from argus.train.stages.namer import NamerRecipe
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

    @property
    def sizes(self) -> Sam3Config: ...

    def learner(self, model: Model) -> Learner[Any]: ...

    def batches(self) -> Callable[[int], Any]: ...


RECIPES: dict[str, Callable[[Path], Recipe]] = {
    "nano-towers": nano.towers,
    "nano-detector": nano.detector,
    "nano-decoder": nano.decoder,
    "nano-finish": nano.finish,
    "nano-tracker": nano.tracker,
    "nano-namer": nano.namer,
    "nano-cutter": nano.cutter,
    "sam3-towers": sam3.towers,
    "sam3-detector": sam3.detector,
    "sam3-finish": sam3.finish,
    "sam3-tracker": sam3.tracker,
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

    A new run begins with the weights in the folder `start` (a run's `weights`, or a bundled model), or with a new model
    of the recipe's sizes; where those weights have steps of this stage behind them, it goes on counting from there.
    `look(model, folder)` draws overlays of fixed scenes now and then. `forgetting.json` tells what the stage before had
    reached, and what is left of it. Every process of a `team` calls this with the same arguments. Raises ValueError for
    a later stage without weights to start from.
    """
    if isinstance(recipe, DetectorRecipe):
        recipe = replace(recipe, notes=folder / "confusions")
    if isinstance(recipe, NamerRecipe):
        recipe = replace(recipe, bank=folder / "close-ups")
    resumes = (folder / "state.pt").exists()
    first = folder / "weights" if resumes else start
    if first is None and isinstance(recipe, FinishRecipe):
        raise ValueError("expected a detector's weights to start from (--start), which this stage finishes; got none")
    needs = None if resumes else _needs(recipe, start)  # a run that goes on has it, or has none
    model = starting_model(first, recipe.scenes, recipe.train.seed, needs=needs, sizes=recipe.sizes).to(team.device)
    remembered = Remembered(folder, recipe.stage, recipe.scenes)
    if not resumes and team.first:
        remembered.note("before", model, 0)
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
    averaged = state.averaged()  # gathered from all processes
    if averaged is not None:
        remembered.note("after", averaged, state.step)
    return state.step


def _needs(recipe: Recipe, start: Path | None) -> str | None:
    """The part that a stage is for; and of detection stages with picking a tracker, once there is something to see
    with."""
    if isinstance(recipe, (TrackerRecipe, NamerRecipe, CutterRecipe)):
        return recipe.stage
    picks = isinstance(recipe, DetectorRecipe) and recipe.picking is not None
    return "tracker" if picks and start is not None else None
