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

import argus
from argus.model.sam3 import Sam3
from argus.ops.files import replace_file
from argus.train.criterion import LossConfig
from argus.train.loop import TrainConfig
from argus.train.optim import OptimConfig
from argus.train.stages.detector import DetectorLearner
from argus.train.state import TrainState, load_state, new_state, save_state
from argus.train.team import Team
from tests.train.crew import go
from tests.train.toys import tiny_model

ROOT = Path(__file__).parents[2]

SAVING = """
import sys, torch
from pathlib import Path
from argus.ops.files import replace_file
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
        process = subprocess.Popen([sys.executable, "-c", SAVING, str(path)], stdout=subprocess.PIPE, cwd=ROOT)
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


def test_weights_can_be_read_by_whom_other_files_can(tmp_path: Path) -> None:
    """Also where a run that was killed left a part of them."""
    (tmp_path / ".model.safetensors.partial").touch(0o600)
    argus.save(tiny_model(), tmp_path)
    (tmp_path / "other").touch()
    modes = {path.name: path.stat().st_mode for path in tmp_path.iterdir()}
    assert modes["model.safetensors"] == modes["other"] and len(modes) == 4


def totals(folder: Path) -> list[str]:
    return [line.split(",")[1] for line in (folder / "log.csv").read_text().splitlines()[1:]]


def test_a_run_killed_while_it_saves_goes_on_as_if_unbroken(tmp_path: Path) -> None:
    go(tmp_path / "whole", 4, Team())
    script = f"from tests.train.test_state import killed_in_a_save; killed_in_a_save({str(tmp_path / 'broken')!r})"
    killed = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    assert {"state.pt", ".state.pt.partial"} <= set(os.listdir(tmp_path / "broken"))
    assert torch.load(tmp_path / "broken" / "state.pt")["step"] == 1
    go(tmp_path / "broken", 4, Team(), workers=2)
    assert totals(tmp_path / "broken") == totals(tmp_path / "whole") and len(totals(tmp_path / "whole")) == 4


def killed_in_a_save(folder: str) -> None:
    """A run that saves after each step, and dies when half of its second state is written."""
    write, times = torch.save, [0]

    def half(kept: object, path: Path) -> None:
        write(kept, path)
        times[0] += 1
        if times[0] == 2:
            os.truncate(path, path.stat().st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)

    torch.save = half
    go(Path(folder), 4, Team(), save=1)


def test_a_run_whose_disc_was_full_goes_on_as_if_unbroken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go(tmp_path / "whole", 3, Team())
    go(tmp_path / "broken", 1, Team())
    with monkeypatch.context() as patched, pytest.raises(OSError, match="could not write"):
        patched.setattr("tests.train.crew.save_weights", on_a_full_disc)
        go(tmp_path / "broken", 3, Team(), save=2)
    assert torch.load(tmp_path / "broken" / "state.pt")["step"] == 1
    go(tmp_path / "broken", 3, Team(), workers=1)
    assert totals(tmp_path / "broken") == totals(tmp_path / "whole")


def on_a_full_disc(model: Sam3, folder: Path, step: int) -> None:
    with full_disc():
        argus.save(model, folder)
