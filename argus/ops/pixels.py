"""Pixels as the model takes them."""

import base64
import io

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

MEAN, STD = 0.5, 0.5


def normalised(pixels: UInt8[Tensor, "*b 3 h w"]) -> Float32[Tensor, "*b 3 h w"]:
    """Pixels 0..255 as floats -1..1 (mean 0.5 and std 0.5 of 0..1), contiguous in memory."""
    floats = pixels.to(torch.float32, memory_format=torch.contiguous_format)
    return floats.div_(255).sub_(MEAN).div_(STD)


def to_model_input(image: UInt8[np.ndarray, "r c 3"], size_hw: tuple[int, int]) -> Float[Tensor, "3 H W"]:
    """Stretch to `size_hw` (bilinear with antialiasing, rounded to 8 bits) and normalise with mean 0.5 and std 0.5."""
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None]  # (1, 3, H, W), the array's own memory
    resized = F.interpolate(pixels, size=size_hw, mode="bilinear", antialias=True)[0]
    return normalised(resized)


def to_rgb(image: Image.Image) -> Image.Image:
    """Any picture as RGB: transparent ones over white, grey of 16 or 32 bits brought to 0..255."""
    if image.mode.startswith("I;16"):
        return _grey(np.asarray(image) / np.float32(257))
    if image.mode in ("I", "F"):
        return _deep_grey(np.asarray(image))
    if image.has_transparency_data:
        over = image.convert("RGBA")
        white = Image.new("RGBA", over.size, "white")
        return Image.alpha_composite(white, over).convert("RGB")
    return image.convert("RGB")


def _deep_grey(values: np.ndarray) -> Image.Image:
    """Grey of 32 bits, whose range its greatest value tells: up to 1 (fractions), to 255, or to 65535. What
    is not finite is black."""
    is_fraction = np.issubdtype(values.dtype, np.floating)
    values = np.nan_to_num(values.astype(np.float32), posinf=0, neginf=0)
    if is_fraction and values.max() <= 1:
        values = values * 255
    elif values.max() > 255:
        values = values / 257
    return _grey(values)


def _grey(values: np.ndarray) -> Image.Image:
    """Grey of 0..255 as RGB."""
    return Image.fromarray(values.clip(0, 255).round().astype(np.uint8)).convert("RGB")


def jpeg_base64(image: Image.Image, quality: int) -> str:
    """An RGB picture as JPEG in base64, as pages hold it."""
    written = io.BytesIO()
    image.save(written, "JPEG", quality=quality)
    return base64.b64encode(written.getvalue()).decode("ascii")
