"""What a stage forgot of the one before: that stage's figure on fixed held-out scenes, before and after."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import normalize

from argus.data.collate import choose_queries, normalised
from argus.data.pairs import Pair
from argus.data.sources.scenes import HELD_OUT_SEED, SceneConfig, drawable_concepts, scene
from argus.eval.cgf1 import PairScore, score_pairs, summarise
from argus.eval.predictions import Found
from argus.model.sam3 import Sam3
from argus.ops import rle
from argus.ops.boxes import norm_to_px
from argus.ops.files import replace_file
from argus.ops.masks import logits_to_rles
from argus.train.stages.naming import pool
from argus.types import Prompt

SCENES, PHRASES = 24, 4  # held-out scenes, and phrases of each that a detector is asked

Figure = Callable[[Sam3, SceneConfig, int], float]


@torch.no_grad()
def naming(model: Sam3, scenes: SceneConfig, count: int) -> float:
    """The share of the objects in `count` held-out scenes whose name, of those of all concepts, is the likeliest."""
    names = drawable_concepts(scenes)
    tokens, valid = model.encode_text(names)
    texts = normalize((tokens * valid[..., None]).sum(1).float(), dim=-1)
    right: list[bool] = []
    for seed in range(HELD_OUT_SEED, HELD_OUT_SEED + count):
        sample = scene(scenes, seed)
        level = model.encode(normalised(sample.image[None])).detector.image
        masks = torch.from_numpy(sample.masks).to(level.device)
        image = torch.zeros(len(masks), dtype=torch.int64, device=level.device)
        best = (normalize(pool(level, image, masks).float(), dim=-1) @ texts.T).argmax(1)
        right += [names[row] == concept for row, concept in zip(best.tolist(), sample.concepts, strict=True)]
    return float(np.mean(right)) if right else 0.0


def detection(model: Sam3, scenes: SceneConfig, count: int) -> float:
    """cgF1 of `PHRASES` phrases about each of `count` held-out scenes."""
    return summarise(detection_scores(model, scenes, count))["cgF1"]


@torch.no_grad()
def detection_scores(model: Sam3, scenes: SceneConfig, count: int) -> list[PairScore]:
    """The scores of `PHRASES` phrases about each of `count` held-out scenes."""
    pairs: dict[int, Pair] = {}
    found: dict[int, Found] = {}
    for seed in range(HELD_OUT_SEED, HELD_OUT_SEED + count):
        sample = scene(scenes, seed)
        queries, size_hw = choose_queries(sample.queries, PHRASES, np.random.default_rng(seed)), sample.masks.shape[1:]
        features = model.encode(normalised(sample.image[None]))
        out = model.detect(features, [Prompt(query.text) for query in queries])
        for row, query in enumerate(queries):
            mine, kept = list(query.instances), out.kept[row]
            pairs[len(pairs)] = Pair(
                id=len(pairs),
                file_name=sample.name,
                phrase=query.text,
                size_hw=size_hw,
                rles=tuple(rle.encode(mask) for mask in sample.masks[mine]),
                boxes_xyxy_px=sample.boxes_xyxy_px[mine],
            )
            found[len(found)] = Found(
                rles=tuple(logits_to_rles(out.mask_logits[row], size_hw)),
                boxes_xyxy_px=norm_to_px(out.boxes_cxcywh_norm[row, kept].float(), size_hw).cpu().numpy(),
                scores=out.scores[row, kept].cpu().numpy(),
            )
    return score_pairs([pairs], found)


EARLIER: dict[str, tuple[str, Figure]] = {
    "detector": ("naming accuracy", naming),
    "finish": ("cgF1", detection),
    "tracker": ("cgF1", detection),
}
"""By stage, the figure of the stage before it, as a fraction, and how it is measured."""


class Remembered:
    """`forgetting.json` in a run folder: what the stage before had reached, when this one began and as it is now."""

    def __init__(self, folder: Path, stage: str, scenes: SceneConfig, count: int = SCENES) -> None:
        self.path, self.stage, self.scenes, self.count = folder / "forgetting.json", stage, scenes, count

    def note(self, when: str, model: Sam3, step: int) -> None:
        """Measure the model for the entry `when` ("before", which stays as it is once it is there, or "after")."""
        if self.stage not in EARLIER:
            return
        known = json.loads(self.path.read_text("utf-8")) if self.path.exists() else {}
        if when == "before" and when in known:
            return
        name, figure = EARLIER[self.stage]
        value = figure(model.eval(), self.scenes, self.count)
        document = {"figure": name, "scenes": self.count, **known, when: {"step": step, "value": round(value, 4)}}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(document, indent=1)
        replace_file(self.path, lambda path: path.write_text(text, "utf-8"))
