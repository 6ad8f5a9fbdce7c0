"""`argus finetune`: from labels to a table, a report and weights that other commands take."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

import argus
from argus.cli.finetune import Words, gather
from argus.cli.main import app
from argus.data.clips import Clip
from argus.data.video_records import write_saco_video
from tests.cli.conftest import Run
from tests.train.toy_data import write_toys
from tests.train.toys import tiny_model, toy_scene


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


def with_odd_names(labels: Path) -> Path:
    """The same labels of pictures whose names on disk are no UTF-8."""
    document = json.loads(labels.read_text("utf-8"))
    folder = os.fsencode(labels.parent / "images")
    for image in document["images"]:
        os.rename(folder + b"/" + image["file_name"].encode(), folder + b"/\xe4" + image["file_name"].encode())
        image["file_name"] = "ä" + image["file_name"]
    labels.write_text(json.dumps(document), "utf-8")
    return labels


def test_from_labels_to_a_report(command: Run, base: Path, tmp_path: Path) -> None:
    labels = with_nan(with_odd_names(write_toys(tmp_path / "data", 8)))
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
    page = (out / "report.html").read_text("utf-8")
    assert "Fine-tuning of" in page and "\\xe4" in page
    picture = tmp_path / "picture.png"
    Image.fromarray(toy_scene(0).image).save(picture)
    segmented = command("segment", picture, "--prompt", "red", "--model", f"{base}+{out}", "--out", tmp_path / "found")
    assert segmented.exit_code == 0, segmented.stderr
    assert "adapter" in command("info", f"{base}+{out}").stdout
    other = command("finetune", labels, *where, "--epochs", "2")
    assert other.exit_code == 1 and "choose another folder" in other.stderr


def write_toy_videos(folder: Path, *, as_youtube_vis: bool) -> Path:
    """Three videos of two frames, with absent phrases; YouTube-VIS JSON has none."""
    scenes = [toy_scene(seed) for seed in range(3)]
    clips = [
        Clip(
            frames=np.stack([scene.image] * 2),
            masks=np.stack([scene.masks] * 2),
            concepts=scene.concepts,
            queries=scene.queries,
            flow=None,
            name=scene.name,
        )
        for scene in scenes
    ]
    path = write_saco_video(clips, folder)
    if as_youtube_vis:
        document = json.loads(path.read_text("utf-8"))
        del document["video_np_pairs"]
        path.write_text(json.dumps(document), "utf-8")
    return path


def test_videos_are_learned_frame_by_frame(command: Run, base: Path, tmp_path: Path) -> None:
    labels = write_toy_videos(tmp_path / "data", as_youtube_vis=False)
    where = ("--out", tmp_path / "out", "--workers", "0", "--device", "cpu", "--absent", "0")
    few = ("--epochs", "0.5", "--batch", "1", "--share", "0.34")
    result = command("finetune", labels, "--model", base, *where, *few)
    assert result.exit_code == 0, result.stderr + str(result.exception)
    said = " ".join(result.stderr.split())
    assert "training (SA-Co video JSON): 4 images" in said and "held out: 2 of the 6 images" in said
    assert (tmp_path / "out" / "adapter.safetensors").exists()


def test_youtube_vis_gives_frames_with_the_categories_for_phrases(tmp_path: Path) -> None:
    labels = write_toy_videos(tmp_path, as_youtube_vis=True)
    material, notes = gather(labels, None, None, 0.34, Words(None, 2))
    assert notes[0].startswith("training (YouTube-VIS JSON): 4 images")
    assert len({record.group for record in material.training.records}) == 2  # videos are not torn apart
    for record in (*material.training.records, *material.held_out.records):
        present = {query.text for query in record.queries if query.instances}
        assert present == set(record.concepts) and sum(not query.instances for query in record.queries) == 2


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


def test_several_processes_are_refused(command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    labels = write_toys(tmp_path / "data", 4)
    refused = command("finetune", labels, "--images", labels.parent / "images", "--out", tmp_path / "out")
    assert refused.exit_code == 2 and "torchrun" in refused.stderr
