"""The decoder: object queries and a presence token that read the prompt and the image, and refine boxes layer by layer.

A DETR decoder (Carion et al., 2020) with boxes refined in inverse-sigmoid space, a bias from each box to each pixel,
and SAM 3's presence token, which answers for the whole image.
"""

import math
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from argus.nn.attention import Attention
from argus.nn.mlp import MLP
from argus.nn.position import sine_boxes
from argus.ops.boxes import cxcywh_to_xyxy

INVERSE_SIGMOID_EPS = 1e-3


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """The output of each of L layers, for P prompts and Q queries."""

    queries: Float[Tensor, "l p q c"]
    boxes_cxcywh_norm: Float[Tensor, "l p q 4"]
    presence_logits: Float[Tensor, "l p"]


class Decoder(nn.Module):
    """Post-norm layers over [presence token, object queries]."""

    def __init__(self, width: int, heads: int, mlp_width: int, layers: int, queries: int):
        super().__init__()
        self.width = width
        self.layers = nn.ModuleList(DecoderLayer(width, heads, mlp_width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.query_embed = nn.Parameter(torch.randn(width) + 0.2 * torch.randn(queries, width))  # told apart by place
        self.reference_logits = nn.Parameter(_spread_boxes(queries))
        self.presence_token = nn.Parameter(torch.randn(width))
        self.box_head = MLP((width, width, width, 4))
        self.presence_head = MLP((width, width, width, 1))
        self.presence_norm = nn.LayerNorm(width)
        self.box_position = MLP((2 * width, width, width))
        self.bias_x = MLP((2, width, heads))
        self.bias_y = MLP((2, width, heads))
        for parameter in self.box_head.layers[-1].parameters():
            nn.init.zeros_(parameter)  # training starts from the reference boxes
        _look_at_the_box(self.bias_x, self.bias_y)

    def forward(
        self,
        image: Float[Tensor, "p n c"],
        position: Float[Tensor, "n c"],
        grid_hw: tuple[int, int],
        prompt: Float[Tensor, "p t c"],
        valid: Bool[Tensor, "p t"],
        hints: Float[Tensor, "p k 4"] | None = None,
    ) -> Decoded:
        """Training's one-to-many branch gives `hints`, boxes that further queries start from. Then no query attends
        another, so that several can be matched to one object, and the presence logits mean nothing."""
        x = torch.cat((self.presence_token[None], self.query_embed)).expand(len(image), -1, -1)
        boxes = self.reference_logits.float().sigmoid().expand(len(image), -1, -1)
        if hints is not None:
            hinted = self.query_embed[torch.arange(hints.shape[1]) % len(self.query_embed)]
            x, boxes = torch.cat((x, hinted.expand(len(image), -1, -1)), 1), torch.cat((boxes, hints), 1)
        keys = image + position
        outputs = []
        for layer in self.layers:
            given = boxes.detach()
            place = F.pad(self.box_position(sine_boxes(given, self.width).to(x.dtype)), (0, 0, 1, 0))
            bias = self._box_to_pixel_bias(given, grid_hw, x.dtype)
            x = layer(x, place, bias, prompt, valid[:, None, None], keys, image, alone=hints is not None)
            queries = self.norm(x[:, 1:])
            boxes = (inverse_sigmoid(boxes) + self.box_head(queries).float()).sigmoid()
            outputs.append((queries, boxes, self.presence_head(self.presence_norm(x[:, 0]))[:, 0]))
        queries, boxes, presence = (torch.stack(parts) for parts in zip(*outputs, strict=True))
        return Decoded(queries=queries, boxes_cxcywh_norm=boxes, presence_logits=presence)

    def _box_to_pixel_bias(
        self, boxes_cxcywh_norm: Float[Tensor, "p q 4"], grid_hw: tuple[int, int], dtype: torch.dtype
    ) -> Float[Tensor, "p heads 1+q n"]:
        """A bias an axis and head from the signed, log-scaled distances of each pixel to both edges of each box, with a
        row of zeros for the presence token before them."""
        x1, y1, x2, y2 = cxcywh_to_xyxy(boxes_cxcywh_norm).unbind(-1)
        rows = self.bias_y(_edge_distances(y1, y2, grid_hw[0]).to(dtype))  # (p, q, h, heads)
        columns = self.bias_x(_edge_distances(x1, x2, grid_hw[1]).to(dtype))  # (p, q, w, heads)
        rows, columns = (F.pad(x.permute(0, 3, 1, 2).contiguous(), (0, 0, 1, 0)) for x in (rows, columns))
        return (rows[..., None] + columns[..., None, :]).flatten(3)


class DecoderLayer(nn.Module):
    """Self-attention, cross-attention to the prompt, cross-attention to the image, MLP; a norm after each."""

    def __init__(self, width: int, heads: int, mlp_width: int):
        super().__init__()
        self.self_attention = Attention(width, heads)
        self.norm1 = nn.LayerNorm(width)
        self.prompt_attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.image_attention = Attention(width, heads)
        self.norm3 = nn.LayerNorm(width)
        self.mlp = MLP((width, mlp_width, width))
        self.norm4 = nn.LayerNorm(width)

    def forward(
        self,
        x: Float[Tensor, "p q c"],
        place: Float[Tensor, "p q c"],
        bias: Float[Tensor, "p heads q n"],
        prompt: Float[Tensor, "p t c"],
        valid: Bool[Tensor, "p 1 1 t"],
        keys: Float[Tensor, "p n c"],
        values: Float[Tensor, "p n c"],
        alone: bool,
    ) -> Float[Tensor, "p q c"]:
        placed = x + place
        x = self.norm1(x if alone else x + self.self_attention(placed, placed, x))
        x = self.norm2(x + self.prompt_attention(x + place, prompt, prompt, valid))
        x = self.norm3(x + self.image_attention(x + place, keys, values, bias))
        return self.norm4(x + self.mlp(x))


def _edge_distances(low: Float[Tensor, "p q"], high: Float[Tensor, "p q"], cells: int) -> Float[Tensor, "p q n 2"]:
    """Distances of each cell i / cells to both edges, times 8, on a signed log2 scale."""
    cell = torch.arange(cells, device=low.device, dtype=low.dtype) / cells
    distance = (cell[:, None] - torch.stack((low, high), dim=-1)[:, :, None]) * 8
    return distance.sign() * (distance.abs() + 1).log2() / math.log2(8)


SLOPE = 8.0  # of attention's logits per unit of (log-scaled) distance, where training starts


@torch.no_grad()
def _look_at_the_box(bias_x: MLP, bias_y: MLP) -> None:
    """Let training start from heads that look at one edge each of the query's box, between the two edges across.

    Queries that look at the extremities of a place of their own learn boxes several times sooner (Conditional DETR,
    Meng et al., ICCV 2021). In units of SLOPE: 1 falls off outside the box, the rest around one edge.
    """
    outside, low_edge, high_edge = (1.0, 0.0, 0.0, 1.0), (1.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 1.0)
    for bias, heads in (
        (bias_x, (low_edge, high_edge, outside, outside)),
        (bias_y, (outside, outside, low_edge, high_edge)),
    ):
        first, last = cast(nn.Linear, bias.layers[0]), cast(nn.Linear, bias.layers[-1])
        # how far before the low edge, behind it, before the high edge, behind it
        first.weight[:4] = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, -1.0], [0.0, 1.0]])
        first.bias[:4] = 0
        last.weight[:, :4] = -SLOPE * torch.tensor([heads[i % 4] for i in range(len(last.weight))])


def _spread_boxes(queries: int, side: float = 0.3) -> Float[Tensor, "q 4"]:
    """Logits of boxes of one size spread evenly over the image (an R2 sequence), where training lets queries start."""
    plastic = 1.32471795724474602596
    index = torch.arange(1, queries + 1, dtype=torch.float64)
    centre = (0.5 + index[:, None] * torch.tensor([plastic**-1, plastic**-2], dtype=torch.float64)) % 1
    return torch.cat((centre, torch.full_like(centre, side)), dim=1).float().clamp(0.02, 0.98).logit()


def inverse_sigmoid(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The logit of x, with x and 1 - x kept above 1e-3."""
    x = x.clamp(0, 1)
    return (x.clamp(min=INVERSE_SIGMOID_EPS) / (1 - x).clamp(min=INVERSE_SIGMOID_EPS)).log()
