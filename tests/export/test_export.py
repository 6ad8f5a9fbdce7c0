import importlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from argus.export import FORMATS, draw, save, write_coco
from argus.export.outline import bridged, parts, signed_area
from argus.ops import rle
from argus.types import Detections

SIZE = (60, 90)
drawing = importlib.import_module("argus.export.draw")  # `argus.export.draw` is the function


def disc(cx: float, cy: float, radius: float) -> np.ndarray:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return (x - cx) ** 2 + (y - cy) ** 2 <= radius**2


SHAPES = {
    "disc": disc(30, 30, 20),
    "parts": disc(20, 20, 12) | disc(60, 40, 15),
    "ring": disc(40, 30, 25) & ~disc(40, 30, 12),
    "island": (disc(40, 30, 28) & ~disc(40, 30, 20)) | disc(40, 30, 8),
    "whole": np.ones(SIZE, bool),
    "blobs": np.array(
        Image.fromarray(np.random.default_rng(3).integers(0, 256, SIZE, dtype=np.uint8)).filter(
            ImageFilter.GaussianBlur(4)
        )
    )
    > 128,
}


def fill(ring: np.ndarray) -> np.ndarray:
    """A polygon in pixels, sampled at pixel centres by the even-odd rule."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5 + 1e-5
    inside = np.zeros(SIZE, bool)
    for (ax, ay), (bx, by) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        if ay != by:
            inside ^= ((ay > y) != (by > y)) & (x < ax + (y - ay) / (by - ay) * (bx - ax))
    return inside


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def found(*names: str) -> Detections:
    masks = np.stack([SHAPES[name] for name in names])
    return Detections.from_masks(masks, np.linspace(0.95, 0.6, len(names)), list(names))


@pytest.mark.parametrize("name", SHAPES)
def test_outlines_give_the_mask_back(name: str) -> None:
    mask = SHAPES[name]
    rebuilt = np.zeros(SIZE, bool)
    for part in parts(rle.encode(mask)):
        rebuilt |= fill(bridged([part.outer, *part.holes]))
    assert iou(rebuilt, mask) > 0.98


def test_noise_is_outlined_exactly_where_nothing_is_thinned() -> None:
    mask = np.random.default_rng(0).random(SIZE) < 0.3
    outlined = np.zeros(SIZE, bool)
    for part in parts(rle.encode(mask)):
        outlined |= fill(bridged([part.outer, *part.holes]))
    assert iou(outlined, mask) > 0.98


def test_parts_and_holes_are_told_apart() -> None:
    outer, inner = parts(rle.encode(SHAPES["island"]))
    assert len(outer.holes) == 1
    assert len(inner.holes) == 0
    assert signed_area(outer.outer) > signed_area(inner.outer) > 0 > signed_area(outer.holes[0])
    assert parts(rle.empty(SIZE)) == []
    assert len(parts(rle.encode(np.eye(4, dtype=bool)))) == 4  # touching at corners only


def test_outlines_are_short() -> None:
    (part,) = parts(rle.encode(SHAPES["disc"]))
    assert len(part.outer) < 50


def test_yolo_round_trip(tmp_path: Path) -> None:
    objects = found(*SHAPES)
    (tmp_path / "classes.txt").write_text("other\nring\n")
    save(objects, tmp_path, ["yolo"], stem="photo")
    classes = (tmp_path / "classes.txt").read_text().splitlines()
    assert classes[:2] == ["other", "ring"]
    lines = (tmp_path / "photo.txt").read_text().splitlines()
    assert [classes[int(line.split()[0])] for line in lines] == list(SHAPES)
    for line, mask in zip(lines, SHAPES.values(), strict=True):
        values = np.array(line.split()[1:], float)
        assert ((values >= 0) & (values <= 1)).all()
        assert iou(fill(values.reshape(-1, 2) * [SIZE[1], SIZE[0]]), mask) > 0.95


def test_labelme_round_trip(tmp_path: Path) -> None:
    save(found(*SHAPES), tmp_path, ["labelme"], stem="photo", file_name="photo.png")
    document = json.loads((tmp_path / "photo.json").read_text())
    assert document["imagePath"] == "photo.png"
    assert (document["imageHeight"], document["imageWidth"]) == SIZE
    for index, (name, mask) in enumerate(SHAPES.items()):
        canvas = Image.new("1", (SIZE[1], SIZE[0]))
        shapes = [shape for shape in document["shapes"] if shape["group_id"] == index]
        assert {shape["label"] for shape in shapes} == {name}
        rebuilt = np.zeros(SIZE, bool)
        for shape in shapes:
            rebuilt |= fill(np.array(shape["points"]))
            ImageDraw.Draw(canvas).polygon([tuple(point) for point in shape["points"]], fill=1)
        assert iou(rebuilt, mask) > 0.98
        assert iou(np.array(canvas), mask) > 0.85  # as LabelMe itself draws: it fills the border too


def test_coco_round_trip(tmp_path: Path) -> None:
    objects = found("ring", "parts")
    write_coco(tmp_path / "all.json", [("a.jpg", objects), ("b.jpg", found("disc", "ring"))])
    document = json.loads((tmp_path / "all.json").read_text())
    assert [category["name"] for category in document["categories"]] == ["ring", "parts", "disc"]
    assert [annotation["image_id"] for annotation in document["annotations"]] == [1, 1, 2, 2]
    assert [annotation["category_id"] for annotation in document["annotations"]] == [1, 2, 3, 1]
    first = document["annotations"][0]
    assert np.array_equal(rle.decode(rle.from_coco(first["segmentation"], SIZE)), SHAPES["ring"])
    assert first["bbox"] == [15.0, 5.0, 51.0, 51.0]
    assert first["area"] == SHAPES["ring"].sum()
    assert first["score"] == pytest.approx(0.95)


def test_coco_files_open_with_pycocotools(tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    (path,) = found("ring", "parts").save(tmp_path, ["coco"], stem="photo")
    opened = COCO(str(path))
    masks = [opened.annToMask(annotation).astype(bool) for annotation in opened.loadAnns(opened.getAnnIds())]
    assert np.array_equal(masks[1], SHAPES["parts"])


def test_png_masks_round_trip(tmp_path: Path) -> None:
    objects = Detections.from_masks(SHAPES["ring"][None], [0.9], ["a/b: 圆环"])
    (path,) = objects.save(tmp_path, ["png"], stem="photo")
    assert path.name == "000-a-b--圆环.png"
    assert np.array_equal(np.array(Image.open(path)) > 0, SHAPES["ring"])


def test_every_format_can_be_asked_for_at_once(tmp_path: Path) -> None:
    written = found("ring", "disc").save(
        tmp_path / "new" / "folder", ["coco", "yolo", "labelme", "png", "overlay"], image=np.zeros((*SIZE, 3), np.uint8)
    )
    assert len(written) == 7
    assert all(path.stat().st_size for path in written)


def test_the_defaults_of_save_work_and_one_format_may_be_a_string(tmp_path: Path) -> None:
    assert [path.name for path in found("ring").save(tmp_path)] == ["image.coco.json"]
    assert [path.name for path in found("ring").save(tmp_path, "labelme")] == ["image.json"]


def test_every_format_works_without_an_image(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="plain grey"):
        written = found("ring", "disc").save(tmp_path, FORMATS)
    assert len(written) == 7
    drawn = np.array(Image.open(tmp_path / "image.overlay.png"))
    assert drawn.shape == (*SIZE, 3)
    assert (drawn[-1, -1] == 128).all() and (drawn != 128).any()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_overlays_are_drawn_on_the_upright_picture(orientation: int, tmp_path: Path) -> None:
    upright = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Image.Transpose that takes upright to stored
    stored = Image.fromarray(upright)
    if orientation in undo:
        stored = stored.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "photo.png"
    stored.save(path, exif=exif)
    wanted = np.array(draw(upright, found("ring")))
    with Image.open(path) as opened:
        assert np.array_equal(np.array(draw(opened, found("ring"))), wanted)
    assert np.array_equal(np.array(draw(path, found("ring"))), wanted)
    (written,) = found("ring").save(tmp_path / "out", "overlay", image=str(path))
    assert np.array_equal(np.array(Image.open(written)), wanted)


def test_files_to_draw_on_that_are_missing_or_no_pictures_are_named(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    for name in ("text.png", "gone.png"):
        with pytest.raises(ValueError, match=name):
            draw(tmp_path / name, found("ring"))


def test_labelme_finds_the_image_from_its_own_folder(tmp_path: Path) -> None:
    photo = tmp_path / "photos" / "deep" / "a photo.png"
    photo.parent.mkdir(parents=True)
    Image.new("RGB", (SIZE[1], SIZE[0])).save(photo)
    for given in ({"image": photo}, {"image_path": photo}):
        (path,) = found("ring").save(tmp_path / "out", "labelme", **given)
        image_path = json.loads(path.read_text())["imagePath"]
        assert image_path == "../photos/deep/a photo.png"
        assert (path.parent / image_path).samefile(photo)
    (coco,) = found("ring").save(tmp_path / "out", image=photo)
    assert json.loads(coco.read_text())["images"][0]["file_name"] == "a photo.png"


def test_coco_files_of_one_run_number_their_categories_alike(tmp_path: Path) -> None:
    asked = ["ring", "disc", "parts"]
    for number, name in enumerate(("disc", "ring"), start=1):
        found(name).save(tmp_path, stem=name, image_id=number, categories=asked)
    documents = [json.loads((tmp_path / f"{name}.coco.json").read_text()) for name in ("disc", "ring")]
    assert [document["images"][0]["id"] for document in documents] == [1, 2]
    assert [document["annotations"][0]["image_id"] for document in documents] == [1, 2]
    assert [document["annotations"][0]["category_id"] for document in documents] == [2, 1]
    assert documents[0]["categories"] == documents[1]["categories"]
    assert [category["name"] for category in documents[0]["categories"]] == asked


def test_a_label_that_no_font_can_draw_is_warned_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "_CJK_FONTS", ())
    drawing._cjk_font.cache_clear()
    drawing._warn_of_numbers.cache_clear()
    objects = Detections.from_masks(np.stack([SHAPES["ring"], SHAPES["disc"]]), [0.9, 0.8], ["圆环", "圆"])
    picture = np.zeros((*SIZE, 3), np.uint8)
    with pytest.warns(UserWarning, match="no font") as said:
        draw(picture, objects)
        draw(picture, objects)
    assert sum("no font" in str(warning.message) for warning in said) == 1
    drawing._cjk_font.cache_clear()


def test_the_list_of_classes_is_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="another stem"):
        found("ring").save(tmp_path, "yolo", stem="Classes")


def test_wrong_requests_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="tiff"):
        found("ring").save(tmp_path, ["coco", "tiff"])
    with pytest.raises(ValueError, match="upright"):
        draw(np.zeros((90, 60, 3), np.uint8), found("ring"))


def test_the_overlay_tints_the_mask_and_leaves_the_rest() -> None:
    image = np.full((*SIZE, 3), 128, np.uint8)
    drawn = np.array(draw(image, Detections.from_masks(disc(70, 40, 10)[None], [0.9], ["disc"])))
    assert (drawn[40, 70] != 128).any()
    assert (drawn[55, 5] == 128).all()
    assert (image == 128).all()


@pytest.mark.parametrize("size_hw", [(1, 1), (3, 2000), (2000, 3)])
def test_odd_pictures_can_be_drawn_on(size_hw: tuple[int, int]) -> None:
    objects = Detections.from_masks(np.ones((1, *size_hw), bool), [0.5], ["a very long phrase " * 9])
    assert draw(np.zeros((*size_hw, 3), np.uint8), objects).size == (size_hw[1], size_hw[0])


def test_masks_of_an_earlier_answer_do_not_stay(tmp_path: Path) -> None:
    save(found("disc", "parts"), tmp_path, ["png"])
    (tmp_path / "image.masks" / "mine.png").write_bytes(b"")
    (written,) = save(found("ring"), tmp_path, ["png"])
    assert {path.name for path in (tmp_path / "image.masks").iterdir()} == {written.name, "mine.png"}
