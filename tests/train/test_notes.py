"""Hard negatives in training: they get harder, what the model falls for comes up again, and a resumed run agrees."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import distributed

from argus.data.collate import Batch, PromptMix, collate
from argus.data.negatives import Confusions, NegativeConfig
from argus.data.ontology import built_in
from argus.data.records import Query, Sample
from argus.model.detector import Branch, DetectorTraining
from argus.train.criterion import LossConfig
from argus.train.notes import BEHIND, EVERY, Notes, answers, note_for
from argus.train.stages.detector import DetectorLearner, Phase, SceneBatches
from argus.types import Prompt
from tests.train.toys import tiny_model, toy_scene

WORDS_ONLY = PromptMix(per_image=8, boxes_only=0, text_and_boxes=0)


def dogs(seed: int) -> Sample:
    """A toy scene whose rectangles are dogs, on a ground that may show plants; nothing absent but a colour is asked."""
    sample = toy_scene(seed)
    count = len(sample.masks)
    queries = (
        Query(text="dog", language="en", kind="name", instances=tuple(range(count))),
        Query(text="bicycle", language="en", kind="absent", instances=()),
        Query(text="purple dog", language="en", kind="wrong-colour", instances=()),
    )
    return replace(sample, queries=queries, concepts=("dog",) * count, unmarked=("plant",))


def batches(notes: Path | None = None, **of: float) -> SceneBatches:
    negatives = NegativeConfig(per_image=5, **of)  # type: ignore[arg-type]
    phases = (Phase(until=9, images=4, scene=dogs),)
    return SceneBatches(phases=phases, mix=WORDS_ONLY, negatives=negatives, notes=notes, per_step=2)


def absent(batch: Batch) -> list[str]:
    return [p.text or "" for p, here in zip(batch.prompts, batch.targets.present.tolist(), strict=True) if not here]


def hard(batch: Batch) -> float:
    siblings = set(built_in().siblings("dog"))
    phrases = [phrase for phrase in absent(batch) if phrase != "purple dog"]
    return float(np.mean([built_in().find(phrase) in siblings for phrase in phrases]))


def found(batch: Batch, phrases: set[str]) -> DetectorTraining:
    """A model that finds something for these phrases, and nothing else."""
    logits = torch.tensor([[4.0 if prompt.text in phrases else -4.0] for prompt in batch.prompts])[None]
    branch = Branch(query_logits=logits, boxes_cxcywh_norm=torch.full((1, len(batch.prompts), 1, 4), 0.5))
    nothing = torch.zeros(0, 1, 4, 4)
    return DetectorTraining(
        one_to_one=branch,
        one_to_many=branch,
        presence_logits=torch.full((1, len(batch.prompts)), 4.0),
        mask_logits=nothing,
        semantic_logits=nothing,
    )


def test_absent_phrases_get_harder_and_are_truly_absent() -> None:
    data = batches(hard_first=0.0, hard_last=1.0, ramp_steps=10)
    assert hard(data(0)) < 0.2 and hard(data(2 * 10)) == 1.0
    assert data(21).step == 10
    for index in (0, 21):
        for phrase in absent(data(index)):
            assert phrase != "bicycle" or index == 0, "the scene's own easy ones make room"
            assert phrase == "purple dog" or not built_in().related(phrase, "dog")
            assert not built_in().related(phrase, "plant"), "the ground may show it"


def test_answers_to_absent_phrases_are_noted() -> None:
    batch = collate([dogs(0), dogs(1)], WORDS_ONLY, np.random.default_rng(0))
    said = answers(batch, found(batch, {"purple dog", "dog"}))
    assert len(said) == 4
    assert {(phrase, answered) for _, phrase, answered in said} == {("purple dog", True), ("bicycle", False)}
    assert all(set(concepts) == {"dog"} for concepts, _, _ in said)
    with_boxes = replace(WORDS_ONLY, text_and_boxes=1.0, negative_box=1.0)
    shown = collate([toy_scene(seed) for seed in range(6)], with_boxes, np.random.default_rng(0))
    boxed = {(p.image, p.text) for p in shown.prompts if len(p.box_labels)}
    assert len(answers(shown, found(shown, set()))) < len(absent(shown)) and boxed


def test_what_the_model_falls_for_comes_up_again(tmp_path: Path) -> None:
    notes = Notes(tmp_path)
    for step in (0, 1, EVERY):
        batch = replace(collate([dogs(0)], WORDS_ONLY, np.random.default_rng(0)), step=step)
        texts = ("teapot" if prompt.text == "bicycle" else prompt.text for prompt in batch.prompts)
        fooled = replace(batch, prompts=tuple(Prompt(text) for text in texts))
        notes.record(fooled, found(fooled, {"teapot"}))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0000000.json", f"{EVERY:07d}.json"]
    first = (BEHIND + 1) * EVERY  # the first step that goes by the note of step EVERY
    before, after = note_for(tmp_path, first - 1), note_for(tmp_path, first)
    assert before is not None and not before.of("dog")
    assert after is not None and set(after.of("dog")) == {"teapot"}
    assert note_for(tmp_path, EVERY) is None
    data = batches(tmp_path, hard_first=1.0, hard_last=1.0, confused_share=1.0)
    assert "teapot" in absent(data(2 * first)) and "teapot" not in absent(data(2 * first - 2))


def test_a_table_is_part_of_the_state_of_its_learner(tmp_path: Path) -> None:
    model = tiny_model()
    learner = DetectorLearner(model, LossConfig(mask_points=64), notes=tmp_path / "a")
    batch = replace(collate([dogs(0), dogs(1)], WORDS_ONLY, np.random.default_rng(0)), step=3)
    assert learner.notes is not None
    learner.notes.record(batch, found(batch, {"bicycle"}))
    torch.save(learner.state_dict(), tmp_path / "state.pt")
    other = DetectorLearner(model, LossConfig(mask_points=64), notes=tmp_path / "b")
    other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert other.notes is not None
    assert other.notes.confusions.of("dog") == learner.notes.confusions.of("dog") != {}
    learner(replace(batch, step=0), learner.totals([batch]))
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["0000000.json"]
    written = Confusions.from_json((tmp_path / "a" / "0000000.json").read_text("utf-8"))
    assert "bicycle" in written.of("dog"), "what was known before the step"
    assert not any("notes" in name for name in DetectorLearner(model, LossConfig()).state_dict())


def test_processes_share_their_answers_and_the_first_one_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes with a batch each note what one process with both would."""
    parts = [collate([dogs(seed)], WORDS_ONLY, np.random.default_rng(seed)) for seed in (0, 1)]
    outs = [found(parts[0], {"bicycle"}), found(parts[1], {"purple dog"})]
    alone = Notes(tmp_path / "alone")
    for batch, out in zip(parts, outs, strict=True):
        alone.record(batch, out)
    said = [answers(batch, out) for batch, out in zip(parts, outs, strict=True)]
    monkeypatch.setattr(distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(distributed, "all_gather_object", lambda every, mine: every.__setitem__(slice(None), said))
    for rank in (1, 0):
        monkeypatch.setattr(distributed, "get_rank", lambda rank=rank: rank)
        one = Notes(tmp_path / f"rank-{rank}")
        one.record(parts[rank], outs[rank])
        assert one.confusions.to_json() == alone.confusions.to_json()
        assert (tmp_path / f"rank-{rank}").exists() == (rank == 0)
