"""The tracker: one object by click, box or mask in an image; its memory parts carry it through video.

The design of SAM 2 (Ravi et al., 2024) on SAM 3's vision encoder, with a neck of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from argus.model.mask_decoder import Decoded, MaskDecoder, single, three
from argus.model.matching import Matcher, appearance_of
from argus.model.memory_attention import MemoryAttention
from argus.model.memory_encoder import MemoryEncoder
from argus.model.neck import Level, Neck
from argus.model.prompt_encoder import MASK_SCALE, NOT_A_POINT, Clicks, PromptEncoder
from argus.nn.mlp import MLP

MEMORY_FRAMES = 7  # one place in time for prompted frames, one for each of the six last frames


@dataclass(frozen=True, kw_only=True)
class TrackerConfig:
    """Sizes of the tracker; the defaults are the published model's."""

    width: int = 256
    heads: int = 8
    mlp_width: int = 2048
    memory_width: int = 64
    memory_layers: int = 4
    memory_mlp_width: int = 2048
    memory_stride: int = 1  # cells of the token grid along each side of a cell of the memory's
    matching: bool = False  # objects that are carried on are also prompted by their remembered masks, moved by likeness
    look_closer: bool = False  # picked objects are looked at again from closer, where the caller does not say

    def __post_init__(self) -> None:
        if self.width % (16 * self.heads) or self.width % self.memory_width:
            raise ValueError(
                "the tracker's width must be a multiple of 16 x heads and of memory_width; got width "
                f"{self.width}, heads {self.heads}, memory_width {self.memory_width}"
            )
        if self.memory_stride < 1:
            raise ValueError(f"the tracker's memory_stride must be at least 1, got {self.memory_stride}")


class TrackerFeatures:
    """What the tracker reads of B images, computed once for all objects; finer levels only when masks are decoded."""

    def __init__(self, tracker: "Tracker", trunk: Float[Tensor, "b h w c"]):
        self._tracker = tracker
        self._trunk = trunk.permute(0, 3, 1, 2)
        self.image = tracker.neck.x1(self._trunk)  # (b, c, h, w)
        self.grid_hw = (trunk.shape[1], trunk.shape[2])

    def __len__(self) -> int:
        return len(self.image)

    @cached_property
    def shares(self) -> tuple[Float[Tensor, "b c4 h2 w2"], Float[Tensor, "b c8 h4 w4"]]:
        """What the levels of the neck bring to the masks."""
        neck, decoder = self._tracker.neck, self._tracker.mask_decoder
        return projected(neck.x2, self._trunk, decoder.share_x2), projected(neck.x4, self._trunk, decoder.share_x4)

    @property
    def mask_hw(self) -> tuple[int, int]:
        """The size of mask logits, those of prompts and answers."""
        return self.grid_hw[0] * MASK_SCALE, self.grid_hw[1] * MASK_SCALE

    @cached_property
    def for_memory(self) -> Float[Tensor, "b c h w"]:
        """The map on the grid of memories, which may be coarser."""
        stride = self._tracker.config.memory_stride
        return self.image if stride == 1 else F.avg_pool2d(self.image, stride, ceil_mode=True)

    @property
    def memory_hw(self) -> tuple[int, int]:
        """The size of the grid of memories."""
        return self.for_memory.shape[2], self.for_memory.shape[3]

    @cached_property
    def matcher(self) -> Matcher | None:
        """Matches the one image with remembered ones; None for a tracker that does not."""
        if not self._tracker.config.matching:
            return None
        return Matcher(appearance_of(self._trunk[0].detach().permute(1, 2, 0)), self.grid_hw)

    @cached_property
    def position(self) -> Float[Tensor, "s c"]:
        return self._tracker.prompt_encoder.grid(*self.grid_hw)


class Tracker(nn.Module):
    """Neck, prompt encoder, mask decoder, memory encoder and memory attention."""

    def __init__(self, config: TrackerConfig, vision_width: int):
        super().__init__()
        width, memory_width = config.width, config.memory_width
        self.config = config
        self.neck = Neck(vision_width, width)
        self.prompt_encoder = PromptEncoder(width)
        self.mask_decoder = MaskDecoder(width, config.heads, config.mlp_width)
        self.memory_encoder = MemoryEncoder(width, memory_width)
        self.memory_attention = MemoryAttention(
            width, memory_width, config.memory_mlp_width, config.memory_layers, config.memory_stride
        )
        self.no_memory = nn.Parameter(torch.zeros(width))
        self.memory_time = nn.Parameter(torch.zeros(MEMORY_FRAMES, memory_width))
        self.absent = nn.Parameter(torch.zeros(memory_width))
        self.no_pointer = nn.Parameter(torch.zeros(width))
        self.pointer_head = MLP((width, width, width, width))
        self.pointer_time = nn.Linear(width, memory_width)
        self.mask_downsample = nn.Conv2d(1, 1, 4, stride=4)

    def pick(
        self,
        features: TrackerFeatures,
        image: Int[Tensor, "n"],
        clicks: Clicks,
        mask_logits: Float[Tensor, "n 1 height width"] | None,
        several: bool,
    ) -> Decoded:
        """Masks of N objects in images without any memory: three each with `several`, else one.

        `mask_logits` have `MASK_SCALE` times the sides of the token grid, and may be those of an earlier answer.
        """
        decoded = self.candidates(features, self.without_memory(features), image, clicks, mask_logits)
        return three(decoded) if several else single(decoded)

    def without_memory(self, features: TrackerFeatures) -> Float[Tensor, "b c h w"]:
        """The maps that stand in for what memory would make of them."""
        return features.image + self.no_memory[:, None, None]

    def candidates(
        self,
        features: TrackerFeatures,
        maps: Float[Tensor, "b c h w"],
        image: Int[Tensor, "n"],
        clicks: Clicks,
        mask_logits: Float[Tensor, "n 1 height width"] | None,
    ) -> Decoded:
        """All masks of N objects from `maps`, one an image or one an object, and what their prompts say: the single one
        of each object, then its three."""
        encoder = self.prompt_encoder
        dense = encoder.no_mask[:, None, None] if mask_logits is None else encoder.map(mask_logits)
        maps = maps[image] if len(maps) == len(features) else maps
        shares = features.shares
        if len(features) > 1:
            shares = (shares[0][image], shares[1][image])
        return self.mask_decoder(maps + dense, features.position, shares, encoder.tokens(clicks), clicks.valid)


def projected(level: Level, trunk: Float[Tensor, "b i h w"], conv: nn.Conv2d) -> Float[Tensor, "b o height width"]:
    """A level of the neck through a 1x1 convolution, which with the level's 3x3 convolution is one narrow 3x3."""
    matrix = conv.weight[:, :, 0, 0]
    weight = torch.einsum("om,miyx->oiyx", matrix, level.smooth.weight)
    assert level.smooth.bias is not None and conv.bias is not None
    return F.conv2d(level.before_smooth(trunk), weight, matrix @ level.smooth.bias + conv.bias, padding=1)


def pad_clicks(objects: Sequence[tuple[Tensor, Tensor]], device: torch.device) -> Clicks:
    """`Clicks` of objects, each (points_xy_norm (k, 2), labels (k)), with the published ends."""
    pad = nn.utils.rnn.pad_sequence
    points = [F.pad(p, (0, 0, 0, 1 if len(p) else 2)) for p, _ in objects]
    labels = [F.pad(k, (0, 1 if len(k) else 2), value=NOT_A_POINT) for _, k in objects]
    lengths = torch.tensor([len(k) for k in labels])
    return Clicks(
        points_xy_norm=pad(points, batch_first=True).to(device),
        labels=pad(labels, batch_first=True, padding_value=NOT_A_POINT).to(device),
        valid=(torch.arange(int(lengths.max())) < lengths[:, None]).to(device),
    )
