"""The model that a run begins with: a new nano, or the weights of an earlier run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import torch

from argus import checkpoint
from argus.data.sources.scenes import SceneConfig, ontology, scene
from argus.model import presets
from argus.model.sam3 import Sam3, Sam3Config
from argus.model.tokenizer import train_tokenizer
from argus.train.new_parts import with_new, with_tracker

Model = Sam3
Look = Callable[[Model, Path], None]
SCENES_FOR_WORDS = 400


def starting_model(
    start: Path | None,
    scenes: SceneConfig,
    seed: int,
    *,
    needs: str | None = None,
    sizes: Sam3Config | None = None,
) -> Sam3:
    """The model in the folder `start`, or a new one of `sizes` (None: nano's), with a tokenizer trained on the phrases
    of `scenes`.

    It has the part that it `needs` ("tracker", "namer", "cutter"): its own, or where it has none, a new one of those
    sizes. Such a part learns beside what is trained: raises ValueError without a `start` then.
    """
    sizes = sizes or presets.nano()
    if start is not None:
        model = checkpoint.load(start, device="cpu", precision="fp32").requires_grad_(True)
        size = getattr(sizes, needs) if needs and getattr(model, needs) is None else None
        if needs is None or size is None:
            return model
        return with_tracker(model, size, seed) if needs == "tracker" else with_new(model, seed, **{needs: size})
    if needs:
        raise ValueError(f"expected weights to start from (--start), beside which a {needs} learns; got none")
    sizes = replace(sizes, tracker=None, namer=None, cutter=None)
    assert sizes.text is not None
    tokenizer = train_tokenizer(phrases_of(scenes), sizes.text.vocabulary, sizes.text.context)
    torch.manual_seed(seed)
    return Sam3(sizes, tokenizer)


def phrases_of(scenes: SceneConfig) -> Iterator[str]:
    """Every name in both languages, and the phrases (colours, sizes, patterns) of some scenes."""
    yield "visual"
    for concept in ontology().concepts.values():
        yield from concept.names_en + concept.names_zh
    for seed in range(SCENES_FOR_WORDS):
        yield from (query.text for query in scene(scenes, seed).queries)


def steps_of(model: Sam3, stage: str) -> int:
    """How many steps of a stage are in the weights of a model, by its own record."""
    return int(model.origin.training.get("steps", {}).get(stage, 0))


def save_weights(model: Sam3, folder: Path, stage: str, step: int) -> None:
    """Write weights, sizes, tokenizer and the steps of each stage in our own layout, which `starting_model` reads."""
    steps = {**model.origin.training.get("steps", {}), stage: step}
    model.origin.training["steps"] = steps
    checkpoint.save(model, folder)
