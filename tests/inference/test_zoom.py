"""The closer look at picked objects."""

import numpy as np
import pytest
import torch

from argus import ImagePredictor
from argus.inference.outlines import held_in
from argus.inference.zoom import LEANING
from argus.model.cutter import CutterConfig
from argus.ops import rle
from argus.ops.grabcut import settled
from argus.ops.masks import logits_to_rles
from argus.ops.windows import window_around
from argus.train.new_parts import with_new

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


@pytest.fixture
def with_cutter(predictor: ImagePredictor, photo: np.ndarray) -> ImagePredictor:
    """The same model with a cutter that calls the left half of each window object, whatever the tracker says."""
    model = with_new(predictor.model, 0, cutter=CutterConfig(side=16, widths=(8, 16))).requires_grad_(False)
    assert model.cutter is not None
    halves = torch.cat((torch.full((1, 16, 8), 1e3), torch.full((1, 16, 8), -1e3)), 2)
    model.cutter.mirrored_too = lambda views, facts: halves.expand(len(views), 1, 16, 16)  # type: ignore[method-assign]
    return ImagePredictor(model).set_image(photo)


@pytest.mark.parametrize("box", [BOX, [5.0, 5.0, 120.0, 85.0], [0.0, 0.0, 20.0, 9.0], [100.0, 70.0, 130.0, 90.0]])
def test_a_cutter_has_its_say_where_the_box_is(with_cutter: ImagePredictor, box: list[float]) -> None:
    found = with_cutter.pick(box=box, multimask=False, zoom=True)
    left, top, right, bottom = (round(edge) for edge in box)
    middle = (left + right) // 2
    (mask,) = found.masks
    assert mask[top + 1 : bottom - 1, left + 1 : middle - 2].all()
    assert not mask[:, middle + 2 :].any()


def test_a_cutter_looks_at_boxes_alone(with_cutter: ImagePredictor, predictor: ImagePredictor) -> None:
    logits = predictor.pick(box=BOX).best_logits
    for asked in (
        {"points": [[50.0, 40.0]], "multimask": False},
        {"points": [[50.0, 40.0]], "box": BOX, "multimask": False},
        {"box": BOX, "mask_logits": logits, "multimask": False},
    ):
        with_it, without = (one.pick(**asked, zoom=True) for one in (with_cutter, predictor))
        assert with_it.rles == without.rles, asked
    boxed = [one.pick(box=BOX, multimask=False, zoom=True) for one in (with_cutter, predictor)]
    assert boxed[0].rles != boxed[1].rles


def test_masks_that_are_cut_out_are_alike(with_cutter: ImagePredictor) -> None:
    three, one = (with_cutter.pick(box=BOX, multimask=several, zoom=True) for several in (True, False))
    assert three.mask_logits.shape[1] == 3 and three.rles == one.rles
    np.testing.assert_array_equal(three.mask_logits[:, 1:], three.mask_logits[:, :2])
    np.testing.assert_array_equal(three.scores, one.scores)


def test_of_what_is_cut_out_nothing_is_encoded_again(
    with_cutter: ImagePredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(with_cutter.model, "encode", None)
    found = with_cutter.pick(box=[BOX, [0.0, 0.0, 20.0, 9.0]], multimask=False, zoom=True)
    assert found.mask_logits.shape == (2, *with_cutter.pick(box=BOX, multimask=False).mask_logits.shape[1:])


def test_what_a_cutter_says_of_many_boxes_is_what_it_says_of_each(predictor: ImagePredictor, photo: np.ndarray) -> None:
    config = CutterConfig(side=16, widths=(8, 16))
    of_model = ImagePredictor(with_new(predictor.model, 0, cutter=config).requires_grad_(False)).set_image(photo)
    boxes = np.array([BOX, [0.0, 0.0, 20.0, 9.0], [5.0, 5.0, 120.0, 85.0]] * 8)  # more than are asked at once
    together = of_model.pick(box=boxes, multimask=False, zoom=True)
    alone = [of_model.pick(box=box, multimask=False, zoom=True).rles[0] for box in boxes[:3]]
    assert list(together.rles) == alone * 8
