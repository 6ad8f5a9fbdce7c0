"""Figures of the stage before: right for models that know, and for models that do not; noted once before, each time
after."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import one_hot

from argus.data.collate import normalised
from argus.data.records import Sample
from argus.data.sources.scenes import HELD_OUT_SEED, SceneConfig
from argus.model.detector import DetectorOutput
from argus.model.sam3 import Sam3
from argus.train import forgetting
from argus.train.forgetting import Remembered, detection, naming
from argus.types import Prompt
from tests.train.toys import COLOURS, TINY, tiny_model, toy_scene

CONFIG = SceneConfig(cache_folder=Path(), size=48)


@pytest.fixture(autouse=True)
def toy_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "scene", lambda config, seed: toy_scene(seed - HELD_OUT_SEED))
    monkeypatch.setattr(forgetting, "drawable_concepts", lambda config: tuple(COLOURS))


class Knowing(Sam3):
    """Knows the toy scenes by heart; `names` are what it takes the colours for."""

    def __init__(self, names: Sequence[str] = tuple(COLOURS)) -> None:
        super().__init__(TINY, tiny_model().tokenizer)
        self.names = list(names)
        self.known = [toy_scene(seed) for seed in range(12)]

    def recall(self, images: torch.Tensor) -> Sample:
        return next(s for s in self.known if torch.equal(normalised(s.image[None]), images))

    def encode(self, images: torch.Tensor) -> SimpleNamespace:  # type: ignore[override]
        sample = self.recall(images)
        rows = torch.zeros(48, 48, dtype=torch.int64)
        for mask, concept in zip(sample.masks, sample.concepts, strict=True):
            rows[torch.from_numpy(mask)] = list(COLOURS).index(concept)
        return SimpleNamespace(detector=SimpleNamespace(image=one_hot(rows, 3)[None].float()), images=images)

    def encode_text(self, phrases: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        rows = torch.tensor([self.names.index(phrase) for phrase in phrases])
        return one_hot(rows, 3)[:, None].float(), torch.ones(len(phrases), 1, dtype=torch.bool)

    def detect(self, features: SimpleNamespace, prompts: Sequence[Prompt]) -> DetectorOutput:  # type: ignore[override]
        sample, boxes = self.recall(features.images), torch.full((len(prompts), 3, 4), 0.5)
        masks, kept = [], []
        for prompt in prompts:
            wanted = list(COLOURS)[self.names.index(prompt.text or "")]
            mine = [i for i, concept in enumerate(sample.concepts) if concept == wanted]
            masks.append(torch.from_numpy(sample.masks[mine]).float() * 20 - 10)
            kept.append(torch.arange(len(mine)))
        high = torch.full((len(prompts), 3), 9.0)
        return DetectorOutput(
            query_logits=high,
            presence_logits=high[:, 0],
            boxes_cxcywh_norm=boxes,
            mask_logits=masks,
            kept=kept,
            semantic_logits=None,
        )


def test_a_model_that_knows_reaches_all_and_one_that_mistakes_colours_little() -> None:
    mistaken = Knowing(["green", "blue", "red"])
    assert naming(Knowing(), CONFIG, 8) == 1.0 and naming(mistaken, CONFIG, 8) == 0.0
    assert detection(Knowing(), CONFIG, 8) > 0.99
    assert detection(mistaken, CONFIG, 8) < 0.05


def test_an_untrained_model_is_measured() -> None:
    torch.manual_seed(0)
    model = tiny_model().eval()
    assert 0 <= naming(model, CONFIG, 12) < 1
    assert detection(model, CONFIG, 3) == 0.0


def test_before_stays_and_after_is_the_last(tmp_path: Path) -> None:
    remembered = Remembered(tmp_path, "detector", CONFIG, count=4)
    remembered.note("before", Knowing(), 0)
    remembered.note("before", Knowing(["green", "blue", "red"]), 5)
    remembered.note("after", Knowing(), 5)
    remembered.note("after", Knowing(["green", "blue", "red"]), 9)
    told = json.loads((tmp_path / "forgetting.json").read_text("utf-8"))
    assert told["before"] == {"step": 0, "value": 1.0} and told["after"] == {"step": 9, "value": 0.0}
    assert told["figure"] == "naming accuracy" and told["scenes"] == 4
    Remembered(tmp_path / "first", "towers", CONFIG).note("before", Knowing(), 0)
    assert not (tmp_path / "first").exists(), "nothing came before the towers"
