"""The objects of a batch of samples with what can be said of each: names, and phrases that are true of it or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from argus.data.records import Sample


@dataclass(frozen=True, kw_only=True)
class Objects:
    """N objects in B images: each one's image, mask, concept (as a row) and a name for it; and K phrases asked about
    the images, with the truth of each for each object of its own image: M pairs of (object, phrase)."""

    image: Int[Tensor, " n"]
    masks: Bool[Tensor, "n h w"]
    concepts: Int[Tensor, " n"]
    names: tuple[str, ...]
    phrases: tuple[str, ...]
    phrase_image: Int[Tensor, " k"]
    pairs: Int[Tensor, "2 m"]
    truths: Bool[Tensor, " m"]

    def to(self, device: torch.device) -> Objects:
        moved = {f.name: getattr(self, f.name).to(device) for f in fields(self) if f.name not in ("names", "phrases")}
        return Objects(**moved, names=self.names, phrases=self.phrases)


def objects_of(samples: Sequence[Sample], names: Mapping[str, tuple[str, ...]], rng: np.random.Generator) -> Objects:
    """The objects of samples of one size, each with one of its concept's `names`, and all their phrases."""
    rows = {concept: row for row, concept in enumerate(names)}
    concepts = [concept for sample in samples for concept in sample.concepts]
    pairs: list[tuple[int, int]] = []
    truths: list[bool] = []
    phrases: list[str] = []
    phrase_image: list[int] = []
    first = 0
    for index, sample in enumerate(samples):
        for query in sample.queries:
            pairs += [(first + thing, len(phrases)) for thing in range(len(sample.concepts))]
            truths += [thing in query.instances for thing in range(len(sample.concepts))]
            phrases.append(query.text)
            phrase_image.append(index)
        first += len(sample.concepts)
    return Objects(
        image=torch.from_numpy(np.repeat(np.arange(len(samples)), [len(sample.masks) for sample in samples])),
        masks=torch.from_numpy(np.concatenate([sample.masks for sample in samples])),
        concepts=torch.tensor([rows[concept] for concept in concepts], dtype=torch.int64),
        names=tuple(str(rng.choice(names[concept])) for concept in concepts),
        phrases=tuple(phrases),
        phrase_image=torch.tensor(phrase_image, dtype=torch.int64),
        pairs=torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).T,
        truths=torch.tensor(truths, dtype=torch.bool),
    )
