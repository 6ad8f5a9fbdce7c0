"""YouTube-VIS and SA-Co video JSON: frames as images, videos as clips, split by video."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from argus.data.clips import Clip
from argus.data.records import Query
from argus.data.sources import open_data
from argus.data.video_records import write_saco_video
from tests.data.own_data import SIZE_HW, rectangle, write_json, write_picture


def document(videos: int = 3, frames: int = 4) -> dict[str, Any]:
    """In each video a dog on all frames, that moves right, and a cat on the first two."""
    made: dict[str, Any] = {
        "videos": [],
        "annotations": [],
        "categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}],
    }
    for video in range(videos):
        names = [f"v{video}/{frame:03d}.jpg" for frame in range(frames)]
        made["videos"].append({"id": video, "file_names": names, "height": SIZE_HW[0], "width": SIZE_HW[1]})
        dog = [rectangle(frame, 2, frame + 10, 12) for frame in range(frames)]
        cat = [rectangle(30, 20, 40, 30) if frame < 2 else None for frame in range(frames)]
        for category, masks in ((1, dog), (2, cat)):
            number = len(made["annotations"]) + 1
            made["annotations"].append(
                {"id": number, "video_id": video, "category_id": category, "segmentations": masks, "iscrowd": 0}
            )
    return made


def write(folder: Path, made: dict[str, Any]) -> Path:
    for video in made["videos"]:
        for place, name in enumerate(video["file_names"]):
            write_picture(folder / "JPEGImages" / name, seed=place)
    return write_json(folder / "instances.json", made)


def test_frames_are_images_and_videos_are_clips(tmp_path: Path) -> None:
    data = open_data(write(tmp_path, document()))
    assert (data.format, len(data), len(data.videos), data.counts.videos) == ("YouTube-VIS JSON", 12, 3, 3)
    late = data.records[3]
    assert (late.name, late.concepts, late.unsure) == ("v0/003.jpg", ("dog",), ("cat",))  # hidden, or gone
    clip = data.clip(1, [3, 0], size_hw=(20, 30))
    assert clip.frames.shape == (2, 20, 30, 3)
    assert (clip.concepts, clip.flow) == (("dog", "cat"), None)
    assert np.array_equal(clip.masks[1], data.sample(4, size_hw=(20, 30)).masks)
    assert not clip.masks[0, 1].any()
    assert [(query.text, query.instances) for query in clip.queries] == [("dog", (0,)), ("cat", (1,))]
    gone = data.clip(1, [2, 3])
    assert [(query.text, query.kind, query.instances) for query in gone.queries] == [
        ("dog", "name", (0,)),
        ("cat", "absent", ()),
    ]


def test_a_split_keeps_videos_whole(tmp_path: Path) -> None:
    train, held = open_data(write(tmp_path, document())).split(0.34, seed=0)
    assert (len(train), len(train.videos), len(held), len(held.videos)) == (8, 2, 4, 1)
    assert {record.group for record in held.records} == {held.videos[0].name}


def test_absent_phrases_of_a_video_are_absent_from_its_frames(tmp_path: Path) -> None:
    masks = np.zeros((3, 1, 12, 16), bool)
    masks[:2, 0, 3:8, 2:9] = True
    queries = (
        Query(text="dog", language="en", kind="name", instances=(0,)),
        Query(text="cat", language="en", kind="absent-sibling", instances=()),
    )
    frames = np.zeros((3, 12, 16, 3), np.uint8)
    made = Clip(frames=frames, masks=masks, concepts=("dog",), queries=queries, flow=None, name="one")
    data = open_data(write_saco_video([made], tmp_path))
    assert (data.format, data.counts.absent_pairs) == ("SA-Co video JSON", 3)
    assert np.array_equal(data.clip(0, [0, 1, 2]).masks, masks)
    assert [query.kind for query in data.clip(0, [0]).queries] == ["name", "absent-sibling"]
    assert data.records[2].unsure == ("dog",)


def test_a_missing_frame_is_left_out_of_its_video(tmp_path: Path) -> None:
    path = write(tmp_path, document())
    (tmp_path / "JPEGImages" / "v1" / "001.jpg").unlink()
    data = open_data(path)
    assert (len(data), len(data.videos[1].frames)) == (11, 3)
    assert "v1/001.jpg is missing" in data.problems[0]
    assert data.clip(1, [1]).masks[0, 0, 2, 2]  # the dog of frame 2
    assert not data.clip(1, [1]).masks[0, 0, 2, 1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"segmentations": [None] * 4}, "on any frame"),
        ({"segmentations": [None]}, "each of 4 frames"),
        ({"segmentations": [rectangle(90, 90, 99, 99), None, None, None]}, "outside"),
        ({"segmentations": [{"size": [4, 4], "counts": [0, 16]}, None, None, None]}, "image's size"),
        ({"video_id": 9}, "video 9"),
        ({"id": 1}, "has its id"),
    ],
)
def test_a_bad_masklet_is_named(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    made = document()
    made["annotations"][1].update(change)
    data = open_data(write(tmp_path, made))
    assert words in data.problems[0]
    assert data.videos[0].concepts == ("dog",)
    if "segmentations" in change:
        assert data.videos[0].unsure == ("cat",)


def test_a_video_without_frames_is_named(tmp_path: Path) -> None:
    made = document()
    path = write(tmp_path, made)
    made["videos"][2]["file_names"] = []
    data = open_data(write_json(path, made))
    assert "video 2" in data.problems[0]
    assert len(data.videos) == 2
