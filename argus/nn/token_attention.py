"""Attention between a few tokens and many pixels.

The weights and numbers of `Attention`. What it makes of every pixel (queries, keys, values) is as wide as all heads
together; here each token's side is brought through those projections instead, and meets the pixels as they are: that
is less work as long as heads x tokens are fewer than that width, and no projected pixels are kept.
"""

from jaxtyping import Bool, Float
from torch import Tensor

from argus.nn.attention import Attention


class TokensReadPixels(Attention):
    """Tokens are the queries. `keys` and `values` are of the same pixels."""

    def forward(  # type: ignore[override]
        self, tokens: Float[Tensor, "b k c"], keys: Float[Tensor, "b s c"], values: Float[Tensor, "b s c"]
    ) -> Float[Tensor, "b k c"]:
        q = self._split(self.query(tokens))  # (b, h, k, d)
        asked = q * q.shape[-1] ** -0.5 @ self.key.weight.unflatten(0, (self.heads, -1))  # (b, h, k, c)
        # the bias of keys adds the same to all logits of a query, which changes nothing
        attention = (asked.flatten(1, 2) @ keys.transpose(1, 2)).softmax(-1)
        read = (attention @ values).unflatten(1, (self.heads, -1))  # (b, h, k, c)
        projected = read @ self.value.weight.unflatten(0, (self.heads, -1)).transpose(1, 2)  # (b, h, k, d)
        return self.out(projected.transpose(1, 2).flatten(2) + self.value.bias)


class PixelsReadTokens(Attention):
    """Pixels are the queries."""

    def forward(  # type: ignore[override]
        self,
        pixels: Float[Tensor, "b s c"],
        keys: Float[Tensor, "b k c"],
        values: Float[Tensor, "b k c"],
        valid: Bool[Tensor, "b k"],
    ) -> Float[Tensor, "b s c"]:
        """Tokens that are not `valid` are padding."""
        k, v = self._split(self.key(keys)), self._split(self.value(values))  # (b, h, k, d)
        k = k * k.shape[-1] ** -0.5
        asked = k @ self.query.weight.unflatten(0, (self.heads, -1))  # (b, h, k, c)
        bias = k @ self.query.bias.unflatten(0, (self.heads, -1, 1))  # (b, h, k, 1)
        bias = bias.masked_fill(~valid[:, None, :, None], float("-inf"))
        logits = (asked.flatten(1, 2) @ pixels.transpose(1, 2)).unflatten(1, (self.heads, -1)) + bias  # (b, h, k, s)
        attention = logits.softmax(2).flatten(1, 2).transpose(1, 2)  # (b, s, h k)
        answers = v @ self.out.weight.unflatten(1, (self.heads, -1)).permute(1, 2, 0)  # (b, h, k, c)
        return attention @ answers.flatten(1, 2) + self.out.bias
