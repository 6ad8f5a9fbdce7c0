"""`argus.load`: a model from any source, in evaluation mode, with every tensor accounted for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import torch
from torch import Tensor, nn

from argus.checkpoint import huggingface, huggingface_config
from argus.checkpoint.adapter import UNUSED, Rule, is_unused, of_ours, of_theirs, their_shapes
from argus.checkpoint.lora import apply_adapter
from argus.checkpoint.report import Report
from argus.checkpoint.source import Layout, Source, find, find_tokenizer
from argus.checkpoint.tensors import FLOATS
from argus.model.cutter import Cutter
from argus.model.detector import Detector
from argus.model.namer import Namer
from argus.model.outline_refiner import OutlineRefiner
from argus.model.sam3 import Origin, Sam3, Sam3Config
from argus.model.text_encoder import TextEncoder
from argus.model.tokenizer import Tokenizer
from argus.model.tracker import Tracker
from argus.model.vision_encoder import VisionEncoder

POINTS = ("detector.exemplar_encoder.point_",)  # projections that the Hugging Face layout does not hold
MEMORY = tuple(  # the parts of the tracker that a Sam3TrackerModel, which is for single images, does not hold
    f"tracker.{part}" for part in ("memory_", "pointer_", "mask_downsample.", "no_pointer", "absent")
)
_MODEL_TYPES = {
    Layout.HUGGINGFACE: (huggingface_config.ALONE,),
    Layout.HUGGINGFACE_VIDEO: (huggingface_config.VIDEO, *huggingface_config.TRACKERS),
}
_PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def load(
    source: str | PathLike[str],
    device: str | torch.device | None = None,
    precision: str = "auto",
    tokenizer: str | PathLike[str] | None = None,
) -> Sam3:
    """Load a model, ready to answer: in evaluation mode, without gradients.

    `source` is "nano" (the bundled model); a folder in our own layout; a folder or `.safetensors` file in the Hugging
    Face layout, whose sizes come from the config.json beside it; Meta's `sam3.pt`; or a hub id such as `facebook/sam3`
    (the local cache is asked first). "nano+FOLDER" merges the adapter in FOLDER, made by `argus finetune`, into the
    very weights it was fine-tuned from, of whichever kind. `tokenizer`, CLIP's merges file or a tokenizer.json, is
    needed where the source brings none. Without a `device` it is CUDA or MPS (untested) where there is one, else the
    CPU. `precision` is fp32, bf16, fp16, or auto: bf16 on CUDA and on CPUs that are fast at it, else fp32.

    Raises ValueError, saying what to do, when the source is not found, damaged, of other sizes than it says, or wants
    to run code; a tensor that is missing, unexpected or misshapen is an error, and the message names them all.
    """
    target = choose_device(device)
    dtype = choose_dtype(precision, target)
    found = find(source)
    plan = plan_reading(found)
    plan.report.check(f"{found.name} ({found.layout.value} layout)", found.advice)
    reader = None if found.config.detector is None else _read_tokenizer(tokenizer, found)
    adapter = found.adapter
    with torch.device("meta"):
        model = Sam3(found.config if adapter is None else adapter.config(found.config), reader)
    state = _read(plan, found, target, dtype)
    unused = {name: state.pop(name) for name in list(state) if name.startswith(UNUSED)}
    model.load_state_dict(state, assign=True)
    points, memory = (not any(name.startswith(part) for name in plan.lacking) for part in (POINTS, MEMORY))
    model.origin = _origin(found, unused, points=points, memory=memory)
    return model.eval().requires_grad_(False)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which tensors of a file become which of ours; `lacking` are those of ours that its layout does not hold."""

    rules: tuple[Rule, ...]
    lacking: tuple[str, ...]
    shapes: Mapping[str, torch.Size]
    report: Report


def plan_reading(source: Source) -> Plan:
    """Compare the tensors of a file with those of the model, without reading them."""
    shapes = tensor_shapes(source.config)
    used = list(of_ours(source.layout.rules, shapes))
    for optional in _optional(source):
        if not any(name.startswith(optional) for r in used for name in r.ours if set(r.theirs) & set(source.stored)):
            used = [r for r in used if not r.ours[0].startswith(optional)]  # it came from a layout that holds none
    unused = [r for r in of_theirs(source.layout.rules, source.stored) if is_unused(r)]
    covered = {name for r in used for name in r.ours}
    lacking = tuple(name for name in shapes if name not in covered)
    assert all(name.startswith(POINTS + MEMORY) for name in lacking), f"{source.layout} has no rule for some: {lacking}"
    return Plan(rules=(*used, *unused), lacking=lacking, shapes=shapes, report=_report(source, used, unused, shapes))


def _optional(source: Source) -> list[tuple[str, ...]]:
    """Tensors of ours that a whole file may lack."""
    if source.layout is Layout.ARGUS:
        return [POINTS, MEMORY]
    return [MEMORY] if source.config_json.get("model_type") == huggingface_config.IMAGE_TRACKER else []


def tensor_shapes(config: Sam3Config) -> dict[str, torch.Size]:
    """Our names and shapes for a model of the given sizes, without memory for it."""
    with torch.device("meta"):
        parts: dict[str, nn.Module] = {"vision": VisionEncoder(config.vision)}
        if config.text is not None and config.detector is not None:
            parts["text"] = TextEncoder(config.text, config.detector.width)
            parts["detector"] = Detector(config.detector, config.vision.width)
        if config.tracker is not None:
            parts["tracker"] = Tracker(config.tracker, config.vision.width)
        if config.outlines is not None:
            parts["outlines"] = OutlineRefiner(config.outlines)
        if config.namer is not None and config.detector is not None:
            parts["namer"] = Namer(config.namer, config.detector.width)
        if config.cutter is not None:
            parts["cutter"] = Cutter(config.cutter)
    return {name: tensor.shape for name, tensor in nn.ModuleDict(parts).state_dict().items()}


def choose_device(device: str | torch.device | None) -> torch.device:
    """The device asked for, or the best there is. Raises ValueError for one that is unknown or not here."""
    if device is None:
        return torch.device(
            "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        )
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(f"device {device!r} is not at hand; expected cpu, cuda, cuda:N or mps") from error
    return torch.device(device)


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The number format of a precision; "auto" is bf16 where the device is fast at it."""
    if precision == "auto":
        return torch.bfloat16 if device.type == "cuda" or (device.type == "cpu" and cpu_has_bf16()) else torch.float32
    if precision not in _PRECISIONS:
        raise ValueError(f"expected precision auto, {', '.join(_PRECISIONS)}; got {precision!r}")
    return _PRECISIONS[precision]


def cpu_has_bf16() -> bool:
    """True where the CPU multiplies bf16 numbers directly (AVX512-BF16 or AMX)."""
    checks = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(check is not None and check() for check in checks)


def _report(source: Source, used: Iterable[Rule], unused: Iterable[Rule], shapes: Mapping[str, torch.Size]) -> Report:
    missing, misshapen = [], []
    for entry in used:
        for name, shape in zip(entry.theirs, their_shapes(entry, shapes), strict=True):
            if name not in source.stored:
                missing.append(name)
            elif source.stored[name].shape != shape:
                misshapen.append(f"{name} is {tuple(source.stored[name].shape)}, expected {tuple(shape)}")
            elif source.stored[name].dtype not in FLOATS:
                misshapen.append(f"{name} is {source.stored[name].dtype}, expected one of {', '.join(FLOATS)}")
    known = {name for entry in (*used, *unused) for name in entry.theirs}
    return Report(
        missing=tuple(missing),
        unexpected=tuple(name for name in source.stored if name not in known),
        misshapen=tuple(misshapen),
        unused=tuple(r.theirs[0] for r in unused),
    )


def _read(plan: Plan, source: Source, device: torch.device, dtype: torch.dtype) -> dict[str, Tensor]:
    """Our tensors, those of the model on its device and in its number format, the unused ones as they are stored."""
    state = {name: torch.zeros(plan.shapes[name], device=device, dtype=dtype) for name in plan.lacking}
    adapter = source.adapter
    kept: dict[str, Tensor] = {}  # as they are stored, until the adapter has changed them
    for entry in plan.rules:
        parts = entry.transform.to_ours([source.stored[name].read() for name in entry.theirs])
        for name, tensor in zip(entry.ours, parts, strict=True):
            if adapter is not None and name in adapter.names:
                kept[name] = tensor
            else:
                state[name] = tensor if name.startswith(UNUSED) else tensor.to(device, dtype)
    if adapter is not None:
        kept |= {name: state.pop(name) for name in plan.lacking if name in adapter.names}
        kept = apply_adapter(adapter, kept, source.name.split("+")[0])
    return state | {name: tensor.to(device, dtype) for name, tensor in kept.items()}


def _read_tokenizer(path: str | PathLike[str] | None, source: Source) -> Tokenizer:
    chosen = source.tokenizer if path is None else Path(path)
    if chosen is not None and chosen.is_dir():
        chosen = find_tokenizer(chosen)
    if chosen is None:
        raise ValueError(
            f"{path or source.name} holds no tokenizer: pass tokenizer=, the path of a tokenizer.json or of CLIP's "
            "merges file bpe_simple_vocab_16e6.txt.gz (it lies in Meta's repository of SAM 3, and in open_clip)"
        )
    return Tokenizer.from_file(chosen) if chosen.suffix == ".json" else Tokenizer.from_clip_merges(chosen)


def _origin(source: Source, unused: dict[str, Tensor], points: bool, memory: bool) -> Origin:
    config = source.config_json
    adapted = {} if source.adapter is None else {"adapter": dict(source.adapter.training)}
    if source.layout is Layout.ARGUS:
        training, kept = {**config.get("training", {}), **adapted}, dict(config.get("huggingface", {}))
        return Origin(points=points, memory=memory, unused=unused, training=training, huggingface=kept)
    own = config.get("model_type") in _MODEL_TYPES.get(source.layout, ())  # the configuration of these very tensors
    mark = {huggingface.PREFIXED: True} if source.prefixed else {}
    theirs = {**config, **mark} if own else {}
    return Origin(points=points, memory=memory, unused=unused, training=adapted, huggingface=theirs)
