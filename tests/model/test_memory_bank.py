"""Which frames are remembered, read and let go: the published rules, without a network."""

import pytest
import torch

from argus.model.memory_bank import MemoryBank, Remembered, pointer_frames


def entry(quality: float = 1.0) -> Remembered:
    return Remembered(map=torch.zeros(4, 2), pointer=torch.zeros(4), quality=quality)


def bank(prompted: list[int], tracked: dict[int, float] | list[int] = ()) -> MemoryBank:  # type: ignore[assignment]
    qualities = tracked if isinstance(tracked, dict) else dict.fromkeys(tracked, 1.0)
    made = MemoryBank()
    for frame in prompted:
        made = made.append(frame, entry(), prompted=True)
    for frame, quality in qualities.items():
        made = made.append(frame, entry(quality), prompted=False)
    return made


def read(made: MemoryBank, frame: int, **where: object) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """(time, frame) of maps and of pointers."""
    frames = {id(e): i for i, e in {**made.prompted, **made.tracked}.items()}
    reading = made.read(frame, **where)  # type: ignore[arg-type]
    return [(t, frames[id(e)]) for t, e in reading.maps], [(t, frames[id(e)]) for t, e in reading.pointers]


def test_the_prompted_frame_and_the_last_six() -> None:
    maps, pointers = read(bank([0], list(range(1, 30))), 30)
    assert maps == [(0, 0), *((rank, 30 - rank) for rank in (6, 5, 4, 3, 2, 1))]
    assert pointers == [(30, 0), *((rank, 30 - rank) for rank in range(1, 15))]


def test_the_oldest_of_the_good_frames_gives_no_pointer() -> None:
    maps, pointers = read(bank([0], [1, 2, 3]), 4)
    assert maps == [(0, 0), (3, 1), (2, 2), (1, 3)]
    assert pointers == [(4, 0), (1, 3), (2, 2)]


def test_bad_frames_are_passed_over_but_for_the_last() -> None:
    made = bank([0], {1: 1.0, 2: 0.0, 3: 1.0, 4: 0.01, 5: 1.0, 6: 0.0})
    maps, pointers = read(made, 7)
    assert maps == [(0, 0), (4, 1), (3, 3), (2, 5), (1, 6)]  # time is the rank among those that are read
    assert pointers == [(7, 0), (1, 6), (2, 5), (3, 3)]


def test_frame_0_is_no_tracked_frame_going_forward() -> None:
    made = bank([2], {0: 1.0, 1: 1.0, 3: 1.0})
    assert read(made, 4)[0] == [(0, 2), (2, 1), (1, 3)]
    assert read(bank([5], {3: 1.0, 4: 1.0}), 2, reverse=True, frames=6)[0] == [(0, 5), (2, 4), (1, 3)]


def test_of_many_prompted_frames_the_nearest_four() -> None:
    made = bank([0, 10, 20, 30, 40, 50], [31, 32])
    maps, pointers = read(made, 33)
    assert [frame for time, frame in maps if time == 0] == [30, 40, 20, 50]
    assert [(time, frame) for time, frame in pointers if frame in made.prompted] == [
        (3, 30),
        (13, 20),
    ]  # not from ahead


def test_backward_it_is_the_mirror_image() -> None:
    forward = read(bank([0], list(range(1, 20))), 20, frames=40)
    backward = read(bank([39], [39 - i for i in range(1, 20)]), 19, frames=40, reverse=True)
    for there, back in zip(forward, backward, strict=True):
        assert [(time, 39 - frame) for time, frame in back] == there


def test_a_short_clip_scales_time_by_its_own_length() -> None:
    assert (pointer_frames(None), pointer_frames(99), pointer_frames(5)) == (16, 16, 5)


def test_what_is_evicted_would_never_have_been_read() -> None:
    whole = kept = bank([0])
    for frame in range(1, 60):
        assert read(kept, frame) == read(whole, frame)
        quality = 0.0 if frame % 3 else 1.0
        whole = whole.append(frame, entry(quality), prompted=False)
        kept = MemoryBank(prompted=whole.prompted, tracked={**kept.tracked, frame: whole.tracked[frame]})
        kept = kept.evict(frame + 1)
        assert len(kept.tracked) <= 16


def test_a_prompt_takes_the_place_of_a_tracked_frame() -> None:
    made = bank([0], [1, 2]).append(2, entry(), prompted=True)
    assert list(made.prompted) == [0, 2] and list(made.tracked) == [1]
    assert list(made.forget(2).prompted) == [0]


def test_an_object_that_was_never_prompted_cannot_be_read() -> None:
    with pytest.raises(ValueError, match="prompted in some frame"):
        MemoryBank().read(3)
