"""What objects cost in video: a small tracker with a full memory of each, on frames of 420 x 420.

python benchmarks/objects.py [--repeats 10] [--dtype fp32]

A frame is encoded, asked one phrase, and all objects are carried into it and into its memory. The model has nano's
sizes and random weights. In every repeat all numbers of objects are done in turn, so
that a busy machine is busy for all; the table has the medians.
"""

import argparse
import math
import os
import statistics
from functools import partial

import torch
from detector import DTYPES, cpu_name, row, timed
from torch import Tensor
from torch.nn import functional as F

from argus import Prompt
from argus.model import presets
from argus.model.memory_bank import MemoryBank, Remembered
from argus.model.sam3 import Sam3
from argus.model.tokenizer import train_tokenizer
from argus.model.tracking import Memory

OBJECTS = (1, 4, 16)
FRAME = 17  # the first with a full memory: one prompted frame and sixteen tracked ones before it


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--dtype", choices=DTYPES, default="fp32")
    arguments = parser.parse_args()
    with torch.inference_mode():
        compare(random_model(DTYPES[arguments.dtype]), arguments.repeats)


def random_model(dtype: torch.dtype) -> Sam3:
    config = presets.nano()
    assert config.text is not None
    torch.manual_seed(0)
    return Sam3(config, train_tokenizer(["visual", "school bus"], 300, config.text.context)).to(dtype).eval()


def compare(model: Sam3, repeats: int) -> None:
    image = torch.rand(1, 3, *model.image_size_hw) * 2 - 1
    memories = {count: full_memory(model, image, count) for count in OBJECTS}
    steps = {"encoding": partial(encode, model, image), "encoding and a phrase": partial(detect, model, image)}
    steps |= {f"all, {count} objects": partial(follow, model, image, memories[count]) for count in OBJECTS}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats + 1):
        for name, step in steps.items():
            times[name].append(timed(step, image.device)[0])
    medians = {name: statistics.median(of[1:]) for name, of in times.items()}
    print(f"{cpu_name()}, {torch.get_num_threads()} threads, load average {os.getloadavg()[2]:.1f}, ", end="")
    print(f"torch {torch.__version__}; medians of {repeats}; {model.config.tracker}\n")
    print(row("one frame", "ms", "frames a second"))
    print(row("---", "---:", "---:"))
    for name, seconds in medians.items():
        print(row(name, f"{seconds * 1e3:.0f}", f"{1 / seconds:.1f}"))
    ratio = medians[f"all, {OBJECTS[-1]} objects"] / medians[f"all, {OBJECTS[0]} objects"]
    print(f"\n{OBJECTS[-1]} objects take {ratio:.2f} times as long as {OBJECTS[0]}")


def encode(model: Sam3, image: Tensor) -> None:
    """With all that the tracker reads of an image."""
    assert model.encode(image).tracker.shares


def detect(model: Sam3, image: Tensor) -> None:
    features = model.encode(image)
    assert features.tracker.shares
    model.detect(features, [Prompt("school bus")])


def follow(model: Sam3, image: Tensor, memory: Memory) -> None:
    features = model.encode(image)
    model.detect(features, [Prompt("school bus")])
    model.track(features, memory)


def full_memory(model: Sam3, image: Tensor, objects: int) -> Memory:
    tracker = model.config.tracker
    assert tracker is not None
    features = model.encode(image).tracker
    (height, width), cells = features.memory_hw, math.prod(features.grid_hw)
    # bf16, as in use; frames differ, and all objects remember the same ones
    looks = [F.normalize(torch.randn(cells, model.config.vision.width), dim=1).bfloat16() for _ in range(FRAME)]
    banks = []
    for _ in range(objects):
        seen = [
            Remembered(
                map=torch.randn(height * width, tracker.memory_width, dtype=torch.bfloat16),
                pointer=torch.randn(tracker.width, dtype=model.dtype),
                quality=1.0,
                appearance=look,
                share=torch.rand(cells, dtype=torch.bfloat16),
            )
            for look in looks
        ]
        banks.append(MemoryBank(prompted={0: seen[0]}, tracked={i: seen[i] for i in range(1, FRAME)}))
    return Memory(banks=tuple(banks), born=(0,) * objects, frame=FRAME)


if __name__ == "__main__":
    main()
