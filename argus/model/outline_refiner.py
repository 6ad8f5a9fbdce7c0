"""Finer outlines: from a coarse mask of one object and the picture around it to the same mask on a finer grid.

Beyond SAM 3, for models that read images coarsely, and for what they are fine-tuned on. A U-Net (Ronneberger et al.,
MICCAI 2015) looks at the picture itself, as refinement nets do (CascadePSP, Cheng et al., CVPR 2020), and at what
GrabCut says, which it begins with.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from argus.ops.grabcut import settled
from argus.ops.pixels import to_model_input
from argus.ops.windows import Window, logits_cut

STEM = 2  # cells along a side that the net takes together
GROUPS = 4  # of channels that are normalised together
CLAMP = 8.0  # of coarse logits
COARSE, CUT = 0.5, 2.0  # what the answer begins as: so much of the coarse logits and of GrabCut's sign
STEP = 8.0  # logits that one unit of the net's output stands for


@dataclass(frozen=True, kw_only=True)
class OutlineConfig:
    """Cells along a side of the window that an outline is refined in, and the net's channels from fine to coarse."""

    cells: int = 128
    widths: tuple[int, ...] = (24, 32, 48, 64)

    def __post_init__(self) -> None:
        finest = STEM * 2 ** (len(self.widths) - 1)
        if (
            not self.widths
            or self.cells < finest
            or self.cells % finest
            or any(width % GROUPS for width in self.widths)
        ):
            raise ValueError(
                f"expected cells that {finest} divides and widths that {GROUPS} divides, got {self.cells} and "
                f"{self.widths}"
            )


class OutlineRefiner(nn.Module):
    """Logits of N masks, each in its window, made finer by the pictures there."""

    def __init__(self, config: OutlineConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        read = 5 * STEM**2  # three colours, the coarse logit, and what GrabCut says
        pairs = list(zip((read, *widths[:-1]), widths, strict=True))
        self.down = nn.ModuleList([_Block(before, after) for before, after in pairs])
        self.up = nn.ModuleList([_Block(fine + coarse, fine) for fine, coarse in pairwise(widths)])
        self.cut = nn.Parameter(torch.tensor(CUT))
        self.out = nn.Conv2d(widths[0], STEM**2, 1)
        for begun in self.out.parameters():
            nn.init.zeros_(begun)  # it begins as the coarse mask, moved by colours alone

    def forward(self, views: Float[Tensor, "n 5 s s"]) -> Float[Tensor, "n 1 s s"]:
        """The finer logits of what `views` shows."""
        pictures, coarse, cut = views.split((3, 1, 1), 1)
        x = F.pixel_unshuffle(torch.cat((pictures, coarse / 4, cut), 1), STEM)
        levels: list[Tensor] = []
        for block in self.down:
            x = block(F.avg_pool2d(x, 2) if levels else x.contiguous(memory_format=torch.channels_last))
            levels.append(x)
        for block, finer in zip(reversed(self.up), reversed(levels[:-1]), strict=True):
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear")
            x = block(torch.cat((x, finer), 1))
        return COARSE * coarse + self.cut * cut + STEP * F.pixel_shuffle(self.out(x), STEM)

    def views(
        self, pixels: UInt8[np.ndarray, "r c 3"], mask_logits: Float[Tensor, "m h w"], windows: Sequence[Window]
    ) -> Float[Tensor, "m 5 s s"]:
        """What it reads of masks over a picture, each in its window: colours of -1..1, the coarse logits, and -1 or 1
        as GrabCut settles them."""
        logits = mask_logits.float().cpu()
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:  # GrabCut frees Python's lock
            views = list(pool.map(lambda mask, window: self._view(pixels, mask, window), logits, windows))
        return torch.cat(views).to(self.cut)

    def _view(
        self, pixels: UInt8[np.ndarray, "r c 3"], logits: Float[Tensor, "h w"], window: Window
    ) -> Float[Tensor, "1 5 s s"]:
        size_hw, grid_hw = (pixels.shape[0], pixels.shape[1]), (self.config.cells, self.config.cells)
        picture = to_model_input(window.of(pixels), grid_hw)[None]
        coarse = logits_cut(logits[None, None], window, size_hw, grid_hw).clamp(-CLAMP, CLAMP)
        shown = ((picture[0] + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0)
        cut = torch.from_numpy(settled(shown.contiguous().numpy(), coarse[0].numpy())) > 0
        return torch.cat((picture, coarse, cut[None].float() * 2 - 1), 1)


class _Block(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(before, after, 3, padding=1), nn.Conv2d(after, after, 3, padding=1)
        self.first_norm, self.second_norm = nn.GroupNorm(GROUPS, after), nn.GroupNorm(GROUPS, after)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        x = F.relu(self.first_norm(self.first(x)))
        return F.relu(self.second_norm(self.second(x)))
