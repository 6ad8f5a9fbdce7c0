"""An image looked at in tiles: each object is found once, where it is, and phrases go where they were made for."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import label
from torch import Tensor

from argus.inference.image import ImagePredictor
from argus.model.detector import DetectorOutput
from argus.model.sam3 import Features, Sam3
from argus.ops.boxes import iou
from argus.ops.windows import OVERLAP, share_of, tiles_of
from argus.types import Prompt
from tests.inference.test_image import COLOURS, extent_norm, strength
from tests.train.toys import tiny_model

SPOTS = [(5, 5, 17, 17), (90, 40, 104, 54), (170, 80, 184, 94), (98, 2, 110, 12), (20, 44, 32, 56)]


class SpotFinder(Sam3):
    """Stands in for a trained model: the instances of "red" are the red spots, and it counts what it is shown."""

    shown = 0

    def encode(self, images: Tensor) -> Features:
        self.shown += 1
        return Features(self, images.permute(0, 2, 3, 1))

    def detect(self, features: Features, prompts: Sequence[Prompt], **kwargs: Any) -> DetectorOutput:
        colours = (features.trunk[0] + 1) / 2
        masks = [spots(strength(colours, COLOURS.index(prompt.phrase))) for prompt in prompts]
        most = max(len(found) for found in masks)
        boxes = torch.zeros(len(prompts), most, 4)
        for row, found in enumerate(masks):
            for place, mask in enumerate(found):
                boxes[row, place] = extent_norm(mask > 0)
        return DetectorOutput(
            query_logits=torch.full((len(prompts), most), 4.0),
            presence_logits=torch.full((len(prompts),), 4.0),
            boxes_cxcywh_norm=boxes,
            mask_logits=masks,
            kept=[torch.arange(len(found)) for found in masks],
            semantic_logits=None,
        )


def spots(logits: Tensor) -> Tensor:
    areas, count = label((logits > 0).numpy())
    found = [torch.where(torch.from_numpy(areas == number), 1.0, -1.0) for number in range(1, count + 1)]
    return torch.stack(found) if found else torch.zeros(0, *logits.shape)


@pytest.fixture
def predictor() -> ImagePredictor:
    torch.manual_seed(0)
    model = tiny_model().eval()
    image = np.full((96, 192, 3), 128, np.uint8)
    for left, top, right, bottom in SPOTS:
        image[top:bottom, left:right] = (255, 0, 0)
    image[60:70, 60:70] = (0, 255, 0)
    return ImagePredictor(SpotFinder(model.config, model.tokenizer)).set_image(image)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("size_hw", [(96, 192), (1, 7), (1000, 333)])
def test_tiles_cover_the_image_and_overlap(count: int, size_hw: tuple[int, int]) -> None:
    covered = np.zeros(size_hw, int)
    for tile in tiles_of(size_hw, count):
        assert 0 <= tile.left < tile.right <= size_hw[1] and 0 <= tile.top < tile.bottom <= size_hw[0]
        covered[tile.top : tile.bottom, tile.left : tile.right] += 1
    assert covered.min() >= 1
    assert len(tiles_of(size_hw, count)) == count**2
    first, *rest = tiles_of((1000, 1000), count)
    if rest:
        common = (first.right - rest[0].left) / (first.right - first.left)
        assert common == pytest.approx(OVERLAP, abs=0.02)
    assert share_of(1) == 1


@pytest.mark.parametrize("tiles", [2, 3])
def test_each_object_is_found_once_and_where_it_is(predictor: ImagePredictor, tiles: int) -> None:
    found = predictor.predict(["red", "green", "blue"], tiles=tiles)
    assert sorted(found.concept.tolist()) == ["green"] + ["red"] * len(SPOTS)
    red = found.filter(concept="red")
    overlap = iou(torch.tensor(red.boxes_xyxy_px), torch.tensor(SPOTS, dtype=torch.float32))
    assert (overlap.amax(0) > 0.7).all()
    areas = red.areas_px[overlap.argmax(0).numpy()]
    true = np.array([(right - left) * (bottom - top) for left, top, right, bottom in SPOTS])
    assert np.abs(areas / true - 1).max() < 0.3


def test_an_object_larger_than_a_tile_is_found_in_one_piece(predictor: ImagePredictor) -> None:
    """60 of 96 pixels high, where each of 2 x 2 tiles has 56."""
    image = np.full((96, 192, 3), 128, np.uint8)
    image[20:80, 70:130] = image[4:12, 4:12] = (255, 0, 0)
    found = predictor.set_image(image).predict("red", tiles=2)
    assert len(found) == 2
    large = found[[int(found.areas_px.argmax())]]
    assert float(iou(torch.tensor(large.boxes_xyxy_px), torch.tensor([[70.0, 20.0, 130.0, 80.0]]))) > 0.9


def test_phrases_go_where_the_model_was_made_for_them(predictor: ImagePredictor) -> None:
    model = predictor.model
    assert isinstance(model, SpotFinder)
    model.origin.training = {"adapter": {"tiles": {"red": 2}}}
    model.shown = 0
    predictor.predict("green")
    assert model.shown == 0, "the whole image is encoded already"
    predictor.predict(["red", "green"])
    assert model.shown == 4 and model.tiles_for(" RED") == 2
    predictor.predict("red", tiles=1)
    assert model.shown == 4
    predictor.predict("red", boxes=[SPOTS[0]])
    assert model.shown == 4, "boxes are of the whole image"


@pytest.mark.parametrize("tiles", [0, 9, True])
def test_wrong_numbers_of_tiles_are_refused(predictor: ImagePredictor, tiles: Any) -> None:
    with pytest.raises(ValueError, match="tiles"):
        predictor.predict("red", tiles=tiles)


def test_tiles_with_boxes_are_refused(predictor: ImagePredictor) -> None:
    with pytest.raises(ValueError, match="boxes and tiles=2"):
        predictor.predict("red", boxes=[SPOTS[0]], tiles=2)
