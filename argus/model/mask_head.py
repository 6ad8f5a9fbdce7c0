"""The mask head: a pixel decoder over the fused image, a mask a query by dot product, and a semantic head beside it.

After MaskFormer (Cheng et al., 2021). Convolution is linear, and stands before each norm, so
conv(upsampled + level) = conv(upsampled) + conv(level): the level's share is the image's alone and computed once for
all prompts, and a 3x3 convolution of a map upsampled by nearest neighbour equals four 2x2 convolutions before it.
"""

from typing import cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from argus.nn.attention import Attention
from argus.nn.mlp import MLP
from argus.ops.layout import laid_out

STAGES = 2


class MaskHead(nn.Module):
    """Fused image tokens and queries to mask logits at four times the token grid."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.prompt_attention = Attention(width, heads)
        self.prompt_norm = nn.LayerNorm(width)
        convs = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(STAGES))
        self.convs = cast("list[nn.Conv2d]", convs)
        self.norms = nn.ModuleList(nn.GroupNorm(8, width) for _ in range(STAGES))
        self.query_embed = MLP((width, width, width, width))
        self.instance = nn.Conv2d(width, width, 1)
        self.semantic = nn.Conv2d(width, 1, 1)

    def image_share(self, stage: int, level: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The part of a stage's convolution that comes from the neck's level: the same for all prompts."""
        return self.convs[stage](laid_out(level))

    def pixels(
        self,
        fused: Float[Tensor, "p n c"],
        grid_hw: tuple[int, int],
        prompt: Float[Tensor, "p t c"],
        valid: Bool[Tensor, "p t"],
        shares: tuple[Float[Tensor, "p c h2 w2"], Float[Tensor, "p c h4 w4"]],
    ) -> Float[Tensor, "p c h4 w4"]:
        """Pixel features at four times the grid; `shares` are each prompt's image's shares of both stages."""
        x = fused + self.prompt_attention(self.prompt_norm(fused), prompt, prompt, valid[:, None, None])
        x = x.unflatten(1, grid_hw).permute(0, 3, 1, 2)  # (p, c, h, w), channels last in memory
        for conv, norm, share in zip(self.convs, self.norms, shares, strict=True):
            x = norm(conv_upsampled(x, conv.weight, share)).relu_()
        return x

    def masks(self, queries: Float[Tensor, "p q c"], pixels: Float[Tensor, "p c h w"]) -> Float[Tensor, "p q h w"]:
        """Mask logits; the 1x1 projection of the pixels is applied to the few queries instead."""
        embed = self.query_embed(queries)
        weight, bias = embed @ self.instance.weight[:, :, 0, 0], embed @ self.instance.bias  # (p, q, c), (p, q)
        logits = torch.baddbmm(bias[:, None], pixels.flatten(2).transpose(1, 2), weight.transpose(1, 2))  # (p, h w, q)
        return logits.transpose(1, 2).contiguous().unflatten(2, pixels.shape[2:])


def conv_upsampled(
    x: Float[Tensor, "p c h w"], weight: Float[Tensor, "o c 3 3"], share: Float[Tensor, "p o h2 w2"]
) -> Float[Tensor, "p o h2 w2"]:
    """3x3 convolution (no bias, padding 1) of x upsampled twice by nearest neighbour, plus `share`, at 4/9 of the work.

    An output pixel sees only 2x2 cells of x: for each of the four parities the nine weights are summed to four.
    """
    h, w = x.shape[2:]
    padded = F.pad(x, (1, 1, 1, 1))
    out = x.new_empty(len(x), 2 * h, 2 * w, len(weight)).permute(0, 3, 1, 2)  # channels last: several times faster
    for row in (0, 1):
        for column in (0, 1):
            kernel = _two_taps(_two_taps(weight, row, dim=2), column, dim=3)
            part = F.conv2d(padded[:, :, row : row + h + 1, column : column + w + 1], kernel)
            out[:, :, row::2, column::2] = part + share[:, :, row::2, column::2]
    return out


def _two_taps(weight: Float[Tensor, "o c ..."], odd: int, dim: int) -> Float[Tensor, "o c ..."]:
    """Three taps along `dim` as two: those that fall on one cell of the map before it was upsampled are summed."""
    first, middle, last = weight.unbind(dim)
    return torch.stack((first + middle, last) if odd else (first, middle + last), dim)
