"""Where a model is, in what layout, and of what sizes: found out before any weight is read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from os import PathLike
from pathlib import Path
from typing import Any

from argus.checkpoint import hub, huggingface, huggingface_config, meta, native
from argus.checkpoint.adapter import Rule
from argus.checkpoint.hub import CONFIG, INDEX, WEIGHTS
from argus.checkpoint.lora import ADAPTER, Adapter, read_adapter, split_source
from argus.checkpoint.tensors import StoredTensor, open_pickle, open_safetensors, read_json, shards
from argus.model.presets import sam3
from argus.model.sam3 import Sam3Config

NANO = Path(__file__).parents[1] / "weights" / "nano"
TOKENIZER = "tokenizer.json"

_TOKENIZERS = (TOKENIZER, "merges.txt", "bpe_simple_vocab_16e6.txt.gz", "bpe_simple_vocab_16e6.txt")
_PICKLES = (".pt", ".pth")


class Layout(Enum):
    """The families of names that a file can hold."""

    ARGUS = "Argus"
    HUGGINGFACE = "Hugging Face (Sam3Model)"
    HUGGINGFACE_VIDEO = "Hugging Face (Sam3VideoModel)"
    META = "Meta (sam3.pt)"

    @property
    def rules(self) -> tuple[Rule, ...]:
        return _RULES[self]


_RULES = {
    Layout.ARGUS: native.RULES,
    Layout.HUGGINGFACE: huggingface.RULES,
    Layout.HUGGINGFACE_VIDEO: huggingface.VIDEO_RULES,
    Layout.META: meta.RULES,
}

_MARKS = {  # names that only one layout begins with
    Layout.HUGGINGFACE_VIDEO: huggingface.WITHIN_VIDEO,
    Layout.HUGGINGFACE: "vision_encoder.",
    Layout.META: "detector.backbone.",
    Layout.ARGUS: "vision.",
}

_TRACKERS = ("tracker.", huggingface.TRACKER)


@dataclass(frozen=True, kw_only=True)
class Source:
    """A model that was found. `config_json` is empty where there is none, and the sizes are the published ones.

    `prefixed` says that the file's names have prefixes that the published ones, and those in `stored`, have not.
    `config` and `stored` are those of the base where there is an `adapter`.
    """

    name: str
    layout: Layout
    config: Sam3Config
    config_json: Mapping[str, Any]
    stored: Mapping[str, StoredTensor]
    tokenizer: Path | None
    prefixed: bool = False
    adapter: Adapter | None = None

    @property
    def advice(self) -> str:
        """Where the sizes come from: what to look at when the tensors do not fit."""
        if self.config_json:
            return "the sizes are those of the config.json beside it"
        return "without a config.json beside it the published sizes of SAM 3 are expected"


def find(source: str | PathLike[str]) -> Source:
    """Find a model: "nano", a folder, a `.safetensors` or `.pt` file, or a hub id; with an adapter, `base+folder`.

    Raises ValueError when there is none, when a file is missing or damaged, and when the sizes cannot be told.
    """
    if not isinstance(source, (str, PathLike)):
        raise ValueError(f"expected 'nano', a path or a hub id as the source of a model, got {source!r:.80}")
    if source == "nano":
        return _at(NANO, "nano")
    parts = split_source(str(source))
    if parts is not None:
        return replace(find(parts[0]), name=str(source), adapter=read_adapter(parts[1]))
    path, name = Path(source), str(source)
    if _exists(path):
        return _at(path, name)
    if hub.is_hub_id(name) and path.suffix not in (".safetensors", *_PICKLES):
        return _at(hub.fetch(name), name)
    raise ValueError(
        f"no model at {name!r}: expected 'nano', a folder, a .safetensors or .pt file, or a hub id like facebook/sam3"
    )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # longer than a name may be
        return False


def _at(path: Path, name: str) -> Source:
    """The model in a folder or file that exists."""
    files = _weights(path) if path.is_dir() or not path.exists() else [path]
    folder = files[0].parent
    opened = _open(files)
    stored = {huggingface.published(name): tensor for name, tensor in opened.items()}
    layout = _layout(stored, name)
    config_json = _config_json(folder / CONFIG)
    if not config_json and layout is not Layout.META and path.is_dir():
        raise ValueError(f"{name} has weights but no {CONFIG}, which says their sizes")
    return Source(
        name=name,
        layout=layout,
        config=_sizes(config_json, layout, name, stored),
        config_json=config_json,
        stored=stored,
        tokenizer=find_tokenizer(folder),
        prefixed=set(stored) != set(opened),
    )


def find_tokenizer(folder: Path) -> Path | None:
    """The file in a folder that a tokenizer can be read from."""
    return next((folder / name for name in _TOKENIZERS if (folder / name).is_file()), None)


def _weights(folder: Path) -> list[Path]:
    """The files of weights in a folder."""
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / INDEX).is_file():
        return _shards(folder)
    if (folder / ADAPTER).is_file():
        raise ValueError(f"{folder} holds an adapter, not a model: name its base too, as in nano+{folder}")
    others = sorted(path for path in folder.glob("*") if path.suffix in (".safetensors", *_PICKLES))
    if len(others) == 1:
        return others
    found = sorted(path.name for path in folder.glob("*"))
    raise ValueError(
        f"{folder} holds no model: expected {WEIGHTS}, {INDEX} or one .pt file, found {found or 'nothing'}"
    )


def _shards(folder: Path) -> list[Path]:
    paths = shards(folder / INDEX)
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise ValueError(
            f"{folder} lacks files that its {INDEX} names: {missing}; download them (a hub id does so when online)"
        )
    return paths


def _open(files: list[Path]) -> dict[str, StoredTensor]:
    suffix = files[0].suffix
    if suffix == ".safetensors":
        return open_safetensors(files)
    if suffix in _PICKLES:
        return open_pickle(files[0])
    raise ValueError(f"{files[0]} is no file of weights: expected .safetensors or .pt")


def _layout(names: Iterable[str], name: str) -> Layout:
    names = list(names)
    for layout, mark in _MARKS.items():
        if any(tensor.startswith(mark) for tensor in names):
            return layout
    raise ValueError(
        f"{name} holds no SAM 3: its tensors have names of no layout that Argus knows, such as {names[:3]}"
    )


def _config_json(path: Path) -> dict[str, Any]:
    return read_json(path) if path.is_file() else {}


def _sizes(config_json: Mapping[str, Any], layout: Layout, name: str, stored: Iterable[str]) -> Sam3Config:
    has_tracker = any(tensor.startswith(_TRACKERS) for tensor in stored)
    if config_json.get("format") == native.FORMAT:
        return native.read_config(config_json)
    if config_json.get("model_type") in huggingface_config.KINDS:
        config = huggingface_config.read_config(config_json)
        return config if has_tracker else replace(config, tracker=None)
    if config_json and layout is not Layout.META:
        raise ValueError(f"the {CONFIG} of {name} is not of a SAM 3: expected format 'argus' or model_type 'sam3'")
    return sam3() if has_tracker else replace(sam3(), tracker=None)
