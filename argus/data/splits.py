"""Which groups of images to hold out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np


def held_out(concepts: Sequence[frozenset[str]], share: float, seed: int) -> set[int]:
    """`share` of the groups, whose `concepts` are given: at least one, and one stays; the same for the same seed.

    Rare concepts are seen to first: of each that two groups have, one is held out while there is room, and one stays.
    Raises ValueError for fewer than two groups, and for a share that is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise ValueError(f"Expected a share to hold out between 0 and 1, got {share}.")
    if len(concepts) < 2:
        raise ValueError(
            f"Expected at least two images (or videos) to hold some out, got {len(concepts)}. Add data, or measure on "
            "a set of its own."
        )
    order = np.random.default_rng(seed).permutation(len(concepts)).tolist()
    count = min(max(round(share * len(concepts)), 1), len(concepts) - 1)
    holders: dict[str, list[int]] = defaultdict(list)
    for group in order:
        for concept in sorted(concepts[group]):
            holders[concept].append(group)
    held: set[int] = set()
    kept: set[int] = set()
    for concept in sorted(holders, key=lambda name: (len(holders[name]), name)):
        groups = holders[concept]
        if len(groups) < 2:
            kept.update(set(groups) - held)
            continue
        if not held.intersection(groups) and len(held) < count:
            held.update([group for group in groups if group not in kept][:1])
        if not kept.intersection(groups) and len(kept) < len(concepts) - count:
            kept.update([group for group in groups if group not in held][:1])
    for group in order:
        if len(held) < count and group not in held and group not in kept:
            held.add(group)
    # Where every other group must stay for the sake of its concept, the share goes first.
    for group in order:
        if len(held) < count and group not in held:
            held.add(group)
    return held
