"""Whole photos whose licence allows training, with outlined objects: as stills, and as clips of a moving camera."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, Int, UInt8
from PIL import Image

from argus.data.clips import Clip
from argus.data.sources.scenes.bank import decode_webp, encode_webp
from argus.data.sources.scenes.config import ClipConfig
from argus.data.sources.scenes.film import look
from argus.data.sources.scenes.motion import Matrix
from argus.ops import rle
from argus.ops.rle import Rle

MOST_OBJECTS = 8
_FILE = "whole-photos.npz"
_MIN_AREA = 100 / 420**2  # of the frame: of smaller objects too little is left
_FLIP, _BEND = 0.5, 0.5  # shares of clips that are mirrored, and whose picture bends as it moves
_CLOSE = 0.8  # share of stills that are a close-up of an object
_CLOSE_AREA_PX = 400  # in the photo, of objects that close-ups are made of: smaller ones have no edges to learn
_IN_CLOSE_UP = 2  # objects of a close-up: the one it is of, and another that it happens to show
Place: TypeAlias = Float[np.ndarray, "2"]  # x, y in pixels of the photo


@dataclass(frozen=True, kw_only=True)
class Photo:
    """A photo and the outlines of objects in it, which may overlap a little."""

    image: UInt8[np.ndarray, "h w 3"]
    rles: tuple[Rle, ...]


def prepare_whole_photos(annotations: Path, images_folder: Path, cache_folder: Path) -> int:
    """Keep the photos that COCO instances JSON marks `"free_to_train": true`, with all their objects but crowds, in
    `cache_folder`; returns their number."""
    document = json.loads(Path(annotations).read_text(encoding="utf-8"))
    found: dict[int, list[Rle]] = {image["id"]: [] for image in document["images"] if image.get("free_to_train", False)}
    sizes = {image["id"]: (image["height"], image["width"]) for image in document["images"]}
    for annotation in document["annotations"]:
        index = annotation["image_id"]
        if index in found and not annotation.get("iscrowd"):
            found[index].append(rle.from_coco(annotation["segmentation"], sizes[index]))
    names = {image["id"]: image["file_name"] for image in document["images"]}
    photos = (
        Photo(image=np.asarray(Image.open(Path(images_folder) / names[index]).convert("RGB")), rles=tuple(rles))
        for index, rles in found.items()
        if rles
    )
    return write_photos(photos, cache_folder)


def write_photos(photos: Iterable[Photo], cache_folder: Path) -> int:
    """Pack photos for `has_photos` and `photo_clip`; returns their number."""
    blobs, outlines = [], []
    for photo in photos:
        blobs.append(encode_webp(photo.image))
        outlines.append([(one.size_hw, one.counts.decode("ascii")) for one in photo.rles])
    Path(cache_folder).mkdir(parents=True, exist_ok=True)
    np.savez(
        Path(cache_folder) / _FILE,
        blob=np.frombuffer(b"".join(blobs), np.uint8),
        ends=np.cumsum([len(blob) for blob in blobs]),
        outlines=np.array(json.dumps(outlines)),
    )
    return len(blobs)


def has_photos(cache_folder: Path) -> bool:
    """Whether whole photos were prepared there."""
    return (Path(cache_folder) / _FILE).exists()


def photo_clip(config: ClipConfig, seed: int) -> Clip:
    """A window that moves over a photo, with the objects in it, at most `MOST_OBJECTS`; a single frame is a crop.

    `config` gives folder, size, frames, and by `difficulty` how far the camera moves and what it adds. Raises
    ValueError when no photos were prepared.
    """
    rng = np.random.default_rng([seed, 2])
    photos = WholePhotos.read(Path(config.cache_folder))
    while True:
        photo = photos.photo(int(rng.integers(len(photos))))
        order = rng.permutation(len(photo.rles))
        large = order[np.asarray(rle.area(photo.rles))[order] >= _CLOSE_AREA_PX]
        close = config.frames == 1 and len(large) > 0 and rng.random() < _CLOSE
        if close:
            order = np.concatenate((large[:1], order[order != large[0]]))
            window = _close_up(photo.rles[large[0]], rng)
        else:
            window = _anywhere(np.array(photo.image.shape[1::-1], np.float64), rng)
        path = _path(photo.image.shape[:2], window, config, rng)
        bend = _bend(config, rng) if config.frames > 1 and rng.random() < _BEND * config.difficulty else None
        frames, masks = _shown(photo, order[: 2 * MOST_OBJECTS], path, bend, config)
        kept = (masks.mean((2, 3)) >= _MIN_AREA).any(0).nonzero()[0]
        if len(kept):
            break
    kept = kept[: _IN_CLOSE_UP if close else MOST_OBJECTS]
    finish = look(config.size, config.frames, rng, config.difficulty)
    return Clip(
        frames=np.stack([finish(image, index, rng) for index, image in enumerate(frames)]),
        masks=masks[:, kept],
        concepts=("object",) * len(kept),
        queries=(),
        flow=None if bend is not None else _flows(path, photo.image.shape[:2], config.size),
        name=f"photo-{seed:010d}",
    )


@dataclass(frozen=True)
class WholePhotos:
    """The photos that were prepared in a folder."""

    blob: np.ndarray
    ends: np.ndarray
    outlines: tuple[tuple[Rle, ...], ...]

    @staticmethod
    @cache
    def read(cache_folder: Path) -> WholePhotos:
        """Raises ValueError when none were prepared."""
        path = cache_folder / _FILE
        if not path.exists():
            raise ValueError(f"expected photos in {path}; run `argus scenes prepare` with --photos first")
        with np.load(path) as pack:
            listed = json.loads(str(pack["outlines"]))
            outlines = tuple(tuple(Rle((h, w), runs.encode("ascii")) for (h, w), runs in of) for of in listed)
            return WholePhotos(pack["blob"], pack["ends"], outlines)

    def __len__(self) -> int:
        return len(self.ends)

    def photo(self, index: int) -> Photo:
        start = self.ends[index - 1] if index else 0
        return Photo(image=decode_webp(self.blob[start : self.ends[index]].tobytes(), "RGB"), rles=self.outlines[index])


def _close_up(outline: Rle, rng: np.random.Generator) -> tuple[Place, Place]:
    """Centre and sides of a window with an object anywhere in it, 1.2 to 3 times its size, as a second look at a picked
    object has it: small ones teach outlines soonest."""
    left, top, right, bottom = rle.boxes_xyxy_px([outline])[0]
    side = max(right - left, bottom - top) * np.exp(rng.uniform(np.log(1.2), np.log(3.0)))
    sides_wh = side * np.exp(rng.normal(0, 0.1, 2))
    middle, object_wh = np.array([left + right, top + bottom]) / 2, np.array([right - left, bottom - top])
    return middle + rng.uniform(-0.3, 0.3, 2) * np.maximum(sides_wh - object_wh, 0), sides_wh


def _anywhere(photo_wh: Place, rng: np.random.Generator) -> tuple[Place, Place]:
    sides_wh = np.clip(rng.uniform(0.35, 1.0) * np.exp(rng.normal(0, 0.12, 2)), 0.25, 1.0) * photo_wh
    return rng.uniform(sides_wh / 2, photo_wh - sides_wh / 2), sides_wh


def _path(
    photo_hw: tuple[int, int], window: tuple[Place, Place], config: ClipConfig, rng: np.random.Generator
) -> list[Matrix]:
    """From the pixels of each frame to those of the photo: windows inside it (before they turn), from `window` (centre,
    sides) to one that differs by place, size and angle."""
    frames, strength = config.frames, config.difficulty
    photo_wh = np.array(photo_hw[::-1], np.float64)
    ends = [window[1], np.maximum(window[1] * np.exp(rng.normal(0, 0.25 * strength)), 0.25 * photo_wh)]
    sides_wh = [np.minimum(end, photo_wh) for end in ends]
    first = np.clip(window[0], sides_wh[0] / 2, photo_wh - sides_wh[0] / 2)
    moved = first + rng.normal(0, 0.25 * strength, 2) * sides_wh[0]
    centres = [first, np.clip(moved, sides_wh[1] / 2, photo_wh - sides_wh[1] / 2)]
    angles = [rng.normal(0, 0.08), rng.normal(0, 0.12)]
    mirrored = rng.random() < _FLIP
    shake = rng.normal(0, 0.008 * strength, (frames, 2)) if rng.random() < 0.5 else np.zeros((frames, 2))
    matrices = []
    for frame in range(frames):
        share = frame / max(frames - 1, 1)
        wh = sides_wh[0] + (sides_wh[1] - sides_wh[0]) * share
        centre = centres[0] + (centres[1] - centres[0]) * share + shake[frame] * wh
        matrices.append(_window(centre, wh, angles[0] + (angles[1] - angles[0]) * share, config.size, mirrored))
    return matrices


def _window(
    centre: Float[np.ndarray, "2"], wh: Float[np.ndarray, "2"], angle: float, size: int, mirrored: bool
) -> Matrix:
    """From the pixels of a square frame to those of a photo (centres of pixels at whole numbers)."""
    middle = np.array([[1, 0, -(size - 1) / 2], [0, 1, -(size - 1) / 2], [0, 0, 1.0]])
    scale = np.diag([(-1 if mirrored else 1) * wh[0] / size, wh[1] / size, 1.0])
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1.0]])
    place = np.array([[1, 0, centre[0] - 0.5], [0, 1, centre[1] - 0.5], [0, 0, 1.0]])
    return place @ turn @ scale @ middle


def _bend(config: ClipConfig, rng: np.random.Generator) -> Float32[np.ndarray, "h w 2"]:
    """How far, in pixels of the last frame, each place is bent away from where it would be."""
    coarse = rng.normal(0, 0.03 * config.size, (4, 4, 2)).astype(np.float32)
    return cv2.resize(coarse, (config.size, config.size), interpolation=cv2.INTER_CUBIC)


def _shown(
    photo: Photo,
    order: Int[np.ndarray, "n"],
    path: list[Matrix],
    bend: Float32[np.ndarray, "h w 2"] | None,
    config: ClipConfig,
) -> tuple[list[UInt8[np.ndarray, "h w 3"]], Bool[np.ndarray, "t n h w"]]:
    """Frames, and the masks of the objects in `order`."""
    step = max(np.abs(np.linalg.det(path[0][:2, :2])) ** 0.5, 1.0)  # a photo that is made smaller is smoothed before
    image = cv2.GaussianBlur(photo.image, (0, 0), 0.4 * step) if step > 1.2 else photo.image
    outlines = [rle.decode(photo.rles[index]).astype(np.uint8) for index in order]
    grid = np.stack(np.meshgrid(np.arange(config.size), np.arange(config.size)), -1).astype(np.float32)
    frames, masks = [], []
    for index, matrix in enumerate(path):
        bent = grid if bend is None else grid + bend * (index / max(len(path) - 1, 1))
        places = (bent @ matrix[:2, :2].T + matrix[:2, 2]).astype(np.float32)
        frames.append(_sampled(image, places, cv2.INTER_LINEAR))
        masks.append(np.stack([_sampled(one, places, cv2.INTER_NEAREST) for one in outlines]).astype(bool))
    return frames, np.stack(masks)


def _sampled(image: np.ndarray, places: Float32[np.ndarray, "h w 2"], how: int) -> np.ndarray:
    return cv2.remap(image, places[..., 0], places[..., 1], how, borderMode=cv2.BORDER_REFLECT_101)


def _flows(path: list[Matrix], photo_hw: tuple[int, int], size: int) -> Float32[np.ndarray, "s h w 2"]:
    """The known motion; none where a frame shows what lies outside the photo, or the frame before does not show it."""
    grid = np.stack(np.meshgrid(np.arange(size), np.arange(size)), -1).astype(np.float64)
    flows = np.full((len(path) - 1, size, size, 2), np.nan, np.float32)
    for index, flow in enumerate(flows):
        back = np.linalg.inv(path[index]) @ path[index + 1]
        before, on_photo = (grid @ m[:2, :2].T + m[:2, 2] for m in (back, path[index + 1]))
        known = ((before >= 0) & (before <= size - 1)).all(-1)
        known &= ((on_photo >= 0) & (on_photo <= np.array(photo_hw[::-1]) - 1)).all(-1)
        flow[known] = (before - grid)[known]
    return flows
