"""Several processes do what one does: the same losses and weights, and each goes on where another stopped."""

import csv
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from argus.train.criterion import Totals
from argus.train.team import Team, gather
from tests.train.crew import BATCHES, SINGLE, go

ROOT = Path(__file__).parents[2]
STEPS, HALF = 2, 1


def torchrun(processes: int, *command: str) -> None:
    """Run a module in processes of this machine, as a person would."""
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes), "-m"]
    done = subprocess.run([*start, *command], cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of runs: `whole` by one process; the others in part or all by two."""
    folder = tmp_path_factory.mktemp("runs")
    go(folder / "whole", STEPS, Team())
    go(folder / "one-then-ddp", HALF, Team())
    shutil.copytree(folder / "one-then-ddp", folder / "one-then-fsdp")
    cases: list[dict[str, object]] = [
        {"folder": "ddp", "steps": STEPS},
        {"folder": "one-then-ddp", "steps": STEPS, "workers": 1},
        {"folder": "fsdp-then-one", "steps": HALF, "shard": True},
        {"folder": "one-then-fsdp", "steps": STEPS, "shard": True, "recompute": True},
    ]
    torchrun(
        2, "tests.train.crew", json.dumps([{**case, "folder": str(folder / str(case["folder"]))} for case in cases])
    )
    go(folder / "fsdp-then-one", STEPS, Team(), workers=2)
    return folder


def curve(folder: Path) -> list[dict[str, float]]:
    with open(folder / "log.csv", encoding="utf-8") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    return [{name: value for name, value in row.items() if name != "steps_per_second"} for row in rows]


@pytest.mark.parametrize("name", ["ddp", "one-then-ddp", "fsdp-then-one", "one-then-fsdp"])
def test_the_run_is_that_of_one_process(runs: Path, name: str) -> None:
    ours, theirs = curve(runs / name), curve(runs / "whole")
    assert [row["step"] for row in ours] == list(range(1, STEPS + 1))
    for mine, other in zip(ours, theirs, strict=True):
        assert mine == pytest.approx(other, rel=2e-4, abs=1e-5)
    kept, wanted = (torch.load(runs / folder / "state.pt") for folder in (name, "whole"))
    assert kept["step"] == wanted["step"] and kept["ema_updates"] == wanted["ema_updates"]
    assert kept["optimizer"]["state"].keys() == wanted["optimizer"]["state"].keys()
    for part in ("learner", "ema"):
        assert list(kept[part]) == list(wanted[part])
        for key, value in wanted[part].items():
            torch.testing.assert_close(kept[part][key].reshape(value.shape), value, rtol=1e-3, atol=2e-4, msg=key)


@pytest.mark.parametrize("name", ["ddp", "one-then-fsdp"])
def test_the_weights_are_the_average_of_the_state(runs: Path, name: str) -> None:
    weights = load_file(runs / name / "weights" / "model.safetensors")
    averaged = torch.load(runs / name / "state.pt")["ema"]
    assert weights
    for key, value in weights.items():
        assert torch.equal(value, averaged[f"model.{key}"])


def test_the_first_process_alone_keeps_the_log(runs: Path) -> None:
    assert len((runs / "ddp" / "about.txt").read_text().splitlines()) == 1
    assert "in 2 processes" in (runs / "ddp" / "about.txt").read_text()


def test_a_process_whose_batches_hold_nothing_adds_nothing_to_the_totals() -> None:
    """At least 1 is what all processes have together, or the totals would depend on their number."""
    whole = SINGLE(0).targets
    absent = replace(
        whole,
        boxes_cxcywh_norm=whole.boxes_cxcywh_norm[:0],
        mask_rows=whole.mask_rows[:0],
        counts=torch.zeros_like(whole.counts),
        masks=whole.masks[:0],
        hints_cxcywh_norm=whole.hints_cxcywh_norm[:0],
    )
    alone = Totals.of([absent])
    assert (alone.prompts, alone.present, alone.boxes) == (len(whole.counts), 0, 0)
    assert Team().added(alone) == Totals(prompts=len(whole.counts), present=1, boxes=1, picks=1, kept=1)


def test_batches_that_cannot_be_shared_are_refused() -> None:
    assert Team(size=2).share(6) == 3
    with pytest.raises(ValueError, match=r"4 processes can share evenly, got 6: give --batches 8"):
        Team(size=4).share(6)


def test_a_model_is_not_shared_out_in_one_process(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="several processes"):
        go(tmp_path, 1, Team(), shard=True)


def test_without_torchrun_a_process_is_alone() -> None:
    assert "WORLD_SIZE" not in os.environ
    with gather(torch.device("cpu")) as team:
        assert team == Team() and team.first
        assert team.added(0) == 1 and team.added(7) == 7


def test_another_number_of_batches_a_step_is_refused(runs: Path, tmp_path: Path) -> None:
    state = torch.load(runs / "whole" / "state.pt")
    torch.save({**state, "accumulate": BATCHES + 1}, tmp_path / "state.pt")
    with pytest.raises(ValueError, match=f"give --batches {BATCHES + 1}"):
        go(tmp_path, STEPS + 1, Team())
