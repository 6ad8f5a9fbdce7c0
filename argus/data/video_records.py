"""Labelled videos for evaluation, as values and in the SA-Co/VEval form: (video, phrase) pairs with their masklets."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from argus.data.clips import Clip
from argus.data.records import masks_to_boxes_xyxy_px
from argus.ops import rle
from argus.ops.files import replace_file
from argus.ops.rle import Rle

_PALETTE = [0, 0, 0, *np.random.default_rng(0).integers(64, 256, 255 * 3).tolist()]


@dataclass(frozen=True, kw_only=True)
class VideoTruth:
    """One true masklet: an object's mask on every frame of the video, None where it is not seen."""

    id: int
    rles: tuple[Rle | None, ...]


@dataclass(frozen=True, kw_only=True)
class VideoPair:
    """One phrase about one video, with its instances; none: the concept is absent.

    `file_names` are the frames in order, relative to the folder of frames; each of the `masklets` has one mask or None
    for each of them. Crowd annotations are left out; a pair that had some is not `exhaustive` and is not scored.
    `language` and `kind` are those of `argus.data.records.Query` (`kind` is "" where the file does not say);
    `category_id` is what the phrase is called by in files of predictions.
    """

    id: int
    video_id: int
    video_name: str
    file_names: tuple[str, ...]
    size_hw: tuple[int, int]
    phrase: str
    masklets: tuple[VideoTruth, ...]
    exhaustive: bool = True
    language: str = "en"
    kind: str = ""
    category_id: int = 0

    def __post_init__(self) -> None:
        for masklet in self.masklets:
            if len(masklet.rles) != len(self.file_names):
                raise ValueError(
                    f"Pair {self.id} ({self.phrase!r} in {self.video_name!r}): expected one mask or null for each of "
                    f"the {len(self.file_names)} frames, got {len(masklet.rles)} for masklet {masklet.id}."
                )
            sizes = {mask.size_hw for mask in masklet.rles if mask is not None} - {self.size_hw}
            if sizes:
                raise ValueError(
                    f"Pair {self.id} ({self.phrase!r} in {self.video_name!r}): expected masks of {self.size_hw}, "
                    f"got {sizes.pop()} for masklet {masklet.id}."
                )


def write_saco_video(clips: Iterable[Clip], folder: Path, *, masks: bool = False) -> Path:
    """Write frames and SA-Co/VEval annotations; returns the path of the JSON file.

    Layout: `folder/frames/NAME/00000.jpg`, ... and `folder/annotations.json`, with one entry of `video_np_pairs` for
    each phrase about a clip and one annotation for each object it names: an RLE, an area and an xywh box in pixels a
    frame, all null where the object is not seen. Pairs also carry `language` and `kind`. With `masks` also
    `folder/masks/NAME/00000.png`, ...: each pixel's object, from 1 (where masks overlap, the last), or 0. Raises
    ValueError for a repeated name.
    """
    folder = Path(folder)
    document: dict[str, list[dict[str, Any]]] = {key: [] for key in ("videos", "annotations", "video_np_pairs")}
    categories: dict[str, int] = {}
    seen: set[str] = set()
    for clip in clips:
        if clip.name in seen:
            raise ValueError(f"clip names must be unique, got {clip.name!r} twice; rename one of them")
        seen.add(clip.name)
        _save_images(clip.frames, folder / "frames" / clip.name, "jpg")
        if masks:
            rows = np.arange(1, clip.masks.shape[1] + 1, dtype=np.uint8)[:, None, None]
            _save_images((clip.masks * rows).max(1, initial=0), folder / "masks" / clip.name, "png")
        _add_video(clip, document, categories)
    named = [{"id": id_, "name": name} for name, id_ in categories.items()]
    path = folder / "annotations.json"
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**document, "categories": named}, ensure_ascii=False)
    replace_file(path, lambda file: file.write_text(text, encoding="utf-8"))
    return path


def _save_images(images: UInt8[np.ndarray, "t h w *_"], folder: Path, suffix: str) -> None:
    """JPEG of high quality, or PNG in the colours of a palette."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, pixels in enumerate(images):
        image = Image.fromarray(pixels)
        if suffix == "png":
            image.putpalette(_PALETTE)
        image.save(folder / f"{index:05d}.{suffix}", quality=95, subsampling=0)


def _add_video(clip: Clip, document: dict[str, list[dict[str, Any]]], categories: dict[str, int]) -> None:
    """Append one clip, its phrases and their masklets."""
    count, height, width = clip.frames.shape[:3]
    video_id = len(document["videos"]) + 1
    size = {"height": height, "width": width}
    names = [f"{clip.name}/{index:05d}.jpg" for index in range(count)]
    video = {"id": video_id, "video_name": clip.name, "file_names": names, **size, "length": count}
    document["videos"].append(video)
    masklets = [_masklet(clip.masks[:, row]) for row in range(clip.masks.shape[1])]
    for query in clip.queries:
        about = {
            "video_id": video_id,
            "category_id": categories.setdefault(query.text, len(categories) + 1),
            "noun_phrase": query.text,
        }
        pair = {"id": len(document["video_np_pairs"]) + 1, **about, "num_masklets": len(query.instances)}
        document["video_np_pairs"].append({**pair, "language": query.language, "kind": query.kind})
        for row in query.instances:
            first = {"id": len(document["annotations"]) + 1, **about, **size, "iscrowd": 0}
            document["annotations"].append({**first, **masklets[row]})


def _masklet(masks: Bool[np.ndarray, "t h w"]) -> dict[str, list[Any]]:
    """What an annotation says of each frame."""
    rles = [rle.encode(mask) if mask.any() else None for mask in masks]
    boxes = masks_to_boxes_xyxy_px(masks).astype(float)
    boxes[:, 2:] -= boxes[:, :2]
    return {
        "segmentations": [None if one is None else rle.to_coco(one) for one in rles],
        "bboxes": [None if one is None else box.tolist() for one, box in zip(rles, boxes, strict=True)],
        "areas": [int(mask.sum()) if mask.any() else None for mask in masks],
    }
