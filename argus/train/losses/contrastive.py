"""The contrast of two kinds of things, each of which has its partner among the other."""

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import log_softmax


def contrastive_loss(logits: Float[Tensor, "n n"], concepts: Int[Tensor, " n"]) -> Float[Tensor, ""]:
    """Softmax over the batch both ways (CLIP, Radford et al., ICML 2021); all pairs of one concept are right, in equal
    shares. 0 for no pairs."""
    same = (concepts[:, None] == concepts).to(logits.dtype)
    wanted = same / same.sum(1, keepdim=True)
    both = (log_softmax(logits, 1) + log_softmax(logits, 0)) / 2  # `same` is symmetric: one target serves both ways
    return -(wanted * both).sum() / max(len(concepts), 1)
