"""`argus eval --task ap`: AP by the protocols of COCO, LVIS and YouTube-VIS."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from argus.cli.common import console, print_json
from argus.cli.scoring import Outcome, exit_if_failed, print_settings, score_each

if TYPE_CHECKING:
    from argus.eval.coco_ap import Instances
    from argus.model.sam3 import Sam3

LEAST_SCORE = 0.05  # of a model's detections, which AP ranks


def evaluate_ap(
    truth: Path, images: Path | None, load: "Callable[[], Sam3]", *, predictions: Path | None, iou: str, as_json: bool
) -> None:
    """AP of a file of results, or of a model that is asked for every category that counts in an image."""
    from argus.data.sources.saco import load_json
    from argus.eval.coco_ap import average_precision, protocol, read_instances, read_video_instances
    from argus.eval.report import metric_row

    document = load_json(truth)
    is_video = isinstance(document, dict) and "videos" in document
    wanted = read_video_instances(truth) if is_video else read_instances(truth)
    failed: dict[str, str] = {}
    if predictions is not None:
        metrics = average_precision(wanted, predictions, iou=iou)
    else:
        assert images is not None
        records, failed = (_ask_videos if is_video else _ask)(wanted, images, load)
        metrics = average_precision(_without(wanted, images, failed), records, iou=iou)
    how = "the published policy" if is_video else f"score > {LEAST_SCORE}"
    asked = {} if predictions is not None else {"model": f"asked for every category that counts, {how}"}
    outcome = Outcome(
        title=str(truth), summary=metrics, settings={**protocol(wanted.protocol, iou), **asked}, failed=failed
    )
    if as_json:
        print_json(outcome.document())
    else:
        console().print(metric_row(metrics, outcome.title))
        print_settings(outcome.settings)
    exit_if_failed(failed, len(wanted.images), "videos" if is_video else "images", "their instances are not scored")


def _ask(truth: "Instances", images: Path, load: "Callable[[], Sam3]") -> tuple[list[dict[str, Any]], dict[str, str]]:
    """What the model finds, as results, and which images failed."""
    from argus.eval.coco_ap import MOST
    from argus.inference.image import ImagePredictor

    phrases, predictor = _phrases(truth), ImagePredictor(load())

    def ask(image: dict[str, Any]) -> list[dict[str, Any]]:
        known = truth.asked[image["id"]] if truth.asked else phrases.values()
        ids = {phrase: number for phrase, number in phrases.items() if number in known}
        if not ids:
            return []
        most = MOST[truth.protocol][-1]
        found = predictor.set_image(images / image["file_name"]).predict(
            list(ids), score_threshold=LEAST_SCORE, max_count=most
        )
        records = found.to_coco(image["id"], list(ids))
        return [{**record, "category_id": list(ids.values())[record["category_id"] - 1]} for record in records]

    return score_each([(_file(images, image), image) for image in truth.images.values()], ask)


def _ask_videos(
    truth: "Instances", images: Path, load: "Callable[[], Sam3]"
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The masklets that the model finds, as results, and which videos failed (by their first frame)."""
    from argus.cli.evaluate_video import predict_function
    from argus.ops import rle

    ids, predict = _phrases(truth), predict_function(load())

    def ask(video: dict[str, Any]) -> list[dict[str, Any]]:
        answers = predict([images / name for name in video["file_names"]], list(ids))
        return [
            {
                "video_id": video["id"],
                "category_id": number,
                "score": masklet.score,
                "segmentations": [None if mask is None else rle.to_coco(mask) for mask in masklet.rles],
            }
            for number, masklets in zip(ids.values(), answers, strict=True)
            for masklet in masklets
        ]

    return score_each([(_file(images, video), video) for video in truth.images.values()], ask)


def _phrases(truth: "Instances") -> dict[str, int]:
    """What is asked, and the category that it stands for. Of several of one name only one may have instances, and is
    that one; raises ValueError where more have."""
    from argus.data.phrases import as_phrase

    counted = {annotation["category_id"] for annotation in truth.annotations}
    ids: dict[str, int] = {}
    for number in sorted(truth.categories, key=lambda number: (number not in counted, str(number))):
        phrase = as_phrase(truth.categories[number]["name"])
        if number in counted and phrase in ids:
            raise ValueError(
                f"expected categories of different names, got {ids[phrase]!r} and {number!r}, both {phrase!r} and with "
                "instances: make them one"
            )
        ids.setdefault(phrase, number)
    return ids


def _file(images: Path, item: dict[str, Any]) -> Path:
    """An image, or the first frame of a video."""
    return images / (item["file_names"][0] if "file_names" in item else item["file_name"])


def _without(truth: "Instances", images: Path, failed: dict[str, str]) -> "Instances":
    """The ground truth without the images or videos that failed."""
    from dataclasses import replace

    left = {number: image for number, image in truth.images.items() if str(_file(images, image)) not in failed}
    return replace(truth, images=left, annotations=[one for one in truth.annotations if one["image_id"] in left])
