"""How much a long run through video grows: resident memory after every 200 frames (Linux).

python benchmarks/video_memory.py [--frames 3000] [--objects 4] [--model nano]

A live video of drifting colours, 640 x 360, one phrase, and objects picked by boxes in the first frame. A model without
a tracker gets one with random weights, which takes every object for there: as much is remembered as can be.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from objects import SIZES

import argus
from argus.model.sam3 import Sam3
from argus.model.tracker import TrackerConfig

HEIGHT, WIDTH = 360, 640
FROM = 200  # frames after which memory should stand still


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=3000)
    parser.add_argument("--objects", type=int, default=4)
    parser.add_argument("--model", default="nano")
    arguments = parser.parse_args()
    session = argus.VideoPredictor(with_tracker(argus.load(arguments.model))).open(drifting(arguments.frames))
    session.add("school bus")
    for index in range(arguments.objects):
        session.add(box=[40 + 130 * index, 60, 140 + 130 * index, 260])
    print(f"{'frames':>8}{'masklets':>10}{'MB':>9}{'frames/s':>10}")
    settled_mb, began, count = 0.0, time.perf_counter(), 0
    for count, frame in enumerate(session.run(), start=1):
        if count % FROM == 0:
            rate = FROM / (time.perf_counter() - began)
            print(f"{count:>8}{len(frame.masklets):>10}{resident_mb():>9.1f}{rate:>10.2f}", flush=True)
            settled_mb, began = settled_mb or resident_mb(), time.perf_counter()
    print(f"grown by {resident_mb() - settled_mb:.1f} MB from frame {FROM} to frame {count}")


def with_tracker(model: Sam3) -> Sam3:
    if model.tracker is not None:
        return model
    torch.manual_seed(0)
    tracker = TrackerConfig(**SIZES, memory_mlp_width=SIZES["mlp_width"])
    made = Sam3(replace(model.config, tracker=tracker), model.tokenizer)
    made.load_state_dict(model.state_dict(), strict=False)
    assert made.tracker is not None
    with torch.no_grad():
        made.tracker.mask_decoder.object_head.layers[-1].bias.fill_(5.0)
    return made.to(model.device, model.dtype).eval()


def drifting(frames: int) -> Iterator[np.ndarray]:
    """A wide picture of blobs that slides by."""
    rng = np.random.default_rng(0)
    blobs = rng.integers(0, 256, (12, 64, 3), np.uint8).repeat(30, 0).repeat(30, 1)
    for index in range(frames):
        left = 3 * index % (blobs.shape[1] - WIDTH)
        yield blobs[:HEIGHT, left : left + WIDTH].copy()


def resident_mb() -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
