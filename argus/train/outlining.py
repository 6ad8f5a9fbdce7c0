"""A lesson after fine-tuning: a refiner of outlines learns from the masks that the model is right about.

Nothing else learns by it, and what it learned counts only where it is better than GrabCut on images that it did not
learn from.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from argus.data.dataset import Dataset
from argus.data.records import Sample
from argus.model.outline_refiner import OutlineConfig, OutlineRefiner
from argus.model.sam3 import Sam3
from argus.ops.pixels import to_model_input
from argus.ops.windows import cells_of, share_of, window_of
from argus.train.losses.masks import dice_loss
from argus.types import Prompt

SAME = 0.45  # IoU from which a mask is taken for an object; others have no outline to learn
LEAST_PX = 10  # what shows less of itself has no outline
WINDOWS = 400  # of the images, that are looked at
MOST_PX = 1024  # along the longer side of one; larger ones are shrunk
LEAST, MOST = 64, 1000  # objects; with fewer there is no lesson
CHECKED = 5  # every so many-th image is kept for the check
STEPS, AT_ONCE = 240, 16
RATE, WARMUP, CLIP = 4e-3, 20, 1.0  # the rate falls to 0 over the second half
ENTROPY = 2.0  # how many times cross-entropy counts beside Dice
PASSED = tuple(0.5 + 0.05 * place for place in range(10))  # IoUs, as cgF1 has them


@dataclass(frozen=True, eq=False)
class Looks:
    """What a refiner reads of objects, the share of each cell that is of the object, and which are for the check."""

    views: Float[Tensor, "n 5 s s"]
    shares: Float[Tensor, "n 1 s s"]
    checked: Bool[Tensor, "n"]

    def __len__(self) -> int:
        return len(self.shares)

    def of(self, rows: Bool[Tensor, "n"]) -> Looks:
        return Looks(self.views[rows], self.shares[rows], self.checked[rows])


@dataclass(frozen=True)
class Lesson:
    """A refiner that was taught, and the share of `PASSED` that objects of images kept for the check reach by GrabCut
    (`before`) and with it (`after`)."""

    refiner: OutlineRefiner
    objects: int
    before: float
    after: float


def lesson(model: Sam3, data: Dataset, tiles: int, seed: int, steps: int = STEPS) -> Lesson | None:
    """Teach a new refiner on objects of `data` that the model finds, in windows of the size of one of `tiles` x `tiles`
    tiles; None where it finds too few."""
    torch.manual_seed(seed)
    refiner = OutlineRefiner(OutlineConfig()).to(model.device)
    looks = looks_at(model, refiner, data, tiles, seed)
    if looks is None or len(looks) < LEAST or not bool(looks.checked.any()) or bool(looks.checked.all()):
        return None
    checked = looks.of(looks.checked)
    before = passed(checked.views[:, 4:], checked.shares)
    teach(refiner, looks.of(~looks.checked), steps, seed)
    with torch.inference_mode():
        finer = torch.cat([refiner(views.to(model.device)).cpu() for views in checked.views.split(AT_ONCE)])
    return Lesson(refiner, len(looks), before, passed(finer, checked.shares))


def seconds_of(model: Sam3, data: Dataset, tiles: int) -> float:
    """About how long a lesson takes, from a few windows and steps of it."""
    tried = 4
    refiner = OutlineRefiner(OutlineConfig()).to(model.device)
    began = time.monotonic()
    with torch.inference_mode():
        for _, sample in _windows(model, data, tiles, 0, tried):
            _looks(model, refiner, sample)
    looking = (time.monotonic() - began) / tried
    cells = refiner.config.cells
    blank = Looks(torch.zeros(1, 5, cells, cells), torch.zeros(1, 1, cells, cells), torch.zeros(1, dtype=torch.bool))
    teach(refiner, blank, 1, 0)
    began = time.monotonic()
    teach(refiner, blank, tried, 0)
    return looking * _count(data, tiles) + (time.monotonic() - began) / tried * STEPS


@torch.inference_mode()
def looks_at(model: Sam3, refiner: OutlineRefiner, data: Dataset, tiles: int, seed: int) -> Looks | None:
    """Objects that the model finds by their phrases in windows of images, `MOST` at most; None where it finds none."""
    views: list[Tensor] = []
    shares: list[Tensor] = []
    checked: list[bool] = []
    for index, sample in _windows(model, data, tiles, seed, _count(data, tiles)):
        for view, share in _looks(model, refiner, sample):
            views.append(view)
            shares.append(share)
            checked.append(index % CHECKED == 0)
        if len(views) >= MOST:
            break
    return Looks(torch.cat(views), torch.cat(shares), torch.tensor(checked)) if views else None


def teach(refiner: OutlineRefiner, looks: Looks, steps: int, seed: int) -> None:
    """Train a refiner for `steps`, on objects that are mirrored and turned by chance, with AdamW on cross-entropy and
    Dice."""
    rng = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(refiner.parameters(), RATE, betas=(0.9, 0.98), weight_decay=0.01)
    refiner.train().requires_grad_(True)
    for step in range(steps):
        rows = torch.randint(len(looks), (AT_ONCE,), generator=rng)
        seen = torch.cat((looks.views[rows], looks.shares[rows]), 1).to(refiner.cut.device)
        across, down, turned = (torch.rand(3, generator=rng) < 0.5).tolist()
        seen = seen.flip([axis for axis, flips in ((2, down), (3, across)) if flips])
        views, wanted = (seen.transpose(2, 3) if turned else seen).split((5, 1), 1)
        logits, shares = refiner(views).flatten(1), wanted.flatten(1)
        loss = ENTROPY * F.binary_cross_entropy_with_logits(logits, shares) + dice_loss(logits, shares).mean()
        optimizer.param_groups[0]["lr"] = RATE * min((step + 1) / WARMUP, 2 * (steps - step) / steps, 1)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(refiner.parameters(), CLIP)
        optimizer.step()
    refiner.eval().requires_grad_(False)


def passed(logits: Float[Tensor, "n 1 s s"], shares: Float[Tensor, "n 1 s s"]) -> float:
    """The share of the IoUs `PASSED` that masks reach, on average."""
    mask, truth = logits > 0, shares > 0.5
    ious = (mask & truth).sum((1, 2, 3)) / (mask | truth).sum((1, 2, 3)).clamp(min=1)
    return float((ious[:, None] >= torch.tensor(PASSED)).float().mean())


def _count(data: Dataset, tiles: int) -> int:
    """How many windows are looked at: as many as cover the images, `WINDOWS` at most."""
    return min(WINDOWS, len(data) * tiles**2)


def _windows(model: Sam3, data: Dataset, tiles: int, seed: int, count: int) -> Iterator[tuple[int, Sample]]:
    """Windows of images in turn, as they are looked at later, with the place of their image."""
    assert model.config.detector is not None
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(data))
    for number in range(count):
        index = int(order[number % len(data)])
        left, top, right, bottom = window = data.window_xyxy_px(
            index, rng, model.config.detector.queries, share_of(tiles)
        )
        shrunk = min(MOST_PX / max(bottom - top, right - left), 1.0)
        size_hw = (max(round((bottom - top) * shrunk), 1), max(round((right - left) * shrunk), 1))
        yield index, data.sample(index, window_xyxy_px=window, size_hw=size_hw)


def _looks(model: Sam3, refiner: OutlineRefiner, sample: Sample) -> Iterator[tuple[Tensor, Tensor]]:
    """The view of each object that the model finds in a window, and the object's share of the cells."""
    asked = [query for query in sample.queries if query.instances]
    if not asked:
        return
    features = model.encode(to_model_input(sample.image, model.image_size_hw)[None])
    found = model.detect(features, [Prompt(query.text) for query in asked])
    size_hw, grid_hw = sample.masks.shape[1:], (refiner.config.cells, refiner.config.cells)
    for query, of_query in zip(asked, found.mask_logits, strict=True):
        truths = torch.from_numpy(sample.masks[list(query.instances)])
        truths = truths[truths.sum((1, 2)) >= LEAST_PX]
        matched = [(logits, truth) for logits in of_query.float().cpu() for truth in _matched(logits, truths)]
        if not matched:
            continue
        windows = [window_of(logits > 0, size_hw) for logits, _ in matched]
        views = refiner.views(sample.image, torch.stack([logits for logits, _ in matched]), windows).cpu()
        for view, (_, truth), window in zip(views, matched, windows, strict=True):
            shown = truth[window.top : window.bottom, window.left : window.right].float()
            yield view[None], cells_of(shown[None, None], grid_hw).clamp(0, 1)


def _matched(logits: Float[Tensor, "h w"], truths: Bool[Tensor, "n r c"]) -> Iterator[Bool[Tensor, "r c"]]:
    """The object that a mask is of, if any."""
    if not len(truths):
        return
    mask = F.interpolate(logits[None, None], truths.shape[1:], mode="bilinear")[0, 0] > 0
    ious = (mask & truths).sum((1, 2)) / (mask | truths).sum((1, 2)).clamp(min=1)
    if ious.max() >= SAME:
        yield truths[ious.argmax()]
