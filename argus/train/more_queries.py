"""More object queries for a trained model: with few, an image of many instances cannot be answered in full."""

from __future__ import annotations

from dataclasses import replace

import torch

from argus.model.decoder import inverse_sigmoid
from argus.model.sam3 import Sam3

EMBED, REFERENCE = "detector.decoder.query_embed", "detector.decoder.reference_logits"
NOISE = 0.1  # of a new query beside the one it copies, as a share of how much queries differ
SPREAD = 0.15  # how far its box's centre moves, as a share of the image
SHRINK = 0.6  # its box's sides: many instances are small ones


def with_queries(model: Sam3, count: int, seed: int) -> Sam3:
    """The model with `count` queries: the learned ones, then copies of them with small noise and boxes elsewhere.

    Raises ValueError for a model without a detector and for fewer queries than it has.
    """
    detector = model.config.detector
    if detector is None or count < detector.queries:
        have = "no detector" if detector is None else f"{detector.queries} queries"
        raise ValueError(f"expected a model with a detector of at most {count} queries, got one with {have}")
    state = model.state_dict()
    rng = torch.Generator().manual_seed(seed)
    rows = torch.arange(count - detector.queries) % detector.queries
    embed, boxes = state[EMBED].cpu().float(), state[REFERENCE].cpu().float().sigmoid()
    fresh = embed[rows] + NOISE * embed.std(0) * torch.randn(len(rows), embed.shape[1], generator=rng)
    placed = boxes[rows]
    placed[:, :2] += SPREAD * torch.randn(len(rows), 2, generator=rng)
    placed[:, :2] = placed[:, :2].clamp(0.02, 0.98)
    placed[:, 2:] *= SHRINK
    state[EMBED] = torch.cat((embed, fresh)).to(state[EMBED])
    state[REFERENCE] = torch.cat((state[REFERENCE].cpu().float(), inverse_sigmoid(placed))).to(state[REFERENCE])
    with torch.device("meta"):
        grown = Sam3(replace(model.config, detector=replace(detector, queries=count)), model.tokenizer)
    grown.load_state_dict(state, assign=True)
    grown.origin = model.origin
    return grown.train(model.training)
