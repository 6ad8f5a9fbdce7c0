"""Run-length encoded masks in the compressed COCO form, through pycocotools (imported when first used)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from jaxtyping import Bool, Float, Int

from argus.ops.polygons import clipped, points_of

AREAS_AT_ONCE = 255  # pycocotools counts them in a byte, and NumPy 2 refuses what does not fit


class CocoRle(TypedDict):
    """A mask as it stands in a COCO JSON file."""

    size: list[int]
    counts: str


@dataclass(frozen=True, slots=True)
class Rle:
    """One mask: its height and width in pixels and its compressed runs (column by column, as COCO has them)."""

    size_hw: tuple[int, int]
    counts: bytes


def encode(mask: Bool[np.ndarray, "h w"]) -> Rle:
    """Encode one mask. A Fortran-ordered array is read in place, any other is copied once.

    Raises ValueError for an array of numbers: what is inside must be said (`mask > 0`), not guessed.
    """
    from pycocotools import mask as coco

    if mask.dtype != bool or mask.ndim != 2:
        raise ValueError(f"Expected a mask (height, width) of bool, got {mask.dtype} {mask.shape}; pass mask > 0.")

    encoded = coco.encode(np.asfortranarray(mask).view(np.uint8))
    return Rle((int(mask.shape[0]), int(mask.shape[1])), encoded["counts"])


def decode(rle: Rle) -> Bool[np.ndarray, "h w"]:
    """Decode one mask, whose runs fill its size: what makes an `Rle` from outside, `from_coco`, sees to that."""
    from pycocotools import mask as coco

    return coco.decode(_plain(rle)).view(bool)


def decode_window(rle: Rle) -> tuple[int, int, Bool[np.ndarray, "r c"]]:
    """The tight window of a mask: its top row, its left column, and the part of the mask in it (none: 0 x 0)."""
    left, top, right, bottom = boxes_xyxy_px([rle])[0].astype(int).tolist()
    return top, left, np.ascontiguousarray(decode(rle)[top:bottom, left:right])


def area(rles: Sequence[Rle]) -> Int[np.ndarray, "n"]:
    """Number of pixels in each mask."""
    from pycocotools import mask as coco

    if not rles:
        return np.zeros(0, np.int64)
    plain = [_plain(rle) for rle in rles]
    parts = [coco.area(plain[start : start + AREAS_AT_ONCE]) for start in range(0, len(plain), AREAS_AT_ONCE)]
    return np.concatenate(parts).astype(np.int64)


def boxes_xyxy_px(rles: Sequence[Rle]) -> Float[np.ndarray, "n 4"]:
    """The tight box of each mask, right and bottom exclusive; an empty mask gives zeros."""
    from pycocotools import mask as coco

    if not rles:
        return np.zeros((0, 4), np.float32)
    xywh = coco.toBbox([_plain(rle) for rle in rles])
    return np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1).astype(np.float32)


def iou(a: Sequence[Rle], b: Sequence[Rle]) -> Float[np.ndarray, "n m"]:
    """Mask IoU of every pair. Raises ValueError when the masks are not all of one size."""
    from pycocotools import mask as coco

    if not a or not b:
        return np.zeros((len(a), len(b)))
    sizes = {rle.size_hw for rle in (*a, *b)}
    if len(sizes) > 1:
        raise ValueError(f"Expected masks of one size, got {sorted(sizes)} (height, width). Resize them first.")
    return np.asarray(coco.iou([_plain(r) for r in a], [_plain(r) for r in b], [False] * len(b)))


def empty(size_hw: tuple[int, int]) -> Rle:
    """The mask of `size_hw` without a pixel."""
    return from_runs([size_hw[0] * size_hw[1]], size_hw)


def from_runs(runs: Sequence[int], size_hw: tuple[int, int]) -> Rle:
    """A mask from run lengths in pixels, column by column, background first.

    Raises ValueError when they do not fill the size.
    """
    from pycocotools import mask as coco

    if sum(runs) != size_hw[0] * size_hw[1] or min(runs, default=0) < 0:
        raise ValueError(
            f"Expected runs that fill {size_hw} (height, width), {size_hw[0] * size_hw[1]} pixels, got a sum of "
            f"{sum(runs)} and a least run of {min(runs, default=0)}. The mask is damaged, or of another image."
        )
    encoded = coco.frPyObjects({"size": list(size_hw), "counts": list(runs)}, *size_hw)
    return Rle(size_hw, encoded["counts"])


def from_labels(labels: Int[np.ndarray, "h w"]) -> dict[int, Rle]:
    """The mask of each value of a map but 0, by value; the time is that of the map, however many values it has."""
    size_hw = (int(labels.shape[0]), int(labels.shape[1]))
    flat = labels.ravel(order="F")
    begins = np.flatnonzero(np.diff(flat, prepend=flat[:1] + 1))
    ends, values = np.append(begins[1:], len(flat)), flat[begins]
    order = np.argsort(values, kind="stable")
    order = order[values[order] != 0]
    found: dict[int, Rle] = {}
    for rows in np.split(order, np.flatnonzero(np.diff(values[order])) + 1):
        if len(rows):
            edges = np.stack([begins[rows], ends[rows]], axis=1).ravel()
            found[int(values[rows[0]])] = from_runs(np.diff(edges, prepend=0, append=len(flat)).tolist(), size_hw)
    return found


def side_by_side(masks: Sequence[Rle | None], size_hw: tuple[int, int]) -> Rle:
    """One wide mask of several of `size_hw`, from left to right; None is one without a pixel.

    The IoU of two wide masks is that of the volumes when the masks are those of the frames of a video.
    """
    runs = [0]
    for mask in masks:
        own = _runs(mask.counts) if mask is not None else [size_hw[0] * size_hw[1]]
        begins_in_object = own[0] == 0 and len(own) > 1
        own = own[begins_in_object:]
        if begins_in_object == (len(runs) % 2 == 0):  # runs of even index are background
            runs[-1] += own[0]  # runs of length 0 inside would mislead what compares two masks
            own = own[1:]
        runs += own
    return from_runs(runs, (size_hw[0], size_hw[1] * len(masks)))


def from_polygons(polygons: Sequence[object], size_hw: tuple[int, int]) -> Rle:
    """The union of polygons x, y, x, y, ... in pixels, as COCO draws them; one of fewer than three points is nothing.

    Raises ValueError for anything but finite numbers in pairs.
    """
    from pycocotools import mask as coco

    inside = [clipped(points, size_hw) for points in map(points_of, polygons) if len(points) >= 3]
    usable = [points.ravel().tolist() for points in inside if len(points) >= 3]
    if not usable:
        return empty(size_hw)
    merged = coco.merge(coco.frPyObjects(usable, *size_hw))
    return Rle(size_hw, merged["counts"])


def from_coco(segmentation: object, size_hw: tuple[int, int] | None) -> Rle:
    """Any COCO segmentation (polygons, run lengths or compressed runs) of an image of `size_hw`.

    Without a size only runs can be read, which tell their own. Raises ValueError for anything else, for another
    size, and for runs that do not fill it.
    """
    if isinstance(segmentation, list):
        if size_hw is None:
            raise ValueError("Expected runs, got polygons, which tell no image size: encode them as RLE first.")
        return from_polygons(segmentation, size_hw)
    if not isinstance(segmentation, dict) or not {"size", "counts"} <= segmentation.keys():
        raise ValueError(f"Expected polygons or an RLE with size and counts, got {str(segmentation)[:80]!r}.")
    size = segmentation["size"]
    if not isinstance(size, (list, tuple)) or len(size) != 2 or any(type(side) is not int or side < 0 for side in size):
        raise ValueError(f"Expected the size of an RLE as height and width, got {str(size)[:40]!r}.")
    height, width = size
    if size_hw not in (None, (height, width)):
        raise ValueError(f"Expected an RLE of the image's size {size_hw} (height, width), got {(height, width)}.")
    counts = segmentation["counts"]
    if isinstance(counts, str):
        counts = counts.encode("ascii", "replace")
    if isinstance(counts, bytes):
        counts = _runs(counts)
    if not isinstance(counts, list):
        raise ValueError(f"Expected an RLE whose counts are a list or a string, got {type(counts).__name__}.")
    if wrong := [run for run in counts if type(run) is not int]:
        raise ValueError(f"Expected runs as whole numbers, got {str(wrong[0])[:40]!r}.")
    return from_runs(counts, (height, width))


def to_coco(rle: Rle) -> CocoRle:
    """The form that goes into a COCO JSON file."""
    return {"size": list(rle.size_hw), "counts": rle.counts.decode("ascii")}


def _runs(counts: bytes) -> list[int]:
    """Run lengths from the compressed form.

    A number has 5 bits a character, the lowest first; bit 6 says that it goes on, bit 5 of its end that it is negative.
    From the fourth on it is what its run is longer than the last but one.
    """
    runs: list[int] = []
    value = shift = 0
    for character in counts:
        code = character - 48
        value |= (code & 31) << shift
        shift += 5
        if not code & 32:
            value -= (code & 16) << (shift - 4)
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    return runs


def _plain(rle: Rle) -> dict[str, object]:
    return {"size": list(rle.size_hw), "counts": rle.counts}
