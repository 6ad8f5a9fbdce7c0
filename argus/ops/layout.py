"""How maps lie in memory where it matters for speed."""

from jaxtyping import Float
from torch import Tensor, float32


def laid_out(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """The same map, laid out for a 3x3 convolution.

    In fp32 on a CPU PyTorch's gradient of its weight takes twice as long where channels are last (1.05 s against 0.47 s
    for 3 maps of 128 x 120 x 120), so where a gradient is wanted they are first.
    """
    return x.contiguous() if x.requires_grad and x.dtype == float32 and x.device.type == "cpu" else x
