"""Documents about a tracked video: YouTube-VIS JSON, COCO JSON with track ids, MOTChallenge text."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import numpy as np

from argus.export.coco import coco_results
from argus.export.sink import Clip, Sink, Spool
from argus.ops import rle
from argus.types import TrackedFrame


@dataclass
class _Track:
    """Where in the spool a masklet's frames are, and the sum of its scores."""

    category_id: int
    places: dict[int, int] = field(default_factory=dict)
    score_sum: float = 0.0


class YoutubeVis(Sink):
    """`NAME.youtube-vis.json`: videos, categories, and a record a masklet in `annotations`.

    A record has a list of `segmentations` (RLE), `bboxes` (left, top, width, height) and `areas` in pixels with an
    entry for each frame, null where the masklet is not seen, and a `score`, the mean of its frames. Its `id` is the
    masklet's. Evaluators of results take the records alone.
    """

    def __init__(self, path: Path, clip: Clip) -> None:
        super().__init__(clip, path)
        self._spool = Spool(path.parent)
        self._concepts: dict[str, int] = {}
        self._tracks: dict[int, _Track] = {}
        self._length = clip.frames or 0

    def _write(self, frame: TrackedFrame) -> None:
        self._length = max(self._length, frame.index + 1)
        areas = rle.area([masklet.rle for masklet in frame.masklets]).tolist()
        for masklet, area in zip(frame.masklets, areas, strict=True):
            category_id = self._concepts.setdefault(masklet.concept, len(self._concepts) + 1)
            track = self._tracks.setdefault(masklet.id, _Track(category_id))
            entry = [rle.to_coco(masklet.rle), _xywh(masklet.box_xyxy_px), area]
            track.places[frame.index] = self._spool.add(json.dumps(entry))
            track.score_sum += masklet.score

    def _finish(self) -> None:
        height, width = self._clip.size_hw
        video = {"id": 1, "width": width, "height": height, "length": self._length}
        names = [_file_name(self._clip, index) for index in range(self._length)]
        with self._paths[0].open("w", encoding="utf-8") as file:
            file.write(f'{{"videos": {_json([{**video, "file_names": names}])},\n')
            file.write(f'"categories": {_json(_categories(self._concepts))},\n"annotations": [')
            _write_rows(file, (_json(self._record(masklet)) for masklet in sorted(self._tracks)))
            file.write("]}\n")
        self._spool.close()

    def _record(self, masklet: int) -> dict[str, object]:
        track, height_width = self._tracks[masklet], self._clip.size_hw
        columns: list[list[object]] = [[None] * self._length for _ in range(3)]
        for index, place in track.places.items():
            for column, value in zip(columns, json.loads(self._spool.line(place)), strict=True):
                column[index] = value
        return {
            "id": masklet,
            "video_id": 1,
            "category_id": track.category_id,
            "iscrowd": 0,
            "height": height_width[0],
            "width": height_width[1],
            "length": self._length,
            "score": round(track.score_sum / len(track.places), 6),
            **dict(zip(("segmentations", "bboxes", "areas"), columns, strict=True)),
        }


class CocoTracks(Sink):
    """`NAME.coco.json`: an image a frame (its id is the frame's index + 1), and annotations with `track_id`."""

    def __init__(self, path: Path, clip: Clip) -> None:
        super().__init__(clip, path)
        self._images, self._annotations = Spool(path.parent), Spool(path.parent)
        self._concepts: dict[str, int] = {}
        self._count = 0

    def _write(self, frame: TrackedFrame) -> None:
        height, width = self._clip.size_hw
        image = {"id": frame.index + 1, "file_name": _file_name(self._clip, frame.index)}
        place = {"height": height, "width": width, "frame_index": frame.index, "time_s": round(frame.time_s, 6)}
        self._images.add(_json({**image, **place}))
        for masklet in frame.masklets:
            self._concepts.setdefault(masklet.concept, len(self._concepts) + 1)
        results = coco_results(frame.detections, frame.index + 1, list(self._concepts))
        for masklet, result in zip(frame.masklets, results, strict=True):
            self._count += 1
            self._annotations.add(_json({"id": self._count, "iscrowd": 0, "track_id": masklet.id, **result}))

    def _finish(self) -> None:
        with self._paths[0].open("w", encoding="utf-8") as file:
            file.write('{"images": [')
            _write_rows(file, self._images.lines())
            file.write('],\n"annotations": [')
            _write_rows(file, self._annotations.lines())
            file.write(f'],\n"categories": {_json(_categories(self._concepts))}}}\n')
        self._images.close()
        self._annotations.close()


class Mot(Sink):
    """`NAME.mot.txt`: a line a masklet and frame: frame (from 1), id, left, top, width, height, score, -1, -1, -1."""

    def __init__(self, path: Path, clip: Clip) -> None:
        super().__init__(clip, path)
        self._file = path.open("w", encoding="utf-8")

    def _write(self, frame: TrackedFrame) -> None:
        for masklet in frame.masklets:
            box = ",".join(f"{value:.2f}" for value in _xywh(masklet.box_xyxy_px))
            self._file.write(f"{frame.index + 1},{masklet.id},{box},{masklet.score:.6f},-1,-1,-1\n")
        self._file.flush()

    def _finish(self) -> None:
        self._file.close()


def _file_name(clip: Clip, index: int) -> str:
    return f"{clip.name}/{index:05d}.jpg"


def _categories(concepts: dict[str, int]) -> list[dict[str, object]]:
    return [{"id": number, "name": name} for name, number in concepts.items()]


def _xywh(box_xyxy_px: np.ndarray) -> list[float]:
    left, top, right, bottom = (float(edge) for edge in box_xyxy_px)
    return [round(edge, 3) for edge in (left, top, right - left, bottom - top)]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _write_rows(file: TextIO, rows: Iterable[str]) -> None:
    for number, row in enumerate(rows):
        file.write(f"{',' if number else ''}\n{row}")
