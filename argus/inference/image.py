"""The image predictor: encode an image once, then ask by phrases, example boxes, or both, in people's units."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike
from torch import Tensor

from argus.inference.everything import Everything, segment_everything
from argus.inference.pick import Picked, pick, read_picks
from argus.inference.postprocess import Keep, answers, best
from argus.inference.preprocess import ImageSource, RgbImage, read_image
from argus.inference.tiles import find_in_tiles
from argus.inference.zoom import pick_closer
from argus.model.sam3 import Features, Sam3
from argus.model.tokenizer import clean
from argus.ops.boxes import check_xyxy_px, px_to_norm
from argus.ops.pixels import to_model_input
from argus.ops.windows import MOST
from argus.types import Detections, Prompt


@dataclass(frozen=True, kw_only=True)
class EncodedImage:
    """What is kept of an image: its features, and the image itself to look at a part of it more closely."""

    features: Features
    pixels: RgbImage

    @property
    def size_hw(self) -> tuple[int, int]:
        return self.pixels.shape[0], self.pixels.shape[1]


class ImagePredictor:
    """Finds every instance of a concept in an image.

    predictor = ImagePredictor(argus.load("nano")).set_image("street.jpg")
    buses = predictor.predict("yellow school bus")
    both = predictor.predict(["car", "person"], score_threshold=0.4)
    alike = predictor.predict(boxes=[[40, 60, 180, 220]])
    """

    def __init__(self, model: Sam3) -> None:
        self.model = model
        self._image: EncodedImage | None = None

    def set_image(self, image: ImageSource) -> "ImagePredictor":
        """Read and encode an image (see `read_image` for what it may be), and return the predictor itself.

        Raises ValueError for a missing file (a FileNotFoundError too) and for what is not a picture; there is no image
        then, not the one before.
        """
        self._image = None
        pixels = read_image(image)
        inputs = to_model_input(pixels, self.model.image_size_hw)
        with torch.inference_mode():
            features = self.model.encode(inputs[None])
        self._image = EncodedImage(features=features, pixels=pixels)
        return self

    def predict(
        self,
        phrases: str | Sequence[str] | None = None,
        *,
        boxes: ArrayLike | Tensor | None = None,
        labels: ArrayLike | Tensor | None = None,
        score_threshold: float = 0.5,
        mask_threshold: float = 0.0,
        max_count: int | None = None,
        nms_within: float | None = None,
        nms_across: float | None = None,
        tiles: int | None = None,
    ) -> Detections:
        """Every instance of what is asked, best first, in pixels of the upright image.

        Ask by a phrase, by several (one answer, whose `concept` names them; a repeated phrase counts once), by example
        boxes alone (their concept is "visual"), or by one phrase with boxes. Boxes with several phrases are refused,
        since a box shows an example of one concept.

        boxes: (n, 4) left, top, right, bottom in pixels of the upright image; clipped where they reach over its border.
        labels: one a box, 1 for + (like this) or 0 for - (not this); all + by default. Without a phrase one must be +.
            As published, all boxes are in the prompt. nano compares - boxes with it: what lies on one goes, and what it
            finds as an example, unless the prompt knows it much better.
        score_threshold: detections with a score above it are kept; 0.5 as published.
        mask_threshold: a pixel belongs to a mask when its logit is above it; 0 (even odds) as published.
        max_count: the most detections of each phrase, the best ones, after NMS; no limit by default.
        nms_within: drop a detection whose mask IoU with a better one of its phrase is above it; 1 keeps all. None:
            as the model is made (nano 0.5; published models keep all). Whatever it is, of two that nano's namer judged
            and that share more than half of the smaller one, the better one alone is kept.
        nms_across: the same between any two detections, of whichever phrases; off by default.
        tiles: look for phrases in tiles x tiles overlapping parts of the image, and in those of one less along a side,
            each read as large as the whole would be, so that small objects are found; costs as many encodings. 1: in
            the whole. None: for each phrase as the model is made (fine-tuned on small objects, it looks for those in
            tiles). Boxes are of the whole image.

        Raises ValueError when no image is set, and for an empty question, phrase, box or wrong labels.
        """
        keep = Keep(
            score_threshold=score_threshold,
            mask_threshold=mask_threshold,
            max_count=max_count,
            nms_within=nms_within,
            nms_across=nms_across,
        )
        image = self._encoded()
        prompts = _prompts(phrases, boxes, labels, image.size_hw)
        return _answer(self.model, image, prompts, keep, _tiles(tiles, prompts))

    def pick(
        self,
        points: ArrayLike | Sequence[ArrayLike] | Tensor | None = None,
        *,
        labels: ArrayLike | Sequence[ArrayLike] | Tensor | None = None,
        box: ArrayLike | Tensor | None = None,
        mask_logits: ArrayLike | Tensor | None = None,
        multimask: bool = True,
        zoom: bool | None = None,
    ) -> Picked:
        """The one object that is clicked on, boxed, or outlined roughly; or several such objects in one batch.

        points: (k, 2) x, y in pixels of the upright image, of one object; (n, k, 2), or a list, of n objects.
        labels: one a point, 1 (+, on the object) or 0 (-, not on it); all + by default.
        box: (4) left, top, right, bottom of one object in pixels, (n, 4) of several.
        mask_logits: (h, w) or (n, h, w), the `best_logits` of an earlier answer, to refine it with further points.
        multimask: weigh three masks for each object (a part, the whole, a group; good for a single click) and take
        the best, or make one (good for boxes and several clicks). All of them are in `mask_logits` of the answer.
        zoom: look at each object again in a window around it (1.5 times its size), so that small ones get finer
        outlines; costs one more encoding an object, except for those that fill most of the image, and those that a box
        alone points out to a model with a cutter (nano), which cuts them out; their masks are alike. None: where the
        model is made for it (nano is, published models are not).

        Raises ValueError for a model without a tracker, when no image is set, and for values that do not fit.
        """
        image = self._encoded()
        with torch.inference_mode():
            mask_hw = image.features.tracker.mask_hw
            picks = read_picks(points, labels, box, mask_logits, image.size_hw, mask_hw)
            first = pick(self.model, image.features, picks, image.size_hw, multimask)
            assert self.model.tracker is not None
            closer = self.model.tracker.config.look_closer if zoom is None else zoom
            return pick_closer(self.model, image.pixels, picks, first, multimask) if closer else first

    def everything(
        self,
        *,
        points_per_side: int = 32,
        iou_threshold: float = 0.88,
        stability_threshold: float = 0.95,
        stability_offset: float = 1.0,
        box_nms: float = 0.7,
        min_area_px: int = 0,
        max_count: int | None = None,
    ) -> Detections:
        """Whatever objects, and parts and groups of them, there are, without a prompt; their concept is "object".

        The tracker is asked for three masks at each point of a grid. Scores are its estimates of each mask's IoU, best
        first.

        points_per_side: the grid has so many rows and columns over the image; time grows with its square.
        iou_threshold: masks whose estimated IoU is above it are kept.
        stability_threshold: so much the mask's IoU has to be, at least, at the two logits +- stability_offset: those of
        low resolution, as the model makes them.
        box_nms: drop a mask whose box has an IoU with that of a better one above it.
        min_area_px: holes and specks of at most so many pixels are filled and removed, and smaller masks left out.
        max_count: the most masks, the best ones; no limit by default.

        Raises ValueError for a model without a tracker, when no image is set, and for values out of range.
        """
        how = Everything(
            points_per_side=points_per_side,
            iou_threshold=iou_threshold,
            stability_threshold=stability_threshold,
            stability_offset=stability_offset,
            box_nms=box_nms,
            min_area_px=min_area_px,
            max_count=max_count,
        )
        image = self._encoded()
        with torch.inference_mode():
            return segment_everything(self.model, image.features, image.size_hw, how)

    def refine(
        self,
        phrase: str | None = None,
        *,
        score_threshold: float = 0.5,
        mask_threshold: float = 0.0,
        max_count: int | None = None,
        nms_within: float | None = None,
    ) -> "Refinement":
        """Start to refine the answer about the image that is set, box by box; the arguments are those of `predict`.

        Raises ValueError for several phrases: a box shows an example of one concept.
        """
        if phrase is not None and not isinstance(phrase, str):
            raise ValueError(f"Expected one phrase to refine, or None, got {phrase!r}. Refine phrases one by one.")
        keep = Keep(
            score_threshold=score_threshold, mask_threshold=mask_threshold, max_count=max_count, nms_within=nms_within
        )
        return Refinement(self.model, self._encoded(), phrase, keep)

    def _encoded(self) -> EncodedImage:
        if self._image is None:
            raise ValueError("Expected an image to ask about, got none yet. Call set_image first.")
        return self._image


class Refinement:
    """A question about one encoded image that is refined by boxes; only the prompt's part of the model runs again.

    Made by `ImagePredictor.refine`. It stays with its image when the predictor goes on to another.
    """

    def __init__(self, model: Sam3, image: EncodedImage, phrase: str | None, keep: Keep) -> None:
        self._model, self._image, self._phrase, self._keep = model, image, phrase, keep
        self._boxes: list[list[float]] = []
        self._labels: list[int] = []
        first = Detections.empty(image.size_hw) if phrase is None else self._ask([], [])
        self._answers = [first]  # before any box, then after each

    @property
    def detections(self) -> Detections:
        """The answer as it stands; nothing while there is neither a phrase nor a box."""
        return self._answers[-1]

    def add_box(self, box_xyxy_px: ArrayLike | Tensor, positive: bool = True) -> Detections:
        """Show a missed instance (+), or a wrong detection (not `positive`), by its box; returns the new answer.

        Raises ValueError for a box that `predict` would refuse, and then leaves everything as it was.
        """
        box = _numbers(box_xyxy_px, "a box", "left, top, right, bottom in pixels")
        if box.shape != (4,):
            raise ValueError(f"Expected one box of 4 numbers (left, top, right, bottom), got shape {tuple(box.shape)}.")
        boxes, labels = [*self._boxes, box.tolist()], [*self._labels, int(positive)]
        self._answers.append(self._ask(boxes, labels))
        self._boxes, self._labels = boxes, labels
        return self.detections

    def undo(self) -> Detections:
        """Take the last box back; returns the answer before it. Raises ValueError when there is none."""
        if not self._boxes:
            raise ValueError("Expected a box to take back, got none. Call add_box first.")
        self._boxes, self._labels = self._boxes[:-1], self._labels[:-1]
        self._answers.pop()
        return self.detections

    def reset(self) -> Detections:
        """Take all boxes back; returns the answer to the phrase alone."""
        self._boxes, self._labels, self._answers = [], [], self._answers[:1]
        return self.detections

    def _ask(self, boxes: list[list[float]], labels: list[int]) -> Detections:
        prompts = _prompts(self._phrase, boxes, labels, self._image.size_hw)
        return _answer(self._model, self._image, prompts, self._keep)


def _answer(
    model: Sam3, image: EncodedImage, prompts: Sequence[Prompt], keep: Keep, tiles: int | None = None
) -> Detections:
    """Ask those prompts that want it in tiles, the others in the whole image."""
    if keep.nms_within is None and model.config.detector is not None:
        keep = replace(keep, nms_within=model.config.detector.nms_within)
    counts = [1 if len(p.boxes_cxcywh_norm) else tiles or model.tiles_for(p.phrase) for p in prompts]
    whole = [prompt for prompt, count in zip(prompts, counts, strict=True) if count == 1]
    with torch.inference_mode():
        parts = answers(model, image.features, whole, image.pixels, keep, keep.max_masks)
        for count in sorted(set(counts) - {1}):
            tiled = [prompt for prompt, wanted in zip(prompts, counts, strict=True) if wanted == count]
            parts.append(find_in_tiles(model, image.pixels, image.features, tiled, keep, count))
    return best(Detections.merge(parts), keep)


def _tiles(tiles: int | None, prompts: Sequence[Prompt]) -> int | None:
    """Raises ValueError for another number than 1 to `MOST`, and for tiles with boxes."""
    if tiles is None:
        return None
    if isinstance(tiles, bool) or not isinstance(tiles, Integral) or not 1 <= tiles <= MOST:
        raise ValueError(f"Expected tiles as a whole number of 1 to {MOST}, got {tiles!r}.")
    if tiles > 1 and any(len(prompt.boxes_cxcywh_norm) for prompt in prompts):
        raise ValueError(f"Expected phrases alone with tiles, got boxes and tiles={tiles}: leave one of them out.")
    return int(tiles)


def _prompts(
    phrases: str | Sequence[str] | None,
    boxes: ArrayLike | Tensor | None,
    labels: ArrayLike | Tensor | None,
    size_hw: tuple[int, int],
) -> list[Prompt]:
    """One prompt a phrase, or one with boxes."""
    names = _names(phrases)
    boxes_cxcywh_norm = _boxes_norm(boxes, size_hw)
    box_labels = None if labels is None else _numbers(labels, "labels", "1 (+) or 0 (-), one for each box")
    if len(names) > 1 and len(boxes_cxcywh_norm):
        raise ValueError(f"Expected one phrase with boxes, got {len(names)} {names}. Ask the phrases one by one.")
    if not names and not len(boxes_cxcywh_norm):
        raise ValueError("Expected a phrase, boxes, or both, got none of them.")
    if names:
        return [Prompt(name, boxes_cxcywh_norm, box_labels) for name in names]
    prompt = Prompt(None, boxes_cxcywh_norm, box_labels)
    if not bool(prompt.box_labels.any()):
        raise ValueError("Expected a + box (label 1) or a phrase, got only - boxes: nothing says what to look for.")
    return [prompt]


def _names(phrases: str | Sequence[str] | None) -> list[str]:
    """The phrases to ask, each once."""
    if phrases is None:
        return []
    if not isinstance(phrases, Iterable) or isinstance(phrases, bytes):
        raise ValueError(f"Expected a phrase, or a list of phrases, got {phrases!r}.")
    listed = [phrases] if isinstance(phrases, str) else list(phrases)
    if not listed:
        raise ValueError("Expected at least one phrase, got an empty list. To ask by boxes alone leave phrases out.")
    wrong = [phrase for phrase in listed if not isinstance(phrase, str) or not clean(phrase)]
    if wrong:
        raise ValueError(f"Expected phrases with letters, got {wrong[0]!r}. To ask by boxes alone leave phrases out.")
    return list(dict.fromkeys(phrase.strip() for phrase in listed))


def _boxes_norm(boxes: ArrayLike | Tensor | None, size_hw: tuple[int, int]) -> Float[Tensor, "n 4"]:
    """A person's boxes (n, 4) in xyxy pixels, checked and clipped, as the model takes them."""
    values = torch.zeros(0, 4) if boxes is None else _numbers(boxes, "boxes", "(left, top, right, bottom) in pixels")
    if not values.numel():
        return torch.zeros(0, 4)
    if values.ndim != 2 or values.shape[1] != 4:
        raise ValueError(
            f"Expected boxes of shape (n, 4), got {tuple(values.shape)}. One box is [[left, top, right, bottom]]."
        )
    return px_to_norm(check_xyxy_px(values, size_hw), size_hw)


def _numbers(values: ArrayLike | Tensor, name: str, what: str) -> Float[Tensor, "..."]:
    if isinstance(values, Tensor):
        return values.detach().cpu().float()
    try:
        return torch.tensor(np.asarray(values, np.float32))
    except (TypeError, ValueError) as error:
        raise ValueError(f"Expected {name} as numbers, {what}, got {values!r}.") from error
