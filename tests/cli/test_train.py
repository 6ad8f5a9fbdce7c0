"""`argus train`: a run by its name, and its exit status."""

from dataclasses import replace
from pathlib import Path

import pytest

from argus import recipes
from argus.cli.train import LOOKED_AT, overlays, tracks
from argus.data.sources.scenes import ClipConfig, SceneConfig
from argus.model.sam3 import Sam3
from argus.model.tracker import TrackerConfig
from argus.train.new_parts import with_tracker
from tests.cli.conftest import Run


def test_options_reach_the_run(run: Run, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[recipes.Recipe, Path, int]] = []

    def record(plan: recipes.Recipe, folder: Path, *, workers: int, **_: object) -> int:
        calls.append((plan, folder, workers))
        return 7

    monkeypatch.setattr(recipes, "run", record)
    args = ("--scenes", cache, "--minutes", "3", "--workers", "0", "--device", "cpu")
    result = run("train", "nano-detector", *args)
    assert result.exit_code == 0, result.stderr
    plan = recipes.get("nano-detector")(cache)
    assert calls == [(replace(plan, train=replace(plan.train, minutes=3.0)), Path("runs/nano-detector"), 0)]
    assert "7 of" in result.stdout


def test_overlays_show_the_same_scenes_each_time(tiny_model: Sam3, cache: Path, tmp_path: Path) -> None:
    look = overlays(SceneConfig(cache_folder=cache, size=64))
    for folder in ("a", "b"):
        look(tiny_model, tmp_path / folder)
    assert len(list((tmp_path / "a").glob("*.png"))) == LOOKED_AT
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_tracks_show_the_same_clips_each_time(tiny_model: Sam3, cache: Path, tmp_path: Path) -> None:
    sizes = TrackerConfig(width=32, heads=2, mlp_width=16, memory_width=8, memory_layers=1, memory_mlp_width=16)
    look = tracks(ClipConfig(cache_folder=cache, size=64, frames=4))
    model = with_tracker(tiny_model, sizes, 0)
    for folder in ("a", "b"):
        look(model, tmp_path / folder)
    pictures = list((tmp_path / "a").iterdir())
    assert pictures
    for path in pictures:
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_failures_and_misuse(run: Run, cache: Path) -> None:
    unknown = run("train", "mega", "--scenes", cache)
    assert unknown.exit_code == 2
    assert "nano-detector" in " ".join(unknown.stderr.split())
    assert run("train", "nano-detector", "--scenes", cache / "none").exit_code == 2
    bad_device = run("train", "nano-detector", "--scenes", cache, "--device", "abacus")
    assert bad_device.exit_code == 1
    assert "abacus" in bad_device.stderr
