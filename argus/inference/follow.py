"""One frame of a video: detections and masklets, brought together by the policy.

The order of things is the published one (SAM 3, 2025): detect, carry every masklet in, associate, withdraw, hide
overlaps, recondition, remember, begin new masklets. Objects that a person picked follow the tracker alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from argus.inference import association, rejecting
from argus.inference.association import NOT_THERE, Association, Track
from argus.inference.policy import VideoPolicy
from argus.inference.preprocess import RgbImage
from argus.model.memory_bank import MemoryBank
from argus.model.sam3 import Features, Sam3
from argus.model.tracking import Carried, Memory, ObjectPrompt, memory_mask_hw
from argus.ops import rle
from argus.ops.components import fill_and_clean
from argus.ops.nms import greedy_nms
from argus.ops.rle import Rle
from argus.types import VISUAL, Prompt


@dataclass(frozen=True, kw_only=True)
class Concept:
    """What a phrase, example boxes or both ask for; boxes (cxcywh, fractions) hold in their frame only."""

    id: int
    text: str | None
    exemplars: Mapping[int, tuple[Tensor, Tensor]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.text if self.text is not None else VISUAL

    def prompt(self, frame: int) -> Prompt:
        """What is asked in a frame."""
        return Prompt(self.name, *self.exemplars.get(frame, (None, None)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Asked:
    """What is said of one object in one frame: points with earlier logits that they correct, or its mask as runs."""

    points_xy_norm: Float[Tensor, "k 2"] | None = None
    labels: Int[Tensor, "k"] | None = None
    earlier: Float[Tensor, "h w"] | None = None
    mask: Rle | None = None

    def prompt(self) -> ObjectPrompt:
        """As the tracker takes it."""
        if self.mask is not None:
            return ObjectPrompt(mask=torch.from_numpy(rle.decode(self.mask)).float())
        return ObjectPrompt(points_xy_norm=self.points_xy_norm, labels=self.labels, mask_logits=self.earlier)


@dataclass(frozen=True, kw_only=True)
class Followed:
    """One object: what the policy knows of it, what is remembered, and the frames in which something was said of it
    (the birth of a masklet that a detection began is one of them)."""

    track: Track
    name: str
    bank: MemoryBank = field(default_factory=MemoryBank)
    born: int | None = None
    asked: Mapping[int, Asked] = field(default_factory=dict)

    @property
    def id(self) -> int:
        return self.track.id

    def awake(self, frame: int, reverse: bool) -> bool:
        """Whether the object has begun: going on from the first frame in which something was said of it."""
        return frame <= max(self.asked) if reverse else frame >= min(self.asked)

    def lacks(self, frame: int) -> set[int]:
        """The frames other than this one in which something was said of the object that it does not remember."""
        return set(self.asked) - set(self.bank.prompted) - {frame}


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """One object in one frame; the mask (four times the token grid) of a hidden one has no pixel."""

    id: int
    mask_logits: Float[Tensor, "h w"]
    score: float


@dataclass(frozen=True, kw_only=True)
class Place:
    """Which frame it is, of a video of `frames` (None: a stream), and which way things go."""

    frame: int
    frames: int | None
    reverse: bool = False


@dataclass(frozen=True, kw_only=True)
class Step:
    """After a frame: all objects that are left, what is to be seen, what was withdrawn, how many new masklets found no
    room, and the next free id."""

    objects: tuple[Followed, ...]
    seen: tuple[Seen, ...]
    withdrawn: tuple[int, ...]
    dropped: int
    next_id: int


@dataclass(frozen=True, kw_only=True)
class Found:
    """Detections of all concepts in one frame: rows in the order of concepts and of the model's queries."""

    mask_logits: Float[Tensor, "d h w"]
    scores: Float[np.ndarray, "d"]
    concept: Int[np.ndarray, "d"]


def step(
    model: Sam3,
    features: Features,
    pixels: RgbImage,
    objects: Sequence[Followed],
    concepts: Sequence[Concept],
    place: Place,
    policy: VideoPolicy,
    next_id: int,
    room: int,
) -> Step:
    """Bring every object into a frame, which is `pixels`, and find new ones, for at most `room` of which there is
    memory."""
    awake = [one for one in objects if one.awake(place.frame, place.reverse)]
    asleep = [one for one in objects if not one.awake(place.frame, place.reverse)]
    picked = [one for one in awake if one.track.picked]
    followed, seen = _track(model, features, picked, place)
    cleaned = _cleaned(_stack(seen, features.tracker.mask_hw, model), policy)
    seen = [replace(one, mask_logits=mask) for one, mask in zip(seen, cleaned, strict=True)]
    if not concepts:
        others, others_seen = _track_apart(model, features, [one for one in awake if not one.track.picked], place)
        kept = (*asleep, *followed, *others)
        return Step(objects=kept, seen=(*seen, *others_seen), withdrawn=(), dropped=0, next_id=next_id)
    found = detect(model, features, pixels, concepts, place.frame, policy)
    masklets = [one for one in awake if not one.track.picked]
    rest = _follow_concepts(model, features, masklets, concepts, found, place, policy, next_id, room)
    return replace(rest, objects=(*asleep, *followed, *rest.objects), seen=(*seen, *rest.seen))


def detect(
    model: Sam3,
    features: Features,
    pixels: RgbImage,
    concepts: Sequence[Concept],
    frame: int,
    policy: VideoPolicy,
) -> Found:
    """What each concept finds in a frame, after the policy's score, border and NMS."""
    prompts = [concept.prompt(frame) for concept in concepts]
    output = rejecting.detect(model, features, prompts, pixels, score_threshold=policy.detection_score)
    masks, scores, names = [], [], []
    for row, (concept, kept) in enumerate(zip(concepts, output.kept, strict=True)):
        centres = output.boxes_cxcywh_norm[row, kept, :2].float()
        margin = policy.boundary_margin
        inside = ((centres >= margin) & (centres <= 1 - margin)).all(1)
        logits, score = output.mask_logits[row][inside].float(), output.scores[row, kept][inside].float()
        stays = torch.arange(len(score), device=score.device)
        if policy.detection_nms is not None and len(score):
            overlap = torch.from_numpy(association.mask_iou(logits > 0, logits > 0)).to(score.device)
            stays = greedy_nms(overlap, score, policy.detection_nms)
        stays = stays[kept[inside][stays].argsort()]  # in the order of queries, which is that of new ids
        masks.append(logits[stays])
        scores.append(score[stays].cpu().numpy())
        names += [concept.id] * len(stays)
    return Found(mask_logits=torch.cat(masks), scores=np.concatenate(scores), concept=np.array(names, np.int64))


def answer_early(model: Sam3, features: Features, one: Followed, place: Place) -> Followed:
    """An object with what was said of it in a frame that is not at hand in its memory, which else stays as it is."""
    answered = _track(model, features, [one], place)[0][0]
    bank = one.bank.append(place.frame, answered.bank.prompted[place.frame], prompted=True)
    return replace(answered, bank=bank)


def _follow_concepts(
    model: Sam3,
    features: Features,
    masklets: Sequence[Followed],
    concepts: Sequence[Concept],
    found: Found,
    place: Place,
    policy: VideoPolicy,
    next_id: int,
    room: int,
) -> Step:
    told = [one for one in masklets if place.frame in one.asked]
    carried_ones = [one for one in masklets if place.frame not in one.asked]
    told, told_seen = _track_apart(model, features, told, place)
    carried = _carry(model, features, carried_ones, place)
    size_hw = features.tracker.mask_hw
    logits = _cleaned(torch.cat([carried.mask_logits[:, 0].float(), _stack(told_seen, size_hw, model)]), policy)
    rows = [*carried_ones, *told]
    tracks = [one.track for one in rows]
    found_on = associated(found, logits, tracks, policy)
    tracks = list(association.counted(tracks, found_on, policy, place.reverse))
    leaving = [association.withdrawn(track, place.frame, policy, place.reverse) for track in tracks]
    hidden = association.hidden_again(
        association.mask_iou(logits > 0, logits > 0), tracks, leaving, policy, place.reverse
    )
    logits[torch.from_numpy(hidden).to(logits.device)] = NOT_THERE
    unseen = ~(logits > 0).flatten(1).any(1).cpu().numpy()
    tracks = [replace(t, hidden=place.frame) if gone else t for t, gone in zip(tracks, unseen, strict=True)]
    rows = [replace(one, track=track) for one, track in zip(rows, tracks, strict=True)]
    count = len(carried_ones)
    again = reconditioned(found_on.sure, carried.object_logits, place.frame, policy)
    rows = [*_remember(model, features, rows[:count], carried, logits, place, policy), *rows[count:]]
    shown = logits.clone()
    for row, detection in again.items():
        rows[row] = _prompted_anew(model, features, rows[row], found.mask_logits[detection], place)
        shown[row] = found.mask_logits[detection]
    gone = [association.given_up(one.track, policy) for one in rows]
    scores = [*carried.object_logits.float().sigmoid().tolist(), *[one.score for one in told_seen]]
    seen = [
        Seen(id=one.id, mask_logits=torch.full_like(mask, NOT_THERE) if away else mask, score=score)
        for one, mask, score, away, leaves in zip(rows, shown, scores, gone, leaving, strict=True)
        if not leaves
    ]
    chosen = association.best_new(found_on.new, found.scores, min(room, policy.max_objects - len(rows)))
    new = _begin(model, features, found, chosen, concepts, place, policy, next_id)
    newly_seen = _cleaned(found.mask_logits[list(chosen)], policy)
    seen += [
        Seen(id=one.id, mask_logits=mask, score=float(found.scores[row]))
        for one, mask, row in zip(new, newly_seen, chosen, strict=True)
    ]
    return Step(
        objects=(*[one for one, leaves in zip(rows, leaving, strict=True) if not leaves], *new),
        seen=tuple(seen),
        withdrawn=tuple(one.id for one, leaves in zip(rows, leaving, strict=True) if leaves),
        dropped=len(found_on.new) - len(chosen),
        next_id=next_id + len(new),
    )


def associated(
    found: Found, mask_logits: Float[Tensor, "t h w"], tracks: Sequence[Track], policy: VideoPolicy
) -> Association:
    """The detections of a frame and the masklets carried into it."""
    return association.associate(
        association.mask_iou(found.mask_logits > 0, mask_logits > 0),
        found.scores,
        (mask_logits > 0).flatten(1).any(1).cpu().numpy(),
        found.concept,
        np.array([track.concept for track in tracks], np.int64),
        policy,
    )


def reconditioned(
    sure: Mapping[int, int], object_logits: Float[Tensor, "n"], frame: int, policy: VideoPolicy
) -> dict[int, int]:
    """The carried masklets that are prompted anew in this frame, and by which detections."""
    if not policy.recondition_every or frame % policy.recondition_every:
        return {}
    return {
        row: detection
        for row, detection in sure.items()
        if row < len(object_logits) and float(object_logits[row]) > policy.recondition_score
    }


def _carry(model: Sam3, features: Features, masklets: Sequence[Followed], place: Place) -> Carried:
    if masklets:
        return model.carry(features, _memory(masklets, place))
    none = torch.zeros(0, device=model.device)
    masks = torch.zeros(0, 1, *features.tracker.mask_hw, device=model.device)
    return Carried(mask_logits=masks, iou_scores=none, object_logits=none, pointers=none[:, None])


def _remember(
    model: Sam3,
    features: Features,
    masklets: Sequence[Followed],
    carried: Carried,
    mask_logits: Float[Tensor, "t h w"],
    place: Place,
    policy: VideoPolicy,
) -> list[Followed]:
    """The carried masklets with this frame in their memory; `mask_logits` has other masklets behind theirs."""
    if not masklets:
        return []
    concept = np.array([one.track.concept for one in masklets], np.int64)
    logits = mask_logits[: len(masklets), None]
    lost = association.shrunken(logits, concept, memory_mask_hw(features.tracker), policy.shrink)
    memory = model.remember(features, _memory(masklets, place), carried, logits.to(model.dtype), torch.from_numpy(lost))
    return [replace(one, bank=bank) for one, bank in zip(masklets, memory.banks, strict=True)]


def _prompted_anew(
    model: Sam3, features: Features, one: Followed, mask_logits: Float[Tensor, "h w"], place: Place
) -> Followed:
    """A masklet whose pointer is that of a detection's mask in this frame, and whose map stays that of its own."""
    own = one.bank.tracked[place.frame].map
    enlarged = association.enlarged(mask_logits[None], memory_mask_hw(features.tracker))
    asked = [ObjectPrompt(mask=(enlarged > 0).float())]
    bank = model.track(features, _memory([one], place), asked).memory.banks[0]
    entry = replace(bank.prompted[place.frame], map=own)
    bank = bank.append(place.frame, entry, prompted=True).thin(place.frame, one.asked)
    return replace(one, bank=bank)


def _begin(
    model: Sam3,
    features: Features,
    found: Found,
    chosen: Sequence[int],
    concepts: Sequence[Concept],
    place: Place,
    policy: VideoPolicy,
    next_id: int,
) -> list[Followed]:
    """New masklets, from the masks of detections."""
    names = {concept.id: concept.name for concept in concepts}
    new = []
    for offset, row in enumerate(chosen):
        mask = association.enlarged(found.mask_logits[row][None], memory_mask_hw(features.tracker)) > 0
        concept = int(found.concept[row])
        track = Track(id=next_id + offset, concept=concept, first=place.frame, keep_alive=policy.keep_alive)
        asked = {place.frame: Asked(mask=rle.encode(mask.cpu().numpy()))}
        new.append(Followed(track=track, name=names[concept], asked=asked))
    return _track_apart(model, features, new, place)[0]


def _track_apart(
    model: Sam3, features: Features, objects: Sequence[Followed], place: Place
) -> tuple[list[Followed], list[Seen]]:
    """The tracker alone, concept by concept, so that none touches another's memory."""
    followed, seen = list(objects), {}
    for concept in dict.fromkeys(one.track.concept for one in objects):
        rows = [row for row, one in enumerate(objects) if one.track.concept == concept]
        tracked = _track(model, features, [objects[row] for row in rows], place)
        for row, one, sight in zip(rows, *tracked, strict=True):
            followed[row], seen[row] = one, sight
    return followed, [seen[row] for row in range(len(objects))]


def _track(
    model: Sam3, features: Features, objects: Sequence[Followed], place: Place
) -> tuple[list[Followed], list[Seen]]:
    """The tracker alone: objects carried on, or asked for in this frame."""
    if not objects:
        return [], []
    prompts = [one.asked[place.frame].prompt() if place.frame in one.asked else None for one in objects]
    out = model.track(features, _memory(objects, place), prompts)
    followed = [
        replace(one, bank=bank, born=born)
        for one, bank, born in zip(objects, out.memory.banks, out.memory.born, strict=True)
    ]
    scores = out.object_logits.float().sigmoid().tolist()
    masks = out.mask_logits[:, 0].float()
    return followed, [
        Seen(id=one.id, mask_logits=mask, score=score) for one, mask, score in zip(objects, masks, scores, strict=True)
    ]


def _memory(objects: Sequence[Followed], place: Place) -> Memory:
    return Memory(
        banks=tuple(one.bank for one in objects),
        born=tuple(one.born for one in objects),
        frame=place.frame,
        frames=place.frames,
        reverse=place.reverse,
    )


def _cleaned(mask_logits: Float[Tensor, "n h w"], policy: VideoPolicy) -> Float[Tensor, "n h w"]:
    return fill_and_clean(mask_logits, policy.speck_area) if policy.speck_area and len(mask_logits) else mask_logits


def _stack(seen: Sequence[Seen], size_hw: tuple[int, int], model: Sam3) -> Float[Tensor, "n h w"]:
    return torch.stack([one.mask_logits for one in seen]) if seen else torch.zeros(0, *size_hw, device=model.device)
