"""The exemplar encoder: example boxes and points, with + and - labels, as prompt tokens that have seen the image."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from argus.nn.attention import Attention
from argus.nn.mlp import MLP
from argus.nn.position import sine_points
from argus.ops.boxes import cxcywh_to_xyxy
from argus.ops.roi_align import roi_align

ROI = 7


@dataclass(frozen=True, kw_only=True)
class Exemplars:
    """Boxes and points of P prompts, padded; labels are 1 (+) and 0 (-), `image` indexes the batch of images."""

    boxes_cxcywh_norm: Float[Tensor, "p k 4"]
    box_labels: Int[Tensor, "p k"]
    box_valid: Bool[Tensor, "p k"]
    points_xy_norm: Float[Tensor, "p m 2"]
    point_labels: Int[Tensor, "p m"]
    point_valid: Bool[Tensor, "p m"]
    image: Int[Tensor, "p"]


class ExemplarEncoder(nn.Module):
    """Tokens of the points, the boxes and one CLS, which stands even when there are no exemplars."""

    def __init__(self, width: int, heads: int, mlp_width: int, layers: int):
        super().__init__()
        self.width = width
        self.label = nn.Embedding(2, width)
        self.cls = nn.Parameter(torch.randn(width) * 0.02)
        self.point_direct = nn.Linear(2, width)
        self.point_pool = nn.Linear(width, width)
        self.point_position = nn.Linear(width, width)
        self.box_direct = nn.Linear(4, width)
        self.box_pool = nn.Conv2d(width, width, ROI)
        self.box_position = nn.Linear(width + 2, width)
        self.image_norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, width)
        self.project_norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList(ExemplarLayer(width, heads, mlp_width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(
        self, exemplars: Exemplars, image: Float[Tensor, "b h w c"], position: Float[Tensor, "n c"]
    ) -> tuple[Float[Tensor, "p t c"], Bool[Tensor, "p t"]]:
        """Returns the tokens (points, boxes, CLS) and which of them are not padding."""
        maps = self.image_norm(image).permute(0, 3, 1, 2)  # (b, c, h, w)
        cls = self.cls.expand(len(exemplars.image), 1, -1)
        tokens = torch.cat((self._points(exemplars, maps), self._boxes(exemplars, maps), cls), dim=1)
        valid = torch.cat((exemplars.point_valid, exemplars.box_valid), dim=1)
        valid = F.pad(valid, (0, 1), value=True)
        x = self.project_norm(self.project(tokens))
        values = image.flatten(1, 2)
        keys = (values + position)[exemplars.image]
        for layer in self.layers:
            x = layer(x, valid, keys, values[exemplars.image])
        return self.norm(x), valid

    def _points(self, exemplars: Exemplars, maps: Float[Tensor, "b c h w"]) -> Float[Tensor, "p m c"]:
        points = exemplars.points_xy_norm
        if not points.shape[1]:
            return maps.new_zeros(len(points), 0, self.width)
        grid = (points * 2 - 1)[:, :, None]  # (p, m, 1, 2)
        sampled = F.grid_sample(maps[exemplars.image].float(), grid.float(), align_corners=False)  # (p, c, m, 1)
        pooled = self.point_pool(sampled[..., 0].transpose(1, 2).to(maps.dtype))
        position = self.point_position(torch.cat(sine_points(points, self.width), dim=-1).to(maps.dtype))
        return self.label(exemplars.point_labels) + self.point_direct(points.to(maps.dtype)) + pooled + position

    def _boxes(self, exemplars: Exemplars, maps: Float[Tensor, "b c h w"]) -> Float[Tensor, "p k c"]:
        boxes = exemplars.boxes_cxcywh_norm
        p, k = boxes.shape[:2]
        if not k:
            return maps.new_zeros(p, 0, self.width)
        image = exemplars.image.repeat_interleave(k)
        pooled = self.box_pool(roi_align(maps, cxcywh_to_xyxy(boxes).flatten(0, 1), image, ROI)).view(p, k, -1)
        x, y = sine_points(boxes[..., :2], self.width)
        position = self.box_position(torch.cat((y, x, boxes[..., 3:], boxes[..., 2:3]), dim=-1).to(maps.dtype))
        return self.label(exemplars.box_labels) + self.box_direct(boxes.to(maps.dtype)) + pooled + position


class ExemplarLayer(nn.Module):
    """Pre-norm: self-attention among the tokens, cross-attention to the image, MLP."""

    def __init__(self, width: int, heads: int, mlp_width: int):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.self_attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.image_attention = Attention(width, heads)
        self.norm3 = nn.LayerNorm(width)
        self.mlp = MLP((width, mlp_width, width))

    def forward(
        self,
        x: Float[Tensor, "p t c"],
        valid: Bool[Tensor, "p t"],
        keys: Float[Tensor, "p n c"],
        values: Float[Tensor, "p n c"],
    ) -> Float[Tensor, "p t c"]:
        y = self.norm1(x)
        x = x + self.self_attention(y, y, y, valid[:, None, None])
        x = x + self.image_attention(self.norm2(x), keys, values)
        return x + self.mlp(self.norm3(x))
