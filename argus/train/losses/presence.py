"""The presence token's loss: is the concept in the image at all."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def presence_loss(
    presence_logits: Float[Tensor, "l p"], present: Bool[Tensor, " p"], positive_weight: float = 1.0
) -> Float[Tensor, "l p"]:
    """Half the binary cross-entropy of each layer's presence logit (a focal loss with alpha 0.5 and gamma 0), that of
    present concepts `positive_weight` times."""
    wanted = present.to(presence_logits.dtype).expand_as(presence_logits)
    weight = torch.as_tensor(positive_weight, dtype=presence_logits.dtype, device=presence_logits.device)
    return 0.5 * binary_cross_entropy_with_logits(presence_logits, wanted, reduction="none", pos_weight=weight)
