"""Asking a model: a batch equals its single questions, chunks change nothing, and every part of a prompt counts."""

from collections.abc import Callable, Sequence
from dataclasses import fields

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from argus import Prompt
from argus.model import sam3
from argus.model.detector import DetectorOutput
from argus.model.mask_head import conv_upsampled
from argus.model.neck import Level
from argus.model.sam3 import Features, Sam3
from tests.train.toys import tiny_model

BOX, POINT = [0.5, 0.5, 0.3, 0.4], [0.3, 0.4]
PROMPTS = [
    Prompt("red"),
    Prompt("blue and green", [BOX], image=2),
    Prompt(None, [BOX, [0.2, 0.2, 0.1, 0.1]], [1, 0], image=1),
    Prompt("red", points_xy_norm=[POINT], image=1),
    Prompt("red", [BOX], None, [POINT, [0.9, 0.9]], [1, 0], image=1),
]


@pytest.fixture(scope="module")
def model() -> Sam3:
    torch.manual_seed(0)
    return tiny_model().eval().requires_grad_(False)


@pytest.fixture(scope="module")
def images(model: Sam3) -> Tensor:
    return torch.randn(3, 3, *model.image_size_hw, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def features(model: Sam3, images: Tensor) -> Features:
    return model.encode(images)


def ask(model: Sam3, features: Features, prompts: Sequence[Prompt]) -> DetectorOutput:
    return model.detect(features, prompts, all_masks=True, semantic=True)


def assert_near(a: DetectorOutput, b: DetectorOutput) -> None:
    for field in fields(DetectorOutput):
        if field.name != "kept":
            torch.testing.assert_close(getattr(a, field.name), getattr(b, field.name), rtol=1e-4, atol=1e-5)


def row(out: DetectorOutput, index: int) -> DetectorOutput:
    parts = {field.name: getattr(out, field.name)[index : index + 1] for field in fields(DetectorOutput)}
    return DetectorOutput(**parts)


def of_first_image(prompt: Prompt) -> Prompt:
    boxes, points = prompt.boxes_cxcywh_norm, prompt.points_xy_norm
    return Prompt(prompt.text, boxes, prompt.box_labels, points, prompt.point_labels)


def test_a_batch_is_its_single_questions(model: Sam3, images: Tensor, features: Features) -> None:
    together = ask(model, features, PROMPTS)
    for index, prompt in enumerate(PROMPTS):
        alone = ask(model, model.encode(images[prompt.image, None]), [of_first_image(prompt)])
        assert_near(row(together, index), alone)


def test_chunks_change_nothing(model: Sam3, features: Features, monkeypatch: pytest.MonkeyPatch) -> None:
    together = ask(model, features, PROMPTS)
    monkeypatch.setattr(sam3, "TOKENS_AT_ONCE", {"cpu": 1})
    chunked = ask(model, features, PROMPTS)
    assert_near(chunked, together)
    assert len(chunked.kept) == len(PROMPTS)


@pytest.mark.parametrize("prompt", PROMPTS, ids=range(len(PROMPTS)))
def test_kept_masks_are_those_of_all_queries(model: Sam3, features: Features, prompt: Prompt) -> None:
    everything = ask(model, features, [prompt])
    cut = float(everything.scores.median())
    some = model.detect(features, [prompt], score_threshold=cut)
    (kept,) = some.kept
    assert some.semantic_logits is None
    assert 0 < len(kept) < everything.scores.numel()
    assert set(kept.tolist()) == set((everything.scores[0] > cut).nonzero()[:, 0].tolist())
    torch.testing.assert_close(some.mask_logits[0], everything.mask_logits[0][kept], rtol=1e-4, atol=1e-5)
    best = model.detect(features, [prompt], score_threshold=cut, max_masks=1)
    assert best.kept[0].tolist() == kept[:1].tolist()


@pytest.mark.parametrize(
    "other",
    [
        Prompt("blue", points_xy_norm=[POINT]),
        Prompt("red"),
        Prompt("red", points_xy_norm=[[0.8, 0.4]]),
        Prompt("red", points_xy_norm=[POINT], point_labels=[0]),
        Prompt("red", points_xy_norm=[POINT], image=1),
    ],
    ids=["phrase", "no point", "place", "label", "image"],
)
def test_every_part_of_a_prompt_with_a_point_counts(model: Sam3, features: Features, other: Prompt) -> None:
    prompt = Prompt("red", points_xy_norm=[POINT])
    logits = ask(model, features, [prompt, other]).query_logits
    assert (logits[0] - logits[1]).abs().max() > 1e-4


def test_a_phrase_is_encoded_once_until_the_weights_may_change(model: Sam3, features: Features) -> None:
    calls = []
    handle = model.text.register_forward_hook(lambda *_: calls.append(1))
    try:
        model.eval()  # forgets
        first = ask(model, features, [Prompt("green"), Prompt("green")])
        assert_near(ask(model, features, [Prompt("green"), Prompt("green")]), first)
        assert len(calls) == 1
        model.eval()
        ask(model, features, [Prompt("green")])
        assert len(calls) == 2
    finally:
        handle.remove()


def test_only_what_is_asked_is_computed(model: Sam3, images: Tensor) -> None:
    ran = []
    neck, head = model.detector.neck, model.detector.mask_head
    parts = {"x1": neck.x1, "x2": neck.x2, "x4": neck.x4, "masks": head.prompt_attention, "semantic": head.semantic}
    handles = [part.register_forward_hook(lambda *_, name=name: ran.append(name)) for name, part in parts.items()]
    try:
        features = model.encode(images)
        assert ran == []
        model.detect(features, PROMPTS[:1], score_threshold=1)
        assert ran == ["x1"]
        model.detect(features, PROMPTS[:1], score_threshold=0)
        model.detect(features, PROMPTS, score_threshold=0)
        assert sorted(ran) == ["masks", "masks", "x1", "x2", "x4"]
    finally:
        for handle in handles:
            handle.remove()


def test_a_convolution_after_upsampling_equals_four_before_it() -> None:
    torch.manual_seed(0)
    x, weight, share = torch.randn(2, 5, 4, 6), torch.randn(7, 5, 3, 3), torch.randn(2, 7, 8, 12)
    plain = F.conv2d(F.interpolate(x, scale_factor=2, mode="nearest"), weight, padding=1) + share
    torch.testing.assert_close(conv_upsampled(x, weight, share), plain, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("doublings", [0, 1, 2])
def test_a_level_equals_its_layers_one_by_one(doublings: int) -> None:
    torch.manual_seed(0)
    level, x = Level(16, 8, doublings), torch.randn(2, 16, 3, 4)
    layers: list[nn.Module] = []
    for layer in level.upsample:
        layers += [layer, nn.GELU()]
    plain = nn.Sequential(*layers[:-1], level.project, level.smooth)
    torch.testing.assert_close(level(x), plain(x), rtol=1e-4, atol=1e-5)


def test_prompts_may_keep_different_numbers_of_masks(model: Sam3, features: Features) -> None:
    scores = ask(model, features, PROMPTS[:2]).scores
    threshold = float(scores.flatten().sort().values[-3])
    out = model.detect(features, PROMPTS[:2], score_threshold=threshold)
    assert sorted(len(kept) for kept in out.kept) == sorted((scores > threshold).sum(1).tolist())
    assert [len(masks) for masks in out.mask_logits] == [len(kept) for kept in out.kept]


def test_loading_other_weights_forgets_phrases(images: Tensor) -> None:
    first, second = (tiny_model().eval().requires_grad_(False) for _ in range(2))  # each drawn anew
    ask(first, first.encode(images), PROMPTS[:1])
    first.load_state_dict(second.state_dict())
    assert_near(ask(first, first.encode(images), PROMPTS[:1]), ask(second, second.encode(images), PROMPTS[:1]))


def test_no_prompts_are_refused(model: Sam3, features: Features) -> None:
    with pytest.raises(ValueError, match="one or more"):
        model.detect(features, [])


def test_a_phrase_that_cleaning_empties_is_refused(model: Sam3, features: Features) -> None:
    with pytest.raises(ValueError, match="words in them"):
        ask(model, features, [Prompt("&nbsp;")])


@pytest.mark.parametrize("spoil", [lambda x: x[:0], lambda x: x[..., :-1], lambda x: x * float("nan")])
def test_images_that_cannot_be_encoded(model: Sam3, images: Tensor, spoil: Callable[[Tensor], Tensor]) -> None:
    with pytest.raises(ValueError, match="expected"):
        model.encode(spoil(images))
