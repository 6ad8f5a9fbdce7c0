"""From whatever holds a picture to upright RGB pixels."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol, TypeAlias, cast, runtime_checkable

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError
from torch import Tensor

from argus.ops.pixels import to_rgb


@runtime_checkable
class BinaryFile(Protocol):
    """An open file, or anything that reads and seeks like one."""

    def read(self, size: int = ..., /) -> bytes: ...
    def seek(self, offset: int, whence: int = ..., /) -> int: ...
    def tell(self) -> int: ...


ImageSource: TypeAlias = str | os.PathLike[str] | BinaryFile | Image.Image | np.ndarray | Tensor
RgbImage: TypeAlias = UInt8[np.ndarray, "h w 3"]


class MissingImageError(FileNotFoundError, ValueError):
    """There is no file at the path given for an image."""


def read_image(source: ImageSource) -> RgbImage:
    """Read a picture as RGB uint8 of shape (height, width, 3), turned upright by its EXIF orientation.

    `source` is a path, a binary file, a PIL image, a numpy array (height, width, 3) of uint8, or a tensor (3, height,
    width) of uint8 or of floats 0..1. Of files: transparency is laid over white, grey of 16 bits (0..65535) is scaled
    to 8, CMYK and palettes are converted, and of an animation or of several pictures the first is taken, with a warning
    (without one for the JPEGs of phones that hold a second picture, MPO). Grey of 32 bits does not say its range, so
    its greatest value does: up to 255 it is that of 8 bits (floats up to 1: 0..1), above it 0..65535. Arrays and
    tensors are taken as they are. Raises MissingImageError (a FileNotFoundError and a ValueError) for a missing
    file, and ValueError for what is not a picture, is cut short, empty or larger than Pillow opens, or for an array of
    another shape or type.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Tensor):
        return _from_tensor(source)
    if isinstance(source, Image.Image):
        return _from_pil(source, "the PIL image")
    return _from_file(source)


def _from_file(source: str | os.PathLike[str] | BinaryFile) -> RgbImage:
    if isinstance(source, (str, os.PathLike)):
        file: Path | IO[bytes] = Path(source)
        name = str(source) if len(str(source)) <= 300 else f"{str(source)[:300]}..."
    else:
        if not isinstance(source, BinaryFile):
            raise ValueError(
                "Expected a path, an open binary file, a PIL image, a numpy array or a tensor, got "
                f"{type(source).__name__}. Wrap bytes in io.BytesIO, lists in np.array(..., np.uint8)."
            )
        file, name = cast(IO[bytes], source), str(getattr(source, "name", "the file object"))
    if isinstance(file, Path) and os.path.isdir(file):
        raise ValueError(f"Expected an image file, got the folder {name}.")
    with failures_told(name):
        opened = Image.open(file)
    with opened:
        return _from_pil(opened, name)


@contextmanager
def failures_told(name: str) -> Iterator[None]:
    """Whatever Pillow raises while it opens or decodes a picture (it does so late) becomes a clear ValueError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            yield
    except FileNotFoundError as error:
        raise MissingImageError(f"Expected an image file, got {name}: there is none.") from error
    except Image.DecompressionBombError as error:  # says the number of pixels and the limit
        raise ValueError(
            f"Expected an image within Pillow's limit, got {name}: {error} Make it smaller, or cut it into parts; "
            "for a file that you trust, raise PIL.Image.MAX_IMAGE_PIXELS, half the limit."
        ) from error
    except UnidentifiedImageError as error:
        raise ValueError(
            f"Expected an image (JPEG, PNG, WebP, TIFF ...), got {name}: not a format that is known."
        ) from error
    except (OSError, SyntaxError, TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, OSError) and error.strerror:  # of the system: no permission, a name too long
            raise ValueError(f"Expected an image file that can be opened, got {name}: {error.strerror}.") from error
        raise ValueError(
            f"Expected a readable image, got {name}: {error}. The file may be cut short or damaged."
        ) from error


def _from_pil(image: Image.Image, name: str) -> RgbImage:
    if 0 in image.size:
        raise ValueError(f"Expected an image with pixels, got {name} of {image.width} x {image.height}.")
    with failures_told(name):
        count = getattr(image, "n_frames", 1) if getattr(image, "is_animated", False) else 1
        if count > 1:
            image = next(iter(ImageSequence.Iterator(image)))
        pixels = np.array(to_rgb(ImageOps.exif_transpose(image)))
    if count > 1 and image.format == "TIFF":
        warnings.warn(f"{name} holds {count} pictures: only the first is used.", stacklevel=4)
    elif count > 1 and image.format != "MPO":
        warnings.warn(f"{name} is animated: only its first frame is used.", stacklevel=4)
    return pixels


def _from_array(array: np.ndarray) -> RgbImage:
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or 0 in array.shape:
        advice = "Arrays are RGB (height, width, 3)."
        if array.ndim == 3 and array.shape[0] == 3 and array.shape[2] != 3:
            advice = "This looks like (3, height, width): use array.transpose(1, 2, 0), or pass a tensor."
        elif array.dtype != np.uint8:
            advice = "For floats 0..1 use (array * 255).round().astype(np.uint8)."
        elif array.ndim == 2:
            advice = "For grey use np.stack([array] * 3, axis=-1)."
        raise ValueError(f"Expected a uint8 array (height, width, 3), got {array.dtype} {array.shape}. {advice}")
    return np.require(array, requirements=["C", "W"])


def _from_tensor(tensor: Tensor) -> RgbImage:
    if tensor.ndim != 3 or tensor.shape[0] != 3 or 0 in tensor.shape:
        raise ValueError(
            f"Expected a tensor (3, height, width), got {tuple(tensor.shape)}. Permute it, or pass numpy HWC."
        )
    if tensor.dtype != torch.uint8:
        if not tensor.is_floating_point():
            raise ValueError(f"Expected a tensor of uint8, or of floats 0..1, got {tensor.dtype}.")
        low, high = float(tensor.min()), float(tensor.max())
        if not (low >= 0 and high <= 1):
            raise ValueError(
                f"Expected float pixels in 0..1, got {low:.3g}..{high:.3g}. Divide by 255, or undo the normalisation."
            )
        tensor = (tensor.float() * 255).round().to(torch.uint8)
    return tensor.permute(1, 2, 0).contiguous().cpu().numpy()
