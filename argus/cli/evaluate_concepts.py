"""`argus eval`, the task "concepts": (image, phrase) pairs."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from argus.cli.scoring import exit_if_failed, print_groups, score_each

if TYPE_CHECKING:
    import numpy as np

    from argus.data.sources.saco import Pair
    from argus.eval import PairScore, Predict
    from argus.model.sam3 import Sam3
    from argus.types import Detections


def evaluate_concepts(
    pairs: Path, images: Path, load: "Callable[[], Sam3]", *, exemplars: int, absent: int, iou: str, as_json: bool
) -> None:
    """cgF1, pmF1, IL_MCC and the rest, over all pairs and by language and kind of phrase."""
    from argus.eval import by_image, evaluate, summarise
    from argus.eval.report import by_group, table

    asked = _read(pairs, absent)
    predict = predict_function(load())
    by_path = {images / name: group for name, group in by_image(asked).items()}

    def score(group: "list[Pair]") -> "list[PairScore]":
        return evaluate(group, images, predict, exemplars=exemplars, iou=iou)

    scores, failed = score_each(by_path, score)
    if not scores:
        raise ValueError(
            f"expected pairs to score, got {len(asked)} pairs, of which {sum(pair.exhaustive for pair in asked)} are "
            f"exhaustive, about {len(by_path)} images, of which {len(failed)} failed"
        )
    groups = {"language": by_group(scores, "language"), "kind": by_group(scores, "kind")}
    print_groups(summarise(scores), groups, table, str(pairs), failed, as_json)
    exit_if_failed(failed, len(by_path), "images", "their pairs are not scored")


def predict_function(model: "Sam3") -> "Predict":
    """The model as evaluators want it: an image is encoded once, its plain phrases are asked in one batch."""
    from argus.inference.image import ImagePredictor

    predictor = ImagePredictor(model)

    def predict(image: Path, phrases: Sequence[str], exemplars_xyxy_px: "Sequence[np.ndarray]") -> "list[Detections]":
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
