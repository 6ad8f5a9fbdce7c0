"""The fusion encoder: image tokens that read the prompt."""

from typing import cast

from jaxtyping import Bool, Float
from torch import Tensor, nn

from argus.nn.attention import Attention
from argus.nn.mlp import MLP


class FusionEncoder(nn.Module):
    """Pre-norm layers over the image tokens, without a final norm.

    The first layer's self-attention does not depend on the prompt, so `prepare` runs it once an image.
    """

    def __init__(self, width: int, heads: int, mlp_width: int, layers: int):
        super().__init__()
        made = nn.ModuleList(FusionLayer(width, heads, mlp_width) for _ in range(layers))
        self.layers = cast("list[FusionLayer]", made)  # its layers are called by their parts

    def prepare(self, image: Float[Tensor, "b n c"], position: Float[Tensor, "n c"]) -> Float[Tensor, "b n c"]:
        return self.layers[0].attend_image(image, position)

    def forward(
        self,
        prepared: Float[Tensor, "p n c"],
        position: Float[Tensor, "n c"],
        prompt: Float[Tensor, "p t c"],
        valid: Bool[Tensor, "p t"],
    ) -> Float[Tensor, "p n c"]:
        """`prepared` is each prompt's image after `prepare`."""
        x = self.layers[0].attend_prompt(prepared, prompt, valid)
        for layer in self.layers[1:]:
            x = layer.attend_prompt(layer.attend_image(x, position), prompt, valid)
        return x


class FusionLayer(nn.Module):
    """Self-attention over the image, cross-attention to the prompt, MLP."""

    def __init__(self, width: int, heads: int, mlp_width: int):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.self_attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.prompt_attention = Attention(width, heads)
        self.norm3 = nn.LayerNorm(width)
        self.mlp = MLP((width, mlp_width, width))
        nn.init.orthogonal_(self.prompt_attention.query.weight)  # training starts from likeness of image and prompt
        self.prompt_attention.key.weight = nn.Parameter(self.prompt_attention.query.weight.detach().clone())

    def attend_image(self, x: Float[Tensor, "p n c"], position: Float[Tensor, "n c"]) -> Float[Tensor, "p n c"]:
        y = self.norm1(x)
        placed = y + position
        return x + self.self_attention(placed, placed, y)

    def attend_prompt(
        self, x: Float[Tensor, "p n c"], prompt: Float[Tensor, "p t c"], valid: Bool[Tensor, "p t"]
    ) -> Float[Tensor, "p n c"]:
        x = x + self.prompt_attention(self.norm2(x), prompt, prompt, valid[:, None, None])
        return x + self.mlp(self.norm3(x))
