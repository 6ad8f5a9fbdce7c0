"""The parts of scenes: the ontology, what is true of objects, colours, layers, photos."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from argus.data.ontology.words import plural
from argus.data.sources.scenes import Concept, Ontology, ontology, prepare_photos
from argus.data.sources.scenes.bank import PHOTOS_STYLE, SpriteBank
from argus.data.sources.scenes.colours import BY_NAME, ColourReading, read_colour, sample_rgb
from argus.data.sources.scenes.compose import Layer, draw, turn, visible_layers
from argus.data.sources.scenes.cutouts import PATCH_SIDE, read_patches
from argus.data.sources.scenes.shapes import SHAPES, draw_shape
from argus.data.sources.scenes.truth import Phrase, Placed, instances

UNCLEAR = ColourReading(name=None, possible=frozenset(BY_NAME))
RED = ColourReading(name="red", possible=frozenset({"red", "pink"}))


def thing(concept: str, reading: ColourReading = UNCLEAR, extent: float = 0.2, exact: bool = True) -> Placed:
    return Placed(concept=concept, reading=reading, extent=extent, visible=1.0, pattern=None, exact=exact)


def named(phrase: Phrase, *placed: Placed) -> tuple[int, ...] | None:
    return instances(phrase, placed, ontology())


def test_the_ontology_is_large_and_speaks_two_languages() -> None:
    concepts = ontology().concepts.values()
    assert sum(bool(concept.glyphs) for concept in concepts) >= 400
    assert all(name for concept in concepts for name in concept.names_en + concept.names_zh)
    assert all(any("\u4e00" <= c <= "\u9fff" for c in name) for concept in concepts for name in concept.names_zh)
    glyphs = [glyph for concept in concepts for glyph in concept.glyphs]
    assert len(glyphs) == len(set(glyphs)), "an emoji is one concept"
    shapes = [glyph.removeprefix("shape:") for glyph in glyphs if glyph.startswith("shape:")]
    assert sorted(shapes) == sorted(SHAPES)


def test_an_ontology_refuses_loose_links_and_names_that_stand_twice() -> None:
    dog = Concept(id="dog", names_en=("dog",), names_zh=("狗",))
    with pytest.raises(ValueError, match="animal"):
        Ontology([Concept(id="cat", names_en=("cat",), names_zh=("猫",), parents=("animal",))])
    with pytest.raises(ValueError, match="names both"):
        Ontology([dog, Concept(id="wolf", names_en=("wolf", "dog"), names_zh=("狼",))])


def test_parents_cover_their_children_and_doubt_silences() -> None:
    assert named(Phrase(concept="animal"), thing("dog"), thing("taxi"), thing("bee")) == (0, 2)
    assert named(Phrase(concept="car"), thing("taxi")) == (0,)
    assert named(Phrase(concept="taxi"), thing("car")) == ()
    assert named(Phrase(concept="taxi"), thing("car", exact=False)) is None, "a photo of a car may show a taxi"
    assert named(Phrase(concept="mouse"), thing("rat")) is None, "a drawn rat may pass for a mouse"
    assert named(Phrase(concept="mouse", colour="green"), thing("rat", RED)) == (), "whatever it is, it is not green"
    assert named(Phrase(concept="bear"), thing("teddy bear"), thing("bear")) is None


def test_colours_count_only_when_clear() -> None:
    assert named(Phrase(concept="car", colour="red"), thing("car", RED), thing("apple", RED)) == (0,)
    assert named(Phrase(concept="car", colour="pink"), thing("car", RED)) is None
    assert named(Phrase(concept="car", colour="blue"), thing("car", RED)) == ()


def test_sizes_count_by_a_gap_or_in_the_image() -> None:
    small, large = Phrase(concept="dog", size="small"), Phrase(concept="dog", size="large")
    pair = thing("dog", extent=0.12), thing("dog", extent=0.4), thing("cat", extent=0.1)
    assert (named(small, *pair), named(large, *pair)) == ((0,), (1,))
    assert named(small, thing("dog", extent=0.2), thing("dog", extent=0.26)) is None
    assert (named(small, thing("dog", extent=0.5)), named(large, thing("dog", extent=0.5))) == ((), (0,))
    assert named(large, thing("dog", extent=0.25)) is None


@pytest.mark.parametrize("name", list(BY_NAME))
def test_a_colour_drawn_by_name_is_read_by_that_name(name: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        sprite = np.full((9, 9, 4), 255, np.uint8)
        sprite[..., :3] = sample_rgb(name, rng)
        assert read_colour(sprite).name == name


def test_two_colours_are_no_clear_colour() -> None:
    sprite = np.full((10, 10, 4), 255, np.uint8)
    sprite[:5, :, :3], sprite[5:, :, :3] = (220, 20, 20), (20, 40, 220)
    reading = read_colour(sprite)
    assert reading.name is None
    assert {"red", "blue"} <= reading.possible
    assert "green" not in reading.possible


@pytest.mark.parametrize("name", list(SHAPES))
def test_shapes_have_the_asked_size_and_clean_alpha(name: str) -> None:
    shape = draw_shape(name, 80, np.random.default_rng(1))
    rows, columns = np.nonzero(shape.rgba[..., 3] > 128)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == pytest.approx(78, abs=2)
    assert (shape.rgba[..., :3] <= shape.rgba[..., 3:]).all()


def block(left: int, top: int, side: int, value: int) -> Layer:
    rgba = np.full((side, side, 4), 255, np.uint8)
    rgba[..., :3] = value
    return Layer(rgba=rgba, left=left, top=top)


def test_hidden_layers_leave_and_labels_are_what_is_seen() -> None:
    layers = [block(10, 10, 20, 50), block(5, 5, 40, 100), block(90, 90, 40, 150)]
    keep, labels, fractions = visible_layers(layers, (100, 100))
    assert keep == [1], "the first lies under the second, the third is all but outside"
    assert (labels == 1).sum() == 1600
    assert fractions == [1.0]
    image = draw(np.zeros((100, 100, 3), np.uint8), [layers[1]], np.random.default_rng(0), shadows=False)
    assert ((image[..., 0] == 100) == (labels == 1)).all()


def test_turning_keeps_the_area_and_holds_the_whole() -> None:
    square = np.full((40, 40, 4), 255, np.uint8)
    turned = turn(square, (60, 30), 30, mirror=True)
    assert turned[..., 3].sum() / 255 == pytest.approx(60 * 30, rel=0.06)
    assert turned[..., 3][[0, -1]].max() < 255


@pytest.mark.parametrize(
    ("name", "many"),
    [("dog", "dogs"), ("woman", "women"), ("cherry", "cherries"), ("bus", "bus"), ("glasses", "glasses")]
    + [("box", "boxes"), ("old man", "old men"), ("bow and arrow", "bow and arrow"), ("toy", "toys")],
)
def test_plurals(name: str, many: str) -> None:
    assert plural(name) == many


def write_photos(folder: Path) -> Path:
    """Two photos: a red square "dog" on each; only the first is free to train on."""
    boxes = [[100, 60, 80, 90], [100, 60, 80, 90]]
    for name in ("free.png", "bound.png"):
        photo = np.full((240, 320, 3), 90, np.uint8)
        cv2.rectangle(photo, (100, 60), (179, 149), (220, 20, 20), -1)
        Image.fromarray(photo).save(folder / name)
    corners = [[100, 60, 180, 60, 180, 150, 100, 150]]
    annotations = [
        {"id": i, "image_id": i, "category_id": 5, "bbox": box, "segmentation": corners, "iscrowd": 0}
        for i, box in enumerate(boxes)
    ]
    images = [
        {"id": 0, "file_name": "free.png", "free_to_train": True},
        {"id": 1, "file_name": "bound.png", "free_to_train": False},
    ]
    document = {"images": images, "annotations": annotations, "categories": [{"id": 5, "name": "dog"}]}
    path = folder / "instances.json"
    path.write_text(json.dumps(document))
    return path


def test_photos_are_cut_along_their_masks_and_only_free_ones(tmp_path: Path) -> None:
    annotations = write_photos(tmp_path)
    cut, patches = prepare_photos(annotations, tmp_path, tmp_path / "free", ontology())
    assert (cut, patches) == (1, 4)
    bank = SpriteBank(tmp_path / "free", (PHOTOS_STYLE,))
    assert bank.concepts == ["dog"]
    pixels = bank.pixels(0, 80)
    assert read_colour(pixels).name == "red"
    ground = read_patches(tmp_path / "free")
    assert ground is not None
    assert ground.shape == (4, PATCH_SIDE, PATCH_SIDE, 3)
    assert np.abs(ground.astype(int) - 90).max() < 12, "no object stands on the patches"
