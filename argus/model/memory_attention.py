"""The tracker's memory attention: the frame at hand reads what is remembered of each object.

After SAM 2 (Ravi et al., 2024). Memories are narrower than the frame: their values are attended as they are and
projected after, which gives the same numbers for less work.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Bool, Complex, Float
from torch import Tensor, nn
from torch.nn import functional as F

from argus.nn.mlp import MLP
from argus.ops.attention import attend
from argus.ops.rope import apply_rope, axial_rope

POSITION_SHARE = 0.1


@dataclass(frozen=True, kw_only=True)
class Memories:
    """What N objects remember: T maps (on the token grid or a coarser one) and P pointer tokens, padded, and positions.

    `maps` and `pointers` are attended together; `valid` says which of the tokens (T maps, then the pointers) are there.
    """

    maps: Float[Tensor, "n t r m"]
    map_positions: Float[Tensor, "n t r m"]
    pointers: Float[Tensor, "n p m"]
    pointer_positions: Float[Tensor, "n p m"]
    maps_valid: Bool[Tensor, "n t"]
    pointers_valid: Bool[Tensor, "n p"]


class MemoryAttention(nn.Module):
    """Layers of self-attention over the frame and attention to the memories, both with rotary positions.

    A cell of a memory lies over `stride` x `stride` cells of the frame.
    """

    def __init__(self, width: int, memory_width: int, mlp_width: int, layers: int, stride: int):
        super().__init__()
        self.width, self.stride = width, stride
        self.layers = nn.ModuleList(MemoryLayer(width, memory_width, mlp_width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(
        self,
        image: Float[Tensor, "s c"],
        position: Float[Tensor, "s c"],
        grid_hw: tuple[int, int],
        memories: Memories,
    ) -> Float[Tensor, "n s c"]:
        """The frame as each of the N objects sees it."""
        return self.read(self.look(image, position, grid_hw), grid_hw, memories)

    def look(
        self, image: Float[Tensor, "s c"], position: Float[Tensor, "s c"], grid_hw: tuple[int, int]
    ) -> Float[Tensor, "1 s c"]:
        """The frame after the first layer's self-attention: the same for all objects, which have read nothing yet."""
        rope = axial_rope(*grid_hw, self.width, 1.0, image.device)
        return next(self._layers()).look((image + POSITION_SHARE * position)[None], rope)

    def read(
        self, frame: Float[Tensor, "1 s c"], grid_hw: tuple[int, int], memories: Memories
    ) -> Float[Tensor, "n s c"]:
        """What `look` gave, as each of the N objects sees it."""
        rope = axial_rope(*grid_hw, self.width, 1.0, frame.device)
        keys, values, mask = _tokens(memories)
        still = rope.new_ones(memories.pointers.shape[1], rope.shape[1])  # pointers have no place in the grid
        coarse_hw = (-(-grid_hw[0] // self.stride), -(-grid_hw[1] // self.stride))
        of_maps = axial_rope(*coarse_hw, self.width, float(self.stride), frame.device)
        key_rope = torch.cat((of_maps.repeat(memories.maps.shape[1], 1), still))  # (k, d)
        x = frame
        for index, layer in enumerate(self._layers()):
            x = layer.read(x if index == 0 else layer.look(x, rope), rope, keys, values, key_rope, mask)
        return self.norm(x)

    def _layers(self) -> Iterator["MemoryLayer"]:
        return iter(cast(Iterable[MemoryLayer], self.layers))


def _tokens(memories: Memories) -> tuple[Tensor, Tensor, Tensor | None]:
    """Keys with positions, values, and which may be read (None: all)."""
    values = torch.cat((memories.maps.flatten(1, 2), memories.pointers), dim=1)
    positions = torch.cat((memories.map_positions.flatten(1, 2), memories.pointer_positions), dim=1)
    if bool(memories.maps_valid.all()) and bool(memories.pointers_valid.all()):
        return values + positions, values, None
    cells = memories.maps.shape[2]
    valid = torch.cat((memories.maps_valid.repeat_interleave(cells, dim=1), memories.pointers_valid), dim=1)
    return values + positions, values, valid[:, None, None]


class MemoryLayer(nn.Module):
    """Pre-norm: self-attention, attention to the memories, MLP; one head each."""

    def __init__(self, width: int, memory_width: int, mlp_width: int):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.self_attention = RotaryAttention(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.memory_attention = RotaryAttention(width, memory_width)
        self.norm3 = nn.LayerNorm(width)
        self.mlp = MLP((width, mlp_width, width))

    def look(self, x: Float[Tensor, "b s c"], rope: Complex[Tensor, "s d"]) -> Float[Tensor, "b s c"]:
        """Self-attention over the frame."""
        y = self.norm1(x)
        return x + self.self_attention(y, y, y, rope, rope, None)

    def read(
        self,
        x: Float[Tensor, "b s c"],
        rope: Complex[Tensor, "s d"],
        keys: Float[Tensor, "n k m"],
        values: Float[Tensor, "n k m"],
        key_rope: Complex[Tensor, "k d"],
        mask: Bool[Tensor, "n 1 1 k"] | None,
    ) -> Float[Tensor, "n s c"]:
        """Attention to the memories, and the MLP; `x` is one frame for all objects or one each."""
        x = x + self.memory_attention(self.norm2(x), keys, values, rope, key_rope, mask)
        return x + self.mlp(self.norm3(x))


class RotaryAttention(nn.Module):
    """One head whose queries and keys turn with their place in the grid; values are projected after attention."""

    def __init__(self, width: int, memory_width: int):
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(memory_width, width)
        self.value = nn.Linear(memory_width, width)
        self.out = nn.Linear(width, width)

    def forward(
        self,
        query: Float[Tensor, "b s c"],
        key: Float[Tensor, "n k m"],
        value: Float[Tensor, "n k m"],
        rope: Complex[Tensor, "s d"],
        key_rope: Complex[Tensor, "k d"],
        mask: Bool[Tensor, "n 1 1 k"] | None,
    ) -> Float[Tensor, "n s c"]:
        turned, k = apply_rope(self.query(query), rope), apply_rope(self.key(key), key_rope)
        turned = turned[:, None].expand(len(k), -1, -1, -1)
        read = attend(turned, k[:, None], value[:, None].to(k.dtype), mask)[:, 0]  # autocast: memories are in fp32
        return F.linear(read, self.out.weight @ self.value.weight, self.out(self.value.bias))  # the two in one
