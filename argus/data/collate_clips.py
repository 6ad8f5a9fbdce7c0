"""From clips and stills to a batch for the tracker: which objects are followed, and how each is first pointed out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int, UInt8
from torch import Tensor

from argus.data.clips import Clip
from argus.data.records import masks_to_boxes_xyxy_px

BOX, CLICK, MASK = range(3)  # how an object is first pointed out
_MIN_AREA = 60 / 420**2  # of the frame, that an object must show to be pointed out
_TRIES = 20


@dataclass(frozen=True, kw_only=True)
class First:
    """How N objects are first pointed out: `BOX`, `CLICK` or `MASK`; the box (0..1, as a user would draw it), the
    click (x, y in 0..1) and how many clicks follow that correct the answer."""

    kinds: Int[Tensor, " n"]
    boxes_xyxy_norm: Float[Tensor, "n 4"]
    clicks_xy_norm: Float[Tensor, "n 2"]
    corrections: Int[Tensor, " n"]

    def __len__(self) -> int:
        return len(self.kinds)

    def of(self, rows: Sequence[int]) -> First:
        """Some of the objects."""
        return First(**{field.name: getattr(self, field.name)[list(rows)] for field in fields(self)})

    def to(self, device: torch.device) -> First:
        return First(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


@dataclass(frozen=True, kw_only=True)
class Picks:
    """N objects in some images (`image` says in which), each to be picked."""

    image: Int[Tensor, " n"]
    masks: Bool[Tensor, "n h w"]
    first: First

    def to(self, device: torch.device) -> Picks:
        return Picks(image=self.image.to(device), masks=self.masks.to(device), first=self.first.to(device))


@dataclass(frozen=True, kw_only=True)
class Stills(Picks):
    """B images (RGB), and what is picked in them."""

    images: UInt8[Tensor, "b h w 3"]

    def to(self, device: torch.device) -> Stills:
        return Stills(images=self.images.to(device), **vars(super().to(device)))


@dataclass(frozen=True, kw_only=True)
class Followed:
    """T frames (RGB) and N objects to follow, in the order of `born`, the frames in which they are pointed out.

    `corrected` says in which frames a click corrects what was carried there. `ways_xy_norm` says for each cell of the
    grid of masks where (in 0..1) the frame before showed what it shows; NaN where it did not; None: unknown.
    """

    frames: UInt8[Tensor, "t h w 3"]
    masks: Bool[Tensor, "t n h w"]
    born: Int[Tensor, " n"]
    first: First
    corrected: Bool[Tensor, "t n"]
    ways_xy_norm: Float[Tensor, "t-1 gh gw 2"] | None

    def to(self, device: torch.device) -> Followed:
        ways = None if self.ways_xy_norm is None else self.ways_xy_norm.to(device)
        moved = {name: getattr(self, name).to(device) for name in ("frames", "masks", "born", "first", "corrected")}
        return Followed(**moved, ways_xy_norm=ways)


@dataclass(frozen=True, kw_only=True)
class ClipBatch:
    """Objects to pick in stills, and objects to follow in clips; all pictures are of one size."""

    stills: Stills
    clips: tuple[Followed, ...]

    def to(self, device: torch.device) -> ClipBatch:
        clips = tuple(clip.to(device) for clip in self.clips)
        return replace(self, stills=self.stills.to(device), clips=clips)


@dataclass(frozen=True, kw_only=True)
class FirstMix:
    """How objects are pointed out: the shares of boxes and of single clicks (the rest are masks), the errors of boxes
    (a normal error of each edge, up to `jitter` times the side), and how many clicks correct the answer at most.

    `corrected_clips` of the clips have up to `corrected_frames` frames in which objects are corrected by a click.
    """

    box: float
    click: float
    jitter: float = 0.08
    corrections: int = 2
    corrected_clips: float = 0.5
    corrected_frames: int = 2

    def __post_init__(self) -> None:
        if not 0 <= self.box + self.click <= 1:
            raise ValueError(f"box + click must lie in 0..1, got {self.box} + {self.click}")


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """A part of the curriculum: until batch number `until`, `stills` pictures of which `picked` objects each at most
    are picked, and `clips` clips of which `followed` objects each at most are followed."""

    until: int
    stills: int
    clips: int
    still: Callable[[int], Clip]
    clip: Callable[[int], Clip]
    picked: int = 4
    followed: int = 4


@dataclass(frozen=True, kw_only=True)
class ClipBatches:
    """The n-th batch of a curriculum; past its end the last lesson goes on. `mask_cells` is what a cell of the grid of
    masks has as its side in pixels. Seeds stay below `seeds`."""

    lessons: tuple[Lesson, ...]
    pick_mix: FirstMix
    clip_mix: FirstMix
    mask_cells: float
    seeds: int
    seed: int = 0

    def __call__(self, index: int) -> ClipBatch:
        lesson = next((lesson for lesson in self.lessons if index < lesson.until), self.lessons[-1])
        rng = np.random.default_rng([self.seed, index])
        stills = [self._made(lesson.still, rng) for _ in range(lesson.stills)]
        clips = [self._made(lesson.clip, rng) for _ in range(lesson.clips)]
        return ClipBatch(
            stills=collate_stills(stills, lesson.picked, self.pick_mix, rng),
            clips=tuple(follow(clip, lesson.followed, self.clip_mix, self.mask_cells, rng) for clip in clips),
        )

    def _made(self, make: Callable[[int], Clip], rng: np.random.Generator) -> Clip:
        """A clip with an object that can be pointed out in it, and not in its last frame only."""
        for _ in range(_TRIES):
            clip = make(int(rng.integers(self.seeds)))
            shown = _shown(clip.masks)[: max(len(clip.frames) - 1, 1)]
            if shown.any():
                return clip
        raise ValueError(f"made {_TRIES} clips, none of which shows an object; expected easier clips")


def collate_stills(stills: Sequence[Clip], most: int, mix: FirstMix, rng: np.random.Generator) -> Stills:
    """Objects of clips of one frame, at most `most` of each."""
    return Stills(
        images=torch.from_numpy(np.concatenate([still.frames for still in stills])),
        **vars(choose_picks([still.masks[0] for still in stills], most, mix, rng)),
    )


def choose_picks(
    images: Sequence[Bool[np.ndarray, "_ h w"]], most: int, mix: FirstMix, rng: np.random.Generator
) -> Picks:
    """At most `most` of the objects of each image, given by their masks, that show enough to be pointed out."""
    chosen = [masks[rng.permutation(_shown(masks[None])[0].nonzero()[0])[:most]] for masks in images]
    masks = np.concatenate(chosen)
    return Picks(
        image=torch.from_numpy(np.repeat(np.arange(len(images)), [len(of) for of in chosen])),
        masks=torch.from_numpy(masks),
        first=point_out(masks, mix, rng),
    )


def follow(clip: Clip, most: int, mix: FirstMix, mask_cells: float, rng: np.random.Generator) -> Followed:
    """At most `most` objects of a clip, each pointed out where it is first seen well."""
    shown = _shown(clip.masks)
    frames = len(shown)
    born = np.where(shown.any(0), shown.argmax(0), frames)
    rows = rng.permutation((born < max(frames - 1, 1)).nonzero()[0])[:most]
    rows = rows[np.argsort(born[rows], kind="stable")]
    born, masks = born[rows], clip.masks[:, rows]
    return Followed(
        frames=torch.from_numpy(clip.frames),
        masks=torch.from_numpy(masks),
        born=torch.from_numpy(born),
        first=point_out(masks[born, np.arange(len(rows))], mix, rng),
        corrected=torch.from_numpy(_corrected(masks, born, mix, rng)),
        ways_xy_norm=None if clip.flow is None else torch.from_numpy(ways_to_cells(clip.flow, mask_cells)),
    )


def point_out(masks: Bool[np.ndarray, "n h w"], mix: FirstMix, rng: np.random.Generator) -> First:
    """Boxes, clicks and kinds for objects, none of which is empty."""
    count, (height, width) = len(masks), masks.shape[1:]
    scale = np.array([width, height], np.float32)
    draw = rng.random(count)
    kinds = np.where(draw < mix.box, BOX, np.where(draw < mix.box + mix.click, CLICK, MASK))
    boxes = masks_to_boxes_xyxy_px(masks).reshape(-1, 2, 2)
    error = rng.normal(0, 1, boxes.shape) * rng.uniform(0, mix.jitter, (count, 1, 1))
    boxes = (boxes + error * (boxes[:, 1:] - boxes[:, :1])).clip(0, scale) + 0.5  # half a pixel, as in inference
    clicks = np.array([_click(mask, rng) for mask in masks], np.float32).reshape(-1, 2) + 0.5
    return First(
        kinds=torch.from_numpy(kinds),
        boxes_xyxy_norm=torch.from_numpy((boxes / scale).reshape(-1, 4).astype(np.float32)),
        clicks_xy_norm=torch.from_numpy(clicks / scale),
        corrections=torch.from_numpy(rng.integers(0, mix.corrections + 1, count)),
    )


def ways_to_cells(flow: Float32[np.ndarray, "s h w 2"], cell: float) -> Float32[np.ndarray, "s gh gw 2"]:
    """Known motion (pixels) at the centres of cells of `cell` pixels, as places in 0..1 of the frame before."""
    height, width = flow.shape[1:3]
    y, x = ((np.arange(round(side / cell)) + 0.5) * cell - 0.5 for side in (height, width))
    places = np.stack(np.meshgrid(x, y), -1).astype(np.float32)  # (gh, gw, 2)
    moved = flow[:, np.rint(y).astype(int)[:, None], np.rint(x).astype(int)[None]] + places
    return (moved + np.float32(0.5)) / np.array([width, height], np.float32)


def _shown(masks: Bool[np.ndarray, "t n h w"]) -> Bool[np.ndarray, "t n"]:
    return np.asarray(masks.mean((2, 3)) >= _MIN_AREA)


def _corrected(
    masks: Bool[np.ndarray, "t n h w"], born: Int[np.ndarray, " n"], mix: FirstMix, rng: np.random.Generator
) -> Bool[np.ndarray, "t n"]:
    """Some later frames of some clips, in which a good half of the objects that are seen there are corrected."""
    corrected = np.zeros(masks.shape[:2], bool)
    if len(masks) > 1 and rng.random() < mix.corrected_clips:
        count = int(rng.integers(1, mix.corrected_frames + 1))
        corrected[1 + rng.permutation(len(masks) - 1)[:count]] = True
    seen = masks.any((2, 3)) & (np.arange(len(masks))[:, None] > born)
    return corrected & seen & (rng.random(corrected.shape) < 0.6)


def _click(mask: Bool[np.ndarray, "h w"], rng: np.random.Generator) -> tuple[int, int]:
    """A pixel of a mask: half the time any, else one that lies deep in it."""
    ys, xs = mask.nonzero()
    if rng.random() < 0.5:
        top, left = ys.min(), xs.min()
        window = np.pad(mask[top : ys.max() + 1, left : xs.max() + 1], 1).astype(np.uint8)
        depth = cv2.distanceTransform(window, cv2.DIST_L2, 3)[1:-1, 1:-1]
        ys, xs = (depth >= 0.7 * depth.max()).nonzero()
        ys, xs = ys + top, xs + left
    index = int(rng.integers(len(ys)))
    return int(xs[index]), int(ys[index])
