"""Parts that have learned nothing yet, on a model that already sees."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from argus.model.sam3 import Sam3
from argus.model.tracker import Tracker, TrackerConfig

EMBEDDING_STD, TIME_STD = 0.02, 0.1
MEMORY_BLOCK_SCALE = 0.1
THERE_AT_FIRST = 2.0
SLOWEST, FASTEST = 0.1, 1.0  # frequencies of positions: waves of 5 and of half a picture's side


def with_new(model: Sam3, seed: int, **sizes: Any) -> Sam3:
    """The same model (its weights copied) with new parts of `sizes`, such as `cutter=CutterConfig()`, in evaluation
    mode, all of it learning."""
    torch.manual_seed(seed)
    made = Sam3(replace(model.config, **sizes), model.tokenizer)
    made.load_state_dict({**made.state_dict(), **model.state_dict()})
    made.origin = model.origin
    return made.eval().requires_grad_(True)


def with_tracker(model: Sam3, config: TrackerConfig, seed: int) -> Sam3:
    """`with_new`, for a tracker, which begins in a way of its own."""
    made = with_new(model, seed, tracker=config)
    assert made.tracker is not None
    begin(made.tracker)
    if model.config.detector is not None and model.config.detector.width == config.width:
        made.tracker.neck.load_state_dict(model.detector.neck.state_dict())  # it has the same shape, and sees already
    return made


def begin(tracker: Tracker) -> None:
    """What the layers' own initialisation leaves at nothing, or would take long to leave."""
    waves = slow_waves(tracker.prompt_encoder.frequencies.shape[1])
    for table in (tracker.prompt_encoder.frequencies, tracker.prompt_encoder.grid_frequencies):
        table.data.copy_(waves)
    for embedding in (tracker.no_memory, tracker.absent, tracker.no_pointer):
        nn.init.trunc_normal_(embedding, std=EMBEDDING_STD)
    nn.init.trunc_normal_(tracker.memory_time, std=TIME_STD)
    for block in tracker.memory_encoder.blocks:
        nn.init.constant_(block.scale, MEMORY_BLOCK_SCALE)  # type: ignore[arg-type]
    # an object that is called absent has no mask to remember: until that is learned, all are there
    nn.init.constant_(tracker.mask_decoder.object_head.layers[-1].bias, THERE_AT_FIRST)  # type: ignore[arg-type]


def slow_waves(count: int) -> Float[Tensor, "2 count"]:
    """Frequencies of positions, in all directions, by their length evenly on a logarithmic scale.

    The published normal ones hold few slow waves, from which "inside this box" is learned first: with them a small
    tracker takes no notice of prompts for long.
    """
    lengths = torch.exp(torch.linspace(math.log(SLOWEST), math.log(FASTEST), count)[torch.randperm(count)])
    angles = torch.rand(count) * 2 * math.pi
    return lengths * torch.stack((angles.cos(), angles.sin()))
