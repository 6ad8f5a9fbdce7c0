"""Files of tensors, opened without reading them."""

import pickle
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

FLOATS = ("fp64", "fp32", "fp16", "bf16")  # number formats that a model can be read from

_SHORT = dict(zip(("F64", "F32", "F16", "BF16"), FLOATS, strict=True))
_TORCH = dict(zip((torch.float64, torch.float32, torch.float16, torch.bfloat16), FLOATS, strict=True))


@dataclass(frozen=True, kw_only=True)
class StoredTensor:
    """A tensor in a file: its shape and number format (fp32, bf16, ...), and how to read it."""

    shape: torch.Size
    dtype: str
    read: Callable[[], Tensor]


def open_safetensors(paths: Iterable[Path]) -> dict[str, StoredTensor]:
    """The tensors of a model in one or several `.safetensors` files. Raises ValueError for a file that is damaged."""
    stored: dict[str, StoredTensor] = {}
    for path in paths:
        try:
            file = safe_open(path, "pt")
            stored |= {name: _from_safetensors(file, name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
        except (SafetensorError, OSError) as error:
            raise ValueError(f"{path} is not a readable safetensors file, or is cut short: {error}") from error
    return stored


def _from_safetensors(file: Any, name: str) -> StoredTensor:
    header = file.get_slice(name)
    dtype = header.get_dtype()
    return StoredTensor(
        shape=torch.Size(header.get_shape()), dtype=_SHORT.get(dtype, dtype), read=lambda: file.get_tensor(name)
    )


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
