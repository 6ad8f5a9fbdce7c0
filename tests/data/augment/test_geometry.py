"""Image, masks and boxes move together, and phrases stay true of what is left."""

from dataclasses import replace

import numpy as np
import pytest
from data.augment.toy_samples import GROUND, ask, seen, toy

from argus.data.augment import AugmentConfig, geometric, strong
from argus.data.augment.geometry import warp
from argus.data.augment.keep import settle

PAIR = toy([(10, 10, 30, 40), (45, 20, 75, 50)], ["dog", "cat"], [ask("dog", 0), ask("cat", 1), ask("bird")])
FLIP = AugmentConfig(flip_share=1.0)
MOVES = [AugmentConfig(move_share=1.0, crop_least=0.7), AugmentConfig(move_share=1.0, rotate_deg=30.0)]
MOVES += [AugmentConfig(move_share=1.0, scale=(0.4, 2.0)), replace(strong(), move_share=1.0)]


def test_a_flip_is_exact_and_its_own_inverse() -> None:
    flipped = geometric(PAIR, FLIP, np.random.default_rng(0))
    assert (flipped.image == PAIR.image[:, ::-1]).all()
    assert (flipped.masks == PAIR.masks[:, :, ::-1]).all()
    assert flipped.queries == PAIR.queries
    again = geometric(flipped, FLIP, np.random.default_rng(1))
    assert (again.image == PAIR.image).all() and (again.masks == PAIR.masks).all()


@pytest.mark.parametrize("text", ["left dog", "dog on the right", "Rightmost dog", "左边的狗"])
def test_nothing_is_flipped_while_a_phrase_says_a_side(text: str) -> None:
    sample = replace(PAIR, queries=(ask("cat", 1), ask(text)))
    assert geometric(sample, FLIP, np.random.default_rng(0)) is sample
    harmless = replace(PAIR, queries=(ask("bright copyright sign"), ask("small dog", 0, kind="size")))
    assert geometric(harmless, FLIP, np.random.default_rng(0)).queries == harmless.queries


def test_a_whole_number_of_pixels_moves_exactly() -> None:
    shift = np.array([[1.0, 0, 7], [0, 1, 3], [0, 0, 1]])
    moved = warp(PAIR, shift, AugmentConfig(least_visible=0.0, least_area_px=0))
    assert (moved.masks[:, 3:, 7:] == PAIR.masks[:, :-3, :-7]).all() and not moved.masks[:, :3].any()
    assert (moved.image[3:, 7:] == PAIR.image[:-3, :-7]).all()
    np.testing.assert_array_equal(moved.boxes_xyxy_px[0], PAIR.boxes_xyxy_px[0] + [7, 3, 7, 3])


@pytest.mark.parametrize("config", MOVES)
@pytest.mark.parametrize("seed", range(12))
def test_masks_stay_on_their_objects(config: AugmentConfig, seed: int) -> None:
    moved = geometric(PAIR, config, np.random.default_rng(seed))
    assert moved.image.shape == PAIR.image.shape
    assert len(moved.masks) == len(moved.concepts)
    for index, concept in enumerate(moved.concepts):
        assert seen(moved, index, colour=PAIR.concepts.index(concept)) > 0.6
    colourful = np.ptp(moved.image.astype(int), axis=2) > 150
    if len(moved.masks) == 2:
        assert not (colourful & ~moved.masks.any(axis=0)).any()
    for query in moved.queries:
        assert {moved.concepts[i] for i in query.instances} <= {query.text}
        assert bool(query.instances) == (query.text in moved.concepts)


@pytest.mark.parametrize("config", MOVES)
def test_the_same_generator_gives_the_same_sample(config: AugmentConfig) -> None:
    one, two, other = (geometric(PAIR, config, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert (one.image == two.image).all() and (one.masks == two.masks).all() and one.queries == two.queries
    assert (one.image != other.image).any()


def test_shrinking_smooths_and_fills_with_the_mean() -> None:
    rng = np.random.default_rng(0)
    noisy = replace(PAIR, image=rng.integers(0, 256, PAIR.image.shape, dtype=np.uint8))
    small = warp(noisy, np.diag([0.25, 0.25, 1.0]), AugmentConfig())
    assert small.image[:14, :19].std() < 0.5 * noisy.image.std()
    assert np.abs(small.image[30:, 30:].astype(float) - noisy.image.mean(axis=(0, 1))).max() < 2


def test_phrases_about_place_and_size_go_when_the_picture_moves() -> None:
    texts = ["left dog", "largest dog", "two dogs", "中间的狗", "大的狗", "the dog behind the cat"]
    sample = replace(PAIR, queries=(ask("dog", 0), *(ask(t, 0) for t in texts), ask("big", 0, kind="size")))
    moved = geometric(sample, AugmentConfig(move_share=1.0, rotate_deg=1.0), np.random.default_rng(0))
    assert [query.text for query in moved.queries] == ["dog"]


def test_an_instance_that_leaves_makes_its_phrase_a_negative() -> None:
    away = np.array([[1.0, 0, -36], [0, 1, 0], [0, 0, 1]])
    sample = replace(
        PAIR, queries=(ask("dog", 0), ask("animal", 0, 1, kind="parent"), ask("cat", 1), ask("big cat", 1))
    )
    left = warp(sample, away, AugmentConfig())
    assert left.concepts == ("cat",)
    assert left.queries == (ask("dog"), ask("animal", 0, kind="parent"), ask("cat", 0))


def test_a_phrase_goes_when_a_piece_of_its_dropped_instance_can_be_seen() -> None:
    away = np.array([[1.0, 0, -29], [0, 1, 0], [0, 0, 1]])  # 1 of 20 columns of the dog is left
    left = warp(PAIR, away, AugmentConfig(least_visible=0.1))
    assert left.queries == (ask("cat", 0), ask("bird"))
    kept = warp(PAIR, away, AugmentConfig(least_visible=0.01))
    assert kept.queries == PAIR.queries


def test_a_speck_is_dropped_and_not_called_absent() -> None:
    small = warp(PAIR, np.diag([0.05, 0.05, 1.0]), AugmentConfig(least_area_px=10))
    assert small.concepts == () and small.masks.shape == (0, 60, 80)
    assert small.queries == (ask("bird"),)


def test_a_sample_without_instances_goes_through() -> None:
    empty = toy([], [], [ask("dog")])
    for config in MOVES:
        assert geometric(empty, config, np.random.default_rng(0)).queries == (ask("dog"),)
    same = settle(PAIR, PAIR.image, PAIR.masks, PAIR.masks.sum(axis=(1, 2)) * 1.0, AugmentConfig())
    assert same.queries == PAIR.queries and GROUND in same.image
