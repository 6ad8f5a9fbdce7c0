import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import supervision
import torch
from PIL import Image

from argus.types import Detections, Prompt

SIZE = (20, 30)


def square(left: int, top: int, side: int = 6) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[top : top + side, left : left + side] = True
    return mask


@pytest.fixture
def three() -> Detections:
    masks = np.stack([square(1, 1), square(2, 2), square(15, 8)])
    return Detections.from_masks(masks, [0.9, 0.6, 0.8], ["cat", "dog", "cat"])


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor])
def test_a_prompt_takes_lists_arrays_and_tensors(kind: type) -> None:
    prompt = Prompt(None, kind([[0.5, 0.5, 0.2, 0.1]]), kind([0]), kind([[0.1, 0.2]]), image=2)
    assert prompt.boxes_cxcywh_norm.dtype == torch.float32
    assert prompt.box_labels.tolist() == [0]
    assert prompt.point_labels.dtype == torch.int64
    assert prompt.point_labels.tolist() == [1]
    assert prompt.image == 2


def test_without_text_the_phrase_is_visual() -> None:
    assert Prompt(boxes_cxcywh_norm=[[0.5, 0.5, 0.2, 0.1]]).phrase == "visual"
    text_only = Prompt("dog")
    assert text_only.phrase == "dog"
    assert text_only.boxes_cxcywh_norm.shape == (0, 4)
    assert Prompt("word " * 2000).text is not None


BOX = [[0.5, 0.5, 0.2, 0.1]]
BAD_PROMPTS: list[tuple[dict[str, object], str]] = [
    ({}, "none of them"),
    ({"text": ""}, "phrase"),
    ({"text": " \n"}, "phrase"),
    ({"boxes_cxcywh_norm": []}, "none of them"),
    ({"boxes_cxcywh_norm": [[0.5, 0.5, 0.0, 0.1]]}, "above 0"),
    ({"boxes_cxcywh_norm": [[0.5, 0.5, -0.2, 0.1]]}, "above 0"),
    ({"boxes_cxcywh_norm": [[float("nan"), 0.5, 0.2, 0.1]]}, "finite"),
    ({"boxes_cxcywh_norm": [[120.0, 80.0, 30.0, 30.0]]}, "fractions"),
    ({"boxes_cxcywh_norm": [0.5, 0.5, 0.2, 0.1]}, "shape"),
    ({"boxes_cxcywh_norm": BOX, "box_labels": [1, 0]}, "Expected 1 box_labels"),
    ({"boxes_cxcywh_norm": BOX, "box_labels": [2]}, r"1 \(\+\)"),
    ({"text": "dog", "box_labels": [1]}, "Expected 0 box_labels"),
    ({"points_xy_norm": [[0.5, 1.5]]}, "fractions"),
    ({"points_xy_norm": [[0.5, 0.5]], "point_labels": [-1]}, r"1 \(\+\)"),
    ({"text": "dog", "image": -1}, "index"),
    ({"text": "\ufeff\u200b"}, "phrase"),
    ({"boxes_cxcywh_norm": "left"}, "as numbers"),
    ({"boxes_cxcywh_norm": [[0.5, 0.5, 0.2, "wide"]]}, "as numbers"),
    ({"boxes_cxcywh_norm": [[0.5, 0.5], [0.5]]}, "as numbers"),
    ({"boxes_cxcywh_norm": BOX, "box_labels": ["+"]}, "as numbers"),
    ({"boxes_cxcywh_norm": BOX, "box_labels": [None]}, r"1 \(\+\)"),
]


@pytest.mark.parametrize(("arguments", "words"), BAD_PROMPTS)
def test_a_bad_prompt_is_refused(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Prompt(**arguments)


def test_masks_come_back_as_they_were(three: Detections) -> None:
    assert three.masks.dtype == bool
    assert np.array_equal(three.masks[1], square(2, 2))
    assert np.array_equal(three.mask(2), square(15, 8))
    assert three.areas_px.tolist() == [36, 36, 36]
    assert three.boxes_xyxy_px[2].tolist() == [15, 8, 21, 14]


@pytest.mark.parametrize(
    ("key", "chosen"),
    [
        (1, [1]),
        (-1, [2]),
        (slice(1, None), [1, 2]),
        ([2, 0], [2, 0]),
        ([], []),
        (np.array([True, False, True]), [0, 2]),
        (np.zeros(3, bool), []),
    ],
)
def test_indexing_keeps_arrays_parallel(three: Detections, key: object, chosen: Sequence[int]) -> None:
    part = three[key]  # type: ignore[index]
    assert part.scores.tolist() == three.scores[list(chosen)].tolist()
    assert part.concept.tolist() == [three.concept[i] for i in chosen]
    assert part.rles == tuple(three.rles[i] for i in chosen)
    assert part.boxes_xyxy_px.shape == (len(chosen), 4)


def test_an_index_too_far_is_an_error(three: Detections) -> None:
    with pytest.raises(IndexError):
        three[3]
    assert [float(one.scores[0]) for one in three] == three.scores.tolist()


def test_filter(three: Detections) -> None:
    assert three.filter(score=0.7).concept.tolist() == ["cat", "cat"]
    assert three.filter(concept="dog").scores.tolist() == pytest.approx([0.6])
    assert len(three.filter(score=0.7, concept="dog")) == 0


def test_nms_within_and_across_concepts(three: Detections) -> None:
    assert len(three.with_nms(0.3)) == 3
    assert three.with_nms(0.3, across=True).scores.tolist() == pytest.approx([0.9, 0.8])
    assert len(three.with_nms(0.6, across=True)) == 3


def test_merge_is_the_inverse_of_slicing(three: Detections) -> None:
    merged = Detections.merge([three[:1], Detections.empty(SIZE), three[1:]])
    assert merged.rles == three.rles
    assert merged.concept.tolist() == three.concept.tolist()
    with pytest.raises(ValueError, match="one image size"):
        Detections.merge([three, Detections.empty((5, 5))])
    with pytest.raises(ValueError, match="one or more"):
        Detections.merge([])


def test_an_empty_answer_works_everywhere(tmp_path: Path) -> None:
    nothing = Detections.empty(SIZE)
    assert len(nothing) == 0
    assert nothing.masks.shape == (0, *SIZE)
    assert len(nothing.filter(score=0.5, concept="cat")) == len(nothing.with_nms(0.5)) == len(nothing[:2]) == 0
    assert nothing.to_coco() == []
    assert len(nothing.to_supervision()) == 0
    image = Image.new("RGB", (SIZE[1], SIZE[0]))
    assert nothing.save(tmp_path, ["coco", "yolo", "labelme", "png", "overlay"], image=image)


def test_to_supervision(three: Detections) -> None:
    converted = three.to_supervision()
    assert isinstance(converted, supervision.Detections)
    assert converted.class_id is not None
    assert converted.class_id.tolist() == [0, 1, 0]
    assert np.array_equal(converted.mask, three.masks)
    assert converted.data["class_name"].tolist() == ["cat", "dog", "cat"]


def test_arrays_of_unequal_length_are_refused(three: Detections) -> None:
    with pytest.raises(ValueError, match="3 masks"):
        Detections.build(three.boxes_xyxy_px[:2], three.scores[:2], three.concept, three.rles, SIZE)
    with pytest.raises(ValueError, match="image's size"):
        Detections.build(three.boxes_xyxy_px, three.scores, three.concept, three.rles, (21, 30))


def test_without_supervision_it_is_named(three: Detections, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(ImportError, match=r"pip install supervision.*\.\[dev\]"):
        three.to_supervision()
