"""Time and memory of the full-size tracker on one frame, side by side with transformers' port of SAM 3.

python benchmarks/tracker.py [--sizes small] [--objects 1 4] [--repeats 3] [--dtype both]

The tracker's share alone: both are given an encoded frame and a full memory of each object (a prompted frame, the six
last ones, and the pointers of the fifteen last), and carry all objects into that frame and its memory. One file of
random weights, whose vision encoder has a single layer since it is not asked. In every repeat all contestants do each
step in turn, so that a busy machine is busy for all; the table has the medians. Peak memory is taken in a process of
its own each: all of it, and what the frame takes above the loaded model and the memories. Needs transformers.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from detector import DTYPES, REFERENCE, cpu_name, import_torchvision, row, timed

import argus
from argus.model.memory_bank import MemoryBank, Remembered
from argus.model.sam3 import Features
from argus.model.tracking import Memory

FRAME = 17  # the first with a full memory: one prompted frame and sixteen tracked ones before it


class Ours:
    """All objects in one batch."""

    def __init__(self, folder: Path, dtype: str, objects: int):
        self.model = argus.load(folder, "cpu", dtype)
        vision, tracker = self.model.config.vision, self.model.config.tracker
        assert tracker is not None
        side = vision.image // vision.patch
        self.features = Features(self.model, torch.randn(1, side, side, vision.width, dtype=DTYPES[dtype]))
        assert self.features.tracker.shares and len(self.features.tracker.position)
        self.memory = Memory(frame=FRAME)
        for _ in range(objects):
            seen = [
                Remembered(
                    map=torch.randn(side * side, tracker.memory_width, dtype=torch.bfloat16),
                    pointer=torch.randn(tracker.width, dtype=DTYPES[dtype]),
                    quality=1.0,
                )
                for _ in range(FRAME)
            ]
            bank = MemoryBank(prompted={0: seen[0]}, tracked={i: seen[i] for i in range(1, FRAME)})
            self.memory = Memory(banks=(*self.memory.banks, bank), born=(*self.memory.born, 0), frame=FRAME)

    def track(self) -> None:
        self.model.track(self.features, self.memory)


class Port:
    """One object after the other, as it has it; its memories are those of the prompted frame, copied."""

    def __init__(self, folder: Path, dtype: str, objects: int):
        import_torchvision()
        from transformers import Sam3TrackerVideoInferenceSession, Sam3TrackerVideoModel
        from transformers.utils import logging

        logging.disable_progress_bar()
        model: Any = Sam3TrackerVideoModel.from_pretrained(folder, dtype=DTYPES[dtype], attn_implementation="sdpa")
        self.model = model.eval()
        side = model.config.image_size
        frames = torch.zeros(FRAME + 1, 3, 1, 1)  # never looked at: the features are there
        self.session: Any = Sam3TrackerVideoInferenceSession(
            video=frames, dtype=DTYPES[dtype], video_height=side, video_width=side, max_vision_features_cache_size=2
        )
        for frame in (0, FRAME):
            self.session.cache.cache_vision_features(frame, self._features(dtype))
        for index in range(objects):
            given = {"point_coords": torch.tensor([[[[10.0, 10.0]]]]), "point_labels": torch.tensor([[[1]]])}
            self.session.add_point_inputs(self.session.obj_id_to_idx(index), 0, given)
            self.session.obj_with_new_inputs.append(index)
        self.model(self.session, frame_idx=0)
        for outputs in self.session.output_dict_per_obj.values():
            for frame in range(1, FRAME):
                seen = {name: value.clone() for name, value in outputs["cond_frame_outputs"][0].items()}
                outputs["non_cond_frame_outputs"][frame] = seen

    def _features(self, dtype: str) -> dict[str, Any]:
        levels, width = self.model.backbone_feature_sizes, self.model.hidden_dim
        made = partial(torch.randn, dtype=DTYPES[dtype])
        channels = (width // 8, width // 4, width)
        return {
            "vision_feats": [made(h * w, 1, c) for (h, w), c in zip(levels, channels, strict=True)],
            "vision_pos_embeds": [made(h * w, 1, width) for h, w in levels],
        }

    def track(self) -> None:
        self.model(self.session, frame_idx=FRAME)


CONTESTANTS: dict[str, type[Ours] | type[Port]] = {"argus": Ours, "transformers": Port}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", choices=("full", "small"), default="full", help="small: a quick check")
    parser.add_argument("--objects", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--dtype", choices=("both", *DTYPES), default="both")
    parser.add_argument("--weights", type=Path, help=argparse.SUPPRESS)  # set in a process whose memory is measured
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    with torch.inference_mode(), tempfile.TemporaryDirectory() as temporary:
        if arguments.measure:
            name, dtype, objects = arguments.measure
            print(*peak_mb(name, dtype, int(objects), arguments.weights))
            return
        arguments.weights = Path(temporary)
        subprocess.run([sys.executable, "-c", WRITER, temporary, arguments.sizes], check=True)
        compare(arguments)


WRITER = f"""
import json, sys
sys.path.insert(0, {str(REFERENCE)!r})
import tiny_reference
from pathlib import Path
from transformers import Sam3TrackerVideoConfig, Sam3TrackerVideoModel
folder, sizes = sys.argv[1:]
published = Path(tiny_reference.__file__).with_name("hf_sam3_video_config.json")
full = json.loads(published.read_text())["tracker_config"]
config = tiny_reference.tracker_video_config() if sizes == "small" else full
backbone = config["vision_config"]["backbone_config"]
backbone.update(num_hidden_layers=1, global_attn_indexes=[0])
tiny_reference.randomise(Sam3TrackerVideoModel(Sam3TrackerVideoConfig(**config))).save_pretrained(folder)
"""


def compare(arguments: argparse.Namespace) -> None:
    dtypes = list(DTYPES) if arguments.dtype == "both" else [arguments.dtype]
    print(f"{cpu_name()}, {torch.get_num_threads()} threads, load average {os.getloadavg()[2]:.1f}, ", end="")
    print(f"torch {torch.__version__}; medians of {arguments.repeats}\n")
    print(row("one frame", *(f"{name} {dtype}" for dtype in dtypes for name in (*CONTESTANTS, "ratio"))))
    print(row("---", *("---:" for _ in range(3 * len(dtypes)))))
    for objects in arguments.objects:
        seconds, peaks = measured_s(objects, dtypes, arguments), {}
        for key in seconds:
            peaks[key] = run_peak_mb(*key, objects, arguments)
        of = f"{objects} object{'s' if objects > 1 else ''}"
        print_row(f"{of}, s", seconds, dtypes)
        print_row(f"{of}, peak memory, MB", {key: peak for key, (peak, _) in peaks.items()}, dtypes)
        print_row(f"{of}, of it for the frame, MB", {key: added for key, (_, added) in peaks.items()}, dtypes)


def measured_s(objects: int, dtypes: Sequence[str], arguments: argparse.Namespace) -> dict[tuple[str, str], float]:
    """The median time of each contestant, after a round that warms up."""
    contestants = {
        (name, dtype): kind(arguments.weights, dtype, objects) for dtype in dtypes for name, kind in CONTESTANTS.items()
    }
    times: dict[tuple[str, str], list[float]] = {key: [] for key in contestants}
    for _ in range(arguments.repeats + 1):
        for key, contestant in contestants.items():
            times[key].append(timed(contestant.track, torch.device("cpu"))[0])
    return {key: statistics.median(of[1:]) for key, of in times.items()}


def peak_mb(name: str, dtype: str, objects: int, weights: Path) -> tuple[float, float]:
    """The peak resident size of this process while it tracks, and how much that is above what it held before."""
    contestant = CONTESTANTS[name](weights, dtype, objects)
    before = status_mb("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    contestant.track()
    peak = status_mb("VmHWM")
    return peak, peak - before


def run_peak_mb(name: str, dtype: str, objects: int, arguments: argparse.Namespace) -> tuple[float, float]:
    command = [sys.executable, __file__, f"--weights={arguments.weights}", "--measure", name, dtype, str(objects)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(said[-2]), float(said[-1])


def status_mb(field: str) -> float:
    """A memory figure of this process, in MB of 10^6 bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) * 1024 / 1e6


def print_row(title: str, of: dict[tuple[str, str], float], dtypes: Sequence[str]) -> None:
    cells = []
    for dtype in dtypes:
        ours, theirs = of["argus", dtype], of["transformers", dtype]
        cells += [f"{ours:.4g}", f"{theirs:.4g}", f"{ours / theirs:.2f}"]
    print(row(title, *cells), flush=True)


if __name__ == "__main__":
    main()
