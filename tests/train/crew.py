"""Runs of the toy learner, in this process or, as `torchrun -m tests.train.crew CASES`, in several."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

import argus
from argus.data.collate import Batch, PromptMix
from argus.model.sam3 import Sam3
from argus.train.criterion import LossConfig
from argus.train.feed import feed
from argus.train.loop import TrainConfig, train
from argus.train.optim import OptimConfig
from argus.train.stages.detector import DetectorLearner, Phase, SceneBatches
from argus.train.state import TrainState
from argus.train.team import Team, gather
from tests.train.toys import tiny_model, toy_scene

RATES = OptimConfig(vision=2e-3, text=2e-3, rest=2e-3, warmup=5, cooldown=0, clip=1.0)
BATCHES = 4  # of a step
SINGLE = SceneBatches(phases=(Phase(until=999, images=1, scene=toy_scene),), mix=PromptMix(per_image=2))


def go(
    folder: Path,
    steps: int,
    team: Team,
    *,
    workers: int = 0,
    shard: bool = False,
    recompute: bool = False,
    save: int = 99,
) -> TrainState[Batch]:
    """Train the toy learner in `folder` until `steps`, going on where it stands."""
    torch.manual_seed(team.rank)  # heads that no file holds may begin differently in each process
    config = TrainConfig(
        purpose="test",
        steps=steps,
        optim=RATES,
        accumulate=BATCHES,
        precision="fp32",
        shard=shard,
        recompute=recompute,
        log_every=1,
        save_every=save,
    )
    learner = DetectorLearner(tiny_model(), LossConfig(mask_points=64))
    return train(learner, batches(workers), config, folder, save_weights=save_weights, team=team)


def batches(workers: int) -> Callable[[int, int], Iterator[Batch]]:
    return lambda first, stride: feed(SINGLE, first, workers, stride)


def save_weights(model: Sam3, folder: Path, step: int) -> None:
    argus.save(model, folder)


def main() -> None:
    with gather(torch.device("cpu")) as team:
        for case in json.loads(sys.argv[1]):
            go(Path(case.pop("folder")), case.pop("steps"), team, **case)


if __name__ == "__main__":
    main()
