"""Adapters: small files of low-rank updates that turn a base model into a fine-tuned one when it is loaded.

An adapter is one file, so it is replaced whole: either the one of before or the new one is there, never a mix.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from argus.checkpoint.native import read_part
from argus.model.outline_refiner import OutlineConfig, OutlineRefiner
from argus.model.sam3 import Sam3Config
from argus.ops.files import replace_file

ADAPTER = "adapter.safetensors"
DOWN, UP = ".lora_down", ".lora_up"  # after the name of the weight that they change
FORMAT, VERSION = "argus-adapter", 1
SEEN = 64  # numbers of each changed tensor that the mark of the base is made of

_QUERIES = "detector.decoder.query_embed"
OUTLINES = "outlines."  # the part that an adapter may bring along
_QUERY_TABLES = (_QUERIES, "detector.decoder.reference_logits")


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """What an adapter changes in its base, by the base's tensor names.

    A weight of `o` rows becomes weight + up (o, r) x down (r, rest); the tensors in `whole` replace those of the base,
    or are the refiner of outlines of a base without one.
    `mark` tells the base's weights from those of other models (`mark_of`); `base` is what it was called;
    `outlines` are the sizes of the refiner, where it brings one; `training` is a free record, as in a model's
    config.json.
    """

    base: str
    mark: str
    down: Mapping[str, Tensor]
    up: Mapping[str, Tensor]
    whole: Mapping[str, Tensor]
    outlines: OutlineConfig | None = None
    training: Mapping[str, Any] = field(default_factory=dict)

    def with_outlines(self, refiner: OutlineRefiner) -> Adapter:
        """The same with a refiner of outlines, which its base has not, brought along."""
        brought = {OUTLINES + name: tensor for name, tensor in refiner.state_dict().items()}
        return replace(self, whole={**self.whole, **brought}, outlines=refiner.config)

    @property
    def names(self) -> set[str]:
        """The tensors that it changes or brings along."""
        return {*self.down, *self.whole}

    def config(self, base: Sam3Config) -> Sam3Config:
        """The sizes with the adapter: those of the base, with as many queries as the adapter has, and with its refiner
        of outlines."""
        if self.outlines is not None:
            base = replace(base, outlines=self.outlines)
        if base.detector is None or _QUERIES not in self.whole:
            return base
        return replace(base, detector=replace(base.detector, queries=len(self.whole[_QUERIES])))

    def merged(self, name: str, tensor: Tensor) -> Tensor:
        """A tensor of the base as the fine-tuned model has it, in fp32; itself where it is not changed."""
        if name in self.whole:
            return self.whole[name]
        if name in self.down:
            return low_rank_sum(tensor.float(), self.down[name].float(), self.up[name].float())
        return tensor


def low_rank_sum(weight: Tensor, down: Tensor, up: Tensor) -> Tensor:
    """weight + up x down, in the shape of the weight, whose first axis is its rows."""
    return weight + (up @ down).view(weight.shape)


def save_adapter(adapter: Adapter, folder: Path) -> Path:
    """Write `folder/adapter.safetensors`, whole or not at all: low-rank factors and a refiner of outlines in bf16, what
    else is whole in fp32.

    Raises OSError where it cannot be written.
    """
    low = {name + DOWN: tensor for name, tensor in adapter.down.items()}
    low |= {name + UP: tensor for name, tensor in adapter.up.items()}
    low |= {name: tensor for name, tensor in adapter.whole.items() if name.startswith(OUTLINES)}
    exact = {name: tensor for name, tensor in adapter.whole.items() if name not in low}
    plain = {name: tensor.detach().to("cpu", torch.bfloat16).contiguous() for name, tensor in low.items()}
    plain |= {name: tensor.detach().to("cpu", torch.float32).contiguous() for name, tensor in exact.items()}
    about = {"format": FORMAT, "version": VERSION, "base": adapter.base, "mark": adapter.mark}
    if adapter.outlines is not None:
        about["outlines"] = asdict(adapter.outlines)
    header = json.dumps({**about, "training": dict(adapter.training)})  # ASCII: a base's path may be no UTF-8
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / ADAPTER, lambda path: save_file(plain, path, {"argus": header}))
    return folder / ADAPTER


def read_adapter(path: Path) -> Adapter:
    """Read an adapter from its folder or file. Raises ValueError for what is none, is damaged, or lacks tensors."""
    file = path / ADAPTER if path.is_dir() else path
    if not file.is_file():
        raise ValueError(f"no adapter at {path}: expected a folder with {ADAPTER}, which argus finetune --lora writes")
    try:
        with safe_open(file, "pt") as opened:
            about = json.loads((opened.metadata() or {}).get("argus", "{}"))
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(f"{file} is not a readable adapter, or is cut short: {error}") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT or about.get("version") != VERSION:
        raise ValueError(f"{file} is no adapter of version {VERSION} that this Argus reads, or is a whole model's file")
    return _sorted(file, about, tensors)


def _sorted(file: Path, about: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Adapter:
    down = {name.removesuffix(DOWN): tensor for name, tensor in tensors.items() if name.endswith(DOWN)}
    up = {name.removesuffix(UP): tensor for name, tensor in tensors.items() if name.endswith(UP)}
    whole = {name: tensor for name, tensor in tensors.items() if not name.endswith((DOWN, UP))}
    lacking = sorted(
        {name + UP for name in down.keys() - up.keys()} | {name + DOWN for name in up.keys() - down.keys()}
    )
    if lacking or not tensors:
        raise ValueError(f"{file} lacks tensors: {lacking or 'it holds none'}; it was cut short, fine-tune again")
    bad = [name for name, tensor in tensors.items() if not bool(tensor.isfinite().all())]
    if bad:
        raise ValueError(f"{file} holds numbers that are not finite in {bad[:5]}; fine-tune again")
    sizes = about.get("outlines")
    return Adapter(
        base=str(about["base"]),
        mark=str(about["mark"]),
        down=down,
        up=up,
        whole=whole,
        outlines=None if sizes is None else read_part(OutlineConfig, sizes, "outlines", str(file)),
        training=about.get("training", {}),
    )


def split_source(source: str) -> tuple[str, Path] | None:
    """`base+adapter` as the two; None for a source that names no adapter (or exists by its whole name)."""
    if "+" not in source or os.path.exists(source):
        return None
    places = [place for place, letter in enumerate(source) if letter == "+" and 0 < place < len(source) - 1]
    known = [place for place in places if os.path.exists(source[place + 1 :])]
    if not places:
        raise ValueError(f"expected a model with an adapter as MODEL+FOLDER, such as nano+runs/nuclei, got {source!r}")
    place = (known or places)[0]
    return source[:place], Path(source[place + 1 :])


def apply_adapter(adapter: Adapter, tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """The tensors of the base called `name`, under our names, that the adapter changes, as it leaves them, and those
    that it brings along.

    Raises ValueError unless the adapter was made for these very weights.
    """
    brought = {n: tensor for n, tensor in adapter.whole.items() if n.startswith(OUTLINES)}
    if {n: tensor.shape for n, tensor in brought.items()} != _refiner_shapes(adapter.outlines):
        raise ValueError(f"the adapter for {adapter.base!r} holds no whole refiner of outlines; fine-tune again")
    changes = adapter.names - set(brought)
    unknown = sorted(changes - set(tensors))
    if unknown:
        raise ValueError(
            f"the adapter was made for {adapter.base!r}, not for {name!r}, which has no {', '.join(unknown[:5])}"
        )
    changed = {n: tensors[n] for n in changes}
    if not all(_fits(adapter, n, changed[n]) for n in changes) or (mark_of(changed) != adapter.mark):
        raise ValueError(
            f"the adapter was made for other weights than those of {name!r} (it was fine-tuned from {adapter.base!r}): "
            "load it over the weights it was fine-tuned from, or fine-tune again"
        )
    return brought | {n: adapter.merged(n, tensor) for n, tensor in changed.items()}


def _refiner_shapes(config: OutlineConfig | None) -> dict[str, torch.Size]:
    if config is None:
        return {}
    with torch.device("meta"):
        return {OUTLINES + n: tensor.shape for n, tensor in OutlineRefiner(config).state_dict().items()}


def _fits(adapter: Adapter, name: str, tensor: Tensor) -> bool:
    """Whether what changes a tensor is of its shape; of queries there may be more or fewer."""
    if name in adapter.whole:
        new = adapter.whole[name]
        return new.shape[1:] == tensor.shape[1:] and (new.shape == tensor.shape or name in _QUERY_TABLES)
    down, up = adapter.down[name], adapter.up[name]
    return down.ndim == up.ndim == 2 and (len(up), up.shape[1], down.shape[1]) == (
        len(tensor),
        len(down),
        tensor[0].numel(),
    )


def mark_of(tensors: Mapping[str, Tensor]) -> str:
    """A mark of weights: of the first numbers of each, rounded to bf16, so that a base has one whatever its format."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tuple(tensors[name].shape)}".encode())
        first = tensors[name].detach().flatten()[:SEEN].to("cpu", torch.bfloat16)
        digest.update(first.view(torch.int16).numpy().tobytes())
    return digest.hexdigest()[:32]
