"""Our own layout: a folder of config.json, tokenizer.json and model.safetensors."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from argus.checkpoint.adapter import rule
from argus.model.cutter import CutterConfig
from argus.model.detector import DetectorConfig
from argus.model.namer import NamerConfig
from argus.model.outline_refiner import OutlineConfig
from argus.model.sam3 import Sam3Config
from argus.model.text_encoder import TextConfig
from argus.model.tracker import TrackerConfig
from argus.model.vision_encoder import VisionConfig

FORMAT, VERSION = "argus", 1
RULES = (rule("**", "**"),)  # names are ours, the unused ones too

_KEYS = {"format", "version", "vision"}
_FREE_KEYS = {"training", "huggingface"}
_PARTS = {
    "vision": VisionConfig,
    "text": TextConfig,
    "detector": DetectorConfig,
    "tracker": TrackerConfig,
    "outlines": OutlineConfig,
    "namer": NamerConfig,
    "cutter": CutterConfig,
}


def read_config(config: Mapping[str, Any]) -> Sam3Config:
    """Sizes from our config.json. Raises ValueError for another version and for unknown, missing or wrong keys."""
    if config.get("version") != VERSION:
        raise ValueError(
            f"config.json is of version {config.get('version')!r}; this Argus reads {VERSION}: update Argus"
        )
    required = _KEYS if "tracker" in config and "detector" not in config else {*_KEYS, "text", "detector"}
    _check_keys(config, required, {*_KEYS, *_FREE_KEYS, *_PARTS}, "config.json")
    for key in _FREE_KEYS & set(config):
        if not isinstance(config[key], dict):
            raise ValueError(f"config.json: expected an object as {key}, got {config[key]!r}")
    sizes: dict[str, Any] = {
        name: read_part(part, config[name], name) if name in config else None for name, part in _PARTS.items()
    }
    return Sam3Config(**sizes)


def write_config(config: Sam3Config, training: Mapping[str, Any], huggingface: Mapping[str, Any]) -> dict[str, Any]:
    """Our config.json: the sizes, what is known of the training, and the Hugging Face configuration it came with."""
    sizes: dict[str, Any] = {
        name: {key: value for key, value in part.items() if value is not None}
        for name, part in dataclasses.asdict(config).items()
        if part is not None
    }
    written = {"format": FORMAT, "version": VERSION, **sizes}
    written |= {"training": dict(training)} if training else {}
    return written | ({"huggingface": dict(huggingface)} if huggingface else {})


def read_part(part: Any, values: Any, name: str, file: str = "config.json") -> Any:
    """One section of a file as its dataclass `part`. Raises ValueError for unknown, missing or wrong keys."""
    if not isinstance(values, dict):
        raise ValueError(f"{file}: expected an object as {name}, got {values!r}")
    known = {field.name: field for field in dataclasses.fields(part)}
    required = {key for key, field in known.items() if field.default not in (None, False)}  # not what came later
    _check_keys(values, required, set(known), f"{file}, {name}")
    return part(**{key: _read_value(known[key], value, f"{name}.{key}", file) for key, value in values.items()})


def _read_value(field: "dataclasses.Field[Any]", value: Any, name: str, file: str) -> Any:
    """A number, a tuple of numbers or a switch, as the published value is, or a fraction."""
    example = field.default
    if field.type == float | None:
        return value  # a fraction, which the dataclass checks
    if isinstance(example, bool):
        if type(value) is not bool:
            raise ValueError(f"{file}: expected true or false as {name}, got {value!r}")
        return value
    several = isinstance(example, tuple)
    numbers = value if several and isinstance(value, list) else [value if not several else None]
    if any(type(number) is not int or number < (0 if several else 1) for number in numbers):
        expected = "a list of whole numbers" if several else "a whole number above 0"
        raise ValueError(f"{file}: expected {expected} as {name}, such as {example!r}; got {value!r}")
    return tuple(numbers) if several else value


def _check_keys(values: Mapping[str, Any], required: set[str], known: set[str], where: str) -> None:
    missing, unknown = sorted(required - set(values)), sorted(set(values) - known)
    if missing or unknown:
        raise ValueError(f"{where}: missing keys {missing}, unknown keys {unknown}; expected {sorted(known)}")
