"""The image predictor: coordinates, order, thresholds, refinement, and agreement with the model it wraps."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from argus.inference.image import ImagePredictor
from argus.inference.postprocess import PROMPTS_AT_ONCE
from argus.inference.preprocess import ImageSource
from argus.model.detector import DetectorOutput
from argus.model.sam3 import Features, Sam3
from argus.ops.boxes import clip_xyxy, norm_to_px
from argus.ops.pixels import to_model_input
from argus.types import Detections, Prompt
from tests.train.toys import tiny_model

COLOURS = ("red", "green", "blue")


class ColourFinder(Sam3):
    """Stands in for a trained model: the instance of "red" is where red is strong, exactly as far as pixels tell."""

    def encode(self, images: Tensor) -> Features:
        return Features(self, images.permute(0, 2, 3, 1))

    def detect(self, features: Features, prompts: Sequence[Prompt], **kwargs: Any) -> DetectorOutput:
        colours = (features.trunk[0] + 1) / 2  # (h, w, 3) in 0..1
        logits = torch.stack([strength(colours, COLOURS.index(p.phrase)) for p in prompts])
        return DetectorOutput(
            query_logits=torch.full((len(prompts), 1), 4.0),
            presence_logits=torch.full((len(prompts),), 4.0),
            boxes_cxcywh_norm=torch.stack([extent_norm(mask) for mask in logits > 0])[:, None],
            mask_logits=[mask[None] for mask in logits],
            kept=[torch.arange(1) for _ in prompts],
            semantic_logits=None,
        )


def strength(colours: Tensor, channel: int) -> Tensor:
    others = [c for c in range(3) if c != channel]
    return colours[..., channel] - colours[..., others].amax(dim=-1) - 0.5


def extent_norm(mask: Tensor) -> Tensor:
    rows, columns = mask.any(dim=1).nonzero()[:, 0], mask.any(dim=0).nonzero()[:, 0]
    low = torch.tensor([columns[0] / mask.shape[1], rows[0] / mask.shape[0]])
    high = torch.tensor([(columns[-1] + 1) / mask.shape[1], (rows[-1] + 1) / mask.shape[0]])
    return torch.cat([(low + high) / 2, high - low])


def rectangles(**boxes_xyxy: tuple[int, int, int, int]) -> np.ndarray:
    """A grey photo, 96 high and 192 wide, with one rectangle a colour."""
    image = np.full((96, 192, 3), 128, np.uint8)
    for name, (left, top, right, bottom) in boxes_xyxy.items():
        image[top:bottom, left:right] = [255 * (name == colour) for colour in COLOURS]
    return image


@pytest.fixture(scope="module")
def model() -> Sam3:
    torch.manual_seed(0)
    return tiny_model().eval()


@pytest.fixture(scope="module")
def finder(model: Sam3) -> ImagePredictor:
    return ImagePredictor(ColourFinder(model.config, model.tokenizer))


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (90, 130, 3), np.uint8)


@pytest.fixture
def predictor(model: Sam3, photo: np.ndarray) -> ImagePredictor:
    return ImagePredictor(model).set_image(photo)


def assert_same(a: Detections, b: Detections, atol: float = 0.0) -> None:
    """The same objects in the same order; with a tolerance, a few pixels at the edges may differ."""
    assert a.size_hw == b.size_hw
    assert a.concept.tolist() == b.concept.tolist()
    np.testing.assert_allclose(a.scores, b.scores, rtol=0, atol=atol)
    np.testing.assert_allclose(a.boxes_xyxy_px, b.boxes_xyxy_px, rtol=0, atol=atol * max(a.size_hw))
    if atol:
        assert (a.masks != b.masks).mean() < 1e-3
    else:
        assert a.rles == b.rles


def differ(a: Detections, b: Detections) -> bool:
    return len(a) != len(b) or float(np.abs(a.scores - b.scores).max()) > 1e-5


# coordinates


def test_boxes_and_masks_are_in_pixels_of_a_photo_that_is_not_square(finder: ImagePredictor) -> None:
    image = rectangles(red=(32, 16, 96, 80), blue=(128, 8, 184, 40))
    found = finder.set_image(image).predict(["red", "blue"])
    red, blue = found.filter(concept="red"), found.filter(concept="blue")
    np.testing.assert_allclose(red.boxes_xyxy_px, [[32, 16, 96, 80]], atol=1e-3)
    np.testing.assert_allclose(blue.boxes_xyxy_px, [[128, 8, 184, 40]], atol=1e-3)
    truth = image[..., 0] == 255
    assert red.masks.shape == (1, 96, 192)
    assert (red.mask(0) & truth).sum() / (red.mask(0) | truth).sum() > 0.95


@pytest.mark.parametrize("shift", [(16, 0), (0, 16), (-24, 8), (64, -12)])
def test_moving_the_object_moves_the_answer(finder: ImagePredictor, shift: tuple[int, int]) -> None:
    right, down = shift
    before = finder.set_image(rectangles(red=(40, 24, 96, 64))).predict("red")
    after = finder.set_image(rectangles(red=(40 + right, 24 + down, 96 + right, 64 + down))).predict("red")
    np.testing.assert_allclose(after.boxes_xyxy_px, before.boxes_xyxy_px + [right, down, right, down], atol=1e-3)
    np.testing.assert_array_equal(after.mask(0), np.roll(before.mask(0), (down, right), axis=(0, 1)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_gives_the_answer_of_the_upright_photo(
    model: Sam3, photo: np.ndarray, orientation: int, tmp_path: Path
) -> None:
    turned = {
        1: photo,
        2: photo[:, ::-1],
        3: photo[::-1, ::-1],
        4: photo[::-1],
        5: photo.transpose(1, 0, 2),
        6: np.rot90(photo, 1),
        7: photo[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(photo, -1),
    }[orientation]
    stored = Image.fromarray(np.ascontiguousarray(turned))
    exif = stored.getexif()
    exif[0x0112] = orientation
    path = tmp_path / "photo.png"
    stored.save(path, exif=exif)
    upright = ImagePredictor(model).set_image(photo).predict("red", boxes=[[5, 60, 40, 85]], score_threshold=0)
    from_file = ImagePredictor(model).set_image(path).predict("red", boxes=[[5, 60, 40, 85]], score_threshold=0)
    assert_same(from_file, upright)


def test_every_kind_of_source_gives_the_same_answer(model: Sam3, photo: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(photo).save(path)
    tensor = torch.from_numpy(photo).permute(2, 0, 1)
    sources: list[ImageSource] = [
        path,
        str(path),
        io.BytesIO(path.read_bytes()),
        Image.open(path),
        photo,
        np.asfortranarray(photo),
        tensor,
        tensor / 255,
    ]
    answers = [ImagePredictor(model).set_image(source).predict("red", score_threshold=0) for source in sources]
    for answer in answers[1:]:
        assert_same(answer, answers[0])


def test_boxes_and_masks_are_those_of_the_model_at_full_size(model: Sam3, photo: np.ndarray) -> None:
    inputs = to_model_input(photo, model.image_size_hw)[None]
    with torch.inference_mode():
        output = model.detect(model.encode(inputs), [Prompt("red")], all_masks=True)
    assert isinstance(output.mask_logits, Tensor)
    order = output.scores[0].argsort(descending=True)
    logits = torch.nn.functional.interpolate(
        output.mask_logits[:, order], size=photo.shape[:2], mode="bilinear", align_corners=False
    )[0]
    threshold = float(logits.median())
    for cut in (0.0, threshold):
        found = ImagePredictor(model).set_image(photo).predict("red", score_threshold=0, mask_threshold=cut)
        clear = ((logits - cut).abs() > 1e-4).numpy()
        np.testing.assert_array_equal(found.masks & clear, (logits > cut).numpy() & clear)
        assert clear.mean() > 0.99
        boxes_xyxy_px = clip_xyxy(norm_to_px(output.boxes_cxcywh_norm[0, order], found.size_hw), found.size_hw)
        np.testing.assert_allclose(found.boxes_xyxy_px, boxes_xyxy_px.numpy(), atol=1e-2)


# what is kept


def test_scores_are_above_the_threshold_and_best_first(predictor: ImagePredictor) -> None:
    everything = predictor.predict("red", score_threshold=0)
    assert len(everything) == 6
    assert (np.diff(everything.scores) <= 0).all()
    cut = float(everything.scores[2])
    assert_same(predictor.predict("red", score_threshold=cut), everything[:2])
    assert len(predictor.predict("red", score_threshold=1)) == 0


def test_max_count_keeps_the_best_of_each_phrase(predictor: ImagePredictor) -> None:
    everything = predictor.predict(["red", "blue"], score_threshold=0)
    two = predictor.predict(["red", "blue"], score_threshold=0, max_count=2)
    for name in ("red", "blue"):
        assert_same(two.filter(concept=name), everything.filter(concept=name)[:2], atol=1e-5)


def test_a_count_limits_the_masks_that_are_decoded_unless_nms_has_to_see_all(
    predictor: ImagePredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []
    detect = predictor.model.detect

    def spy(features: Features, prompts: Sequence[Prompt], **kwargs: Any) -> DetectorOutput:
        output = detect(features, prompts, **kwargs)
        decoded.append(len(output.mask_logits[0]))
        return output

    monkeypatch.setattr(predictor.model, "detect", spy)
    for arguments in ({}, {"nms_within": 0.5}, {"nms_across": 0.5}):
        predictor.predict("red", score_threshold=0, max_count=3, **arguments)
    assert decoded == [3, 6, 6]


# prompts


def test_several_phrases_are_the_single_answers_merged(predictor: ImagePredictor) -> None:
    phrases = [*COLOURS, *(f"red {i}" for i in range(PROMPTS_AT_ONCE))]  # more than are asked at once
    together = predictor.predict(phrases, score_threshold=0)
    assert len(together) == 6 * len(phrases)
    for phrase in phrases:
        assert_same(together.filter(concept=phrase), predictor.predict(phrase, score_threshold=0), atol=1e-5)


def test_order_and_repetition_of_phrases_do_not_matter(predictor: ImagePredictor) -> None:
    forth = predictor.predict(["red", "green", "RED"], score_threshold=0)
    back = predictor.predict(["RED", "green", " red", "green"], score_threshold=0)
    assert set(forth.concept) == set(back.concept) == {"red", "green", "RED"}
    for phrase in ("red", "green", "RED"):  # "RED" reads as "red": which of two equal scores is first is chance
        assert_same(forth.filter(concept=phrase), back.filter(concept=phrase), atol=1e-5)


def test_phrases_and_boxes_have_an_effect(predictor: ImagePredictor) -> None:
    box = [[10, 10, 60, 70]]
    answers = [
        predictor.predict("red", score_threshold=0),
        predictor.predict("blue", score_threshold=0),
        predictor.predict("red", boxes=box, score_threshold=0),
        predictor.predict("red", boxes=box, labels=[0], score_threshold=0),
        predictor.predict("red", boxes=[[70, 30, 120, 80]], score_threshold=0),
        predictor.predict(boxes=box, score_threshold=0),
    ]
    for i, a in enumerate(answers):
        assert all(differ(a, b) for b in answers[i + 1 :])


def test_boxes_alone_are_the_concept_visual_and_plus_by_default(predictor: ImagePredictor) -> None:
    boxes = [[10, 10, 60, 70], [80, 20, 100, 60]]
    found = predictor.predict(boxes=boxes, score_threshold=0)
    assert set(found.concept) == {"visual"}
    assert_same(found, predictor.predict(boxes=torch.tensor(boxes), labels=[1, 1], score_threshold=0))
    assert_same(found, predictor.predict("visual", boxes=np.array(boxes), labels=[True, True], score_threshold=0))


def test_a_box_over_the_border_counts_as_far_as_the_image_goes(predictor: ImagePredictor) -> None:
    over = predictor.predict("red", boxes=[[-20, 50, 40, 500]], score_threshold=0)
    assert_same(over, predictor.predict("red", boxes=[[0, 50, 40, 90]], score_threshold=0))


def test_nothing_found_is_an_empty_answer_of_the_image_size(predictor: ImagePredictor) -> None:
    found = predictor.predict(["red", "blue"], score_threshold=1)
    assert len(found) == 0
    assert found.size_hw == (90, 130)
    assert found.masks.shape == (0, 90, 130)


# images


def test_there_is_no_answer_before_an_image(model: Sam3) -> None:
    with pytest.raises(ValueError, match="set_image"):
        ImagePredictor(model).predict("red")
    with pytest.raises(ValueError, match="set_image"):
        ImagePredictor(model).refine("red")


def test_an_image_that_fails_does_not_leave_the_one_before(predictor: ImagePredictor) -> None:
    with pytest.raises(FileNotFoundError):
        predictor.set_image("no such file.png")
    with pytest.raises(ValueError, match="set_image"):
        predictor.predict("red")


def test_a_new_image_has_no_trace_of_the_one_before(model: Sam3, photo: np.ndarray) -> None:
    predictor = ImagePredictor(model).set_image(photo[::-1, :60].copy())
    predictor.predict("red")
    fresh = ImagePredictor(model).set_image(photo).predict("red", score_threshold=0)
    assert_same(predictor.set_image(photo).predict("red", score_threshold=0), fresh)


# refinement


def test_refining_runs_the_image_through_the_encoder_once(model: Sam3, photo: np.ndarray) -> None:
    calls = []
    handle = model.vision.register_forward_hook(lambda *_: calls.append(1))
    try:
        session = ImagePredictor(model).set_image(photo).refine("red")
        session.add_box([10, 10, 60, 70])
        session.add_box([70, 20, 100, 60], positive=False)
        session.undo()
        session.reset()
    finally:
        handle.remove()
    assert len(calls) == 1


def test_each_step_of_a_refinement_is_the_answer_to_the_whole_question(predictor: ImagePredictor) -> None:
    plus, minus = [10, 10, 60, 70], [70, 20, 100, 60]
    text = predictor.predict("red", score_threshold=0)
    first = predictor.predict("red", boxes=[plus], labels=[1], score_threshold=0)
    both = predictor.predict("red", boxes=[plus, minus], labels=[1, 0], score_threshold=0)
    session = predictor.refine("red", score_threshold=0)
    assert_same(session.detections, text)
    assert_same(session.add_box(plus), first)
    assert_same(session.add_box(minus, positive=False), both)
    assert_same(session.undo(), first)
    assert_same(session.add_box(minus, positive=False), both)
    assert_same(session.reset(), text)
    assert_same(session.add_box(plus), first)


def test_a_refinement_may_start_from_nothing(predictor: ImagePredictor) -> None:
    session = predictor.refine(score_threshold=0)
    assert len(session.detections) == 0
    box = [10, 10, 60, 70]
    assert_same(session.add_box(box), predictor.predict(boxes=[box], score_threshold=0))
    assert len(session.undo()) == 0


def test_a_refused_box_leaves_a_refinement_as_it_was(predictor: ImagePredictor) -> None:
    session = predictor.refine("red", score_threshold=0)
    before = session.add_box([10, 10, 60, 70])
    for box in ([60, 10, 10, 70], [10, 10, 60], [[10, 10, 60, 70]], [500, 10, 600, 70], [10, 10, float("nan"), 70]):
        with pytest.raises(ValueError, match="Expected"):
            session.add_box(box)
    assert_same(session.detections, before)
    session.undo()
    with pytest.raises(ValueError, match="add_box"):
        session.undo()


def test_a_refinement_stays_with_its_image(model: Sam3, photo: np.ndarray) -> None:
    predictor = ImagePredictor(model).set_image(photo)
    wanted = predictor.predict("red", boxes=[[10, 10, 60, 70]], score_threshold=0)
    session = predictor.refine("red", score_threshold=0)
    predictor.set_image(photo[:40])
    assert_same(session.add_box([10, 10, 60, 70]), wanted)


def test_half_precision_gives_detections_too(model: Sam3, photo: np.ndarray) -> None:
    torch.manual_seed(0)
    half = tiny_model().eval().to(torch.bfloat16)
    found = ImagePredictor(half).set_image(photo).predict("red", boxes=[[10, 10, 60, 70]], score_threshold=0)
    assert len(found) == 6
    assert found.scores.dtype == np.float32
    assert np.isfinite(found.boxes_xyxy_px).all()
