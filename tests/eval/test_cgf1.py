import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from argus.data.sources.saco import Pair
from argus.eval import PairScore, cgf1, evaluate, summarise
from argus.eval.report import by_group, table
from argus.ops import rle
from argus.types import Detections

SIZE = (20, 40)
Box = tuple[int, int, int, int]


def mask(box: Box) -> np.ndarray:
    filled = np.zeros(SIZE, bool)
    filled[box[1] : box[3], box[0] : box[2]] = True
    return filled


def xywh(box: Box) -> list[float]:
    return [float(box[0]), float(box[1]), float(box[2] - box[0]), float(box[3] - box[1])]


def write(path: Path, pairs: dict[int, list[Box]], **changes: dict[int, dict]) -> Path:
    """A SA-Co file; `pair` and `annotation` in `changes` overwrite fields of pairs by id and annotations by index."""
    images = [
        {"id": i, "file_name": f"{i // 10}.png", "text_input": f"thing {i}", "width": SIZE[1], "height": SIZE[0]}
        | {"is_instance_exhaustive": 1}
        | changes.get("pair", {}).get(i, {})
        for i in pairs
    ]
    annotations = []
    for i, instances in pairs.items():
        for box in instances:
            bbox = (np.array(xywh(box)) / [SIZE[1], SIZE[0], SIZE[1], SIZE[0]]).tolist()
            record = {"id": len(annotations), "image_id": i, "bbox": bbox, "iscrowd": 0, "ignore": 0, "category_id": 1}
            record["segmentation"] = rle.to_coco(rle.encode(mask(box)))
            annotations.append(record | changes.get("annotation", {}).get(len(annotations), {}))
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": []}))
    return path


def results(found: dict[int, list[tuple[Box, float]]]) -> list[dict]:
    return [
        {"image_id": i, "category_id": 1, "score": score, "bbox": xywh(box)}
        | {"segmentation": rle.to_coco(rle.encode(mask(box)))}
        for i, objects in found.items()
        for box, score in objects
    ]


A: Box = (0, 0, 10, 10)
B: Box = (20, 0, 30, 10)
C: Box = (30, 10, 40, 20)
A8: Box = (0, 0, 10, 8)  # IoU 0.8 with A


def test_perfect_predictions_reach_one(tmp_path: Path) -> None:
    truth = write(tmp_path / "gt.json", {1: [A, B], 2: [C], 3: [], 4: []})
    for kind in ("mask", "box"):
        metrics = cgf1(truth, results({1: [(B, 0.9), (A, 0.8)], 2: [(C, 0.7)]}), iou=kind)
        for name in ("cgF1", "pmF1", "IL_MCC", "cgF1@0.5", "cgF1@0.75", "micro_F1", "macro_F1", "IL_F1"):
            assert metrics[name] == pytest.approx(1, abs=2e-4)
        assert metrics["IL_FPR"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("kind", ["mask", "box"])
def test_hand_computed(tmp_path: Path, kind: str) -> None:
    """Pair 1: A found at IoU 0.8, B missed, one false alarm. 2: missed. 3: false alarm. 4 and 5: rightly nothing."""
    truth = write(tmp_path / "gt.json", {1: [A, B], 2: [C], 3: [], 4: [], 5: []})
    predictions = results({1: [(A8, 0.9), (C, 0.6)], 3: [(A, 0.8)], 4: [(B, 0.49)]})
    metrics = cgf1(truth, predictions, iou=kind)
    # IoU 0.50 .. 0.80 (7 thresholds): TP 1, FP 1 (2 over all pairs), FN 2; above: TP 0
    expected_pm = 0.7 * 2 * (1 / 2) * (1 / 3) / (1 / 2 + 1 / 3)
    expected_micro = 0.7 * 2 * (1 / 3) * (1 / 3) / (2 / 3)
    mcc = (1 * 2 - 1 * 1) / (2 * 2 * 3 * 3) ** 0.5  # TP 1, FP 1, FN 1, TN 2
    assert metrics["pmF1"] == pytest.approx(expected_pm, abs=2e-4)
    assert metrics["micro_F1"] == pytest.approx(expected_micro, abs=2e-4)
    assert metrics["macro_F1"] == pytest.approx(0.7 * 0.5, abs=2e-4)  # pair 2 predicted nothing: it is left out
    assert metrics["IL_MCC"] == pytest.approx(mcc, abs=1e-5)
    assert metrics["cgF1"] == pytest.approx(expected_pm * mcc, abs=2e-4)
    assert metrics["cgF1@0.75"] == pytest.approx(0.4 * mcc, abs=2e-4)
    assert metrics["IL_precision"] == pytest.approx(1 / 2, abs=1e-5)
    assert metrics["IL_recall"] == pytest.approx(1 / 2, abs=1e-5)
    assert metrics["IL_FPR"] == pytest.approx(1 / 3, abs=1e-5)
    assert [metrics[n] for n in ("pairs", "positive_pairs", "instances", "predictions")] == [5, 2, 3, 3]


def test_without_absent_concepts_cgf1_is_zero(tmp_path: Path) -> None:
    metrics = cgf1(write(tmp_path / "gt.json", {1: [A]}), results({1: [(A, 0.9)]}))
    assert metrics["cgF1"] == 0
    assert metrics["pmF1"] == pytest.approx(1, abs=2e-4)


def test_matching_is_optimal_not_greedy(tmp_path: Path) -> None:
    """The first prediction overlaps both instances, the second only the one that the first likes best."""
    truth = write(tmp_path / "gt.json", {1: [(0, 0, 10, 10), (0, 4, 10, 14)], 2: []})
    metrics = cgf1(truth, results({1: [((0, 1, 10, 11), 0.9), ((0, 0, 10, 9), 0.8)]}))
    assert metrics["pmF1@0.5"] == pytest.approx(1, abs=2e-4)  # 0.9 and 0.54; greedily 0.82 and 0.36


def test_a_score_of_one_half_counts(tmp_path: Path) -> None:
    truth = write(tmp_path / "gt.json", {1: [A], 2: []})
    assert cgf1(truth, results({1: [(A, 0.5)]}))["predictions"] == 1
    assert cgf1(truth, results({1: [(A, 0.4999)]}))["predictions"] == 0


def test_crowd_ignored_and_not_exhaustive_are_left_out(tmp_path: Path) -> None:
    truth = write(
        tmp_path / "gt.json",
        {1: [A, B, C], 2: [A], 3: []},
        annotation={1: {"ignore": 1}, 2: {"iscrowd": 1}},
        pair={2: {"is_instance_exhaustive": 0}},
    )
    metrics = cgf1(truth, results({1: [(A, 0.9)], 2: [(C, 0.9)]}))
    assert [metrics[n] for n in ("pairs", "instances", "predictions")] == [2, 1, 1]
    assert metrics["cgF1"] == pytest.approx(1, abs=2e-4)


def test_the_best_annotator_counts_pair_by_pair(tmp_path: Path) -> None:
    one = write(tmp_path / "one.json", {1: [A], 2: [C], 3: [A], 4: []})
    two = write(tmp_path / "two.json", {1: [A, B], 2: [A], 3: [], 4: []})
    found = results({1: [(A, 0.9), (B, 0.9)], 2: [(C, 0.9)]})
    both = cgf1([one, two], found)
    assert both["cgF1"] == pytest.approx(1, abs=2e-4)  # 1 by two, 2 by one, 3 by two: empty, and nothing was predicted
    assert both["positive_pairs"] == 2
    assert max(cgf1(one, found)["cgF1"], cgf1(two, found)["cgF1"]) < 0.9
    partly = write(tmp_path / "partly.json", {1: [A], 2: [C], 3: [A]}, pair={1: {"is_instance_exhaustive": 0}})
    assert cgf1([one, partly], found)["pairs"] == 2  # 1 is not exhaustive in one of them, 4 is missing


def test_files_and_lists_give_the_same(tmp_path: Path) -> None:
    truth = write(tmp_path / "gt.json", {1: [A], 2: []})
    found = results({1: [(A8, 0.9)]})
    (tmp_path / "found.json").write_text(json.dumps(found))
    assert cgf1(str(truth), tmp_path / "found.json") == cgf1([truth], found)
    assert all(isinstance(value, float) for value in cgf1(truth, found).values())


def test_bad_input_is_named(tmp_path: Path) -> None:
    truth = write(tmp_path / "gt.json", {1: [A], 2: []})
    with pytest.raises(ValueError, match="others, such as 7"):
        cgf1(truth, results({7: [(A, 0.9)]}))
    with pytest.raises(ValueError, match="'mask' or 'box'"):
        cgf1(truth, [], iou="mesh")
    with pytest.raises(ValueError, match="segmentation in every prediction"):
        cgf1(truth, [{"image_id": 1, "score": 0.9, "bbox": [0, 0, 1, 1]}])
    (good,) = results({1: [(A, 0.9)]})
    for change, words in (
        ({"score": "0.9"}, "scores as finite numbers"),
        ({"score": float("nan")}, "scores as finite numbers"),
        ({"segmentation": [[0, 0, 9, 0, 9, 9]]}, "got polygons"),
        ({"segmentation": rle.to_coco(rle.empty((5, 5)))}, r"the size of pair 1, got one of \(5, 5\)"),
        ({"image_id": [1]}, "image_id as a number or a string"),
    ):
        with pytest.raises(ValueError, match=words):
            cgf1(truth, [good | change])
    for lacking in ("image_id", "score"):
        with pytest.raises(ValueError, match="image_id and score"):
            cgf1(truth, [{key: value for key, value in good.items() if key != lacking}])
    for bbox in ([1, 2], 5, [0, 0, float("nan"), 5], [0, 0, float("inf"), 5], "abcd", [0, 0, None, 5]):
        with pytest.raises(ValueError, match="left, top"):
            cgf1(truth, [good | {"bbox": bbox}], iou="box")
    for nowhere in ("", tmp_path):
        with pytest.raises(ValueError, match="JSON file of predictions"):
            cgf1(truth, nowhere)
        with pytest.raises(ValueError, match="JSON file of ground truth"):
            cgf1(nowhere, [])
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(ValueError, match=r"bad\.json"):
        cgf1(tmp_path / "bad.json", [])


def test_without_scipy_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(ImportError, match=r"scipy.*\.\[eval\]"):
        cgf1(write(tmp_path / "gt.json", {1: [A]}), results({1: [(A, 0.9)]}))


def test_no_pairs_give_zeros() -> None:
    assert set(summarise([]).values()) == {0.0}


def pair(pair_id: int, boxes: list[Box], language: str = "en") -> Pair:
    rles = tuple(rle.encode(mask(box)) for box in boxes)
    return Pair(
        id=pair_id,
        file_name=f"{pair_id // 10}.png",
        phrase=f"thing {pair_id}",
        size_hw=SIZE,
        rles=rles,
        boxes_xyxy_px=rle.boxes_xyxy_px(rles),
        language=language,
    )


PAIRS = [pair(11, [A, (20, 0, 40, 20)]), pair(21, []), pair(12, [], "zh"), pair(22, [C], "zh")]


def oracle(image: Path, phrases: Sequence[str], exemplars_xyxy_px: Sequence[np.ndarray], /) -> list[Detections]:
    answers = {f"thing {p.id}": p for p in PAIRS}
    return [
        Detections.build(p.boxes_xyxy_px, np.full(len(p.rles), 0.5), ["x"] * len(p.rles), p.rles, SIZE)
        for p in (answers[phrase] for phrase in phrases)
    ]


def test_evaluate_asks_once_an_image_and_gives_exemplars_to_positives() -> None:
    calls: list[tuple[str, list[str], list[list]]] = []

    def spy(image: Path, phrases: Sequence[str], boxes: Sequence[np.ndarray], /) -> list[Detections]:
        calls.append((image.name, list(phrases), [b.tolist() for b in boxes]))
        return oracle(image, phrases, boxes)

    scores = evaluate(PAIRS, Path("images"), spy, exemplars=1)
    assert calls == [
        ("1.png", ["thing 11", "thing 12"], [[[20, 0, 40, 20]], []]),
        ("2.png", ["thing 21", "thing 22"], [[], [[30, 10, 40, 20]]]),
    ]
    assert summarise(scores)["cgF1"] == pytest.approx(1, abs=2e-4)


def test_evaluate_equals_files(tmp_path: Path) -> None:
    truth = write(tmp_path / "gt.json", {11: [A, (20, 0, 40, 20)], 21: [], 12: [], 22: [C]})
    found = results({11: [(A8, 0.9)], 21: [(C, 0.7)]})

    def predict(image: Path, phrases: Sequence[str], boxes: Sequence[np.ndarray], /) -> list[Detections]:
        given = {"thing 11": (A8, 0.9), "thing 21": (C, 0.7)}
        return [
            Detections.from_masks(mask(given[p][0])[None], [given[p][1]], [p]) if p in given else Detections.empty(SIZE)
            for p in phrases
        ]

    assert summarise(evaluate(PAIRS, Path(), predict)) == cgf1(truth, found)


def test_groups_and_table() -> None:
    scores: list[PairScore] = evaluate(PAIRS, Path(), oracle)
    groups = by_group(scores, "language")
    assert list(groups) == ["en", "zh"]
    assert groups["zh"]["pairs"] == 2
    assert table({"all": summarise(scores), **groups}, "scenes").row_count == 3
