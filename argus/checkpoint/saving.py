"""`argus.save`: a model as a folder, in our own layout or in the Hugging Face one."""

import json
import warnings
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from argus.checkpoint import huggingface, huggingface_config, native
from argus.checkpoint.adapter import of_ours
from argus.checkpoint.hub import CONFIG, WEIGHTS
from argus.checkpoint.loading import MEMORY, POINTS
from argus.checkpoint.report import listed
from argus.checkpoint.source import TOKENIZER, Layout
from argus.model.sam3 import Sam3
from argus.ops.files import replace_file


def save(model: Sam3, folder: str | PathLike[str], layout: str = "argus", dtype: torch.dtype | None = None) -> None:
    """Write a model that `load` reads back bit for bit: config.json, tokenizer.json and model.safetensors.

    `layout` is "argus" or "huggingface" (which transformers reads; it has no place for the projections of points, and a
    warning says so). `dtype` is the number format to write in, by default the model's own. Unused tensors that the
    model's file held are written too. Files are replaced whole, the weights first. Raises ValueError for another layout
    or a dtype that is no floating-point one.
    """
    if dtype is not None and not dtype.is_floating_point:
        raise ValueError(f"expected a floating-point dtype to save in, got {dtype}")
    if layout not in ("argus", "huggingface"):
        raise ValueError(f"expected layout 'argus' or 'huggingface', got {layout!r}")
    tensors = _cast({**model.state_dict(), **model.origin.unused}, dtype)
    lacking = (*(() if model.origin.points else POINTS), *(() if model.origin.memory else MEMORY))
    tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith(lacking)}
    if layout == "huggingface":
        tensors = _to_huggingface(tensors, _huggingface_layout(model))
        if model.origin.huggingface.get(huggingface.PREFIXED):
            alone = model.config.detector is None
            tensors = {huggingface.as_saved(name, alone): tensor for name, tensor in tensors.items()}
        written_in = str(dtype or model.dtype).removeprefix("torch.")
        config = huggingface_config.write_config(model.config, model.origin.huggingface, written_in)
    else:
        config = native.write_config(model.config, model.origin.training, model.origin.huggingface)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / WEIGHTS, lambda path: save_file(tensors, path, {"format": "pt"}))
    if model.tokenizer is not None:
        replace_file(folder / TOKENIZER, model.tokenizer.save)
    replace_file(folder / CONFIG, lambda path: _write_json(path, config))


def _huggingface_layout(model: Sam3) -> Layout:
    return Layout.HUGGINGFACE if model.config.tracker is None else Layout.HUGGINGFACE_VIDEO


def _cast(tensors: dict[str, Tensor], dtype: torch.dtype | None) -> dict[str, Tensor]:
    return {
        name: tensor.detach().cpu().to(dtype if dtype and tensor.is_floating_point() else tensor.dtype).contiguous()
        for name, tensor in tensors.items()
    }


def _to_huggingface(tensors: dict[str, Tensor], layout: Layout) -> dict[str, Tensor]:
    written: dict[str, Tensor] = {}
    left = dict(tensors)
    for entry in of_ours(layout.rules, tensors):
        parts = entry.transform.to_theirs([left.pop(name) for name in entry.ours])
        written |= {name: part.contiguous() for name, part in zip(entry.theirs, parts, strict=True)}
    if left:
        warnings.warn(f"not written, the Hugging Face layout has no place for them: {listed(list(left))}", stacklevel=3)
    return written


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
