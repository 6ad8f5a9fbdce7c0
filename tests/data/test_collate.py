"""Properties of training batches: prompts and targets agree, the same seed gives the same batch."""

import numpy as np
import pytest
import torch

from argus.data.collate import PromptMix, choose_queries, collate, jittered, make_hints
from argus.data.records import Query
from argus.ops.boxes import cxcywh_to_xyxy, iou, norm_to_px
from argus.ops.pixels import to_model_input
from tests.train.toys import toy_scene


def queries(positives: int, negatives: int) -> list[Query]:
    present = [Query(text=f"p{i}", language="en", kind="name", instances=(i,)) for i in range(positives)]
    absent = [Query(text=f"n{i}", language="en", kind="absent", instances=()) for i in range(negatives)]
    return present + absent


@pytest.mark.parametrize(
    ("positives", "negatives", "count", "expected"), [(9, 9, 8, {4}), (9, 1, 8, {7}), (2, 9, 8, {2}), (9, 9, 7, {3, 4})]
)
def test_positives_and_negatives_are_even_and_fill_up(
    positives: int, negatives: int, count: int, expected: set[int]
) -> None:
    for seed in range(8):
        chosen = choose_queries(queries(positives, negatives), count, np.random.default_rng(seed))
        assert len(chosen) == len({query.text for query in chosen}) == count
        assert sum(bool(query.instances) for query in chosen) in expected


def test_targets_hold_the_boxes_and_masks_of_each_prompt() -> None:
    samples = [toy_scene(seed) for seed in range(4)]
    batch = collate(samples, PromptMix(per_image=3, boxes_only=0, text_and_boxes=0), np.random.default_rng(0))
    targets, place = batch.targets, 0
    assert len(batch.prompts) == 12 and targets.masks.shape == (sum(len(s.masks) for s in samples), 48, 48)
    for prompt, count in zip(batch.prompts, targets.counts.tolist(), strict=True):
        sample = samples[prompt.image]
        wanted = next(query.instances for query in sample.queries if query.text == prompt.text)
        rows = targets.mask_rows[place : place + count]
        assert np.array_equal(targets.masks[rows].numpy(), sample.masks[list(wanted)])
        boxes = norm_to_px(targets.boxes_cxcywh_norm[place : place + count], (48, 48))
        assert np.allclose(boxes.numpy(), sample.boxes_xyxy_px[list(wanted)], atol=1e-4)
        place += count
    assert place == len(targets.mask_rows)
    assert targets.prompt_of.bincount(minlength=12).tolist() == targets.counts.tolist()
    for image, sample in zip(batch.images, samples, strict=True):
        assert torch.equal(image, to_model_input(sample.image, (48, 48))), "trained on what is later seen"


def test_exemplars_show_what_the_prompt_means_and_negatives_do_not() -> None:
    mix = PromptMix(per_image=3, boxes_only=0.5, text_and_boxes=0.5, negative_box=1.0, jitter=0.02)
    boxes_only = 0
    for seed in range(20):
        batch = collate([toy_scene(seed)], mix, np.random.default_rng(seed))
        for row, prompt in enumerate(batch.prompts):
            mine = batch.targets.boxes_cxcywh_norm[batch.targets.prompt_of == row]
            overlap = iou(cxcywh_to_xyxy(prompt.boxes_cxcywh_norm), cxcywh_to_xyxy(mine))
            best = overlap.max(1).values if len(mine) else torch.zeros(len(overlap))
            assert torch.equal(best > 0.7, prompt.box_labels == 1)
            boxes_only += prompt.text is None
            if prompt.text is None:
                assert len(mine), "boxes alone never ask for what is absent"
    assert boxes_only > 5


def test_a_minus_box_alone_does_not_tell_that_the_concept_is_absent() -> None:
    mix = PromptMix(per_image=3, boxes_only=0.0, text_and_boxes=1.0, negative_box=1.0)
    present: list[bool] = []
    for seed in range(60):
        batch = collate([toy_scene(seed)], mix, np.random.default_rng(seed))
        lone = [len(p.box_labels) > 0 and not p.box_labels.any() for p in batch.prompts]
        present += [bool(here) for here, alone in zip(batch.targets.present, lone, strict=True) if alone]
    assert 0.3 < np.mean(present) < 0.7


def test_a_batch_depends_on_its_seed_alone() -> None:
    samples, mix = [toy_scene(1), toy_scene(2)], PromptMix(per_image=2, boxes_only=0.3, text_and_boxes=0.4)
    one, same, other = (collate(samples, mix, np.random.default_rng(seed)) for seed in (5, 5, 8))
    assert [p.text for p in one.prompts] == [p.text for p in same.prompts] != [p.text for p in other.prompts]
    for a, b in zip(one.prompts, same.prompts, strict=True):
        assert torch.equal(a.boxes_cxcywh_norm, b.boxes_cxcywh_norm)


def test_jitter_moves_little_and_stays_inside() -> None:
    boxes = np.tile(np.array([[0.5, 0.5, 0.4, 0.2], [0.95, 0.05, 0.1, 0.1]], np.float32), (200, 1))
    moved = torch.from_numpy(jittered(boxes, 0.05, np.random.default_rng(0)))
    edges = cxcywh_to_xyxy(moved)
    assert edges.min() >= -1e-6 and edges.max() <= 1 + 1e-6 and moved[:, 2:].min() > 0
    shift = (edges - cxcywh_to_xyxy(torch.from_numpy(boxes))).abs()
    assert shift.mean() > 0.005 and bool((shift <= 0.1 * torch.from_numpy(np.tile(boxes[:, 2:], 2)) + 1e-6).all())


def test_images_of_two_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="share one image size"):
        collate([toy_scene(0), toy_scene(0, size=64)], PromptMix(), np.random.default_rng(0))


def test_hints_lie_about_the_objects_and_anywhere_else() -> None:
    true = np.array([[0.5, 0.5, 0.2, 0.3], [0.2, 0.7, 0.1, 0.1]], np.float32)
    given = make_hints(true, np.random.default_rng(0))
    assert given.shape == (8, 4) and ((given > 0) & (given < 1)).all()
    near, far = given[:4].reshape(2, 2, 4), given[4:]
    assert (np.abs(near[..., :2] - true[:, :2]) <= 0.4 * true[:, 2:] + 1e-6).all()
    assert len(np.unique(near, axis=0)) == 2 and len(np.unique(far, axis=0)) == 4
    assert make_hints(np.tile(true, (9, 1)), np.random.default_rng(0)).shape == (8, 4)
