"""Time that the evaluation of concepts takes beside inference.

python benchmarks/evaluate.py [--pairs 1000] [--instances 100] [--width 1280] [--height 720]

Each pair has blobs as instances, some overlapping, and as many predictions: the same blobs, moved a little. The ground
truth and the predictions are written as files and read again, as `argus eval TRUTH --predictions FOUND` does.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from argus.data.sources.saco import read_saco
from argus.eval import summarise
from argus.eval.bootstrap import intervals
from argus.eval.breakdown import by_kind, by_number, by_size, calibration, counting
from argus.eval.cgf1 import score_pairs
from argus.eval.predictions import found_by_pair, read_results
from argus.ops import rle


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--instances", type=int, default=100)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=720)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        size_hw = (arguments.height, arguments.width)
        truth, found = write_files(Path(folder), arguments.pairs, arguments.instances, size_hw)
        begin = time.perf_counter()
        with timed("read the ground truth"):
            annotators = [{pair.id: pair for pair in read_saco(truth)}]
        with timed("read the predictions"):
            predicted = found_by_pair(read_results(found), "mask")
        with timed("score the pairs (IoU, matching)"):
            scores = score_pairs(annotators, predicted)
        with timed("metrics, groups, calibration"):
            metrics = {**summarise(scores), **counting(scores)}
            by_kind(scores), by_number(scores), by_size(scores), calibration(scores)
        with timed("intervals"):
            sure = intervals(scores)
        print(f"{'all':36} {time.perf_counter() - begin:6.2f} s")
        low, high = sure["pmF1"].low, sure["pmF1"].high
        print(f"{arguments.pairs} pairs of {arguments.instances}: pmF1 {metrics['pmF1']:.3f} ({low:.3f}-{high:.3f})")


@contextmanager
def timed(what: str) -> Iterator[None]:
    begin = time.perf_counter()
    yield
    print(f"{what:36} {time.perf_counter() - begin:6.2f} s")


def write_files(folder: Path, pairs: int, instances: int, size_hw: tuple[int, int]) -> tuple[Path, Path]:
    """Ground truth in the SA-Co form, every tenth pair without instances, and results."""
    generator = np.random.default_rng(0)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    blobs = [blob(generator, size_hw) for _ in range(4 * instances)]  # drawing a new one for each is most of the time
    for number in range(1, pairs + 1):
        size = {"width": size_hw[1], "height": size_hw[0]}
        images.append({"id": number, "file_name": f"{number}.jpg", "text_input": "blob", **size})
        if number % 10:
            for index in generator.permutation(len(blobs))[:instances].tolist():
                true, moved = blobs[index]
                annotations.append({"id": len(annotations), "image_id": number, "segmentation": true})
                results.append({"image_id": number, "score": generator.uniform(0.4, 1), "segmentation": moved})
    truth, found = folder / "truth.json", folder / "found.json"
    truth.write_text(json.dumps({"images": images, "annotations": annotations}), encoding="utf-8")
    found.write_text(json.dumps(results), encoding="utf-8")
    return truth, found


def blob(generator: np.random.Generator, size_hw: tuple[int, int]) -> tuple[Any, Any]:
    """A disk with a wavy edge, and the same a few pixels away."""
    rows, columns = np.mgrid[: size_hw[0], : size_hw[1]]
    radius = generator.uniform(15, 60)
    row, column = (generator.uniform(radius, side - radius) for side in size_hw)
    shift = generator.normal(0, 0.1 * radius, 2)
    wave = 1 + 0.1 * np.sin(columns / 3)
    masks = [
        (rows - row - down) ** 2 + (columns - column - right) ** 2 < wave * radius**2 for down, right in ((0, 0), shift)
    ]
    true, moved = (rle.to_coco(rle.encode(mask)) for mask in masks)
    return true, moved


if __name__ == "__main__":
    main()
