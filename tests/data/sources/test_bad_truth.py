"""Ground truth for evaluation: a bad annotation is named and takes its pair out, many stop the reading."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from argus.data.pairs import Pair
from argus.data.sources import open_data
from argus.data.sources.coco import read_boxed, read_coco
from argus.data.sources.saco import read_saco
from argus.ops import rle
from tests.data.own_data import SIZE_HW, coco_document, rectangle, write_coco, write_json

BAD_MASKS: list[tuple[Any, str]] = [
    ([[1, 1, 5, float("nan"), 9, 3]], "no finite number"),
    ([[1, 1, 5, float("inf"), 9, 3]], "no finite number"),
    ([[1, 1, 5, None, 9, 3]], "no list of numbers"),
    ([[1, 1, 1, 1, 1, 1]], "no area"),
    (rectangle(70, 5, 90, 9), "outside the image"),
    (None, "RLE"),
    ({"size": None, "counts": [0, 25]}, "size of an RLE"),
    ({"size": list(SIZE_HW), "counts": ["a"]}, "whole numbers"),
    ({"size": list(SIZE_HW), "counts": [0.5, SIZE_HW[0] * SIZE_HW[1] - 0.5]}, "whole numbers"),
    ({"size": [5, 5], "counts": [0, 25]}, "image's size"),
]


def saco_document() -> dict[str, Any]:
    """The pairs of two images with dogs and a traffic light each."""
    document = coco_document(2)
    pairs = [
        {**image, "id": 10 * image["id"] + category, "text_input": phrase}
        for image in document["images"]
        for category, phrase in ((1, "dog"), (7, "traffic light"))
    ]
    annotations = [{**one, "image_id": 10 * one["image_id"] + one["category_id"]} for one in document["annotations"]]
    return {"images": pairs, "annotations": annotations}


@pytest.mark.parametrize(("segmentation", "words"), BAD_MASKS)
def test_a_bad_mask_is_named_and_its_pair_not_scored(tmp_path: Path, segmentation: Any, words: str) -> None:
    coco, saco = coco_document(2), saco_document()
    for document in (coco, saco):
        document["annotations"][0]["segmentation"] = segmentation
    with pytest.warns(UserWarning, match=f"annotation 1 of image .*{words}"):
        of_coco = read_coco(write_json(tmp_path / "coco.json", coco), absent=0)
    with pytest.warns(UserWarning, match=f"annotation 1 of image .*{words}"):
        of_saco = read_saco(write_json(tmp_path / "saco.json", saco))
    for pairs in (of_coco, of_saco):
        assert [(len(pair.rles), pair.exhaustive) for pair in pairs] == [(1, False), (1, True), (2, True), (1, True)]


def test_many_bad_masks_stop_the_reading(tmp_path: Path) -> None:
    document = coco_document(4)
    for annotation in document["annotations"][:4]:
        annotation["segmentation"] = []
    with pytest.raises(ValueError, match="4 of 12 that are not"):
        read_coco(write_json(tmp_path / "coco.json", document))


def test_far_points_cost_neither_time_nor_memory(tmp_path: Path) -> None:
    document = coco_document(1)
    document["annotations"][0]["segmentation"] = rectangle(10, 10, 1e9, 1e9)
    (dogs, _) = read_coco(write_json(tmp_path / "coco.json", document), absent=0)
    assert rle.area(dogs.rles[:1])[0] == (SIZE_HW[0] - 10) * (SIZE_HW[1] - 10)


def test_categories_of_one_name_are_one_phrase(tmp_path: Path) -> None:
    """As exports have them that list a group by the name of its only member."""
    document = coco_document(1)
    document["categories"] += [{"id": 0, "name": "dog"}, {"id": 8, "name": "traffic_light"}]
    pairs = read_coco(write_json(tmp_path / "coco.json", document))
    assert [(pair.phrase, len(pair.rles)) for pair in pairs] == [("dog", 2), ("traffic light", 1)]


def test_phrases_are_those_that_are_learned(tmp_path: Path) -> None:
    path = write_coco(tmp_path, coco_document(2))
    assert phrases(read_coco(path, absent=0)) == phrases(open_data(path).pairs())


def phrases(pairs: list[Pair]) -> list[tuple[str, str]]:
    return [(Path(pair.file_name).name, pair.phrase) for pair in pairs]


@pytest.mark.parametrize(
    ("part", "change", "words"),
    [
        ("images", {"width": None}, "height and width"),
        ("images", {"id": [1]}, "as id in images"),
        ("images", {"file_name": ""}, "text as file_name"),
        ("categories", {"name": None}, "a name of every category"),
        ("annotations", {"category_id": 9}, "known categories"),
        ("annotations", {"category_id": {}}, "as category_id"),
    ],
)
def test_records_of_another_form_are_refused(tmp_path: Path, part: str, change: dict[str, Any], words: str) -> None:
    document = coco_document(2)
    document[part][0].update(change)
    with pytest.raises(ValueError, match=words):
        read_coco(write_json(tmp_path / "coco.json", document))


@pytest.mark.parametrize("change", [{"bbox": None}, {"bbox": [1, 1, None, 4]}, {"area": None}, {"segmentation": [[1]]}])
def test_objects_to_pick_without_a_box_or_an_outline_are_named(tmp_path: Path, change: dict[str, Any]) -> None:
    document = coco_document(2)
    for annotation in document["annotations"]:
        annotation |= {"bbox": [2, 3, 18, 15], "area": 270}
    document["annotations"][0].update(change)
    with pytest.warns(UserWarning, match="annotation 1"):
        boxed = read_boxed(write_json(tmp_path / "coco.json", document))
    assert [len(image.rles) for image in boxed] == [2, 3]


def test_sound_files_are_read_in_silence(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(read_coco(write_json(tmp_path / "coco.json", coco_document(2)), absent=0)) == 4
        assert len(read_saco(write_json(tmp_path / "saco.json", saco_document()))) == 4


def test_an_instance_of_a_repeated_id_leaves_its_concept_in_doubt(tmp_path: Path) -> None:
    document = coco_document(2)
    document["annotations"][2]["id"] = 1  # the only traffic light of its image
    (first, _) = open_data(write_coco(tmp_path, document)).records
    assert first.unsure == ("traffic light",)


def test_images_of_one_id_are_all_left_out(tmp_path: Path) -> None:
    document = coco_document(5)
    document["images"][1]["id"] = 0
    data = open_data(write_coco(tmp_path, document))
    assert [record.name for record in data.records] == ["2.png", "3.png", "4.png"]
    assert "several images have its id" in data.problems[0]
    masks = np.sum([len(record.rles) for record in data.records])
    assert masks == 9
