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
from argus.eval.cgf1 import THRESHOLDS
from argus.model.outline_refiner import OutlineConfig, OutlineRefiner
from argus.model.sam3 import Sam3
from argus.ops import rle
from argus.ops.masks import logits_to_rles
from argus.ops.pixels import to_model_input
from argus.ops.windows import Window, share_of, window_of
from argus.train.losses.masks import dice_loss
from argus.types import Prompt

SAME = 0.45  # IoU from which a mask is taken for an object; others have no outline to learn
LEAST_PX = 10  # what shows less of itself has no outline
WINDOWS = 400  # of the images, that are looked at
MOST_PX = 1024  # along the longer side of one; larger ones are shrunk
LEAST, MOST = 64, 1000  # masks; with fewer there is no lesson
CHECKED = 5  # every so many-th image, or video, is kept for the check
STEPS, AT_ONCE = 240, 16
RATE, WARMUP, CLIP = 4e-3, 20, 1.0  # the rate falls to 0 over the second half
ENTROPY = 2.0  # how many times cross-entropy counts beside Dice


@dataclass(frozen=True, eq=False)
class Looks:
    """What a refiner reads of masks, the share of each cell that is of the object, and which are for the check."""

    views: Float[Tensor, "n 5 s s"]
    shares: Float[Tensor, "n 1 s s"]
    checked: Bool[Tensor, "n"]

    def __len__(self) -> int:
        return len(self.shares)

    def of(self, rows: Bool[Tensor, "n"]) -> Looks:
        return Looks(self.views[rows], self.shares[rows], self.checked[rows])


@dataclass(frozen=True)
class Lesson:
    """A refiner, on how many masks it was taught and checked, and the share of cgF1's IoU thresholds that the latter
    pass by GrabCut on the same cells (`before`) and with it (`after`)."""

    refiner: OutlineRefiner
    taught: int
    checked: int
    before: float
    after: float


def lesson(model: Sam3, data: Dataset, tiles: int, seed: int, steps: int = STEPS) -> Lesson | None:
    """Teach a new refiner on masks that the model finds in `data`, in windows of the size of one of `tiles` x `tiles`
    tiles; None where it finds too few."""
    torch.manual_seed(seed)
    refiner = OutlineRefiner(OutlineConfig()).to(model.device)
    looks = looks_at(model, refiner, data, tiles, seed)
    if looks is None or len(looks) < LEAST or not bool(looks.checked.any()) or bool(looks.checked.all()):
        return None
    taught, checked = looks.of(~looks.checked), looks.of(looks.checked)
    before = passed(checked.views[:, 4:], checked.shares)
    teach(refiner, taught, steps, seed)
    with torch.inference_mode():
        finer = torch.cat([refiner(views.to(model.device)).cpu() for views in checked.views.split(AT_ONCE)])
    return Lesson(refiner, len(taught), len(checked), before, passed(finer, checked.shares))


def seconds_of(model: Sam3, data: Dataset, tiles: int) -> float:
    """About how long a lesson takes, from a few windows and steps of it."""
    tried = 4
    refiner = OutlineRefiner(OutlineConfig()).to(model.device)
    began = time.monotonic()
    for number, (_, sample) in enumerate(_windows(model, data, tiles, 0, tried + 1)):
        _looks(model, refiner, sample)
        began = time.monotonic() if number == 0 else began  # the first one warms up
    looking = (time.monotonic() - began) / tried
    cells = refiner.config.cells
    blank = Looks(torch.zeros(1, 5, cells, cells), torch.zeros(1, 1, cells, cells), torch.zeros(1, dtype=torch.bool))
    teach(refiner, blank, 1, 0)
    began = time.monotonic()
    teach(refiner, blank, tried, 0)
    return looking * _count(data, tiles) + (time.monotonic() - began) / tried * STEPS


def looks_at(model: Sam3, refiner: OutlineRefiner, data: Dataset, tiles: int, seed: int) -> Looks | None:
    """Masks that the model finds by the phrases of images in windows of them, `MOST` at most; None without any."""
    views: list[Tensor] = []
    shares: list[Tensor] = []
    checked: list[bool] = []
    for kept, sample in _windows(model, data, tiles, seed, _count(data, tiles)):
        for view, share in _looks(model, refiner, sample):
            views.append(view)
            shares.append(share)
            checked.append(kept)
        if len(views) >= MOST:
            break
    return Looks(torch.cat(views[:MOST]), torch.cat(shares[:MOST]), torch.tensor(checked[:MOST])) if views else None


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
    """The share of cgF1's IoU thresholds that masks pass, on average."""
    mask, truth = logits > 0, shares > 0.5
    ious = (mask & truth).sum((1, 2, 3)).double() / (mask | truth).sum((1, 2, 3)).clamp(min=1)
    return float((ious[:, None] >= torch.from_numpy(THRESHOLDS)).double().mean())


def _shown(data: Dataset) -> list[int]:
    """The images that a phrase has instances in."""
    return [i for i, record in enumerate(data.records) if any(query.instances for query in record.queries)]


def _count(data: Dataset, tiles: int) -> int:
    """How many windows are looked at: as many as cover the images, `WINDOWS` at most."""
    return min(WINDOWS, len(_shown(data)) * tiles**2)


def _windows(model: Sam3, data: Dataset, tiles: int, seed: int, count: int) -> Iterator[tuple[bool, Sample]]:
    """Windows of images in turn, as they are looked at later, and whether their image is kept for the check."""
    assert model.config.detector is not None
    groups = list(dict.fromkeys(record.group for record in data.records))
    kept = set(groups[::CHECKED])
    rng = np.random.default_rng(seed)
    order = rng.permutation(_shown(data)).tolist()
    for number in range(count):
        index = order[number % len(order)]
        window = data.window_xyxy_px(index, rng, model.config.detector.queries, share_of(tiles))
        left, top, right, bottom = window
        shrunk = min(MOST_PX / max(bottom - top, right - left), 1.0)
        size_hw = (max(round((bottom - top) * shrunk), 1), max(round((right - left) * shrunk), 1))
        yield data.records[index].group in kept, data.sample(index, window_xyxy_px=window, size_hw=size_hw)


@torch.inference_mode()
def _looks(model: Sam3, refiner: OutlineRefiner, sample: Sample) -> list[tuple[Tensor, Tensor]]:
    """The view of the best mask that the model has of each object in a window, and the object's share of the cells."""
    asked = [query for query in sample.queries if query.instances]
    if not asked:
        return []
    size_hw, grid_hw = sample.image.shape[:2], (refiner.config.cells, refiner.config.cells)
    features = model.encode(to_model_input(sample.image, model.image_size_hw)[None])
    output = model.detect(features, [Prompt(query.text) for query in asked])
    truths = [rle.encode(mask) for mask in sample.masks]
    best: dict[int, tuple[float, Tensor]] = {}
    for query, mask_logits in zip(asked, output.mask_logits, strict=True):
        ious = rle.iou(logits_to_rles(mask_logits, size_hw), [truths[i] for i in query.instances])
        for instance, of_instance in zip(query.instances, ious.T, strict=True) if len(ious) else ():
            found = int(of_instance.argmax())
            if of_instance[found] >= max(SAME, best[instance][0] if instance in best else 0.0):
                best[instance] = (float(of_instance[found]), mask_logits[found].float().cpu())
    rows = [row for row in best if sample.masks[row].sum() >= LEAST_PX]
    if not rows:
        return []
    coarse = torch.stack([best[row][1] for row in rows])
    windows = [window_of(logits > 0, size_hw) for logits in coarse]
    shares = [_share(sample.masks[row], window, grid_hw) for row, window in zip(rows, windows, strict=True)]
    views = refiner.views(sample.image, coarse, windows).cpu().split(1)
    return list(zip(views, shares, strict=True))


def _share(mask: Bool[np.ndarray, "r c"], window: Window, grid_hw: tuple[int, int]) -> Float[Tensor, "1 1 s t"]:
    """How much of each cell of a window a mask covers."""
    shown = torch.from_numpy(mask[window.top : window.bottom, window.left : window.right]).float()
    return F.interpolate(shown[None, None], grid_hw, mode="bilinear", antialias=True).clamp(0, 1)
