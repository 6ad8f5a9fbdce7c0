"""Memories on a grid coarser than the token grid."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import argus
from argus.model.memory_bank import MemoryBank
from argus.model.sam3 import Sam3
from argus.model.tracker import TrackerConfig
from argus.model.tracking import Memory, ObjectPrompt
from tests.train.toys import TINY, tiny_model

TRACKER = TrackerConfig(width=32, heads=2, mlp_width=32, memory_width=8, memory_layers=2, memory_stride=4)
PROMPTS = [
    ObjectPrompt(points_xy_norm=torch.tensor([[0.3, 0.4]]), labels=torch.tensor([1])),
    ObjectPrompt(points_xy_norm=torch.tensor([[0.7, 0.2], [0.9, 0.8]]), labels=torch.tensor([2, 3])),
]


@pytest.fixture(scope="module")
def model() -> Sam3:
    torch.manual_seed(0)
    model = Sam3(replace(TINY, tracker=TRACKER), tiny_model().tokenizer).eval()
    with torch.no_grad():
        for parameter in model.tracker.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, parameter[0].numel() ** -0.5)
        model.tracker.mask_decoder.object_head.layers[-1].bias.fill_(5.0)  # always there
    return model


def frames(count: int, sides_hw: tuple[int, int] = (48, 48)) -> torch.Tensor:
    return torch.rand(count, 3, *sides_hw, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize(("sides_hw", "cells"), [((48, 48), 4), ((40, 72), 6)])
@torch.no_grad()
def test_memories_are_as_coarse_as_said(model: Sam3, sides_hw: tuple[int, int], cells: int) -> None:
    """6 x 6 tokens give 2 x 2 cells of 4 x 4, the last ones over the border; 5 x 9 give 2 x 3."""
    memory = Memory().add(2)
    for index, image in enumerate(frames(3, sides_hw)):
        out = model.track(model.encode(image[None]), memory, PROMPTS if index == 0 else None)
        memory = out.memory
    assert {len(entry.map) for bank in memory.banks for entry in bank.tracked.values()} == {cells}
    assert out.mask_logits.shape == (2, 1, sides_hw[0] // 2, sides_hw[1] // 2)
    assert bool(out.mask_logits.isfinite().all())


@torch.no_grad()
def test_what_is_remembered_and_where_matters(model: Sam3) -> None:
    first, second = (model.encode(image[None]) for image in frames(2))
    memory = model.track(first, Memory().add(1), PROMPTS[:1]).memory
    seen = memory.banks[0].prompted[0]
    carried = model.track(second, memory).mask_logits
    for changed in (seen.map.flip(0), torch.zeros_like(seen.map)):
        bank = MemoryBank(prompted={0: replace(seen, map=changed)})
        assert (model.track(second, replace(memory, banks=(bank,))).mask_logits - carried).abs().max() > 1e-3


@torch.no_grad()
def test_objects_are_each_as_if_alone_however_many_are_taken_together(
    model: Sam3, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (model.encode(image[None]) for image in frames(2))
    alone = [model.track(second, model.track(first, Memory().add(1), [prompt]).memory) for prompt in PROMPTS]
    bank = [one.memory.banks[0] for one in (model.track(first, Memory().add(1), [prompt]) for prompt in PROMPTS)]
    together = Memory(banks=(bank[0], bank[1], bank[0]), born=(0, 0, 0), frame=1)
    for cells in (1, 36 * 2, 36 * 8):
        monkeypatch.setitem(argus.model.tracking.CELLS_AT_ONCE, "cpu", cells)
        out = model.track(second, together)
        for row, one in enumerate((alone[0], alone[1], alone[0])):
            torch.testing.assert_close(out.mask_logits[row], one.mask_logits[0], atol=1e-4, rtol=1e-4)
            ours, theirs = (m.banks[i].tracked[1].map.float() for m, i in ((out.memory, row), (one.memory, 0)))
            torch.testing.assert_close(ours, theirs, atol=2e-2, rtol=2e-2)  # they are kept in bf16


def test_it_is_saved_in_our_layout_and_refused_in_another(model: Sam3, tmp_path: Path) -> None:
    argus.save(model, tmp_path / "ours")
    assert argus.load(tmp_path / "ours", "cpu", "fp32").config.tracker == TRACKER
    with pytest.raises(ValueError, match="memory_stride 4"):
        argus.save(model, tmp_path / "theirs", layout="huggingface")
    assert not (tmp_path / "theirs").exists()
    with pytest.raises(ValueError, match="memory_stride"):
        TrackerConfig(memory_stride=0)
