"""`torchrun -m -- argus train`: the run of one process, in two."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

import argus
from argus.model.sam3 import Sam3

ROOT = Path(__file__).parents[2]
MANY = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "--", "tests.cli.tiny_train")
ONE = ("tests.cli.tiny_train",)


def totals(folder: Path) -> list[float]:
    with open(folder / "log.csv", encoding="utf-8") as file:
        return [float(row["total"]) for row in csv.DictReader(file)]


def test_two_processes_make_the_run_of_one(tiny_model: Sam3, cache: Path, tmp_path: Path) -> None:
    argus.save(tiny_model, tmp_path / "start")

    def command(start: tuple[str, ...], out: str, *more: str) -> subprocess.CompletedProcess[str]:
        given = ("--start", tmp_path / "start", "--scenes", cache, "--out", tmp_path / out, "--device", "cpu")
        called = [sys.executable, "-m", *start, "train", "tiny", *map(str, given), "--workers", "0", *more]
        return subprocess.run(called, cwd=ROOT, capture_output=True, text=True, timeout=900)

    many = command(MANY, "many", "--batches", "2")
    assert many.returncode == 0, many.stderr[-4000:]
    assert many.stdout.count("2 of 2 steps done") == 1
    one = command(ONE, "one", "--batches", "2")
    assert one.returncode == 0, one.stderr[-4000:]
    assert len(totals(tmp_path / "one")) == 2
    assert totals(tmp_path / "many") == pytest.approx(totals(tmp_path / "one"), rel=2e-4)
    assert len(list((tmp_path / "many" / "overlays" / "0000002").glob("*.png"))) > 0
    assert (tmp_path / "many" / "weights" / "model.safetensors").exists()
    odd = command(MANY, "odd")
    assert odd.returncode != 0 and "give --batches 2" in odd.stderr
