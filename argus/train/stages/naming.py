"""What the objects of a batch teach vision and text encoder: their names, and which phrases are true of them.

Each object is the mean of the image tokens under its mask, so one image teaches as many names as it has objects and
as many answers as objects times phrases, for the price of encoding it once.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, interpolate, normalize

from argus.data.objects import Objects
from argus.model.sam3 import Sam3
from argus.train.losses.contrastive import contrastive_loss

TEMPERATURE = 0.07  # of the names' contrast at the start; it is learned
PHRASE_SCALE, PHRASE_BIAS = 10.0, -3.0  # of a phrase's logit at the start: about one pair in ten is true


@dataclass(frozen=True, kw_only=True)
class NamingLosses:
    """Contrast of names, truth of phrases, how far the map's scale is from 1, and (a measure, no loss) the share of the
    phrases whose presence the best object tells."""

    contrastive: Float[Tensor, ""]
    matching: Float[Tensor, ""]
    scale: Float[Tensor, ""]
    presence_accuracy: Float[Tensor, ""]


@dataclass(frozen=True, kw_only=True)
class Represented:
    """What is contrasted, each of length 1: N objects and their names, K phrases, and the ground of B images."""

    things: Float[Tensor, "n c"]
    names: Float[Tensor, "n c"]
    phrases: Float[Tensor, "k c"]
    grounds: Float[Tensor, "b c"]


class Naming(nn.Module):
    """Losses between what the detector will see: the neck's map and the text tokens.

    Likeness does not see the map's scale, which then grows without end and leaves the detector's attention, where it
    begins, to a single token; so the scale is held at 1.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1 / TEMPERATURE).log())
        self.phrase_scale = nn.Parameter(torch.tensor(PHRASE_SCALE).log())
        self.phrase_bias = nn.Parameter(torch.tensor(PHRASE_BIAS))

    def forward(self, model: Sam3, level: Float[Tensor, "b h w c"], objects: Objects) -> NamingLosses:
        return self.judge(self.represent(model, level, objects), level, objects)

    def represent(self, model: Sam3, level: Float[Tensor, "b h w c"], objects: Objects) -> Represented:
        """From the neck's map, and the text encoder."""
        tokens, valid = model.encode_text((*objects.names, *objects.phrases))
        things, texts = pool(level, objects.image, objects.masks), (tokens * valid[..., None]).sum(1)
        grounds = pool(level, torch.arange(len(level), device=level.device), ground(objects, len(level)))
        with torch.autocast(level.device.type, enabled=False):
            things, texts, grounds = (normalize(x.float(), dim=-1) for x in (things, texts, grounds))
        count = len(objects.names)
        return Represented(things=things, names=texts[:count], phrases=texts[count:], grounds=grounds)

    def judge(self, seen: Represented, level: Float[Tensor, "b h w c"], objects: Objects) -> NamingLosses:
        """All losses of a batch; the contrast is within it."""
        with torch.autocast(level.device.type, enabled=False):
            of_pairs = (seen.things[objects.pairs[0]] * seen.phrases[objects.pairs[1]]).sum(-1)
            of_grounds = (seen.grounds[objects.phrase_image] * seen.phrases).sum(-1)
            logits = torch.cat((of_pairs, of_grounds)) * self.phrase_scale.exp().clamp(max=100) + self.phrase_bias
            truths = torch.cat((objects.truths, torch.zeros_like(of_grounds, dtype=torch.bool)))
            return NamingLosses(
                contrastive=self.contrast(seen.things, seen.names, objects.concepts),
                matching=binary_cross_entropy_with_logits(logits, truths.float(), reduction="sum")
                / max(len(logits), 1),
                scale=level.float().square().mean().log().square(),
                presence_accuracy=_presence_accuracy(logits[: len(of_pairs)].detach(), objects),
            )

    def contrast(
        self, things: Float[Tensor, "n c"], names: Float[Tensor, "n c"], concepts: Int[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """Each object is told from the others by its name, and each name by its object."""
        return contrastive_loss(things @ names.T * self.scale.exp().clamp(max=100), concepts)


def pool(
    tokens: Float[Tensor, "b h w c"], image: Int[Tensor, " n"], masks: Bool[Tensor, "n height width"]
) -> Float[Tensor, "n c"]:
    """Each object's mean token, weighted by how much of a token's patch its mask covers."""
    cover = interpolate(masks[:, None].float(), tokens.shape[1:3], mode="area").flatten(1)  # (n, h w)
    cover = cover / cover.sum(1, keepdim=True).clamp(min=1e-6)
    return (cover[:, None].to(tokens.dtype) @ tokens.flatten(1, 2)[image])[:, 0]


def ground(objects: Objects, images: int) -> Bool[Tensor, "b h w"]:
    """What no object covers, image by image."""
    covered = torch.zeros(images, *objects.masks.shape[1:], dtype=torch.int32, device=objects.masks.device)
    return covered.index_add_(0, objects.image, objects.masks.int()) == 0


def _presence_accuracy(logits: Float[Tensor, " m"], objects: Objects) -> Float[Tensor, ""]:
    """How often "some object fits the phrase" is right, over the phrases."""
    best = logits.new_full((len(objects.phrases),), -1.0)
    best = best.scatter_reduce(0, objects.pairs[1], logits, "amax")
    present = torch.zeros_like(best).index_add_(0, objects.pairs[1], objects.truths.float()) > 0
    return ((best > 0) == present).float().mean()
