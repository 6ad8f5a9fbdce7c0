"""`argus train`: run a recipe, or go on with a run that was stopped."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from argus.cli.common import DeviceOption, failures_reported, misuse, no_nan

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image
    from torch.nn import Module

    from argus.data.clips import Clip
    from argus.data.sources.scenes import ClipConfig, SceneConfig
    from argus.model.sam3 import Sam3
    from argus.recipes import Recipe

LOOKED_AT = 6  # held-out scenes that overlays are drawn of
CLIPS_LOOKED_AT = 3
FOLLOWED = 4  # objects of a clip that overlays show


def train(
    recipe: Annotated[str, typer.Argument(help="Name of the recipe, such as nano-towers or nano-detector.")],
    scenes: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder that argus scenes prepare made.")],
    out: Annotated[Path | None, typer.Option(help="Run folder. Default: runs/RECIPE.")] = None,
    start: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Weights to begin a new run with: RUN/weights.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.0, callback=no_nan, help="Stop, saved, after this time.")
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes that make scenes.")] = 1,
    batches: Annotated[
        int | None, typer.Option(min=1, help="Batches of a step, shared out to all processes. Default: the recipe's.")
    ] = None,
    shard: Annotated[bool, typer.Option("--shard", help="Each process holds a share of the model (FSDP).")] = False,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Less memory for more time: layers run again to learn.")
    ] = False,
    device: DeviceOption = None,
) -> None:
    """Train by RECIPE into a run folder: log.csv, state.pt, weights/ and overlays/.

    The same command goes on where a run was stopped by time, Ctrl-C, SIGTERM or a kill. On several devices:
    torchrun --nproc-per-node N -m -- argus train RECIPE ... --batches N
    """
    with failures_reported():
        from argus import recipes
        from argus.checkpoint.loading import choose_device
        from argus.train.team import gather

        if recipe not in recipes.RECIPES:
            raise misuse(f"no recipe {recipe!r}; there are {', '.join(recipes.RECIPES)}")
        folder = out or Path("runs") / recipe
        plan = recipes.get(recipe)(scenes)
        config = replace(
            plan.train,
            accumulate=batches or plan.train.accumulate,
            shard=shard or plan.train.shard,
            recompute=recompute or plan.train.recompute,
            minutes=plan.train.minutes if minutes is None else minutes,
        )
        plan = replace(plan, train=config)  # type: ignore[type-var]
        with gather(choose_device(device)) as team:
            steps = recipes.run(plan, folder, start=start, workers=workers, team=team, look=look_of(plan))
            if team.first:
                typer.echo(f"{steps} of {plan.train.steps} steps done; weights in {folder / 'weights'}")


def look_of(plan: "Recipe") -> "Callable[[Module, Path], None]":
    """What is drawn of a run's model: what its tracker follows, or else what its detector finds."""
    from argus.data.sources.scenes import ClipConfig
    from argus.train.stages.tracker import TrackerRecipe

    if isinstance(plan, TrackerRecipe):
        assert isinstance(plan.scenes, ClipConfig)
        return tracks(plan.scenes)
    return overlays(plan.scenes)


def tracks(clips: "ClipConfig") -> "Callable[[Module, Path], None]":
    """A look at a tracker in training: fixed held-out clips side by side, a row a clip. Objects of the first frame are
    followed from their masks; the first picture of a row shows them picked by their boxes."""

    def look(model: "Module", folder: Path) -> None:
        from argus.data.sources.scenes import HELD_OUT_SEED, clip
        from argus.model.sam3 import Sam3

        assert isinstance(model, Sam3)
        folder.mkdir(parents=True, exist_ok=True)
        for seed in range(HELD_OUT_SEED, HELD_OUT_SEED + CLIPS_LOOKED_AT):
            shown = clip(clips, seed)
            first = shown.masks[0][shown.masks[0].any((1, 2))][:FOLLOWED]
            if len(first):
                _side_by_side(_followed(model, shown, first)).save(folder / f"{shown.name}.png")

    return look


def _followed(model: "Sam3", clip: "Clip", first: "np.ndarray") -> "list[Image.Image]":
    """The first frame with its objects picked, then every third frame with them followed."""
    import numpy as np

    from argus.data.records import masks_to_boxes_xyxy_px
    from argus.export import draw
    from argus.inference.image import ImagePredictor
    from argus.inference.propagate import propagate
    from argus.types import Detections

    picked = ImagePredictor(model).set_image(clip.frames[0]).pick(box=masks_to_boxes_xyxy_px(first), multimask=False)
    ids, names = list(range(len(first))), [""] * len(first)
    pictures = [draw(clip.frames[0], picked, ids)]
    for frame, masks in zip(clip.frames, propagate(model, clip.frames, first), strict=True):
        pictures.append(draw(frame, Detections.from_masks(masks, np.ones(len(masks)), names), ids))
    return [pictures[0], *pictures[1::3]]


def _side_by_side(pictures: "list[Image.Image]") -> "Image.Image":
    from PIL import Image

    width, height = pictures[0].size
    sheet = Image.new("RGB", (width * len(pictures), height))
    for index, picture in enumerate(pictures):
        sheet.paste(picture, (index * width, 0))
    return sheet


def overlays(scenes: "SceneConfig") -> "Callable[[Module, Path], None]":
    """A look at a model in training: what it finds in fixed held-out scenes, drawn, with the phrases in asked.txt."""

    def look(model: "Module", folder: Path) -> None:
        from argus.data.sources.scenes import HELD_OUT_SEED, scene
        from argus.export import draw
        from argus.inference.image import ImagePredictor
        from argus.model.sam3 import Sam3

        assert isinstance(model, Sam3)
        predictor = ImagePredictor(model.eval())  # eval() also forgets phrases encoded with earlier weights
        folder.mkdir(parents=True, exist_ok=True)
        asked = []
        for seed in range(HELD_OUT_SEED, HELD_OUT_SEED + LOOKED_AT):
            sample = scene(scenes, seed)
            phrases = [query.text for query in sample.queries if query.kind in ("name", "parent")][:3]
            found = predictor.set_image(sample.image).predict(phrases or ["dog"])
            draw(sample.image, found).save(folder / f"{sample.name}.png")
            asked.append(f"{sample.name}: {', '.join(phrases)}\n")
        (folder / "asked.txt").write_text("".join(asked), "utf-8")

    return look
