"""Scoring: how well each query fits the prompt, as a dot product with the pooled prompt tokens."""

from jaxtyping import Bool, Float
from torch import Tensor, nn

from argus.nn.mlp import MLP

LIMIT = 12.0


class Scoring(nn.Module):
    """Prompt tokens through a residual MLP and a norm, averaged; both sides projected; a scaled dot product."""

    def __init__(self, width: int, mlp_width: int):
        super().__init__()
        self.mlp = MLP((width, mlp_width, width))
        self.norm = nn.LayerNorm(width)
        self.prompt = nn.Linear(width, width)
        self.query = nn.Linear(width, width)

    def forward(
        self, queries: Float[Tensor, "*l p q c"], prompt: Float[Tensor, "p t c"], valid: Bool[Tensor, "p t"]
    ) -> Float[Tensor, "*l p q"]:
        """Query logits, clamped to +-12."""
        tokens = self.norm(prompt + self.mlp(prompt))
        weight = valid.to(tokens.dtype)[..., None]
        pooled = (tokens * weight).sum(1) / weight.sum(1)  # (p, c)
        logits = (self.query(queries) @ self.prompt(pooled)[..., None])[..., 0]
        return (logits * queries.shape[-1] ** -0.5).clamp(-LIMIT, LIMIT)
