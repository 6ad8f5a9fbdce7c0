"""The snippets of examples/ run as their first lines say."""

import json
import subprocess
import sys
from pathlib import Path

from PIL import Image

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
