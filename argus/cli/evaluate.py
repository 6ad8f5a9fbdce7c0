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
from argus.cli.evaluate_concepts import evaluate_concepts
from argus.cli.evaluate_pick import evaluate_pick
from argus.cli.evaluate_video import evaluate_video
from argus.cli.evaluate_vos import evaluate_vos


class Task(str, Enum):
    """What the model is asked to do."""

    concepts = "concepts"
    video = "video"
    pick = "pick"
    vos = "vos"


class Iou(str, Enum):
    """What overlaps are measured on."""

    mask = "mask"
    box = "box"


def evaluate(
    truth: Annotated[
        Path,
        typer.Argument(
            exists=True,
            help="concepts: SA-Co JSON, or COCO instances JSON. video: SA-Co/VEval JSON. pick: COCO instances JSON. "
            "vos: a folder with frames/ and masks/, or with such a folder for each sequence.",
        ),
    ],
    task: Annotated[
        Task,
        typer.Option(
            help="concepts: every instance of a phrase in an image (cgF1). video: the same through a video (pHOTA). "
            "pick: one object by its box (mean IoU). vos: an object followed from its first mask (J&F)."
        ),
    ] = Task.concepts,
    images: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Folder that the JSON's file names start in.")
    ] = None,
    model: ModelOption = "nano",
    tokenizer: TokenizerOption = None,
    device: DeviceOption = None,
    precision: PrecisionOption = Precision.auto,
    exemplars: Annotated[
        int, typer.Option(min=0, help="concepts: boxes of this many largest instances to show with each phrase.")
    ] = 0,
    absent: Annotated[int, typer.Option(min=0, help="concepts, COCO: absent categories to ask for in each image.")] = 5,
    iou: Annotated[Iou, typer.Option(help="concepts: overlap of masks or of boxes.")] = Iou.mask,
    min_area: Annotated[
        float, typer.Option(min=0, callback=no_nan, help="pick: leave out objects of fewer pixels.")
    ] = 400,
    leave_out: Annotated[
        str | None, typer.Option(metavar="KEY", help="pick: leave out images whose record has a true value there.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Score a model on images (cgF1, picking by box) or on video (pHOTA, J&F).

    Exit status: 0; 1 when the model, an image or a sequence failed (the others are scored all the same); 2 for misuse.
    """
    if task is Task.vos and (images is not None or truth.is_file()):
        raise misuse("--task vos takes a folder of frames/ and masks/, without --images")
    if task is not Task.vos and (images is None or truth.is_dir()):
        raise misuse(f"--task {task.value} takes a JSON file, and --images with the folder of its images")
    with failures_reported():
        load = partial(load_model, model, device, precision, tokenizer)
        if images is None:
            evaluate_vos(truth, load, as_json=as_json)
        elif task is Task.video:
            evaluate_video(truth, images, load, as_json=as_json)
        elif task is Task.pick:
            evaluate_pick(truth, images, load, min_area=min_area, leave_out=leave_out, as_json=as_json)
        else:
            evaluate_concepts(truth, images, load, exemplars=exemplars, absent=absent, iou=iou.value, as_json=as_json)
