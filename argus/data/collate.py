"""From labelled samples to a training batch: which phrases are asked, with which exemplar boxes, and what is true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int
from torch import Tensor

from argus.data.collate_clips import Picks
from argus.data.objects import Objects
from argus.data.records import Query, Sample
from argus.ops import pixels
from argus.ops.boxes import px_to_norm
from argus.types import Prompt

HINTS, HINTS_EACH = 8, 2
PLAIN_KINDS = ("name", "synonym", "shape")  # kinds whose instances an exemplar box alone can stand for


@dataclass(frozen=True, kw_only=True)
class Targets:
    """What is true for P prompts: T boxes, prompt after prompt, each pointing at one of the N masks of the batch.

    A mask is kept once however many prompts name it. `counts` says how many boxes each prompt has (0: absent).
    `hints` are boxes for the M present prompts, some near their objects, that further queries start from in training.
    """

    boxes_cxcywh_norm: Float[Tensor, "t 4"]
    mask_rows: Int[Tensor, " t"]
    counts: Int[Tensor, " p"]
    masks: Bool[Tensor, "n h w"]
    hints_cxcywh_norm: Float[Tensor, "m k 4"]

    @property
    def present(self) -> Bool[Tensor, " p"]:
        """Prompts whose concept is in their image."""
        return self.counts > 0

    @property
    def prompt_of(self) -> Int[Tensor, " t"]:
        """The prompt each box belongs to."""
        return torch.repeat_interleave(torch.arange(len(self.counts), device=self.counts.device), self.counts)

    @property
    def first(self) -> Int[Tensor, " p"]:
        """Where each prompt's boxes begin."""
        return self.counts.cumsum(0) - self.counts

    def of(self, rows: Sequence[int]) -> Targets:
        """What is true for some of the prompts, whose `rows` rise; the masks stay as they are."""
        chosen = torch.zeros(len(self.counts), dtype=torch.bool, device=self.counts.device)
        chosen[list(rows)] = True
        of_boxes = chosen[self.prompt_of]
        return Targets(
            boxes_cxcywh_norm=self.boxes_cxcywh_norm[of_boxes],
            mask_rows=self.mask_rows[of_boxes],
            counts=self.counts[chosen],
            masks=self.masks,
            hints_cxcywh_norm=self.hints_cxcywh_norm[chosen[self.present]],
        )

    def to(self, device: torch.device) -> Targets:
        return Targets(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Images normalised with mean 0.5 and std 0.5, the prompts asked about them (`Prompt.image`) and their targets.

    Where they are known: the `concepts` of what is in each image, all `objects`, named, some to be picked one by one,
    and the training `step`. `known`: about base concepts, which a model that is fine-tuned should go on answering as
    before.
    """

    images: Float[Tensor, "b 3 h w"]
    prompts: tuple[Prompt, ...]
    targets: Targets
    concepts: tuple[tuple[str, ...], ...] = ()
    objects: Objects | None = None
    picks: Picks | None = None
    known: bool = False
    step: int = 0

    def to(self, device: torch.device) -> Batch:
        return replace(
            self,
            images=self.images.to(device),
            targets=self.targets.to(device),
            objects=None if self.objects is None else self.objects.to(device),
            picks=None if self.picks is None else self.picks.to(device),
        )


@dataclass(frozen=True, kw_only=True)
class PromptMix:
    """How phrases of a sample become prompts.

    `boxes_only` and `text_and_boxes` are the shares of the positive phrases asked by exemplar boxes alone and with
    them; the rest is text alone. A prompt with boxes has 1 to `most_boxes` + boxes, and with probability
    `negative_box` one - box on another object. Half of those with text have the - box alone, and so have half as
    many absent phrases: it must not say by itself that a concept is absent. Each edge of a box moves by a normal error
    of `jitter` times the box's side.
    """

    per_image: int = 8
    boxes_only: float = 0.15
    text_and_boxes: float = 0.2
    most_boxes: int = 3
    negative_box: float = 0.2
    jitter: float = 0.05

    def __post_init__(self) -> None:
        if self.per_image < 1 or self.most_boxes < 1:
            raise ValueError(f"per_image and most_boxes must be at least 1, got {self.per_image} and {self.most_boxes}")
        if not 0 <= self.boxes_only + self.text_and_boxes <= 1:
            raise ValueError(
                f"boxes_only + text_and_boxes must lie in 0..1, got {self.boxes_only} + {self.text_and_boxes}"
            )


def collate(samples: Sequence[Sample], mix: PromptMix, rng: np.random.Generator) -> Batch:
    """A batch of samples of one size with prompts chosen by `rng`. Raises ValueError when sizes differ."""
    sizes = {sample.image.shape for sample in samples}
    if len(sizes) != 1:
        raise ValueError(f"samples of a batch must share one image size, got {sorted(sizes)}; resize them first")
    prompts: list[Prompt] = []
    boxes: list[np.ndarray] = []
    rows: list[int] = []
    counts: list[int] = []
    hints: list[np.ndarray] = []
    first_mask = 0
    for index, sample in enumerate(samples):
        height, width = sample.image.shape[:2]
        boxes_norm = px_to_norm(torch.from_numpy(sample.boxes_xyxy_px), (height, width)).numpy()
        for query in choose_queries(sample.queries, mix.per_image, rng):
            prompts.append(make_prompt(query, sample.concepts, boxes_norm, index, mix, rng))
            boxes.append(boxes_norm[list(query.instances)])
            rows += [first_mask + instance for instance in query.instances]
            counts.append(len(query.instances))
            if query.instances:
                hints.append(make_hints(boxes[-1], rng))
        first_mask += len(sample.masks)
    targets = Targets(
        boxes_cxcywh_norm=torch.from_numpy(np.concatenate([np.zeros((0, 4), np.float32), *boxes])),
        mask_rows=torch.tensor(rows, dtype=torch.int64),
        counts=torch.tensor(counts, dtype=torch.int64),
        masks=torch.from_numpy(np.concatenate([sample.masks for sample in samples])),
        hints_cxcywh_norm=torch.from_numpy(np.stack(hints) if hints else np.zeros((0, HINTS, 4), np.float32)),
    )
    images = normalised(np.stack([sample.image for sample in samples]))
    concepts = tuple(sample.concepts for sample in samples)
    return Batch(images=images, prompts=tuple(prompts), targets=targets, concepts=concepts)


def normalised(images: np.ndarray) -> Float[Tensor, "b 3 h w"]:
    """uint8 images (B, H, W, 3) as floats (B, 3, H, W) with mean 0.5 and std 0.5."""
    return pixels.normalised(torch.from_numpy(images).permute(0, 3, 1, 2))


def choose_queries(queries: Sequence[Query], count: int, rng: np.random.Generator) -> list[Query]:
    """At most `count` queries, positives and negatives about even; one side fills up what the other lacks."""
    shuffled = [queries[i] for i in rng.permutation(len(queries))]
    positives = [query for query in shuffled if query.instances]
    negatives = [query for query in shuffled if not query.instances]
    wanted = (count + int(rng.integers(2))) // 2
    kept = max(wanted, count - len(negatives))
    return positives[:kept] + negatives[: count - min(kept, len(positives))]


def make_prompt(
    query: Query,
    concepts: Sequence[str],
    boxes_norm: Float32[np.ndarray, "n 4"],
    image: int,
    mix: PromptMix,
    rng: np.random.Generator,
) -> Prompt:
    """One prompt of a query: text, text with boxes, or boxes alone (only where the boxes can say what is meant)."""
    draw = rng.random()
    boxes_only = draw < mix.boxes_only and query.kind in PLAIN_KINDS and bool(query.instances)
    if draw >= mix.boxes_only + mix.text_and_boxes and not boxes_only:
        return Prompt(text=query.text, image=image)
    positives = rng.permutation(np.array(query.instances, np.int64))[: int(rng.integers(1, mix.most_boxes + 1))]
    negatives = _negative_exemplar(query, concepts, mix, rng)
    if len(negatives) and not boxes_only:
        if rng.random() < 0.5:
            positives = positives[:0]
        elif not query.instances:
            negatives = negatives[:0]
    chosen = np.concatenate([positives, negatives])
    if not len(chosen):
        return Prompt(text=query.text, image=image)
    return Prompt(
        text=None if boxes_only else query.text,
        boxes_cxcywh_norm=jittered(boxes_norm[chosen], mix.jitter, rng),
        box_labels=np.repeat([1, 0], [len(positives), len(negatives)]),
        image=image,
    )


def make_hints(boxes_cxcywh: Float32[np.ndarray, "n 4"], rng: np.random.Generator) -> Float32[np.ndarray, "k 4"]:
    """`HINTS` boxes: for each object, as far as they reach, `HINTS_EACH` of its box with centre and size far off
    (DN-DETR, Li et al., CVPR 2022), and random boxes in the rest."""
    hints = rng.random((HINTS, 4)) * [1, 1, 0.4, 0.4] + [0, 0, 0.05, 0.05]
    true = np.tile(boxes_cxcywh, (HINTS_EACH, 1))[:HINTS]
    noise = rng.uniform(-1, 1, true.shape)
    hints[: len(true), :2] = true[:, :2] + 0.4 * noise[:, :2] * true[:, 2:]
    hints[: len(true), 2:] = true[:, 2:] * np.exp(0.7 * noise[:, 2:])
    return np.clip(hints, 0.01, 0.99).astype(np.float32)


def _negative_exemplar(
    query: Query, concepts: Sequence[str], mix: PromptMix, rng: np.random.Generator
) -> Int[np.ndarray, " k"]:
    """With the mix's probability, one instance that the query does not name, else none."""
    others = np.setdiff1d(np.arange(len(concepts)), np.array(query.instances, np.int64))
    if not len(others) or rng.random() >= mix.negative_box:
        return np.zeros(0, np.int64)
    return rng.choice(others, 1)


def jittered(
    boxes_cxcywh: Float32[np.ndarray, "n 4"], jitter: float, rng: np.random.Generator
) -> Float32[np.ndarray, "n 4"]:
    """Boxes whose edges moved by a normal error of `jitter` x side (at most twice that), clipped to the image."""
    half = boxes_cxcywh[:, 2:] / 2
    edges = np.concatenate([boxes_cxcywh[:, :2] - half, boxes_cxcywh[:, :2] + half], axis=1)
    noise = np.clip(rng.normal(0, jitter, edges.shape), -2 * jitter, 2 * jitter)
    edges = np.clip(edges + noise * np.tile(boxes_cxcywh[:, 2:], 2), 0, 1)
    return np.concatenate([(edges[:, :2] + edges[:, 2:]) / 2, edges[:, 2:] - edges[:, :2]], axis=1).astype(np.float32)
