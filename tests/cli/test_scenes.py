"""`argus scenes`: what it writes, and its exit status."""

import json
from pathlib import Path

import pytest

from argus.data.sources.saco_video import read_saco_video
from tests.cli.conftest import Run


@pytest.mark.parametrize("split", ["train", "val", "style"])
def test_writes_pairs_and_images_and_repeats_itself(run: Run, cache: Path, split: str) -> None:
    texts = []
    for folder in ("a", "b"):
        args = ("--cache", cache, "--count", 2, "--split", split, "--size", 64)
        result = run("scenes", "write", folder, *args)
        assert result.exit_code == 0, result.stderr
        texts.append(Path(folder, "annotations.json").read_text("utf-8"))
    assert texts[0] == texts[1]
    names = {record["file_name"] for record in json.loads(texts[0])["images"]}
    assert len(names) == 2
    assert all(Path("a/images", name).read_bytes() == Path("b/images", name).read_bytes() for name in names)
    assert all(("1000000" in name) == (split != "train") for name in names)


@pytest.mark.parametrize("split", ["train", "val", "style"])
def test_writes_clips_and_repeats_itself(run: Run, cache: Path, split: str) -> None:
    for folder in ("a", "b"):
        args = ("--cache", cache, "--count", 2, "--split", split, "--size", 64, "--frames", 3, "--masks")
        result = run("scenes", "clips", folder, *args)
        assert result.exit_code == 0, result.stderr
    pairs = read_saco_video(Path("a/annotations.json"))
    assert Path("a/annotations.json").read_bytes() == Path("b/annotations.json").read_bytes()
    assert len(pairs) == 4, "two phrases a clip"
    for name in {name for pair in pairs for name in pair.file_names}:
        assert Path("a/frames", name).read_bytes() == Path("b/frames", name).read_bytes()
        assert Path("a/masks", name).with_suffix(".png").exists()
        assert ("1000000" in name) == (split != "train"), "held-out clips have seeds of their own"


def test_failures_and_misuse(run: Run, tmp_path: Path) -> None:
    failed = run("scenes", "write", "out", "--cache", tmp_path / "none", "--count", 1, "--split", "val")
    assert failed.exit_code == 1
    assert "argus scenes prepare" in failed.stderr
    (tmp_path / "icons").mkdir()
    missing = run("scenes", "prepare", "icons", "--cache", "cache")
    assert missing.exit_code == 1
    assert "npm install" in missing.stderr
    assert run("scenes", "write", "out", "--cache", "c", "--count", 0, "--split", "val").exit_code == 2
    assert (
        run("scenes", "clips", "out", "--cache", "c", "--count", 10**9, "--split", "train", "--start", 1).exit_code == 2
    )
    assert run("scenes", "prepare", "icons", "--cache", "c", "--images", "icons").exit_code == 2
