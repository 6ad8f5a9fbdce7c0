"""Ontologies from files: what is written is read again, and what is wrong is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from argus.data.ontology import Concept, Ontology, built_in, read_json, read_ontology, read_skos, write_json

PETS = """
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix : <http://example.org/> .
:animal a skos:Concept ; skos:prefLabel "animal"@en, "动物"@zh-Hans, "Tier"@de ; skos:narrower :cat .
:dog a skos:Concept ; skos:prefLabel "dog" ; skos:altLabel "hound"@en-GB, "canine"@en, "狗"@zh ; skos:broader :animal .
:cat a skos:Concept ; skos:prefLabel "cat"@en ; skos:altLabel "cat"@en-GB .
"""


def test_json_round_trip(tmp_path: Path) -> None:
    again = read_ontology(write_json(built_in(), tmp_path / "all.JSON"))
    assert again.concepts == built_in().concepts


def read(folder: Path, *concepts: Any) -> Ontology:
    path = folder / "own.json"
    path.write_text(json.dumps({"concepts": concepts}), encoding="utf-8")
    return read_json(path)


def test_json_needs_names_alone(tmp_path: Path) -> None:
    own = read(tmp_path, {"en": ["nucleus"], "zh": ["细胞核"], "parents": ["organelle"]}, {"en": ["organelle"]})
    assert own.parents("Nucleus") == ("organelle",)
    assert own.find("细胞核") == "nucleus"
    assert read(tmp_path, {"zh": ["细胞核"]}).find("细胞核") == "细胞核"


@pytest.mark.parametrize(
    ("concepts", "message"),
    [
        (["dog"], "number 1 .* JSON object"),
        ([{"en": ["dog"], "parent": []}], "parent"),
        ([{"en": []}], "a name at least"),
        ([{"en": "dog"}], "list of texts"),
        ([{"en": ["dog", " "]}], "list of texts"),
        ([{"en": ["dog", "Dog"]}], "each text once"),
        ([{"en": ["dog"]}, {"en": ["wolf", "DOG"]}], "names both"),
        ([{"en": ["dog"]}, {"en": ["dog"]}], "stands twice"),
        ([{"en": ["dog"], "parents": ["animal"]}], "'animal'"),
        ([{"en": ["dog"], "may_be": ["wolf"]}], "'wolf'"),
        ([{"en": ["a"], "parents": ["b"]}, {"en": ["b"], "parents": ["a"]}], "a > b > a"),
        ([{"en": ["dog"], "abstract": 1}], "true or false"),
    ],
)
def test_json_errors_name_what_is_wrong(tmp_path: Path, concepts: list[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(tmp_path, *concepts)


@pytest.mark.parametrize("text", ["{", "[]", '{"concepts": {}}', '{"concepts": [], "more": 1}'])
def test_other_forms_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"bad\.json"):
        read_json(tmp_path / "bad.json")


def test_skos_gives_names_and_parents_by_either_link(tmp_path: Path) -> None:
    path = tmp_path / "pets.ttl"
    path.write_text(PETS, encoding="utf-8")
    pets = read_ontology(path)
    assert pets.concepts["dog"] == Concept(
        id="dog", names_en=("dog", "canine", "hound"), names_zh=("狗",), parents=("animal",)
    )
    assert pets.concepts["cat"].names_en == ("cat",)
    assert pets.siblings("cat") == ("dog",)
    assert pets.concepts["animal"].names_zh == ("动物",)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("pets.owl2", "", "", "ends in"),
        ("pets.ttl", "@prefix", "prefix@", "rdflib could not read"),
        ("pets.ttl", "a skos:Concept ;", "a skos:Collection ;", "got none"),
        ("pets.ttl", "skos:broader :animal", "skos:broader :beast", "beast"),
        ("pets.ttl", '"cat"@en ', '"Katze"@de ', "prefLabel for|'cat'"),
        ("pets.ttl", '"cat"@en ;', '"hound"@en ;', "names both|'hound'"),
        ("pets.ttl", '"cat"@en ;', '"cat"@en ; skos:narrower :animal ;', " > "),
    ],
)
def test_skos_errors_name_what_is_wrong(tmp_path: Path, name: str, old: str, new: str, message: str) -> None:
    text = PETS.replace('altLabel "cat"@en-GB', 'altLabel "Kater"@de')
    (tmp_path / name).write_text(text.replace(old, new) if old else text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_skos(tmp_path / name)
