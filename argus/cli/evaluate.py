"""`argus eval`: score a model."""

from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from argus.cli.common import (
    DeviceOption,
    JsonOption,
    ModelOption,
    Precision,
    PrecisionOption,
    TokenizerOption,
    failures_reported,
    load_model,
    misuse,
    no_nan,
)
from argus.cli.evaluate_ap import evaluate_ap
from argus.cli.evaluate_concepts import Asking, evaluate_concepts, evaluate_subsets, is_yolo
from argus.cli.evaluate_pick import evaluate_pick
from argus.cli.evaluate_video import evaluate_video
from argus.cli.evaluate_vos import evaluate_vos


class Task(str, Enum):
    """What the model is asked to do."""

    concepts = "concepts"
    video = "video"
    ap = "ap"
    pick = "pick"
    vos = "vos"


class Iou(str, Enum):
    """What overlaps are measured on."""

    mask = "mask"
    box = "box"


def evaluate(
    truth: Annotated[
        list[Path],
        typer.Argument(
            exists=True,
            help="concepts: SA-Co JSON, the same of several annotators, or a folder of them (SA-Co/Gold, Silver); or "
            "COCO instances JSON, or YOLO-seg (data.yaml, or its folder). video: SA-Co/VEval JSON. ap: COCO, LVIS or "
            "YouTube-VIS JSON. pick: COCO instances JSON. vos: a folder with frames/ and masks/, or with "
            "such a folder for each sequence.",
        ),
    ],
    task: Annotated[
        Task,
        typer.Option(
            help="concepts: every instance of a phrase in an image (cgF1). video: the same through a video (pHOTA). "
            "ap: average precision over categories. "
            "pick: one object by its box (mean IoU). vos: an object followed from its first mask (J&F)."
        ),
    ] = Task.concepts,
    images: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="Folder that the JSON's file names start in. YOLO: its pictures, instead of those under val.",
        ),
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            help="concepts, video, ap: score this file of results (with a folder of ground truth: this folder of "
            "SUBSET.json) instead of a model.",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="concepts, video: write a page (HTML) with plots and the worst cases."),
    ] = None,
    model: ModelOption = "nano",
    tokenizer: TokenizerOption = None,
    device: DeviceOption = None,
    precision: PrecisionOption = Precision.auto,
    exemplars: Annotated[
        int, typer.Option(min=0, help="concepts: boxes of this many largest instances to show with each phrase.")
    ] = 0,
    absent: Annotated[
        int, typer.Option(min=0, help="concepts, COCO and YOLO: absent categories to ask for in each image.")
    ] = 5,
    iou: Annotated[Iou, typer.Option(help="concepts, ap: overlap of masks or of boxes.")] = Iou.mask,
    min_area: Annotated[
        float, typer.Option(min=0, callback=no_nan, help="pick: leave out objects of fewer pixels.")
    ] = 400,
    leave_out: Annotated[
        str | None, typer.Option(metavar="KEY", help="pick: leave out images whose record has a true value there.")
    ] = None,
    zoom: Annotated[
        bool | None,
        typer.Option(
            "--zoom/--no-zoom", help="pick: look at each object from closer or cut it out, or not.", show_default=False
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Score a model, or a file of what one found, on images (cgF1, AP, picking by box) or on video (pHOTA, AP, J&F).

    The settings of the measurement are printed below it.

    Exit status: 0; 1 when the model, an image or a sequence failed (the others are scored all the same); 2 for misuse.
    """
    _check(truth, task, images, predictions, report)
    with failures_reported():
        load = partial(load_model, model, device, precision, tokenizer)
        asking = Asking(exemplars=exemplars, absent=absent, iou=iou.value)
        first = truth[0]
        if task is Task.vos:
            evaluate_vos(first, load, as_json=as_json)
        elif task is Task.video:
            evaluate_video(first, images, load, predictions=predictions, report=report, as_json=as_json)
        elif task is Task.ap:
            evaluate_ap(first, images, load, predictions=predictions, iou=iou.value, as_json=as_json)
        elif task is Task.pick:
            assert images is not None
            evaluate_pick(first, images, load, min_area=min_area, leave_out=leave_out, zoom=zoom, as_json=as_json)
        elif first.is_dir() and not is_yolo(first):
            evaluate_subsets(first, images, load, asking, predictions=predictions, report=report, as_json=as_json)
        else:
            evaluate_concepts(truth, images, load, asking, predictions=predictions, report=report, as_json=as_json)


def _check(truth: list[Path], task: Task, images: Path | None, predictions: Path | None, report: Path | None) -> None:
    """Raise misuse for options that do not go together."""
    yolo, folder = is_yolo(truth[0]), truth[0].is_dir()
    if len(truth) > 1 and (task is not Task.concepts or any(path.is_dir() or is_yolo(path) for path in truth)):
        raise misuse("several ground truths are the files of several annotators, of --task concepts")
    if task is Task.vos and (images is not None or predictions is not None or not folder):
        raise misuse("--task vos takes a folder of frames/ and masks/, without --images and --predictions")
    if task is Task.pick and predictions is not None:
        raise misuse("--task pick takes --images, and no --predictions")
    if yolo and task is Task.concepts:
        if predictions is not None:
            raise misuse("YOLO labels are to score a model with, not --predictions: results have no numbers of theirs")
    elif task is not Task.vos and images is None and predictions is None:
        raise misuse(f"--task {task.value} takes --images with the folder of its images, or --predictions")
    if folder and task not in (Task.vos, Task.concepts):
        raise misuse(f"--task {task.value} takes a JSON file")
    if folder and task is Task.concepts and not yolo and not any(truth[0].glob("*.json")):
        raise misuse("--task concepts takes JSON files, a folder of them, or YOLO-seg (data.yaml)")
    if folder and task is Task.concepts and predictions is not None and not predictions.is_dir():
        raise misuse("a folder of ground truth takes --predictions with a folder of a file for each subset")
    if not folder and predictions is not None and predictions.is_dir():
        raise misuse("--predictions takes a JSON file")
    if report is not None and task not in (Task.concepts, Task.video):
        raise misuse("--report goes with --task concepts and --task video")
