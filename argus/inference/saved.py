"""A video session as a file: all of its state but the video itself, in PyTorch's format of plain values and tensors."""

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from argus.inference.association import Track
from argus.inference.follow import Asked, Concept, Followed
from argus.inference.history import History
from argus.inference.session_state import Shown, Span, State, Waiting
from argus.inference.sources import Video
from argus.model.memory_bank import MemoryBank, Remembered
from argus.ops.rle import Rle

FORMAT = "argus video session 2"


def write(path: Path, video: Video, state: State, history: History) -> None:
    """Write a session; the file is complete or not there."""
    looks: dict[int, Tensor] = {}
    values = {
        "format": FORMAT,
        "video": {"size_hw": video.size_hw, "frames": video.frames},
        "concepts": [asdict(concept) for concept in state.concepts.values()],
        "objects": [_object(one, looks) for one in state.objects],
        "plan": [asdict(span) for span in state.plan],
        "waiting": [(w.frame.index, [_shown(one) for one in w.shown]) for w in state.waiting],
        "history": [(frame, _masks(masks)) for frame, masks in history.masks.items()],
        "last_seen": history.last_seen,
        "counts": {name: getattr(state, name) for name in ("next_id", "dropped", "frame", "reverse", "direction")},
        "exited": sorted(state.exited),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        torch.save(values, part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)  # of a full disc, where nothing came of it


def read(path: Path, video: Video, device: torch.device, history: History) -> State:
    """The state of a saved session of this video; masks of the frames that were done go into `history`.

    Raises ValueError for a file that is no session, and for one of a video of another size or length.
    """
    values = _values(path)
    came, expected = (video.size_hw, video.frames), (values["video"]["size_hw"], values["video"]["frames"])
    if came != (tuple(expected[0]), expected[1]):
        raise ValueError(
            f"Expected the video of the session {path}, of {expected[1]} frames of {expected[0]} (height, width), got "
            f"{video.name} of {came[1]} frames of {came[0]}."
        )
    for frame, masks in values["history"]:
        history.append(frame, {id: _rle(mask) for id, mask in masks.items()}, [])
    history.last_seen = dict(values["last_seen"])
    state = State(**values["counts"])
    state.concepts = {concept["id"]: Concept(**concept) for concept in values["concepts"]}
    looks: dict[int, Tensor] = {}
    state.objects = tuple(_followed(one, device, looks) for one in values["objects"])
    state.plan = tuple(Span(**span) for span in values["plan"])
    state.exited = set(values["exited"])
    for index, shown in values["waiting"]:
        frame = next(iter(video.read(index, index + 1)))
        state.waiting.append(Waiting(frame=frame, shown=tuple(Shown(**{**s, "rle": _rle(s["rle"])}) for s in shown)))
    return state


def _values(path: Path) -> dict[str, Any]:
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ValueError(f"Expected a saved session at {path}, got nothing: there is no such file.") from None
    except Exception as error:  # whatever an unpickler meets in a file of another kind
        raise ValueError(f"Expected a saved session, got {path}, which cannot be read: {error}") from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ValueError(f"Expected a saved session of this version of Argus ({FORMAT}), got another file: {path}.")
    return values


def _object(one: Followed, looks: dict[int, Tensor]) -> dict[str, Any]:
    return {
        "track": {**asdict(one.track), "shared": dict(one.track.shared)},
        "name": one.name,
        "born": one.born,
        "prompted": {frame: _entry(entry, looks) for frame, entry in one.bank.prompted.items()},
        "tracked": {frame: _entry(entry, looks) for frame, entry in one.bank.tracked.items()},
        "asked": {frame: _asked(asked) for frame, asked in one.asked.items()},
    }


def _followed(values: Mapping[str, Any], device: torch.device, looks: dict[int, Tensor]) -> Followed:
    def entry(saved: Mapping[str, Any]) -> Remembered:
        moved: dict[str, Any] = {
            name: value.to(device) if isinstance(value, Tensor) else value for name, value in saved.items()
        }
        if (look := saved["appearance"]) is not None:
            moved["appearance"] = looks.setdefault(id(look), moved["appearance"])
        return Remembered(**moved)

    def entries(name: str) -> dict[int, Remembered]:
        return {frame: entry(saved) for frame, saved in values[name].items()}

    return Followed(
        track=Track(**values["track"]),
        name=values["name"],
        born=values["born"],
        bank=MemoryBank(prompted=entries("prompted"), tracked=entries("tracked")),
        asked={frame: _as_asked(asked) for frame, asked in values["asked"].items()},
    )


def _entry(entry: Remembered, looks: dict[int, Tensor]) -> dict[str, Any]:
    """Values of their own: a row of a batch would be written with all of it. What a frame looks like is one for all
    objects, here (`looks`, by identity) and in the file."""
    values = {name: value.clone().cpu() if isinstance(value, Tensor) else value for name, value in vars(entry).items()}
    if entry.appearance is not None:
        values["appearance"] = looks.setdefault(id(entry.appearance), values["appearance"])
    return values


def _asked(asked: Asked) -> dict[str, Any]:
    return {**vars(asked), "mask": None if asked.mask is None else _rle_values(asked.mask)}


def _as_asked(values: Mapping[str, Any]) -> Asked:
    return Asked(**{**values, "mask": None if values["mask"] is None else _rle(values["mask"])})


def _shown(one: Shown) -> dict[str, Any]:
    return {**vars(one), "rle": _rle_values(one.rle)}


def _masks(masks: Mapping[int, Rle]) -> dict[int, Any]:
    return {id: _rle_values(mask) for id, mask in masks.items()}


def _rle_values(mask: Rle) -> tuple[tuple[int, int], str]:
    return mask.size_hw, mask.counts.decode("ascii")


def _rle(values: tuple[tuple[int, int], str]) -> Rle:
    (height, width), counts = values
    return Rle(size_hw=(height, width), counts=counts.encode("ascii"))
