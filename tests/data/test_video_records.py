"""Clips as files: what is written is read, and files that disagree with themselves are refused."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from argus.data.clips import Clip
from argus.data.records import Query
from argus.data.sources.saco_video import read_saco_video, read_youtube_vis
from argus.data.video_records import write_saco_video
from argus.ops import rle


def toy_clip(name: str = "clip") -> Clip:
    """Two cats in three frames of 16 x 12; the first one is hidden in the middle."""
    masks = np.zeros((3, 2, 12, 16), bool)
    masks[0, 0, 2:6, 3:9] = masks[2, 0, 2:6, 5:11] = True
    masks[:, 1, 8:12, 0:1] = True
    queries = (
        Query(text="猫", language="zh", kind="name", instances=(1, 0)),
        Query(text="dog", language="en", kind="absent-sibling", instances=()),
    )
    frames = np.random.default_rng(0).integers(0, 255, (3, 12, 16, 3)).astype(np.uint8)
    return Clip(frames=frames, masks=masks, concepts=("cat", "cat"), queries=queries, flow=None, name=name)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = write_saco_video([toy_clip("a"), toy_clip("b")], tmp_path)
    pairs = read_saco_video(path)
    assert [(pair.video_name, pair.phrase) for pair in pairs] == [("a", "猫"), ("a", "dog"), ("b", "猫"), ("b", "dog")]
    cat, dog = pairs[:2]
    assert (cat.language, cat.kind, cat.size_hw, cat.exhaustive) == ("zh", "name", (12, 16), True)
    assert cat.file_names == ("a/00000.jpg", "a/00001.jpg", "a/00002.jpg")
    second, first = cat.masklets
    assert [mask is None for mask in first.rles] == [False, True, False]
    for row, masklet in ((0, first), (1, second)):
        decoded = [np.zeros((12, 16), bool) if mask is None else rle.decode(mask) for mask in masklet.rles]
        assert np.array_equal(np.stack(decoded), toy_clip().masks[:, row])
    assert dog.masklets == ()
    assert len({masklet.id for pair in pairs for masklet in pair.masklets}) == 4


def test_the_published_keys_are_there(tmp_path: Path) -> None:
    document = json.loads(write_saco_video([toy_clip()], tmp_path).read_text("utf-8"))
    assert document["videos"][0].keys() == {"id", "video_name", "file_names", "height", "width", "length"}
    assert {"id", "video_id", "category_id", "noun_phrase", "num_masklets"} <= document["video_np_pairs"][0].keys()
    hidden = document["annotations"][1]
    assert hidden["areas"] == [24, None, 24]
    assert hidden["bboxes"] == [[3, 2, 6, 4], None, [5, 2, 6, 4]]
    assert hidden["segmentations"][1] is None
    assert {"iscrowd", "height", "width", "category_id", "noun_phrase", "video_id", "id"} <= hidden.keys()


def test_frames_and_masks_are_images(tmp_path: Path) -> None:
    write_saco_video([toy_clip()], tmp_path, masks=True)
    first = np.asarray(Image.open(tmp_path / "frames" / "clip" / "00000.jpg"))
    assert np.abs(first.astype(int) - toy_clip().frames[0]).mean() < 8
    labels = np.asarray(Image.open(tmp_path / "masks" / "clip" / "00002.png"))
    assert np.array_equal(labels == 1, toy_clip().masks[2, 0])
    assert np.array_equal(labels == 2, toy_clip().masks[2, 1])


def test_names_are_unique(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="twice"):
        write_saco_video([toy_clip(), toy_clip()], tmp_path)


FAULTS: list[tuple[Callable[[dict], object], str]] = [
    (lambda d: d.pop("video_np_pairs"), "another form"),
    (lambda d: d["videos"][0].pop("file_names"), "file_names"),
    (lambda d: d["videos"][0].update(file_names=[], length=0), "names of frames"),
    (lambda d: d["videos"][0].update(length=9), "Expected 9 file_names"),
    (lambda d: d["videos"].append(d["videos"][0]), "twice"),
    (lambda d: d["annotations"][0].pop("segmentations"), "segmentations"),
    (lambda d: d["annotations"][0].update(segmentations=5), "one mask or null a frame"),
    (lambda d: d["annotations"][0]["segmentations"].pop(), "3 frames, got 2"),
    (lambda d: d["annotations"][0].update(video_id=77), "one about 77"),
    (lambda d: d["annotations"][0].update(category_id=77), "pair for every annotation"),
    (lambda d: d["annotations"][0]["segmentations"].__setitem__(0, rle.to_coco(rle.empty((5, 5)))), "image's size"),
    (lambda d: d["video_np_pairs"][0].update(num_masklets=3), "Expected 3 annotations"),
    (lambda d: d["video_np_pairs"][0].update(video_id=5), "one about 5"),
]


@pytest.mark.parametrize(("change", "words"), FAULTS)
def test_faulty_files_are_refused(tmp_path: Path, change: Callable[[dict], object], words: str) -> None:
    path = write_saco_video([toy_clip()], tmp_path)
    document = json.loads(path.read_text("utf-8"))
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(ValueError, match=words):
        read_saco_video(path)


def test_youtube_vis_categories_become_phrases(tmp_path: Path) -> None:
    runs = {"size": [12, 16], "counts": [0, 12, 180]}
    document = {
        "videos": [{"id": 3, "file_names": ["v/0.jpg", "v/1.jpg"], "width": 16, "height": 12, "length": 2}],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
        "annotations": [
            {"id": 1, "video_id": 3, "category_id": 2, "segmentations": [runs, None], "iscrowd": 0},
            {"id": 2, "video_id": 3, "category_id": 1, "segmentations": [runs, runs], "iscrowd": 1},
            {"id": 3, "video_id": 3, "category_id": 1, "segmentations": [None, runs], "iscrowd": 0},
        ],
    }
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(document))
    dog, cat = read_youtube_vis(path)
    assert (dog.phrase, dog.video_name, dog.exhaustive) == ("dog", "v", True)
    assert [mask is None for mask in dog.masklets[0].rles] == [False, True]
    assert (cat.phrase, cat.exhaustive, [masklet.id for masklet in cat.masklets]) == ("cat", False, [3])
    document["annotations"][0]["category_id"] = 9
    path.write_text(json.dumps(document))
    with pytest.raises(ValueError, match="known categories"):
        read_youtube_vis(path)
