"""What each part of SAM 3 is worth to a small model, at a reduced size.

python benchmarks/ablate.py SCENES_FOLDER --out runs/ablation [--only NAME ...]

A run is a model of nano's kind, but narrower and less deep (`tiny`), on scenes of 140 px of few concepts: towers (stage
1, made once for all that have it), then the detector for as many steps for everyone. Without stage 1 encoders have the
rates that they have in it; "more detector instead" has its time as further steps. Each is measured on the same held-out
scenes, with 95 % bootstrap intervals over scenes, its own and that of its difference from the whole. Runs go on where
they were stopped, and are not repeated.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import torch
from torch import nn

from argus import checkpoint, recipes
from argus.data.negatives import NegativeConfig
from argus.data.records import Sample
from argus.eval import summarise
from argus.eval.bootstrap import interval, intervals, resampled
from argus.eval.cgf1 import PairScore
from argus.model.detector import DetectorConfig
from argus.model.sam3 import Sam3, Sam3Config
from argus.model.text_encoder import TextConfig
from argus.model.vision_encoder import VisionConfig
from argus.recipes.nano import detector, scenes_of, towers
from argus.train.forgetting import detection_scores
from argus.train.optim import OptimConfig
from argus.train.stages.detector import DetectorLearner, DetectorRecipe, Part, SceneBatches
from argus.train.stages.towers import Lesson, TowerRecipe

ALL = "all parts"
NO_PRESENCE, NO_HARD, NO_MANY, NO_BIAS, NO_TOWERS, LONGER = (
    "no presence token",
    "no hard negatives",
    "no one-to-many branch",
    "no box position bias",
    "no stage 1",
    "no stage 1, more detector instead",
)
NAMES = (ALL, NO_PRESENCE, NO_HARD, NO_MANY, NO_BIAS, NO_TOWERS, LONGER)
ALWAYS = 20.0  # a presence logit that says yes


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much all runs are reduced. `stage_1_in_steps` is the time of the towers in steps of the detector."""

    size: int = 140
    concepts: int = 20
    difficulty: float = 0.0
    images: int = 8
    towers: int = 400
    steps: int = 850
    stage_1_in_steps: int = 290
    measured: int = 300


def tiny(size: Size) -> Sam3Config:
    """A model a step of which takes a third of nano's time."""
    return Sam3Config(
        vision=VisionConfig(
            width=96,
            layers=4,
            heads=3,
            mlp_width=384,
            window=size.size // 14,
            global_layers=(1, 3),
            image=size.size,
            pretrain_image=size.size,
        ),
        text=TextConfig(vocabulary=2048, context=24, width=64, layers=2, heads=2, mlp_width=256),
        detector=DetectorConfig(
            width=64,
            heads=4,
            mlp_width=256,
            exemplar_layers=1,
            fusion_layers=2,
            decoder_layers=3,
            queries=16,
            nms_within=0.5,
        ),
    )


@dataclass(frozen=True)
class Easy:
    """A scene without phrases of a wrong colour, size or pattern."""

    scene: Callable[[int], Sample]

    def __call__(self, seed: int) -> Sample:
        sample = self.scene(seed)
        return replace(sample, queries=tuple(q for q in sample.queries if not q.kind.startswith("wrong-")))


@dataclass(frozen=True, kw_only=True)
class Reduced(DetectorRecipe):
    """A detector's run `without` a part."""

    without: str = ALL

    def learner(self, model: Sam3) -> DetectorLearner:
        learner = super().learner(model)
        decoder = model.detector.decoder
        if self.without == NO_PRESENCE:
            _fix(decoder.presence_head, ALWAYS)
        if self.without == NO_BIAS:
            _fix(decoder.bias_x, 0.0)
            _fix(decoder.bias_y, 0.0)
        return learner

    def batches(self) -> SceneBatches:
        batches = super().batches()
        if self.without != NO_HARD:
            return batches
        return replace(batches, phases=tuple(replace(phase, scene=Easy(phase.scene)) for phase in batches.phases))


@torch.no_grad()
def _fix(head: nn.Module, value: float) -> None:
    """Make the answer of an MLP a constant."""
    head.requires_grad_(False)
    last = cast(nn.Linear, cast(nn.ModuleList, head.layers)[-1])
    last.weight.zero_()
    last.bias.fill_(value)


def stage_1(folder: Path, size: Size) -> TowerRecipe:
    whole = towers(folder)
    scenes = scenes_of(folder, size=size.size, difficulty=size.difficulty, concepts=size.concepts)
    return replace(
        whole,
        train=replace(
            whole.train,
            purpose="ablation: stage 1",
            steps=size.towers,
            optim=replace(whole.train.optim, cooldown=size.towers // 5),
        ),
        lessons=(Lesson(until=size.towers, images=32, scenes=scenes),),
        sizes=tiny(size),
    )


def stage_2(folder: Path, size: Size, without: str) -> Reduced:
    whole = detector(folder)
    steps = size.steps + (size.stage_1_in_steps if without == LONGER else 0)
    encoders = 1e-3 if without in (NO_TOWERS, LONGER) else 3e-4
    negatives = NegativeConfig(ramp_steps=size.steps // 2)
    if without == NO_HARD:
        negatives = replace(negatives, hard_first=0.0, hard_last=0.0)
    loss = whole.loss
    if without == NO_PRESENCE:
        loss = replace(loss, presence=0.0, absent_queries=True)
    if without == NO_MANY:
        loss = replace(loss, one_to_many=0.0)
    scenes = scenes_of(folder, size=size.size, difficulty=size.difficulty, concepts=size.concepts)
    return Reduced(
        train=replace(
            whole.train,
            purpose=f"ablation: {without}",
            steps=steps,
            optim=OptimConfig(
                vision=encoders, text=encoders, rest=1e-3, warmup=50, timescale=1_000, cooldown=steps // 4
            ),
            save_every=100,
            look_every=1_000_000,
        ),
        mix=whole.mix,
        loss=loss,
        negatives=negatives,
        curriculum=(Part(until=steps, images=size.images, scenes=scenes),),
        without=without,
        sizes=tiny(size),
    )


def finish(plan: TowerRecipe | Reduced, folder: Path, start: Path | None) -> None:
    """Run a plan to its end. Raises InterruptedError where it was stopped before, so that no part of a run counts."""
    steps = recipes.run(plan, folder, start=start, workers=0, progress=False)
    if steps < plan.train.steps:
        raise InterruptedError(
            f"{folder} was stopped, saved, at step {steps} of {plan.train.steps}: it goes on from there"
        )


def measured(scenes_folder: Path, out: Path, size: Size, name: str) -> tuple[list[PairScore], float]:
    """The scores of a run, made first where it is not finished, and the CPU minutes of its detector in this process."""
    plan, run = stage_2(scenes_folder, size, name), out / name.replace(",", "").replace(" ", "-")
    begin = None
    if name not in (NO_TOWERS, LONGER):
        before = time.process_time()
        finish(stage_1(scenes_folder, size), out / "stage-1", None)
        print(f"stage 1: {(time.process_time() - before) / 60:.1f} CPU min", file=sys.stderr)
        begin = out / "stage-1" / "weights"
    before = time.process_time()
    finish(plan, run, begin)
    minutes = (time.process_time() - before) / 60
    model = checkpoint.load(run / "weights", device="cpu", precision="fp32").eval()
    return detection_scores(model, plan.scenes, size.measured), minutes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenes_folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES)
    arguments = parser.parse_args()
    size = Size()
    whole: list[PairScore] | None = None
    print(json.dumps(size.__dict__))
    print("| percent | cgF1 | pmF1 | IL_MCC | against all | CPU min |\n| --- | ---: | ---: | ---: | ---: | ---: |")
    for name in arguments.only:
        scores, minutes = measured(arguments.scenes_folder, arguments.out, size, name)
        whole = scores if name == ALL else whole
        metrics, sure = summarise(scores), intervals(scores)
        cells = [
            f"{100 * metrics[key]:.1f} ({100 * sure[key].low:.1f} to {100 * sure[key].high:.1f})"
            for key in ("cgF1", "pmF1", "IL_MCC")
        ]
        lost = ""
        if whole is not None and name != ALL:
            gap = interval(resampled(scores)["cgF1"] - resampled(whole)["cgF1"])
            less = metrics["cgF1"] - summarise(whole)["cgF1"]
            lost = f"{100 * less:+.1f} ({100 * gap.low:+.1f} to {100 * gap.high:+.1f})"
        print(f"| {name} | {' | '.join(cells)} | {lost} | {minutes:.1f} |", flush=True)


if __name__ == "__main__":
    main()
