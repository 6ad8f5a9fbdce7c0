"""Objects picked in stills and followed through clips as in use, with every mask that was decoded kept for the loss.

The steps are those of inference (`argus.model.tracking`); a person who clicks is played by the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import interpolate

from argus.data.collate_clips import BOX, MASK, First, Followed, Picks
from argus.model.mask_decoder import Decoded, single, three
from argus.model.prompt_encoder import BOTTOM_RIGHT, NEGATIVE, POSITIVE, TOP_LEFT
from argus.model.tracker import Tracker, TrackerFeatures, pad_clicks
from argus.model.tracking import (
    CLAMP,
    Answer,
    Memory,
    answered,
    first_image,
    given,
    look,
    of_mask,
    one_mask,
    recalled,
    settle,
    with_full,
)
from argus.train.tracker_criterion import Course, Judged

Said = list[tuple[Tensor, Tensor]]  # of each object: points (k, 2) in 0..1 and their labels (k), on the CPU


@dataclass(kw_only=True)
class Record:
    """Everything that was decoded in a batch, by what was asked, and the courses of its clips."""

    first: list[Judged] = field(default_factory=list)
    carried: list[Judged] = field(default_factory=list)
    others: list[Judged] = field(default_factory=list)
    courses: list[Course] = field(default_factory=list)


def pick_stills(tracker: Tracker, features: TrackerFeatures, picks: Picks, record: Record) -> None:
    """Pick every object in its image, and correct it by clicks."""
    truth = Truth.of(picks.masks, features.mask_hw)
    asked_first(tracker, features, picks.image, picks.first, truth, record)


def follow_clip(
    tracker: Tracker, trunk: Float[Tensor, "t h w c"], clip: Followed, image_hw: tuple[int, int], record: Record
) -> Memory:
    """Follow the objects of a clip from where they are pointed out; returns what is remembered of them."""
    memory, steps = Memory(), []  # as of a stream: how far pointers lie back does not depend on the clip
    for frame in range(len(trunk)):
        features = TrackerFeatures(tracker, trunk[frame : frame + 1])
        known, new = len(memory.banks), int((clip.born == frame).sum())
        if known + new == 0:
            memory = memory.at(frame + 1)
            continue
        memory = memory.add(new)
        masks = clip.masks[frame, : known + new]
        step = _Step(tracker, features, memory, Truth.of(masks, features.mask_hw), image_hw, record)
        if known:
            step.carry(list(range(known)), clip.corrected[frame, :known])
        if new:
            step.ask(list(range(known, known + new)), masks[known:], clip.first)
        memory = step.settle()
        steps.append(step)
    record.courses.append(_course(steps, clip))
    return memory


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Objects on the grid of masks (the share of each cell), and whether they are seen at all."""

    wanted: Float[Tensor, "n h w"]
    seen: Bool[Tensor, " n"]

    @classmethod
    def of(cls, masks: Bool[Tensor, "n h w"], mask_hw: tuple[int, int]) -> Truth:
        return cls(wanted=interpolate(masks[:, None].float(), mask_hw, mode="area")[:, 0], seen=masks.flatten(1).any(1))

    def __getitem__(self, rows: Sequence[int] | slice) -> Truth:
        return Truth(wanted=self.wanted[rows], seen=self.seen[rows])

    def judge(self, decoded: Decoded) -> Judged:
        return Judged(decoded=decoded, wanted=self.wanted, seen=self.seen)


class _Step:
    """One frame of a clip: parts are answered, then settled together."""

    def __init__(
        self,
        tracker: Tracker,
        features: TrackerFeatures,
        memory: Memory,
        truth: Truth,
        image_hw: tuple[int, int],
        record: Record,
    ) -> None:
        self.tracker, self.features, self.memory, self.truth = tracker, features, memory, truth
        self.image_hw, self.record = image_hw, record
        self.parts: list[tuple[Sequence[int], Answer]] = []
        self.prompted = [False] * len(truth.seen)
        self.chosen: dict[int, tuple[Tensor, Tensor]] = {}  # mask logits and pointer of each object

    def carry(self, rows: list[int], corrected: Bool[Tensor, " n"]) -> None:
        """Objects from memory; those that are `corrected` are then asked again with a click where they are wrong."""
        frame = look(self.tracker, self.features)
        decoded = recalled(self.tracker, self.features, frame, self.memory, rows)
        self.record.carried.append(self.truth[rows].judge(decoded))
        best = one_mask(self.tracker, decoded)
        wrong = [row for row in rows if bool(corrected[row])]
        right = [row for row in rows if row not in wrong]
        if right:
            self._take(right, rows_of(best, right))
        if wrong:
            self._correct(wrong, answered(self.tracker, rows_of(best, wrong)).mask_logits)

    def _correct(self, rows: list[int], mask_logits: Float[Tensor, "n 1 h w"]) -> None:
        """As a person does: a click on the carried mask, which is given back with it; memory is not asked."""
        truth = self.truth[rows]
        said = error_clicks(mask_logits[:, 0], truth.wanted)
        image = first_image(len(rows), mask_logits.device)
        decoded = asked(self.tracker, self.features, image, said, mask_logits)
        self.record.others.append(truth.judge(decoded))
        self._take(rows, three(decoded).best(), prompted=True)

    def ask(self, rows: list[int], masks: Bool[Tensor, "n h w"], first: First) -> None:
        """Objects that are pointed out in this frame."""
        first = first.of(rows)
        by_mask = [i for i in range(len(rows)) if first.kinds[i] == MASK]
        by_points = [i for i in range(len(rows)) if first.kinds[i] != MASK]
        if by_mask:
            self._give([rows[i] for i in by_mask], masks[by_mask].float()[:, None])
        if by_points:
            chosen = [rows[i] for i in by_points]
            image = first_image(len(chosen), self.features.image.device)
            truth = self.truth[chosen]
            decoded = asked_first(self.tracker, self.features, image, first.of(by_points), truth, self.record)
            self._take(chosen, decoded, prompted=True)

    def _give(self, rows: list[int], masks: Float[Tensor, "n 1 h w"]) -> None:
        decoded = of_mask(self.tracker, self.features, masks)
        self.record.others.append(self.truth[rows].judge(decoded))
        answer = given(self.tracker, self.features, masks, single(decoded))
        self.parts.append((rows, answer))
        for index, row in enumerate(rows):
            self.prompted[row] = True
            self.chosen[row] = (answer.mask_logits[index, 0], answer.pointers[index])

    def _take(self, rows: list[int], decoded: Decoded, *, prompted: bool = False) -> None:
        """One mask an object as the answer. The loss sees it as it is, even where the object is called absent."""
        answer = answered(self.tracker, decoded)
        self.parts.append((rows, with_full(answer, self.image_hw)))
        pointers = self.tracker.pointer_head(decoded.tokens[:, 0])
        for index, row in enumerate(rows):
            self.prompted[row] = prompted
            self.chosen[row] = (decoded.mask_logits[index, 0], pointers[index])

    def settle(self) -> Memory:
        return settle(self.tracker, self.features, self.memory, self.parts, self.prompted, self.image_hw).memory


def asked_first(
    tracker: Tracker, features: TrackerFeatures, image: Int[Tensor, " n"], first: First, truth: Truth, record: Record
) -> Decoded:
    """Objects by a box or a click; then some of them by clicks more, each where the last answer is wrong, with that
    answer given back. Returns the last answer of each, one mask an object."""
    said = _said(first)
    decoded = asked(tracker, features, image, said, None)
    record.first.append(truth.judge(decoded))
    answer = chosen_mask(decoded, said)
    for turn in range(1, int(first.corrections.max()) + 1 if len(first) else 0):
        rows = (first.corrections >= turn).nonzero()[:, 0].tolist()
        before, told = rows_of(answer, rows).mask_logits, truth[rows]
        clicks = error_clicks(before[:, 0], told.wanted)
        more = [_joined(said[row], click) for row, click in zip(rows, clicks, strict=True)]
        decoded = asked(tracker, features, image[rows], more, before)
        record.others.append(told.judge(decoded))
        for row, one in zip(rows, more, strict=True):
            said[row] = one
        answer = _replaced(answer, rows, chosen_mask(decoded, more))
    return answer


def asked(
    tracker: Tracker,
    features: TrackerFeatures,
    image: Int[Tensor, " n"],
    said: Said,
    mask_logits: Float[Tensor, "n 1 h w"] | None,
) -> Decoded:
    """All masks of objects by their points, with an earlier answer (through which nothing is learned) where they
    correct it."""
    earlier = None if mask_logits is None else mask_logits.detach().clamp(-CLAMP, CLAMP)
    maps = tracker.without_memory(features)
    return tracker.candidates(features, maps, image, pad_clicks(said, image.device), earlier)


def chosen_mask(decoded: Decoded, said: Said) -> Decoded:
    """One mask an object as in use: of a single click the best of three, else the single one."""
    alone, best = single(decoded), three(decoded).best()
    few = torch.tensor([len(labels) <= 1 for _, labels in said], device=decoded.iou_scores.device)
    return Decoded(
        mask_logits=torch.where(few[:, None, None, None], best.mask_logits, alone.mask_logits),
        iou_scores=torch.where(few[:, None], best.iou_scores, alone.iou_scores),
        tokens=torch.where(few[:, None, None], best.tokens, alone.tokens),
        object_logits=decoded.object_logits,
    )


@torch.no_grad()
def error_clicks(mask_logits: Float[Tensor, "n h w"], wanted: Float[Tensor, "n h w"]) -> Said:
    """One click an object, on a cell where mask and truth differ, any of them with the same chance: + where the object
    was missed, else -. Where none differs, + on the object."""
    truth = wanted > 0.5
    wrong = (mask_logits > 0) != truth
    weights = wrong.float() + 1e-6 * wanted + 1e-12
    cells = torch.multinomial(weights.flatten(1), 1)[:, 0]
    height, width = wanted.shape[1:]
    missed = truth.flatten(1).gather(1, cells[:, None])[:, 0] | ~wrong.flatten(1).gather(1, cells[:, None])[:, 0]
    x, y = (cells % width + 0.5) / width, (cells // width + 0.5) / height
    points, labels = torch.stack((x, y), dim=1).cpu(), torch.where(missed, POSITIVE, NEGATIVE).cpu()
    return [(points[i : i + 1], labels[i : i + 1]) for i in range(len(cells))]


def rows_of(decoded: Decoded, rows: Sequence[int]) -> Decoded:
    """Some of the objects."""
    return Decoded(
        mask_logits=decoded.mask_logits[rows],
        iou_scores=decoded.iou_scores[rows],
        tokens=decoded.tokens[rows],
        object_logits=decoded.object_logits[rows],
    )


def _replaced(answer: Decoded, rows: Sequence[int], new: Decoded) -> Decoded:
    """With other answers for some of the objects."""
    index = torch.tensor(rows, device=answer.object_logits.device)
    return Decoded(
        mask_logits=answer.mask_logits.index_copy(0, index, new.mask_logits),
        iou_scores=answer.iou_scores.index_copy(0, index, new.iou_scores),
        tokens=answer.tokens.index_copy(0, index, new.tokens),
        object_logits=answer.object_logits.index_copy(0, index, new.object_logits),
    )


def _said(first: First) -> Said:
    corners, one = torch.tensor([TOP_LEFT, BOTTOM_RIGHT]), torch.tensor([POSITIVE])
    boxes, clicks = first.boxes_xyxy_norm.cpu().view(-1, 2, 2), first.clicks_xy_norm.cpu()
    return [
        (boxes[i], corners) if kind == BOX else (clicks[i : i + 1], one) for i, kind in enumerate(first.kinds.tolist())
    ]


def _joined(said: tuple[Tensor, Tensor], more: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return torch.cat((said[0], more[0])), torch.cat((said[1], more[1]))


def _course(steps: Sequence[_Step], clip: Followed) -> Course:
    """From the first frame in which an object was pointed out."""
    count, begun = len(clip.born), len(clip.frames) - len(steps)
    logits, pointers, seen = [], [], []
    for step in steps:
        missing = count - len(step.chosen)
        rows = [step.chosen[row] for row in range(len(step.chosen))]
        logits.append(_filled([one for one, _ in rows], missing))
        pointers.append(_filled([one for _, one in rows], missing))
        seen.append(torch.cat((step.truth.seen, step.truth.seen.new_zeros(missing))))
    return Course(
        mask_logits=torch.stack(logits),
        pointers=torch.stack(pointers),
        seen=torch.stack(seen),
        ways_xy_norm=None if clip.ways_xy_norm is None else clip.ways_xy_norm[begun:],
    )


def _filled(rows: Sequence[Tensor], missing: int) -> Tensor:
    some = torch.stack(list(rows))
    return torch.cat((some, some.new_zeros(missing, *some.shape[1:])))
