"""The snippets of examples/ run as their first lines say."""

import json
import subprocess
import sys
from pathlib import Path

from PIL import Image
from typer.testing import CliRunner

from argus.cli.main import app

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_segment_runs_and_writes(tmp_path: Path) -> None:
    script = EXAMPLES / "segment.py"
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "after refinement" in done.stdout
    (image,) = json.loads((tmp_path / "out" / "bears.coco.json").read_text())["images"]
    assert image["file_name"] == "bears.jpg"
    with Image.open(tmp_path / "out" / "bears.overlay.png") as drawn, Image.open(EXAMPLES / "bears.jpg") as photo:
        assert drawn.size == photo.size


def test_the_clip_is_tracked(tmp_path: Path) -> None:
    clip = EXAMPLES / "squirrels.mp4"
    asked = ["track", str(clip), "-p", "squirrel", "-p", "ice cube", "-f", "overlay", "-f", "mot"]
    done = CliRunner().invoke(app, [*asked, "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    rows = [line.split(",") for line in (tmp_path / "squirrels.mot.txt").read_text().splitlines()]
    frames = {identity: {int(row[0]) for row in rows if row[1] == identity} for identity in {row[1] for row in rows}}
    assert max(len(seen) for seen in frames.values()) == 32  # one is followed through all of it
    assert (tmp_path / "squirrels.overlay.mp4").stat().st_size > 0
