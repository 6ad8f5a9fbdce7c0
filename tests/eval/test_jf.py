"""J and F against plain loops, and how masks that are given first are scored."""

import itertools
import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from argus.data.sources.davis import VosSequence, davis_places, read_sequence
from argus.eval.jf import ObjectScore, boundary, by_sequence, evaluate_vos, mean_jf, region, stay

SIZE = (60, 80)
FRAMES = 5


def square(left: int, top: int = 20, side: int = 20, size: tuple[int, int] = SIZE) -> np.ndarray:
    mask = np.zeros(size, bool)
    mask[top : top + side, left : left + side] = True
    return mask


def plain_edge(mask: np.ndarray) -> set[tuple[int, int]]:
    height, width = mask.shape
    found = set()
    for y, x in itertools.product(range(height), range(width)):
        others = [(min(y + dy, height - 1), min(x + dx, width - 1)) for dy, dx in ((0, 1), (1, 0), (1, 1))]
        if any(mask[y, x] != mask[other] for other in others):
            found.add((y, x))
    return found


def plain_boundary(found: np.ndarray, truth: np.ndarray) -> float:
    radius = math.ceil(0.008 * math.sqrt(found.shape[0] ** 2 + found.shape[1] ** 2))
    ours, theirs = plain_edge(found), plain_edge(truth)
    if not ours or not theirs:
        return float(ours == theirs)

    def near(some: set[tuple[int, int]], others: set[tuple[int, int]]) -> float:
        hits = [any((y - v) ** 2 + (x - u) ** 2 <= radius**2 for v, u in others) for y, x in some]
        return sum(hits) / len(hits)

    precision, recall = near(ours, theirs), near(theirs, ours)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def blobs(seed: int) -> np.ndarray:
    """A few rectangles, some of them at the border."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((24, 31), bool)
    for _ in range(3):
        top, left = rng.integers(0, 20), rng.integers(0, 26)
        mask[top : top + rng.integers(2, 12), left : left + rng.integers(2, 12)] = True
    return mask


@pytest.mark.parametrize("seed", range(6))
def test_both_are_what_plain_loops_give(seed: int) -> None:
    found, truth = blobs(seed), blobs(seed + 100)
    assert region(found, truth) == pytest.approx((found & truth).sum() / (found | truth).sum())
    assert boundary(found, truth) == pytest.approx(plain_boundary(found, truth))


def test_perfect_empty_and_missing() -> None:
    mask, nothing = square(10), np.zeros(SIZE, bool)
    for measure in (region, boundary):
        assert measure(mask, mask) == 1
        assert measure(nothing, nothing) == 1
        assert measure(nothing, mask) == 0
        assert measure(mask, nothing) == 0


def test_a_shift_lowers_j_at_once_and_f_beyond_the_tolerance() -> None:
    size = (300, 400)  # a diagonal of 500: 4 px
    truth = square(100, 100, 50, size)
    assert region(square(104, 100, 50, size), truth) < 1
    assert boundary(square(104, 100, 50, size), truth) == 1
    assert boundary(square(105, 100, 50, size), truth) < 1


def write(folder: Path, masks: list[np.ndarray | None], frames: int = FRAMES, under: str = "") -> None:
    """frames/ and masks/, of a sequence named `under`, if any."""
    for kind in ("frames", "masks"):
        (folder / kind / under).mkdir(parents=True)
    for index in range(frames):
        Image.new("RGB", SIZE[::-1], (index, 0, 0)).save(folder / "frames" / under / f"{index:05}.png")
    for index, mask in enumerate(masks):
        if mask is not None:
            Image.fromarray(mask).save(folder / "masks" / under / f"{index:05}.png")


def indexed(*objects: tuple[int, np.ndarray]) -> np.ndarray:
    values = np.zeros(SIZE, np.uint8)
    for value, mask in objects:
        values[mask] = value
    return values


def moving() -> list[np.ndarray]:
    """Object 1 stays, object 3 moves."""
    return [indexed((1, square(2)), (3, square(30 + 5 * frame))) for frame in range(FRAMES)]


def read_davis(folder: Path) -> list[VosSequence]:
    return [read_sequence(*place) for place in davis_places(folder)]


@pytest.fixture
def sequence(tmp_path: Path) -> VosSequence:
    write(tmp_path, [*moving()])
    return read_davis(tmp_path)[0]


def test_objects_are_scored_each_by_itself(sequence: VosSequence) -> None:
    still, gone = evaluate_vos(sequence, stay)
    assert (still.object, still.j, still.f, still.frames) == (1, 1.0, 1.0, FRAMES - 2)
    expected = np.mean([region(square(30), square(30 + 5 * frame)) for frame in (1, 2, 3)])
    assert (gone.object, gone.j) == (3, pytest.approx(expected))


def test_the_first_and_the_last_frame_are_not_scored(sequence: VosSequence) -> None:
    """A predictor that knows the answer is perfect, also where it is wrong in those two."""

    def oracle(frames: Iterable[np.ndarray], first: np.ndarray) -> Iterator[np.ndarray]:
        for index, frame in enumerate(frames):
            assert frame[0, 0].tolist() == [index, 0, 0]
            truth = sequence.truth(index)
            assert truth is not None
            yield ~truth if index in (0, FRAMES - 1) else truth

    assert [(score.j, score.f) for score in evaluate_vos(sequence, oracle)] == [(1, 1), (1, 1)]


def test_frames_without_a_mask_are_not_scored(tmp_path: Path) -> None:
    masks: list[np.ndarray | None] = [*moving()]
    masks[1] = masks[4] = None
    write(tmp_path, masks)
    assert [score.frames for score in evaluate_vos(read_davis(tmp_path)[0], stay)] == [2, 2]


def test_objects_weigh_the_same_whatever_their_sequence() -> None:
    scores = [ObjectScore(sequence=n, object=1, j=j, f=1.0, frames=1) for n, j in (("a", 0.0), ("b", 0.5), ("b", 1.0))]
    assert (mean_jf(scores).j, mean_jf(scores).jf, mean_jf(scores).objects) == (0.5, 0.75, 3)
    assert {name: row.j for name, row in by_sequence(scores).items()} == {"a": 0.0, "b": 0.75}


@pytest.mark.parametrize("layout", ["one", "kinds first", "sequences first"])
def test_three_layouts(tmp_path: Path, layout: str) -> None:
    masks = [square(frame) for frame in range(FRAMES)]
    names = ["cow"] if layout == "one" else ["cow", "dog"]
    for name in names:
        folder = tmp_path / name if layout in ("one", "sequences first") else tmp_path
        write(folder, [*masks], under=name if layout == "kinds first" else "")
    read = read_davis(tmp_path / "cow" if layout == "one" else tmp_path)
    assert [sequence.name for sequence in read] == names
    truth = read[0].truth(2)
    assert truth is not None and np.array_equal(truth[0], masks[2])


def test_frames_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    (tmp_path / "masks").mkdir()
    for index in (8, 9, 10, 11):
        Image.new("RGB", SIZE[::-1], (index, 0, 0)).save(tmp_path / "frames" / f"{index}.png")
    Image.fromarray(square(2)).save(tmp_path / "masks" / "8.png")
    assert [frame[0, 0, 0] for frame in read_davis(tmp_path)[0].pixels()] == [8, 9, 10, 11]


def test_binary_masks_hold_one_object_and_255_among_indices_none(tmp_path: Path) -> None:
    write(tmp_path / "grey", [indexed((255, square(5)))] * FRAMES)
    write(tmp_path / "void", [indexed((1, square(5)), (255, square(40)))] * FRAMES)
    grey, void = read_davis(tmp_path)
    for sequence in (grey, void):
        truth = sequence.truth(0)
        assert truth is not None and np.array_equal(truth, square(5)[None])


def test_bad_input_is_a_clear_error(tmp_path: Path, sequence: VosSequence) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="found neither"):
        read_davis(tmp_path / "empty")
    write(tmp_path / "a", [None, square(1)])
    with pytest.raises(ValueError, match="5 frames and 1 masks, that of the first not"):
        read_davis(tmp_path / "a")
    write(tmp_path / "b", [np.zeros(SIZE, bool)])
    with pytest.raises(ValueError, match="found it empty"):
        read_davis(tmp_path / "b")
    write(tmp_path / "c", [np.zeros((*SIZE, 3), np.uint8)])
    with pytest.raises(ValueError, match="3 channels"):
        read_davis(tmp_path / "c")
    write(tmp_path / "d", [square(1)] * 2, frames=2)
    with pytest.raises(ValueError, match="found none among 2 frames"):
        evaluate_vos(read_davis(tmp_path / "d")[0], stay)
    with pytest.raises(ValueError, match="each of 5 frames, got them for 1"):
        evaluate_vos(sequence, lambda _, first: iter([first]))
    with pytest.raises(ValueError, match="objects in frame 0"):
        evaluate_vos(sequence, lambda _, first: iter([first[:1]]))
    with pytest.raises(ValueError, match="got none"):
        mean_jf([])
