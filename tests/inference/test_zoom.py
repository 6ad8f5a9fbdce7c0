"""The closer look at picked objects."""

import numpy as np
import torch

from argus import ImagePredictor
from argus.inference.outlines import held_in
from argus.inference.zoom import LEANING
from argus.ops import rle
from argus.ops.grabcut import settled
from argus.ops.masks import logits_to_rles
from argus.ops.windows import window_around

SIZE_HW = (90, 130)
BOX = [40.0, 30.0, 60.0, 45.0]  # its window: 35..65, 22..52 (rounded)


def test_an_object_that_fills_the_image_keeps_its_answer_but_for_its_outline(
    predictor: ImagePredictor, photo: np.ndarray
) -> None:
    box = [5.0, 5.0, 120.0, 85.0]
    first, closer = predictor.pick(box=box), predictor.pick(box=box, zoom=True)
    np.testing.assert_array_equal(closer.iou_scores, first.iou_scores)
    held = held_in(np.array(box), first.mask_logits[0] + LEANING, SIZE_HW)
    np.testing.assert_array_equal(closer.mask_logits[0], settled(photo, held))
    assert closer.rles == logits_to_rles(torch.from_numpy(closer.best_logits), SIZE_HW)


def test_what_is_seen_closer_is_what_a_crop_shows(predictor: ImagePredictor, photo: np.ndarray) -> None:
    window = window_around(np.array(BOX), SIZE_HW)
    assert window is not None
    cropped = ImagePredictor(predictor.model).set_image(window.of(photo).copy())
    corner = [window.left, window.top]
    inside = cropped.pick([[50 - corner[0], 40 - corner[1]]], box=np.array(BOX) - corner * 2)
    found = predictor.pick([[50.0, 40.0]], box=BOX, zoom=True)
    expected = np.zeros(SIZE_HW, bool)
    logits = torch.from_numpy(settled(window.of(photo), inside.best_logits + LEANING))
    outline = rle.decode(logits_to_rles(logits, window.size_hw)[0])
    expected[window.top : window.bottom, window.left : window.right] = outline
    np.testing.assert_array_equal(found.masks[0], expected)
    np.testing.assert_allclose(found.iou_scores, inside.iou_scores)
    assert found.scores[0] == found.iou_scores.max()


def test_objects_are_seen_one_by_one(predictor: ImagePredictor) -> None:
    boxes = np.array([BOX, [0.0, 0.0, 20.0, 9.0]])
    together = predictor.pick(box=boxes, zoom=True)
    for index, box in enumerate(boxes):
        assert together.rles[index] == predictor.pick(box=box, zoom=True).rles[0]


def test_points_outside_the_window_do_not_count(predictor: ImagePredictor) -> None:
    far = predictor.pick([[50.0, 40.0], [125.0, 5.0]], labels=[1, 0], box=BOX, zoom=True)
    assert far.rles == predictor.pick([[50.0, 40.0]], labels=[1], box=BOX, zoom=True).rles


def test_an_answer_can_be_given_back(predictor: ImagePredictor) -> None:
    first = predictor.pick(box=BOX, zoom=True)
    assert first.mask_logits.shape == predictor.pick(box=BOX).mask_logits.shape
    again = predictor.pick(box=BOX, mask_logits=first.best_logits, zoom=True)
    assert not np.array_equal(again.iou_scores, first.iou_scores)


def test_clicks_alone_zoom_on_the_first_answer(predictor: ImagePredictor) -> None:
    found = predictor.pick([[50.0, 40.0]], zoom=True)
    assert found.masks.shape == (1, *SIZE_HW)
