"""The tracker's mask decoder: a token for each mask, read out after tokens and pixels have attended each other.

After SAM (Kirillov et al., 2023) and SAM 2 (Ravi et al., 2024).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from argus.nn.attention import Attention
from argus.nn.mlp import MLP
from argus.nn.norm import LayerNorm2d
from argus.nn.token_attention import PixelsReadTokens, TokensReadPixels
from argus.ops.masks import stability

MASKS = 4  # one answer, and three for a prompt that may mean a part, an object or a group
LAYERS = 2
STABILITY_DELTA, STABLE = 0.05, 0.98  # a mask is stable when areas at +-delta logits have at least this ratio


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """Masks of N objects, M each: their logits at four times the token grid, estimated IoUs in 0..1, the tokens that
    made them, and the logit that the object is in the image at all."""

    mask_logits: Float[Tensor, "n m h w"]
    iou_scores: Float[Tensor, "n m"]
    tokens: Float[Tensor, "n m c"]
    object_logits: Float[Tensor, "n"]

    def best(self) -> "Decoded":
        """The mask of each object whose estimated IoU is the greatest."""
        rows, chosen = torch.arange(len(self.iou_scores), device=self.iou_scores.device), self.iou_scores.argmax(1)
        return Decoded(
            mask_logits=self.mask_logits[rows, chosen, None],
            iou_scores=self.iou_scores[rows, chosen, None],
            tokens=self.tokens[rows, chosen, None],
            object_logits=self.object_logits,
        )


class MaskDecoder(nn.Module):
    """Image map and prompt tokens to masks, their IoU scores and an object score."""

    def __init__(self, width: int, heads: int, mlp_width: int):
        super().__init__()
        self.object_token = nn.Parameter(torch.randn(width) * 0.02)
        self.iou_token = nn.Parameter(torch.randn(width) * 0.02)
        self.mask_tokens = nn.Parameter(torch.randn(MASKS, width) * 0.02)
        self.layers = nn.ModuleList(TwoWayLayer(width, heads, mlp_width) for _ in range(LAYERS))
        self.image_attention = TokensReadPixels(width, heads, width // 2)
        self.norm = nn.LayerNorm(width)
        self.share_x2 = nn.Conv2d(width, width // 4, 1)
        self.share_x4 = nn.Conv2d(width, width // 8, 1)
        self.upsample_x2 = nn.ConvTranspose2d(width, width // 4, 2, stride=2)
        self.upsample_x4 = nn.ConvTranspose2d(width // 4, width // 8, 2, stride=2)
        self.upsample_norm = LayerNorm2d(width // 4)
        self.mask_heads = nn.ModuleList(MLP((width, width, width, width // 8)) for _ in range(MASKS))
        self.iou_head = MLP((width, width, width, MASKS))
        self.object_head = MLP((width, width, width, 1))

    def forward(
        self,
        image: Float[Tensor, "n c h w"],
        position: Float[Tensor, "s c"],
        shares: tuple[Float[Tensor, "b c4 h2 w2"], Float[Tensor, "b c8 h4 w4"]],
        prompt: Float[Tensor, "n k c"],
        valid: Bool[Tensor, "n k"],
    ) -> Decoded:
        """All `MASKS` of each object. `shares` are what the levels of its image (or of the one image) bring at two
        and four times the grid."""
        n, outputs = len(image), torch.cat((self.object_token[None], self.iou_token[None], self.mask_tokens))
        tokens = torch.cat((outputs.expand(n, -1, -1), prompt), dim=1)
        valid = F.pad(valid, (len(outputs), 0), value=True)
        x, pixels = tokens, image.flatten(2).transpose(1, 2)
        for index, layer in enumerate(self.layers):
            x, pixels = layer(x, pixels, tokens, position, valid, first=index == 0)
        x = self.norm(x + self.image_attention(x + tokens, pixels + position, pixels))
        answers = x[:, 2 : 2 + MASKS]
        return Decoded(
            mask_logits=self._masks(answers, pixels.transpose(1, 2).unflatten(2, image.shape[2:]), shares),
            iou_scores=self.iou_head(x[:, 1]).sigmoid(),
            tokens=answers,
            object_logits=self.object_head(x[:, 0])[:, 0],
        )

    def _masks(
        self, answers: Float[Tensor, "n m c"], image: Float[Tensor, "n c h w"], shares: tuple[Tensor, Tensor]
    ) -> Float[Tensor, "n m h4 w4"]:
        x = F.gelu(self.upsample_norm(self.upsample_x2(image) + shares[0]))
        x = F.gelu(self.upsample_x4(x) + shares[1])
        embed = torch.stack([head(answers[:, i]) for i, head in enumerate(self.mask_heads)], dim=1)
        return (embed @ x.flatten(2)).unflatten(2, x.shape[2:])


def three(decoded: Decoded) -> Decoded:
    """The three masks for a prompt that may mean several things."""
    return Decoded(
        mask_logits=decoded.mask_logits[:, 1:],
        iou_scores=decoded.iou_scores[:, 1:],
        tokens=decoded.tokens[:, 1:],
        object_logits=decoded.object_logits,
    )


def single(decoded: Decoded) -> Decoded:
    """The one mask for a clear prompt; where it is not stable, the best of the three in its place (as in SAM 2).

    Its token stays the single one's, as published.
    """
    alone, best = decoded.mask_logits[:, :1], three(decoded).best()
    stable = stability(alone, STABILITY_DELTA) >= STABLE
    return Decoded(
        mask_logits=torch.where(stable[..., None, None], alone, best.mask_logits),
        iou_scores=torch.where(stable, decoded.iou_scores[:, :1], best.iou_scores),
        tokens=decoded.tokens[:, :1],
        object_logits=decoded.object_logits,
    )


class TwoWayLayer(nn.Module):
    """Tokens attend each other, then the pixels; an MLP; pixels attend the tokens. Norms follow each step.

    The prompt's own tokens are added again wherever tokens ask or are asked, as their position; the first layer's
    self-attention alone has neither position nor residual.
    """

    def __init__(self, width: int, heads: int, mlp_width: int):
        super().__init__()
        self.self_attention = Attention(width, heads)
        self.norm1 = nn.LayerNorm(width)
        self.image_attention = TokensReadPixels(width, heads, width // 2)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = MLP((width, mlp_width, width))
        self.norm3 = nn.LayerNorm(width)
        self.token_attention = PixelsReadTokens(width, heads, width // 2)
        self.norm4 = nn.LayerNorm(width)

    def forward(
        self,
        x: Float[Tensor, "n k c"],
        pixels: Float[Tensor, "n s c"],
        tokens: Float[Tensor, "n k c"],
        position: Float[Tensor, "s c"],
        valid: Bool[Tensor, "n k"],
        *,
        first: bool,
    ) -> tuple[Float[Tensor, "n k c"], Float[Tensor, "n s c"]]:
        """Tokens that are not `valid` are padding."""
        asking = x if first else x + tokens
        attended = self.self_attention(asking, asking, x, valid[:, None, None])
        x = self.norm1(attended if first else x + attended)
        keys = pixels + position
        x = self.norm2(x + self.image_attention(x + tokens, keys, pixels))
        x = self.norm3(x + self.mlp(x))
        pixels = self.norm4(pixels + self.token_attention(keys, x + tokens, x, valid))
        return x, pixels
