"""Pasted instances are there, in front, and every phrase that is kept is true."""

from dataclasses import replace

import numpy as np
import pytest
from data.augment.toy_samples import ask, seen, toy

from argus.data.augment import AugmentConfig, paste
from argus.data.ontology import Ontology, built_in
from argus.data.records import Sample

ALWAYS = AugmentConfig(paste_share=1.0, most_pasted=2)
SAMPLE = toy([(5, 5, 25, 25), (40, 20, 70, 55)], ["poodle", "car"])
DONOR = toy([(0, 0, 30, 30), (60, 50, 100, 90)], ["cat", "apple"], size_hw=(120, 160))


@pytest.fixture(scope="module")
def everyday() -> Ontology:
    return built_in()


def pasted(sample: Sample, donor: Sample, ontology: Ontology | None = None, config: AugmentConfig = ALWAYS) -> Sample:
    """The first result, by seed, that keeps all that there was and shows all of the donor."""
    for seed in range(200):
        result = paste(sample, donor, config, np.random.default_rng(seed), ontology)
        if sorted(result.concepts) == sorted(sample.concepts + donor.concepts):
            return result
    raise AssertionError("never pasted whole")


@pytest.mark.parametrize("seed", range(20))
def test_masks_stay_disjoint_and_on_their_pixels(seed: int) -> None:
    donor = replace(DONOR, image=DONOR.image[..., ::-1].copy())  # blue cat, green apple
    result = paste(SAMPLE, donor, ALWAYS, np.random.default_rng(seed))
    assert (result.masks.sum(axis=0) <= 1).all()
    colour = {"poodle": 0, "car": 1, "cat": 2, "apple": 1}
    for index, concept in enumerate(result.concepts):
        assert seen(result, index, colour[concept]) > 0.9
    assert SAMPLE.image.max() == 250 and len(SAMPLE.masks) == 2


def test_phrases_of_both_name_what_is_there(everyday: Ontology) -> None:
    sample = replace(SAMPLE, queries=(ask("animal", 0, kind="parent"), ask("cat"), ask("car", 1), ask("fruit")))
    donor = replace(DONOR, queries=(ask("Cats", 0), ask("mammal", 0, kind="parent"), ask("bird")))
    result = pasted(sample, donor, everyday)
    cat, apple = result.concepts.index("cat"), result.concepts.index("apple")
    named = {query.text: query.instances for query in result.queries}
    assert named["animal"] == (0, cat)
    assert named["cat"] == (cat,) and named["fruit"] == (apple,)
    assert named["car"] == (1,)
    assert named["mammal"] == (0, cat)
    assert "bird" not in named
    assert {query.kind for query in result.queries if query.text in ("cat", "fruit")} == {"name"}


def test_doubtful_phrases_are_left_out(everyday: Ontology) -> None:
    texts = ("red apple", "wolf", "gizmo", "large cat", "red car", "large bus")
    sample = replace(SAMPLE, queries=tuple(ask(text) for text in texts))
    donor = replace(DONOR, concepts=("dog", "apple"), queries=(ask("big dog", 0), ask("brown dog", 0)))
    result = pasted(sample, donor, everyday)
    assert {query.text for query in result.queries} == {"large cat", "red car", "large bus"}


def test_without_an_ontology_the_same_phrase_tells() -> None:
    sample = replace(SAMPLE, queries=(ask("nucleus"), ask("wall", 0), ask("other")))
    donor = replace(DONOR, queries=(ask("Nucleus", 0), ask("wall"), ask("stain", 1)))
    result = pasted(sample, donor)
    cat = result.concepts.index("cat")
    assert {query.text: query.instances for query in result.queries} == {"nucleus": (cat,), "wall": (0,)}


def test_what_is_covered_is_dropped() -> None:
    sample = toy([(30, 20, 34, 24)], ["dog"], [ask("dog", 0)])
    donor = toy([(0, 0, 80, 60)], ["car"], [ask("dog")])
    dropped = 0
    for seed in range(30):
        result = paste(sample, donor, ALWAYS, np.random.default_rng(seed))
        if result.concepts == ("car",):
            dropped += 1
            assert result.queries in ((ask("dog"),), ())
        else:
            assert result.concepts == ("dog",) or result.queries == (ask("dog", 0),)
    assert dropped


def test_by_chance_and_the_same_for_the_same_generator() -> None:
    assert paste(SAMPLE, DONOR, AugmentConfig(), np.random.default_rng(0)) is SAMPLE
    assert paste(SAMPLE, toy([], []), ALWAYS, np.random.default_rng(0)) is SAMPLE
    one, two = (paste(SAMPLE, DONOR, ALWAYS, np.random.default_rng(4)) for _ in range(2))
    assert (one.image == two.image).all() and (one.masks == two.masks).all()
