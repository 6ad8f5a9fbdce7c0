"""Masks carried over by likeness alone."""

from dataclasses import replace

import pytest
import torch

from argus.model.matching import RADIUS, Matcher, appearance_of, share_of
from argus.model.memory_bank import MAPS, MemoryBank, Reading, Remembered
from argus.model.sam3 import Sam3
from argus.model.tracker import TrackerConfig
from argus.model.tracking import Memory, ObjectPrompt
from tests.train.toys import TINY, tiny_model

GRID_HW = (12, 14)
CELLS = GRID_HW[0] * GRID_HW[1]


def trunk(seed: int = 0) -> torch.Tensor:
    return torch.randn(*GRID_HW, 16, generator=torch.Generator().manual_seed(seed))


def block(top: int, left: int) -> torch.Tensor:
    mask = torch.zeros(GRID_HW, dtype=torch.bool)
    mask[top : top + 3, left : left + 4] = True
    return mask


def remembered(seen: torch.Tensor, mask: torch.Tensor) -> Remembered:
    share = share_of(mask[None, None], GRID_HW)[0]
    return Remembered(
        map=torch.zeros(1, 2), pointer=torch.zeros(4), quality=1.0, appearance=appearance_of(seen), share=share
    )


def found(seen: torch.Tensor, *objects: list[Remembered]) -> torch.Tensor:
    """Masks on the grid."""
    readings = [Reading(maps=tuple((0, entry) for entry in of), pointers=()) for of in objects]
    return Matcher(appearance_of(seen), GRID_HW).logits(readings, GRID_HW)[:, 0] > 0


@pytest.mark.parametrize("moved", [(0, 0), (2, 3), (-3, 4), (0, RADIUS)])
def test_a_mask_moves_with_what_it_lies_on(moved: tuple[int, int]) -> None:
    """Wherever the frame shows what was seen before."""
    mask, wrapped = block(4, 5), torch.ones(GRID_HW, dtype=torch.bool)
    wrapped[max(moved[0], 0) : GRID_HW[0] + min(moved[0], 0), max(moved[1], 0) : GRID_HW[1] + min(moved[1], 0)] = False
    ours = found(trunk().roll(moved, (0, 1)), [remembered(trunk(), mask)])[0]
    assert torch.equal(ours & ~wrapped, mask.roll(moved, (0, 1)))


def test_nothing_is_found_further_away() -> None:
    seen = trunk().roll((0, RADIUS + 1), (0, 1))
    assert not found(seen, [remembered(trunk(), block(4, 3))])[0].roll((0, -RADIUS - 1), (0, 1))[block(4, 3)].all()


def test_objects_are_each_as_if_alone_whatever_they_remember() -> None:
    first, second = trunk(0), trunk(1)
    one, other = [remembered(first, block(1, 1))], [remembered(second, block(6, 6)), remembered(first, block(8, 2))]
    third = [replace(one[0], share=share_of(block(5, 5)[None, None], GRID_HW)[0])]
    seen = 0.7 * first + 0.7 * second
    together = found(seen, one, other, third)
    for row, of in enumerate((one, other, third)):
        assert torch.equal(together[row], found(seen, of)[0])


def test_a_share_is_what_a_mask_covers_of_a_cell() -> None:
    mask = torch.zeros(1, 1, GRID_HW[0] * 2, GRID_HW[1] * 2, dtype=torch.bool)
    mask[..., :2, :1] = True
    assert share_of(mask, GRID_HW)[0, 0] == 0.5 and share_of(mask, GRID_HW).sum() == 0.5


def test_frames_are_matched_as_long_as_their_maps_are_read() -> None:
    bank = MemoryBank().append(0, remembered(trunk(), block(1, 1)), prompted=True)
    for frame in range(1, 12):
        bank = bank.append(frame, remembered(trunk(frame), block(1, 1)), prompted=False).evict(frame + 1)
    kept = [frame for frame, entry in bank.tracked.items() if entry.appearance is not None]
    assert kept == list(range(12 - MAPS, 12)) and len(bank.tracked) == 11
    assert [entry for _, entry in bank.read(12).maps if entry.appearance is None] == []


@torch.no_grad()
def test_a_tracker_is_prompted_by_what_was_matched() -> None:
    torch.manual_seed(0)
    config = TrackerConfig(width=32, heads=2, mlp_width=32, memory_width=8, memory_layers=1, matching=True)
    model = Sam3(replace(TINY, tracker=config), tiny_model().tokenizer).eval()
    for parameter in model.tracker.parameters():
        if parameter.ndim > 1:
            parameter.normal_(0, parameter[0].numel() ** -0.5)
    model.tracker.mask_decoder.object_head.layers[-1].bias.fill_(5.0)  # always there
    first, second = (model.encode(image[None]) for image in torch.rand(2, 3, 48, 48) * 2 - 1)
    masks = torch.zeros(2, 48, 48)
    masks[0, :24, :24] = masks[1, 30:, 20:] = 1
    memory = model.track(first, Memory().add(2), [ObjectPrompt(mask=mask) for mask in masks]).memory
    one, other = (bank.prompted[0] for bank in memory.banks)
    assert one.appearance is other.appearance and one.share is not None and other.share is not None
    assert one.share.sum() == 9  # of 6 x 6 cells
    carried = model.track(second, memory)
    assert all(bank.tracked[1].appearance is not None for bank in carried.memory.banks)
    changed = MemoryBank(prompted={0: replace(one, share=other.share)})
    again = model.track(second, replace(memory, banks=(changed, memory.banks[1])))
    assert (carried.mask_logits[0] - again.mask_logits[0]).abs().max() > 1e-3
    torch.testing.assert_close(carried.mask_logits[1], again.mask_logits[1])
