"""The vision encoder: a plain ViT with window attention, a few global layers and rotary positions.

Follows ViTDet (Li et al., 2022) as used in SAM 3; positions are computed for the grid at hand, so any size works.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn
from torch.nn import functional as F

from argus.nn.mlp import MLP
from argus.ops.attention import attend
from argus.ops.rope import apply_rope, axial_rope

EPS = 1e-5


@dataclass(frozen=True, kw_only=True)
class VisionConfig:
    """Sizes of the vision encoder. `image` and `pretrain_image` are the sides in pixels of the square images that the
    weights were made for; images of other sizes, square or not, are encoded all the same. `rope_image` is the side that
    rotary positions of the whole grid are scaled for, where that is not `image`: training went on to larger images.
    With `settle_outlines` images are read so coarsely that colours settle the outlines of masks (`inference/outlines`).
    """

    width: int = 1024
    layers: int = 32
    heads: int = 16
    mlp_width: int = 4736
    patch: int = 14
    window: int = 24
    global_layers: tuple[int, ...] = (7, 15, 23, 31)
    image: int = 1008
    pretrain_image: int = 336
    rope_image: int | None = None
    settle_outlines: bool = False

    def __post_init__(self) -> None:
        if self.width % (4 * self.heads):
            raise ValueError(f"the vision width must be a multiple of 4 x heads; got {self.width} and {self.heads}")
        for name in ("image", "pretrain_image", "rope_image"):
            if (getattr(self, name) or 0) % self.patch:
                raise ValueError(f"{name} must be a multiple of the patch {self.patch}; got {getattr(self, name)}")
        if not all(0 <= i < self.layers for i in self.global_layers):
            raise ValueError(f"global_layers must lie in 0..{self.layers - 1}; got {self.global_layers}")

    @property
    def grid(self) -> int:
        return self.image // self.patch


class VisionEncoder(nn.Module):
    """Images to one map of features at 1 / patch of their size."""

    def __init__(self, config: VisionConfig):
        super().__init__()
        self.config = config
        c, side = config.width, config.pretrain_image // config.patch
        self.patch_embed = nn.Conv2d(3, c, config.patch, stride=config.patch, bias=False)
        self.position = nn.Parameter(torch.randn(side, side, c) * 0.02)
        self.norm_pre = nn.LayerNorm(c, eps=EPS)
        self.windows = [0 if i in config.global_layers else config.window for i in range(config.layers)]
        self.blocks = nn.ModuleList(Block(config, window) for window in self.windows)

    def forward(self, images: Float[Tensor, "b 3 height width"]) -> Float[Tensor, "b h w c"]:
        """Images are normalised with mean 0.5 and std 0.5; their sides must be multiples of the patch."""
        x = self.patch_embed(images).permute(0, 2, 3, 1)  # (b, h, w, c)
        x = self.norm_pre(x + self._tiled_position(*x.shape[1:3]))
        for block, window in zip(self.blocks, self.windows, strict=True):
            x = block(x, self._rope(window, x.shape[1], x.shape[2], x.device))
        return x

    def _tiled_position(self, height: int, width: int) -> Float[Tensor, "h w c"]:
        """The position embedding repeated over the grid, never interpolated."""
        side = len(self.position)
        return self.position.tile(-(-height // side), -(-width // side), 1)[:height, :width]

    def _rope(self, window: int, height: int, width: int, device: torch.device) -> Complex[Tensor, "n d"]:
        """Positions of a window, or of the whole grid scaled by window / configured grid."""
        head_dim = self.config.width // self.config.heads
        if window:
            return axial_rope(window, window, head_dim, 1.0, device)
        grid = (self.config.rope_image or self.config.image) // self.config.patch
        return axial_rope(height, width, head_dim, self.config.window / grid, device)


class Block(nn.Module):
    """Pre-norm attention (within windows, or over the whole grid when `window` is 0) and MLP."""

    def __init__(self, config: VisionConfig, window: int):
        super().__init__()
        self.window = window
        self.heads = config.heads
        self.norm1 = nn.LayerNorm(config.width, eps=EPS)
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)
        self.norm2 = nn.LayerNorm(config.width, eps=EPS)
        self.mlp = MLP((config.width, config.mlp_width, config.width), F.gelu)

    def forward(self, x: Float[Tensor, "b h w c"], rope: Complex[Tensor, "n d"]) -> Float[Tensor, "b h w c"]:
        x = x + self._attend(self.norm1(x), rope)
        return x + self.mlp(self.norm2(x))

    def _attend(self, x: Float[Tensor, "b h w c"], rope: Complex[Tensor, "n d"]) -> Float[Tensor, "b h w c"]:
        tokens = partition(x, self.window) if self.window else x.flatten(1, 2)  # (b', n, c)
        q, k, v = self.qkv(tokens).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # each (b', heads, n, d)
        y = attend(apply_rope(q, rope), apply_rope(k, rope), v)
        y = self.out(y.transpose(1, 2).flatten(2))
        return unpartition(y, self.window, x.shape[1], x.shape[2]) if self.window else y.view(x.shape)


def partition(x: Float[Tensor, "b h w c"], window: int) -> Float[Tensor, "n t c"]:
    """Cut a map into windows of window x window tokens; incomplete ones are padded with zeros, which are attended."""
    bottom, right = -x.shape[1] % window, -x.shape[2] % window
    if bottom or right:
        x = F.pad(x, (0, 0, 0, right, 0, bottom))
    x = x.unflatten(2, (-1, window)).unflatten(1, (-1, window))  # (b, rows, window, columns, window, c)
    return x.transpose(2, 3).flatten(0, 2).flatten(1, 2)


def unpartition(x: Float[Tensor, "n t c"], window: int, height: int, width: int) -> Float[Tensor, "b h w c"]:
    """Undo `partition` for a map of height x width."""
    rows, columns = -(-height // window), -(-width // window)
    x = x.view(-1, rows, columns, window, window, x.shape[-1]).transpose(2, 3)
    return x.flatten(3, 4).flatten(1, 2)[:, :height, :width]
