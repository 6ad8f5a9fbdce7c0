"""`argus eval`: score a model on (image, phrase) pairs."""

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    print_json,
    progressed,
    say,
    say_failed,
)

if TYPE_CHECKING:
    from argus.data.sources.saco import Pair
    from argus.eval import PairScore, Predict
    from argus.model.sam3 import Sam3


class Iou(str, Enum):
    """What overlaps are measured on."""

    mask = "mask"
    box = "box"


def evaluate(
    pairs: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="SA-Co JSON, or COCO instances JSON.")],
    images: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder that its file names start in.")],
    model: ModelOption = "nano",
    tokenizer: TokenizerOption = None,
    device: DeviceOption = None,
    precision: PrecisionOption = Precision.auto,
    exemplars: Annotated[
        int, typer.Option(min=0, help="Boxes of this many largest instances to show with each phrase.")
    ] = 0,
    absent: Annotated[int, typer.Option(min=0, help="COCO: absent categories to ask for in each image.")] = 5,
    iou: Annotated[Iou, typer.Option(help="Overlap of masks or of boxes.")] = Iou.mask,
    as_json: JsonOption = False,
) -> None:
    """Score a model: cgF1, pmF1, IL_MCC and the rest, over all pairs and by language and kind of phrase.

    Exit status: 0; 1 when the model or an image failed (the pairs of the others are scored all the same); 2 for misuse.
    """
    with failures_reported():
        from argus.eval import summarise
        from argus.eval.report import by_group, table

        asked = _read(pairs, absent)
        predict = predict_function(load_model(model, device, precision, tokenizer))
        scores, failed = _score(asked, images, predict, exemplars, iou)
        groups = {"language": by_group(scores, "language"), "kind": by_group(scores, "kind")}
        if as_json:
            by = {f"by_{name}": metrics for name, metrics in groups.items()}
            print_json({**summarise(scores), **by, "failed": [{"file": f, "error": e} for f, e in failed.items()]})
        else:
            console().print(table({"all": summarise(scores)}, str(pairs)))
            for name, metrics in groups.items():
                if len(metrics) > 1:
                    console().print(table(metrics, f"by {name}"))
    if failed:
        count = len(failed) + len({score.pair.file_name for score in scores})
        say(f"{len(failed)} of {count} images failed, and their pairs are not scored: {', '.join(failed)}")
        raise typer.Exit(FAILURE)


def predict_function(model: "Sam3") -> "Predict":
    """The model as evaluators want it: an image is encoded once, its plain phrases are asked in one batch."""
    import numpy as np

    from argus.inference.image import ImagePredictor
    from argus.types import Detections

    predictor = ImagePredictor(model)

    def predict(image: Path, phrases: Sequence[str], exemplars_xyxy_px: Sequence[np.ndarray]) -> list[Detections]:
        predictor.set_image(image)
        plain = [phrase for phrase, boxes in zip(phrases, exemplars_xyxy_px) if not len(boxes)]
        merged = predictor.predict(plain) if plain else None
        answers = []
        for phrase, boxes in zip(phrases, exemplars_xyxy_px):
            if len(boxes):
                answers.append(predictor.predict(phrase, boxes=boxes))
            elif merged is not None:
                answers.append(merged.filter(concept=phrase.strip()))
        return answers

    return predict


def _read(path: Path, absent: int) -> "list[Pair]":
    """SA-Co pairs, or COCO instances turned into pairs, as the file is."""
    from argus.data.sources.coco import read_coco
    from argus.data.sources.saco import read_saco

    return read_saco(path) if b'"text_input"' in path.read_bytes() else read_coco(path, absent=absent)


def _score(
    pairs: "list[Pair]", images: Path, predict: "Predict", exemplars: int, iou: Iou
) -> "tuple[list[PairScore], dict[str, str]]":
    """The scores of the pairs, image by image, and why the images failed that did."""
    from argus.eval import by_image
    from argus.eval import evaluate as run

    groups = by_image(pairs)
    scores: list[PairScore] = []
    failed: dict[str, str] = {}
    for file_name, group in progressed(groups.items(), "evaluating", len(groups)):
        try:
            with memory_errors():
                scores += run(group, images, predict, exemplars=exemplars, iou=iou.value)
        except image_failures() as error:
            failed[str(images / file_name)] = say_failed(images / file_name, error)
    if not scores:
        raise ValueError(
            f"expected pairs to score, got {len(pairs)} pairs, of which {sum(pair.exhaustive for pair in pairs)} are "
            f"exhaustive, about {len(groups)} images, of which {len(failed)} failed"
        )
    return scores, failed
