"""Memory and time that one answer about a large photo takes above the model itself (Linux).

python benchmarks/large_photo.py [--width 6000] [--height 4000] [--instances 150] [--preset nano]

The model has random weights and is made to return every query, so its masks are ragged and as large as the photo:
harder than real ones. It runs in a process of its own; memory is the peak resident size less that of the loaded model.
"""

import argparse
import dataclasses
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from argus.inference.image import ImagePredictor
from argus.model import presets
from argus.model.sam3 import Sam3
from argus.model.tokenizer import train_tokenizer

PRESETS = {"nano": presets.nano, "sam3": presets.sam3}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=6000)
    parser.add_argument("--height", type=int, default=4000)
    parser.add_argument("--instances", type=int, default=150)
    parser.add_argument("--preset", choices=PRESETS, default="nano")
    parser.add_argument("--photo", type=Path, help=argparse.SUPPRESS)  # set in the process that is measured
    arguments = parser.parse_args()
    if arguments.photo:
        measure(arguments.photo, random_model(arguments.preset, arguments.instances))
        return
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "photo.jpg"
        write_photo(photo, arguments.width, arguments.height)
        subprocess.run([sys.executable, __file__, *sys.argv[1:], "--photo", str(photo)], check=True)


def write_photo(path: Path, width: int, height: int) -> None:
    """Smooth random colours with some grain."""
    rng = np.random.default_rng(0)
    blobs = Image.fromarray(rng.integers(0, 256, (40, 60, 3), np.uint8)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    pixels = np.asarray(blobs, np.int16) + rng.integers(-8, 9, (height, width, 1), np.int16)
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=92)


def random_model(preset: str, instances: int) -> Sam3:
    config = PRESETS[preset]()
    detector, text = config.detector, config.text
    assert detector is not None and text is not None
    config = dataclasses.replace(config, detector=dataclasses.replace(detector, queries=instances))
    torch.manual_seed(0)
    return Sam3(config, train_tokenizer(["visual", "school bus"], 300, text.context)).eval()


def measure(photo: Path, model: Sam3) -> None:
    predictor = ImagePredictor(model)
    before = status_mb("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    start = time.perf_counter()
    predictor.set_image(photo)
    encoded, encoded_mb = time.perf_counter(), status_mb("VmHWM")
    found = predictor.predict("school bus", score_threshold=0.0)
    end = time.perf_counter()
    runs_mb = sum(len(mask.counts) for mask in found.rles) / 1e6
    area = found.areas_px.mean() / np.prod(found.size_hw)
    print(f"{'photo':<28}{found.size_hw[1]} x {found.size_hw[0]}")
    print(f"{'instances':<28}{len(found)} of {area:.0%} of the photo each, {runs_mb:.1f} MB as runs")
    print(f"{'set_image':<28}{encoded - start:.2f} s, peak {encoded_mb - before:.0f} MB above the model")
    print(f"{'predict':<28}{end - encoded:.2f} s")
    print(f"{'whole':<28}peak {status_mb('VmHWM') - before:.0f} MB above the model of {before:.0f} MB")


def status_mb(field: str) -> float:
    """A memory figure of this process, in MB of 10^6 bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) * 1024 / 1e6


if __name__ == "__main__":
    main()
