"""What became of each masklet, counted while a video is tracked."""

from dataclasses import dataclass

from argus.types import TrackedFrame


@dataclass(frozen=True, kw_only=True)
class MaskletSummary:
    """One masklet: the first and last frame (by index) and the number of frames that it was seen in, and the mean score
    of those."""

    id: int
    concept: str
    first: int
    last: int
    frames: int
    mean_score: float


@dataclass
class _Row:
    concept: str
    first: int
    last: int
    frames: int = 0
    score_sum: float = 0.0


class Summary:
    """Adds up frames, in any order, into a row a masklet."""

    def __init__(self) -> None:
        self._rows: dict[int, _Row] = {}

    def add(self, frame: TrackedFrame) -> None:
        for masklet in frame.masklets:
            row = self._rows.setdefault(masklet.id, _Row(masklet.concept, frame.index, frame.index))
            row.first, row.last = min(row.first, frame.index), max(row.last, frame.index)
            row.frames += 1
            row.score_sum += masklet.score

    def rows(self) -> list[MaskletSummary]:
        """By id."""
        return [
            MaskletSummary(
                id=masklet,
                concept=row.concept,
                first=row.first,
                last=row.last,
                frames=row.frames,
                mean_score=row.score_sum / row.frames,
            )
            for masklet, row in sorted(self._rows.items())
        ]
