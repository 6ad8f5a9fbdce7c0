"""Copy-paste: instances of a donor put into a sample, with what is then true of each phrase."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float32, UInt8

from argus.data.augment.config import AugmentConfig
from argus.data.augment.keep import settle
from argus.data.augment.phrases import is_about_arrangement
from argus.data.ontology import Ontology
from argus.data.ontology.words import fold
from argus.data.records import Query, Sample, masks_to_boxes_xyxy_px

_SIZES = (0.7, 1.4)
"""A pasted instance covers its part of the donor's picture times this."""


def paste(
    sample: Sample, donor: Sample, config: AugmentConfig, rng: np.random.Generator, ontology: Ontology | None = None
) -> Sample:
    """The sample with 1 to `most_pasted` instances of the donor in front, at random places, by chance.

    Whether a phrase names a pasted instance is told by the same phrase in the donor, else by the ontology; phrases for
    which it stays in doubt are left out. Phrases of the donor come along where their truth is known here.
    """
    if rng.random() >= config.paste_share or not len(donor.masks):
        return sample
    count = min(int(rng.integers(1, config.most_pasted + 1)), len(donor.masks))
    image, masks, pasted = sample.image.copy(), sample.masks.copy(), list[int]()
    for index in rng.permutation(len(donor.masks))[:count].tolist():
        size_hw = (image.shape[0], image.shape[1])
        patch = _patch(donor, index, size_hw, config, rng)
        if patch is None:
            continue
        colours, alpha = (_on_canvas(layer, size_hw, patch[2]) for layer in patch[:2])
        mask = alpha > 0.5
        image = (image + (colours - image.astype(np.float32)) * alpha[..., None]).round().astype(np.uint8)
        masks = np.concatenate([masks & ~mask, mask[None]])
        pasted.append(index)
    if not pasted:
        return sample
    return _merged(sample, donor, pasted, image, masks, config, ontology)


def _patch(
    donor: Sample, index: int, size_hw: tuple[int, int], config: AugmentConfig, rng: np.random.Generator
) -> tuple[Float32[np.ndarray, "h w 3"], Float32[np.ndarray, "h w"], tuple[int, int]] | None:
    """Colours and coverage of one instance at its new size, and its upper left corner; None when it is too small or
    does not fit."""
    from kornia.geometry.transform import resize

    mask = donor.masks[index]
    left, top, right, bottom = masks_to_boxes_xyxy_px(mask[None])[0].astype(int).tolist()
    zoom = math.sqrt(size_hw[0] * size_hw[1] / mask.size * rng.uniform(*_SIZES))
    new_hw = (round((bottom - top) * zoom), round((right - left) * zoom))
    at = rng.uniform(0, 1, 2) * (np.array(size_hw) - new_hw)
    if min(new_hw) < 1 or at.min() < 0 or mask.sum() * zoom**2 < 4 * config.least_area_px:
        return None
    window = (slice(top, bottom), slice(left, right))
    layers = np.concatenate([donor.image[window], mask[window][..., None]], axis=2, dtype=np.float32)
    resized = resize(torch.from_numpy(layers).permute(2, 0, 1)[None], new_hw, antialias=zoom < 1)
    colours = resized[0].permute(1, 2, 0).numpy()
    return colours[..., :3].clip(0, 255), colours[..., 3].clip(0, 1), (int(at[0]), int(at[1]))


def _on_canvas(patch: np.ndarray, size_hw: tuple[int, int], at_yx: tuple[int, int]) -> np.ndarray:
    """The patch on an empty canvas."""
    canvas = np.zeros((*size_hw, *patch.shape[2:]), patch.dtype)
    canvas[at_yx[0] : at_yx[0] + patch.shape[0], at_yx[1] : at_yx[1] + patch.shape[1]] = patch
    return canvas


def _merged(
    sample: Sample,
    donor: Sample,
    pasted: Sequence[int],
    image: UInt8[np.ndarray, "h w 3"],
    masks: Bool[np.ndarray, "n h w"],
    config: AugmentConfig,
    ontology: Ontology | None,
) -> Sample:
    """Both samples' instances and phrases in one, without what is covered."""
    own = len(sample.masks)
    queries = [_extended(query, own, donor, pasted, ontology) for query in sample.queries]
    texts = {fold(query.text) for query in sample.queries}
    for query in donor.queries:
        if fold(query.text) not in texts and set(query.instances).intersection(pasted):
            queries.append(_brought(query, sample, pasted, ontology))
    whole_px = np.concatenate([sample.masks.sum(axis=(1, 2)), masks[own:].sum(axis=(1, 2))]).astype(np.float64)
    both = replace(
        sample,
        masks=masks,
        concepts=sample.concepts + tuple(donor.concepts[index] for index in pasted),
        queries=tuple(query for query in queries if query is not None),
    )
    return settle(both, image, masks, whole_px, config)


def _extended(query: Query, own: int, donor: Sample, pasted: Sequence[int], ontology: Ontology | None) -> Query | None:
    """A phrase of the sample with the pasted instances that it names; None when that is in doubt."""
    verdicts = [_is_named(query, donor, index, ontology) for index in pasted]
    if None in verdicts or (is_about_arrangement(query) and True in verdicts):
        return None
    added = tuple(own + place for place, verdict in enumerate(verdicts) if verdict)
    if not added or query.instances:
        return replace(query, instances=query.instances + added)
    return replace(query, instances=added, kind=_kind(query, donor))


def _brought(query: Query, sample: Sample, pasted: Sequence[int], ontology: Ontology | None) -> Query | None:
    """A phrase of the donor about the pasted instances, with those of the sample that it names, too."""
    verdicts = [_is_named(query, sample, index, ontology) for index in range(len(sample.masks))]
    if None in verdicts or is_about_arrangement(query):
        return None
    here = tuple(index for index, verdict in enumerate(verdicts) if verdict)
    there = tuple(len(sample.masks) + place for place, index in enumerate(pasted) if index in query.instances)
    return replace(query, instances=here + there)


def _is_named(query: Query, other: Sample, index: int, ontology: Ontology | None) -> bool | None:
    """Whether a phrase of one sample names an instance of another; None when that is in doubt."""
    if not is_about_arrangement(query):
        for asked in other.queries:
            if fold(asked.text) == fold(query.text):
                return index in asked.instances
    return None if ontology is None else ontology.is_a(other.concepts[index], query.text)


def _kind(query: Query, donor: Sample) -> str:
    """The kind of a phrase that was a negative until something was pasted."""
    same = (asked.kind for asked in donor.queries if fold(asked.text) == fold(query.text) and asked.instances)
    return next(same, "name")
