"""One contrast over several batches: its value and its gradient are those of one large batch."""

from pathlib import Path

import torch
from torch import nn

from argus.data.sources.scenes import SceneConfig
from argus.train.gradient_cache import cache_gradients, with_cached_gradient
from argus.train.losses.contrastive import contrastive_loss
from argus.train.stages.towers import Lesson, ObjectBatch, ObjectBatches, TowerLearner
from tests.train.toys import COLOURS, tiny_model, toy_scene


def toy_batches(images: int) -> ObjectBatches:
    lessons = (Lesson(until=9, images=images, scenes=SceneConfig(cache_folder=Path())),)
    return ObjectBatches(lessons=lessons, names={c: (c,) for c in COLOURS}, make=lambda _, seed: toy_scene(seed))


def learner(large_batch: bool) -> TowerLearner:
    torch.manual_seed(0)
    return TowerLearner(tiny_model(), 3, large_batch=large_batch)


def contrast(student: TowerLearner, batches: list[ObjectBatch]) -> tuple[float, dict[str, torch.Tensor]]:
    """Value and gradient of the contrast of a step."""
    totals, value = student.totals(batches), 0.0
    for batch in batches:
        losses = student(batch, totals)
        losses.contrastive.backward()
        value += losses.contrastive.item()
    return value, {name: p.grad for name, p in student.named_parameters() if p.grad is not None}


def test_any_two_encoders() -> None:
    torch.manual_seed(0)
    images, words, temperature = nn.Linear(5, 4), nn.Linear(3, 4), nn.Parameter(torch.tensor(2.0))
    x, y, concepts = torch.randn(7, 5), torch.randn(7, 3), torch.tensor([0, 1, 2, 2, 3, 4, 0])

    def loss(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return contrastive_loss(a @ b.T * temperature.exp(), concepts)

    learned = [*images.parameters(), *words.parameters(), temperature]
    whole = loss(images(x), words(y))
    wanted = torch.autograd.grad(whole, learned)
    parts = [slice(0, 3), slice(3, 4), slice(4, 7)]
    shares = cache_gradients([(images(x[p]), words(y[p])) for p in parts], loss, [temperature])
    values = []
    for part, share in zip(parts, shares, strict=True):
        value = with_cached_gradient(share, (images(x[part]), words(y[part])), [temperature])
        value.backward()
        values.append(value.detach())
    assert torch.allclose(torch.stack(values).sum(), whole, atol=1e-6)
    for parameter, gradient in zip(learned, wanted, strict=True):
        assert parameter.grad is not None and torch.allclose(parameter.grad, gradient, atol=1e-5)


def test_the_cached_gradient_of_the_towers_is_that_of_the_whole_batch() -> None:
    one, (four,) = [toy_batches(1)(index) for index in range(4)], [toy_batches(4)(0)]
    names = tuple(name for batch in one for name in batch.objects.names)
    assert names == four.objects.names, "the same objects in one batch and in four"
    value, gradients = contrast(learner(True), one)
    wanted_value, wanted = contrast(learner(False), [four])
    within, _ = contrast(learner(False), one)
    assert abs(value - wanted_value) < 1e-5 and abs(within - wanted_value) > 0.05
    assert "naming.scale" in gradients and gradients.keys() == wanted.keys()
    for name, gradient in gradients.items():
        assert torch.allclose(gradient, wanted[name], atol=1e-5), name


def test_steps_over_accumulated_batches_learn() -> None:
    student, batches = learner(True), [toy_batches(2)(index) for index in range(3)]
    optimizer = torch.optim.AdamW(student.parameters(), 3e-3)
    curve = []
    for _ in range(8):
        totals, value = student.totals(batches), 0.0
        for batch in batches:
            losses = student(batch, totals)
            losses.total.backward()
            value += losses.contrastive.item()
        optimizer.step()
        optimizer.zero_grad()
        curve.append(value)
    assert curve[-1] < curve[0] and student._cached == {}
