"""Files of tensors, opened without reading them."""

import json
import math
import pickle
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

FLOATS = ("fp64", "fp32", "fp16", "bf16")  # number formats that a model can be read from

_SHORT = dict(zip(("F64", "F32", "F16", "BF16"), FLOATS, strict=True))
_TORCH = dict(zip((torch.float64, torch.float32, torch.float16, torch.bfloat16), FLOATS, strict=True))
_STORED = {short: dtype for short, name in _SHORT.items() for dtype, same in _TORCH.items() if same == name} | {
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
    "C64": torch.complex64,
}


@dataclass(frozen=True, kw_only=True)
class StoredTensor:
    """A tensor in a file: its shape and number format (fp32, bf16, ...), and how to read it."""

    shape: torch.Size
    dtype: str
    read: Callable[[], Tensor]


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises ValueError when there is none."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is not readable JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a JSON object, got {type(content).__name__}")
    return content


def shards(index: Path) -> list[Path]:
    """The files that an index names, there or not, beside it. Raises ValueError when it is no index."""
    names = read_json(index).get("weight_map")
    if not isinstance(names, dict) or not names or not all(isinstance(name, str) for name in names.values()):
        raise ValueError(f"{index}: expected a weight_map from tensors to files")
    return [index.parent / Path(name).name for name in sorted(set(names.values()))]


def open_safetensors(paths: Iterable[Path]) -> dict[str, StoredTensor]:
    """The tensors of a model in one or several `.safetensors` files. Raises ValueError for a file that is damaged."""
    stored: dict[str, StoredTensor] = {}
    for path in paths:
        try:
            with safe_open(path, "pt") as file:
                names = list(file.keys())
            stored |= _entries(path, names)
        except (SafetensorError, OSError) as error:
            raise ValueError(f"{path} is not a readable safetensors file, or is cut short: {error}") from error
    return stored


def _entries(path: Path, names: Iterable[str]) -> dict[str, StoredTensor]:
    """The tensors of a file whose header is known to be sound."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    return {name: _entry(path, 8 + length, header[name]) for name in names}


def _entry(path: Path, data: int, described: dict[str, Any]) -> StoredTensor:
    dtype, shape = str(described["dtype"]), torch.Size(described["shape"])
    offset = data + described["data_offsets"][0]
    return StoredTensor(
        shape=shape, dtype=_SHORT.get(dtype, dtype), read=lambda: _mapped(path, offset, shape, _STORED[dtype])
    )


def _mapped(path: Path, offset: int, shape: torch.Size, dtype: torch.dtype) -> Tensor:
    """A tensor in a mapping of its own: what is only read to be changed leaves memory at once."""
    size = math.prod(shape) * dtype.itemsize
    if not size:
        return torch.empty(shape, dtype=dtype)
    return torch.from_numpy(np.memmap(path, np.uint8, "c", offset, (size,))).view(dtype).view(shape)


def open_pickle(path: Path) -> dict[str, StoredTensor]:
    """The tensors of a PyTorch file, in a dictionary that may stand under `model`.

    Raises ValueError for a file that is damaged or holds anything else; nothing in the file is ever run.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path} is refused: it holds more than tensors, and might run code ({_first(error)})"
        ) from error
    except Exception as error:  # a damaged file can make the reader fail in any way
        raise ValueError(f"{path} is not a readable PyTorch file, or is cut short: {_first(error)}") from error
    if isinstance(content, dict) and isinstance(content.get("model"), dict):
        content = content["model"]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ValueError(
            f"{path}: expected a dictionary of tensors, as in Meta's sam3.pt, got {type(content).__name__}"
        )
    return {str(name): _in_memory(value) for name, value in content.items()}


def _in_memory(tensor: Tensor) -> StoredTensor:
    dtype = _TORCH.get(tensor.dtype, str(tensor.dtype).removeprefix("torch."))
    return StoredTensor(shape=tensor.shape, dtype=dtype, read=lambda: tensor.detach())


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
