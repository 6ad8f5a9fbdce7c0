"""Picking single objects: people's pixels in, full-size masks out."""

from typing import Any

import numpy as np
import pytest
import torch

from argus import ImagePredictor
from argus.inference.pick import Picked
from tests.train.toys import tiny_model

POINTS, LABELS = [[40.0, 30.0], [100.0, 70.0]], [1, 0]
BOX = [10.0, 15.0, 90.0, 80.0]


def test_one_object_by_clicks(predictor: ImagePredictor) -> None:
    found = predictor.pick(POINTS, labels=LABELS)
    assert found.masks.shape == (1, 90, 130) and found.masks.dtype == bool
    assert found.iou_scores.shape == (1, 3) and found.mask_logits.shape[:2] == (1, 3)
    assert found.scores[0] == found.iou_scores.max()
    best = torch.from_numpy(found.best_logits)[None]
    upsampled = torch.nn.functional.interpolate(best, (90, 130), mode="bilinear", align_corners=False)[0, 0]
    assert (found.masks[0] != (upsampled > 0).numpy()).mean() < 1e-3


def test_one_mask_without_multimask(predictor: ImagePredictor) -> None:
    assert predictor.pick(box=BOX, multimask=False).iou_scores.shape == (1, 1)


def test_many_objects_are_as_if_alone(predictor: ImagePredictor) -> None:
    points = [[[float(5 * i), float(3 * i)]] * (1 + i % 2) for i in range(20)]  # more than are decoded at once
    together = predictor.pick(points)
    assert len(together) == 20
    for index in (0, 7, 19):
        alone = predictor.pick(points[index])
        np.testing.assert_allclose(together.mask_logits[index], alone.mask_logits[0], atol=1e-4)
        np.testing.assert_allclose(together.iou_scores[index], alone.iou_scores[0], atol=1e-5)


def test_some_of_the_objects_keep_what_belongs_to_them(predictor: ImagePredictor) -> None:
    found = predictor.pick([[[5.0, 6.0]], [[40.0, 30.0]], [[100.0, 70.0]]])
    some = found[[2, 0]]
    assert isinstance(some, Picked)
    np.testing.assert_array_equal(some.mask_logits, found.mask_logits[[2, 0]])
    np.testing.assert_array_equal(some.iou_scores, found.iou_scores[[2, 0]])
    assert some.rles == (found.rles[2], found.rles[0])
    assert len(found.filter(score=2.0).mask_logits) == 0


def test_every_prompt_has_an_effect(predictor: ImagePredictor) -> None:
    first = predictor.pick(POINTS[:1])
    answers = [
        first,
        predictor.pick(POINTS[:1], labels=[0], box=BOX),
        predictor.pick(POINTS[:1], box=BOX),
        predictor.pick(box=BOX),
        predictor.pick(POINTS),
        predictor.pick(POINTS, labels=LABELS),
        predictor.pick(POINTS[:1], mask_logits=first.best_logits),
        predictor.pick(mask_logits=first.best_logits),
    ]
    for i, a in enumerate(answers):
        assert all(np.abs(a.mask_logits - b.mask_logits).max() > 1e-5 for b in answers[i + 1 :])


def test_forms_that_mean_the_same(predictor: ImagePredictor) -> None:
    found = predictor.pick(POINTS, labels=LABELS, box=BOX)
    for points, labels, box in (
        (np.array(POINTS), np.array(LABELS), np.array(BOX)),
        (torch.tensor([POINTS]), torch.tensor([LABELS]), torch.tensor([BOX])),
        ([POINTS], [LABELS], [BOX]),
    ):
        np.testing.assert_array_equal(predictor.pick(points, labels=labels, box=box).mask_logits, found.mask_logits)


def test_a_pick_is_saved_as_any_detections(predictor: ImagePredictor, tmp_path: Any) -> None:
    found = predictor.pick([[[5.0, 6.0]], [[40.0, 30.0]]])
    written = found.save(tmp_path, ["coco", "png"], stem="photo")
    assert all(path.exists() for path in written)
    assert [record["score"] for record in found.to_coco()] == pytest.approx(
        found.scores.tolist(), abs=1e-6
    )  # written with six places


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "got none"),
    "no objects": ({"points": np.zeros((0, 1, 2))}, "at least one object"),
    "labels alone": ({"labels": [1]}, "points for the labels"),
    "another label": ({"points": POINTS, "labels": [1, 2]}, "labels 1 .* or 0"),
    "too few labels": ({"points": POINTS, "labels": [1]}, "one label a point"),
    "beside the image": ({"points": [[131.0, 5.0]]}, "130 x 90 pixels"),
    "NaN": ({"points": [[float("nan"), 5.0]]}, "in the image"),
    "three numbers": ({"points": [[1.0, 2.0, 3.0]]}, "shape"),
    "words": ({"points": "here"}, "points"),
    "ragged words": ({"points": [[[1.0, 2.0]], "there"]}, "points"),
    "inverted box": ({"box": [90.0, 80.0, 10.0, 15.0]}, "left < right"),
    "box of three": ({"box": [1.0, 2.0, 3.0]}, "box of 4 numbers"),
    "counts": ({"points": [POINTS], "box": [BOX, BOX]}, "same number of objects"),
    "mask size": ({"mask_logits": np.zeros((3, 3))}, "mask logits .h, w."),
    "mask NaN": ({"mask_logits": np.full((1, 28, 28), np.nan)}, "mask logits"),
}


@pytest.mark.parametrize("case", WRONG)
def test_bad_input_is_a_clear_error(predictor: ImagePredictor, case: str) -> None:
    given, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        predictor.pick(**given)


def test_a_model_without_a_tracker_says_so() -> None:
    predictor = ImagePredictor(tiny_model().eval()).set_image(np.zeros((60, 60, 3), np.uint8))
    with pytest.raises(ValueError, match=r"no tracker.*sam3\.pt"):
        predictor.pick([[5, 5]])
