"""The text encoder: a causal transformer over byte-pair tokens (CLIP, Radford et al., 2021)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from argus.nn.mlp import MLP
from argus.ops.attention import attend


@dataclass(frozen=True, kw_only=True)
class TextConfig:
    """Sizes of the text encoder; `context` is the greatest number of tokens."""

    vocabulary: int = 49408
    context: int = 32
    width: int = 1024
    layers: int = 24
    heads: int = 16
    mlp_width: int = 4096

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"the text width must be a multiple of its heads; got {self.width} and {self.heads}")


class TextEncoder(nn.Module):
    """Token ids to one feature a token (not a pooled vector), projected to the detector's width."""

    def __init__(self, config: TextConfig, width_out: int):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        self.position = nn.Parameter(torch.randn(config.context, config.width) * 0.01)
        self.blocks = nn.ModuleList(TextBlock(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.project = nn.Linear(config.width, width_out)
        nn.init.normal_(self.embedding.weight, std=0.02)

    def forward(self, ids: Int[Tensor, "b t"]) -> Float[Tensor, "b t c"]:
        """Attention is causal, so what follows a phrase's end never changes the phrase's own features."""
        x = self.embedding(ids) + self.position[: ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.project(self.norm(x))


class TextBlock(nn.Module):
    """Pre-norm causal self-attention and MLP."""

    def __init__(self, config: TextConfig):
        super().__init__()
        self.heads = config.heads
        self.norm1 = nn.LayerNorm(config.width)
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)
        self.norm2 = nn.LayerNorm(config.width)
        self.mlp = MLP((config.width, config.mlp_width, config.width), F.gelu)

    def forward(self, x: Float[Tensor, "b t c"]) -> Float[Tensor, "b t c"]:
        q, k, v = self.qkv(self.norm1(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        y = attend(q, k, v, causal=True)
        x = x + self.out(y.transpose(1, 2).flatten(2))
        return x + self.mlp(self.norm2(x))
