"""Bad input: a clear ValueError that is raised by Argus itself, or it works; never a wrong silent answer."""

import io
import struct
import traceback
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import ArrayLike
from PIL import Image

import argus
from argus.inference.image import ImagePredictor
from argus.inference.preprocess import read_image
from argus.model.sam3 import Sam3
from tests.train.toys import tiny_model

PACKAGE = str(Path(argus.__path__[0]))
NAN, INF = float("nan"), float("inf")


@pytest.fixture(scope="module")
def model() -> Sam3:
    torch.manual_seed(0)
    return tiny_model().eval()


@pytest.fixture(scope="module")
def predictor(model: Sam3) -> ImagePredictor:
    return ImagePredictor(model).set_image(noise(60, 100))


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def refused(call: Callable[[], object], *words: str) -> None:
    """The call raises a ValueError from within Argus, with `words` in its message."""
    with pytest.raises(ValueError) as caught:
        call()
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert frames[-1].filename.startswith(PACKAGE), f"raised in {frames[-1].filename}"
    for word in ("xpected", *words):
        assert word in str(caught.value)


def encoded(image: Image.Image, form: str, **options: object) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, form, **options)
    file.seek(0)
    return file


# images that are refused


def test_a_missing_file(model: Sam3, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.png"):
        ImagePredictor(model).set_image(tmp_path / "gone.png")
    refused(lambda: ImagePredictor(model).set_image(tmp_path / "gone.png"), "gone.png", "there is none")


def test_a_path_longer_than_the_system_takes(model: Sam3) -> None:
    refused(lambda: ImagePredictor(model).set_image("a" * 5_000), "can be opened", "aaa...")
    refused(lambda: ImagePredictor(model).set_image(Path("a/" * 2_500)), "/a/a")


def test_a_folder(model: Sam3, tmp_path: Path) -> None:
    refused(lambda: ImagePredictor(model).set_image(tmp_path), "folder")


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n", bytes(1000)])
def test_files_that_are_no_pictures(model: Sam3, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    refused(lambda: ImagePredictor(model).set_image(path), "broken.png")
    refused(lambda: ImagePredictor(model).set_image(io.BytesIO(content)))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"])
def test_truncated_files(model: Sam3, tmp_path: Path, form: str) -> None:
    whole = encoded(Image.fromarray(noise(64, 64)), form).getvalue()
    path = tmp_path / "cut"
    path.write_bytes(whole[: len(whole) // 2])
    refused(lambda: ImagePredictor(model).set_image(path), "cut")
    if form != "WEBP":  # which is decoded when it is opened
        with Image.open(path) as opened:
            refused(lambda: ImagePredictor(model).set_image(opened), "the PIL image", "cut short")


def test_a_file_that_claims_no_pixels(model: Sam3, tmp_path: Path) -> None:
    header = b"IHDR" + struct.pack(">IIBBBBB", 0, 5, 8, 2, 0, 0, 0)
    path = tmp_path / "zero.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)))
    refused(lambda: ImagePredictor(model).set_image(path), "zero.png")


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (0, 0)])
def test_pictures_without_pixels(model: Sam3, size: tuple[int, int]) -> None:
    refused(lambda: ImagePredictor(model).set_image(Image.new("RGB", size)))
    refused(lambda: ImagePredictor(model).set_image(np.zeros((*size, 3), np.uint8)))
    refused(lambda: ImagePredictor(model).set_image(torch.zeros(3, *size)))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((8, 9, 3)),
        np.zeros((8, 9), np.uint8),
        np.zeros((3, 8, 9), np.uint8),
        np.zeros((8, 9, 4), np.uint8),
        np.zeros((1, 8, 9, 3), np.uint8),
        np.zeros((8, 9, 3), np.uint16),
        np.array(None),
    ],
    ids=lambda array: f"{array.dtype}-{array.shape}",
)
def test_arrays_of_another_shape_or_type(model: Sam3, array: np.ndarray) -> None:
    refused(lambda: ImagePredictor(model).set_image(array), str(array.shape))


@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(8, 9, 3),
        torch.zeros(1, 3, 8, 9),
        torch.zeros(3, 8, 9, dtype=torch.int64),
        torch.full((3, 8, 9), 255.0),
        torch.full((3, 8, 9), -1.0),
        torch.full((3, 8, 9), NAN),
    ],
    ids=["hwc", "batch", "int64", "0..255", "normalised", "nan"],
)
def test_tensors_of_another_shape_or_range(model: Sam3, tensor: torch.Tensor) -> None:
    refused(lambda: ImagePredictor(model).set_image(tensor))


# images that work


@pytest.mark.parametrize("size", [(1, 1), (20_000, 50), (50, 20_000), (1, 300)])
def test_extreme_sizes_work(model: Sam3, size: tuple[int, int]) -> None:
    width, height = size
    file = encoded(Image.new("RGB", size, "orange"), "PNG")
    found = ImagePredictor(model).set_image(file).predict("red", boxes=[[0, 0, width, height]], score_threshold=0)
    assert found.size_hw == (height, width)
    assert found.masks.shape == (6, height, width)
    assert (found.boxes_xyxy_px >= 0).all()
    assert (found.boxes_xyxy_px <= [width, height, width, height]).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "HSV", "I;16", "I", "F"])
def test_every_mode_is_read_as_the_rgb_picture_it_shows(model: Sam3, mode: str) -> None:
    dark, light = (0, 255) if mode == "1" else (51, 204)
    grey = Image.new("L", (40, 30), dark)
    grey.paste(light, (10, 5, 30, 20))
    same = encoded(deep(grey, mode), "TIFF") if mode in ("I;16", "I", "F") else grey.convert(mode)
    wanted = ImagePredictor(model).set_image(grey.convert("RGB")).predict("red", score_threshold=0)
    found = ImagePredictor(model).set_image(same).predict("red", score_threshold=0)
    np.testing.assert_allclose(found.scores, wanted.scores, atol=1e-5)
    np.testing.assert_allclose(found.boxes_xyxy_px, wanted.boxes_xyxy_px, atol=1e-2)


def deep(grey: Image.Image, mode: str) -> Image.Image:
    """The same picture in more than 8 bits."""
    values = np.asarray(grey).astype(np.float32) / 255
    wide: dict[str, np.ndarray] = {
        "I;16": (values * 65535).astype(np.uint16),
        "I": (values * 65535).astype(np.int32),
        "F": values,
    }
    return Image.fromarray(wide[mode])


def test_transparent_pixels_are_white(model: Sam3) -> None:
    clear = Image.new("RGBA", (40, 30), (0, 0, 255, 0))
    wanted = ImagePredictor(model).set_image(Image.new("RGB", (40, 30), "white")).predict("red", score_threshold=0)
    found = ImagePredictor(model).set_image(encoded(clear, "PNG")).predict("red", score_threshold=0)
    np.testing.assert_array_equal(found.scores, wanted.scores)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation_is_taken_with_a_warning(model: Sam3, form: str) -> None:
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("black", "white")]
    lossless = {"lossless": True} if form == "WEBP" else {}
    file = encoded(frames[0], form, save_all=True, append_images=frames[1:], **lossless)
    with pytest.warns(UserWarning, match="first frame"):
        found = ImagePredictor(model).set_image(file).predict("red", score_threshold=0)
    wanted = ImagePredictor(model).set_image(frames[0]).predict("red", score_threshold=0)
    np.testing.assert_array_equal(found.scores, wanted.scores)


def test_the_second_picture_of_a_phone_s_jpeg_is_no_animation(recwarn: pytest.WarningsRecorder) -> None:
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("black", "white")]
    file = encoded(frames[0], "MPO", save_all=True, append_images=frames[1:])
    assert read_image(file).max() == 0
    assert not recwarn.list


def test_of_several_pictures_in_a_tiff_the_first_is_taken_and_that_is_said() -> None:
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("black", "white", "red")]
    file = encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    with pytest.warns(UserWarning, match="holds 3 pictures: only the first"):
        assert read_image(file).max() == 0


# phrases


@pytest.mark.parametrize("phrase", ["", "   ", "\n\t", "\ufeff", "&nbsp;", [""], ["red", " "]])
def test_empty_phrases(predictor: ImagePredictor, phrase: str | list[str]) -> None:
    refused(lambda: predictor.predict(phrase), "phrase")
    refused(lambda: predictor.predict(phrase, boxes=[[1, 1, 9, 9]]), "phrase")


def test_no_question_at_all(predictor: ImagePredictor) -> None:
    refused(lambda: predictor.predict(), "phrase", "boxes")
    refused(lambda: predictor.predict([]), "phrase")
    refused(lambda: predictor.predict(boxes=[]), "boxes")
    refused(lambda: predictor.predict(boxes=np.zeros((0, 4))), "boxes")
    refused(lambda: predictor.refine(""), "phrase")


@pytest.mark.parametrize("phrase", ["a" * 10_000, "red " * 2_500, "红" * 10_000, "🚌" * 10_000])
def test_an_overlong_phrase_is_cut_with_a_warning(predictor: ImagePredictor, phrase: str) -> None:
    predictor.model.train(False)  # forgets the phrases seen, so that each is read and warned of anew
    with pytest.warns(UserWarning, match="cut"):
        found = predictor.predict(phrase, score_threshold=0)
    assert len(found) == 6
    assert np.isfinite(found.scores).all()


@pytest.mark.filterwarnings("ignore:phrase of")
@pytest.mark.parametrize("phrase", ["<|endoftext|>", "\ud800", "\x00", "é" * 5, "ﷺ"])
def test_strange_phrases_work(predictor: ImagePredictor, phrase: str) -> None:
    assert len(predictor.predict(f"red {phrase}", score_threshold=0)) == 6


# boxes and labels


@pytest.mark.parametrize(
    ("box", "word"),
    [
        ([10, 10, NAN, 20], "finite"),
        ([10, 10, INF, 20], "finite"),
        ([10, 10, 1e300, 20], "finite"),
        ([20, 10, 10, 20], "left < right"),
        ([10, 20, 20, 10], "top < bottom"),
        ([10, 10, 10, 20], "left < right"),
        ([10, 10, 10, 10], "left < right"),
        ([200, 10, 220, 20], "inside the image"),
        ([-20, -20, -1, -1], "inside the image"),
        ([100, 0, 110, 20], "inside the image"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_bad_boxes(predictor: ImagePredictor, box: list[float], word: str) -> None:
    refused(lambda: predictor.predict(boxes=[[1.0, 1.0, 9.0, 9.0], box]), word, "box 1")
    refused(lambda: predictor.predict("red", boxes=torch.tensor([box])), word, "box 0")


@pytest.mark.parametrize(
    "boxes",
    [
        [1, 1, 9, 9],
        [[1, 1, 9]],
        [[[1, 1, 9, 9]]],
        [["left", 1, 9, 9]],
        [[1, 1, 9, 9], [1, 1]],
        [[None, 1, 9, 9]],
        7,
        np.zeros((2, 5)),
    ],
)
def test_boxes_of_another_shape(predictor: ImagePredictor, boxes: ArrayLike) -> None:
    refused(lambda: predictor.predict("red", boxes=boxes), "box")


@pytest.mark.parametrize(
    "labels",
    [[], [1], [1, 0, 1], [1, 2], [-1, 1], [0.5, 1], [NAN, 1], ["+", "-"], [None, 1]],
    ids=str,
)
def test_bad_labels(predictor: ImagePredictor, labels: ArrayLike) -> None:
    boxes = [[1, 1, 9, 9], [20, 20, 40, 40]]
    refused(lambda: predictor.predict("red", boxes=boxes, labels=labels), "labels")


def test_labels_without_boxes(predictor: ImagePredictor) -> None:
    refused(lambda: predictor.predict("red", labels=[1]), "labels")


def test_only_counter_examples(predictor: ImagePredictor) -> None:
    refused(lambda: predictor.predict(boxes=[[1, 1, 9, 9]], labels=[0]), "+ box")
    refused(lambda: predictor.refine().add_box([1, 1, 9, 9], positive=False), "+ box")
    assert len(predictor.predict("red", boxes=[[1, 1, 9, 9]], labels=[0], score_threshold=0)) == 6


def test_boxes_with_several_phrases(predictor: ImagePredictor) -> None:
    refused(lambda: predictor.predict(["red", "blue"], boxes=[[1, 1, 9, 9]]), "one phrase")


# thresholds


@pytest.mark.parametrize("value", [-0.1, 1.1, NAN, INF])
def test_thresholds_out_of_range(predictor: ImagePredictor, value: float) -> None:
    refused(lambda: predictor.predict("red", score_threshold=value), "score_threshold")
    refused(lambda: predictor.predict("red", nms_within=value), "nms_within")
    refused(lambda: predictor.predict("red", nms_across=value), "nms_across")
    refused(lambda: predictor.refine("red", score_threshold=value), "score_threshold")


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_mask_thresholds_that_are_no_numbers(predictor: ImagePredictor, value: float) -> None:
    refused(lambda: predictor.predict("red", mask_threshold=value), "mask_threshold")


@pytest.mark.parametrize("count", [0, -3])
def test_counts_below_one(predictor: ImagePredictor, count: int) -> None:
    refused(lambda: predictor.predict("red", max_count=count), "max_count")
