"""`argus finetune`: from labels to a table, a report and weights that other commands take."""

import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

import argus
from argus.cli.finetune import Words, gather
from argus.cli.main import app
from tests.cli.conftest import Run
from tests.train.toy_data import write_toys
from tests.train.toys import tiny_model


@pytest.fixture
def base(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    argus.save(tiny_model(), tmp_path / "base")
    return tmp_path / "base"


@pytest.fixture
def command(tmp_path: Path) -> Run:
    """Runs `argus ...` with the models that it names."""
    return lambda *args: CliRunner().invoke(app, [str(a) for a in args])


def with_nan(labels: Path) -> Path:
    """The same labels, but for one polygon that is none."""
    text = labels.read_text("utf-8")
    first = text.index('"segmentation": {')
    end = text.index("}", first) + 1
    labels.write_text(text[:first] + '"segmentation": [[NaN, 1, 9, 1, 9, 9]]' + text[end:], "utf-8")
    return labels


def test_from_labels_to_a_report(command: Run, base: Path, tmp_path: Path) -> None:
    labels = with_nan(write_toys(tmp_path / "data", 8))
    out = tmp_path / "out"
    where = ("--images", labels.parent / "images", "--model", base, "--out", out, "--workers", "0", "--device", "cpu")
    replay = ("--replay", labels, "--replay-images", labels.parent / "images")
    result = command("finetune", labels, *where, *replay, "--epochs", "1", "--batch", "2")
    assert result.exit_code == 0, result.stderr + str(result.exception)
    said = " ".join(result.stderr.split())
    assert "6 images" in said and "held out: 2 of the 8 images" in said
    assert "absent phrases: the data ask for 0" in said and "from the built-in ontology" in said
    assert "left out: " in said and "no finite number" in said
    assert "cgF1" in result.stdout and "help" in result.stdout
    assert f"{base}+{out}" in "".join(result.stdout.split())
    assert "Fine-tuning of" in (out / "report.html").read_text("utf-8")
    picture = labels.parent / "images" / "0.png"
    segmented = command("segment", picture, "--prompt", "red", "--model", f"{base}+{out}", "--out", tmp_path / "found")
    assert segmented.exit_code == 0, segmented.stderr
    assert "adapter" in command("info", f"{base}+{out}").stdout
    other = command("finetune", labels, *where, "--epochs", "2")
    assert other.exit_code == 1 and "choose another folder" in other.stderr


def test_absent_phrases_come_from_a_persons_own_ontology(tmp_path: Path) -> None:
    path = tmp_path / "words.json"
    concepts = [{"en": ["red", "crimson"]}, {"en": ["violet"]}, {"en": ["teal"]}, {"en": ["ochre"]}]
    path.write_text(json.dumps({"concepts": concepts}), "utf-8")
    labels = write_toys(tmp_path / "data", 6)
    material, notes = gather(labels, None, None, 0.25, Words(path, 3))
    assert any(f"from the ontology {path}" in note for note in notes)
    for record in (*material.training.records, *material.held_out.records):
        absent = {query.text for query in record.queries if not query.instances}
        assert len(absent) == 3 and absent <= {"red", "green", "blue", "violet", "teal", "ochre"}
        assert absent & {"violet", "teal", "ochre"}
    assert material.ontology is not None and material.ontology.synonyms("red") == ("crimson",)
    _, none = gather(labels, None, None, 0.25, Words(path, 0))
    assert not any("absent" in note for note in none)


def test_bad_input_is_said_in_a_line(command: Run, base: Path, tmp_path: Path) -> None:
    labels = write_toys(tmp_path / "data", 4, masks=False)
    where = ("--images", labels.parent / "images", "--out", tmp_path / "out", "--workers", "0")
    bare = command("finetune", labels, *where, "--model", base)
    assert bare.exit_code == 1 and bare.stderr.strip().splitlines()[-1].startswith("error: ")
    labels = write_toys(tmp_path / "data", 4)
    unknown = command("finetune", labels, *where, "--model", "nowhere")
    assert unknown.exit_code == 1 and "nowhere" in unknown.stderr
    missing = command("finetune", tmp_path / "none.json", *where)
    assert missing.exit_code == 2
    alone = command("finetune", labels, *where, "--replay-images", tmp_path)
    assert alone.exit_code == 2
