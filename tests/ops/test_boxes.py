import pytest
import torch

from argus.ops import boxes

IMAGE = (40, 60)


def random_boxes(count: int, seed: int = 0) -> torch.Tensor:
    values = torch.rand(count, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return boxes.cxcywh_to_xyxy(torch.cat([values[:, :2], 0.05 + values[:, 2:] / 2], dim=1))


def test_formats_round_trip() -> None:
    xyxy = random_boxes(20)
    assert torch.allclose(boxes.cxcywh_to_xyxy(boxes.xyxy_to_cxcywh(xyxy)), xyxy)
    norm = boxes.xyxy_to_cxcywh(xyxy)
    assert torch.allclose(boxes.px_to_norm(boxes.norm_to_px(norm, IMAGE), IMAGE), norm)


def test_norm_to_px_scales_x_by_width() -> None:
    whole = torch.tensor([[0.5, 0.5, 1.0, 1.0]])
    assert boxes.norm_to_px(whole, IMAGE).tolist() == [[0.0, 0.0, 60.0, 40.0]]


def test_iou_of_known_boxes() -> None:
    a = torch.tensor([[0.0, 0.0, 2.0, 2.0]])
    b = torch.tensor([[1.0, 1.0, 3.0, 3.0], [0.0, 0.0, 2.0, 2.0], [5.0, 5.0, 6.0, 6.0], [1.0, 1.0, 1.0, 1.0]])
    assert torch.allclose(boxes.iou(a, b), torch.tensor([[1 / 7, 1.0, 0.0, 0.0]]))


def test_giou_of_known_boxes() -> None:
    a, b = torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([[2.0, 0.0, 3.0, 1.0]])
    assert torch.allclose(boxes.giou(a, b), torch.tensor([[-1 / 3]]))  # hull 3, union 2
    assert torch.allclose(boxes.giou(a, a), torch.ones(1, 1))


def test_paired_overlaps_are_the_diagonal() -> None:
    a, b = random_boxes(8, 1), random_boxes(8, 2)
    assert torch.allclose(boxes.paired_giou(a, b), boxes.giou(a, b).diagonal())
    assert torch.allclose(boxes.paired_iou(a, b), boxes.iou(a, b).diagonal())


def test_batches_and_no_boxes() -> None:
    a, b = random_boxes(6, 1), random_boxes(4, 2)
    batched = boxes.iou(a.reshape(2, 3, 4), b.reshape(2, 2, 4))
    assert torch.allclose(batched[1], boxes.iou(a[3:], b[2:]))
    assert boxes.iou(a, b[:0]).shape == (6, 0)


def test_empty_boxes_have_finite_gradients() -> None:
    a = torch.zeros(3, 4, requires_grad=True)
    boxes.paired_giou(a, torch.rand(3, 4)).sum().backward()
    assert a.grad is not None
    assert torch.isfinite(a.grad).all()


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ([float("nan"), 0, 5, 5], "finite"),
        ([10, 10, 5, 20], "left < right"),
        ([10, 10, 10, 20], "left < right"),
        ([70, 5, 90, 10], "inside the image of 60 x 40"),
        ([-9, -9, 0, 0], "inside the image"),
    ],
)
def test_bad_boxes_are_named(box: list[float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        boxes.check_xyxy_px(torch.tensor([[1.0, 1.0, 2.0, 2.0], box]), IMAGE)


def test_a_box_over_the_border_is_clipped() -> None:
    checked = boxes.check_xyxy_px(torch.tensor([[-5.0, 30.0, 10.0, 99.0]]), IMAGE)
    assert checked.tolist() == [[0.0, 30.0, 10.0, 40.0]]
