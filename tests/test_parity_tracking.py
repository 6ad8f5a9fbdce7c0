"""Tracking gives the reference's numbers on random weights over 20 frames, where the reference follows the original."""

import copy
import sys
import types
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import argus
from argus.model.sam3 import Sam3
from argus.model.tracking import Memory, ObjectPrompt
from tests.reference_models import reference

TOLERANCE = 1e-4
SIZE, FRAMES = 224, 20
CLICKS = [[[60.0, 70.0], [150.0, 20.0]], [[100.0, 120.0]]]
LABELS = [[1, 0], [1]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Sam3:
    folder = tmp_path_factory.mktemp("tracker_video")
    reference("tracker_video").save_pretrained(folder)
    return argus.load(folder, "cpu", "fp32")


def test_an_object_prompted_by_clicks(model: Sam3) -> None:
    assert max(errors(tracked(model, [clicked(0)]), theirs(clicks=[0]))) <= TOLERANCE


def test_an_object_prompted_by_a_mask(model: Sam3) -> None:
    assert max(errors(tracked(model, [ObjectPrompt(mask=mask())]), theirs(masked=True))) <= TOLERANCE


def test_several_objects_are_each_as_if_alone(model: Sam3) -> None:
    """Prompted in different frames, so that nothing keeps them apart in a prompted one."""
    alone = [tracked(model, [clicked(0)]), tracked(model, [clicked(1)], start=3)]
    memory, rows = Memory(frames=FRAMES).add(2), []
    with torch.no_grad():
        for frame in range(FRAMES):
            features = model.encode(clip()[frame : frame + 1])
            if frame == 0:
                first = model.track(features, Memory(frames=FRAMES).add(1), [clicked(0)])
                memory = first.memory
                rows.append([first.mask_logits[0]])
                continue
            prompts: list[ObjectPrompt | None] = [None] * len(memory.banks)
            if frame == 3:
                memory, prompts = memory.add(1), [None, clicked(1)]
            out = model.track(features, memory, prompts)
            memory = out.memory
            rows.append(list(out.mask_logits))
    for frame in range(FRAMES):
        assert difference(rows[frame][0], alone[0][frame][0][0]) < 1e-4
        if frame >= 3:
            assert difference(rows[frame][1], alone[1][frame - 3][0][0]) < 1e-4


def time(model: Sam3) -> None:
    model.tracker.memory_time.copy_(model.tracker.memory_time.flip(0))


def pointer_time(model: Sam3) -> None:
    model.tracker.pointer_time.weight.zero_()


def pointers(model: Sam3) -> None:
    model.tracker.pointer_head.layers[0].weight.zero_()


def memory_map(model: Sam3) -> None:
    model.tracker.memory_encoder.image_project.weight.zero_()


@pytest.mark.parametrize("piece", [time, pointer_time, pointers, memory_map])
def test_a_broken_piece_is_noticed(model: Sam3, piece: Callable[[Sam3], None]) -> None:
    broken = copy.deepcopy(model)
    with torch.no_grad():
        piece(broken)
    assert max(errors(tracked(broken, [clicked(0)]), theirs(clicks=[0]))) > TOLERANCE


def test_memory_stays_bounded(model: Sam3) -> None:
    memory = Memory().add(1)
    with torch.no_grad():
        features = model.encode(clip()[:1])
        for frame in range(40):
            memory = model.track(features, memory, [clicked(0)] if frame == 0 else None).memory
    assert len(memory.banks[0].tracked) <= 16 and list(memory.banks[0].prompted) == [0]


def test_objects_prompted_in_one_frame_are_kept_apart(model: Sam3) -> None:
    """Two objects with the same clicks: alone each remembers the mask, together the second remembers nothing of it."""
    with torch.no_grad():
        features = model.encode(clip()[:1])
        alone = model.track(features, Memory().add(1), [clicked(0)])
        both = model.track(features, Memory().add(2), [clicked(0), clicked(0)])
    assert torch.equal(both.mask_logits[0], both.mask_logits[1])
    maps = [bank.prompted[0].map.float() for bank in (*alone.memory.banks, *both.memory.banks)]
    assert torch.equal(maps[0], maps[1])
    assert difference(maps[2], maps[0]) > 1e-2


def test_bad_input_is_a_clear_error(model: Sam3) -> None:
    features = model.encode(clip()[:1])
    with pytest.raises(ValueError, match="at least one object"):
        model.track(features, Memory())
    with pytest.raises(ValueError, match="was prompted"):
        model.track(features, Memory().add(1))
    with pytest.raises(ValueError, match="each of 1 objects"):
        model.track(features, Memory().add(1), [])
    with pytest.raises(ValueError, match="one frame"):
        model.track(model.encode(clip()[:2]), Memory().add(1), [clicked(0)])


@lru_cache
def clip(frames: int = FRAMES) -> Tensor:
    """Frames that drift from one picture to another, so that memory matters."""
    random = torch.Generator().manual_seed(5)
    first, last = (torch.randn(1, 3, SIZE, SIZE, generator=random) for _ in range(2))
    share = torch.linspace(0, 1, frames)[:, None, None, None]
    return (first * (1 - share) + last * share).clamp(-1, 1)


def mask() -> Tensor:
    """A rectangle whose edges survive every resizing."""
    made = torch.zeros(SIZE, SIZE)
    made[56:140, 28:168] = 1
    return made


def clicked(index: int) -> ObjectPrompt:
    return ObjectPrompt(points_xy_norm=(torch.tensor(CLICKS[index]) + 0.5) / SIZE, labels=torch.tensor(LABELS[index]))


def tracked(model: Sam3, prompts: Sequence[ObjectPrompt], start: int = 0) -> list[tuple[Tensor, Tensor]]:
    """Mask logits and object logits of each frame from `start` on."""
    memory, rows = Memory(frames=FRAMES, frame=start).add(len(prompts)), []
    with torch.no_grad():
        for frame in range(start, FRAMES):
            out = model.track(model.encode(clip()[frame : frame + 1]), memory, prompts if frame == start else None)
            memory = out.memory
            rows.append((out.mask_logits, out.object_logits))
    return rows


def theirs(clicks: Sequence[int] = (), masked: bool = False) -> list[tuple[Tensor, Tensor]]:
    from transformers import Sam3TrackerVideoInferenceSession

    mended = follow_original(copy.deepcopy(reference("tracker_video")))
    session = Sam3TrackerVideoInferenceSession(video=clip(), dtype=torch.float32, video_height=SIZE, video_width=SIZE)
    for index in clicks:
        row = session.obj_id_to_idx(index)
        given = {"point_coords": torch.tensor([[CLICKS[index]]]), "point_labels": torch.tensor([[LABELS[index]]])}
        session.add_point_inputs(row, 0, given)
        session.obj_with_new_inputs.append(index)
    if masked:
        session.add_mask_inputs(session.obj_id_to_idx(0), 0, mask()[None, None])
        session.obj_with_new_inputs.append(0)
    rows = []
    for frame in range(FRAMES):
        out = mended(session, frame_idx=frame)
        rows.append((out.pred_masks.clone(), out.object_score_logits.flatten().clone()))
    return rows


def follow_original(theirs: Any) -> Any:
    """The reference with the original's ways: masks are thresholded before they are resized for memory, the oldest
    frame gives no pointer, a mask prompt is taken at the memory encoder's size and its pointer from the single mask."""
    sys.modules["tiny_reference"].follow_original(theirs)
    pointers = theirs._get_object_pointers

    def without_the_oldest(session: Any, row: int, frame: int, *given: Any, **named: Any) -> Any:
        ages, tokens, most = pointers(session, row, frame, *given, **named)
        prompted = len([t for t in session.output_dict_per_obj[row]["cond_frame_outputs"] if t <= frame])
        if 0 < len(ages) - prompted < 15 or len(ages) - prompted == 15:
            ages, tokens = ages[:-1], tokens[:-1]
        return ages, tokens, most

    def use_mask_as_output(self: Any, features: Tensor, levels: list[Tensor], masks: Tensor) -> Any:
        full = F.interpolate(
            masks.float(), [4 * n for n in self.prompt_encoder.mask_input_size], mode="bilinear", antialias=True
        )
        logits = full * 20 - 10
        out = self._single_frame_forward(
            input_masks=self.mask_downsample(full), image_embeddings=[*levels, features], multimask_output=False
        )
        out.pred_masks = F.interpolate(logits, self.prompt_encoder.mask_input_size, mode="bilinear", antialias=True)
        out.high_res_masks = logits
        out.object_score_logits = torch.full_like(out.object_score_logits, 10.0)
        return out

    theirs._get_object_pointers = without_the_oldest
    theirs._use_mask_as_output = types.MethodType(use_mask_as_output, theirs)
    return theirs


def errors(ours: list[tuple[Tensor, Tensor]], theirs: list[tuple[Tensor, Tensor]]) -> list[float]:
    assert len(ours) == len(theirs)
    return [
        difference(a.reshape(b.shape), b)
        for mine, other in zip(ours, theirs, strict=True)
        for a, b in zip(mine, other, strict=True)
    ]


def difference(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / (1 + theirs.abs().max()))
