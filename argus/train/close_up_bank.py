"""Close-ups of the objects of many scenes, made once: batches of objects from as many scenes teach several times as
much as those of few scenes, and a scene takes longer to make than a close-up to learn from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64, UInt8

from argus.data.records import Sample, masks_to_boxes_xyxy_px
from argus.data.sources.scenes import SceneConfig, scene
from argus.ops.closeups import cut_out, square_around
from argus.ops.files import replace_file
from argus.ops.pixels import to_model_input

SIDE, REACH = 80, 1.6  # of what is kept: larger and with more around than what is shown of it
VIEWS, DONE = "views.u8", "things.npz"
GROUND = -1  # the concept of what is no object
LEAST_PX = 30  # pixels of an object that can be named
TRIES = 8  # for a place that objects leave free
PART = (0.08, 0.35)  # shares of an object that are shown as a part of it, which no phrase names


@dataclass(frozen=True, kw_only=True)
class Bank:
    """N close-ups (three colours and the mask's share), each of a scene: their extents, concepts (rows, `GROUND` for
    what is none) and numbers (of the object in its scene); for each scene its phrases, with the objects they name."""

    views: UInt8[np.ndarray, "n s s 4"]
    extents: Float32[np.ndarray, " n"]
    concepts: Int64[np.ndarray, " n"]
    numbers: Int64[np.ndarray, " n"]
    scenes: Int64[np.ndarray, " n"]
    asked: tuple[tuple[tuple[str, frozenset[int]], ...], ...]

    def __len__(self) -> int:
        return len(self.views)


def bank_of(
    folder: Path,
    scenes: SceneConfig,
    concepts: Sequence[str],
    count: int,
    seed: int,
    make: Callable[[SceneConfig, int], Sample] = scene,
) -> Bank:
    """The bank in `folder`, whose views stay on disk; where there is none yet, one of `count` scenes is made.

    Raises ValueError for a bank of other concepts or of another number of scenes.
    """
    if not (folder / DONE).exists():
        _make(folder, (make(scenes, seed + number) for number in range(count)), concepts)
    with np.load(folder / DONE) as things:
        asked = json.loads(str(things["asked"]))
        kept = {name: things[name] for name in ("extents", "concepts", "numbers", "scenes")}
        of = json.loads(str(things["of"]))
    if len(asked) != count or of != list(concepts):
        raise ValueError(
            f"expected close-ups of {count} scenes of {len(concepts)} concepts in {folder}, got {len(asked)} of "
            f"{len(of)} or of others: remove that folder, and they are made anew"
        )
    return Bank(
        views=np.memmap(folder / VIEWS, np.uint8, "r").reshape(-1, SIDE, SIDE, 4),
        asked=tuple(tuple((text, frozenset(named)) for text, named in phrases) for phrases in asked),
        **kept,
    )


def _make(folder: Path, samples: Iterable[Sample], concepts: Sequence[str]) -> None:
    """Write the views scene by scene, as there may be more than memory holds, and then what they show."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = {concept: row for row, concept in enumerate(concepts)}
    seen: list[_Seen] = []

    def write(path: Path) -> None:
        seen.clear()
        with path.open("wb") as file:
            for number, sample in enumerate(samples):
                one, views = _of_scene(sample, np.random.default_rng(number))
                file.write(views.tobytes())
                seen.append(one)

    replace_file(folder / VIEWS, write)
    things = {
        "extents": np.concatenate([one.extents for one in seen]),
        "concepts": np.array([rows.get(concept, GROUND) for one in seen for concept in one.concepts], np.int64),
        "numbers": np.concatenate([one.numbers for one in seen]),
        "scenes": np.repeat(np.arange(len(seen)), [len(one.numbers) for one in seen]),
        "asked": np.array(json.dumps([one.asked for one in seen])),
        "of": np.array(json.dumps(list(concepts))),
    }

    def write_things(path: Path) -> None:
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **things)

    replace_file(folder / DONE, write_things)


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What one scene gives."""

    extents: Float32[np.ndarray, " n"]
    concepts: tuple[str, ...]
    numbers: Int64[np.ndarray, " n"]
    asked: list[tuple[str, tuple[int, ...]]]


def _of_scene(sample: Sample, rng: np.random.Generator) -> tuple[_Seen, UInt8[np.ndarray, "n s s 4"]]:
    """All objects of a scene, and what no phrase names: a piece of its ground, and a part of one of the objects."""
    shown = [number for number, mask in enumerate(sample.masks) if mask.sum() >= LEAST_PX]
    bare, place = _ground(sample, rng)
    parts = _part(sample, shown, rng)
    masks = np.concatenate((sample.masks[shown], bare[None], parts))
    boxes = np.concatenate((sample.boxes_xyxy_px[shown], place[None], masks_to_boxes_xyxy_px(parts)))
    height, width = masks.shape[1:]
    sides = (boxes[:, 2:] - boxes[:, :2]) / (width, height)
    views = np.stack([_view(sample.image, mask, box) for mask, box in zip(masks, boxes, strict=True)])
    seen = _Seen(
        extents=np.sqrt(sides.prod(1)).astype(np.float32),
        concepts=(*(sample.concepts[number] for number in shown), *[""] * (1 + len(parts))),
        numbers=np.array([*shown, *[len(sample.masks)] * (1 + len(parts))], np.int64),
        asked=[(query.text, query.instances) for query in sample.queries],
    )
    return seen, views


def _ground(sample: Sample, rng: np.random.Generator) -> tuple[Bool[np.ndarray, "h w"], Float32[np.ndarray, "4"]]:
    """The free pixels of the ellipse in a box, of some tries the one that objects cover least."""
    size_wh = np.array(sample.masks.shape[:0:-1])
    bare = ~np.asarray(sample.masks.any(0))
    best, most = np.zeros(4, np.int64), -1.0
    for _ in range(TRIES):
        sides = np.maximum(np.exp(rng.uniform(np.log(0.08), np.log(0.5), 2)) * size_wh, 1).astype(np.int64)
        start = rng.integers(0, size_wh - sides + 1)
        free = float(bare[start[1] : start[1] + sides[1], start[0] : start[0] + sides[0]].mean())
        if free > most:
            best, most = np.concatenate((start, start + sides)), free
    middle, radii = (best[:2] + best[2:] - 1) / 2, (best[2:] - best[:2]) / 2
    y, x = np.ogrid[: bare.shape[0], : bare.shape[1]]
    inside = ((x - middle[0]) / radii[0]) ** 2 + ((y - middle[1]) / radii[1]) ** 2 <= 1
    return inside & bare, best.astype(np.float32)


def _part(sample: Sample, shown: list[int], rng: np.random.Generator) -> Bool[np.ndarray, "p h w"]:
    """What lies beyond a line through one of the objects `shown`; nothing where that is too small to have parts."""
    none = sample.masks[:0]
    if not shown:
        return none
    y, x = np.nonzero(sample.masks[rng.choice(shown)])
    if len(y) * PART[0] < LEAST_PX:
        return none
    angle = rng.uniform(0, 2 * np.pi)
    along = x * np.cos(angle) + y * np.sin(angle)
    beyond = along > np.quantile(along, 1 - rng.uniform(*PART))
    part = np.zeros((1, *sample.masks.shape[1:]), bool)
    part[0, y[beyond], x[beyond]] = True
    return part


def _view(
    image: UInt8[np.ndarray, "h w 3"], mask: Bool[np.ndarray, "h w"], box: Float32[np.ndarray, "4"]
) -> UInt8[np.ndarray, "s s 4"]:
    square = square_around(box, REACH)
    layers = (cut_out(image, square), cut_out(np.repeat(mask[..., None], 3, 2).astype(np.uint8) * 255, square, 0))
    colours, share = (((to_model_input(layer, (SIDE, SIDE)) + 1) * 127.5).round().to(torch.uint8) for layer in layers)
    return torch.cat((colours, share[:1])).permute(1, 2, 0).contiguous().numpy()
