"""Light changes pixels alone, words keep their truth, and the whole is determined by its generator."""

from dataclasses import replace

import numpy as np
import pytest
from data.augment.toy_samples import ask, toy

from argus.data.augment import AugmentConfig, augment, light, photometric, rephrase, strong
from argus.data.ontology import Ontology, built_in

SAMPLE = toy(
    [(5, 5, 25, 25), (40, 20, 60, 50), (62, 5, 78, 18)],
    ["poodle", "cat", "car"],
    [ask("cat", 1), ask("poodles", 0), ask("car", 2), ask("truck")],
)
LIGHT = AugmentConfig(light_share=1.0, brightness=0.2, contrast=0.3, saturation=0.5, hue_deg=90, blur_px=2, noise=0.05)


@pytest.fixture(scope="module")
def everyday() -> Ontology:
    return built_in()


def test_light_leaves_masks_and_phrases() -> None:
    lit = photometric(SAMPLE, LIGHT, np.random.default_rng(0))
    assert (lit.image != SAMPLE.image).any()
    assert lit.masks is SAMPLE.masks and lit.queries == SAMPLE.queries
    assert photometric(SAMPLE, replace(LIGHT, light_share=0.0), np.random.default_rng(0)) is SAMPLE
    still = photometric(SAMPLE, AugmentConfig(light_share=1.0), np.random.default_rng(0))
    assert (still.image == SAMPLE.image).all()


@pytest.mark.parametrize("query", [ask("red dog", 0), ask("红色的狗"), ask("dog", kind="wrong-colour")])
def test_colours_stay_while_a_phrase_says_one(query: object) -> None:
    config = replace(LIGHT, blur_px=0.0, noise=0.0, brightness=0.0, contrast=0.0)
    named = replace(SAMPLE, queries=(*SAMPLE.queries, query))
    assert (photometric(named, config, np.random.default_rng(1)).image == SAMPLE.image).all()
    assert (photometric(SAMPLE, config, np.random.default_rng(1)).image != SAMPLE.image).any()


def test_synonyms_name_the_same(everyday: Ontology) -> None:
    words = rephrase(SAMPLE, AugmentConfig(synonym_share=1.0), np.random.default_rng(0), everyday)
    assert [query.instances for query in words.queries] == [query.instances for query in SAMPLE.queries]
    assert [query.text for query in words.queries] == ["cat", "poodles", "automobile", "lorry"]
    assert [query.kind for query in words.queries] == ["name", "name", "synonym", "absent"]


@pytest.mark.parametrize("seed", range(20))
def test_parents_name_every_instance_that_is_one(everyday: Ontology, seed: int) -> None:
    words = rephrase(SAMPLE, AugmentConfig(parent_share=1.0), np.random.default_rng(seed), everyday)
    texts = [query.text for query in words.queries]
    assert len(set(texts)) == len(texts) and words.queries[-1] == SAMPLE.queries[-1]
    for query in words.queries[:-1]:
        verdicts = [everyday.is_a(concept, query.text) for concept in SAMPLE.concepts]
        assert query.instances == tuple(index for index, verdict in enumerate(verdicts) if verdict)
    assert words.queries[0].text in ("mammal", "animal") and words.queries[0].instances == (0, 1)


def test_no_parent_where_an_instance_might_be_one(everyday: Ontology) -> None:
    unknown = replace(SAMPLE, concepts=("poodle", "cat", "thing"))
    config = AugmentConfig(parent_share=1.0)
    assert rephrase(unknown, config, np.random.default_rng(0), everyday).queries == SAMPLE.queries


def test_chinese_stays_chinese(everyday: Ontology) -> None:
    sample = replace(SAMPLE, queries=(ask("猫", 1, language="zh"),))
    parent = rephrase(sample, AugmentConfig(parent_share=1.0), np.random.default_rng(0), everyday).queries[0]
    assert parent.text in ("哺乳动物", "动物") and parent.language == "zh" and parent.instances == (0, 1)
    assert (
        rephrase(sample, AugmentConfig(synonym_share=1.0), np.random.default_rng(0), everyday).queries[0].text == "猫咪"
    )


@pytest.mark.parametrize("config", [light(), strong()])
def test_augment_is_determined_and_keeps_its_promises(everyday: Ontology, config: AugmentConfig) -> None:
    changed = 0
    for seed in range(15):
        one, two = (
            augment(SAMPLE, config, np.random.default_rng(seed), ontology=everyday, donor=SAMPLE) for _ in range(2)
        )
        assert (one.image == two.image).all() and (one.masks == two.masks).all() and one.queries == two.queries
        assert one.image.shape == SAMPLE.image.shape and one.image.dtype == np.uint8
        assert all(0 <= index < len(one.masks) for query in one.queries for index in query.instances)
        assert (one.masks.sum(axis=0) <= 1).all() and one.masks.any(axis=(1, 2)).all()
        for query in one.queries:
            verdicts = [everyday.is_a(concept, query.text) for concept in one.concepts]
            assert query.instances == tuple(index for index, verdict in enumerate(verdicts) if verdict)
        changed += not np.array_equal(one.image, SAMPLE.image)
    assert changed > 8


def test_the_default_changes_nothing(everyday: Ontology) -> None:
    same = augment(SAMPLE, AugmentConfig(), np.random.default_rng(0), ontology=everyday, donor=SAMPLE)
    assert same.image is SAMPLE.image and same.queries == SAMPLE.queries


@pytest.mark.parametrize(
    ("name", "value"),
    [("flip_share", 1.5), ("scale", (0.0, 1.0)), ("scale", (2.0, 1.0)), ("crop_least", 0.0), ("most_pasted", 0)]
    + [("noise", 1.0), ("hue_deg", -1.0)],
)
def test_settings_that_make_no_sense_are_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        replace(AugmentConfig(), **{name: value})
