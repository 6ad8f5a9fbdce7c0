"""Pixels as the model takes them."""

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

MEAN, STD = 0.5, 0.5


def normalised(pixels: UInt8[Tensor, "*b 3 h w"]) -> Float32[Tensor, "*b 3 h w"]:
    """Pixels 0..255 as floats -1..1 (mean 0.5 and std 0.5 of 0..1), contiguous in memory."""
    floats = pixels.to(torch.float32, memory_format=torch.contiguous_format)
    return floats.div_(255).sub_(MEAN).div_(STD)
