"""The whole model: encode images once, then ask them any number of prompts."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from argus.model.cutter import Cutter, CutterConfig
from argus.model.detector import (
    Detector,
    DetectorConfig,
    DetectorFeatures,
    DetectorOutput,
    DetectorTraining,
    Question,
    Selection,
)
from argus.model.exemplar_encoder import Exemplars
from argus.model.namer import Namer, NamerConfig
from argus.model.outline_refiner import OutlineConfig, OutlineRefiner
from argus.model.text_encoder import TextConfig, TextEncoder
from argus.model.tokenizer import Tokenizer, clean
from argus.model.tracker import Tracker, TrackerConfig, TrackerFeatures
from argus.model.tracking import Carried, Memory, ObjectPrompt, Tracked, carry, remember, track
from argus.model.vision_encoder import VisionConfig, VisionEncoder
from argus.types import Prompt

CACHED_PHRASES = 1024
TOKENS_AT_ONCE = {"cpu": 8192, "cuda": 65536}  # image tokens x prompts answered in one chunk


@dataclass(frozen=True, kw_only=True)
class Sam3Config:
    """Sizes of every part; the defaults are the published model's, without its tracker.

    A model has a detector (and a text encoder with it), a tracker, or both; and it may have a namer of what the
    detector finds, a cutter of what boxes show, and, fine-tuned, a refiner of outlines.
    """

    vision: VisionConfig = field(default_factory=VisionConfig)
    text: TextConfig | None = field(default_factory=TextConfig)
    detector: DetectorConfig | None = field(default_factory=DetectorConfig)
    tracker: TrackerConfig | None = None
    outlines: OutlineConfig | None = None
    namer: NamerConfig | None = None
    cutter: CutterConfig | None = None

    def __post_init__(self) -> None:
        if (self.text is None) != (self.detector is None) or (self.detector is None and self.tracker is None):
            raise ValueError("expected sizes of a text encoder and a detector, of a tracker, or of all; got fewer")
        if self.namer is not None and self.detector is None:
            raise ValueError("expected a namer beside the detector whose findings it names, got one without")


@dataclass(kw_only=True)
class Origin:
    """What a model's file says beside its weights, kept so that saving it again loses nothing.

    `unused` are tensors that the model never reads, `training` is a free record such as {"steps": 1000}, `huggingface`
    the configuration of that layout. Without `points` the file held no projections of points: prompts with points are
    refused. Without `memory` it held no memory of the tracker, which then picks in single images only.
    """

    points: bool = True
    memory: bool = True
    unused: dict[str, Tensor] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    huggingface: dict[str, Any] = field(default_factory=dict)


class Features:
    """Encoded images. What each part of the model reads of them is computed on first use and kept."""

    def __init__(self, model: "Sam3", trunk: Float[Tensor, "b h w c"]):
        self._model = model
        self.trunk = trunk

    def __len__(self) -> int:
        return len(self.trunk)

    @cached_property
    def detector(self) -> DetectorFeatures:
        """Raises ValueError for a model that is a tracker alone."""
        if self._model.config.detector is None:
            raise ValueError(
                "this model is a tracker alone, so it cannot answer phrases or example boxes: load a whole SAM 3"
            )
        return DetectorFeatures(self._model.detector, self.trunk)

    @cached_property
    def tracker(self) -> TrackerFeatures:
        """Raises ValueError for a model that has no tracker."""
        if self._model.tracker is None:
            raise ValueError(
                "this model has no tracker, so it cannot pick single objects: load Meta's sam3.pt or a folder of "
                "Sam3VideoModel"
            )
        return TrackerFeatures(self._model.tracker, self.trunk)


class Sam3(nn.Module):
    """SAM 3: vision encoder, with text encoder and detector, with the tracker, or with all of them."""

    text: TextEncoder
    detector: Detector

    def __init__(self, config: Sam3Config, tokenizer: Tokenizer | None):
        super().__init__()
        self.config = config
        self.tokenizer = tokenizer
        self.vision = VisionEncoder(config.vision)
        if config.text is not None and config.detector is not None:
            _check_tokenizer(tokenizer, config.text)
            self.text = TextEncoder(config.text, config.detector.width)
            self.detector = Detector(config.detector, config.vision.width)
        self.tracker = None if config.tracker is None else Tracker(config.tracker, config.vision.width)
        self.outlines = None if config.outlines is None else OutlineRefiner(config.outlines)
        self.namer = None
        if config.namer is not None and config.detector is not None:
            self.namer = Namer(config.namer, config.detector.width)
        self.cutter = None if config.cutter is None else Cutter(config.cutter)
        self.origin = Origin()
        self._phrases: OrderedDict[str, tuple[Tensor, Tensor]] = OrderedDict()
        self.register_load_state_dict_post_hook(lambda model, _: model._phrases.clear())

    @property
    def device(self) -> torch.device:
        return self.vision.position.device

    @property
    def dtype(self) -> torch.dtype:
        return self.vision.position.dtype

    def tiles_for(self, phrase: str) -> int:
        """Along each side, the tiles that a phrase is looked for in: those of its fine-tuning on small objects, else 1.

        Kept in the record of the training (`Origin.training`), of the model or its adapter, as {"tiles": {phrase: 2}}.
        """
        return self.tiles_by_phrase.get(clean(phrase), 1)

    @property
    def tiles_by_phrase(self) -> dict[str, int]:
        """What `tiles_for` goes by; what an adapter was trained on goes before what its base was."""
        record = self.origin.training
        known = {**record.get("tiles", {}), **record.get("adapter", {}).get("tiles", {})}
        return {phrase: int(tiles) for phrase, tiles in known.items()}

    def namer_for(self, phrase: str) -> Namer | None:
        """What judges from close up whether a phrase fits; none for phrases of a fine-tuning, which it never heard."""
        return None if clean(phrase) in self.tiles_by_phrase else self.namer

    def refiner_for(self, phrase: str) -> OutlineRefiner | None:
        """What refines the outlines of what a phrase finds, where it learned that phrase in a fine-tuning."""
        return self.outlines if clean(phrase) in self.refined_phrases else None

    @property
    def refined_phrases(self) -> frozenset[str]:
        """Those that the refiner of outlines, where there is one, was taught: of the model and of its adapter, kept
        beside their tiles as {"refined": [phrase]}."""
        record = self.origin.training
        return frozenset((*record.get("refined", ()), *record.get("adapter", {}).get("refined", ())))

    @property
    def image_size_hw(self) -> tuple[int, int]:
        """The resolution in pixels that the weights were made for."""
        return self.config.vision.image, self.config.vision.image

    def encode(self, images: Float[Tensor, "b 3 h w"]) -> Features:
        """Encode images, normalised with mean 0.5 and std 0.5, whose sides are multiples of the patch."""
        patch = self.config.vision.patch
        fits = isinstance(images, Tensor) and images.is_floating_point() and images.ndim == 4 and images.shape[1] == 3
        if not fits or images.shape[2] % patch or images.shape[3] % patch or not images.numel():
            came = f"{images.dtype} {tuple(images.shape)}" if isinstance(images, Tensor) else type(images).__name__
            raise ValueError(
                f"expected normalised float images (B, 3, H, W) with sides that {patch} divides, got {came}; "
                "ImagePredictor takes files, pixels and any size"
            )
        if not bool(images.isfinite().all()):
            raise ValueError("expected finite images, got NaN or infinity in them")
        return Features(self, self.vision(images.to(self.device, self.dtype)))

    def detect(
        self,
        features: Features,
        prompts: Sequence[Prompt],
        *,
        all_masks: bool = False,
        semantic: bool = False,
        score_threshold: float = 0.5,
        max_masks: int | None = None,
    ) -> DetectorOutput:
        """Answer each prompt with one row of the output, in their order, a few prompts at a time.

        Masks are decoded for the queries whose score is above `score_threshold` (the `max_masks` best at most), or for
        all with `all_masks`; the semantic map only with `semantic`.
        """
        asked = list(prompts) if isinstance(prompts, Iterable) else []  # a generator can be read but once
        if not asked or not all(isinstance(p, Prompt) for p in asked):
            raise ValueError(f"expected a list of one or more argus.Prompt, got {prompts!r:.80}")
        prompts = asked
        of_detector = features.detector
        selection = None if all_masks else Selection(threshold=score_threshold, limit=max_masks)
        chunk = self._prompts_at_once(features)
        if len(prompts) > chunk and not self._learns_text:
            self.encode_text([p.phrase for p in prompts])  # in one batch; the chunks find them in the cache
        parts = [
            self.detector(of_detector, self.question(features, prompts[i : i + chunk]), selection, semantic)
            for i in range(0, len(prompts), chunk)
        ]
        return parts[0] if len(parts) == 1 else _concatenate(parts)

    def track(
        self, features: Features, memory: Memory, prompts: Sequence[ObjectPrompt | None] | None = None
    ) -> Tracked:
        """Carry the objects of `memory` into its frame, whose `features` are those of one image; one row an object.

        `prompts` has one entry for each object: what is said of it in this frame, or None to carry it on from memory.
        Raises ValueError for a model without a tracker or its memory, and for an object that was never prompted.
        """
        tracker, of_tracker = self._of_frame(features)
        patch = self.config.vision.patch
        image_hw = (of_tracker.grid_hw[0] * patch, of_tracker.grid_hw[1] * patch)
        asked = [None] * len(memory.banks) if prompts is None else list(prompts)
        return track(tracker, of_tracker, memory, asked, image_hw)

    def carry(self, features: Features, memory: Memory) -> Carried:
        """The first half of `track` without prompts, for a policy between the halves: the objects in this frame."""
        tracker, of_tracker = self._of_frame(features)
        return carry(tracker, of_tracker, memory, range(len(memory.banks)))

    def remember(
        self,
        features: Features,
        memory: Memory,
        carried: Carried,
        mask_logits: Float[Tensor, "n 1 h w"],
        hidden: Bool[Tensor, "n"],
    ) -> Memory:
        """The second half: what was carried is remembered, by the masks that the policy left; see `tracking`."""
        tracker, of_tracker = self._of_frame(features)
        return remember(tracker, of_tracker, memory, carried, mask_logits, hidden)

    def _of_frame(self, features: Features) -> tuple[Tracker, TrackerFeatures]:
        of_tracker = features.tracker
        assert self.tracker is not None
        if not self.origin.memory:
            raise ValueError("this model's file holds no memory of the tracker (it is for single images): load another")
        if len(features) != 1:
            raise ValueError(f"expected the features of one frame, got {len(features)}")
        return self.tracker, of_tracker

    def train_forward(
        self,
        features: Features,
        prompts: Sequence[Prompt],
        present: Int[Tensor, "m"],
        hints: Float[Tensor, "m k 4"],
    ) -> DetectorTraining:
        """Every decoder layer's predictions for training, see `Detector.train_forward`."""
        return self.detector.train_forward(features.detector, self.question(features, prompts), present, hints)

    def question(self, features: Features, prompts: Sequence[Prompt]) -> Question:
        """Prompts as tensors: text tokens from the text encoder (cached a phrase), boxes and points padded."""
        wrong = [p.image for p in prompts if p.image >= len(features)]
        if wrong:
            raise ValueError(f"prompts ask for images {wrong}, but only {len(features)} were encoded")
        if not self.origin.points and any(len(p.points_xy_norm) for p in prompts):
            raise ValueError(
                "this model's file holds no projections of points (the Hugging Face layout has none), so it cannot "
                "read prompts with points: ask with boxes, or load Meta's sam3.pt"
            )
        text, valid = self.encode_text([p.phrase for p in prompts])
        return Question(text=text, text_valid=valid, exemplars=_exemplars(prompts, self.device))

    def encode_text(self, phrases: Sequence[str]) -> tuple[Float[Tensor, "p t c"], Bool[Tensor, "p t"]]:
        """Text tokens of each phrase, padded to the longest of them, and which are not padding.

        Outside training they are kept a phrase; after changing weights in place, call `eval()` to forget them.
        """
        if self._learns_text:
            unique = list(dict.fromkeys(phrases))
            tokens, valid = self._encode_text(unique)
            rows = torch.tensor([unique.index(p) for p in phrases], device=self.device)
            return tokens[rows], valid[rows]
        missing = [p for p in dict.fromkeys(phrases) if p not in self._phrases]
        if missing:
            for phrase, row, valid in zip(missing, *self._encode_text(missing), strict=True):
                length = int(valid.nonzero().max()) + 1
                self._phrases[phrase] = (row[:length], valid[:length])
        for phrase in phrases:
            self._phrases.move_to_end(phrase)
        chosen = [self._phrases[p] for p in phrases]
        while len(self._phrases) > CACHED_PHRASES:
            self._phrases.popitem(last=False)
        pad = nn.utils.rnn.pad_sequence
        return pad([t for t, _ in chosen], batch_first=True), pad([v for _, v in chosen], batch_first=True)

    def train(self, mode: bool = True) -> "Sam3":
        self._phrases.clear()
        return super().train(mode)

    def _apply(self, fn, recurse: bool = True):  # type: ignore[no-untyped-def]
        self._phrases.clear()  # moved to another device or dtype: cached features would not fit
        return super()._apply(fn, recurse)

    @property
    def _learns_text(self) -> bool:
        """True in training, when features of phrases change with each step and are not kept."""
        return torch.is_grad_enabled() and any(p.requires_grad for p in self.text.parameters())

    def _encode_text(self, phrases: Sequence[str]) -> tuple[Float[Tensor, "p t c"], Bool[Tensor, "p t"]]:
        blank = [p for p in phrases if not clean(p)]
        if blank:
            raise ValueError(f"expected phrases with words in them, got {blank}")
        assert self.tokenizer is not None
        tokens = self.tokenizer(phrases)
        length = int((~tokens.padding).nonzero()[:, 1].max()) + 1  # what follows cannot be seen from before it
        ids, valid = tokens.ids[:, :length].to(self.device), ~tokens.padding[:, :length].to(self.device)
        return self.text(ids), valid

    def _prompts_at_once(self, features: Features) -> int:
        tokens = features.trunk.shape[1] * features.trunk.shape[2]
        return max(1, TOKENS_AT_ONCE.get(self.device.type, TOKENS_AT_ONCE["cpu"]) // tokens)


def _check_tokenizer(tokenizer: Tokenizer | None, config: TextConfig) -> None:
    if tokenizer is None:
        raise ValueError("a model with a text encoder needs its tokenizer, got None")
    if tokenizer.vocab_size > config.vocabulary or tokenizer.context_length > config.context:
        raise ValueError(
            f"the text encoder takes {config.vocabulary} tokens and a context of {config.context}, but the tokenizer "
            f"has {tokenizer.vocab_size} and {tokenizer.context_length}: use the tokenizer that belongs to the model"
        )


def _exemplars(prompts: Sequence[Prompt], device: torch.device) -> Exemplars:
    pad = nn.utils.rnn.pad_sequence
    boxes, points = [p.boxes_cxcywh_norm for p in prompts], [p.points_xy_norm for p in prompts]
    return Exemplars(
        boxes_cxcywh_norm=pad(boxes, batch_first=True).to(device),
        box_labels=pad([p.box_labels for p in prompts], batch_first=True).to(device),
        box_valid=_valid(boxes).to(device),
        points_xy_norm=pad(points, batch_first=True).to(device),
        point_labels=pad([p.point_labels for p in prompts], batch_first=True).to(device),
        point_valid=_valid(points).to(device),
        image=torch.tensor([p.image for p in prompts], device=device),
    )


def _valid(rows: Sequence[Tensor]) -> Bool[Tensor, "p k"]:
    lengths = torch.tensor([len(r) for r in rows])
    return torch.arange(int(lengths.max())) < lengths[:, None]


def _concatenate(parts: Sequence[DetectorOutput]) -> DetectorOutput:
    masks = [p.mask_logits for p in parts]
    stacked = [m for m in masks if isinstance(m, Tensor)]
    semantic = [p.semantic_logits for p in parts if p.semantic_logits is not None]
    return DetectorOutput(
        query_logits=torch.cat([p.query_logits for p in parts]),
        presence_logits=torch.cat([p.presence_logits for p in parts]),
        boxes_cxcywh_norm=torch.cat([p.boxes_cxcywh_norm for p in parts]),
        mask_logits=torch.cat(stacked) if stacked else [m for part in masks for m in part],
        kept=[k for p in parts for k in p.kept],
        semantic_logits=torch.cat(semantic) if semantic else None,
    )
