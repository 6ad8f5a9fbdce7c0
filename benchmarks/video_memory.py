"""How much a long run through video grows: resident memory after every 200 frames (Linux).

python benchmarks/video_memory.py [--frames 3000] [--objects 4] [--model nano]

A live video of drifting colours, 640 x 360, one phrase, and objects picked by boxes in the first frame.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import argus

HEIGHT, WIDTH = 360, 640
FROM = 200  # frames after which memory should stand still


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=3000)
    parser.add_argument("--objects", type=int, default=4)
    parser.add_argument("--model", default="nano")
    arguments = parser.parse_args()
    session = argus.VideoPredictor(argus.load(arguments.model)).open(drifting(arguments.frames))
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
