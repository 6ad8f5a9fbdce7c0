"""Phrases find their concepts, relations go both ways, and what is called absent is."""

from itertools import product

import numpy as np
import pytest

from argus.data.ontology import Concept, Ontology, built_in


@pytest.fixture(scope="module")
def everyday() -> Ontology:
    return built_in()


def test_every_name_finds_its_concept_however_it_is_written(everyday: Ontology) -> None:
    for concept in everyday.concepts.values():
        for name in concept.names_en + concept.names_zh:
            assert everyday.find(name) == concept.id
            assert everyday.find(f"  The {name.upper()} ") == concept.id


@pytest.mark.parametrize(
    ("phrase", "id_"),
    [
        ("Wolves", "wolf"),
        ("police officers", "police officer"),
        ("firemen", "firefighter"),
        ("butterflies", "butterfly"),
    ]
    + [("taxis", "taxi"), ("a bus", "bus"), ("buses", "bus"), ("bushy", None), ("", None), ("小狗狗", None)],
)
def test_plurals_and_articles(everyday: Ontology, phrase: str, id_: str | None) -> None:
    assert everyday.find(phrase) == id_


@pytest.mark.parametrize(
    ("phrase", "id_"),
    [("small red apple", "apple"), ("红色的苹果", "apple"), ("polar bears", "polar bear"), ("qqq", None)],
)
def test_a_phrase_is_about_its_longest_end(everyday: Ontology, phrase: str, id_: str | None) -> None:
    assert everyday.head(phrase) == id_


def test_synonyms_stay_in_their_language(everyday: Ontology) -> None:
    assert everyday.synonyms("Cars") == ("automobile",)
    assert everyday.synonyms("automobile") == ("car",)
    assert everyday.synonyms("狗") == ("犬",)
    assert everyday.synonyms("qqq") == ()


def test_parents_come_nearest_first_and_siblings_share_one(everyday: Ontology) -> None:
    assert everyday.parents("poodles") == ("dog", "mammal", "animal")
    for id_ in everyday.concepts:
        assert set(everyday.parents(id_)) == everyday.ancestors[id_] - {id_}
        siblings = everyday.siblings(id_)
        assert len(set(siblings)) == len(siblings) and id_ not in siblings
        assert all(id_ in everyday.siblings(other) for other in siblings)


def test_related_is_symmetric_and_holds_along_every_line(everyday: Ontology) -> None:
    ids = list(everyday.concepts)[::20]
    for a, b in product(ids, ids):
        assert everyday.related(a, b) == everyday.related(b, a)
    for id_ in everyday.concepts:
        assert all(everyday.related(id_, other) for other in (id_, *everyday.parents(id_), *everyday.synonyms(id_)))


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [("dog", "canine", True), ("dog", "狗", True), ("poodle", "animals", True), ("wolf", "dog", True)]
    + [("dog", "cat", False), ("red dog", "blue dog", True), ("red dog", "red cat", False)]
    + [("cell nucleus", "nuclei nucleus", True), ("cell nucleus", "dog", False), ("apple pie", "apple", True)],
)
def test_related(everyday: Ontology, a: str, b: str, expected: bool) -> None:
    assert everyday.related(a, b) is expected


def test_what_an_instance_is(everyday: Ontology) -> None:
    assert everyday.is_a("poodle", "Animals") is True
    assert everyday.is_a("poodle", "cat") is False
    assert everyday.is_a("animal", "dog") is None
    assert everyday.is_a("wolf", "dog") is None
    assert everyday.is_a("apple", "red apple") is None
    assert everyday.is_a("apple", "red car") is False
    assert everyday.is_a("nucleus", "dog") is None
    assert everyday.is_a("nucleus", "Nucleus") is True


@pytest.mark.parametrize("language", ["en", "zh"])
def test_absent_phrases_are_related_to_nothing_present(everyday: Ontology, language: str) -> None:
    ids = [id_ for id_, concept in everyday.concepts.items() if not concept.abstract]
    for seed in range(40):
        rng = np.random.default_rng(seed)
        present = [*rng.choice(ids, int(rng.integers(0, 6))).tolist(), "stained nucleus", "红色的车"]
        phrases = everyday.absent(present, 12, rng, float(rng.random()), language=language)
        assert len(phrases) == 12 == len({everyday.find(phrase) for phrase in phrases})
        assert not any(everyday.related(phrase, other) for phrase in phrases for other in present)
        named = [everyday.concepts[str(everyday.find(phrase))] for phrase in phrases]
        assert all(phrase in concept.names(language) for phrase, concept in zip(phrases, named, strict=True))
        assert not any(concept.abstract for concept in named)


def test_the_hard_share_is_the_share_of_siblings(everyday: Ontology) -> None:
    siblings = set(everyday.siblings("tiger"))

    def hard(share: float) -> float:
        drawn = [everyday.absent(["tiger"], 5, np.random.default_rng(seed), share) for seed in range(60)]
        return float(np.mean([everyday.find(phrase) in siblings for phrases in drawn for phrase in phrases]))

    assert hard(0.0) == 0.0
    assert hard(0.5) == pytest.approx(0.5, abs=0.1)
    assert hard(1.0) == 1.0
    with pytest.raises(ValueError, match="share"):
        everyday.absent([], 1, np.random.default_rng(0), 1.5)


def test_absent_is_the_same_for_the_same_seed_and_runs_out_quietly() -> None:
    tiny = Ontology([Concept(id="cat", names_en=("cat",)), Concept(id="dog", names_en=("dog",))])
    assert tiny.absent(["cat"], 5, np.random.default_rng(0), 0.5) == ("dog",)
    assert tiny.absent(["cat"], 5, np.random.default_rng(0), 0.5, language="zh") == ()
    draws = {built_in().absent(["cat"], 5, np.random.default_rng(3), 0.5) for _ in range(3)}
    assert len(draws) == 1


def test_circles_are_told_and_long_chains_are_none() -> None:
    a, b, c = (Concept(id=x, names_en=(x,), parents=(y,)) for x, y in ("ab", "bc", "ca"))
    with pytest.raises(ValueError, match="a > b > c > a"):
        Ontology([a, b, c])
    with pytest.raises(ValueError, match="a > a"):
        Ontology([Concept(id="a", names_en=("a",), parents=("a",))])
    chain = [Concept(id=f"n{i}", names_en=(f"n{i}",), parents=(f"n{i + 1}",)) for i in range(1500)]
    deep = Ontology([*chain, Concept(id="n1500", names_en=("n1500",))])
    assert len(deep.parents("n0")) == 1500
