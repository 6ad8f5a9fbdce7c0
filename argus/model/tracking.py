"""One step of the tracker: a frame and what is remembered of each object give masks, scores and the new memory.

After SAM 2 (Ravi et al., 2024) as published with SAM 3. All objects that are carried on are one batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from argus.model.mask_decoder import Decoded, single, three
from argus.model.matching import share_of
from argus.model.memory_bank import MemoryBank, Remembered, pointer_frames
from argus.model.memory_encoder import LOGIT_BIAS, LOGIT_SCALE
from argus.model.memory_encoder import MASK_SCALE as MEMORY_SCALE
from argus.model.memory_reading import memories_of
from argus.model.prompt_encoder import Clicks
from argus.model.tracker import Tracker, TrackerFeatures, pad_clicks
from argus.nn.position import sine_grid

ABSENT = -1024.0  # the logits of an object that is not there
CELLS_AT_ONCE = {"cpu": 8192, "cuda": 1 << 17}  # cells of the token grid x objects that are carried in one batch
OVERLAID = -10.0  # the most that a prompted object's logit may be where another one's is higher
MAP_DTYPE = torch.bfloat16  # of remembered maps, as published
CLAMP = 32.0  # of earlier logits that are given back as a prompt


@dataclass(frozen=True, kw_only=True, eq=False)
class ObjectPrompt:
    """What is said of one object in one frame: points (corners of a box among them, see `Clicks`), with the logits of
    an earlier answer where they correct it; or its whole mask, in 0..1 at any size."""

    points_xy_norm: Float[Tensor, "k 2"] | None = None
    labels: Tensor | None = None
    mask_logits: Float[Tensor, "h w"] | None = None
    mask: Float[Tensor, "height width"] | None = None

    def __post_init__(self) -> None:
        if (self.points_xy_norm is None) == (self.mask is None) or (self.points_xy_norm is None) != (
            self.labels is None
        ):
            raise ValueError("expected points with labels, or a mask, of an object; got both or neither")


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What is remembered of N objects, and the frame that comes next, of a clip of `frames` (None: a stream).

    `born` says in which frame each was first prompted; a new object has an empty bank and None.
    """

    banks: tuple[MemoryBank, ...] = ()
    born: tuple[int | None, ...] = ()
    frame: int = 0
    frames: int | None = None
    reverse: bool = False

    def add(self, count: int = 1) -> "Memory":
        """With new objects, to be prompted in the next step."""
        return replace(self, banks=(*self.banks, *[MemoryBank()] * count), born=(*self.born, *[None] * count))

    def at(self, frame: int) -> "Memory":
        """To go on with another frame."""
        return replace(self, frame=frame)


@dataclass(frozen=True, kw_only=True)
class Tracked:
    """One row an object: mask logits at four times the token grid (`ABSENT` where the object is not there), estimated
    IoU, the logit that it is there, and the memory with this frame in it."""

    mask_logits: Float[Tensor, "n 1 h w"]
    iou_scores: Float[Tensor, "n"]
    object_logits: Float[Tensor, "n"]
    memory: Memory


@dataclass(frozen=True, kw_only=True)
class Carried:
    """Some objects in one frame that is not remembered yet: as in `Tracked`, with the pointers to remember."""

    mask_logits: Float[Tensor, "n 1 h w"]
    iou_scores: Float[Tensor, "n"]
    object_logits: Float[Tensor, "n"]
    pointers: Float[Tensor, "n c"]


@dataclass(frozen=True, kw_only=True)
class Answer(Carried):
    """With logits of a size for the memory encoder."""

    full_logits: list[Float[Tensor, "1 1 height width"]]


def _joined(parts: Sequence[Carried], order: Sequence[int]) -> Carried:
    """Answers in the order of the objects."""
    return Carried(
        mask_logits=torch.cat([part.mask_logits for part in parts])[order],
        iou_scores=torch.cat([part.iou_scores for part in parts])[order],
        object_logits=torch.cat([part.object_logits for part in parts])[order],
        pointers=torch.cat([part.pointers for part in parts])[order],
    )


def track(
    tracker: Tracker,
    features: TrackerFeatures,
    memory: Memory,
    prompts: Sequence[ObjectPrompt | None],
    image_hw: tuple[int, int],
) -> Tracked:
    """Carry every object into the memory's frame, or answer its prompt there; `features` are of that one image."""
    if len(prompts) != len(memory.banks):
        raise ValueError(f"expected a prompt, or None, for each of {len(memory.banks)} objects, got {len(prompts)}")
    carried = [i for i, prompt in enumerate(prompts) if prompt is None]
    parts = [(carried, with_full(carry(tracker, features, memory, carried), image_hw))] if carried else []
    parts += [([i], _asked(tracker, features, p, image_hw)) for i, p in enumerate(prompts) if p is not None]
    if not parts:
        raise ValueError("expected at least one object to track, got none: add one to the memory")
    return settle(tracker, features, memory, parts, [prompt is not None for prompt in prompts], image_hw)


def settle(
    tracker: Tracker,
    features: TrackerFeatures,
    memory: Memory,
    parts: Sequence[tuple[Sequence[int], Answer]],
    prompted: Sequence[bool],
    image_hw: tuple[int, int],
) -> Tracked:
    """Answers for all objects of the memory, each part with its rows, put in order and remembered."""
    order = torch.tensor([i for rows, _ in parts for i in rows]).argsort().tolist()
    answer = _joined([part for _, part in parts], order)
    full_logits = [logits for _, part in parts for logits in part.full_logits]
    apart = _apart([full_logits[i] for i in order], prompted, image_hw)
    maps = _encode(tracker, features, apart, answer.object_logits, prompted)
    shares = _shares(features, apart)
    return Tracked(
        mask_logits=answer.mask_logits,
        iou_scores=answer.iou_scores,
        object_logits=answer.object_logits,
        memory=_remember(memory, features, maps, shares, answer, prompted),
    )


def carry(tracker: Tracker, features: TrackerFeatures, memory: Memory, rows: Sequence[int]) -> Carried:
    """Objects that were prompted in other frames, from memory; nothing is remembered yet. A few are taken at a time,
    which bounds what they take."""
    frame = look(tracker, features)
    parts = [_carry(tracker, features, frame, memory, part) for part in _parts(rows, features)]
    return parts[0] if len(parts) == 1 else _joined(parts, range(len(rows)))


def look(tracker: Tracker, features: TrackerFeatures) -> Float[Tensor, "1 s c"]:
    """The one frame before any memory of it is read."""
    image = features.image[0].flatten(1).T  # (s, c)
    position = sine_grid(*features.grid_hw, image.shape[1], image.device).to(image.dtype)
    return tracker.memory_attention.look(image, position, features.grid_hw)


def _carry(
    tracker: Tracker,
    features: TrackerFeatures,
    frame: Float[Tensor, "1 s c"],
    memory: Memory,
    rows: Sequence[int],
) -> Carried:
    """Some objects in one batch, by what they read of their memories."""
    return answered(tracker, one_mask(tracker, recalled(tracker, features, frame, memory, rows)))


def one_mask(tracker: Tracker, recalled: Decoded) -> Decoded:
    """Of objects that were carried on: the best of three, as published. One that matching prompts is not ambiguous."""
    return single(recalled) if tracker.config.matching else three(recalled).best()


def recalled(
    tracker: Tracker,
    features: TrackerFeatures,
    frame: Float[Tensor, "1 s c"],
    memory: Memory,
    rows: Sequence[int],
) -> Decoded:
    """All masks of some objects in one batch, by what they read of their memories.

    With matching, its masks are a prompt of the decoder, and answers are the mean of both (logits; a pool of two
    opinions), so that the decoder learns what matching does not know.
    """
    readings = [memory.banks[i].read(memory.frame, memory.frames, memory.reverse) for i in rows]
    memories = memories_of(tracker, readings, features.memory_hw, pointer_frames(memory.frames))
    maps = tracker.memory_attention.read(frame, features.grid_hw, memories)  # (n, s, c)
    maps = maps.transpose(1, 2).unflatten(2, features.grid_hw)
    clicks = _no_clicks(len(rows), frame.device)
    matcher = features.matcher
    moved = None if matcher is None else matcher.logits(readings, features.mask_hw).to(maps.dtype)
    decoded = tracker.candidates(features, maps, first_image(len(rows), frame.device), clicks, moved)
    return decoded if moved is None else replace(decoded, mask_logits=(decoded.mask_logits + moved) / 2)


def remember(
    tracker: Tracker,
    features: TrackerFeatures,
    memory: Memory,
    carried: Carried,
    mask_logits: Float[Tensor, "n 1 h w"],
    hidden: Bool[Tensor, "n"],
) -> Memory:
    """The memory with the frame of `carried` in it, whose masks a policy may have changed to `mask_logits`; a `hidden`
    object's are kept low. As published for a detector with its tracker: logits are resized before they become masks,
    and an object is there when its mask has a pixel."""
    maps, shares = [], []
    for rows in _parts(range(len(mask_logits)), features):
        chosen = slice(rows[0], rows[-1] + 1)
        full = F.interpolate(mask_logits[chosen], memory_mask_hw(features), mode="bilinear")
        full = torch.where(hidden[chosen].to(full.device)[:, None, None, None], full.clamp(max=OVERLAID), full)
        there = torch.where((full > 0).flatten(1).any(1), LOGIT_SCALE + LOGIT_BIAS, LOGIT_BIAS)
        maps.append(_encode(tracker, features, full.split(1), there, [False] * len(rows)))
        shares += _shares(features, full.split(1))
    return _remember(memory, features, torch.cat(maps), shares, carried, [False] * len(mask_logits))


def _asked(tracker: Tracker, features: TrackerFeatures, prompt: ObjectPrompt, image_hw: tuple[int, int]) -> Answer:
    """One object by what is said of it in this frame; memory is not asked, as published."""
    device, dtype = features.image.device, features.image.dtype
    if prompt.mask is not None:
        return _of_mask(tracker, features, prompt.mask.to(device, dtype)[None, None])
    assert prompt.points_xy_norm is not None and prompt.labels is not None
    clicks = pad_clicks([(prompt.points_xy_norm.cpu(), prompt.labels.cpu())], device)
    earlier = prompt.mask_logits
    if earlier is not None:
        earlier = earlier.to(device, dtype).clamp(-CLAMP, CLAMP)[None, None]
    several = len(prompt.labels) <= 1  # a single click may mean a part, the whole or a group
    decoded = tracker.pick(features, first_image(1, device), clicks, earlier, several)
    return with_full(answered(tracker, decoded.best()), image_hw)


def _of_mask(tracker: Tracker, features: TrackerFeatures, mask: Float[Tensor, "n 1 height width"]) -> Answer:
    """A mask that is given is the answer; only its pointer is decoded, from the single-mask token."""
    return given(tracker, features, mask, single(of_mask(tracker, features, mask)))


def of_mask(tracker: Tracker, features: TrackerFeatures, mask: Float[Tensor, "n 1 height width"]) -> Decoded:
    """All masks that the decoder makes of given ones."""
    small = tracker.mask_downsample(_resized(mask, _full_hw(features)))
    maps = features.image  # as it is: the embedding that stands for no memory is not added here
    none = _no_clicks(len(mask), mask.device)
    return tracker.candidates(features, maps, first_image(len(mask), mask.device), none, small)


def given(
    tracker: Tracker, features: TrackerFeatures, mask: Float[Tensor, "n 1 height width"], decoded: Decoded
) -> Answer:
    """Masks that are given as the answer, with the pointers of what was decoded from them."""
    logits = _resized(mask, _full_hw(features)) * LOGIT_SCALE + LOGIT_BIAS
    there = (mask > 0).flatten(1).any(1).to(mask.dtype)
    object_logits = there * LOGIT_SCALE + LOGIT_BIAS
    return Answer(
        mask_logits=_resized(logits, features.mask_hw),
        iou_scores=torch.ones_like(object_logits),
        object_logits=object_logits,
        pointers=_pointer(tracker, answered(tracker, decoded).pointers, object_logits),
        full_logits=list(logits.split(1)),
    )


def answered(tracker: Tracker, decoded: Decoded) -> Carried:
    """From one decoded mask an object."""
    there = (decoded.object_logits > 0)[:, None, None, None]
    return Carried(
        mask_logits=torch.where(there, decoded.mask_logits, ABSENT),
        iou_scores=decoded.iou_scores[:, 0],
        object_logits=decoded.object_logits,
        pointers=_pointer(tracker, tracker.pointer_head(decoded.tokens[:, 0]), decoded.object_logits),
    )


def with_full(carried: Carried, image_hw: tuple[int, int]) -> Answer:
    """With logits at the model's resolution."""
    full = F.interpolate(carried.mask_logits.float(), image_hw, mode="bilinear").to(carried.mask_logits.dtype)
    return Answer(**vars(carried), full_logits=list(full.split(1)))


def _pointer(
    tracker: Tracker, pointers: Float[Tensor, "n c"], object_logits: Float[Tensor, "n"]
) -> Float[Tensor, "n c"]:
    return torch.where((object_logits > 0)[:, None], pointers, tracker.no_pointer)


def _encode(
    tracker: Tracker,
    features: TrackerFeatures,
    full_logits: Sequence[Float[Tensor, "1 1 height width"]],
    object_logits: Float[Tensor, "n"],
    prompted: Sequence[bool],
) -> Float[Tensor, "n s m"]:
    """The maps to remember: masks of prompted objects are thresholded, those of carried ones stay soft, both before
    they are brought to the size that the encoder takes."""
    rows = range(len(prompted))
    return torch.cat(
        [_encode_some(tracker, features, full_logits, object_logits, prompted, part) for part in _parts(rows, features)]
    )


def _encode_some(
    tracker: Tracker,
    features: TrackerFeatures,
    full_logits: Sequence[Float[Tensor, "1 1 height width"]],
    object_logits: Float[Tensor, "n"],
    prompted: Sequence[bool],
    rows: Sequence[int],
) -> Float[Tensor, "k s m"]:
    masks = [(full_logits[i] > 0).to(full_logits[i].dtype) if prompted[i] else full_logits[i].sigmoid() for i in rows]
    size_hw = memory_mask_hw(features)
    scaled = torch.cat([_resized(mask * LOGIT_SCALE + LOGIT_BIAS, size_hw) for mask in masks])
    absent = torch.where((object_logits[list(rows)] <= 0)[:, None], tracker.absent, 0)  # (n, m)
    maps = tracker.memory_encoder(features.for_memory, scaled) + absent[:, :, None, None]
    return maps.to(MAP_DTYPE).flatten(2).transpose(1, 2)


@torch.no_grad()
def _shares(features: TrackerFeatures, full_logits: Sequence[Float[Tensor, "1 1 height width"]]) -> list[Tensor | None]:
    """What matching remembers of each mask."""
    if features.matcher is None:
        return [None] * len(full_logits)
    return [share_of(logits > 0, features.grid_hw)[0] for logits in full_logits]


def _apart(full_logits: Sequence[Tensor], prompted: Sequence[bool], image_hw: tuple[int, int]) -> list[Tensor]:
    """Where several objects are prompted in one frame, each pixel belongs to the one with the highest logit."""
    rows = [i for i, is_prompted in enumerate(prompted) if is_prompted]
    if len(rows) < 2:
        return list(full_logits)
    logits = torch.cat([_resized(full_logits[i], image_hw) for i in rows])  # (k, 1, height, width)
    highest = logits.argmax(0, keepdim=True) == torch.arange(len(rows), device=logits.device)[:, None, None, None]
    logits = torch.where(highest, logits, logits.clamp(max=OVERLAID))
    apart = list(full_logits)
    for row, own in zip(rows, logits, strict=True):
        apart[row] = own[None]
    return apart


def _remember(
    memory: Memory,
    features: TrackerFeatures,
    maps: Tensor,
    shares: Sequence[Tensor | None],
    answer: Carried,
    prompted: Sequence[bool],
) -> Memory:
    """The memory with this frame, less what can no longer be read, ready for the next frame."""
    born = tuple(memory.frame if b is None else b for b in memory.born)
    following = memory.frame + (-1 if memory.reverse else 1)
    certain = (2 * answer.object_logits.float().sigmoid() - 1).clamp(min=0).tolist()
    ious = answer.iou_scores.float().tolist()
    appearance = None if features.matcher is None else features.matcher.appearance
    banks = []
    for i, bank in enumerate(memory.banks):
        group = [j for j, b in enumerate(born) if b == born[i]]
        quality = sum(certain[j] for j in group) / len(group) * sum(ious[j] for j in group) / len(group)
        entry = Remembered(
            map=maps[i], pointer=answer.pointers[i], quality=quality, appearance=appearance, share=shares[i]
        )
        bank = bank.append(memory.frame, entry, prompted=prompted[i])
        banks.append(bank.evict(following, memory.frames, memory.reverse))
    return replace(memory, banks=tuple(banks), born=born, frame=following)


def _parts(rows: Sequence[int], features: TrackerFeatures) -> list[Sequence[int]]:
    """The objects that are taken together."""
    most = CELLS_AT_ONCE.get(features.image.device.type, CELLS_AT_ONCE["cpu"])
    count = max(1, most // (features.grid_hw[0] * features.grid_hw[1]))
    return [rows[start : start + count] for start in range(0, len(rows), count)]


def _resized(mask: Float[Tensor, "n *c h w"], size_hw: tuple[int, int]) -> Float[Tensor, "n *c h2 w2"]:
    """Bilinear, with antialiasing where it shrinks."""
    if tuple(mask.shape[-2:]) == size_hw:
        return mask
    return F.interpolate(mask.float(), size_hw, mode="bilinear", antialias=True).to(mask.dtype)


def memory_mask_hw(features: TrackerFeatures) -> tuple[int, int]:
    """The size that the memory encoder takes masks in."""
    return features.memory_hw[0] * MEMORY_SCALE, features.memory_hw[1] * MEMORY_SCALE


def _full_hw(features: TrackerFeatures) -> tuple[int, int]:
    """The size that masks are given in, that of the memory encoder where memories lie on the token grid."""
    return features.grid_hw[0] * MEMORY_SCALE, features.grid_hw[1] * MEMORY_SCALE


def first_image(count: int, device: torch.device) -> Tensor:
    """The one image, for each of several objects."""
    return torch.zeros(count, dtype=torch.long, device=device)


def _no_clicks(count: int, device: torch.device) -> Clicks:
    return pad_clicks([(torch.zeros(0, 2), torch.zeros(0, dtype=torch.long))] * count, device)
