"""Scenes and clips a second on one core: `python benchmarks/scenes.py CACHE_FOLDER [--count 200]`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from argus.data.sources.scenes import ClipConfig, SceneConfig, clip, scene


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache_folder", type=Path)
    parser.add_argument("--count", type=int, default=200)
    arguments = parser.parse_args()
    print(f"{'what':<36}{'a second':>10}")
    for size, difficulty in ((420, 1.0), (420, 0.0), (280, 1.0), (140, 0.4)):
        config = SceneConfig(cache_folder=arguments.cache_folder, size=size, difficulty=difficulty)
        rate = measure(partial(scene, config), arguments.count)
        print(f"{f'scene {size} px, difficulty {difficulty:g}':<36}{rate:>10.1f}")
    for size, frames in ((280, 8), (280, 16), (280, 32), (420, 8)):
        clips = ClipConfig(cache_folder=arguments.cache_folder, size=size, frames=frames)
        rate = measure(partial(clip, clips), arguments.count)
        print(f"{f'clip of {frames} frames {size} px, difficulty 1':<36}{rate:>10.1f}")


def measure(make: Callable[[int], object], count: int) -> float:
    """Calls a second by CPU time, after a warm-up: other work on the machine does not count."""
    for seed in range(10):
        make(seed)
    start = time.process_time()
    for seed in range(10, 10 + count):
        make(seed)
    return count / (time.process_time() - start)


if __name__ == "__main__":
    main()
