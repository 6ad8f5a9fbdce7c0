"""`argus eval`, the task "concepts": (image, phrase) pairs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from argus.cli.common import console, image_failures, print_json, say, say_failed
from argus.cli.scoring import Outcome, exit_if_failed, print_settings, score_each

if TYPE_CHECKING:
    import numpy as np

    from argus.data.sources.saco import Pair
    from argus.eval import PairScore, Predict
    from argus.model.sam3 import Sam3
    from argus.types import Detections


@dataclass(frozen=True, kw_only=True)
class Asking:
    """How a model is asked: boxes shown with each phrase, absent categories of COCO, and what overlaps are of."""

    exemplars: int
    absent: int
    iou: str


def evaluate_concepts(
    truths: Sequence[Path],
    images: Path | None,
    load: "Callable[[], Sam3]",
    asking: Asking,
    *,
    predictions: Path | None,
    report: Path | None,
    as_json: bool,
) -> None:
    """cgF1, pmF1, IL_MCC and the rest, over all pairs, by language and kind of phrase, by number and by size."""
    if predictions is not None:
        scores, failed, total = _of_file(truths, predictions, asking.iou), dict[str, str](), 0
    else:
        scores, failed, total = _of_model(truths, images, predict_function(load()), asking)
    outcome = _outcome(scores, truths, predictions, asking, failed)
    if as_json:
        print_json(outcome.document())
    else:
        _print_tables(outcome)
    if report is not None:
        _write_report(outcome, scores, images, report)
    exit_if_failed(failed, total, "images", "their pairs are not scored")


def evaluate_subsets(
    folder: Path,
    images: Path | None,
    load: "Callable[[], Sam3]",
    asking: Asking,
    *,
    predictions: Path | None,
    report: Path | None,
    as_json: bool,
) -> None:
    """The same for each subset of a folder of SA-Co/Gold or Silver files, and the mean over subsets."""
    from argus.data.sources.saco_folder import saco_subsets
    from argus.eval.report import table

    subsets = saco_subsets(folder)
    predict = predict_function(load()) if predictions is None else None
    outcomes: dict[str, Outcome] = {}
    found: "dict[str, list[PairScore]]" = {}
    failed: dict[str, str] = {}
    total = 0
    for name, truths in subsets.items():
        try:
            if predict is not None:
                scores, wrong, count = _of_model(truths, images, predict, asking)
            else:
                assert predictions is not None
                scores, wrong, count = _of_file(truths, predictions / f"{name}.json", asking.iou), {}, 0
        except image_failures() as error:
            failed, total = {**failed, name: say_failed(Path(name), error)}, total + 1
            continue
        failed, total = {**failed, **wrong}, total + count
        found[name] = scores
        outcomes[name] = _outcome(scores, truths, predictions, asking, wrong)
    if not outcomes:
        raise ValueError(f"expected subsets to score in {folder}, got {len(subsets)}, all of which failed")
    rows = {name: outcome.summary for name, outcome in outcomes.items()}
    mean = {key: sum(row[key] for row in rows.values()) / len(rows) for key in next(iter(rows.values()))}
    if as_json:
        print_json({"mean": mean, "by_subset": {name: outcome.document() for name, outcome in outcomes.items()}})
    else:
        console().print(table({**rows, "mean": mean}, str(folder)))
        print_settings(next(iter(outcomes.values())).settings)
    if report is not None:
        _write_report(replace(next(iter(outcomes.values())), title=str(folder), failed=failed), found, images, report)
    exit_if_failed(failed, total, "images and subsets", "their pairs are not scored")


def is_yolo(truth: Path) -> bool:
    """Whether a ground truth is YOLO's: a data.yaml, or a folder with one."""
    from argus.data.sources.yolo import yolo_file

    return yolo_file(truth) is not None


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


def _of_file(truths: Sequence[Path], predictions: Path, iou: str) -> "list[PairScore]":
    from argus.data.sources.saco import read_saco
    from argus.eval.cgf1 import score_pairs
    from argus.eval.predictions import found_by_pair, read_results

    annotators = [{pair.id: pair for pair in read_saco(path)} for path in truths]
    scores = score_pairs(annotators, found_by_pair(read_results(predictions), iou), iou)
    if not scores:
        raise ValueError(f"expected pairs to score, got {len(annotators[0])}, none of them exhaustive for everyone")
    return scores


def _of_model(
    truths: Sequence[Path], images: Path | None, predict: "Predict", asking: Asking
) -> "tuple[list[PairScore], dict[str, str], int]":
    """Scores, images that failed, and the number of images."""
    from argus.eval import by_image, evaluate

    asked, *others = (_read(path, images, asking.absent) for path in truths)
    more = [{pair.id: pair for pair in pairs} for pairs in others]
    images = images or Path()  # YOLO's pairs have whole paths
    by_path = [(images / name, group) for name, group in by_image(asked).items()]

    def score(group: "list[Pair]") -> "list[PairScore]":
        return evaluate(group, images, predict, exemplars=asking.exemplars, iou=asking.iou, others=more)

    scores, failed = score_each(by_path, score)
    if not scores:
        raise ValueError(
            f"expected pairs to score, got {len(asked)} pairs, of which {sum(pair.exhaustive for pair in asked)} are "
            f"exhaustive, about {len(by_path)} images, of which {len(failed)} failed"
        )
    return scores, failed, len(by_path)


def _read(path: Path, images: Path | None, absent: int) -> "list[Pair]":
    """SA-Co pairs, or COCO or YOLO instances turned into pairs, as the file is."""
    from argus.data.sources.coco import read_coco
    from argus.data.sources.saco import read_saco
    from argus.data.sources.yolo import yolo_file

    if (file := yolo_file(path)) is not None:
        return _read_yolo(file, images, absent)
    return read_saco(path) if b'"text_input"' in path.read_bytes() else read_coco(path, absent=absent)


def _read_yolo(path: Path, images: Path | None, absent: int) -> "list[Pair]":
    """The held-out part that a data.yaml names, or the pictures in `images`; what is left out is said."""
    from argus.data.absent import with_absent_phrases
    from argus.data.ontology import Ontology
    from argus.data.sources.yolo import HELD_OUT, open_yolo

    data = open_yolo(path, images, part=HELD_OUT)
    for problem in data.problems:
        say(f"left out: {problem}")
    return with_absent_phrases(data, Ontology([]), absent, seed=0).pairs()


def _outcome(
    scores: "Sequence[PairScore]",
    truths: Sequence[Path],
    predictions: Path | None,
    asking: Asking,
    failed: Mapping[str, str],
) -> Outcome:
    from argus.eval import summarise
    from argus.eval.bootstrap import intervals, settings
    from argus.eval.breakdown import by_kind, by_number, by_size, by_subject, calibration, counting
    from argus.eval.cgf1 import protocol
    from argus.eval.report import by_group

    calibrated, sure = calibration(scores), intervals(scores)
    asked = {} if predictions is not None else {"exemplars": asking.exemplars, "absent (COCO, YOLO)": asking.absent}
    return Outcome(
        title=", ".join(map(str, truths)),
        summary={**summarise(scores), **counting(scores), "ECE": calibrated.ece},
        settings={**protocol(asking.iou, len(truths)), **settings("images", sure), **asked},
        failed=failed,
        groups={
            "language": by_group(scores, "language"),
            "subject": by_subject(scores),
            "kind": by_kind(scores),
            "number": by_number(scores),
            "size": by_size(scores),
        },
        intervals=sure,
        more={"calibration": [asdict(one) for one in calibrated.bins]},
    )


def _print_tables(outcome: Outcome) -> None:
    from argus.eval.report import count_table, size_table, table

    out = console()
    out.print(table({"all": outcome.summary}, outcome.title, outcome.intervals))
    for name in ("language", "subject", "kind"):
        if len(outcome.groups[name]) > 1:
            out.print(table(outcome.groups[name], f"by {name}"))
    numbers = {**outcome.groups["number"], "all": outcome.summary}
    out.print(count_table(numbers, "by number of instances"))
    out.print(size_table(outcome.groups["size"], "by size of objects"))
    out.print(f"ECE {100 * outcome.summary['ECE']:.1f}")
    print_settings(outcome.settings)


def _write_report(
    outcome: Outcome,
    scores: "Sequence[PairScore] | Mapping[str, Sequence[PairScore]]",
    images: Path | None,
    path: Path,
) -> None:
    from argus.eval.page import write_page

    write_page(
        path,
        outcome.title,
        scores,
        images,
        settings={name: str(value) for name, value in outcome.settings.items()},
        failed=outcome.failed,
    )
    say(f"report: {path}")
