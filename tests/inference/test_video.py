"""Many concepts and single objects through a video: ids, prompts in any frame, order, memory, and what is refused."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import argus
from argus.inference.association import Track
from argus.inference.budget import object_bytes, read_bytes
from argus.inference.follow import Concept
from argus.inference.overlaps import settled
from argus.inference.policy import VideoPolicy
from argus.inference.session import VideoSession
from argus.model.sam3 import Sam3
from argus.ops import rle
from argus.types import MaskletState, TrackedFrame
from tests.train import toys

POLICY = VideoPolicy(detection_score=0.01, birth_score=0.01, hot_start=0)
FRAMES, SIZE_HW = 6, (60, 80)
BOX, OTHER = [10.0, 10.0, 40.0, 50.0], [40.0, 5.0, 75.0, 30.0]


@pytest.fixture(scope="module")
def model() -> Sam3:
    torch.manual_seed(0)
    return toys.tiny_tracker_model().eval()


@pytest.fixture(scope="module")
def clip() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (FRAMES, *SIZE_HW, 3), dtype=np.uint8)


def opened(model: Sam3, source: Any, policy: VideoPolicy = POLICY, memory: str | int = "1GB") -> VideoSession:
    return argus.VideoPredictor(model, policy=policy, memory=memory).open(source)


def masks(frames: Sequence[TrackedFrame]) -> dict[int, dict[int, bytes]]:
    """Runs of each masklet, by frame."""
    return {frame.index: {one.id: one.rle.counts for one in frame.masklets} for frame in frames}


def of(found: dict[int, dict[int, bytes]], id: int) -> dict[int, bytes]:
    return {frame: runs[id] for frame, runs in found.items() if id in runs}


def test_a_phrase_gets_masklets_with_ids_that_stay(model: Sam3, clip: np.ndarray) -> None:
    session = opened(model, clip)
    concept = session.add("dog")
    frames = list(session.run())
    assert [frame.index for frame in frames] == list(range(FRAMES)) and session.concepts == {concept: "dog"}
    ids = {one.id for frame in frames for one in frame.masklets}
    assert ids and all(one.concept == "dog" and one.id != concept for frame in frames for one in frame.masklets)
    first = frames[0].masklets[0]
    assert first.mask.shape == SIZE_HW and first.mask.any() and 0 <= first.score <= 1
    left, top, right, bottom = first.box_xyxy_px
    assert not first.mask[:, : int(left)].any() and not first.mask[int(bottom) :].any() and right <= 80 and top >= 0
    assert any(first.id in {one.id for one in frame.masklets} for frame in frames[1:])


def test_another_phrase_leaves_the_first_s_masklets_alone(model: Sam3, clip: np.ndarray) -> None:
    alone, both = opened(model, clip), opened(model, clip)
    alone.add("dog")
    both.add("dog")
    first, second = [], []
    for mine, other in zip(alone.run(), both.run(), strict=True):
        if mine.index == 2:
            both.add("red car")
        first.append(mine)
        second.append(other)
    dogs = {frame.index: [one.rle for one in frame.masklets if one.concept == "dog"] for frame in second}
    assert dogs == {frame.index: [one.rle for one in frame.masklets] for frame in first}
    assert {one.concept for frame in second for one in frame.masklets} == {"dog", "red car"}


def test_frames_come_as_late_as_the_hot_start(model: Sam3, clip: np.ndarray) -> None:
    read = []

    def frames() -> Iterator[np.ndarray]:
        for frame in clip:
            read.append(len(read))
            yield frame

    session = opened(model, clip, replace(POLICY, hot_start=3))
    session.add("dog")
    run = session.run()
    assert next(run).index == 0 and session._state.frame == 2
    assert next(run).index == 1 and session._state.frame == 3
    assert [frame.index for frame in run] == [2, 3, 4, 5]


def test_no_frame_of_an_iterable_is_left_out(model: Sam3) -> None:
    session = opened(model, (np.full((*SIZE_HW, 3), index, np.uint8) for index in range(30)))
    session.add(box=BOX)
    assert [frame.pixels[0, 0, 0] for frame in session.run()] == list(range(30))


def test_what_is_withdrawn_is_never_shown(model: Sam3, clip: np.ndarray) -> None:
    """With matches impossible every masklet goes unmatched: within the delay it is withdrawn, without it stays."""
    never = replace(POLICY, match_iou=1.0)
    for policy, shown in ((never, True), (replace(never, hot_start=3, hot_start_unmatched=2), False)):
        session = opened(model, clip, policy)
        session.add("dog")
        frames = list(session.run())
        assert bool(frames[0].masklets) == shown


def test_what_a_person_put_right_is_not_withdrawn(model: Sam3, clip: np.ndarray) -> None:
    policy = replace(POLICY, match_iou=1.0, hot_start=6, hot_start_unmatched=5, max_objects=1)
    shown = []
    for corrects in (False, True):
        session = opened(model, clip, policy)
        session.add("dog")
        if corrects:
            first = next(session.run(stop=2)).masklets[0]
            session.add(points=[[20, 30]], frame=1, masklet=first.id)
        shown.append({one.id for frame in session.run(start=0) for one in frame.masklets})
    assert not shown[0] and shown[1] == {first.id}


def test_an_object_is_picked_by_a_box_in_any_frame(model: Sam3, clip: np.ndarray) -> None:
    session = opened(model, clip)
    picked = session.add(box=BOX, frame=2)
    found = masks(list(session.run()))
    assert list(found) == list(range(FRAMES)) and sorted(of(found, picked)) == [2, 3, 4, 5]
    assert session.states == {picked: MaskletState.confirmed}


def test_both_directions_reach_all_frames(model: Sam3, clip: np.ndarray) -> None:
    session = opened(model, clip)
    picked = session.add(points=[[20, 30], [60, 50]], labels=[1, 0], frame=2)
    frames = list(session.run("both"))
    assert [frame.index for frame in frames] == [2, 3, 4, 5, 1, 0]
    assert sorted(of(masks(frames), picked)) == list(range(FRAMES))
    backward = opened(model, clip)
    backward.add(box=BOX, frame=3)
    assert [(frame.index, len(frame.masklets)) for frame in backward.run("backward")] == [
        (5, 0), (4, 0), (3, 1), (2, 1), (1, 1), (0, 1)
    ]  # fmt: skip
    assert [frame.index for frame in backward.run("backward", start=3, stop=1)] == [3, 2]


def test_objects_of_different_frames_are_each_as_if_alone(model: Sam3, clip: np.ndarray) -> None:
    one, other, both = (opened(model, clip) for _ in range(3))
    first = one.add(box=BOX, frame=0)
    second = other.add(box=OTHER, frame=3)
    ids = both.add(box=BOX, frame=0), both.add(box=OTHER, frame=3)
    together = masks(list(both.run()))
    assert of(together, ids[0]) == of(masks(list(one.run())), first)
    assert of(together, ids[1]) == of(masks(list(other.run())), second)


def test_a_correction_touches_its_own_object_only(model: Sam3, clip: np.ndarray) -> None:
    session = opened(model, clip)
    first, second = session.add(box=BOX), session.add(box=OTHER, frame=1)
    before = masks(list(session.run()))
    logits = session._history.logits(3, first, session._mask_hw)
    assert session.add(points=[[70, 50]], labels=[0], frame=3, masklet=first) == first
    after = masks(list(session.run(start=0)))
    assert of(before, second) == of(after, second)
    corrected = session._history.logits(3, first, session._mask_hw)
    assert logits is not None and corrected is not None and not torch.equal(logits, corrected)
    assert [sorted(one.bank.prompted) for one in session._state.objects] == [[0, 3], [1]]


def test_a_mask_is_followed_as_it_was_given(model: Sam3, clip: np.ndarray) -> None:
    mask = np.zeros(SIZE_HW, bool)
    mask[15:45, 20:60] = True
    session = opened(model, clip)
    picked = session.add(mask=mask, frame=1)
    frames = list(session.run())
    shown = next(one for one in frames[1].masklets if one.id == picked).mask
    assert (shown & mask).sum() / (shown | mask).sum() > 0.9


def test_examples_hold_in_their_frame_and_the_phrase_in_all(model: Sam3, clip: np.ndarray) -> None:
    session = opened(model, clip)
    car = session.add("car", boxes=[BOX, OTHER], labels=[1, 0], frame=3)
    assert session.add("car") == car
    concept: Concept = session._state.concepts[car]
    assert len(concept.prompt(2).box_labels) == 0 and concept.prompt(2).text == "car"
    assert concept.prompt(3).box_labels.tolist() == [1, 0]
    examples = session.add(boxes=[BOX], frame=0)
    assert session.concepts[examples] == "visual"


def test_a_broken_off_run_goes_on_where_it_stood(model: Sam3, clip: np.ndarray) -> None:
    whole, broken = (opened(model, clip, replace(POLICY, hot_start=2)) for _ in range(2))
    for session in (whole, broken):
        session.add("dog")
        session.add(box=BOX, frame=1)
    frames = []
    for frame in broken.run():
        frames.append(frame)
        if frame.index == 2:
            break
    frames += list(broken.run())
    assert [frame.index for frame in frames] == list(range(FRAMES))
    assert masks(frames) == masks(list(whole.run()))


def test_frames_that_wait_can_be_shown_at_once(model: Sam3, clip: np.ndarray) -> None:
    session = opened(model, clip, replace(POLICY, hot_start=3))
    session.add("dog")
    assert next(session.run()).index == 0
    assert [frame.index for frame in session.flush()] == [1, 2]
    assert [frame.index for frame in session.run()] == [3, 4, 5]


def test_a_saved_session_goes_on_as_if_it_never_stopped(model: Sam3, clip: np.ndarray, tmp_path: Path) -> None:
    predictor = argus.VideoPredictor(model, policy=replace(POLICY, hot_start=2))
    session = predictor.open(clip)
    session.add("dog")
    session.add(points=[[20, 30]], frame=0)
    run = session.run()
    for _ in range(2):
        next(run)
    session.save(tmp_path / "session.pt")
    resumed = predictor.resume(tmp_path / "session.pt", clip)
    assert masks(list(resumed.run())) == masks(list(run))
    assert resumed.concepts == session.concepts and resumed.states == session.states


def test_a_removed_concept_takes_its_masklets_along(model: Sam3, clip: np.ndarray) -> None:
    session = opened(model, clip)
    dog, picked = session.add("dog"), session.add(box=BOX)
    shown = []
    for frame in session.run():
        shown.append({one.concept for one in frame.masklets})
        if frame.index == 1:
            session.remove(dog)
        if frame.index == 3:
            session.remove(picked)
            session.add("car")
    assert shown[1] == {"dog", f"object {picked}"} and shown[3] == {f"object {picked}"}
    assert f"object {picked}" not in shown[4]
    with pytest.raises(ValueError, match=f"the id of a concept or a masklet.*got {picked}"):
        session.remove(picked)


def test_nothing_found_is_frames_without_masklets(model: Sam3, clip: np.ndarray) -> None:
    session = opened(model, clip, replace(POLICY, detection_score=1.0))
    session.add("dog")
    assert [frame.masklets for frame in session.run()] == [()] * FRAMES


def test_two_hundred_objects(model: Sam3, clip: np.ndarray) -> None:
    session = opened(model, clip[:2], memory="4GB")
    ids = [session.add(box=[x, y, x + 9, y + 9]) for x in range(0, 70, 7) for y in range(0, 40, 2)]
    frames = list(session.run())
    assert len(ids) == 200 and {one.id for one in frames[0].masklets} <= set(ids)
    assert len(frames[0].masklets) > 100


def test_memory_bounds_the_number_of_objects(model: Sam3, clip: np.ndarray) -> None:
    frames_held = 10 * SIZE_HW[0] * SIZE_HW[1] * 3
    enough = int((frames_held + 1.5 * object_bytes(model, 16)) * 64 / 63)
    session = opened(model, clip, memory=enough)
    session.add(box=BOX)
    with pytest.raises(ValueError, match="at most 1 objects"):
        session.add(box=OTHER)
    session.add("dog")
    assert all(len(frame.masklets) <= 1 for frame in session.run()) and session.dropped > 0


def test_an_object_takes_no_more_than_is_set_aside(model: Sam3) -> None:
    clip = np.random.default_rng(1).integers(0, 255, (24, *SIZE_HW, 3), dtype=np.uint8)
    session = opened(model, clip, replace(POLICY, recondition_every=2, recondition_score=0.1, recondition_iou=0.1))
    session.add("dog")
    for _ in session.run():
        for one in session._state.objects:
            entries = [*one.bank.prompted.values(), *one.bank.tracked.values()]
            held = sum(entry.map.nbytes for entry in entries)
            assert held <= object_bytes(model, 0)


def test_the_budget_is_said_in_words_or_bytes() -> None:
    assert read_bytes("2GB") == 2 * 10**9 and read_bytes("1.5 MiB") == 3 * 2**19 and read_bytes(7) == 7
    for wrong in ("much", "", "0GB", 0, True):
        with pytest.raises(ValueError, match="Expected memory as bytes"):
            read_bytes(wrong)


def test_a_pixel_goes_to_the_best_of_its_concept() -> None:
    wide, narrow, other = np.zeros((3, 8, 8), bool)
    wide[:, :6], narrow[:, 4:], other[:] = True, True, True
    group = np.array([1, 1, 2])
    left = settled([rle.encode(m) for m in (wide, narrow, other)], np.array([0.5, 0.9, 0.7]), group)
    assert [int(area) for area in rle.area(left)] == [32, 32, 64]
    tied = settled([rle.encode(wide), rle.encode(narrow)], np.array([0.5, 0.5]), group[:2])
    assert [int(area) for area in rle.area(tied)] == [48, 16]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({}, "got none of them"),
        ({"phrase": " "}, "a phrase with letters"),
        ({"phrase": "dog", "box": BOX}, "got both"),
        ({"phrase": "dog", "frame": 6}, r"a frame in 0\.\.5, got 6"),
        ({"phrase": "dog", "frame": -1}, r"a frame in 0\.\.5, got -1"),
        ({"box": BOX, "masklet": 9}, "got 9"),
        ({"phrase": "dog", "masklet": 9}, "to correct masklet 9"),
        ({"boxes": BOX}, r"boxes of shape \(n, 4\)"),
        ({"boxes": [BOX], "labels": [0]}, "only - boxes"),
        ({"points": [[90, 10]]}, "points in the image"),
        ({"mask": np.zeros((3, 3), bool)}, "the frame's size"),
        ({"mask": np.zeros(SIZE_HW, bool)}, "at least one pixel"),
        ({"mask": np.ones(SIZE_HW, bool), "box": BOX}, "got both"),
        ({"labels": [1], "phrase": "dog"}, "boxes for the labels"),
    ],
)
def test_what_cannot_be_asked_is_refused_and_changes_nothing(
    model: Sam3, clip: np.ndarray, asked: dict[str, Any], says: str
) -> None:
    session = opened(model, clip)
    with pytest.raises(ValueError, match=says):
        session.add(**asked)
    with pytest.raises(ValueError, match="something to look for"):
        session.run()


def test_runs_that_cannot_be(model: Sam3, clip: np.ndarray, tmp_path: Path) -> None:
    session = opened(model, clip)
    session.add(box=BOX)
    for start, stop, says in ((6, None, "start in 0..5, got 6"), (0, 7, "stop in 0..6, got 7"), (-1, None, "got -1")):
        with pytest.raises(ValueError, match=says):
            session.run(start=start, stop=stop)
    with pytest.raises(ValueError, match=r"memory for .* one object"):
        opened(model, clip, memory="10KB")
    (tmp_path / "no.pt").write_bytes(b"no")
    with pytest.raises(ValueError, match="a saved session"):
        session.restore(tmp_path / "no.pt")
    with pytest.raises(ValueError, match="no such file"):
        session.restore(tmp_path / "none.pt")
    session.save(tmp_path / "session.pt")
    with pytest.raises(ValueError, match="of 4 frames"):
        argus.VideoPredictor(model).resume(tmp_path / "session.pt", clip[:4])


def test_a_model_without_memory_is_refused(model: Sam3) -> None:
    with pytest.raises(ValueError, match="whose tracker has a memory"):
        argus.VideoPredictor(toys.tiny_model())


def test_a_young_masklet_is_tentative(model: Sam3, clip: np.ndarray) -> None:
    session = opened(model, clip, replace(POLICY, hot_start=4))
    session.add("dog")
    frames = list(session.run(stop=2))
    assert {one.state for frame in frames for one in frame.masklets} == {MaskletState.tentative}
    assert Track(id=1, concept=1, first=0, keep_alive=3).hidden is None and torch.is_grad_enabled()
