"""Fine-tuning that checks itself: measured before and after, on the new and on the base concepts, the best kept.

Every measure is of a file as a user would load it, so what is told is what is had.
"""

from __future__ import annotations

import copy
import json
import math
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from argus import checkpoint
from argus.checkpoint.lora import ADAPTER, save_adapter, split_source
from argus.data.collate import Batch, PromptMix
from argus.data.pairs import Pair
from argus.data.windows import meet
from argus.model.outline_refiner import OutlineRefiner
from argus.model.sam3 import Sam3
from argus.model.tokenizer import clean
from argus.ops import rle
from argus.ops.files import replace_file
from argus.ops.windows import MOST, share_of, tiles_of
from argus.train.feed import feed
from argus.train.finetune_course import Course, course_in, whole
from argus.train.finetune_measures import AnswersOf, measure, score
from argus.train.finetune_plan import (
    AUGMENTATIONS,
    MEASURES,
    FinetunePlan,
    Material,
    Measured,
    Metrics,
    Outcome,
    check,
    claim,
    told,
    write_record,
)
from argus.train.loop import Learner, TrainConfig, train, train_step
from argus.train.lora import adapter_of, add_adapters
from argus.train.more_queries import with_queries
from argus.train.outlining import lesson, seconds_of
from argus.train.stages.finetune import (
    FinetuneBatches,
    FinetuneLearner,
    learn_all,
    loss_of,
    parts_of_a_step,
    rates_of,
)
from argus.train.state import new_state
from argus.train.team import Team

LEAST_SIDE = 4.0  # tokens along the side of the median object (square root of its area)
EVERY_QUERY = 32  # further queries come in such steps
MOST_QUERIES = 320
TOLERANCE = 5e-3  # between measures of one file: kernels round the last bit by where memory puts a tensor
TRIED = 6  # steps that time is measured on, after one to warm up; they differ by what is asked
FINDS = 2  # times as long a look takes once the model finds something
COURSE = "course.json"


def finetune(
    plan: FinetunePlan,
    material: Material,
    folder: Path,
    answers_of: AnswersOf,
    *,
    workers: int = 0,
    device: torch.device = torch.device("cpu"),
    tell: Callable[[str], None] = lambda line: None,
    progress: bool = False,
) -> list[Outcome]:
    """Run every seed of a plan in `folder`, going on where it was stopped; the best seed's weights end in `folder`.

    Raises ValueError where there is nothing to learn from, for an unknown model, for an adapter over a model that has
    one, for a folder that holds anything else, and where the saved file does not give the numbers that were measured.
    """
    check(material)
    if not plan.full and split_source(plan.model) is not None:
        raise ValueError(
            f"expected a model without an adapter to make one for, got {plan.model!r}: use --full, or the model alone"
        )
    claim(folder, plan, material)
    base = checkpoint.load(plan.model, device=device, precision="fp32")
    tell("measuring the model before")
    before = measure(base, material, answers_of)
    tell(f"before: {told(before)}")
    outcomes = []
    for seed in range(plan.seeds):
        run = Run(plan, material, folder / f"seed-{seed}", seed, base, answers_of, device, tell)
        outcomes.append(run.go(before, workers, progress))
    best = max(outcomes, key=lambda outcome: outcome.after.new["cgF1"])
    for path in kept_files(folder / f"seed-{best.seed}"):
        replace_file(folder / path.name, partial(shutil.copyfile, path))
    write_record(folder, plan, material, outcomes)
    return outcomes


def kept_files(folder: Path) -> list[Path]:
    """The files of a finished run's weights: of an adapter, or of a whole model."""
    if (folder / ADAPTER).exists():
        return [folder / ADAPTER]
    return [folder / name for name in ("model.safetensors", "tokenizer.json", "config.json")]


def tiles_needed(material: Material, plan: FinetunePlan, tokens: int) -> int:
    """The fewest with which half of the objects have `LEAST_SIDE`, where an image is read as `tokens` x `tokens`."""
    if plan.tiles is not None:
        return plan.tiles
    pairs = [pair for pair in material.training.pairs() if pair.rles]
    sides = [np.sqrt(rle.area(pair.rles) / np.prod(pair.size_hw)) * tokens for pair in pairs]
    median = float(np.median(np.concatenate(sides)))
    return next((count for count in range(1, MOST + 1) if median >= LEAST_SIDE * share_of(count)), MOST)


def queries_needed(material: Material, plan: FinetunePlan, have: int, tiles: int) -> int:
    """Enough for the most instances that a phrase has in an image of the training data, and a tenth more; with tiles
    for those in 99 of 100 tiles."""
    if plan.queries is not None:
        return plan.queries
    counts = [count for pair in material.training.pairs() if pair.rles for count in instances_in_tiles(pair, tiles)]
    most = max(counts) if tiles == 1 else float(np.quantile(counts, 0.99))
    if most * 1.1 <= have:
        return have
    return min(max(have, math.ceil(most * 1.1 / EVERY_QUERY) * EVERY_QUERY), max(MOST_QUERIES, have))


def instances_in_tiles(pair: Pair, tiles: int) -> list[int]:
    """How many of a pair's instances each tile of its image meets."""
    windows = [(tile.left, tile.top, tile.right, tile.bottom) for tile in tiles_of(pair.size_hw, tiles)]
    return [int(meet(pair.boxes_xyxy_px, window).sum()) for window in windows]


@dataclass
class Run:
    """One seed of a plan."""

    plan: FinetunePlan
    material: Material
    folder: Path
    seed: int
    base: Sam3
    answers_of: AnswersOf
    device: torch.device
    tell: Callable[[str], None]
    history: list[tuple[int, Metrics]] = field(default_factory=list)
    looking: list[float] = field(default_factory=list)  # seconds that looks took

    @cached_property
    def tiles(self) -> int:
        return tiles_needed(self.material, self.plan, self.base.config.vision.grid)

    @cached_property
    def phrases(self) -> list[str]:
        """What the training data have instances of."""
        return sorted({clean(pair.phrase) for pair in self.material.training.pairs() if pair.rles})

    def go(self, before: Measured, workers: int, progress: bool) -> Outcome:
        if self.tiles > 1:
            self.tell(f"objects are small: looked for in {self.tiles} x {self.tiles} overlapping tiles of each image")
        model = self.student()
        batches = self.batches(model)
        learner = FinetuneLearner(model, loss_of(model), self.base)
        self.history = self._read_history()
        course = self._course(learner, batches)
        if not course.settled:
            course = self._settled(course, learner, batches, workers, progress)
        _, step = self._trained(course, learner, batches, workers, progress)
        return self._outcome(before, step)

    def _settled(
        self, course: Course, learner: Learner[Any], batches: FinetuneBatches, workers: int, progress: bool
    ) -> Course:
        """Train for half of the time, and lay out the rest by how long those steps took: few steps, timed before, say
        too little."""
        assert self.plan.hours is not None
        seconds, began, self.looking = self.plan.hours * 3600, time.monotonic(), []
        first, step = self._trained(course, learner, batches, workers, progress, minutes=seconds / 120)
        if step < course.steps:
            each = (time.monotonic() - began - sum(self.looking)) / max(step - first, 1)
            look = max(self.looking, default=None)
            course = course.settle(seconds, step=each, look=look, done=step)
            course.write(self.folder / COURSE)
        return course

    def _trained(
        self,
        course: Course,
        learner: Learner[Any],
        batches: FinetuneBatches,
        workers: int,
        progress: bool,
        minutes: float | None = None,
    ) -> tuple[int, int]:
        """Go on to the end of the course, or for `minutes`; returns from which step to which. Raises InterruptedError
        when it is stopped before."""
        firsts: list[int] = []

        def source(first: int, stride: int) -> Iterator[Batch]:
            firsts.append(first // batches.parts)
            return feed(batches, first, workers, stride)

        state = train(
            learner,
            source,
            replace(self._config(learner.model, course, batches.parts), minutes=minutes),
            self.folder / "run",
            save_weights=lambda model, path, step: None,
            look=lambda model, path: self.look(model, int(path.name), course.lesson and int(path.name) == course.steps),
            team=Team(device=self.device),
            progress=progress,
        )
        if state.step < course.steps and state.stopped:
            raise InterruptedError(f"stopped, saved, at step {state.step} of {course.steps}: the same command goes on")
        return firsts[0], state.step

    def student(self) -> Sam3:
        """The model that learns: the base, with more queries where the data needs them, and adapters."""
        model = copy.deepcopy(self.base).cpu()
        assert model.config.detector is not None
        needed = queries_needed(self.material, self.plan, model.config.detector.queries, self.tiles)
        if needed != model.config.detector.queries:
            model = with_queries(model, needed, self.seed)
        if self.plan.full:
            learn_all(model)
        else:
            add_adapters(model, self.plan.rank, self.seed)
        return model

    def batches(self, model: Sam3) -> FinetuneBatches:
        assert model.config.detector is not None
        replayed = 0 if self.material.replay is None else self.plan.replayed
        return FinetuneBatches(
            data=self.material.training,
            size_hw=model.image_size_hw,
            most_instances=model.config.detector.queries,
            replay=self.material.replay if replayed else None,
            images=self.plan.images,
            replayed=replayed,
            of_data=parts_of_a_step(model, self.plan.images, self.plan.per_image),
            of_base=parts_of_a_step(model, replayed, self.plan.per_image) if replayed else 0,
            mix=PromptMix(per_image=self.plan.per_image),
            tiles=self.tiles,
            augmentation=AUGMENTATIONS[self.plan.augment](),
            ontology=self.material.ontology,
            picks=model.tracker is not None,
            seed=self.seed,
        )

    def look(self, model: Sam3, step: int, with_lesson: bool) -> None:
        """Save, load what was saved, measure it on the held-out data, and keep it where it is the best so far; after a
        lesson in outlines where there is to be one."""
        began = time.monotonic()
        candidate = self.folder / "run" / "candidate"
        tuned = self.saved(model, candidate, step)
        refiner = self.refiner(tuned) if with_lesson else None
        if refiner is not None:
            tuned = self.saved(model, candidate, step, refiner)
        metrics = score(self.material.held_out.pairs(), self.answers_of(tuned).predict)
        earlier = [entry for entry in self.history if entry[0] < step]  # later ones are of a run that was killed
        if all((metrics["cgF1"], metrics["pmF1"]) >= (m["cgF1"], m["pmF1"]) for _, m in earlier):
            for path in kept_files(candidate):
                path.replace(self.folder / path.name)
        self.history = [*earlier, (step, metrics)]
        content = json.dumps(self.history)
        replace_file(self.folder / "history.json", lambda path: path.write_text(content, "utf-8"))
        self.tell(f"step {step}: {told(Measured(new=metrics, base=None))}")
        self.looking.append(time.monotonic() - began)

    def refiner(self, tuned: Sam3) -> OutlineRefiner | None:
        """What refines the outlines of the new phrases better than GrabCut."""
        taught = lesson(tuned, self.material.training, self.tiles, self.seed)
        if taught is None:
            self.tell("outlines: too few objects of the training images are found to learn from; GrabCut settles them")
            return None
        better = taught.after > taught.before
        self.tell(
            f"outlines: a net was taught on {taught.taught} masks of training images; {taught.checked} of others of "
            f"them pass {taught.after:.1%} of IoU thresholds, by GrabCut {taught.before:.1%}: "
            + ("kept" if better else "GrabCut settles them")
        )
        return taught.refiner if better else None

    def saved(self, model: Sam3, folder: Path, step: int, refiner: OutlineRefiner | None = None) -> Sam3:
        """The model, with a refiner for the new phrases if given, after it was written to `folder` and read again."""
        about: dict[str, Any] = {"finetune": {"base": self.plan.model, "steps": step, "seed": self.seed}}
        about["tiles"] = {**self.base.tiles_by_phrase, **dict.fromkeys(self.phrases, self.tiles)}
        about["refined"] = sorted({*self.base.refined_phrases, *(self.phrases if refiner is not None else ())})
        if self.plan.full:
            copied = copy.deepcopy(model)
            if refiner is not None:
                copied.config, copied.outlines = replace(copied.config, outlines=refiner.config), refiner
            known = {key: value for key, value in copied.origin.training.items() if key != "adapter"}  # merged by now
            copied.origin.training = {**known, **about}
            checkpoint.save(copied, folder)
        else:
            adapter = adapter_of(model, self.base, self.plan.model, about)
            if refiner is not None:
                adapter = adapter.with_outlines(refiner)
            save_adapter(adapter, folder)
        return self._load(folder)

    def source(self, folder: Path) -> str:
        return str(folder) if self.plan.full else f"{self.plan.model}+{folder}"

    def _load(self, folder: Path) -> Sam3:
        return checkpoint.load(self.source(folder), device=self.device, precision="fp32")

    def _outcome(self, before: Measured, steps: int) -> Outcome:
        """Load what was kept, and measure it: the numbers have to be those that it was kept for."""
        model = self._load(self.folder)
        after = measure(model, self.material, self.answers_of)
        best, kept = max(self.history, key=lambda entry: (entry[1]["cgF1"], entry[1]["pmF1"], entry[0]))
        wrong = [name for name in MEASURES if name in kept and abs(after.new[name] - kept[name]) > TOLERANCE]
        if wrong:
            raise ValueError(
                f"the saved file gives other numbers than those it was kept for: {told(after)}, not "
                f"{told(Measured(new=kept, base=None))}; do not use {self.folder}"
            )
        self.tell(f"after (seed {self.seed}, step {best}, read from the saved file): {told(after)}")
        assert self.base.config.detector is not None and model.config.detector is not None
        return Outcome(
            seed=self.seed,
            source=self.source(self.folder),
            before=before,
            after=after,
            history=tuple(self.history),
            best=best,
            steps=steps,
            queries=(self.base.config.detector.queries, model.config.detector.queries),
            refined=not model.refined_phrases.isdisjoint(self.phrases),
            bytes_saved=sum(path.stat().st_size for path in kept_files(self.folder)),
        )

    def _config(self, model: Sam3, course: Course, parts: int) -> TrainConfig:
        every = course.steps // course.looks
        return TrainConfig(
            purpose=f"fine-tuning of {self.plan.model}",
            steps=course.steps,
            optim=rates_of(model, full=self.plan.full, steps=course.steps),
            accumulate=parts,
            precision=self.plan.precision,
            seed=self.seed,
            log_every=max(1, min(10, course.steps // 20)),
            save_every=every,
            look_every=every,
        )

    def _course(self, learner: Learner[Any], batches: FinetuneBatches) -> Course:
        """By epochs, or by what is done in the time; the same when it is resumed."""
        known = Course.read(self.folder / COURSE)
        if known is not None:
            return known
        with_lesson = self.base.config.vision.settle_outlines and self.base.outlines is None
        if self.plan.hours is not None:
            course = self._timed(self.plan.hours * 3600, learner, batches, with_lesson)
        else:
            steps = self.plan.epochs * len(self.material.training) / self.plan.images
            course = Course(steps=whole(steps, self.plan.looks), looks=self.plan.looks, lesson=with_lesson)
        course.write(self.folder / COURSE)
        return course

    def _timed(self, seconds: float, learner: Learner[Any], batches: FinetuneBatches, with_lesson: bool) -> Course:
        """What there is time for, by some steps and a look with a copy that is thrown away."""
        tried = copy.deepcopy(learner)
        trial = Course(steps=100, looks=1, lesson=False)
        config = self._config(learner.model, trial, batches.parts)
        state = new_state(tried, config, Team(device=self.device))
        began = time.monotonic()
        for step in range(TRIED + 1):
            began = time.monotonic() if step == 1 else began
            train_step(state, [batches(step * batches.parts + part) for part in range(batches.parts)], config)
        each = (time.monotonic() - began) / TRIED
        began = time.monotonic()
        model = self.saved(tried.model, self.folder / "run" / "candidate", 0)
        score(self.material.held_out.pairs(), self.answers_of(model).predict)
        look = FINDS * (time.monotonic() - began)
        lesson = seconds_of(model, self.material.training, self.tiles) if with_lesson else None
        return course_in(seconds, step=each, look=look, lesson=lesson, looks=self.plan.looks)

    def _read_history(self) -> list[tuple[int, Metrics]]:
        path = self.folder / "history.json"
        return [(int(step), dict(m)) for step, m in json.loads(path.read_text("utf-8"))] if path.exists() else []
