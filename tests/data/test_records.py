"""Boxes from masks, what a sample refuses, and the SA-Co form on disk."""

import json
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import TypeCheckError
from PIL import Image
from pycocotools import mask as coco_mask

from argus.data.records import Query, Sample, write_saco


def sample(name: str = "one") -> Sample:
    rng = np.random.default_rng(0)
    masks = np.zeros((3, 20, 30), bool)
    masks[0, 2:5, 4:11] = True
    masks[1, 19, 29] = True
    queries = (
        Query(text="red dog", language="en", kind="colour", instances=(0, 1)),
        Query(text="猫", language="zh", kind="absent", instances=()),
    )
    image = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    return Sample(image=image, masks=masks, queries=queries, concepts=("dog", "dog", "cat"), name=name)


def test_boxes_hold_exactly_the_masks() -> None:
    assert sample().boxes_xyxy_px.tolist() == [[4, 2, 11, 5], [29, 19, 30, 20], [0, 0, 0, 0]]


def test_sample_refuses_masks_of_another_size() -> None:
    good = sample()
    with pytest.raises((ValueError, TypeCheckError), match="masks"):
        Sample(image=good.image, masks=good.masks[:, 1:], queries=(), concepts=good.concepts, name="bad")
    with pytest.raises(ValueError, match="one concept per mask"):
        Sample(image=good.image, masks=good.masks, queries=(), concepts=("dog",), name="bad")


def test_saco_round_trip(tmp_path: Path) -> None:
    document = json.loads(write_saco([sample(), sample("two")], tmp_path).read_text(encoding="utf-8"))
    pairs, annotations = document["images"], document["annotations"]
    assert [pair["text_input"] for pair in pairs] == ["red dog", "猫"] * 2
    assert {pair["id"] for pair in pairs} == {1, 2, 3, 4}
    assert [annotation["image_id"] for annotation in annotations] == [1, 1, 3, 3]
    first = annotations[0]
    assert (coco_mask.decode(first["segmentation"]).astype(bool) == sample().masks[0]).all()
    np.testing.assert_allclose(first["bbox"], [4 / 30, 2 / 20, 7 / 30, 3 / 20])
    assert first["area"] == 21
    assert (np.asarray(Image.open(tmp_path / "images" / pairs[0]["file_name"])) == sample().image).all()


def test_saco_refuses_repeated_names(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unique"):
        write_saco([sample(), sample()], tmp_path)
