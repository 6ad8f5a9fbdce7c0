"""Ours gives the reference's numbers on its random weights, and each test of that fails when a piece is broken."""

import copy
import dataclasses
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pytest
import torch
from torch import Tensor

import argus
from argus import Prompt
from argus.model.decoder import Decoder
from argus.model.sam3 import Origin, Sam3
from argus.model.tokenizer import Tokenizer
from argus.ops.boxes import cxcywh_to_xyxy
from tests.reference_models import Answer, ask_reference, merges_file, reference

TOLERANCE = 1e-4
SIZES_PX = (224, 280)
PLUS, MINUS = [0.4, 0.5, 0.2, 0.3], [0.7, 0.6, 0.1, 0.2]

TEXT = [Prompt("a yellow school bus")]
BOXES = [Prompt(boxes_cxcywh_norm=[PLUS, MINUS], box_labels=[1, 0])]
CASES = {
    "text": TEXT,
    "plus and minus boxes": BOXES,
    "text with a plus box": [Prompt("shoe", boxes_cxcywh_norm=[PLUS])],
    "text with boxes": [Prompt("shoe", boxes_cxcywh_norm=[PLUS, MINUS], box_labels=[1, 0])],
    "one image, several prompts": [*TEXT, *BOXES, Prompt("dog", boxes_cxcywh_norm=[MINUS], box_labels=[0])],
    "several images": [Prompt("cat", image=1), Prompt("a very big red car", [PLUS], [1]), Prompt("dog", image=1)],
}
WITH_LABELS = [name for name in CASES if name != "text"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The reference models as transformers saves them."""
    saved = {size: tmp_path_factory.mktemp(f"reference{size}") for size in SIZES_PX}
    for size, folder in saved.items():
        reference("detector", size).save_pretrained(folder)
    return saved


@pytest.fixture(scope="module")
def models(folders: dict[int, Path]) -> dict[int, Sam3]:
    return {size: argus.load(folder, "cpu", "fp32", merges_file()) for size, folder in folders.items()}


@pytest.mark.parametrize("size", SIZES_PX)
@pytest.mark.parametrize("case", CASES)
def test_ours_equals_the_reference(models: dict[int, Sam3], case: str, size: int) -> None:
    errors = compare(models[size], case, size)
    assert max(errors.values()) <= TOLERANCE, errors


def zero_cls(model: Sam3, _: pytest.MonkeyPatch) -> None:
    model.detector.exemplar_encoder.cls.zero_()


def zero_bias(_: Sam3, monkeypatch: pytest.MonkeyPatch) -> None:
    bias = Decoder._box_to_pixel_bias
    monkeypatch.setattr(Decoder, "_box_to_pixel_bias", lambda *given: torch.zeros_like(bias(*given)))


def unscaled_rope(model: Sam3, _: pytest.MonkeyPatch) -> None:
    config = model.vision.config
    model.vision.config = dataclasses.replace(config, image=config.window * config.patch)


def swapped_labels(model: Sam3, _: pytest.MonkeyPatch) -> None:
    weight = model.detector.exemplar_encoder.label.weight
    weight.copy_(weight.flip(0))


@pytest.mark.parametrize("size", SIZES_PX)
@pytest.mark.parametrize(
    ("piece", "case"),
    [(piece, case) for piece in (zero_cls, zero_bias, unscaled_rope) for case in CASES]
    + [(swapped_labels, case) for case in WITH_LABELS],
)
def test_a_broken_piece_is_noticed(
    models: dict[int, Sam3],
    monkeypatch: pytest.MonkeyPatch,
    piece: Callable[[Sam3, pytest.MonkeyPatch], None],
    case: str,
    size: int,
) -> None:
    model = copy.deepcopy(models[size])
    piece(model, monkeypatch)
    errors = compare(model, case, size)
    assert max(errors.values()) > TOLERANCE, errors


def test_without_the_masked_box_the_reference_departs_from_the_original(models: dict[int, Sam3]) -> None:
    """Ours keeps the exemplars' CLS token for a phrase alone, as the original does; the reference drops it."""
    model, size = models[224], 224
    tokens = model.tokenizer([TEXT[0].phrase])
    with torch.no_grad():
        out = reference("detector", size)(
            pixel_values=images_of(size)[:1], input_ids=tokens.ids, attention_mask=(~tokens.padding).long()
        )
    ours = answer(model, "text", size)
    assert difference(ours.query_logits, out.pred_logits) > 100 * TOLERANCE


def test_the_detector_of_the_video_model_equals_the_reference(tmp_path: Path) -> None:
    video = reference("video")
    video.save_pretrained(tmp_path)
    model = argus.load(tmp_path, "cpu", "fp32", merges_file())
    theirs = ask_reference(video.detector_model, model.tokenizer, images_of(224), CASES["text with boxes"])
    errors = differences(answer(model, "text with boxes", 224), theirs)
    assert max(errors.values()) <= TOLERANCE, errors


def test_a_model_of_our_own_gives_the_same_numbers_in_transformers(models: dict[int, Sam3], tmp_path: Path) -> None:
    """The Hugging Face folder that we write without any configuration to start from."""
    from transformers import Sam3Model

    model = copy.deepcopy(models[224])
    model.origin = Origin()
    with pytest.warns(UserWarning, match=r"no place for them: detector\.exemplar_encoder\.point_"):
        argus.save(model, tmp_path, layout="huggingface")
    theirs = ask_reference(
        Sam3Model.from_pretrained(tmp_path).eval(), model.tokenizer, images_of(224), CASES["text with boxes"]
    )
    errors = differences(answer(model, "text with boxes", 224), theirs)
    assert max(errors.values()) <= TOLERANCE, errors


@pytest.mark.parametrize("size_hw", [(112, 280), (294, 154), (14, 14), (336, 336)])
def test_other_sizes_run(models: dict[int, Sam3], size_hw: tuple[int, int]) -> None:
    torch.manual_seed(0)
    images = torch.randn(1, 3, *size_hw)
    with torch.no_grad():
        out = models[224].detect(models[224].encode(images), CASES["text with boxes"], all_masks=True, semantic=True)
    height, width = (4 * side // 14 for side in size_hw)
    assert out.mask_logits.shape == (1, 30, height, width)
    assert out.semantic_logits.shape == (1, 1, height, width)
    for part in (out.query_logits, out.presence_logits, out.boxes_cxcywh_norm, out.mask_logits):
        assert part.isfinite().all()


def test_a_wide_image_is_not_read_as_a_tall_one(models: dict[int, Sam3]) -> None:
    torch.manual_seed(0)
    wide = torch.randn(1, 3, 112, 224)
    with torch.no_grad():
        a, b = (models[224].detect(models[224].encode(x), TEXT).query_logits for x in (wide, wide.transpose(2, 3)))
    assert difference(a, b) > 100 * TOLERANCE


def test_bf16_is_near_fp32(folders: dict[int, Path], models: dict[int, Sam3]) -> None:
    model = argus.load(folders[224], "cpu", "bf16", merges_file())
    errors = differences(answer(model, "text with boxes", 224), answer(models[224], "text with boxes", 224))
    assert max(errors.values()) < 0.1, errors


def compare(model: Sam3, case: str, size: int) -> dict[str, float]:
    """How far each output is from the reference's, as a share of 1 + the largest value."""
    return differences(answer(model, case, size), expected(case, size))


def differences(ours: Answer, theirs: Answer) -> dict[str, float]:
    names = [field.name for field in dataclasses.fields(Answer)]
    return {name: difference(getattr(ours, name), getattr(theirs, name)) for name in names}


def difference(ours: Tensor, theirs: Tensor) -> float:
    assert ours.shape == theirs.shape
    return ((ours - theirs).abs().max() / (1 + theirs.abs().max())).item()


def answer(model: Sam3, case: str, size: int) -> Answer:
    with torch.no_grad():
        out = model.detect(model.encode(images_of(size)), CASES[case], all_masks=True, semantic=True)
    return Answer(
        query_logits=out.query_logits,
        presence_logits=out.presence_logits,
        boxes_xyxy_norm=cxcywh_to_xyxy(out.boxes_cxcywh_norm),
        mask_logits=out.mask_logits,
        semantic_logits=out.semantic_logits,
    )


@lru_cache
def expected(case: str, size: int) -> Answer:
    tokenizer = Tokenizer.from_clip_merges(merges_file())
    return ask_reference(reference("detector", size), tokenizer, images_of(size), CASES[case])


@lru_cache
def images_of(size: int) -> Tensor:
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(7)).clamp(-1, 1)
