"""`argus finetune`: teach a model a person's own concepts, and see whether it helped."""

import os
from dataclasses import replace
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from argus.cli.common import DeviceOption, ModelOption, console, failures_reported, misuse, no_nan, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from argus.data.dataset import Dataset
    from argus.data.ontology import Ontology
    from argus.data.records import Sample
    from argus.model.sam3 import Sam3
    from argus.train.finetune_measures import Answers
    from argus.train.finetune_plan import Material, Outcome
    from argus.train.finetune_report import Shown

BASE_SCENES = 60  # held-out scenes that base concepts are measured on
LOOKED_AT = 4  # held-out images in the report


class Augment(str, Enum):
    """How much pictures of the data are changed."""

    light = "light"
    strong = "strong"


def finetune(
    data: Annotated[
        Path,
        typer.Argument(
            exists=True,
            help="Labels: a COCO, SA-Co or YouTube-VIS JSON file, or a folder of YOLO-seg, LabelMe or PNG masks.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the weights and the report; new, or of this same command.")],
    images: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Folder of the images, where they are not beside DATA."),
    ] = None,
    model: ModelOption = "nano",
    full: Annotated[bool, typer.Option("--full/--lora", help="All weights learn, or an adapter of a few MB.")] = False,
    rank: Annotated[int, typer.Option(min=1, help="Rank of the adapter.")] = 8,
    hours: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            callback=no_nan,
            help="Train, and measure on the way, for so long; a trial, and the measures before and after, add to it.",
        ),
    ] = None,
    epochs: Annotated[
        float, typer.Option(min=0.01, callback=no_nan, help="Without --hours: how often each image is shown.")
    ] = 20.0,
    heldout: Annotated[
        Path | None, typer.Option(exists=True, help="Labels of the held-out images. Default: --share of the images.")
    ] = None,
    share: Annotated[float, typer.Option(min=0.01, max=0.9, callback=no_nan, help="Share that is held out.")] = 0.25,
    replay: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            help="Base concepts to keep: for nano the folder that argus scenes prepare made, or labels as DATA.",
        ),
    ] = None,
    replay_images: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Folder of the images of --replay, for labels.")
    ] = None,
    absent: Annotated[
        int, typer.Option(min=0, help="Absent phrases asked of each image; where the data has fewer, some are added.")
    ] = 4,
    ontology: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Your concepts as JSON or SKOS, for absent phrases and synonyms. Default: everyday things.",
        ),
    ] = None,
    augment: Annotated[
        Augment, typer.Option(help="How much images are changed: strong is for little data and long runs.")
    ] = Augment.light,
    tiles: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=8,
            help="Look for the concepts in N x N overlapping tiles of an image; 1: in the whole. Default: by the size "
            "of the objects.",
        ),
    ] = None,
    queries: Annotated[
        int | None, typer.Option(min=1, help="Object queries of the model. Default: as many as the data needs.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs to make, for a mean and a spread.")] = 1,
    batch: Annotated[int, typer.Option(min=1, help="Images of the data in a step.")] = 2,
    workers: Annotated[int, typer.Option(min=0, help="Processes that read images.")] = 1,
    device: DeviceOption = None,
) -> None:
    """Fine-tune a model on DATA and measure it before and after, on held-out images and on its base concepts.

    The same command goes on where it was stopped. Exit status 1 when it failed or was stopped.
    """
    if replay_images is not None and replay is None:
        raise misuse("--replay-images needs --replay with the labels")
    if (processes := os.environ.get("WORLD_SIZE", "1")) != "1":
        raise misuse(f"fine-tuning is one process's work, got {processes} of them: start it without torchrun")
    with failures_reported():
        from argus.checkpoint.loading import choose_device
        from argus.train import finetuning
        from argus.train.finetune_plan import FinetunePlan, claim
        from argus.train.finetune_report import verdict, write_report

        plan = FinetunePlan(
            model=model,
            full=full,
            rank=rank,
            epochs=epochs,
            hours=hours,
            images=batch,
            augment=augment.value,
            tiles=tiles,
            queries=queries,
            seeds=seeds,
        )
        claim(out, plan)
        words = Words(ontology, absent)
        material, notes = gather(data, images, heldout, share, words)
        material, more = with_replay(material, model, replay, replay_images, out, words)
        notes += more
        for note in notes:
            say(note)
        target = choose_device(device)
        outcomes = finetuning.finetune(
            plan, material, out, answers_of, workers=workers, device=target, tell=say, progress=True
        )
        best = max(outcomes, key=lambda outcome: outcome.after.new["cgF1"])
        shown = pictures(material, plan.model, best, device)
        write_report(out / "report.html", plan, outcomes, out, notes, shown)
        print_table(outcomes, verdict(outcomes))
        source = out if full else f"{model}+{out}"
        typer.echo(f"use it: argus segment IMAGE --prompt PHRASE --model {source}\nreport: {out / 'report.html'}")


def answers_of(model: "Sam3") -> "Answers":
    """The model as evaluators ask it; for picks its tracker, at first sight: what cuts boxes out is not fine-tuned."""
    from argus.cli.evaluate_concepts import predict_function
    from argus.cli.evaluate_pick import pick_function
    from argus.train.finetune_measures import Answers

    return Answers(predict=predict_function(model), pick=pick_function(model, zoom=False))


class Words:
    """An ontology (None: the built-in one), and how many absent phrases each image should ask for."""

    def __init__(self, path: Path | None, absent: int) -> None:
        from argus.data.ontology import built_in, read_ontology

        self.ontology: Ontology = built_in() if path is None else read_ontology(path)
        self.name = "the built-in ontology" if path is None else f"the ontology {path}"
        self.absent = absent

    def added_to(self, parts: "Sequence[Dataset]") -> "tuple[list[Dataset], list[str]]":
        """The parts of a data set with absent phrases where they have too few, and what was added, in words."""
        from argus.data.absent import with_absent_phrases

        made = [with_absent_phrases(part, self.ontology, self.absent, seed) for seed, part in enumerate(parts)]
        added, own = 0, 0
        for before, after in zip(parts, made):
            for old, new in zip(before.records, after.records):
                texts = [query.text for query in new.queries[len(old.queries) :]]
                added, own = added + len(texts), own + sum(text in before.concepts for text in texts)
        if not added:
            return made, []
        given = sum(part.counts.absent_pairs for part in parts)
        return made, [
            f"absent phrases: the data ask for {given}; {added} were added, {own} of them names of the data's other "
            f"concepts and {added - own} from {self.name}, so that each image asks for {self.absent} as far as they "
            "reach: without any, cgF1 says nothing"
        ]


def gather(
    data: Path, images: Path | None, heldout: Path | None, share: float, words: Words
) -> "tuple[Material, list[str]]":
    """Training and held-out images, and lines that say what they are."""
    from argus.data.sources import open_data
    from argus.train.finetune_plan import Material

    whole = open_data(data, images).readable()
    if heldout is None:
        training, held = whole.split(share, 0)
        held_note = f"held out: {len(held)} of the {len(whole)} images, drawn by chance"
    else:
        training, held = whole, open_data(heldout, images).readable()
        held_note = f"held out: {heldout}"
    notes = [f"training ({whole.format}): {counted(training)}", f"{held_note}: {counted(held)}"]
    problems = whole.problems if heldout is None else (*whole.problems, *held.problems)
    notes += [f"left out: {problem}" for problem in problems]
    (training, held), added = words.added_to((training, held))
    material = Material(training=asked_about(training), held_out=asked_about(held), ontology=words.ontology)
    return material, [*notes, *added]


def asked_about(data: "Dataset") -> "Dataset":
    """The images that there is a phrase about."""
    return data.select([index for index, record in enumerate(data.records) if record.queries])


def counted(data: "Dataset") -> str:
    """How many images, instances and phrases."""
    counts = data.counts
    return f"{counts.images} images, {counts.instances} instances, {counts.phrases} phrases"


def with_replay(
    material: "Material", model: str, replay: Path | None, images: Path | None, out: Path, words: Words
) -> "tuple[Material, list[str]]":
    """The material with base concepts: of concept scenes, or of labelled images, a quarter of them held out."""
    from argus.data.sources import open_data

    if replay is None:
        return material, [
            "base concepts: neither shown nor measured, so nothing is known of what is forgotten (--replay)"
        ]
    if any(replay.glob("*.npz")):
        return with_scenes(material, model, replay, out)
    read = open_data(replay, images).readable()
    (whole,), added = words.added_to([read])
    shown, held = asked_about(whole).split(0.25, 0)
    again = partial(_again, shown, _image_side(model))
    made = replace(material, replay=again, base_pairs=tuple(held.pairs()))
    notes = [f"base concepts: {counted(shown)} shown again, measured on {counted(held)}"]
    left_out = [f"left out: {problem}" for problem in read.problems]
    return made, notes + [f"base concepts: {note}" for note in (*left_out, *added)]


def _again(data: "Dataset", side: int, index: int) -> "Sample":
    return data.sample(index % len(data), size_hw=(side, side))


def with_scenes(material: "Material", model: str, cache: Path, out: Path) -> "tuple[Material, list[str]]":
    """The material with concept scenes, those of training to show and held-out ones to measure."""
    from argus.data.records import write_saco
    from argus.data.sources.saco import read_saco
    from argus.data.sources.scenes import HELD_OUT_SEED, SceneConfig, scene

    config = SceneConfig(cache_folder=cache, size=_image_side(model))
    folder = out / "base-scenes"
    path = folder / "annotations.json"
    if not path.exists():
        write_saco((scene(config, HELD_OUT_SEED + seed) for seed in range(BASE_SCENES)), folder)
    pairs = [replace(pair, file_name=str(folder / "images" / pair.file_name)) for pair in read_saco(path)]
    note = f"base concepts: concept scenes shown again, measured on {BASE_SCENES} held-out ones ({len(pairs)} pairs)"
    return replace(material, replay=partial(scene, config), base_pairs=tuple(pairs)), [note]


def _image_side(model: str) -> int:
    from argus.checkpoint import inspect

    return inspect(model).config.vision.image


def pictures(material: "Material", model: str, outcome: "Outcome", device: str | None) -> "list[Shown]":
    """Held-out images with the truth, and what the model finds before and after."""
    from argus.checkpoint import load
    from argus.data.pictures import printable
    from argus.export import draw
    from argus.inference.image import ImagePredictor
    from argus.train.finetune_report import Shown
    from argus.types import Detections

    asked = [pair for pair in material.held_out.pairs() if pair.rles][:LOOKED_AT]
    sources = {"before": model, "after": outcome.source}
    predictors = {name: ImagePredictor(load(source, device=device)) for name, source in sources.items()}
    shown = []
    for pair in asked:
        count = len(pair.rles)
        answers = {"truth": Detections.build(pair.boxes_xyxy_px, [1.0] * count, [""] * count, pair.rles, pair.size_hw)}
        answers |= {name: p.set_image(pair.file_name).predict(pair.phrase) for name, p in predictors.items()}
        drawn = {f"{name}: {len(found)}": draw(pair.file_name, found) for name, found in answers.items()}
        shown.append(Shown(name=f"{printable(Path(pair.file_name).name)}: {pair.phrase}", pictures=drawn))
    return shown


def print_table(outcomes: "list[Outcome]", verdict: str) -> None:
    from rich.table import Table

    from argus.train.finetune_plan import table_rows

    made = Table("concepts", "measure", title="fine-tuning")
    for column in ("before", "after", "gain"):
        made.add_column(column, justify="right")
    for row in table_rows(outcomes):
        made.add_row(*row)
    console().print(made)
    typer.echo(verdict)
