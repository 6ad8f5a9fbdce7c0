"""Multi-head attention over token sequences."""

from jaxtyping import Bool, Float
from torch import Tensor, nn

from argus.ops.attention import attend


class Attention(nn.Module):
    """Scaled dot-product attention with separate projections for queries, keys and values.

    `inner` is the width of all heads together, by default `width`.
    """

    def __init__(self, width: int, heads: int, inner: int | None = None):
        super().__init__()
        inner = inner or width
        self.heads = heads
        self.query = nn.Linear(width, inner)
        self.key = nn.Linear(width, inner)
        self.value = nn.Linear(width, inner)
        self.out = nn.Linear(inner, width)

    def forward(
        self,
        query: Float[Tensor, "b q c"],
        key: Float[Tensor, "b k c"],
        value: Float[Tensor, "b k c"],
        mask: Bool[Tensor, "..."] | Float[Tensor, "..."] | None = None,
    ) -> Float[Tensor, "b q c"]:
        """`mask` broadcasts to (b, heads, q, k): True where a key may be read, or a float added to the logits."""
        q, k, v = self._split(self.query(query)), self._split(self.key(key)), self._split(self.value(value))
        return self.out(attend(q, k, v, mask).transpose(1, 2).flatten(2))

    def _split(self, x: Float[Tensor, "b n c"]) -> Float[Tensor, "b h n d"]:
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)
