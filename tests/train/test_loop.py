"""The loop: it learns, resumes exactly, stops on what is not finite, and stops cleanly when asked."""

import csv
import math
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import pytest
import torch

from argus.data.collate import Batch, PromptMix
from argus.train.criterion import LossConfig
from argus.train.feed import feed
from argus.train.loop import TrainConfig, train
from argus.train.optim import OptimConfig
from argus.train.stages.detector import DetectorLearner, Phase, SceneBatches
from argus.train.state import TrainState
from tests.train.toys import joined, tiny_model, toy_scene

RATES = OptimConfig(vision=2e-3, text=2e-3, rest=2e-3, warmup=5, cooldown=0, clip=1.0)
CONFIG = TrainConfig(purpose="test", steps=6, optim=RATES, precision="fp32", log_every=1, save_every=100)
DATA = SceneBatches(phases=(Phase(until=99, images=2, scene=toy_scene),), mix=PromptMix(per_image=3))


def learner() -> DetectorLearner:
    torch.manual_seed(0)
    return DetectorLearner(tiny_model(), LossConfig(mask_points=64))


def run(folder: Path, config: TrainConfig, data: SceneBatches = DATA) -> TrainState[Batch]:
    return train(
        learner(),
        lambda first, stride: feed(data, first, 0, stride),
        config,
        folder,
        save_weights=lambda model, path, step: path.mkdir(exist_ok=True),
    )


def curve(folder: Path, column: str = "total") -> list[float]:
    with open(folder / "log.csv", encoding="utf-8") as file:
        return [float(row[column]) for row in csv.DictReader(file)]


def distance(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    return math.sqrt(sum(float((a[name] - b[name]).square().sum()) for name in a))


def test_one_batch_overfits(tmp_path: Path) -> None:
    batch = DATA(2)
    assert 0 < int(batch.targets.present.sum()) < len(batch.prompts)
    config = replace(CONFIG, steps=120, log_every=5, optim=replace(RATES, vision=4e-3, text=4e-3, rest=4e-3))
    train(learner(), lambda first, stride: repeat(batch), config, tmp_path, save_weights=lambda model, path, step: None)
    losses, presence, iou = curve(tmp_path), curve(tmp_path, "presence_accuracy"), curve(tmp_path, "matched_iou")
    assert losses[-1] < 0.4 * losses[0]
    assert presence[-1] == 1.0 and iou[-1] > 0.6


def test_a_resumed_run_repeats_the_uninterrupted_one(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", replace(CONFIG, accumulate=2))
    broken = tmp_path / "broken"

    def killed(first: int, stride: int) -> Iterator[Batch]:
        for index in range(first, 2 * 4 + 1):  # dies inside the fifth step, after the save at the third
            yield DATA(index)
        raise ConnectionError("killed")

    config = replace(CONFIG, accumulate=2, save_every=3)
    with pytest.raises(ConnectionError):
        train(learner(), killed, config, broken, save_weights=lambda model, path, step: None)
    assert len(curve(broken)) == 4
    resumed = run(broken, config)
    assert curve(broken) == pytest.approx(curve(tmp_path / "whole"), rel=1e-5) and len(curve(broken)) == 6
    start = learner().state_dict()
    for kept in ("learner", "ema"):
        ours, theirs = (torch.load(f / "state.pt")[kept] for f in (broken, tmp_path / "whole"))
        # Kernels may round the last bit by where memory puts a tensor, and Adam makes steps of a gradient that is all
        # rounding (of the keys' biases), so the two are compared with how far the run went.
        apart, gone = distance(ours, theirs), distance(theirs, start)
        assert apart <= 1e-3 * gone, f"{kept}: {apart} of {gone}"
    assert whole.step == resumed.step == 6


def test_a_step_of_four_batches_is_the_step_of_their_union(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = torch.rand  # chance goes by the batch, so all masks get the same points here

    def same_points(masks: int, *rest: int, device: torch.device) -> torch.Tensor:
        return points(1, *rest, generator=torch.Generator().manual_seed(0)).expand(masks, *rest)

    monkeypatch.setattr(torch, "rand", same_points)
    single = SceneBatches(phases=(Phase(until=99, images=1, scene=toy_scene),), mix=PromptMix(per_image=3))

    def union(index: int) -> Batch:
        return joined([single(4 * index + i) for i in range(4)])

    def weights_of(folder: Path, make: Callable[[int], Batch], accumulate: int) -> list[torch.Tensor]:
        config = replace(CONFIG, steps=2, accumulate=accumulate)
        train(
            learner(),
            lambda first, stride: feed(make, first, 0, stride),
            config,
            folder,
            save_weights=lambda model, path, step: None,
        )
        return list(torch.load(folder / "state.pt")["learner"].values())

    parts, whole = weights_of(tmp_path / "parts", single, 4), weights_of(tmp_path / "whole", union, 1)
    assert curve(tmp_path / "parts") == pytest.approx(curve(tmp_path / "whole"), rel=1e-4)
    assert all(torch.allclose(a, b, atol=2e-4) for a, b in zip(parts, whole, strict=True))


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path: Path) -> None:
    def poisoned(first: int, stride: int) -> Iterator[Batch]:
        for index in range(first, 99):
            if index == 2:
                torch.nn.init.constant_(student.model.detector.decoder.presence_token, float("nan"))
            yield DATA(index)

    config, student = replace(CONFIG, save_every=1), learner()
    with pytest.raises(FloatingPointError, match=r"step 2 .*presence nan"):
        train(student, poisoned, config, tmp_path, save_weights=lambda model, path, step: None)
    kept = torch.load(tmp_path / "state.pt")
    assert kept["step"] == 2 and all(bool(value.isfinite().all()) for value in kept["learner"].values())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_run_after_its_step_and_saves(tmp_path: Path, number: int) -> None:
    def interrupted(first: int, stride: int) -> Iterator[Batch]:
        for index in range(first, 99):
            if index == 2:
                os.kill(os.getpid(), number)
            yield DATA(index)

    before = signal.getsignal(number)
    state = train(
        learner(), interrupted, CONFIG, tmp_path, save_weights=lambda model, path, step: path.mkdir(exist_ok=True)
    )
    assert state.step == 3 == torch.load(tmp_path / "state.pt")["step"]
    assert (tmp_path / "weights").exists() and signal.getsignal(number) is before


def test_the_time_limit_stops_the_run(tmp_path: Path) -> None:
    assert run(tmp_path, replace(CONFIG, minutes=0.0)).step <= 1
    assert (tmp_path / "state.pt").exists()


def test_overlays_are_drawn_from_the_averaged_model(tmp_path: Path) -> None:
    drawn: list[tuple[str, bool]] = []
    train(
        learner(),
        lambda first, stride: feed(DATA, first, 0, stride),
        replace(CONFIG, steps=4, look_every=2),
        tmp_path,
        save_weights=lambda model, path, step: None,
        look=lambda model, path: drawn.append((path.name, model.training)),
    )
    assert drawn == [("0000002", False), ("0000004", False)]


@pytest.mark.parametrize("begun", ["", "step,tot"])
def test_a_log_that_a_kill_cut_in_its_first_line_is_begun_anew(tmp_path: Path, begun: str) -> None:
    (tmp_path / "log.csv").write_text(begun)
    run(tmp_path, replace(CONFIG, steps=2))
    assert len(curve(tmp_path)) == 2


def test_the_state_of_another_model_is_refused(tmp_path: Path) -> None:
    torch.save({"step": 1, "learner": {}}, tmp_path / "state.pt")
    with pytest.raises(ValueError, match="use a new run folder"):
        run(tmp_path, CONFIG)


def test_workers_give_the_batches_in_order() -> None:
    assert [next(numbers) for numbers in [feed(_square, 3, 2)] for _ in range(6)] == [9, 16, 25, 36, 49, 64]


def _square(index: int) -> int:
    return index * index


def test_a_new_run_goes_on_counting_from_its_weights(tmp_path: Path) -> None:
    saved: list[int] = []
    config = replace(CONFIG, steps=7)
    make = lambda first, stride: feed(DATA, first, 0, stride)  # noqa: E731
    train(learner(), make, config, tmp_path, save_weights=lambda model, path, step: saved.append(step), begin=5)
    assert saved[-1] == 7 and len(curve(tmp_path)) <= 2
