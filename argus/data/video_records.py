"""Labelled videos for evaluation: (video, phrase) pairs with the masklet of every instance."""

from __future__ import annotations

from dataclasses import dataclass

from argus.ops.rle import Rle


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
    `language` and `kind` are those of `argus.data.records.Query` (`kind` is "" where the file does not say).
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

    def __post_init__(self) -> None:
        for masklet in self.masklets:
            if len(masklet.rles) != len(self.file_names):
                raise ValueError(
                    f"Pair {self.id} ({self.phrase!r} in {self.video_name!r}): expected one mask or null for each of "
                    f"the {len(self.file_names)} frames, got {len(masklet.rles)} for masklet {masklet.id}."
                )
            sizes = {rle.size_hw for rle in masklet.rles if rle is not None} - {self.size_hw}
            if sizes:
                raise ValueError(
                    f"Pair {self.id} ({self.phrase!r} in {self.video_name!r}): expected masks of {self.size_hw}, "
                    f"got {sizes.pop()} for masklet {masklet.id}."
                )
