"""What a - exemplar does: the best wrong detection of each answer is rejected by its box.

python benchmarks/reject.py SCENES_FOLDER [--model nano] [--count 160]

On held-out scenes, whose objects and phrases are known. A detection is wrong when it lies on an object (mask IoU of 0.5
and above) that the phrase does not name. Counted are the rejected detections that are gone, the wrong ones on other
objects of the same concept (its like) that are gone with them, and what became of right ones. A case is met when the
rejected detection and all its like are gone.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np

import argus
from argus.data.sources.scenes import HELD_OUT_SEED, TRAIN_STYLES, SceneConfig, scene
from argus.inference.image import ImagePredictor
from argus.ops import rle
from argus.ops.rle import Rle
from argus.types import Detections


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenes_folder", type=Path)
    parser.add_argument("--model", default="nano")
    parser.add_argument("--count", type=int, default=160)
    parser.add_argument("--first", type=int, default=0, help="first scene of the held-out ones")
    arguments = parser.parse_args()
    predictor = ImagePredictor(argus.load(arguments.model))
    config = SceneConfig(cache_folder=arguments.scenes_folder, size=280, styles=TRAIN_STYLES)
    counts: Counter[str] = Counter()
    for seed in range(HELD_OUT_SEED + arguments.first, HELD_OUT_SEED + arguments.first + arguments.count):
        sample = scene(config, seed)
        predictor.set_image(sample.image)
        truth = [rle.encode(mask) for mask in sample.masks]
        for query in sample.queries:
            refinement = predictor.refine(query.text)
            before = refinement.detections
            on = objects_under(before, truth)
            wrong = [row for row, index in enumerate(on) if index is not None and index not in query.instances]
            if not wrong:
                continue
            after = objects_under(refinement.add_box(before.boxes_xyxy_px[wrong[0]], positive=False), truth)
            struck = on[wrong[0]]
            assert struck is not None
            concept = sample.concepts[struck]
            like = {on[row] for row in wrong[1:] if sample.concepts[on[row] or 0] == concept} - {struck}
            right = set(on) & set(query.instances)
            counts["rejected"] += 1
            counts["gone"] += struck not in after
            counts["like"] += len(like)
            counts["like gone"] += len(like - set(after))
            counts["met"] += not ({struck} | like) & set(after)
            counts["right"] += len(right)
            counts["right kept"] += len(right & set(after))
    for name, part, whole in (
        ("rejected detections gone", "gone", "rejected"),
        ("its like gone", "like gone", "like"),
        ("it and all its like gone", "met", "rejected"),
        ("right detections kept", "right kept", "right"),
    ):
        print(f"{name:28}{counts[part]:5} of {counts[whole]:5}{100 * counts[part] / max(counts[whole], 1):7.1f} %")


def objects_under(found: Detections, truth: list[Rle]) -> list[int | None]:
    """For each detection the object that it lies on."""
    if not len(found) or not truth:
        return [None] * len(found)
    ious = rle.iou(found.rles, truth)
    return [int(np.argmax(row)) if row.max() >= 0.5 else None for row in ious]


if __name__ == "__main__":
    main()
