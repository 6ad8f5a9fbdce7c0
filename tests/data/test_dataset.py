"""Labelled images on disk as samples: windows, sizes, splits, and phrases that are absent."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from argus.data.absent import with_absent_phrases
from argus.data.dataset import Dataset
from argus.data.ontology import Concept, Ontology, built_in
from argus.data.sources import open_data
from argus.data.splits import held_out
from argus.inference.preprocess import read_image
from tests.data.own_data import SIZE_HW, coco_document, rectangle, write_coco, write_picture


def dogs_and_lights(folder: Path, images: int = 4) -> Dataset:
    return open_data(write_coco(folder, coco_document(images)))


def test_a_window_is_the_part_of_the_whole(tmp_path: Path) -> None:
    data = pickle.loads(pickle.dumps(dogs_and_lights(tmp_path)))  # as it goes to a worker
    whole = data.sample(1)
    part = data.sample(1, window_xyxy_px=(15, 5, 35, 25))
    assert np.array_equal(part.image, whole.image[5:25, 15:35])
    assert np.array_equal(part.masks, whole.masks[:2, 5:25, 15:35])
    assert [(query.text, query.kind, query.instances) for query in part.queries] == [
        ("dog", "name", (0, 1)),
        ("traffic light", "absent", ()),
    ]
    for window in ((0, 0, 61, 10), (5, 5, 5, 9), (-1, 0, 9, 9)):
        with pytest.raises(ValueError, match="window"):
            data.sample(1, window_xyxy_px=window)


def test_masks_are_resized_with_the_image(tmp_path: Path) -> None:
    data = dogs_and_lights(tmp_path)
    half = data.sample(0, size_hw=(20, 30))
    assert half.image.shape == (20, 30, 3)
    expected = data.sample(0).masks.reshape(3, 20, 2, 30, 2).mean((2, 4)) >= 0.5
    assert np.array_equal(half.masks, expected)
    double = data.sample(0, size_hw=(80, 120))
    assert np.array_equal(double.masks, data.sample(0).masks.repeat(2, 1).repeat(2, 2))


def test_small_instances_do_not_vanish(tmp_path: Path) -> None:
    document = coco_document(1)
    document["annotations"][0]["segmentation"] = rectangle(31, 21, 32, 22)
    sample = open_data(write_coco(tmp_path, document)).sample(0, size_hw=(10, 10))
    assert sample.masks[0].sum() == 1
    assert sample.masks[0, 5, 5]


def test_windows_hold_few_instances(tmp_path: Path) -> None:
    data = dogs_and_lights(tmp_path)
    rng = np.random.default_rng(0)
    assert data.window_xyxy_px(0, rng, 3) == (0, 0, SIZE_HW[1], SIZE_HW[0])
    for _ in range(20):
        window = data.window_xyxy_px(0, rng, 1)
        assert len(data.sample(0, window_xyxy_px=window).masks) <= 2  # two overlap: no window need have one alone
    assert len({data.window_xyxy_px(0, rng, 2) for _ in range(9)}) > 1
    halves = [data.window_xyxy_px(0, rng, 99, share=0.5) for _ in range(20)]
    assert {(right - left, bottom - top) for left, top, right, bottom in halves} == {(SIZE_HW[1] // 2, SIZE_HW[0] // 2)}
    assert len(set(halves)) > 1


def test_pixels_are_those_that_inference_reads(tmp_path: Path) -> None:
    data = dogs_and_lights(tmp_path, 3)
    grey = np.random.default_rng(0).integers(0, 65536, SIZE_HW, dtype=np.uint16)
    Image.fromarray(grey).save(tmp_path / "images" / "0.png")
    clear = np.random.default_rng(1).integers(0, 256, (*SIZE_HW, 4), dtype=np.uint8)
    Image.fromarray(clear).save(tmp_path / "images" / "1.png")
    for index in range(3):
        assert np.array_equal(data.sample(index).image, read_image(data.records[index].path))


def test_pairs_are_what_evaluation_reads(tmp_path: Path) -> None:
    data = with_absent_phrases(dogs_and_lights(tmp_path, 2), plain_words("bus"), 1, seed=0)
    pairs = data.pairs()
    assert [(pair.phrase, len(pair.rles), pair.kind) for pair in pairs[:3]] == [
        ("dog", 2, "name"),
        ("traffic light", 1, "name"),
        ("bus", 0, "absent"),
    ]
    assert len({pair.id for pair in pairs}) == 6
    assert Path(tmp_path / "elsewhere" / pairs[0].file_name).exists()


def test_a_split_is_by_seed_and_has_every_image_once(tmp_path: Path) -> None:
    data = dogs_and_lights(tmp_path, 12)
    train, held = data.split(0.25, seed=3)
    assert (len(train), len(held)) == (9, 3)
    assert {r.name for r in train.records} | {r.name for r in held.records} == {r.name for r in data.records}
    assert [r.name for r in data.split(0.25, seed=3)[1].records] == [r.name for r in held.records]
    assert any(data.split(0.25, seed=s)[1].records[0].name != held.records[0].name for s in range(9))
    with pytest.raises(ValueError, match="share"):
        data.split(1.0, seed=0)
    with pytest.raises(ValueError, match="two images"):
        data.select([0]).split(0.5, seed=0)


@pytest.mark.parametrize("seed", range(5))
def test_rare_concepts_are_on_both_sides(seed: int) -> None:
    concepts = [frozenset({"common"})] * 40
    concepts[3] = concepts[31] = frozenset({"common", "rare"})
    concepts[8] = frozenset({"once"})
    chosen = held_out(concepts, 0.1, seed)
    assert len(chosen) == 4
    assert len(chosen & {3, 31}) == 1
    assert 8 not in chosen  # what is there once is for learning


def test_absent_phrases_are_absent(tmp_path: Path) -> None:
    document = coco_document(6)
    document["categories"] += [{"id": 2, "name": "cat"}, {"id": 3, "name": "red cars"}]
    document["annotations"] = [a for a in document["annotations"] if a["category_id"] == 1 or a["image_id"] != 0]
    document["annotations"][-1]["category_id"] = 2
    document["annotations"][-2]["category_id"] = 3  # the last image holds a dog, a red car and a cat
    data = open_data(write_coco(tmp_path, document))
    words = Ontology(
        [
            Concept(id="animal", names_en=("animal",)),
            Concept(id="dog", names_en=("dog",), names_zh=("狗",), parents=("animal",)),
            Concept(id="puppy", names_en=("puppy",), parents=("dog",)),
            Concept(id="horse", names_en=("horse",), names_zh=("马",), parents=("animal",)),
            *(Concept(id=name, names_en=(name,)) for name in ("car", "light", "bus", "boat", "tree", "chair")),
        ]
    )
    made = with_absent_phrases(data, words, 5, 7).records
    for record in made:
        absent = [query for query in record.queries if not query.instances]
        texts = [query.text for query in absent]
        assert {query.language for query in absent} == {"en"}
        assert len(set(texts)) == len(texts) == 5
        assert not {"dog", "animal", "puppy"} & set(texts)
        assert "light" not in texts or "traffic light" not in record.concepts
        others = [name for name in data.concepts if name not in record.concepts]
        assert set(texts[: len(others)]) == set(others)  # the data's own concepts come first
        assert {q.text: q.kind for q in absent}.get("horse", "absent-sibling") == "absent-sibling"
        if "red cars" in record.concepts:
            assert "car" not in texts
    assert any(query.text == "horse" for record in made for query in record.queries)  # hard ones are among them
    again = with_absent_phrases(data, words, 5, 7).records
    assert [record.queries for record in again] == [record.queries for record in made]
    more = with_absent_phrases(replace(data, records=made), words, 6, 7).records
    assert all(sum(not query.instances for query in record.queries) == 6 for record in more)  # what is asked counts
    assert all(len(record.queries) <= 2 + 3 for record in with_absent_phrases(data, plain_words(), 9, 0).records)
    with pytest.raises(ValueError, match="at least 0"):
        with_absent_phrases(data, words, -1, 0)


def test_absent_phrases_are_in_the_language_of_the_data(tmp_path: Path) -> None:
    document = coco_document(2)
    document["categories"][0]["name"], document["categories"][1]["name"] = "狗", "红绿灯"
    data = with_absent_phrases(open_data(write_coco(tmp_path, document)), built_in(), 4, 0)
    absent = [query for record in data.records for query in record.queries if not query.instances]
    assert len(absent) == 8 and all(query.language == "zh" for query in absent)


def plain_words(*names: str) -> Ontology:
    return Ontology(Concept(id=name, names_en=(name,)) for name in names)


def test_what_is_unsure_is_not_said_to_be_absent(tmp_path: Path) -> None:
    document = coco_document(2)
    document["annotations"][2]["segmentation"] = []
    data = with_absent_phrases(open_data(write_coco(tmp_path, document)), plain_words("bus"), 5, 0)
    assert [query.text for query in data.records[0].queries] == ["dog", "bus"]


def test_labels_of_another_size_than_at_opening_are_told(tmp_path: Path) -> None:
    data = dogs_and_lights(tmp_path)
    write_picture(tmp_path / "images" / "0.png", (5, 5))
    with pytest.raises(ValueError, match="when the data were opened"):
        data.sample(0)
