"""The tracker gives the reference's numbers on random weights, and each test of that fails when a piece is broken."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor

import argus
from argus.model.memory_attention import Memories
from argus.model.prompt_encoder import BOTTOM_RIGHT, TOP_LEFT
from argus.model.sam3 import Sam3
from argus.model.tracker import TrackerFeatures, pad_clicks
from argus.nn.position import sine_grid
from tests.reference_models import merges_file, reference

TOLERANCE = 1e-4
SIZE = 224


@dataclass(frozen=True, kw_only=True)
class Case:
    """Prompts of objects in pixels of the model's resolution."""

    points: list[list[list[float]]] = field(default_factory=list)
    labels: list[list[int]] = field(default_factory=list)
    boxes: list[list[float]] = field(default_factory=list)
    masks: int = 0
    several: bool = True


POINTS, LABELS = [[[60.0, 70.0], [150.0, 20.0]]], [[1, 0]]
BOX = [30.0, 40.0, 120.0, 160.0]
CASES = {
    "a click, three masks": Case(points=[[[100.0, 120.0]]], labels=[[1]]),
    "clicks, one mask": Case(points=POINTS, labels=LABELS, several=False),
    "a box": Case(boxes=[BOX], several=False),
    "a box and clicks": Case(points=POINTS, labels=LABELS, boxes=[BOX]),
    "a mask": Case(masks=1),
    "a mask and clicks": Case(points=POINTS, labels=LABELS, masks=1),
    "several objects": Case(
        points=[*POINTS, [[5.0, 6.0], [7.0, 200.0]]], labels=[*LABELS, [1, 1]], boxes=[BOX, [1.0, 1.0, 50.0, 60.0]]
    ),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Sam3:
    folder = tmp_path_factory.mktemp("video")
    reference("video").save_pretrained(folder)
    return argus.load(folder, "cpu", "fp32", merges_file())


@pytest.mark.parametrize("case", CASES)
def test_picking_equals_the_reference(model: Sam3, case: str) -> None:
    errors = compare(model, CASES[case])
    assert max(errors.values()) <= TOLERANCE, errors


def no_memory(model: Sam3) -> None:
    model.tracker.no_memory.zero_()


def labels(model: Sam3) -> None:
    model.tracker.prompt_encoder.labels.weight.copy_(model.tracker.prompt_encoder.labels.weight.flip(0))


def grid(model: Sam3) -> None:
    model.tracker.prompt_encoder.grid_frequencies.zero_()


def shares(model: Sam3) -> None:
    model.tracker.mask_decoder.share_x4.weight.zero_()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("piece", [no_memory, labels, grid, shares])
def test_a_broken_piece_is_noticed(model: Sam3, piece: Callable[[Sam3], None], case: str) -> None:
    broken = copy.deepcopy(model)
    with torch.no_grad():
        piece(broken)
    assert max(compare(broken, CASES[case]).values()) > TOLERANCE


@pytest.mark.parametrize("case", CASES)
def test_the_image_tracker_alone_equals_the_reference_from_the_image_on(image_tracker: Sam3, case: str) -> None:
    """The reference adds its no-memory embedding to a level that it never reads; the original adds it to the last one
    that it does."""
    theirs, given = reference("tracker"), reference_input(CASES[case])
    ours = picked(image_tracker, CASES[case])
    with torch.no_grad():
        levels = theirs.get_image_embeddings(images())
        levels[2] = levels[2] + theirs.no_memory_embedding.view(1, -1, 1, 1)
        out = theirs(image_embeddings=levels, multimask_output=CASES[case].several, **given)
    assert difference(ours.mask_logits, out.pred_masks[0]) <= TOLERANCE
    assert difference(ours.iou_scores, out.iou_scores[0]) <= TOLERANCE
    assert difference(ours.object_logits, out.object_score_logits[0, :, 0]) <= TOLERANCE


def reference_input(case: Case) -> dict[str, Tensor]:
    given: dict[str, Tensor] = {}
    if case.points:
        given |= {"input_points": torch.tensor([case.points]), "input_labels": torch.tensor([case.labels])}
    if case.boxes:
        given["input_boxes"] = torch.tensor([case.boxes])
    masks = mask_prompt(case)
    return given if masks is None else {**given, "input_masks": masks}


@pytest.fixture(scope="module")
def image_tracker(tmp_path_factory: pytest.TempPathFactory) -> Sam3:
    folder = tmp_path_factory.mktemp("tracker")
    reference("tracker").save_pretrained(folder)
    return argus.load(folder, "cpu", "fp32")


def test_a_tracker_alone_refuses_phrases(image_tracker: Sam3) -> None:
    model = image_tracker
    with pytest.raises(ValueError, match="tracker alone"):
        model.detect(model.encode(images()), [argus.Prompt("car")])
    predictor = argus.ImagePredictor(model).set_image(torch.zeros(3, 50, 60))
    with pytest.raises(ValueError, match="tracker alone"):
        predictor.predict("car")
    assert predictor.pick([[5, 5]]).masks.shape == (1, 50, 60)


def test_an_unstable_single_mask_gives_way_to_the_best_of_three(model: Sam3) -> None:
    """Both ways must have been seen: the case of clicks falls back, and with a threshold of 0 it does not."""
    one = picked(model, CASES["clicks, one mask"])
    three = picked(model, Case(points=POINTS, labels=LABELS))
    assert torch.equal(one.mask_logits, three.best().mask_logits)
    assert not torch.equal(one.tokens, three.best().tokens)


def test_objects_of_different_numbers_of_clicks_are_as_if_alone(model: Sam3) -> None:
    together = model.tracker.pick(
        features(model),
        torch.zeros(2, dtype=torch.long),
        pad_clicks([norm(POINTS[0], LABELS[0]), norm([[9.0, 9.0]], [1])], CPU),
        None,
        True,
    )
    alone = picked(model, Case(points=[[[9.0, 9.0]]], labels=[[1]]))
    assert difference(together.mask_logits[1:], alone.mask_logits) < 1e-5


def test_the_memory_encoder_equals_the_reference(model: Sam3) -> None:
    theirs = reference("video").tracker_model
    masks = torch.randn(2, 1, 256, 256, generator=torch.Generator().manual_seed(2)) * 5
    image = features(model).image
    with torch.no_grad():
        memory, position = theirs.memory_encoder(image.expand(2, -1, -1, -1), masks)
        ours = model.tracker.memory_encoder(image, masks)
    assert difference(ours, memory) <= TOLERANCE
    assert difference(sine_grid(16, 16, 64, CPU), position[0].flatten(1).T) <= TOLERANCE


def test_memory_attention_equals_the_reference_one_object_at_a_time(model: Sam3) -> None:
    """Objects that remember 3 and 1 frames, 2 pointers (of four tokens) and none, in one batch."""
    cells, random = 256, torch.Generator().manual_seed(4)
    memory, position = (torch.randn(2, 3 * cells + 8, 64, generator=random) for _ in range(2))
    image = features(model).image.flatten(2)[0].T
    grid = sine_grid(16, 16, 256, CPU)
    memories = Memories(
        maps=memory[:, : 3 * cells].unflatten(1, (3, cells)),
        map_positions=position[:, : 3 * cells].unflatten(1, (3, cells)),
        pointers=memory[:, 3 * cells :],
        pointer_positions=position[:, 3 * cells :],
        maps_valid=torch.tensor([[True, True, True], [True, False, False]]),
        pointers_valid=torch.tensor([[True] * 8, [False] * 8]),
    )
    with torch.no_grad():
        ours = model.tracker.memory_attention(image, grid, (16, 16), memories)
        for row, (maps, pointers) in enumerate(((3, 8), (1, 0))):
            tokens = [t[row, : maps * cells + pointers, None] for t in (memory, position)]
            theirs = reference("video").tracker_model.memory_attention(
                current_vision_features=image[:, None],
                current_vision_position_embeddings=grid[:, None],
                memory=tokens[0],
                memory_posision_embeddings=tokens[1],
                num_object_pointer_tokens=pointers,
            )
            assert difference(ours[row], theirs.reshape(cells, 256)) <= TOLERANCE


CPU = torch.device("cpu")


def images() -> Tensor:
    return torch.randn(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(3)).clamp(-1, 1)


def features(model: Sam3) -> TrackerFeatures:
    with torch.no_grad():
        return model.encode(images()).tracker


def norm(points: list[list[float]], labels: list[int]) -> tuple[Tensor, Tensor]:
    return (torch.tensor(points).reshape(-1, 2) + 0.5) / SIZE, torch.tensor(labels, dtype=torch.long)


def mask_prompt(case: Case) -> Tensor | None:
    random = torch.Generator().manual_seed(1)
    return torch.randn(case.masks, 1, 64, 64, generator=random) * 5 if case.masks else None


def picked(model: Sam3, case: Case) -> Any:
    count = max(len(case.points), len(case.boxes), case.masks)
    objects = []
    for i in range(count):
        corners = [case.boxes[i][:2], case.boxes[i][2:]] if case.boxes else []
        marks = [TOP_LEFT, BOTTOM_RIGHT] if case.boxes else []
        objects.append(
            norm(
                [*corners, *(case.points[i] if case.points else [])], [*marks, *(case.labels[i] if case.labels else [])]
            )
        )
    with torch.no_grad():
        return model.tracker.pick(
            features(model),
            torch.zeros(count, dtype=torch.long),
            pad_clicks(objects, CPU),
            mask_prompt(case),
            case.several,
        )


def compare(model: Sam3, case: Case) -> dict[str, float]:
    """Ours against the reference's prompt encoder and mask decoder on the reference's features."""
    video = reference("video")
    theirs = video.tracker_model
    ours = picked(model, case)
    points = torch.tensor([case.points]) if case.points else None
    marks = torch.tensor([case.labels]) if case.labels else None
    if not case.points and not case.boxes:
        points, marks = torch.zeros(1, 1, 1, 2), torch.full((1, 1, 1), -1)
    with torch.no_grad():
        encoded, _ = video.get_vision_features_for_tracker(video.detector_model.get_vision_features(images()))
        maps = [
            m.permute(1, 2, 0).unflatten(2, tuple(s))
            for m, s in zip(encoded, theirs.backbone_feature_sizes, strict=True)
        ]
        sparse, dense = theirs.prompt_encoder(
            points, marks, torch.tensor([case.boxes]) if case.boxes else None, mask_prompt(case)
        )
        masks, iou, tokens, present = theirs.mask_decoder(
            image_embeddings=maps[2] + theirs.no_memory_embedding.view(1, -1, 1, 1),
            image_positional_embeddings=theirs.get_image_wide_positional_embeddings(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=case.several,
            high_resolution_features=maps[:2],
        )
    return {
        "masks": difference(ours.mask_logits, masks[0]),
        "IoU": difference(ours.iou_scores, iou[0]),
        "tokens": difference(ours.tokens, tokens[0]),
        "object": difference(ours.object_logits, present[0, :, 0]),
    }


def difference(ours: Tensor, theirs: Tensor) -> float:
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    return float((ours - theirs).abs().max() / (1 + theirs.abs().max()))
