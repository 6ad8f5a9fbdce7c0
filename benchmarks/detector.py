"""Time and memory of the full-size detector, side by side with transformers' port of SAM 3.

python benchmarks/detector.py [--weights FOLDER] [--sizes small] [--repeats 3] [--dtype both] [--device cpu]

Both read one file, of random weights unless --weights names a folder in the Hugging Face layout. In every repeat each
step is done by all contestants in turn, so that a busy machine is busy for all; the table has the medians. Peak memory
is taken in a process of its own each. Beside Argus it needs transformers, and open_clip_torch or --tokenizer.
"""

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from importlib.metadata import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

import argus
from argus.model.sam3 import Features
from argus.model.tokenizer import Tokenizer

KEPT, PHRASES = 20, 10
REFERENCE = Path(__file__).parents[1] / "tests" / "reference"
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
STEPS = {"encode": "encode", "one": "one new phrase", "ten": "ten new phrases", "all": "image + ten phrases"}
WAYS = ("one at a time", "texts together, then one at a time", "all together")
NAMES = map(
    "{0[2]} {0[0]} {0[1]}".format,
    itertools.product(("small", "yellow", "old"), ("bus", "dog", "chair", "lamp", "horse"), map(str, range(1000))),
)


class Ours:
    """Encoding includes all that the detector reads of an image; the masks of the best queries are decoded."""

    def __init__(self, folder: Path, dtype: str, arguments: argparse.Namespace):
        self.model = argus.load(folder, arguments.device, dtype, arguments.tokenizer)
        self.name, self.dtype = "argus", dtype
        self.image_px = self.model.image_size_hw[0]

    def encode(self, image: Tensor) -> Features:
        features = self.model.encode(image)
        assert features.detector.shares
        return features

    def ask(self, features: Features, phrases: Sequence[str]) -> None:
        prompts = [argus.Prompt(phrase) for phrase in phrases]
        self.model.detect(features, prompts, score_threshold=0.0, max_masks=KEPT)


class Port:
    """Tokens are padded to 32 as its processor does; several phrases are asked in the given way."""

    def __init__(self, folder: Path, dtype: str, arguments: argparse.Namespace):
        import_torchvision()
        from transformers import Sam3Model
        from transformers.utils import logging

        logging.disable_progress_bar()
        model: Any = Sam3Model.from_pretrained(folder, dtype=DTYPES[dtype], attn_implementation="sdpa")
        self.model = model.eval().to(arguments.device)
        self.tokenizer = Tokenizer.from_clip_merges(arguments.tokenizer)
        self.name, self.dtype = "transformers", dtype
        self.image_px = model.config.vision_config.image_size
        self.way = arguments.way or WAYS[0]

    def encode(self, image: Tensor) -> Any:
        return self.model.get_vision_features(pixel_values=image.to(self.model.dtype))

    def ask(self, features: Any, phrases: Sequence[str]) -> None:
        tokens = self.tokenizer(phrases)
        ids, mask = (x.to(self.model.device) for x in (tokens.ids, (~tokens.padding).long()))
        if self.way == WAYS[2]:
            self.model(vision_embeds=_repeated(features, len(phrases)), input_ids=ids, attention_mask=mask)
            return
        text = self.model.get_text_features(input_ids=ids, attention_mask=mask) if self.way == WAYS[1] else None
        for row in range(len(phrases)):
            one = slice(row, row + 1)
            if text is None:
                self.model(vision_embeds=features, input_ids=ids[one], attention_mask=mask[one])
            else:
                part = SimpleNamespace(pooler_output=text.pooler_output[one])
                self.model(vision_embeds=features, text_embeds=part, attention_mask=mask[one])


def import_torchvision() -> None:
    """Transformers needs it; its compiled part does not load beside a CPU build of torch, and is then replaced."""
    try:
        import_module("torchvision")
    except (ImportError, RuntimeError):
        sys.path.insert(0, str(REFERENCE))
        import_module("torchvision_cpu")


def _repeated(features: Any, count: int) -> Any:
    parts = (features.fpn_hidden_states, features.fpn_position_encoding)
    hidden, position = (tuple(x.expand(count, -1, -1, -1) for x in part) for part in parts)
    return type(features)(fpn_hidden_states=hidden, fpn_position_encoding=position)


Contestant = Ours | Port
CONTESTANTS: dict[str, type[Ours] | type[Port]] = {"argus": Ours, "transformers": Port}


@dataclass
class Times:
    """Seconds of each repeat, by step."""

    of: dict[str, list[float]] = field(default_factory=lambda: {step: [] for step in STEPS})

    def median(self, step: str) -> float:
        return statistics.median(self.of[step])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, help="a folder in the Hugging Face layout; random weights without it")
    parser.add_argument("--sizes", choices=("full", "small"), default="full", help="small: a quick check")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--dtype", choices=("both", *DTYPES), default="both")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--tokenizer", type=Path, help="CLIP's merges file; open_clip_torch's own without it")
    parser.add_argument("--way", choices=WAYS, help="how transformers is asked ten phrases; the fastest without it")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)  # set in a process whose memory is measured
    arguments = parser.parse_args()
    arguments.tokenizer = arguments.tokenizer or merges_file()
    with torch.inference_mode(), tempfile.TemporaryDirectory() as temporary:
        if arguments.measure:
            print(peak_mb(arguments.measure[0], arguments.measure[1], arguments))
            return
        if arguments.weights is None:
            arguments.weights = Path(temporary)
            subprocess.run([sys.executable, "-c", WRITER, temporary, arguments.sizes], check=True)
        compare(arguments)


WRITER = f"""
import json, sys
sys.path.insert(0, {str(REFERENCE)!r})
import tiny_reference
from pathlib import Path
from transformers import Sam3Config, Sam3Model
folder, sizes = sys.argv[1:]
published = Path(tiny_reference.__file__).with_name("hf_sam3_video_config.json")
config = tiny_reference.detector_config() if sizes == "small" else json.loads(published.read_text())["detector_config"]
Sam3Model(Sam3Config(**config)).save_pretrained(folder)
"""


def compare(arguments: argparse.Namespace) -> None:
    dtypes = list(DTYPES) if arguments.dtype == "both" else [arguments.dtype]
    contestants: list[Contestant] = [Port(arguments.weights, dtype, arguments) for dtype in dtypes[:1]]
    image = random_image(contestants[0])
    if arguments.way is None:
        arguments.way = fastest_way(contestants[0], image)
    contestants = [kind(arguments.weights, dtype, arguments) for dtype in dtypes for kind in CONTESTANTS.values()]
    times = {(c.name, c.dtype): Times() for c in contestants}
    for repeat in range(arguments.repeats + 1):
        one_round(contestants, image, times if repeat else {key: Times() for key in times})
    del contestants
    print_table(times, {key: run_peak_mb(*key, arguments) for key in times}, dtypes, arguments)


def fastest_way(port: Contestant, image: Tensor) -> str:
    """The way in which the port answers ten phrases soonest, each tried once after a warm-up."""
    assert isinstance(port, Port)
    features = port.encode(image)
    port.ask(features, new_phrases(1))
    seconds = {}
    for way in WAYS:
        port.way = way
        seconds[way] = timed(partial(port.ask, features, new_phrases(PHRASES)), image.device)[0]
    print(f"{PHRASES} phrases in transformers, s: " + ", ".join(f"{way} {s:.2f}" for way, s in seconds.items()))
    return min(seconds, key=lambda way: seconds[way])


def one_round(contestants: Sequence[Contestant], image: Tensor, times: dict[tuple[str, str], Times]) -> None:
    one, ten, features = new_phrases(1), new_phrases(PHRASES), []
    for c in contestants:
        seconds, encoded = timed(partial(c.encode, image), image.device)
        times[c.name, c.dtype].of["encode"].append(seconds)
        features.append(encoded)
    for step, phrases in (("one", one), ("ten", ten)):
        for c, encoded in zip(contestants, features, strict=True):
            seconds, _ = timed(partial(c.ask, encoded, phrases), image.device)
            times[c.name, c.dtype].of[step].append(seconds)
    for t in times.values():
        t.of["all"].append(t.of["encode"][-1] + t.of["ten"][-1])


def timed(work: Callable[[], Any], device: torch.device) -> tuple[float, Any]:
    synchronise = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    synchronise()
    start = time.perf_counter()
    result = work()
    synchronise()
    return time.perf_counter() - start, result


def peak_mb(name: str, dtype: str, arguments: argparse.Namespace) -> float:
    """The peak resident size of this process after loading, encoding an image and asking ten phrases."""
    contestant = CONTESTANTS[name](arguments.weights, dtype, arguments)
    contestant.ask(contestant.encode(random_image(contestant)), new_phrases(PHRASES))
    if arguments.device != "cpu":
        return torch.cuda.max_memory_allocated() / 1e6
    status = Path("/proc/self/status").read_text()  # not getrusage: its peak counts the parent's before exec
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def run_peak_mb(name: str, dtype: str, arguments: argparse.Namespace) -> float:
    given = {"weights": arguments.weights, "device": arguments.device, "tokenizer": arguments.tokenizer}
    options = [f"--{option}={value}" for option, value in {**given, "way": arguments.way}.items()]
    command = [sys.executable, __file__, *options, "--measure", name, dtype]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def print_table(
    times: dict[tuple[str, str], Times],
    peaks: dict[tuple[str, str], float],
    dtypes: Sequence[str],
    arguments: argparse.Namespace,
) -> None:
    cpu = f"{cpu_name()}, {torch.get_num_threads()} threads, load average {os.getloadavg()[2]:.1f}"
    device = cpu if arguments.device == "cpu" else torch.cuda.get_device_name()
    print(f"{device}, torch {torch.__version__}; medians of {arguments.repeats}; transformers: {arguments.way}\n")
    cross = dtypes == list(DTYPES)
    heads = [f"{name} {dtype}" for dtype in dtypes for name in (*CONTESTANTS, "ratio")]
    print(row("", *heads, *(["argus bf16 / transformers fp32"] if cross else [])))
    print(row("---", *("---:" for _ in range(len(heads) + cross))))
    values = {f"{title}, s": {key: t.median(step) for key, t in times.items()} for step, title in STEPS.items()}
    for title, of in {**values, "peak memory, MB": peaks}.items():
        cells = []
        for dtype in dtypes:
            ours, theirs = of["argus", dtype], of["transformers", dtype]
            cells += [f"{ours:.4g}", f"{theirs:.4g}", f"{ours / theirs:.2f}"]
        cells += [f"{of['argus', 'bf16'] / of['transformers', 'fp32']:.2f}"] if cross else []
        print(row(title, *cells))


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def random_image(contestant: Contestant) -> Tensor:
    size = contestant.image_px
    image = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return image.to(contestant.model.device)


def new_phrases(count: int) -> list[str]:
    """Phrases that this process has never asked before."""
    return list(itertools.islice(NAMES, count))


def cpu_name() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "CPU")


def merges_file() -> Path:
    """CLIP's merges file inside the installed open_clip_torch."""
    name = "bpe_simple_vocab_16e6.txt.gz"
    return next(Path(str(f.locate())) for f in files("open_clip_torch") or [] if f.name == name)


if __name__ == "__main__":
    main()
