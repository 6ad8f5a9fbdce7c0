"""From answers to detections: clipping, non-maximum suppression and counts, on answers made by hand."""

import numpy as np
import pytest
import torch

from argus.inference.postprocess import Keep, best, to_detections
from argus.model.detector import DetectorOutput
from argus.types import Detections
from tests.train.toys import tiny_model


def answer_of(boxes_cxcywh_norm: list[list[float]]) -> DetectorOutput:
    """An answer to one prompt whose queries have those boxes and small square masks."""
    count = len(boxes_cxcywh_norm)
    return DetectorOutput(
        query_logits=torch.linspace(3, 1, count)[None],
        presence_logits=torch.full((1,), 5.0),
        boxes_cxcywh_norm=torch.tensor([boxes_cxcywh_norm]),
        mask_logits=[torch.nn.functional.pad(torch.ones(count, 2, 2), (1, 1, 1, 1), value=-1.0)],
        kept=[torch.arange(count)],
        semantic_logits=None,
    )


def overlapping() -> Detections:
    """Two dogs and a cat on the same pixels, and a cat apart."""
    masks = np.zeros((4, 8, 8), bool)
    masks[:3, :4, :4] = True
    masks[3, 5:, 5:] = True
    return Detections.from_masks(masks, [0.7, 0.9, 0.8, 0.6], ["dog", "dog", "cat", "cat"])


def test_boxes_are_clipped_to_the_image() -> None:
    output = answer_of(boxes_cxcywh_norm=[[0.0, 0.5, 0.5, 0.5], [0.5, 0.9, 0.5, 0.5]])
    found = to_detections(tiny_model(), output, ["dog"], np.zeros((100, 200, 3), np.uint8), 0.0)
    np.testing.assert_allclose(found.boxes_xyxy_px, [[0, 25, 50, 75], [50, 65, 150, 100]], atol=1e-3)


def test_nms_is_off_unless_asked() -> None:
    assert best(overlapping(), Keep()).scores.tolist() == pytest.approx([0.9, 0.8, 0.7, 0.6])


def test_nms_within_compares_detections_of_one_concept() -> None:
    found = best(overlapping(), Keep(nms_within=0.5))
    assert found.concept.tolist() == ["dog", "cat", "cat"]
    assert found.scores.tolist() == pytest.approx([0.9, 0.8, 0.6])


def test_nms_across_compares_all_detections() -> None:
    assert best(overlapping(), Keep(nms_across=0.5)).scores.tolist() == pytest.approx([0.9, 0.6])


def test_nms_comes_before_the_count() -> None:
    found = best(overlapping(), Keep(nms_within=0.5, max_count=2))
    assert found.scores.tolist() == pytest.approx([0.9, 0.8, 0.6])
