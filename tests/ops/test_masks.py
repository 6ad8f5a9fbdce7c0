from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from argus.ops import masks, nms, rle


def random_masks(count: int, height: int = 9, width: int = 14, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, height, width)) < 0.4


@pytest.mark.parametrize("source_hw", [(13, 17), (7, 9), (40, 30), (72, 72), (1, 1)])
@pytest.mark.parametrize("size_hw", [(40, 30), (13, 50), (1, 1)])
def test_runs_equal_a_plain_resize(source_hw: tuple[int, int], size_hw: tuple[int, int]) -> None:
    logits = torch.randn(12, *source_hw, generator=torch.Generator().manual_seed(0)) - 1
    logits[0], logits[1] = -1, 1
    plain = (interpolate(logits[None], size_hw, mode="bilinear")[0] > 0).numpy()
    found = masks.logits_to_rles(logits, size_hw)
    for index, runs in enumerate(found):
        assert np.count_nonzero(rle.decode(runs) != plain[index]) <= 1  # a logit of 0 to rounding
        assert rle.encode(rle.decode(runs)) == runs  # canonical: no runs of length 0 inside


def test_a_mask_threshold_is_a_logit() -> None:
    logits = torch.tensor([[[0.0, 2.0]]])
    assert rle.area(masks.logits_to_rles(logits, (1, 2), threshold=1.0)).tolist() == [1]
    assert rle.area(masks.logits_to_rles(logits, (1, 2), threshold=2.0)).tolist() == [0]


def test_boxes_of_masks_agree_with_runs() -> None:
    dense = random_masks(6) & (np.arange(14) > 3)
    dense[0] = False
    found = rle.boxes_xyxy_px([rle.encode(mask) for mask in dense])
    assert found[0].tolist() == [0, 0, 0, 0]
    for mask, box in zip(dense[1:], found[1:], strict=True):
        rows, columns = np.nonzero(mask)
        assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_overlap_of_masks_agrees_with_runs() -> None:
    a, b = random_masks(4), random_masks(3, seed=1)
    dense = [[(x & y).sum() / (x | y).sum() for y in b] for x in a]
    runs = rle.iou([rle.encode(mask) for mask in a], [rle.encode(mask) for mask in b])
    assert np.allclose(dense, runs, atol=1e-6)


def test_runs_round_trip() -> None:
    for mask in random_masks(5):
        runs = rle.encode(mask)
        assert np.array_equal(rle.decode(runs), mask)
        assert rle.from_coco(rle.to_coco(runs), (9, 14)) == runs
        assert rle.encode(np.asfortranarray(mask)) == runs
    assert rle.area([rle.empty((9, 14))]).tolist() == [0]


def test_masks_side_by_side() -> None:
    dense = random_masks(4)
    dense[1] = False
    dense[2] = True
    given = [None if not mask.any() else rle.encode(mask) for mask in dense]
    wide = rle.side_by_side(given, (9, 14))
    assert wide.size_hw == (9, 4 * 14)
    assert np.array_equal(rle.decode(wide), np.concatenate(list(dense), axis=1))
    assert rle.encode(rle.decode(wide)) == wide  # canonical: no runs of length 0 inside
    full = rle.encode(np.ones((9, 14), bool))
    assert rle.area([rle.side_by_side([full, None, full], (9, 14))]).tolist() == [2 * 9 * 14]


def test_no_masks() -> None:
    some = [rle.encode(random_masks(1)[0])]
    assert rle.iou([], some).shape == (0, 1)
    assert rle.area([]).shape == (0,)
    assert rle.boxes_xyxy_px([]).shape == (0, 4)


def test_polygons_and_uncompressed_runs_are_read() -> None:
    square = rle.from_coco([[2, 1, 6, 1, 6, 4, 2, 4]], (9, 14))
    assert rle.boxes_xyxy_px([square]).tolist() == [[2, 1, 6, 4]]
    assert rle.area([rle.from_coco({"size": [2, 2], "counts": [1, 2, 1]}, (2, 2))]).tolist() == [2]


def test_bad_runs_are_refused() -> None:
    with pytest.raises(ValueError, match="fill"):
        rle.from_runs([1, 2], (2, 2))
    with pytest.raises(ValueError, match="polygons or an RLE"):
        rle.from_coco("nonsense", (2, 2))
    with pytest.raises(ValueError, match="one size"):
        rle.iou([rle.empty((2, 2))], [rle.empty((3, 2))])


@pytest.mark.parametrize("change", [lambda c: c + "1", lambda c: c[:-1], lambda c: "", lambda c: "é" * 9, lambda c: 7])
def test_compressed_runs_that_do_not_fill_their_size_are_refused(change: Callable[[str], object]) -> None:
    found = dict(rle.to_coco(rle.encode(random_masks(1)[0])))
    with pytest.raises(ValueError, match=r"fill|counts"):
        rle.from_coco(found | {"counts": change(str(found["counts"]))}, (9, 14))
    for size in ([9, 13], [9, 15], [1000, 1000]):
        with pytest.raises(ValueError, match="fill"):
            rle.from_coco(found | {"size": size}, None)


def test_negative_runs_are_refused() -> None:
    with pytest.raises(ValueError, match="least run of -1"):
        rle.from_runs([5, -1], (2, 2))


@pytest.mark.parametrize("share", [0.001, 0.5, 0.999])
def test_compressed_runs_of_any_length_are_read(share: float) -> None:
    mask = np.random.default_rng(0).random((300, 400)) < share
    mask[:, 100:300] = share > 0.5
    found = rle.to_coco(rle.encode(mask))
    assert np.array_equal(rle.decode(rle.from_coco(found, (300, 400))), mask)


def test_nms_keeps_the_best_of_each_cluster() -> None:
    overlap = torch.tensor([[1.0, 0.8, 0.0, 0.6], [0.8, 1.0, 0.0, 0.9], [0.0, 0.0, 1.0, 0.0], [0.6, 0.9, 0.0, 1.0]])
    scores = torch.tensor([0.5, 0.9, 0.7, 0.8])
    assert nms.greedy_nms(overlap, scores, 0.5).tolist() == [1, 2]
    assert nms.greedy_nms(overlap, scores, 0.85).tolist() == [1, 2, 0]  # 3 goes by 1; 0 is not near enough to 1
    assert nms.greedy_nms(overlap[:0, :0], scores[:0], 0.5).tolist() == []


def test_a_suppressed_object_suppresses_none() -> None:
    chain = torch.tensor([[1.0, 0.6, 0.0], [0.6, 1.0, 0.6], [0.0, 0.6, 1.0]])
    assert nms.greedy_nms(chain, torch.tensor([0.9, 0.8, 0.7]), 0.5).tolist() == [0, 2]


def test_stability_is_the_iou_of_two_thresholds() -> None:
    sharp, soft = torch.full((2, 10, 10), -5.0).unbind(0)
    sharp[2:6, 2:6] = 5.0
    soft[2:6, 2:6] = 0.5
    soft[2:6, 2:4] = 3.0
    assert masks.stability(torch.stack((sharp, soft, torch.full((10, 10), -5.0))), 1.0).tolist() == [1.0, 0.5, 1.0]


def test_areas_of_many_masks() -> None:
    masks = np.arange(600)[:, None, None] > np.arange(25 * 25).reshape(25, 25)
    assert rle.area([rle.encode(mask) for mask in masks]).tolist() == masks.sum((1, 2)).tolist()
