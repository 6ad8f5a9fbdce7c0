"""A tracker that has learned nothing yet, on a model that already sees."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from argus.model.sam3 import Sam3
from argus.model.tracker import Tracker, TrackerConfig

EMBEDDING_STD, TIME_STD = 0.02, 0.1
MEMORY_BLOCK_SCALE = 0.1
THERE_AT_FIRST = 2.0


def with_tracker(model: Sam3, config: TrackerConfig, seed: int) -> Sam3:
    """The same model (its weights copied) with a new tracker, in evaluation mode, all of it learning."""
    torch.manual_seed(seed)
    made = Sam3(replace(model.config, tracker=config), model.tokenizer)
    made.load_state_dict({**made.state_dict(), **model.state_dict()})
    made.origin = model.origin
    assert made.tracker is not None
    begin(made.tracker)
    if model.config.detector is not None and model.config.detector.width == config.width:
        made.tracker.neck.load_state_dict(model.detector.neck.state_dict())  # it has the same shape, and sees already
    return made.eval().requires_grad_(True)


def begin(tracker: Tracker) -> None:
    """What the layers' own initialisation leaves at nothing, or would take long to leave."""
    for embedding in (tracker.no_memory, tracker.absent, tracker.no_pointer):
        nn.init.trunc_normal_(embedding, std=EMBEDDING_STD)
    nn.init.trunc_normal_(tracker.memory_time, std=TIME_STD)
    for block in tracker.memory_encoder.blocks:
        nn.init.constant_(block.scale, MEMORY_BLOCK_SCALE)  # type: ignore[arg-type]
    # an object that is called absent has no mask to remember: until that is learned, all are there
    nn.init.constant_(tracker.mask_decoder.object_head.layers[-1].bias, THERE_AT_FIRST)  # type: ignore[arg-type]
