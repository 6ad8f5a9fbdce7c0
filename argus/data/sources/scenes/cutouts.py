"""Photo cut-outs and patches of photo ground from a COCO-style data set whose licence allows training."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from argus.data.sources.scenes.bank import (
    PHOTOS_STYLE,
    SIDES,
    PackedSprite,
    decode_webp,
    encode_webp,
    save_atomically,
    write_pack,
)
from argus.data.sources.scenes.concepts import Ontology
from argus.data.sources.scenes.icons import premultiply, unpremultiply

PATCH_SIDE = 200
_PATCHES_FILE = "grounds.npz"
_MIN_SIDE_PX = 56
_EDGE_PX = 3


def prepare_photos(annotations: Path, images_folder: Path, cache_folder: Path, ontology: Ontology) -> tuple[int, int]:
    """Cut objects and patches of ground out of photos into `cache_folder`; returns how many of each.

    `annotations` is COCO instances JSON with category names; only the images that it marks
    `"free_to_train": true` are taken. Categories without a concept of that name are left out.
    """
    document = json.loads(Path(annotations).read_text(encoding="utf-8"))
    images = [image for image in document["images"] if image.get("free_to_train", False)]
    by_image: dict[int, list[dict[str, Any]]] = {image["id"]: [] for image in images}
    for annotation in document["annotations"]:
        if annotation["image_id"] in by_image:
            by_image[annotation["image_id"]].append(annotation)
    concepts = _concepts_by_category(document["categories"], ontology)
    photos = [(Path(images_folder) / image["file_name"], by_image[image["id"]]) for image in images]
    sprites = (sprite for path, found in photos for sprite in _cut(path, found, concepts))
    cut = write_pack(sprites, cache_folder, PHOTOS_STYLE)
    patches = [patch for path, found in photos for patch in _patches(path, found)]
    write_patches(patches, cache_folder)
    return cut, len(patches)


@cache
def read_patches(cache_folder: Path) -> UInt8[np.ndarray, "n s s 3"] | None:
    """The patches of photo ground as a read-only memory map; None when no photos were prepared."""
    path = Path(cache_folder) / _PATCHES_FILE
    if not path.exists():
        return None
    with np.load(path) as pack:
        blob, ends = pack["blob"], pack["ends"]
    unpacked = Path(cache_folder) / "unpacked" / f"grounds-{len(blob)}.npy"
    if not unpacked.exists():
        starts = [0, *ends[:-1]]
        save_atomically(
            np.stack([decode_webp(blob[a:b].tobytes(), "RGB") for a, b in zip(starts, ends, strict=True)]), unpacked
        )
    return np.load(unpacked, mmap_mode="r")


def write_patches(patches: list[UInt8[np.ndarray, "s s 3"]], cache_folder: Path) -> None:
    """Pack patches of side `PATCH_SIDE` for `read_patches`. Raises ValueError when there are none."""
    if not patches:
        raise ValueError("found no ground free of objects in the photos; expected at least one such patch")
    blobs = [encode_webp(patch) for patch in patches]
    blob = np.frombuffer(b"".join(blobs), np.uint8)
    np.savez(Path(cache_folder) / _PATCHES_FILE, blob=blob, ends=np.cumsum([len(data) for data in blobs]))


def _concepts_by_category(categories: list[dict[str, Any]], ontology: Ontology) -> dict[int, str]:
    """Concept ids by category id, matched by any English name."""
    owner = {name: concept.id for concept in ontology.concepts.values() for name in concept.names_en}
    owner["mouse"] = "computer mouse"  # what COCO means by it
    return {category["id"]: owner[category["name"]] for category in categories if category["name"] in owner}


def _cut(path: Path, found: list[dict[str, Any]], concepts: dict[int, str]) -> Iterator[PackedSprite]:
    """The objects of one photo that are large enough, in one piece and not cut off by the photo's edge."""
    photo = np.asarray(Image.open(path).convert("RGB"))
    for annotation in found:
        concept = concepts.get(annotation["category_id"])
        x, y, width, height = annotation["bbox"]
        inside = x > 2 and y > 2 and x + width < photo.shape[1] - 2 and y + height < photo.shape[0] - 2
        if concept is None or annotation.get("iscrowd") or not inside or min(width, height) < _MIN_SIDE_PX / 2:
            continue
        mask = _decode(annotation["segmentation"], photo.shape[:2])
        if max(width, height) >= _MIN_SIDE_PX and _in_one_piece(mask):
            yield PackedSprite(concept=concept, rgba=_sprite(photo, mask))


def _sprite(photo: UInt8[np.ndarray, "h w 3"], mask: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "oh ow 4"]:
    """Trimmed to the mask, with a soft edge, scaled to the packs' longer side."""
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    alpha = cv2.GaussianBlur(mask.astype(np.uint8) * 255, (0, 0), 0.8)[window]
    rgba = premultiply(np.dstack([photo[window], alpha]))
    scale = SIDES[0] / max(rgba.shape[:2])
    size_wh = [max(1, round(rgba.shape[1] * scale)), max(1, round(rgba.shape[0] * scale))]
    return unpremultiply(cv2.resize(rgba, size_wh, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC))


def _in_one_piece(mask: Bool[np.ndarray, "h w"]) -> bool:
    """Whether nine tenths of the mask hang together: the others are halves of things behind something."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    return len(areas) > 0 and bool(areas.max() >= 0.9 * areas.sum())


def _patches(path: Path, found: list[dict[str, Any]]) -> Iterator[UInt8[np.ndarray, "s s 3"]]:
    """Up to four windows of a photo without any annotated object, on a coarse grid."""
    photo = np.asarray(Image.open(path).convert("RGB"))
    side = min(photo.shape[:2]) // 3
    taken = 0
    for top in range(0, photo.shape[0] - side + 1, side // 2):
        for left in range(0, photo.shape[1] - side + 1, side // 2):
            if taken < 4 and not any(_touches(annotation["bbox"], left, top, side) for annotation in found):
                taken += 1
                crop = np.ascontiguousarray(photo[top : top + side, left : left + side])
                yield cv2.resize(crop, (PATCH_SIDE, PATCH_SIDE), interpolation=cv2.INTER_AREA)


def _touches(box_xywh: list[float], left: int, top: int, side: int) -> bool:
    x, y, width, height = box_xywh
    return x < left + side and left < x + width and y < top + side and top < y + height


def _decode(segmentation: Any, size_hw: tuple[int, int]) -> Bool[np.ndarray, "h w"]:
    """COCO polygons, or RLE compressed or not, as a mask."""
    from pycocotools import mask as coco_mask

    if isinstance(segmentation, list):
        segmentation = coco_mask.merge(coco_mask.frPyObjects(segmentation, *size_hw))
    elif isinstance(segmentation["counts"], list):
        segmentation = coco_mask.frPyObjects(segmentation, *size_hw)
    return coco_mask.decode(segmentation).astype(bool)
