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

STAGES = 2


class MaskHead(nn.Module):
    """Fused image tokens and queries to mask logits at four times the token grid."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.prompt_attention = Attention(width, heads)
        self.prompt_norm = nn.LayerNorm(width)
        self.convs = cast("list[nn.Conv2d]", nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(STAGES)))
        self.norms = nn.ModuleList(nn.GroupNorm(8, width) for _ in range(STAGES))
        self.query_embed = MLP((width, width, width, width))
        self.instance = nn.Conv2d(width, width, 1)
        self.semantic = nn.Conv2d(width, 1, 1)

    def image_share(self, stage: int, level: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The part of a stage's convolution that comes from the neck's level: the same for all prompts."""
        return self.convs[stage](level)

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
        x = x.transpose(1, 2).unflatten(2, grid_hw)  # (p, c, h, w)
        for conv, norm, share in zip(self.convs, self.norms, shares, strict=True):
            x = F.relu(norm(conv_upsampled(x, conv.weight) + share))
        return x

    def masks(
        self, queries: Float[Tensor, "p q c"], pixels: Float[Tensor, "p c h w"]
    ) -> Float[Tensor, "p q h w"]:
        """Mask logits; the 1x1 projection of the pixels is applied to the few queries instead."""
        embed = self.query_embed(queries)
        weight = embed @ self.instance.weight[:, :, 0, 0]  # (p, q, c)
        return (weight @ pixels.flatten(2) + (embed @ self.instance.bias)[..., None]).unflatten(2, pixels.shape[2:])


def conv_upsampled(x: Float[Tensor, "p c h w"], weight: Float[Tensor, "o c 3 3"]) -> Float[Tensor, "p o h2 w2"]:
    """3x3 convolution (no bias, padding 1) of x upsampled twice by nearest neighbour, at 4/9 of the work.

    An output pixel sees only 2x2 distinct cells of x: for each of the four parities the nine weights are summed to four.
    """
    rows = torch.stack((weight[:, :, 0], weight[:, :, 1] + weight[:, :, 2]), dim=2)  # even rows: cells i-1, i
    odd = torch.stack((weight[:, :, 0] + weight[:, :, 1], weight[:, :, 2]), dim=2)  # odd rows: cells i, i+1
    kernels = [torch.stack((k[..., 0], k[..., 1] + k[..., 2]), dim=-1) for k in (rows, odd)]  # even columns
    kernels += [torch.stack((k[..., 0] + k[..., 1], k[..., 2]), dim=-1) for k in (rows, odd)]  # odd columns
    even_even, odd_even, even_odd, odd_odd = kernels
    h, w = x.shape[2:]
    y = F.conv2d(x, torch.cat((even_even, even_odd, odd_even, odd_odd)), padding=1)  # (p, 4 o, h + 1, w + 1)
    parts = y.unflatten(1, (4, -1))
    out = x.new_empty(len(x), len(weight), 2 * h, 2 * w)
    for part, (row, column) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
        out[:, :, row::2, column::2] = parts[:, part, :, row : row + h, column : column + w]
    return out
