import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from argus.inference.preprocess import read_image
from argus.ops.pixels import to_model_input

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 18, 3), dtype=np.uint8)


def test_every_kind_of_source_gives_the_same_pixels(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    Image.fromarray(PIXELS).save(path)
    tensor = torch.from_numpy(PIXELS).permute(2, 0, 1)
    sources = [path, str(path), io.BytesIO(path.read_bytes()), Image.open(path), PIXELS, tensor, tensor / 255]
    for source in sources:
        read = read_image(source)
        assert read.dtype == np.uint8
        assert np.array_equal(read, PIXELS)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_honoured(orientation: int, tmp_path: Path) -> None:
    upright = np.zeros((16, 32, 3), np.uint8)
    upright[:8, :8] = 255  # white at the top left, wherever the camera stored it
    stored = Image.fromarray(upright)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Image.Transpose that takes upright to stored
    if orientation in undo:
        stored = stored.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "photo.png", exif=exif)
    assert np.array_equal(read_image(tmp_path / "photo.png"), upright)


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "RGBA", "LA", "YCbCr", "HSV", "PA"])
def test_modes_become_rgb(mode: str) -> None:
    image = Image.fromarray(PIXELS).convert("L" if mode in ("LA", "PA") else "RGB").convert(mode)
    assert read_image(image).shape == (12, 18, 3)


def test_transparency_is_laid_over_white() -> None:
    image = Image.new("RGBA", (2, 1), (200, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    assert read_image(image).tolist() == [[[200, 0, 0], [255, 255, 255]]]


def test_sixteen_bits_are_scaled(tmp_path: Path) -> None:
    values = np.array([[0, 257, 65535, 32896]], np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    assert read_image(tmp_path / "deep.png")[..., 0].tolist() == [[0, 1, 255, 128]]
    Image.fromarray(values).save(tmp_path / "deep.tiff")
    assert read_image(tmp_path / "deep.tiff")[..., 0].tolist() == [[0, 1, 255, 128]]


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_a_dark_picture_of_sixteen_bits_stays_dark(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(np.array([[0, 100, 129, 255]], np.uint16)).save(tmp_path / f"dark.{suffix}")
    assert read_image(tmp_path / f"dark.{suffix}")[..., 0].tolist() == [[0, 0, 1, 1]]


@pytest.mark.parametrize(
    ("values", "read"),
    [
        (np.array([[0, 100, 255]], np.int32), [0, 100, 255]),
        (np.array([[0, 257, 65535]], np.int32), [0, 1, 255]),
        (np.array([[0, 0.2, 1]], np.float32), [0, 51, 255]),
        (np.array([[0, 51, 255]], np.float32), [0, 51, 255]),
        (np.array([[0, 257, 65535]], np.float32), [0, 1, 255]),
    ],
)
def test_of_thirty_two_bits_the_greatest_value_tells_the_range(values: np.ndarray, read: list[int]) -> None:
    assert read_image(Image.fromarray(values))[0, :, 0].tolist() == read


def test_of_an_animation_the_first_frame_is_taken(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (6, 4), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    with pytest.warns(UserWarning, match="first frame"):
        read = read_image(tmp_path / "moving.gif")
    assert (read == [255, 0, 0]).all()


@pytest.mark.parametrize("size_hw", [(1, 1), (50, 20_000), (20_000, 50)])
def test_odd_sizes_work(size_hw: tuple[int, int]) -> None:
    image = np.full((*size_hw, 3), 255, np.uint8)
    assert torch.equal(to_model_input(read_image(image), (28, 42)), torch.ones(3, 28, 42))


def test_broken_files_are_named(tmp_path: Path) -> None:
    good = io.BytesIO()
    Image.fromarray(np.tile(PIXELS, (9, 9, 1))).save(good, "JPEG")
    whole = good.getvalue()
    for name, content in {
        "cut.jpg": whole[: len(whole) // 2],
        "header.jpg": whole[:60],
        "empty.jpg": b"",
        "text.jpg": b"this is no picture",
    }.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ValueError, match=name):
            read_image(path)
    with pytest.raises(ValueError, match="folder"):
        read_image(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_image(tmp_path / "nowhere.jpg")


def test_a_picture_beyond_the_limit_of_pillow_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    Image.fromarray(PIXELS).save(tmp_path / "large.png")
    with pytest.raises(ValueError, match=r"large\.png.*216 pixels.*200 pixels.*smaller") as caught:
        read_image(tmp_path / "large.png")
    assert "damaged" not in str(caught.value)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (PIXELS.transpose(2, 0, 1), "transpose"),
        (PIXELS / 255, "astype"),
        (PIXELS[..., 0], "stack"),
        (PIXELS[:0], "height, width, 3"),
        (np.zeros((4, 4, 4), np.uint8), "height, width, 3"),
        (torch.from_numpy(PIXELS), r"\(3, height, width\)"),
        (torch.from_numpy(PIXELS).permute(2, 0, 1).float(), r"0\.\.1"),
        (torch.full((3, 4, 4), float("nan")), r"0\.\.1"),
        (torch.zeros(3, 4, 4, dtype=torch.int64), "uint8"),
        (torch.zeros(3, 0, 4), r"\(3, height, width\)"),
    ],
)
def test_wrong_arrays_say_what_to_do(array: np.ndarray | torch.Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_image(array)


def test_the_model_input_is_stretched_and_normalised() -> None:
    ramp = np.repeat(np.arange(0, 250, 10, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(40, axis=0)
    made = to_model_input(ramp, (14, 25))
    assert made.shape == (3, 14, 25)
    assert torch.allclose(made[0, 3], torch.from_numpy(ramp[0, :, 0]) / 127.5 - 1)


def test_the_model_input_agrees_with_pillow() -> None:
    made = (to_model_input(PIXELS, (7, 30)) + 1) * 127.5
    other = np.array(Image.fromarray(PIXELS).resize((30, 7), Image.Resampling.BILINEAR))
    assert np.abs(made.permute(1, 2, 0).numpy() - other).max() <= 1.01


def test_a_read_only_array_is_taken_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    frozen = PIXELS.copy()
    frozen.flags.writeable = False
    to_model_input(read_image(frozen), (14, 14))
    assert not recwarn.list
