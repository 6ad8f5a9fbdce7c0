"""The report about videos: a frame of each of the worst pairs, and everything in one file."""

import base64
import io
import re
from pathlib import Path

import numpy as np
from PIL import Image

from argus.eval.hota import score_video
from argus.eval.video_page import write_video_page
from tests.eval.test_hota import FRAMES, LATE, SIZE, A, B, found, pair


def test_the_worst_pair_is_shown_in_the_frame_where_most_is_wrong(tmp_path: Path) -> None:
    scores = [score_video(pair(A, id=1), found(A)), score_video(pair(A, LATE, id=2, video=2), found(A))]
    for name in scores[1].pair.file_names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (SIZE[1], SIZE[0])).save(tmp_path / name)
    file = tmp_path / "new" / "report.html"
    write_video_page(file, "clips", scores, tmp_path, settings={"pHOTA": "so"}, failed={"v3": "broken"})
    page = file.read_text(encoding="utf-8")
    assert page.count("<svg") == 3 and all(words in page for words in ("TETA", "By size of objects", "95 %", "v3"))
    (picture,) = re.findall(r"data:image/jpeg;base64,([^\"]+)", page)
    assert "v2/2.jpg" in page  # the first frame in which the late one is there, and missed
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture)))).astype(int)
    missed, right = shown[8, 26], shown[8, 6]
    assert missed.argmax() == 2 and right.argmax() == 1 and shown[17, 35].max() < 60
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", page)


def test_a_frame_that_is_not_there_is_said(tmp_path: Path) -> None:
    scores = [score_video(pair(), found(B))]
    file = tmp_path / "report.html"
    write_video_page(file, "clips", scores, tmp_path, settings={}, failed={})
    page = file.read_text(encoding="utf-8")
    assert "No such file" in page and "v1/0.jpg" in page and "LocA" in page and len(A) == FRAMES
    write_video_page(file, "clips", scores, None, settings={}, failed={})
    assert "No such file" not in file.read_text(encoding="utf-8")
