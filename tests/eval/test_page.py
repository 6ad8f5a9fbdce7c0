"""The report: one file with everything in it."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from argus.eval.page import overlay, worst, write_page
from tests.eval.scored import SIZE, scored

SCORES = [
    scored([0.9, 0.95, 0.97], image="good.png"),
    scored([0.9, 0.0], wrong=2, image="bad.png"),
    scored([0.0], image="gone.png"),
    scored([], image="none.png"),
]


def test_everything_is_inside_and_escaped(tmp_path: Path) -> None:
    Image.new("RGB", (SIZE[1], SIZE[0])).save(tmp_path / "bad.png")
    file = tmp_path / "new" / "report.html"
    write_page(file, "<b>pairs</b>", SCORES, tmp_path, settings={"iou": "mask"}, failed={"x.png": "broken"})
    page = file.read_text(encoding="utf-8")
    assert "&lt;b&gt;pairs" in page and "<b>pairs" not in page
    assert page.count("<svg") == 3 and page.count("data:image/jpeg;base64,") >= 1
    assert "No such file" in page and "gone.png" in page  # its picture is missing, and that is said
    assert "x.png" in page and "95 %" in page and "2-5" in page
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", page)  # nothing is fetched


def test_the_worst_come_first_and_right_pairs_do_not_come() -> None:
    assert [score.pair.file_name for score in worst(SCORES)][:2] == ["gone.png", "bad.png"]  # type: ignore[union-attr]
    assert worst([scored([]), scored([1.0])]) == []


def test_colours_say_what_went_wrong() -> None:
    shown = overlay(np.zeros((*SIZE, 3), np.uint8), scored([0.9, 0.0]))
    found, missed, nothing = shown[0, 0], shown[0, 2], shown[0, 30]
    assert found.argmax() == 1 and missed.argmax() == 2 and not nothing.any()
    wrong = overlay(np.zeros((*SIZE, 3), np.uint8), scored([0.0], wrong=1))
    assert wrong[0, 0].argmax() == 0
    with pytest.raises(ValueError, match="Expected an image of"):
        overlay(np.zeros((3, 3, 3), np.uint8), scored([0.9]))


def test_subsets_stand_side_by_side_and_the_worst_are_of_all(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    write_page(file, "gold", {"food": SCORES[:1], "sports": SCORES[1:]}, None, settings={}, failed={})
    page = file.read_text(encoding="utf-8")
    (subsets,) = re.findall(r"By subset</h2>.*?</table>", page, re.DOTALL)
    assert re.findall(r"<tr><td>(.*?)</td>", subsets) == ["food", "sports", "mean"]
    assert "gone.png" in page and page.count("<svg") == 3
