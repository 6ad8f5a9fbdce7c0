"""What is kept survives what goes wrong while it is written: a kill, a full disc."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from argus.checkpoint.files import replace_file
from argus.train.criterion import LossConfig
from argus.train.loop import TrainConfig
from argus.train.optim import OptimConfig
from argus.train.stages.detector import DetectorLearner
from argus.train.state import TrainState, load_state, new_state, save_state
from argus.train.team import Team
from tests.train.toys import tiny_model

SAVING = """
import sys, torch
from pathlib import Path
from argus.checkpoint.files import replace_file
path = Path(sys.argv[1])
for number in range(10**6):
    replace_file(path, lambda partial: torch.save({"number": torch.full((3_000_000,), number)}, partial))
    print(number, flush=True)
"""


def state() -> TrainState:
    optim = OptimConfig(vision=1e-3, text=1e-3, rest=1e-3)
    config = TrainConfig(purpose="test", steps=9, optim=optim)
    return new_state(DetectorLearner(tiny_model(), LossConfig()), config, Team())


def test_a_kill_while_saving_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    for wait_s in (0.03, 0.011, 0.007):
        process = subprocess.Popen(
            [sys.executable, "-c", SAVING, str(path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
        )
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.readline()
        time.sleep(wait_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
        last = [int(line) for line in process.stdout.read().split()] or [1]
        kept = torch.load(path)["number"]
        assert bool((kept == kept[0]).all()) and int(kept[0]) >= last[-1]


@contextmanager
def full_disc() -> Iterator[None]:
    """No file can grow beyond a few thousand bytes, as on a disc that is almost full: not even the tests' output."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_a_full_disc_leaves_the_state_of_before(tmp_path: Path) -> None:
    run = state()
    run.step = 3
    save_state(run, tmp_path)
    whole = (tmp_path / "state.pt").read_bytes()
    run.step = 4
    with full_disc(), pytest.raises(OSError, match=r"could not write .*state\.pt.* untouched"):
        save_state(run, tmp_path)
    assert os.listdir(tmp_path) == ["state.pt"] and (tmp_path / "state.pt").read_bytes() == whole
    again = state()
    load_state(again, tmp_path)
    assert again.step == 3


def test_a_full_disc_leaves_the_weights_of_before(tmp_path: Path) -> None:
    import argus

    model = tiny_model()
    argus.save(model, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with torch.no_grad():
        model.vision.position += 1
    with full_disc(), pytest.raises(OSError, match=r"could not write .*model\.safetensors"):
        argus.save(model, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"could not write .*nowhere/x"):
        replace_file(tmp_path / "nowhere" / "x", lambda path: path.write_text("x"))
