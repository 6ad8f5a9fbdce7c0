"""Segment everything: what is kept of a grid's answers, and that batches and order do not show."""

from typing import Any

import numpy as np
import pytest
import torch

from argus import Detections, ImagePredictor
from argus.inference import everything
from argus.inference.everything import grid_points, without_duplicates
from argus.ops import boxes
from argus.ops.masks import stability
from argus.ops.nms import greedy_nms
from tests.train.toys import tiny_model

ALL: dict[str, Any] = {"iou_threshold": 0.0, "stability_threshold": 0.0, "box_nms": 1.0, "points_per_side": 5}


def test_every_point_of_the_grid_is_asked_as_by_pick(predictor: ImagePredictor) -> None:
    found = predictor.everything(**ALL)
    points = grid_points(5, (90, 130))
    picked = predictor.pick(points[:, None])
    masks = torch.nn.functional.interpolate(torch.from_numpy(picked.mask_logits), (90, 130), mode="bilinear") > 0
    masks = masks.flatten(0, 1).numpy()
    there = masks.any((1, 2))
    assert len(found) == there.sum() > 20
    order = np.argsort(-picked.iou_scores.flatten()[there], kind="stable")
    assert (found.masks != masks[there][order]).mean() < 1e-3
    np.testing.assert_allclose(found.scores, picked.iou_scores.flatten()[there][order], atol=1e-5)
    assert set(found.concept) == {"object"} and found.size_hw == (90, 130)


def test_the_grid_is_the_centres_of_equal_cells() -> None:
    points = grid_points(2, (40, 100))
    assert points.tolist() == [[25.0, 10.0], [75.0, 10.0], [25.0, 30.0], [75.0, 30.0]]


def test_batches_do_not_show(predictor: ImagePredictor, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = predictor.everything(**ALL)
    monkeypatch.setattr(everything, "OBJECTS_AT_ONCE", 3)
    parts = predictor.everything(**ALL)
    assert len(parts) == len(whole)
    np.testing.assert_allclose(parts.scores, whole.scores, atol=1e-5)


def test_each_limit_leaves_out_what_it_says(predictor: ImagePredictor) -> None:
    whole = predictor.everything(**ALL)
    middle = float(np.median(whole.scores))
    sure = predictor.everything(**ALL | {"iou_threshold": middle})
    assert sure.rles == whole.filter(score=np.nextafter(middle, 1)).rles and 0 < len(sure) < len(whole)
    distinct = predictor.everything(**ALL | {"box_nms": 0.3})
    assert 0 < len(distinct) < len(whole) and distinct.rles[0] == whole.rles[0]
    overlap = boxes.iou(*[torch.from_numpy(distinct.boxes_xyxy_px)] * 2).fill_diagonal_(0)
    assert overlap.max() <= 0.3
    assert predictor.everything(**ALL, max_count=3).rles == whole.rles[:3]


def test_only_stable_masks_stay(predictor: ImagePredictor) -> None:
    logits = torch.from_numpy(predictor.pick(grid_points(5, (90, 130))[:, None]).mask_logits).flatten(0, 1)
    for offset in (0.1, 0.5):
        how_stable = stability(logits, offset)
        least = float(how_stable.median())
        found = predictor.everything(**ALL | {"stability_threshold": least, "stability_offset": offset})
        there = (logits > 0).flatten(1).any(1)
        assert len(found) == int(((how_stable >= least) & there).sum()) < len(logits)


def test_specks_and_holes_go(predictor: ImagePredictor) -> None:
    whole, cleaned = predictor.everything(**ALL), predictor.everything(**ALL, min_area_px=200)
    assert np.mean([len(mask.counts) for mask in cleaned.rles]) < np.mean([len(mask.counts) for mask in whole.rles])


def test_small_masks_and_empty_ones_go(predictor: ImagePredictor, monkeypatch: pytest.MonkeyPatch) -> None:
    masks = np.zeros((3, 90, 130), bool)
    masks[1, :3, :3] = masks[2, :2, :4] = True
    made = [Detections.from_masks(masks, [0.9, 0.8, 0.7], ["object"] * 3)]
    monkeypatch.setattr(everything, "_candidates", lambda *_: made)
    assert predictor.everything(**ALL).areas_px.tolist() == [9, 8]
    assert predictor.everything(**ALL, min_area_px=9).areas_px.tolist() == [9]


def test_duplicates_go_as_by_the_matrix() -> None:
    random = torch.Generator().manual_seed(0)
    low = torch.rand(200, 2, generator=random) * 50
    made = torch.cat((low, low + 5 + torch.rand(200, 2, generator=random) * 40), dim=1)
    scores = torch.rand(200, generator=random).round(decimals=1)
    for most_iou in (0.0, 0.3, 0.7, 1.0):
        assert torch.equal(
            without_duplicates(made, scores, most_iou), greedy_nms(boxes.iou(made, made), scores, most_iou)
        )
    assert len(without_duplicates(made[:0], scores[:0], 0.5)) == 0


def test_nothing_found_is_an_empty_answer(predictor: ImagePredictor) -> None:
    found = predictor.everything(iou_threshold=1.0, points_per_side=2)
    assert len(found) == 0 and found.size_hw == (90, 130)


@pytest.mark.parametrize(
    "given",
    [
        {"points_per_side": 0},
        {"points_per_side": 1000},
        {"iou_threshold": float("nan")},
        {"stability_threshold": 1.5},
        {"stability_offset": -1.0},
        {"stability_offset": float("inf")},
        {"box_nms": -0.1},
        {"min_area_px": -1},
        {"max_count": 0},
    ],
)
def test_values_out_of_range_are_named(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(given))):
        everything.Everything(**given)


def test_a_model_without_a_tracker_says_so() -> None:
    predictor = ImagePredictor(tiny_model().eval()).set_image(np.zeros((60, 60, 3), np.uint8))
    with pytest.raises(ValueError, match=r"no tracker.*sam3\.pt"):
        predictor.everything()


def test_without_an_image_there_is_nothing_to_search() -> None:
    with pytest.raises(ValueError, match="set_image"):
        ImagePredictor(tiny_model().eval()).everything()
