"""`argus segment`: find, draw and save what phrases and example boxes name, or everything."""

import glob
import math
import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from argus.cli.common import (
    FAILURE,
    DeviceOption,
    JsonOption,
    ModelOption,
    Precision,
    PrecisionOption,
    TokenizerOption,
    console,
    failures_reported,
    image_failures,
    load_model,
    memory_errors,
    misuse,
    no_nan,
    print_json,
    progressed,
    say,
    say_failed,
)

if TYPE_CHECKING:
    from argus.inference.image import ImagePredictor
    from argus.types import Detections

IMAGE_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}

BOX = "X1,Y1,X2,Y2"
Box = tuple[float, float, float, float]


class Format(str, Enum):
    """What can be written about an image; `argus.export` says how."""

    coco = "coco"
    yolo = "yolo"
    labelme = "labelme"
    png = "png"
    overlay = "overlay"


FormatOption = Annotated[
    list[Format] | None,
    typer.Option(
        "--format",
        "-f",
        metavar="FORMAT",
        help=f"What to write: {', '.join(Format)}; may be repeated. Default: overlay.",
    ),
]


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of every image; boxes are xyxy pixels of the upright image."""

    phrases: tuple[str, ...]
    boxes: tuple[Box, ...]
    not_boxes: tuple[Box, ...]
    everything: bool
    points_per_side: int
    threshold: float
    nms: float | None
    nms_across: float | None
    tiles: int | None
    max_count: int | None

    @property
    def concepts(self) -> tuple[str, ...]:
        """What detections can be called: the phrases, "visual" where boxes ask alone, "object" where nothing does."""
        from argus.inference.everything import OBJECT
        from argus.types import VISUAL

        return (OBJECT,) if self.everything else self.phrases or (VISUAL,)


@dataclass(frozen=True, kw_only=True)
class Found:
    """The answer about one image, or why there is none."""

    file: Path
    detections: "Detections | None" = None
    written: tuple[Path, ...] = ()
    error: str = ""


def segment(
    images: Annotated[
        list[str],
        typer.Argument(help="Image files, folders of images (not what is in their subfolders), or quoted globs."),
    ],
    prompt: Annotated[list[str] | None, typer.Option("--prompt", "-p", help="A phrase; may be repeated.")] = None,
    box: Annotated[
        list[str] | None, typer.Option(metavar=BOX, help="An example of it, in pixels; may be repeated.")
    ] = None,
    not_box: Annotated[list[str] | None, typer.Option(metavar=BOX, help="A counter-example; may be repeated.")] = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="Find all objects without a prompt; the model needs a tracker.")
    ] = False,
    points_per_side: Annotated[
        int, typer.Option(min=1, max=256, help="With --everything: rows and columns of the grid of points asked.")
    ] = 32,
    model: ModelOption = "nano",
    tokenizer: TokenizerOption = None,
    device: DeviceOption = None,
    precision: PrecisionOption = Precision.auto,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            callback=no_nan,
            help="Least score of a detection. Default: 0.5; with --everything 0.88.",
        ),
    ] = None,
    nms: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            callback=no_nan,
            help="Drop masks of an IoU above this with a better one of their phrase; 1 keeps all. Default: as the "
            "model is made (nano 0.5, published models 1). With --everything: the IoU of their boxes, by default 0.7.",
        ),
    ] = None,
    nms_across: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=1.0, callback=no_nan, help="The same, among the detections of all phrases. Off by default."
        ),
    ] = None,
    tiles: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=8,
            help="Look for phrases in N x N overlapping tiles of the image, for small objects; 1: in the whole. "
            "Default: as a phrase was fine-tuned, else 1.",
        ),
    ] = None,
    max_count: Annotated[int | None, typer.Option(min=1, help="Most detections of each phrase.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the files. Default: out; with --json and no --format none are written."),
    ] = None,
    formats: FormatOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find every instance of each phrase in IMAGES, and of what the example boxes show; or everything.

    argus segment photo.jpg -p "yellow school bus" -p person

    argus segment photos/ -p bus --box 120,80,260,300 --format coco --format overlay --out found

    argus segment photo.jpg --everything --model sam3.pt

    Exit status: 0; 1 when the model or an image failed (the others are done all the same); 2 for misuse.
    """
    question = Question(
        phrases=phrases(prompt or []),
        boxes=tuple(_box(text) for text in box or []),
        not_boxes=tuple(_box(text) for text in not_box or []),
        everything=everything,
        points_per_side=points_per_side,
        threshold=(0.88 if everything else 0.5) if threshold is None else threshold,
        nms=0.7 if everything and nms is None else nms,
        nms_across=nms_across,
        tiles=tiles,
        max_count=max_count,
    )
    if everything and (question.phrases or box or not_box or nms_across is not None or tiles is not None):
        raise misuse("--everything takes no --prompt, --box, --not-box, --nms-across or --tiles: it finds all, unnamed")
    if (box or not_box) and (tiles or 1) > 1:
        raise misuse("boxes go without --tiles: what they show is looked for in the whole image")
    if not everything and not question.phrases and not question.boxes:
        raise misuse("say what to look for: --prompt PHRASE, --box x1,y1,x2,y2, or --everything")
    if len(question.phrases) > 1 and (box or not_box):
        raise misuse("boxes go with one phrase: a box shows an example of one concept")
    wanted = tuple(output.value for output in formats or [Format.overlay])
    folder = out or (Path("out") if formats or not as_json else None)
    with failures_reported():
        from argus.inference.image import ImagePredictor

        files = image_files(images)
        predictor = ImagePredictor(load_model(model, device, precision, tokenizer))
        named = enumerate(zip(files, unique_stems(files)), start=1)
        found = [
            _answer(predictor, file, question, folder, wanted, stem, image_id)
            for image_id, (file, stem) in progressed(named, "segmenting", len(files))
        ]
        _report(found, question, as_json)
    if any(answer.error for answer in found):
        raise typer.Exit(FAILURE)


def image_files(patterns: list[str]) -> list[Path]:
    """The images that files, folders (not their subfolders) and globs name, each once, in order."""
    files: dict[Path, None] = {}
    for pattern in patterns:
        path = Path(pattern)
        if os.path.isdir(path):  # which takes a name that is too long for one that is not there
            matched = [p for p in sorted(path.iterdir()) if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file()]
        elif os.path.exists(path):
            matched = [path]
        else:
            matched = [Path(name) for name in sorted(glob.glob(pattern, recursive=True)) if Path(name).is_file()]
        if not matched:
            raise misuse(f"no image at {pattern}")
        files.update(dict.fromkeys(matched))
    return list(files)


def unique_stems(files: list[Path]) -> list[str]:
    """A name for the outputs of each file: its own, with -2, -3 ... where several have the same.

    Names that differ in capitals alone are the same, as some file systems have it; "classes" is YOLO's list of classes.
    """
    used = {"classes"}
    stems = []
    for file in files:
        stem, count = file.stem, 1
        while stem.casefold() in used:
            count += 1
            stem = f"{file.stem}-{count}"
        used.add(stem.casefold())
        stems.append(stem)
    return stems


def phrases(texts: list[str]) -> tuple[str, ...]:
    if any(not text.strip() for text in texts):
        raise misuse("a --prompt is empty; give a phrase such as 'yellow school bus'")
    return tuple(dict.fromkeys(text.strip() for text in texts))


def _box(text: str) -> Box:
    parts = text.split(",")
    try:
        x1, y1, x2, y2 = (float(part) for part in parts)
    except ValueError:
        raise misuse(f"a box is four numbers x1,y1,x2,y2; got {text!r}") from None
    if not all(math.isfinite(value) for value in (x1, y1, x2, y2)) or x1 >= x2 or y1 >= y2:
        raise misuse(f"a box needs finite x1 < x2 and y1 < y2; got {text!r}")
    return x1, y1, x2, y2


def _answer(
    predictor: "ImagePredictor",
    file: Path,
    question: Question,
    folder: Path | None,
    formats: tuple[str, ...],
    stem: str,
    image_id: int,
) -> Found:
    """Ask about one image and write what was found; an image that fails is reported and does not stop the others."""
    from argus.inference.preprocess import read_image

    try:
        with memory_errors():
            image = read_image(file)
            detections = _predict(predictor.set_image(image), question)
            written = (
                detections.save(
                    folder,
                    formats,
                    image=image,
                    stem=stem,
                    image_path=file,
                    image_id=image_id,
                    categories=question.concepts,
                )
                if folder
                else []
            )
    except image_failures() as error:
        return Found(file=file, error=say_failed(file, error))
    return Found(file=file, detections=detections, written=tuple(written))


def _predict(predictor: "ImagePredictor", question: Question) -> "Detections":
    if question.everything:
        assert question.nms is not None
        return predictor.everything(
            points_per_side=question.points_per_side,
            iou_threshold=question.threshold,
            box_nms=question.nms,
            max_count=question.max_count,
        )
    boxes = [*question.boxes, *question.not_boxes]
    labels = [1] * len(question.boxes) + [0] * len(question.not_boxes)
    return predictor.predict(
        list(question.phrases) or None,
        boxes=boxes or None,
        labels=labels or None,
        score_threshold=question.threshold,
        nms_within=question.nms,
        nms_across=question.nms_across,
        tiles=question.tiles,
        max_count=question.max_count,
    )


def _report(found: list[Found], question: Question, as_json: bool) -> None:
    if as_json:
        images = [_document(answer) for answer in found if not answer.error]
        print_json({"prompts": list(question.concepts), "images": images, "failed": _failed(found)})
    else:
        _print_table(found, question)
    failed = [answer for answer in found if answer.error]
    if failed:
        say(f"{len(failed)} of {len(found)} images failed: {', '.join(str(answer.file) for answer in failed)}")


def _failed(found: list[Found]) -> list[dict[str, str]]:
    return [{"file": str(answer.file), "error": answer.error} for answer in found if answer.error]


def _document(answer: Found) -> dict[str, Any]:
    """One image of the JSON document: its size and a record a detection."""
    detections = answer.detections
    assert detections is not None
    height, width = detections.size_hw
    records = [{"concept": str(found.concept[0]), **record(found)} for found in detections]
    written = [str(path) for path in answer.written]
    return {"file": str(answer.file), "width": width, "height": height, "detections": records, "written": written}


def record(one: "Detections") -> dict[str, Any]:
    """A single detection as JSON: its mask as COCO's compressed runs."""
    (mask,) = one.rles
    return {
        "score": round(float(one.scores[0]), 6),
        "box_xyxy_px": [round(float(value), 2) for value in one.boxes_xyxy_px[0]],
        "area_px": int(one.areas_px[0]),
        "mask": {"size": list(mask.size_hw), "counts": mask.counts.decode("ascii")},
    }


def _print_table(found: list[Found], question: Question) -> None:
    """A line for each image and concept asked for, and where the files went."""
    from rich.markup import escape
    from rich.table import Column, Table

    table = Table(*(Column(name, overflow="fold") for name in ("image", "concept", "found", "scores")))
    for answer in found:
        for name, count, scores in _rows(answer, question):
            table.add_row(*map(escape, (str(answer.file), name, count, scores)))
    console().print(table)
    folders = sorted({str(path.parent) for answer in found for path in answer.written})
    if folders:
        typer.echo(f"written to {', '.join(folders)}")


def _rows(answer: Found, question: Question) -> list[tuple[str, str, str]]:
    if answer.detections is None:
        return [("", "failed", answer.error)]
    rows = []
    for name in question.concepts:
        scores = [f"{score:.2f}" for score in answer.detections.filter(concept=name).scores]
        rows.append((name, str(len(scores)), " ".join(scores[:8]) + (" ..." if len(scores) > 8 else "")))
    return rows
