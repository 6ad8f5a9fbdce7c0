"""A model and scenes small enough to train in a test: coloured rectangles named by their colour."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from argus.data.collate import Batch, Targets
from argus.data.records import Query, Sample
from argus.model.detector import DetectorConfig
from argus.model.sam3 import Sam3, Sam3Config
from argus.model.text_encoder import TextConfig
from argus.model.tokenizer import train_tokenizer
from argus.model.tracker import TrackerConfig
from argus.model.vision_encoder import VisionConfig
from argus.types import Prompt

COLOURS = {"red": (230, 30, 30), "green": (30, 200, 30), "blue": (40, 40, 230)}


TINY = Sam3Config(
    vision=VisionConfig(
        width=40, layers=2, heads=2, mlp_width=80, window=2, global_layers=(1,), patch=8, image=48, pretrain_image=16
    ),
    text=TextConfig(vocabulary=300, context=12, width=24, layers=2, heads=2, mlp_width=48),
    detector=DetectorConfig(
        width=32, heads=2, mlp_width=64, exemplar_layers=1, fusion_layers=1, decoder_layers=2, queries=6
    ),
)


def tiny_model() -> Sam3:
    return Sam3(TINY, train_tokenizer([*COLOURS, "visual"], 300, 12))


def tiny_tracker_model() -> Sam3:
    """With a tracker that takes every object for there, so that there is something to see without training."""
    tracker = TrackerConfig(width=32, heads=2, mlp_width=32, memory_width=8, memory_layers=1, matching=True)
    model = Sam3(replace(TINY, tracker=tracker), tiny_model().tokenizer)
    assert model.tracker is not None
    with torch.no_grad():
        model.tracker.mask_decoder.object_head.layers[-1].bias.fill_(5.0)
    return model


def toy_scene(seed: int, size: int = 48) -> Sample:
    """One to three rectangles that do not overlap (one a third of the width), and one query a colour."""
    rng = np.random.default_rng(seed)
    image = np.full((size, size, 3), 128, np.uint8)
    places = rng.permutation(3)[: int(rng.integers(1, 4))]
    names = [list(COLOURS)[int(rng.integers(3))] for _ in places]
    masks = np.zeros((len(places), size, size), bool)
    for place, name, mask in zip(places, names, masks, strict=True):
        left, width = place * size // 3, int(rng.integers(size // 5, size // 3))
        top, height = int(rng.integers(0, size // 3)), int(rng.integers(size // 4, size // 2))
        mask[top : top + height, left : left + width] = True
        image[mask] = COLOURS[name]
    queries = tuple(
        Query(
            text=colour,
            language="en",
            kind="name" if colour in names else "absent",
            instances=tuple(i for i, name in enumerate(names) if name == colour),
        )
        for colour in COLOURS
    )
    return Sample(image=image, masks=masks, queries=queries, concepts=tuple(names), name=f"toy-{seed}")


def joined(batches: list[Batch]) -> Batch:
    """The prompts of several one-image batches in one batch, as they are."""
    prompts, rows, masks = [], [], 0
    for image, batch in enumerate(batches):
        prompts += [
            Prompt(
                text=p.text,
                boxes_cxcywh_norm=p.boxes_cxcywh_norm if len(p.boxes_cxcywh_norm) else None,
                box_labels=p.box_labels if len(p.boxes_cxcywh_norm) else None,
                image=image,
            )
            for p in batch.prompts
        ]
        rows.append(batch.targets.mask_rows + masks)
        masks += len(batch.targets.masks)
    parts = [batch.targets for batch in batches]
    targets = Targets(
        boxes_cxcywh_norm=torch.cat([t.boxes_cxcywh_norm for t in parts]),
        mask_rows=torch.cat(rows),
        counts=torch.cat([t.counts for t in parts]),
        masks=torch.cat([t.masks for t in parts]),
        hints_cxcywh_norm=torch.cat([t.hints_cxcywh_norm for t in parts]),
    )
    return Batch(images=torch.cat([b.images for b in batches]), prompts=tuple(prompts), targets=targets)
