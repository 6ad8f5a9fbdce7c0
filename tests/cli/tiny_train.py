"""`python -m tests.cli.tiny_train train tiny ...`: the command, with a recipe that is small enough for a test."""

import runpy
from pathlib import Path

from argus import recipes
from argus.data.sources.scenes import SceneConfig
from argus.train.criterion import LossConfig
from argus.train.loop import TrainConfig
from argus.train.optim import OptimConfig
from argus.train.stages.detector import DetectorRecipe, Part


def tiny(scenes: Path) -> DetectorRecipe:
    optim = OptimConfig(vision=1e-3, text=1e-3, rest=1e-3, warmup=1, cooldown=0)
    return DetectorRecipe(
        train=TrainConfig(purpose="test", steps=2, optim=optim, precision="fp32", log_every=1, look_every=2),
        curriculum=(Part(until=2, images=1, scenes=SceneConfig(cache_folder=scenes, size=64)),),
        loss=LossConfig(mask_points=64),
    )


if __name__ == "__main__":
    recipes.RECIPES["tiny"] = tiny
    runpy.run_module("argus", run_name="__main__")
