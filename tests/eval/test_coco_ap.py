"""AP by the protocols of COCO, LVIS and YouTube-VIS on small files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from argus.eval.coco_ap import average_precision, protocol, read_instances, read_video_instances
from argus.ops import rle

SIZE = (60, 80)


def mask(left: int, width: int = 20) -> Any:
    filled = np.zeros(SIZE, bool)
    filled[10:50, left : left + width] = True
    return rle.to_coco(rle.encode(filled))


def truth(path: Path, annotations: list[tuple[int, int, int]], **image: Any) -> Path:
    """Two images and three categories; annotations as image, category and left edge, `image` for the images."""
    sides = {"width": SIZE[1], "height": SIZE[0]}
    images = [{"id": i, "file_name": f"{i}.png", **sides, **{k: v[i] for k, v in image.items()}} for i in (0, 1)]
    records = [
        {"id": number, "image_id": i, "category_id": c, "segmentation": mask(left), "area": 800, "iscrowd": 0}
        for number, (i, c, left) in enumerate(annotations)
    ]
    names = [
        {"id": c, "name": name, "frequency": f} for c, name, f in ((1, "cat", "r"), (2, "dog", "c"), (3, "cow", "f"))
    ]
    path.write_text(json.dumps({"images": images, "annotations": records, "categories": names}))
    return path


def result(image: int, category: int, left: int, score: float = 0.9, width: int = 20) -> dict[str, Any]:
    return {"image_id": image, "category_id": category, "score": score, "segmentation": mask(left, width)}


def test_perfect_results_are_1_and_empty_ones_0(tmp_path: Path) -> None:
    wanted = read_instances(truth(tmp_path / "gt.json", [(0, 1, 0), (0, 1, 40), (1, 2, 0)]))
    perfect = average_precision(wanted, [result(0, 1, 0), result(0, 1, 40), result(1, 2, 0)])
    assert [perfect[name] for name in ("AP", "AP50", "AP75", "AP_small", "AR100")] == pytest.approx([1] * 5)
    assert perfect["AR1"] == pytest.approx(0.75)  # one of two cats, and the dog
    assert "AP_large" not in perfect  # nothing large to measure on
    assert average_precision(wanted, [])["AP"] == 0
    boxes = [
        {"image_id": i, "category_id": c, "score": 1.0, "bbox": [left, 10, 20, 40]}
        for i, c, left in ((0, 1, 0), (0, 1, 40), (1, 2, 0))
    ]
    assert average_precision(wanted, boxes, iou="box")["AP"] == pytest.approx(1)


def test_a_mask_is_right_up_to_its_iou(tmp_path: Path) -> None:
    wanted = read_instances(truth(tmp_path / "gt.json", [(0, 1, 0)]))
    narrow = average_precision(wanted, [result(0, 1, 0, width=14)])  # IoU 0.7: right at 5 of 10 thresholds
    assert (narrow["AP"], narrow["AP50"], narrow["AP75"]) == pytest.approx((0.5, 1, 0))


def test_a_surer_false_alarm_costs_precision(tmp_path: Path) -> None:
    wanted = read_instances(truth(tmp_path / "gt.json", [(0, 1, 0)]))
    assert average_precision(wanted, [result(0, 1, 0), result(0, 1, 40, 0.1)])["AP"] == pytest.approx(1)
    assert average_precision(wanted, [result(0, 1, 0, 0.5), result(0, 1, 40)])["AP"] == pytest.approx(0.5)


def test_lvis_counts_only_what_an_image_is_known_about(tmp_path: Path) -> None:
    """Image 1 lacks cats for sure, and nobody knows of cats in image 0 beyond those labelled."""
    images = {"neg_category_ids": [[], [1]], "not_exhaustive_category_ids": [[1], []]}
    file = truth(tmp_path / "gt.json", [(0, 1, 0), (1, 2, 0)], **images)
    wanted = read_instances(file)
    assert wanted.protocol == "lvis"
    right = [result(0, 1, 0, 0.5), result(1, 2, 0)]
    unknown = average_precision(wanted, [*right, result(0, 2, 40, 0.99)])  # dogs in image 0: not asked
    assert unknown["AP"] == unknown["AP_rare"] == unknown["AP_common"] == pytest.approx(1)
    beyond = average_precision(wanted, [*right, result(0, 1, 40, 0.99)])  # a cat that may be there
    assert beyond["AP"] == pytest.approx(1)
    false = average_precision(wanted, [*right, result(1, 1, 40, 0.99)])  # a cat where there is none
    assert (false["AP_rare"], false["AP_common"]) == pytest.approx((0.5, 1))
    assert "AP_frequent" not in false


def test_lvis_looks_at_300_of_an_image(tmp_path: Path) -> None:
    images = {"neg_category_ids": [[2], []], "not_exhaustive_category_ids": [[], []]}
    wanted = read_instances(truth(tmp_path / "gt.json", [(0, 1, 0)], **images))
    sure = [result(0, 2, 40, 0.9)] * 299
    assert average_precision(wanted, [*sure, result(0, 1, 0, 0.1)])["AP"] == pytest.approx(1)
    assert average_precision(wanted, [*sure, sure[0], result(0, 1, 0, 0.1)])["AP"] == 0


def videos(path: Path, masklets: list[list[Any]]) -> Path:
    video = {"id": 7, "file_names": ["a/0.jpg", "a/1.jpg", "a/2.jpg"], "width": SIZE[1], "height": SIZE[0]}
    records = [
        {"id": i, "video_id": 7, "category_id": 1, "segmentations": masks, "iscrowd": 0}
        for i, masks in enumerate(masklets)
    ]
    path.write_text(json.dumps({"videos": [video], "annotations": records, "categories": [{"id": 1, "name": "cat"}]}))
    return path


def test_video_ap_is_of_volumes(tmp_path: Path) -> None:
    wanted = read_video_instances(
        videos(tmp_path / "gt.json", [[mask(0), mask(5), None], [mask(40), mask(40), mask(40)]])
    )
    about = {"video_id": 7, "category_id": 1, "score": 0.9}
    first, second = [mask(0), mask(5), None], [mask(40), mask(40), None]  # the second lacks a third of its volume
    metrics = average_precision(wanted, [{**about, "segmentations": masks} for masks in (first, second)])
    assert metrics["AP50"] == pytest.approx(1)
    assert metrics["AR100"] == pytest.approx((1 + 0.4) / 2)  # 2/3 reaches four thresholds
    assert "AP_small" in metrics and protocol("ytvis", "mask")["iou"].startswith("volume")
    late = [{**about, "segmentations": [None, None, mask(0)]}]
    assert average_precision(wanted, late)["AP"] == 0


def test_bad_input_is_named(tmp_path: Path) -> None:
    file = truth(tmp_path / "gt.json", [(0, 1, 0)])
    wanted, good = read_instances(file), result(0, 1, 0)
    for change, words in (
        ({"image_id": 9}, "image_id 9"),
        ({"category_id": 9}, "category 9"),
        ({"image_id": []}, "number or a string"),
        ({"score": None}, "scores as finite numbers"),
        (
            {"segmentation": rle.to_coco(rle.empty((5, 5)))},
            r"image_id 0: Expected an RLE of the image's size \(60, 80\)",
        ),
        ({"segmentation": {"size": list(SIZE), "counts": "1"}}, "runs that fill"),
    ):
        with pytest.raises(ValueError, match=words):
            average_precision(wanted, [good | change])
    with pytest.raises(ValueError, match=r"without \['score'\]"):
        average_precision(wanted, [{key: value for key, value in good.items() if key != "score"}])
    with pytest.raises(ValueError, match="finite left"):
        average_precision(wanted, [good | {"bbox": [0, 0, float("nan"), 1]}], iou="box")
    with pytest.raises(ValueError, match="'mask'"):
        average_precision(wanted, [good], iou="volume")
    content = json.loads(file.read_text())
    for change, words in (
        ({"annotations": content["annotations"] * 2}, "an id twice"),
        ({"annotations": [content["annotations"][0] | {"category_id": 8}]}, "known categories"),
        ({"annotations": [content["annotations"][0] | {"image_id": 8}]}, "about the images"),
        (
            {"annotations": [content["annotations"][0] | {"segmentation": rle.to_coco(rle.empty((5, 5)))}]},
            "annotation 0",
        ),
        ({"categories": [{"id": 1}]}, "name in all categories"),
    ):
        file.write_text(json.dumps(content | change))
        with pytest.raises(ValueError, match=words):
            read_instances(file)
    file.write_bytes(b'{"images": "\xff"}')
    with pytest.raises(ValueError, match=r"gt\.json"):
        read_instances(file)
    clip = read_video_instances(videos(tmp_path / "clip.json", [[mask(0), None, None]]))
    short = {"video_id": 7, "category_id": 1, "score": 0.9, "segmentations": [mask(0)]}
    with pytest.raises(ValueError, match="each of 3 frames, got 1"):
        average_precision(clip, [short])
    with pytest.raises(ValueError, match="list of one mask or null"):
        average_precision(clip, [short | {"segmentations": None}])
