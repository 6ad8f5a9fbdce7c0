"""The neck: a simple feature pyramid over the vision encoder's one map (Li et al., 2022)."""

from itertools import pairwise
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from argus.ops.layout import laid_out


class Level(nn.Module):
    """One level of the pyramid: `doublings` transposed convolutions, then a 1x1 and a 3x3 convolution."""

    def __init__(self, width_in: int, width: int, doublings: int):
        super().__init__()
        widths = [width_in >> i for i in range(doublings + 1)]
        self.upsample = nn.ModuleList(nn.ConvTranspose2d(i, o, 2, stride=2) for i, o in pairwise(widths))
        self.project = nn.Conv2d(widths[-1], width, 1)
        self.smooth = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o height width"]:
        return self.smooth(laid_out(self.before_smooth(x)))

    def before_smooth(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o height width"]:
        """All but the 3x3 convolution."""
        for layer in self.upsample[:-1]:
            x = F.gelu(layer(x))
        return self._project(x)

    def _project(self, x: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o height width"]:
        """The last transposed convolution and the 1x1 convolution in one: nothing stands between them."""
        if not len(self.upsample):
            return self.project(x)
        last, matrix = cast(nn.ConvTranspose2d, self.upsample[-1]), self.project.weight[:, :, 0, 0]
        weight = torch.einsum("imyx,om->ioyx", last.weight, matrix)
        assert last.bias is not None and self.project.bias is not None
        return F.conv_transpose2d(x, weight, matrix @ last.bias + self.project.bias, stride=2)


class Neck(nn.Module):
    """Levels at 4, 2 and 1 times the encoder's resolution, each computed only when it is asked for."""

    def __init__(self, width_in: int, width: int):
        super().__init__()
        self.x4 = Level(width_in, width, doublings=2)
        self.x2 = Level(width_in, width, doublings=1)
        self.x1 = Level(width_in, width, doublings=0)
