import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from argus.data.records import Query, Sample, write_saco
from argus.data.sources.coco import read_coco
from argus.data.sources.saco import read_saco
from argus.ops import rle


def sample() -> Sample:
    masks = np.zeros((2, 12, 16), bool)
    masks[0, 2:6, 3:9] = True
    masks[1, 8:12, 0:1] = True
    queries = (
        Query(text="猫", language="zh", kind="name", instances=(1, 0)),
        Query(text="dog", language="en", kind="absent-sibling", instances=()),
    )
    image = np.zeros((12, 16, 3), np.uint8)
    return Sample(image=image, masks=masks, queries=queries, concepts=("cat", "cat"), name="scene")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    cat, dog = read_saco(write_saco([sample()], tmp_path))
    assert (cat.phrase, cat.language, cat.kind, cat.size_hw, cat.exhaustive) == ("猫", "zh", "name", (12, 16), True)
    assert np.array_equal(rle.decode(cat.rles[1]), sample().masks[0])
    assert np.allclose(cat.boxes_xyxy_px, [[0, 8, 1, 12], [3, 2, 9, 6]])
    assert cat.file_name == "scene.png"
    assert dog.rles == ()
    assert dog.boxes_xyxy_px.shape == (0, 4)
    assert dog.id != cat.id


def test_pixel_boxes_are_told_from_fractions(tmp_path: Path) -> None:
    path = write_saco([sample()], tmp_path)
    document = json.loads(path.read_text())
    for annotation in document["annotations"]:
        annotation["bbox"] = (np.array(annotation["bbox"]) * [16, 12, 16, 12]).tolist()
    pixels = tmp_path / "pixels.json"
    pixels.write_text(json.dumps(document))
    for fractions, read in zip(read_saco(path), read_saco(pixels), strict=True):
        assert np.allclose(fractions.boxes_xyxy_px, read.boxes_xyxy_px)


SACO_FAULTS: list[tuple[Callable[[dict], object], str]] = [
    (lambda d: d["annotations"][0].pop("segmentation"), "segmentation"),
    (lambda d: d["annotations"][0].pop("image_id"), "image_id"),
    (lambda d: d["annotations"][0].update(image_id=99), "one about 99"),
    (lambda d: d["annotations"][0].update(bbox=[1]), "left, top"),
    (lambda d: d["images"][0].pop("id"), "without"),
    (lambda d: d["images"].append(d["images"][0]), "twice"),
    (lambda d: d.update(images=5), "list of objects"),
]


@pytest.mark.parametrize(("change", "words"), SACO_FAULTS)
def test_faulty_pairs_are_refused(tmp_path: Path, change: Callable[[dict], object], words: str) -> None:
    path = write_saco([sample()], tmp_path)
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(ValueError, match=words):
        read_saco(path)


def coco_document() -> dict:
    square = [[1, 1, 5, 1, 5, 5, 1, 5]]
    return {
        "images": [{"id": 7, "file_name": "a.jpg", "width": 16, "height": 12}],
        "categories": [{"id": i, "name": f"c{i}"} for i in range(1, 21)],
        "annotations": [
            {"image_id": 7, "category_id": 3, "segmentation": square, "bbox": [1, 1, 4, 4], "iscrowd": 0},
            {"image_id": 7, "category_id": 3, "segmentation": [[8, 8, 10, 8, 10, 10]], "iscrowd": 0},
            {"image_id": 7, "category_id": 5, "segmentation": square, "iscrowd": 0},
            {"image_id": 7, "category_id": 5, "segmentation": {"size": [12, 16], "counts": [0, 192]}, "iscrowd": 1},
        ],
    }


def test_coco_categories_become_phrases(tmp_path: Path) -> None:
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(coco_document()))
    pairs = read_coco(path, absent=4, seed=1)
    assert [pair.phrase for pair in pairs[:2]] == ["c3", "c5"]
    assert [len(pair.rles) for pair in pairs] == [2, 1, 0, 0, 0, 0]
    assert [pair.exhaustive for pair in pairs[:3]] == [True, False, True]  # c5 has a crowd
    assert pairs[0].boxes_xyxy_px[0].tolist() == [1, 1, 5, 5]
    absent = {pair.phrase for pair in pairs[2:]}
    assert len(absent) == 4
    assert not absent & {"c3", "c5"}
    assert len({pair.id for pair in pairs}) == len(pairs)


def test_coco_negatives_follow_the_seed(tmp_path: Path) -> None:
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(coco_document()))

    def phrases(seed: int, absent: int = 6) -> list[str]:
        return [pair.phrase for pair in read_coco(path, absent=absent, seed=seed)]

    assert phrases(1) == phrases(1)
    assert phrases(1) != phrases(2)
    assert len(phrases(1, absent=100)) == 20


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(coco_document()))
    with pytest.raises(ValueError, match="text_input"):
        read_saco(path)
    path.write_text("[]")
    with pytest.raises(ValueError, match="another form"):
        read_saco(path)
    with pytest.raises(ValueError, match="another form"):
        read_coco(path)
    path.write_text("not json")
    with pytest.raises(ValueError, match=r"instances\.json"):
        read_coco(path)
