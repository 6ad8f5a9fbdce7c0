"""The detector: every instance of each prompt's concept in an encoded image."""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from argus.model.decoder import Decoded, Decoder
from argus.model.exemplar_encoder import ExemplarEncoder, Exemplars
from argus.model.fusion_encoder import FusionEncoder
from argus.model.mask_head import MaskHead
from argus.model.neck import Neck
from argus.model.scoring import Scoring
from argus.nn.position import sine_grid


@dataclass(frozen=True, kw_only=True)
class DetectorConfig:
    """Sizes of the detector beside the vision and text encoders."""

    width: int = 256
    heads: int = 8
    mlp_width: int = 2048
    exemplar_layers: int = 3
    fusion_layers: int = 6
    decoder_layers: int = 6
    queries: int = 200
    nms_within: float | None = None  # of two detections of a phrase with a greater mask IoU one stays; see `predict`
    rejects_by_likeness: bool = False  # - boxes are no part of a prompt, but compared with it; see inference/rejecting

    def __post_init__(self) -> None:
        if self.width % 8 or self.width % self.heads:
            raise ValueError(f"width must be a multiple of 8 and of heads, got {self.width}, {self.heads}")
        nms = self.nms_within
        if nms is not None and (type(nms) not in (int, float) or not 0 <= nms <= 1):
            raise ValueError(f"detector.nms_within must be a number in 0..1, or None, got {nms!r}")
        if min(self.fusion_layers, self.decoder_layers, self.queries) < 1:
            raise ValueError(f"the detector needs at least one fusion layer, decoder layer and query; got {self}")


@dataclass(frozen=True, kw_only=True)
class Question:
    """P prompts as the detector reads them: text tokens, which of them are not padding, and exemplars."""

    text: Float[Tensor, "p t c"]
    text_valid: Bool[Tensor, "p t"]
    exemplars: Exemplars

    @property
    def image(self) -> Int[Tensor, "p"]:
        return self.exemplars.image


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which queries of an answer get masks: those whose final score is above `threshold`, the best `limit` at most."""

    threshold: float = 0.5
    limit: int | None = None

    def indices(self, scores: Float[Tensor, "q"]) -> Int[Tensor, "k"]:
        """Queries to keep, best first."""
        order = scores.argsort(descending=True, stable=True)
        return order[scores[order] > self.threshold][: self.limit]


@dataclass(frozen=True, kw_only=True)
class DetectorOutput:
    """Answers to P prompts, one row each. Final scores are sigmoid(query logit) x sigmoid(presence logit).

    `mask_logits` is (P, Q, h, w) when all masks were asked for, else a list of (K, h, w) for the queries in `kept`.
    `semantic_logits` is (P, 1, h, w), or None when it was not asked for.
    """

    query_logits: Float[Tensor, "p q"]
    presence_logits: Float[Tensor, "p"]
    boxes_cxcywh_norm: Float[Tensor, "p q 4"]
    mask_logits: Float[Tensor, "p q h w"] | list[Float[Tensor, "_ h w"]]
    kept: list[Int[Tensor, "_"]]
    semantic_logits: Float[Tensor, "p 1 h w"] | None

    @property
    def scores(self) -> Float[Tensor, "p q"]:
        return final_scores(self.query_logits, self.presence_logits)


@dataclass(frozen=True, kw_only=True)
class Branch:
    """Predictions for P prompts after each of L decoder layers."""

    query_logits: Float[Tensor, "l p q"]
    boxes_cxcywh_norm: Float[Tensor, "l p q 4"]


@dataclass(frozen=True, kw_only=True)
class DetectorTraining:
    """What training sees: every layer's predictions; for the M prompts whose concept is `present` also those of the
    one-to-many branch, masks and semantic maps."""

    one_to_one: Branch
    one_to_many: Branch
    presence_logits: Float[Tensor, "l p"]
    mask_logits: Float[Tensor, "m q h w"]
    semantic_logits: Float[Tensor, "m 1 h w"]


class DetectorFeatures:
    """What the detector reads of B images, computed once for all prompts; pixel shares only when a mask is decoded."""

    def __init__(self, detector: "Detector", trunk: Float[Tensor, "b h w c"]):
        self._detector = detector
        self._trunk = trunk.permute(0, 3, 1, 2)  # (b, c, h, w), channels last in memory
        self.image = detector.neck.x1(self._trunk).permute(0, 2, 3, 1)  # (b, h, w, c)
        self.grid_hw = (trunk.shape[1], trunk.shape[2])
        position = sine_grid(*self.grid_hw, self.image.shape[-1], trunk.device)
        self.position = position.to(self.image.dtype)  # (n, c)
        self.prepared = detector.fusion_encoder.prepare(self.image.flatten(1, 2), self.position)  # (b, n, c)

    @cached_property
    def shares(self) -> tuple[Float[Tensor, "b c h2 w2"], Float[Tensor, "b c h4 w4"]]:
        """The image's share of both stages of the pixel decoder."""
        neck, head = self._detector.neck, self._detector.mask_head
        return head.image_share(0, neck.x2(self._trunk)), head.image_share(1, neck.x4(self._trunk))


class Detector(nn.Module):
    """Neck, exemplar encoder, fusion encoder, decoder, scoring and mask head."""

    def __init__(self, config: DetectorConfig, vision_width: int):
        super().__init__()
        width, heads, mlp_width = config.width, config.heads, config.mlp_width
        self.config = config
        self.neck = Neck(vision_width, width)
        self.exemplar_encoder = ExemplarEncoder(width, heads, mlp_width, config.exemplar_layers)
        self.fusion_encoder = FusionEncoder(width, heads, mlp_width, config.fusion_layers)
        self.decoder = Decoder(width, heads, mlp_width, config.decoder_layers, config.queries)
        self.scoring = Scoring(width, mlp_width)
        self.mask_head = MaskHead(width, heads)

    def forward(
        self, features: DetectorFeatures, question: Question, selection: Selection | None, semantic: bool
    ) -> DetectorOutput:
        """Answer P prompts; without a `selection` the masks of all queries are decoded."""
        prompt, valid = self._prompt(features, question)
        fused = self._fuse(features, question, prompt, valid)
        decoded = self.decoder(fused, features.position, features.grid_hw, prompt, valid)
        queries, presence = decoded.queries[-1], decoded.presence_logits[-1]
        logits = self.scoring(queries, prompt, valid)
        kept = _kept(logits, presence, selection)
        decoded_rows = [i for i, k in enumerate(kept) if len(k) or semantic]
        rows = torch.tensor(decoded_rows, dtype=torch.long, device=logits.device)
        pixels = self._pixels(features, question, fused, prompt, valid, rows) if len(rows) else None
        return DetectorOutput(
            query_logits=logits,
            presence_logits=presence,
            boxes_cxcywh_norm=decoded.boxes_cxcywh_norm[-1],
            mask_logits=self._masks(queries, pixels, rows, kept, features, stacked=selection is None),
            kept=kept,
            semantic_logits=self.mask_head.semantic(pixels) if semantic else None,
        )

    def train_forward(
        self, features: DetectorFeatures, question: Question, present: Int[Tensor, "m"], hints: Float[Tensor, "m k 4"]
    ) -> DetectorTraining:
        """Predictions to learn from; `present` are the prompts whose concept is in their image, in order, and `hints`
        boxes (cxcywh in 0..1) that further queries of the one-to-many branch start from."""
        prompt, valid = self._prompt(features, question)
        fused = self._fuse(features, question, prompt, valid)
        place = (features.position, features.grid_hw)
        ones = self.decoder(fused, *place, prompt, valid)
        many = self.decoder(fused[present], *place, prompt[present], valid[present], hints)
        pixels = self._pixels(features, question, fused, prompt, valid, present)
        return DetectorTraining(
            one_to_one=self._branch(ones, prompt, valid),
            one_to_many=self._branch(many, prompt[present], valid[present]),
            presence_logits=ones.presence_logits,
            mask_logits=self.mask_head.masks(ones.queries[-1, present], pixels),
            semantic_logits=self.mask_head.semantic(pixels),
        )

    def _branch(self, decoded: Decoded, prompt: Tensor, valid: Tensor) -> Branch:
        logits = self.scoring(decoded.queries, prompt, valid)
        return Branch(query_logits=logits, boxes_cxcywh_norm=decoded.boxes_cxcywh_norm)

    def _prompt(self, features: DetectorFeatures, question: Question) -> tuple[Tensor, Tensor]:
        """Text and exemplar tokens side by side, (p, t, c), and which of them are not padding, (p, t)."""
        tokens, valid = self.exemplar_encoder(question.exemplars, features.image, features.position)
        return torch.cat((question.text, tokens), dim=1), torch.cat((question.text_valid, valid), dim=1)

    def _fuse(self, features: DetectorFeatures, question: Question, prompt: Tensor, valid: Tensor) -> Tensor:
        return self.fusion_encoder(_rows(features.prepared, question.image), features.position, prompt, valid)

    def _pixels(
        self, features: DetectorFeatures, question: Question, fused: Tensor, prompt: Tensor, valid: Tensor, rows: Tensor
    ) -> Float[Tensor, "m c h w"]:
        """Pixel features of the prompts in `rows`."""
        image = question.image[rows]
        shares = (_rows(features.shares[0], image), _rows(features.shares[1], image))
        return self.mask_head.pixels(fused[rows], features.grid_hw, prompt[rows], valid[rows], shares)

    def _masks(
        self,
        queries: Float[Tensor, "p q c"],
        pixels: Float[Tensor, "m c h w"] | None,
        rows: Int[Tensor, "m"],
        kept: list[Int[Tensor, "_"]],
        features: DetectorFeatures,
        stacked: bool,
    ) -> Float[Tensor, "p q h w"] | list[Float[Tensor, "_ h w"]]:
        if stacked and pixels is not None:
            return self.mask_head.masks(queries, pixels)
        height, width = (4 * side for side in features.grid_hw)
        masks = [queries.new_zeros(0, height, width) for _ in kept]
        for place, row in enumerate(rows.tolist()):
            assert pixels is not None
            masks[row] = self.mask_head.masks(queries[row, kept[row]][None], pixels[place, None])[0]
        return masks


def _rows(maps: Float[Tensor, "b *shape"], image: Int[Tensor, "p"]) -> Float[Tensor, "p *shape"]:
    """The map of each prompt's image; without a copy when there is but one image, for these maps are large."""
    return maps.expand(len(image), *maps.shape[1:]) if len(maps) == 1 else maps[image]


def final_scores(query_logits: Float[Tensor, "*p q"], presence_logits: Float[Tensor, "*p"]) -> Float[Tensor, "*p q"]:
    """The probability that a query is an instance: given that the concept is present, times that it is."""
    return query_logits.float().sigmoid() * presence_logits.float().sigmoid()[..., None]


def _kept(
    query_logits: Float[Tensor, "p q"], presence_logits: Float[Tensor, "p"], selection: Selection | None
) -> list[Int[Tensor, "_"]]:
    scores = final_scores(query_logits, presence_logits)
    if selection is None:
        return [torch.arange(scores.shape[1], device=scores.device) for _ in scores]
    return [selection.indices(row) for row in scores]
