"""People's labelled data as values: pictures stay on disk and masks run-length encoded until they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from argus.data.clips import Clip
from argus.data.pairs import Pair
from argus.data.pictures import Window, picture, printable
from argus.data.problems import Problems
from argus.data.records import Query, Sample
from argus.data.splits import held_out
from argus.data.video_records import VideoTruth
from argus.data.windows import few, masks_in
from argus.ops import rle
from argus.ops.rle import Rle


@dataclass(frozen=True, kw_only=True, eq=False)
class Record:
    """One labelled image of `size_hw` (upright): its file, the masks and concepts of its instances, phrases about it.

    `unsure` are concepts it holds more of than is outlined (crowds): they are not asked, neither as present nor as
    absent. Records of one `group` (the frames of a video) stay together when the data are split.
    """

    name: str
    path: Path
    size_hw: tuple[int, int]
    rles: tuple[Rle, ...]
    concepts: tuple[str, ...]
    queries: tuple[Query, ...]
    unsure: tuple[str, ...]
    group: str


@dataclass(frozen=True, kw_only=True, eq=False)
class VideoRecord:
    """One labelled video: the files of its frames, for each of its objects a mask on every frame or None, and phrases
    about the whole of it, which name the objects. `unsure` is that of `Record`."""

    name: str
    frames: tuple[Path, ...]
    size_hw: tuple[int, int]
    masklets: tuple[VideoTruth, ...]
    concepts: tuple[str, ...]
    queries: tuple[Query, ...]
    unsure: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How much there is: `phrases` are different ones, `pairs` those of an image and a phrase, with `absent_pairs`."""

    images: int
    instances: int
    phrases: int
    pairs: int
    absent_pairs: int
    videos: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Labelled images, read by index in any order, and the videos that they are frames of, if they are.

    `format` says what was read and `problems` what was wrong in it and left out.
    """

    format: str
    records: tuple[Record, ...]
    videos: tuple[VideoRecord, ...] = ()
    problems: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.records)

    @cached_property
    def concepts(self) -> tuple[str, ...]:
        """The names of all instances, sorted."""
        return tuple(sorted({concept for record in self.records for concept in record.concepts}))

    @cached_property
    def counts(self) -> Counts:
        queries = [query for record in self.records for query in record.queries]
        return Counts(
            images=len(self.records),
            instances=sum(len(record.rles) for record in self.records),
            phrases=len({query.text for query in queries}),
            pairs=len(queries),
            absent_pairs=sum(not query.instances for query in queries),
            videos=len(self.videos),
        )

    def sample(
        self, index: int, *, window_xyxy_px: Window | None = None, size_hw: tuple[int, int] | None = None
    ) -> Sample:
        """An image, or a window of it, resized (not keeping its shape) to `size_hw` if given, with its masks.

        Instances outside the window are left out, and a phrase about none but those becomes absent. Masks are decoded
        one at a time, at the size they are given in. Raises ValueError when they would take more than 1 GiB (then take
        a window), for a window that leaves the image, and, naming the file, when it cannot be decoded.
        """
        record = self.records[index]
        window = self._window(record, window_xyxy_px)
        to_hw = size_hw or (window[3] - window[1], window[2] - window[0])
        rows, masks = masks_in(record.rles, window, to_hw)
        return Sample(
            image=picture(record.path, record.size_hw, window, to_hw),
            masks=masks,
            queries=_seen_queries(record.queries, rows.tolist()),
            concepts=tuple(record.concepts[row] for row in rows),
            name=record.name,
        )

    def boxes_xyxy_px(self, index: int) -> Float32[np.ndarray, "n 4"]:
        """The tight boxes of an image's instances, without reading its pixels."""
        return rle.boxes_xyxy_px(self.records[index].rles)

    def window_xyxy_px(self, index: int, rng: np.random.Generator, most_instances: int, share: float = 1.0) -> Window:
        """A random window, of the image's shape, with `share` of its sides (1: the whole), or a smaller one that holds
        at most so many instances."""
        return few(self.boxes_xyxy_px(index), self.records[index].size_hw, most_instances, rng, share)

    def clip(self, video: int, frames: Sequence[int], *, size_hw: tuple[int, int] | None = None) -> Clip:
        """Frames of a video in the order given, resized to `size_hw` if given, with the objects seen on any of them."""
        record = self.videos[video]
        to_hw, whole = size_hw or record.size_hw, (0, 0, record.size_hw[1], record.size_hw[0])
        shown = [i for i, masklet in enumerate(record.masklets) if any(masklet.rles[frame] for frame in frames)]
        masks = np.zeros((len(frames), len(shown), *to_hw), bool)
        for place, frame in enumerate(frames):
            seen = [(row, record.masklets[i].rles[frame]) for row, i in enumerate(shown)]
            rows = [row for row, mask in seen if mask is not None]
            kept, drawn = masks_in([mask for _, mask in seen if mask is not None], whole, to_hw)
            masks[place, [rows[i] for i in kept]] = drawn
        return Clip(
            frames=np.stack([picture(record.frames[frame], record.size_hw, None, to_hw) for frame in frames]),
            masks=masks,
            concepts=tuple(record.concepts[i] for i in shown),
            queries=_seen_queries(record.queries, shown),
            flow=None,
            name=record.name,
        )

    def split(self, share: float, seed: int) -> tuple[Dataset, Dataset]:
        """For training, and held out: `share` of the images (videos stay whole), the same for the same seed.

        Every concept that two groups have is in both, as far as the share allows. Raises ValueError when there is only
        one image or video, and for a share outside 0..1.
        """
        groups: dict[str, list[int]] = {}
        for index, record in enumerate(self.records):
            groups.setdefault(record.group, []).append(index)
        concepts = [frozenset(c for i in members for c in self.records[i].concepts) for members in groups.values()]
        chosen = held_out(concepts, share, seed)
        parts: tuple[list[int], list[int]] = ([], [])
        for number, members in enumerate(groups.values()):
            parts[number in chosen].extend(members)
        return self.select(parts[False]), self.select(parts[True])

    def select(self, indices: Sequence[int]) -> Dataset:
        """These images alone, and of the videos those that still have a frame among them."""
        records = tuple(self.records[index] for index in indices)
        groups = {record.group for record in records}
        return replace(self, records=records, videos=tuple(video for video in self.videos if video.name in groups))

    def readable(self) -> Dataset:
        """What is left when every picture is decoded once; those that cannot be are named in `problems`.

        Raises ValueError when they are more than a tenth, and more than three, or all.
        """
        problems, kept = Problems(self.format), []
        for index, record in enumerate(self.records):
            try:
                picture(record.path, record.size_hw)
                kept.append(index)
            except ValueError as error:
                problems.add("pictures", str(error))
        problems.check("pictures", len(self.records))
        if not kept:
            raise ValueError(f"Expected pictures that can be decoded, got none: {problems.first()}. Copy them anew.")
        lost = {record.path for record in self.records} - {self.records[index].path for index in kept}
        videos = tuple(video for video in self.videos if not lost & set(video.frames))
        return replace(self, videos=videos, problems=(*self.problems, *problems.texts)).select(kept)

    def pairs(self) -> list[Pair]:
        """All phrases about all images as evaluation reads them; the file names are whole paths."""
        found: list[Pair] = []
        for record in self.records:
            boxes = rle.boxes_xyxy_px(record.rles)
            for query in record.queries:
                pair = Pair(
                    id=len(found) + 1,
                    file_name=str(record.path.absolute()),
                    phrase=query.text,
                    size_hw=record.size_hw,
                    rles=tuple(record.rles[i] for i in query.instances),
                    boxes_xyxy_px=boxes[list(query.instances)],
                    language=query.language,
                    kind=query.kind,
                )
                found.append(pair)
        return found

    def _window(self, record: Record, window: Window | None) -> Window:
        height, width = record.size_hw
        if window is None:
            return (0, 0, width, height)
        left, top, right, bottom = window
        if not (0 <= left < right <= width and 0 <= top < bottom <= height):
            raise ValueError(
                f"Expected a window (left, top, right, bottom) within {width} x {height} pixels of "
                f"{printable(record.name)}, got {window}."
            )
        return window


def _seen_queries(queries: Sequence[Query], rows: Sequence[int]) -> tuple[Query, ...]:
    """The phrases about those instances alone, by their new place; one about none of them is absent."""
    place = {row: number for number, row in enumerate(rows)}
    found = []
    for query in queries:
        instances = tuple(place[i] for i in query.instances if i in place)
        kind = "absent" if query.instances and not instances else query.kind
        found.append(replace(query, instances=instances, kind=kind))
    return tuple(found)
