"""Negatives are truly absent, as hard as the step asks, and the table of confusions learns, forgets and comes back."""

from dataclasses import replace

import numpy as np
import pytest

from argus.data.negatives import Confusions, NegativeConfig, add_negatives, hard_share, named_in, shown
from argus.data.ontology import Ontology, built_in
from argus.data.records import Query, Sample

CAPTION = "A man and two hot-dogs beside some flurbs; 一只猫在沙发上"


@pytest.fixture(scope="module")
def everyday() -> Ontology:
    return built_in()


def sample_of(concepts: tuple[str, ...], languages: str = "en") -> Sample:
    queries = tuple(
        Query(text=f"{concept}", language=languages, kind="name", instances=(index,))
        for index, concept in enumerate(concepts)
    )
    masks = np.zeros((len(concepts), 4, 4), bool)
    image = np.zeros((4, 4, 3), np.uint8)
    return Sample(image=image, masks=masks, queries=queries, concepts=concepts, name="toy")


def added(sample: Sample, ontology: Ontology, seed: int, step: int = 0, **more: object) -> list[Query]:
    config = more.pop("config", NegativeConfig())
    rng = np.random.default_rng(seed)
    result = add_negatives(sample, config, step, rng, ontology=ontology, **more)  # type: ignore[arg-type]
    assert result.queries[: len(sample.queries)] == sample.queries
    return list(result.queries[len(sample.queries) :])


def test_the_hard_share_rises_and_stays_in_bounds() -> None:
    config = NegativeConfig(hard_first=0.1, hard_last=0.7, ramp_steps=100)
    shares = [hard_share(step, config) for step in range(0, 300, 5)]
    assert shares == sorted(shares)
    assert (shares[0], hard_share(50, config), shares[-1]) == pytest.approx((0.1, 0.4, 0.7))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("seed", range(8))
def test_negatives_are_truly_absent(everyday: Ontology, seed: int, language: str) -> None:
    rng = np.random.default_rng(seed)
    ids = [id_ for id_, concept in everyday.concepts.items() if concept.names_zh and not concept.abstract]
    concepts = (*rng.choice(ids, int(rng.integers(0, 5))).tolist(), "stained nucleus")
    sample = sample_of(concepts, language)
    table = Confusions()
    for phrase in (*rng.choice(ids, 10).tolist(), "nucleus", "猫"):
        table.record(concepts, phrase, True)
    config = NegativeConfig(per_image=8)
    queries = added(sample, everyday, seed, step=1000, config=config, confusions=table, caption=CAPTION)
    texts = [query.text for query in queries]
    assert len(set(texts)) == len(queries) == 8
    assert {query.language for query in queries} == {language}
    assert not any(query.instances for query in queries)
    assert {query.kind for query in queries} <= {"absent", "absent-sibling", "absent-confused"}
    assert not any(everyday.related(text, other) for text in texts for other in shown(sample, everyday, CAPTION))


def test_what_a_caption_names_is_never_a_negative(everyday: Ontology) -> None:
    sample = sample_of(("tiger",))
    config = NegativeConfig(per_image=2000)
    free = {everyday.find(query.text) for query in added(sample, everyday, 0, config=config)}
    told = {everyday.find(query.text) for query in added(sample, everyday, 0, config=config, caption=CAPTION)}
    assert {"man", "hot dog", "cat", "sofa"} & set(everyday.concepts) >= {"man", "cat"}
    assert {"man", "person", "cat"} <= free and not {"man", "person", "cat"} & told
    assert told < free


def test_every_name_in_a_caption_is_among_its_runs() -> None:
    runs = named_in(CAPTION)
    assert {"man", "two hot-dogs", "flurbs", "猫", "沙发", "beside some flurbs"} <= runs
    assert named_in("") == frozenset()


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_as_many_are_hard_as_the_step_asks(everyday: Ontology, share: float) -> None:
    sample = sample_of(("tiger", "rose", "car"))
    config = NegativeConfig(hard_first=0.0, hard_last=1.0, ramp_steps=100)
    drawn = [q for seed in range(30) for q in added(sample, everyday, seed, step=round(100 * share), config=config)]
    hard = [query for query in drawn if query.kind == "absent-sibling"]
    assert len(hard) / len(drawn) == pytest.approx(share, abs=0.15)
    siblings = {sibling for concept in sample.concepts for sibling in everyday.siblings(concept)}
    assert all((everyday.find(query.text) in siblings) == (query.kind == "absent-sibling") for query in drawn)


def test_what_the_model_confuses_is_asked_more(everyday: Ontology) -> None:
    table = Confusions()
    for _ in range(20):
        table.record(["tiger"], "Orange Sofa", True)
        table.record(["tiger"], "striped zebra", True)
        table.record(["tiger"], "big tigers", True)  # not absent beside a tiger, whoever said so
    table.record(["rose"], "red cabbage", True)
    config = NegativeConfig(per_image=4, hard_first=1.0, hard_last=1.0, confused_share=1.0)
    queries = added(sample_of(("tiger",)), everyday, 0, config=config, confusions=table)
    confused = {query.text for query in queries if query.kind == "absent-confused"}
    assert confused == {"orange sofa", "striped zebra"}
    assert {query.kind for query in queries} == {"absent-confused", "absent-sibling"}


def test_the_same_generator_gives_the_same_negatives(everyday: Ontology) -> None:
    sample = sample_of(("tiger", "rose"))
    assert added(sample, everyday, 3) == added(sample, everyday, 3) != added(sample, everyday, 4)


def test_a_phrase_that_is_asked_already_is_not_asked_again(everyday: Ontology) -> None:
    sample = sample_of(("tiger",))
    everything = added(sample, everyday, 0, config=NegativeConfig(per_image=5000))
    more = replace(sample, queries=(*sample.queries, *everything))
    again = added(more, everyday, 1, config=NegativeConfig(per_image=5000))
    assert not {query.text for query in again} & {query.text for query in everything}


def test_rates_rise_fade_and_stay_in_bounds() -> None:
    table = Confusions()
    rates = []
    for answered in [True] * 30 + [False] * 15:
        table.record(["dog", "Dog"], "Wolf", answered)
        rates.append(table.of("dog")["wolf"])
    assert rates[:30] == sorted(rates[:30]) and rates[30:] == sorted(rates[30:], reverse=True)
    assert 0.95 < rates[29] <= 1 and rates[-1] < 0.05
    for _ in range(10):
        table.record(["dog"], "wolf", False)
    assert table.of("dog") == {} and table.to_json() == Confusions().to_json()


def test_a_concept_keeps_its_most_confused_phrases() -> None:
    table = Confusions(most=3)
    for index, phrase in enumerate("abcdef"):
        for _ in range(index + 1):
            table.record(["dog"], phrase, True)
    kept = table.of("dog")
    assert len(kept) == 3 and {"e", "f"} <= kept.keys()
    assert list(kept.values()) == sorted(kept.values(), reverse=True)


def test_a_table_comes_back_and_goes_on_as_if_never_stopped() -> None:
    rng = np.random.default_rng(0)
    whole, part = Confusions(most=4), Confusions(most=4)
    for index in range(300):
        entry = ([str(rng.choice(["dog", "猫"]))], str(rng.choice(list("abcdefg"))), bool(rng.random() < 0.4))
        whole.record(*entry)
        part.record(*entry)
        if index % 50 == 0:
            part = Confusions.from_json(part.to_json())
    assert part.to_json() == whole.to_json()
    assert part.of("猫") == whole.of("猫")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"most": 3, "rates": []}', '{"most": 3, "rates": {"a": {"b": 2}}}'])
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        Confusions.from_json(text)


@pytest.mark.parametrize(
    "settings", [{"hard_first": 0.9}, {"per_image": -1}, {"ramp_steps": 0}, {"confused_share": 2.0}]
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        NegativeConfig(**settings)  # type: ignore[arg-type]
