"""YouTube-VIS and SA-Co video JSON as a dataset to learn from: its frames as images, its videos as clips."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from argus.data.dataset import Dataset, Record, VideoRecord
from argus.data.phrases import as_phrase, language_of
from argus.data.pictures import printable
from argus.data.problems import Problems
from argus.data.records import Query
from argus.data.sources.gathered import Gathered, dataset, named
from argus.data.sources.items import category_names, id_of, items, label, told_size_hw
from argus.data.sources.outlines import outline
from argus.data.sources.places import Places
from argus.data.sources.saco import counts
from argus.data.video_records import VideoTruth
from argus.ops import rle
from argus.ops.rle import Rle


@dataclass(kw_only=True)
class _Video:
    """One video while it is read. `frames` has None where a frame is not there; the masklets still count it."""

    name: str
    size_hw: tuple[int, int]
    frames: list[Path | None]
    masklets: list[tuple[Hashable, tuple[Rle | None, ...]]] = field(default_factory=list)
    concepts: list[str] = field(default_factory=list)
    crowded: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    absent: list[Query] = field(default_factory=list)


def open_video_json(path: Path, document: dict[str, Any], images: Path | None) -> Dataset:
    """The labelled videos of a document from `path` and all their frames, those in `images` (None: beside it).

    A frame that is missing is left out of its video. A phrase given as absent from a video is absent from each frame;
    an object that is not seen on a frame makes its concept neither present nor absent there, if none other is seen.
    Else as `argus.data.sources.coco`.
    """
    problems = Problems(str(path))
    pairs = document.get("video_np_pairs")
    names = _phrases(document, path) if pairs is not None else category_names(document, path)
    videos, known, frames = _videos(document, path, Places.beside(path, images), problems)
    annotations = items(document, "annotations", path)
    for place, item in enumerate(annotations):
        try:
            _add(item, videos, known, names)
        except ValueError as error:
            problems.add("annotations", f"annotation {label(item, place)}: {error}")
    if pairs is not None:
        _add_absent(document, path, videos)
    made = [_video_record(video) for video in videos.values()]
    records = [record for video in videos.values() for record in _frame_records(video)]
    totals = {"videos": len(known), "frames": frames, "annotations": len(annotations)}
    form = "YouTube-VIS JSON" if pairs is None else "SA-Co video JSON"
    return dataset(form, path, records, problems, totals, made)


def _phrases(document: dict[str, Any], path: Path) -> dict[Hashable, str]:
    """The phrases of SA-Co pairs by their category."""
    pairs = items(document, "video_np_pairs", path)
    categories = [
        {"id": pair.get("category_id"), "name": pair.get("noun_phrase")} if isinstance(pair, dict) else pair
        for pair in pairs
    ]
    return category_names({"categories": categories}, path)


def _videos(
    document: dict[str, Any], path: Path, places: Places, problems: Problems
) -> tuple[dict[Hashable, _Video], set[Hashable], int]:
    """The videos that have frames, by id; the ids of all; and how many frames they list."""
    found: dict[Hashable, _Video] = {}
    known: set[Hashable] = set()
    taken: set[str] = set()
    total = 0
    for place, item in enumerate(items(document, "videos", path)):
        try:
            number = id_of(item, "id")
            if number in known:
                found.pop(number, None)  # nobody knows which of them its annotations are about
                raise ValueError("several videos have its id: all are left out")
            known.add(number)
            told, files = told_size_hw(item), item.get("file_names")
            if told is None or not isinstance(files, list) or not files:
                raise ValueError("it lacks height and width, or the names of its frames (file_names)")
            total += len(files)
            frames = _frames(files, told, places, problems)
            if not any(frames):
                raise ValueError("none of its frames is there")
            name = printable(str(item.get("video_name") or Path(str(files[0])).parent))
            name = name if name not in (".", "") and name not in taken else f"video {number}"
            taken.add(name)
            found[number] = _Video(name=name, size_hw=told, frames=frames)
        except ValueError as error:
            problems.add("videos", f"video {label(item, place)}: {error}")
    return found, known, total


def _frames(files: list[Any], told_hw: tuple[int, int], places: Places, problems: Problems) -> list[Path | None]:
    frames: list[Path | None] = []
    for file in files:
        try:
            frames.append(places.find(file, told_hw)[0])
        except ValueError as error:
            frames.append(None)
            problems.add("frames", f"frame {str(file)[:80]!r}: {error}")
    return frames


def _add(item: Any, videos: dict[Hashable, _Video], known: set[Hashable], names: dict[Hashable, str]) -> None:
    """Add one annotation to its video. A mask without a pixel, on one frame, is none there."""
    number, category = id_of(item, "video_id"), id_of(item, "category_id")
    if number not in known:
        raise ValueError(f"it is about video {number!r}, which is not listed")
    if category not in names:
        raise ValueError(f"it is of category {category!r}, which is not listed")
    video, name = videos.get(number), names[category]
    if video is None:
        return
    if not counts(item):
        video.crowded.add(name)
        return
    video.lost.add(name)
    if any(item.get("id") == other for other, _ in video.masklets if other is not None):
        raise ValueError("another annotation of its video has its id")
    masks = item.get("segmentations")
    if not isinstance(masks, list) or len(masks) != len(video.frames):
        got = len(masks) if isinstance(masks, list) else str(masks)[:40]
        raise ValueError(f"it has not one mask or null for each of {len(video.frames)} frames, but {got}")
    rles = tuple(_seen(mask, video.size_hw) for mask in masks)
    if not any(rles):
        raise ValueError("it has no mask on any frame")
    video.masklets.append((item.get("id"), rles))
    video.concepts.append(name)


def _seen(mask: object, size_hw: tuple[int, int]) -> Rle | None:
    """The mask on one frame, None where the object is not seen."""
    if mask is None or mask == []:
        return None
    found = outline(mask, size_hw, may_be_empty=True)
    return found if rle.area([found])[0] else None


def _add_absent(document: dict[str, Any], path: Path, videos: dict[Hashable, _Video]) -> None:
    """Add the pairs without instances to their videos."""
    for pair in items(document, "video_np_pairs", path):
        video = videos.get(pair.get("video_id"))
        phrase = as_phrase(pair.get("noun_phrase"))
        if video is not None and phrase not in {*video.concepts, *video.crowded, *video.lost}:
            kind = str(pair.get("kind") or "absent")
            video.absent.append(Query(text=phrase, language=language_of(phrase), kind=kind, instances=()))


def _video_record(video: _Video) -> VideoRecord:
    there = [place for place, frame in enumerate(video.frames) if frame is not None]
    masklets = enumerate(video.masklets, start=1)
    return VideoRecord(
        name=video.name,
        frames=tuple(frame for frame in video.frames if frame is not None),
        size_hw=video.size_hw,
        masklets=tuple(VideoTruth(id=number, rles=tuple(rles[i] for i in there)) for number, (_, rles) in masklets),
        concepts=tuple(video.concepts),
        queries=(*named(video.concepts, video.crowded), *video.absent),
        unsure=tuple(sorted(video.crowded | (video.lost - set(video.concepts)))),
    )


def _frame_records(video: _Video) -> list[Record]:
    records = []
    for place, path in enumerate(video.frames):
        if path is None:
            continue
        name = f"{video.name}/{printable(path.name)}"
        frame = Gathered(name=name, path=path, size_hw=video.size_hw, crowded=set(video.crowded))
        frame.lost = {*video.lost, *video.concepts}
        for concept, (_, rles) in zip(video.concepts, video.masklets, strict=True):
            if (mask := rles[place]) is not None:
                frame.add(concept, mask)
        queries = (*named(frame.concepts, frame.crowded), *video.absent)
        records.append(frame.record(queries, group=video.name))
    return records
