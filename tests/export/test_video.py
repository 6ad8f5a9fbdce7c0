"""Tracked videos in files: what is read back is what was tracked."""

import json
import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from argus.export import draw
from argus.export import overlay_video as overlay
from argus.export.draw import PALETTE
from argus.export.summary import Summary
from argus.export.video import FORMATS, open_sinks
from argus.ops import rle
from argus.types import Masklet, MaskletState, TrackedFrame

SIZE = (45, 61)  # odd on purpose
RATE = 25.0


def square(left: int, top: int, side: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[top : top + side, left : left + side] = True
    return mask


def masklet(number: int, concept: str, mask: np.ndarray, score: float = 0.9) -> Masklet:
    runs = rle.encode(mask)
    return Masklet(
        id=number,
        concept=concept,
        rle=runs,
        box_xyxy_px=rle.boxes_xyxy_px([runs])[0],
        score=score,
        state=MaskletState.confirmed,
    )


def tracked(index: int, *masklets: Masklet, time_s: float | None = None) -> TrackedFrame:
    pixels = np.full((*SIZE, 3), 60 + index % 100, np.uint8)
    return TrackedFrame(
        index=index, time_s=index / RATE if time_s is None else time_s, pixels=pixels, masklets=masklets
    )


def clip(count: int = 6) -> list[TrackedFrame]:
    """Dog 0 moves right, a car, 7, comes in with frame 3, over the dog; in frame 2 nothing is seen."""
    frames = []
    for index in range(count):
        seen = [] if index == 2 else [masklet(0, "dog", square(2 + 3 * index, 5, 12), 0.5 + index / 20)]
        if index >= 3:
            seen.append(masklet(7, "fire engine", square(8, 10, 20), 0.6))
        frames.append(tracked(index, *seen))
    return frames


def write(folder: Path, formats: str | tuple[str, ...], frames: list[TrackedFrame], count: int | None = None) -> Path:
    with open_sinks(folder, formats, "clip", RATE, SIZE, count) as sink:
        for frame in frames:
            sink.write(frame)
    return folder


def test_youtube_vis(tmp_path: Path) -> None:
    frames = clip()
    write(tmp_path, "youtube-vis", frames, count=8)
    document = json.loads((tmp_path / "clip.youtube-vis.json").read_text("utf-8"))
    (video,) = document["videos"]
    assert (video["length"], video["height"], video["width"], len(video["file_names"])) == (8, *SIZE, 8)
    names = {category["id"]: category["name"] for category in document["categories"]}
    dog, engine = document["annotations"]
    assert [(record["id"], names[record["category_id"]]) for record in (dog, engine)] == [
        (0, "dog"),
        (7, "fire engine"),
    ]
    assert dog["score"] == pytest.approx(np.mean([0.5, 0.55, 0.65, 0.7, 0.75]))
    for record in (dog, engine):
        assert (record["video_id"], record["length"]) == (video["id"], 8)
        for index in range(8):
            seen = {one.id: one for one in frames[index].masklets} if index < len(frames) else {}
            expected = seen.get(record["id"])
            entry = [record[key][index] for key in ("segmentations", "bboxes", "areas")]
            if expected is None:
                assert entry == [None, None, None]
                continue
            left, top, right, bottom = expected.box_xyxy_px.tolist()
            np.testing.assert_array_equal(rle.decode(rle.from_coco(entry[0], SIZE)), expected.mask)
            assert entry[1:] == [[left, top, right - left, bottom - top], int(expected.mask.sum())]


def test_coco(tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    frames = clip()
    write(tmp_path, "coco", frames)
    document = COCO(tmp_path / "clip.coco.json")
    assert sorted(document.imgs) == [1, 2, 3, 4, 5, 6]
    for frame in frames:
        found = document.loadAnns(document.getAnnIds(imgIds=[frame.index + 1]))
        assert [one["track_id"] for one in found] == [one.id for one in frame.masklets]
        for record, expected in zip(found, frame.masklets, strict=True):
            np.testing.assert_array_equal(document.annToMask(record).astype(bool), expected.mask)
            assert document.cats[record["category_id"]]["name"] == expected.concept
            assert record["score"] == pytest.approx(expected.score)


def test_mot(tmp_path: Path) -> None:
    write(tmp_path, "mot", clip(4))
    rows = [line.split(",") for line in (tmp_path / "clip.mot.txt").read_text("utf-8").splitlines()]
    assert [tuple(map(float, row)) for row in rows] == [
        (1, 0, 2, 5, 12, 12, 0.5, -1, -1, -1),
        (2, 0, 5, 5, 12, 12, 0.55, -1, -1, -1),
        (4, 0, 11, 5, 12, 12, 0.65, -1, -1, -1),
        (4, 7, 8, 10, 20, 20, 0.6, -1, -1, -1),
    ]


def test_davis(tmp_path: Path) -> None:
    frames = clip()
    folder = write(tmp_path, "davis", frames) / "clip.davis"
    ids = json.loads((folder / "ids.json").read_text("utf-8"))
    assert ids == {"1": {"id": 0, "concept": "dog"}, "2": {"id": 7, "concept": "fire engine"}}
    for frame in frames:
        picture = Image.open(folder / f"{frame.index:05d}.png")
        assert picture.mode == "P"
        numbers, expected = np.asarray(picture), np.zeros(SIZE, np.uint8)
        for one in sorted(frame.masklets, key=lambda one: one.score):  # the better one lies on top
            expected[one.mask] = 1 if one.id == 0 else 2
        np.testing.assert_array_equal(numbers, expected)


def test_davis_with_more_objects_than_a_palette_has(tmp_path: Path) -> None:
    many = [masklet(number, "dot", square(number % 61, number // 61, 1)) for number in range(300)]
    frames = [tracked(0, *many), tracked(1, many[0])]
    folder = write(tmp_path, "davis", frames) / "clip.davis"
    numbers = np.asarray(Image.open(folder / "00000.png"))
    np.testing.assert_array_equal(numbers.ravel()[:300], range(1, 301))
    assert np.asarray(Image.open(folder / "00001.png")).max() == 1
    assert len(json.loads((folder / "ids.json").read_text("utf-8"))) == 300


def test_cutouts(tmp_path: Path) -> None:
    frames = clip()
    folder = write(tmp_path, "cutouts", frames) / "clip.cutouts"
    assert sorted(path.name for path in folder.iterdir()) == ["000-dog", "007-fire-engine"]
    assert sorted(path.name for path in (folder / "007-fire-engine").iterdir()) == [
        "00003.png",
        "00004.png",
        "00005.png",
    ]
    cut = np.asarray(Image.open(folder / "000-dog" / "00001.png"))
    assert cut.shape == (12, 12, 4)
    assert (cut[..., :3] == frames[1].pixels[0, 0]).all()
    assert (cut[..., 3] == 255).all()


def test_files_of_an_earlier_run_do_not_stay(tmp_path: Path) -> None:
    write(tmp_path, FORMATS, clip(6))
    write(tmp_path, FORMATS, clip(2))
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png")}
    assert names == {f"clip.{kind}/{index:05d}.png" for kind in ("davis", "cutouts/000-dog") for index in (0, 1)}


def read_back(path: Path) -> tuple[list[float], list[np.ndarray]]:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return [frame.time for frame in frames], [frame.to_ndarray(format="rgb24") for frame in frames]


@pytest.mark.parametrize("encoders", [("libx264", "mpeg4"), ("no such encoder", "mpeg4")])
def test_overlay(encoders: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlay, "ENCODERS", encoders)
    frames = clip()
    write(tmp_path, "overlay", frames)
    times, pictures = read_back(tmp_path / "clip.overlay.mp4")
    assert times == pytest.approx([index / RATE for index in range(6)])
    assert pictures[0].shape == (46, 62, 3)  # grown to even sides
    for frame, picture in zip(frames, pictures, strict=True):
        ids = [one.id for one in frame.masklets]
        drawn = np.asarray(draw(frame.pixels, frame.detections, ids=ids)).astype(int)
        assert np.abs(picture[:45, :61] - drawn).mean() < 12
        bare = np.abs(picture[:45, :61] - frame.pixels.astype(int)).mean()
        assert (bare < 4) == (frame.index == 2)


def test_overlay_keeps_the_times_of_a_variable_rate(tmp_path: Path) -> None:
    times = [3.0, 3.04, 3.05, 3.4, 4.001]
    write(tmp_path, "overlay", [tracked(index, time_s=time) for index, time in enumerate(times)])
    assert read_back(tmp_path / "clip.overlay.mp4")[0] == pytest.approx([time - 3 for time in times], abs=1e-3)


def test_overlay_of_a_run_backwards_is_shown_in_the_order_of_the_run(tmp_path: Path) -> None:
    write(tmp_path, "overlay", [tracked(index) for index in (2, 3, 1, 0)])
    times, pictures = read_back(tmp_path / "clip.overlay.mp4")
    assert times == pytest.approx([0, 0.04, 0.08, 0.12])
    assert np.argsort([picture.mean() for picture in pictures]).tolist() == [3, 2, 0, 1]


def test_a_run_that_breaks_off_leaves_what_it_had(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), open_sinks(tmp_path, FORMATS, "clip", RATE, SIZE, None) as sink:
        for frame in clip(4):
            sink.write(frame)
        raise KeyboardInterrupt
    assert len(read_back(tmp_path / "clip.overlay.mp4")[0]) == 4
    assert len(json.loads((tmp_path / "clip.coco.json").read_text("utf-8"))["images"]) == 4
    assert json.loads((tmp_path / "clip.youtube-vis.json").read_text("utf-8"))["videos"][0]["length"] == 4
    assert sorted(path.name.split(".", 1)[1] for path in sink.paths) == sorted(
        ["overlay.mp4", "youtube-vis.json", "mot.txt", "davis", "coco.json", "cutouts"]
    )


def test_an_overlay_that_is_never_finished_can_be_played(tmp_path: Path) -> None:
    sink = open_sinks(tmp_path, ["overlay", "mot"], "clip", RATE, SIZE, None)
    for index in range(250):
        sink.write(tracked(index, masklet(0, "dog", square(3, 3, 9))))
    shutil.copy(tmp_path / "clip.overlay.mp4", tmp_path / "copy.mp4")
    assert len((tmp_path / "clip.mot.txt").read_text("utf-8").splitlines()) == 250
    sink.close()
    assert 200 <= len(read_back(tmp_path / "copy.mp4")[0]) <= 250
    assert len(read_back(tmp_path / "clip.overlay.mp4")[0]) == 250


def test_an_empty_video(tmp_path: Path) -> None:
    write(tmp_path, FORMATS, [])
    assert json.loads((tmp_path / "clip.coco.json").read_text("utf-8")) == {
        "images": [],
        "annotations": [],
        "categories": [],
    }
    document = json.loads((tmp_path / "clip.youtube-vis.json").read_text("utf-8"))
    assert (document["annotations"], document["videos"][0]["length"]) == ([], 0)
    assert (tmp_path / "clip.mot.txt").read_text("utf-8") == ""
    assert not (tmp_path / "clip.overlay.mp4").exists()


@pytest.mark.parametrize("formats", ["gif", ["mot", "yolo"], []])
def test_unknown_formats(formats: str | list[str], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Expected formats of overlay, youtube-vis, mot, davis, coco, cutouts, got"):
        open_sinks(tmp_path / "new", formats, "clip", RATE, SIZE, None)
    assert not (tmp_path / "new").exists()


def test_a_frame_of_another_size_and_one_that_comes_too_late(tmp_path: Path) -> None:
    sink = open_sinks(tmp_path, "mot", "clip", RATE, (10, 10), None)
    with pytest.raises(ValueError, match=r"frames of \(10, 10\)"):
        sink.write(tracked(0))
    sink.close()
    sink.close()
    late = TrackedFrame(index=1, time_s=0.0, pixels=np.zeros((10, 10, 3), np.uint8), masklets=())
    with pytest.raises(ValueError, match="got frame 1 after that"):
        sink.write(late)


def test_a_colour_belongs_to_an_id() -> None:
    one, other = masklet(3, "dog", square(0, 15, 28)), masklet(5, "dog", square(30, 15, 28))
    alone = draw(tracked(0).pixels, tracked(0, other).detections, ids=[5])
    both = draw(tracked(0).pixels, tracked(0, one, other).detections, ids=[3, 5])
    inside = (50, 38)
    assert alone.getpixel(inside) == both.getpixel(inside)
    expected = np.array(PALETTE[5]) * 0.45 + 60 * 0.55
    assert np.abs(np.array(alone.getpixel(inside)) - expected).max() <= 1


def test_summary() -> None:
    summary = Summary()
    assert summary.rows() == []
    for frame in reversed(clip()):
        summary.add(frame)
    dog, engine = summary.rows()
    assert (dog.id, dog.concept, dog.first, dog.last, dog.frames) == (0, "dog", 0, 5, 5)
    assert (engine.id, engine.first, engine.last, engine.frames) == (7, 3, 5, 3)
    assert engine.mean_score == pytest.approx(0.6)
    assert dog.mean_score == pytest.approx(np.mean([0.5, 0.55, 0.65, 0.7, 0.75]))


def test_times_hold_common_rates() -> None:
    for rate in (24, 25, 30, 50, 60, Fraction(30000, 1001)):
        assert (1 / (overlay.UNIT_S * rate)).denominator == 1
