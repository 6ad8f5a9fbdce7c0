"""Namer stage: all else frozen, a small net learns names, and which phrases are true, from close-ups of objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn
from torch.nn.functional import (
    affine_grid,
    avg_pool2d,
    binary_cross_entropy_with_logits,
    cross_entropy,
    grid_sample,
    interpolate,
    pad,
)

from argus.data.sources.scenes import SceneConfig, ontology
from argus.model import presets
from argus.model.namer import pooled
from argus.model.sam3 import Sam3, Sam3Config
from argus.train.close_up_bank import GROUND, REACH, Bank, bank_of
from argus.train.loop import Learner, TrainConfig
from argus.train.stages.towers import names_shown

MATCHING = 4.0  # weight of the phrases' truth beside the names' contrast
CLASSIFICATION = 1.0  # weight of a plain head over the concepts, which learns sooner and is thrown away
NEARNESS, STRETCH, BESIDE = (0.95, 1.55), 0.12, 0.15  # sides of the square, how far from square, and from its middle
BLURRED = 0.3  # of the batches
SURENESS = (2.0, 16.0)  # logits between what a mask holds and what it does not
PATCHES = {3: 2.5, 7: 2.0}  # by their number along a side: the most that a mask's logits stray there
STRAY_COLOURS = 3.0  # the most that they stray with the colours, in which a detector's masks take or miss whole parts
FALSE_EACH = 4  # names of the ontology that are not true of a close-up, beside the phrases of its scene


@dataclass(frozen=True, kw_only=True)
class CloseUpBatch:
    """N close-ups with their extents and concepts (rows, `GROUND` for what is none); a name for each of C concepts; and
    K phrases with the truth of M pairs of (close-up, phrase)."""

    views: Float[Tensor, "n 4 s s"]
    extents: Float[Tensor, " n"]
    concepts: Int[Tensor, " n"]
    names: tuple[str, ...]
    phrases: tuple[str, ...]
    pairs: Int[Tensor, "2 m"]
    truths: Bool[Tensor, " m"]

    def to(self, device: torch.device) -> CloseUpBatch:
        kept = ("names", "phrases")
        return replace(self, **{name: value.to(device) for name, value in vars(self).items() if name not in kept})


@dataclass(frozen=True, kw_only=True)
class CloseUpBatches:
    """The n-th batch: `count` close-ups of a bank, in another order each time round, as a detector may show them: boxes
    not quite right, masks coarse, too large or too small. Each concept has one of its `names`, by chance. `others` are
    the names of more concepts, drawn or not, of which `false` says (columns) what a close-up of a concept (rows, the
    last one for what is none) is surely not."""

    bank: Bank
    names: Mapping[str, tuple[str, ...]]
    others: tuple[tuple[str, ...], ...]
    false: Bool[np.ndarray, "c1 o"]
    count: int
    side: int
    seed: int = 0

    def __call__(self, index: int) -> CloseUpBatch:
        rng = np.random.default_rng([self.seed, index])
        around, place = divmod(index, max(len(self.bank) // self.count, 1))
        order = np.random.default_rng([self.seed, around]).permutation(len(self.bank))
        rows = np.sort(order[place * self.count : (place + 1) * self.count])  # as they lie on disk
        texts: dict[str, int] = {}
        pairs: list[tuple[int, int]] = []
        truths: list[bool] = []
        for thing, row in enumerate(rows):
            for text, named in self.bank.asked[self.bank.scenes[row]]:
                pairs.append((thing, texts.setdefault(text, len(texts))))
                truths.append(int(self.bank.numbers[row]) in named)
            for other in rng.choice(np.flatnonzero(self.false[self.bank.concepts[row]]), FALSE_EACH):
                pairs.append((thing, texts.setdefault(str(rng.choice(self.others[other])), len(texts))))
                truths.append(False)
        return CloseUpBatch(
            views=seen_by_chance(torch.from_numpy(self.bank.views[rows]), self.side, rng),
            extents=torch.from_numpy(self.bank.extents[rows]) * _uniform(rng, (0.88, 1.12), len(rows)),
            concepts=torch.from_numpy(self.bank.concepts[rows]),
            names=tuple(str(rng.choice(names)) for names in self.names.values()),
            phrases=tuple(texts),
            pairs=torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).T,
            truths=torch.tensor(truths, dtype=torch.bool),
        )


def seen_by_chance(
    kept: UInt8[Tensor, "n t t 4"], side: int, rng: np.random.Generator
) -> Float[Tensor, "n 4 side side"]:
    """What `close_ups` might give of the close-ups in a bank: nearer or farther, beside their middle, mirrored, in
    other light, with masks as coarse as a detector's."""
    count = len(kept)
    scale = _uniform(rng, NEARNESS, count) / REACH
    stretch = _uniform(rng, (-STRETCH, STRETCH), count).exp()
    mirror = torch.from_numpy(rng.choice(np.array([-1, 1], np.float32), count))
    places = torch.zeros(count, 2, 3)
    places[:, 0, 0], places[:, 1, 1] = scale * stretch * mirror, scale / stretch
    for axis in (0, 1):
        places[:, axis, 2] = _uniform(rng, (-BESIDE, BESIDE), count) * 2 / REACH
    grid = affine_grid(places, [count, 4, side, side], align_corners=False)
    layers = kept.permute(0, 3, 1, 2).float() / 255
    shown = grid_sample(layers, grid, padding_mode="border", align_corners=False)
    light, dark = _uniform(rng, (0.75, 1.25), count, 1, 1, 1), _uniform(rng, (-0.1, 0.1), count, 1, 1, 1)
    colours = ((shown[:, :3] - 0.5) * light + dark) * _uniform(rng, (0.92, 1.08), count, 3, 1, 1) * 2
    noise = _normal(rng, *colours.shape) * _uniform(rng, (0, 0.04), count, 1, 1, 1)
    mask = _coarse(shown[:, 3:], shown[:, :3] - 0.5, rng)
    if rng.random() < BLURRED:
        colours = _softened(colours, 1)
    return torch.cat((colours + noise, mask), 1)


def _coarse(
    masks: Float[Tensor, "n 1 s s"], colours: Float[Tensor, "n 3 s s"], rng: np.random.Generator
) -> Float[Tensor, "n 1 s s"]:
    """Masks as a detector may see them: blurred, more or less sure, straying in patches and with the colours."""
    count, side = len(masks), masks.shape[-1]
    soft = _softened(masks, int(rng.integers(5))) - _uniform(rng, (0.3, 0.7), count, 1, 1, 1)
    logits = soft * _uniform(rng, (np.log(SURENESS[0]), np.log(SURENESS[1])), count, 1, 1, 1).exp()
    for patches, most in PATCHES.items():
        field = _normal(rng, count, 1, patches, patches)
        field = interpolate(field, size=(side, side), mode="bilinear", align_corners=False)
        logits = logits + field * most * _uniform(rng, (0, 1), count, 1, 1, 1).square()
    strays = (colours * _normal(rng, count, 3, 1, 1)).sum(1, keepdim=True)
    return (logits + strays * STRAY_COLOURS * _uniform(rng, (0, 1), count, 1, 1, 1)).sigmoid()


def _normal(rng: np.random.Generator, *shape: int) -> Float[Tensor, "*shape"]:
    return torch.from_numpy(rng.standard_normal(shape, np.float32))


def _softened(layers: Float[Tensor, "n c h w"], reach: int) -> Float[Tensor, "n c h w"]:
    """Means over squares that reach so many pixels from their middle."""
    return avg_pool2d(pad(layers, (reach,) * 4, mode="replicate"), 2 * reach + 1, 1)


def _uniform(rng: np.random.Generator, span: tuple[float, float], *shape: int) -> Float[Tensor, "*shape"]:
    return torch.from_numpy(rng.uniform(*span, shape).astype(np.float32))


@dataclass(frozen=True, kw_only=True)
class NamerLosses:
    """The parts add up to `total`; the share of close-ups of objects that are named right among all concepts."""

    total: Float[Tensor, ""]
    contrastive: Float[Tensor, ""]
    matching: Float[Tensor, ""]
    classification: Float[Tensor, ""]
    accuracy: Float[Tensor, ""]


class NamerLearner(Learner[CloseUpBatch]):
    """The namer under the contrast of all names (of those that are `told` apart, see `tellable`), and the truth of
    phrases; nothing else of the model learns."""

    def __init__(self, model: Sam3, told: Bool[np.ndarray, "c c"]) -> None:
        super().__init__()
        if model.namer is None:
            raise ValueError("expected a model with a namer, got one without: give it one (with_new)")
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.startswith("namer."))
        self.model = model
        self.told = torch.from_numpy(told)
        self.class_head = nn.Linear(model.namer.features, len(told))
        self._read: dict[str, Tensor] = {}

    def totals(self, batches: Sequence[CloseUpBatch]) -> int:
        return sum(len(batch.concepts) for batch in batches)

    def forward(self, batch: CloseUpBatch, totals: int) -> NamerLosses:
        namer = self.model.namer
        assert namer is not None
        seen = namer.seen(batch.views, batch.extents)
        things = namer.placed(seen).float()
        names = namer.phrases(self._texts(batch.names)).float()
        phrases = namer.phrases(self._texts(batch.phrases)).float()
        share, are = len(batch.concepts) / totals, batch.concepts != GROUND
        right = batch.concepts[are]
        likeness = things[are] @ names.T
        logits = (likeness * namer.contrast_scale.exp().clamp(max=100)).masked_fill(
            ~self.told.to(likeness.device)[right], -torch.inf
        )
        of_pairs = namer.logits((things[batch.pairs[0]] * phrases[batch.pairs[1]]).sum(-1))
        matching = binary_cross_entropy_with_logits(of_pairs, batch.truths.float(), reduction="sum") / max(
            len(of_pairs), 1
        )
        contrastive = cross_entropy(logits, right, reduction="sum") / max(len(right), 1)
        classes = self.class_head(seen[are]).float()
        classification = cross_entropy(classes, right, reduction="sum") / max(len(right), 1)
        return NamerLosses(
            total=(contrastive + MATCHING * matching + CLASSIFICATION * classification) * share,
            contrastive=contrastive * share,
            matching=MATCHING * matching * share,
            classification=CLASSIFICATION * classification * share,
            accuracy=(logits.argmax(1) == right).float().sum() / max(len(right), 1) * share,
        )

    @torch.no_grad()
    def _texts(self, phrases: tuple[str, ...]) -> Float[Tensor, "k t"]:
        """Mean text tokens; a bank has so few phrases that all of them are kept."""
        missing = [phrase for phrase in phrases if phrase not in self._read]
        if missing:
            self._read.update(zip(missing, pooled(*self.model.encode_text(missing)).float(), strict=True))
        return torch.stack([self._read[phrase] for phrase in phrases])


def tellable(concepts: Sequence[str]) -> Bool[np.ndarray, "c c"]:
    """Which concepts (columns) an object of a concept (rows) is surely not, and the one that it is."""
    columns = [list(ontology().concepts).index(concept) for concept in concepts]
    return surely_not(concepts)[:-1, columns] | np.eye(len(concepts), dtype=bool)


def surely_not(concepts: Sequence[str]) -> Bool[np.ndarray, "c1 o"]:
    """Which concepts of the ontology (columns) an object of one of `concepts` (rows) is surely not; the last row is of
    what is no object."""
    tree = ontology()
    rows = [[other not in tree.near[concept] for other in tree.concepts] for concept in concepts]
    return np.array([*rows, [True] * len(tree.concepts)])


@dataclass(frozen=True, kw_only=True)
class NamerRecipe:
    """A whole run of the namer: `count` close-ups a batch, from a bank of `bank_scenes` scenes that is made in the
    folder `bank` when the run begins."""

    stage: ClassVar[str] = "namer"

    train: TrainConfig
    count: int
    bank_scenes: int
    scenes: SceneConfig
    bank: Path | None = None
    sizes: Sam3Config = field(default_factory=presets.nano)

    def learner(self, model: Sam3) -> NamerLearner:
        return NamerLearner(model, tellable(list(self._names())))

    def batches(self) -> CloseUpBatches:
        assert self.sizes.namer is not None and self.bank is not None
        names = self._names()
        return CloseUpBatches(
            bank=bank_of(self.bank, self.scenes, list(names), self.bank_scenes, self.train.seed),
            names=names,
            others=tuple(c.names_en + c.names_zh for c in ontology().concepts.values()),
            false=surely_not(list(names)),
            count=self.count,
            side=self.sizes.namer.side,
            seed=self.train.seed,
        )

    def _names(self) -> dict[str, tuple[str, ...]]:
        return names_shown([self.scenes])
