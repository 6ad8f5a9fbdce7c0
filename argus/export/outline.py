"""Outlines: from a mask to polygons.

An outline runs half-way between the pixel centres inside and those outside, so that filling it (sampled at pixel
centres) gives the mask back; it is then thinned by at most 0.4 px. Coordinates are pixels, (0, 0) the image's top
left corner.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from argus.ops import rle
from argus.ops.rle import Rle

TOLERANCE_PX = 0.4

Ring = Float[np.ndarray, "_ 2"]  # a closed outline, x and y in pixels; the last point joins the first


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """One connected part of a mask: its outer outline and those of its holes."""

    outer: Ring
    holes: tuple[Ring, ...]


def parts(mask: Rle) -> list[Part]:
    """The connected parts of a mask (by edges, not corners), largest first; none for an empty mask."""
    top, left, window = rle.decode_window(mask)
    rings = [ring + [left, top] for ring in _trace(window)]
    outers = sorted((ring for ring in rings if signed_area(ring) > 0), key=signed_area, reverse=True)
    holes = [ring for ring in rings if signed_area(ring) < 0]
    owned: list[list[Ring]] = [[] for _ in outers]
    for hole in holes:
        owned[_owner(hole, outers)].append(_thin(hole))
    return [Part(outer=_thin(outer), holes=tuple(inner)) for outer, inner in zip(outers, owned, strict=True)]


def bridged(rings: list[Ring]) -> Ring:
    """One outline that visits all `rings`, joined by bridges of no width (there and back along one line).

    Filled, it covers what the rings cover with holes left open: a hole runs the other way round than its part.
    """
    merged = rings[0]
    for ring in rings[1:]:
        squared = [np.square(merged - point).sum(1) for point in ring]
        start = min(range(len(ring)), key=lambda i: squared[i].min())
        at = int(squared[start].argmin())
        visit = np.roll(ring, -start, axis=0)
        merged = np.concatenate([merged[: at + 1], visit, visit[:1], merged[at:]])
    return merged


def signed_area(ring: Ring) -> float:
    """Area in px; positive for an outer outline, negative for a hole."""
    x, y = ring[:, 0], ring[:, 1]
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def _trace(mask: Bool[np.ndarray, "h w"]) -> list[Ring]:
    """All outlines as midpoints of the pixel edges between inside and outside, inside on the right hand (y down)."""
    following = _edges(np.pad(mask, 1))
    rings = []
    while following:
        first = next(iter(following))
        ring, edge = [], first
        while edge in following:
            ring.append(edge)
            edge = following.pop(edge)
        rings.append(np.array(ring, np.float64) / 2 - 1)
    return rings


def _edges(inside: Bool[np.ndarray, "h w"]) -> dict[tuple[int, int], tuple[int, int]]:
    """Each boundary edge (its midpoint, doubled coordinates) to the next one around the same part.

    The four pixels around a corner decide how outlines pass it; two pixels that touch only at the corner stay apart.
    """
    nw, ne, sw, se = inside[:-1, :-1], inside[:-1, 1:], inside[1:, :-1], inside[1:, 1:]
    code = nw * 8 + ne * 4 + sw * 2 + se
    following: dict[tuple[int, int], tuple[int, int]] = {}
    ys, xs = np.nonzero((code > 0) & (code < 15))
    for y, x, pattern in zip(ys.tolist(), xs.tolist(), code[ys, xs].tolist(), strict=True):
        cx, cy = 2 * x + 2, 2 * y + 2  # the corner, doubled
        for (ax, ay), (bx, by) in _PASSAGES[pattern]:
            following[cx + ax, cy + ay] = (cx + bx, cy + by)
    return following


_N, _S, _W, _E = (0, -1), (0, 1), (-1, 0), (1, 0)
# For each pattern nw ne sw se of inside pixels: the edges (from, to) that pass the corner with the inside on the right.
_PASSAGES: dict[int, list[tuple[tuple[int, int], tuple[int, int]]]] = {
    0b1000: [(_N, _W)],
    0b0100: [(_E, _N)],
    0b0010: [(_W, _S)],
    0b0001: [(_S, _E)],
    0b1100: [(_E, _W)],
    0b0011: [(_W, _E)],
    0b1010: [(_N, _S)],
    0b0101: [(_S, _N)],
    0b0111: [(_W, _N)],
    0b1011: [(_N, _E)],
    0b1101: [(_S, _W)],
    0b1110: [(_E, _S)],
    0b1001: [(_N, _W), (_S, _E)],
    0b0110: [(_E, _N), (_W, _S)],
}


def _owner(hole: Ring, outers: list[Ring]) -> int:
    """The smallest outer outline that holds the hole (outers come largest first)."""
    return max(i for i, outer in enumerate(outers) if _holds(outer, hole[0]))


def _holds(ring: Ring, point: Float[np.ndarray, "2"]) -> bool:
    """Whether a point lies in a ring, by crossings of a ray; a nudge keeps the ray off the corners."""
    x, y = point[0], point[1] + 1e-4
    a, b = ring, np.roll(ring, -1, axis=0)
    spans = (a[:, 1] > y) != (b[:, 1] > y)
    at = a[spans, 0] + (y - a[spans, 1]) / (b[spans, 1] - a[spans, 1]) * (b[spans, 0] - a[spans, 0])
    return bool(np.count_nonzero(at > x) % 2)


def _thin(ring: Ring) -> Ring:
    """Drop points that lie within the tolerance of the line through the others (Douglas and Peucker, 1973)."""
    if len(ring) <= 8:
        return ring
    far = int(np.square(ring - ring[0]).sum(1).argmax())
    closed = np.concatenate([ring, ring[:1]])
    keep = np.zeros(len(closed), bool)
    keep[[0, far]] = True
    spans = [(0, far), (far, len(ring))]
    while spans:
        start, end = spans.pop()
        if end - start < 2:
            continue
        distance = _distance(closed[start + 1 : end], closed[start], closed[end])
        worst = int(distance.argmax())
        if distance[worst] > TOLERANCE_PX:
            middle = start + 1 + worst
            keep[middle] = True
            spans += [(start, middle), (middle, end)]
    return ring[keep[:-1]] if keep[:-1].sum() >= 3 else ring


def _distance(points: Ring, start: Float[np.ndarray, "2"], end: Float[np.ndarray, "2"]) -> Float[np.ndarray, "k"]:
    line = end - start
    share = np.clip((points - start) @ line / max(float(line @ line), 1e-12), 0, 1)
    return np.sqrt(np.square(points - start - share[:, None] * line).sum(1))
