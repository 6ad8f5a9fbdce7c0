"""Objects of scenes and photos as a cutter sees them, boxes as people draw them, and what it should make of them.

Drawn objects are many and photographed ones few; so drawn ones are shown on photos too, and with what photos show as
their surface (as cut-and-paste data has it, Dwibedi et al., ICCV 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, UInt8
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from argus.model.cutter import facts_of, half_sides, shares_in
from argus.ops.closeups import GREY, cut_out, square_around
from argus.ops.windows import Window

REACH, MOST_PX = 2.4, 216  # of what is kept of an object: sides by its longer one, and pixels along them
FINER = 2  # pixels along a side of a cell that are drawn, of which a cell is the mean
TURN, ANY_TURN, STRETCH, SLANT = 0.12, 0.1, 0.15, 0.08  # radians, share turned by any angle, logarithm, and slant
LOOSE, LOOSE_SHARE = 0.015, 0.7  # how far sides of boxes stray, by the box, and of how many boxes
BESIDE, NEARNESS = 0.03, 0.06  # of the window's half sides: beside its middle, and its size
SURFACE, LAID_OVER, EDGE, WITHOUT_BORDER = 0.6, 0.5, 0.3, 0.7  # shares, of those that are pasted
GREYED, BLURRED, NOISY = 0.12, 0.2, 0.4  # shares


@dataclass(frozen=True, kw_only=True)
class Thing:
    """An object with what surrounds it: colours; its mask, and what of it all is picture (0 or 255); the corners of
    its convex hull; and the extent of the whole picture, the square root of its area in these pixels."""

    colours: UInt8[np.ndarray, "h w 3"]
    mask: UInt8[np.ndarray, "h w"]
    picture: UInt8[np.ndarray, "h w"]
    hull: Float32[np.ndarray, "k 2"]
    extent: float


def thing_of(
    image: UInt8[np.ndarray, "h w 3"], mask: Bool[np.ndarray, "h w"], box_xyxy_px: Float[np.ndarray, "4"]
) -> Thing:
    """An object cut out of its picture, and made smaller where it is large."""
    square = square_around(box_xyxy_px, REACH)
    flat = np.repeat((mask * np.uint8(255))[..., None], 3, 2)
    white = np.full_like(image, 255)
    colours, object_, picture = (
        cut_out(layer, square, around) for layer, around in ((image, GREY), (flat, 0), (white, 0))
    )
    scale = min(MOST_PX / len(colours), 1.0)
    if scale < 1:
        size = (MOST_PX, MOST_PX)
        colours, object_, picture = (
            cv2.resize(layer, size, interpolation=cv2.INTER_AREA) for layer in (colours, object_, picture)
        )
    places = np.argwhere(mask)[:, ::-1].astype(np.float32) + 0.5 - np.array([square.left, square.top], np.float32)
    return Thing(
        colours=colours,
        mask=np.ascontiguousarray(object_[..., 0]),
        picture=np.ascontiguousarray(picture[..., 0]),
        hull=cv2.convexHull(places * np.float32(scale))[:, 0],
        extent=float(np.sqrt(image.shape[0] * image.shape[1]) * scale),
    )


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One object as it is shown: colours, its share of each cell and the picture's (0..255), and its box, in cells of
    a square, of which the facts are known."""

    colours: UInt8[np.ndarray, "s s 3"]
    share: UInt8[np.ndarray, "s s"]
    picture: UInt8[np.ndarray, "s s"]
    box: Float[np.ndarray, "4"]
    facts: Float[Tensor, " 2"]


def shown(
    thing: Thing,
    side: int,
    rng: np.random.Generator,
    grounds: Sequence[UInt8[np.ndarray, "h w 3"]],
    pasted: float,
    surfaces: bool,
) -> Shown:
    """An object in a window about a box, turned, stretched and mirrored by chance; the share `pasted` of them is put on
    one of `grounds`, where there are any, with `surfaces` often with what another one shows."""
    turned = _turn(rng)
    corners = thing.hull @ turned.T
    low, high = corners.min(0) - 0.25, corners.max(0) + 0.25
    stray = rng.normal(0, LOOSE, 4) * np.tile(high - low, 2) * (rng.random() < LOOSE_SHARE)
    box = np.concatenate((low, high)) + stray
    box[2:] = np.maximum(box[2:], box[:2] + 1)
    halves = np.array(half_sides(*(box[2:] - box[:2]))) * np.exp(rng.normal(0, NEARNESS))
    middle = (box[:2] + box[2:]) / 2 + rng.normal(0, BESIDE, 2) * halves
    drawn = side * FINER
    scale = drawn / (2 * halves)
    shift = drawn / 2 - scale * middle
    matrix = np.concatenate((scale[:, None] * turned, shift[:, None]), 1)
    colours = _warped(thing.colours, matrix, drawn, GREY)
    share, picture = (_warped(layer, matrix, drawn, 0) for layer in (thing.mask, thing.picture))
    if grounds and rng.random() < pasted:
        colours = _pasted(colours, share, grounds, rng, surfaces)
        if rng.random() < WITHOUT_BORDER:
            picture = np.full_like(picture, 255)
        colours = np.where(picture[..., None] > 0, colours, np.uint8(GREY))
    smaller = [cv2.resize(layer, (side, side), interpolation=cv2.INTER_AREA) for layer in (colours, share, picture)]
    size = round(thing.extent)
    return Shown(
        colours=smaller[0],
        share=smaller[1],
        picture=smaller[2],
        box=(box * np.tile(scale, 2) + np.tile(shift, 2)) / FINER,
        facts=facts_of(box, (size, size)),
    )


def views_of(
    things: Sequence[Shown], rng: np.random.Generator
) -> tuple[Float[Tensor, "n 5 s s"], Float[Tensor, "n 2"], Float[Tensor, "n 1 s s"]]:
    """Views as a cutter reads them, in other light, with their facts and what it should make of them."""
    colours, shares, pictures = (
        torch.from_numpy(np.stack([getattr(thing, name) for thing in things]))
        for name in ("colours", "share", "picture")
    )
    side = shares.shape[-1]
    whole = Window(left=0, top=0, right=side, bottom=side)
    boxes = torch.stack([shares_in(thing.box, whole, side) for thing in things])[:, None]
    picture = pictures[:, None].float() / 255
    lit = _lit(colours.permute(0, 3, 1, 2).float() / 127.5 - 1, rng) * picture
    facts = torch.stack([thing.facts for thing in things])
    return torch.cat((lit, boxes, picture), 1), facts, shares[:, None].float() / 255


def _turn(rng: np.random.Generator) -> Float[np.ndarray, "2 2"]:
    angle = rng.uniform(-np.pi, np.pi) if rng.random() < ANY_TURN else rng.normal(0, TURN)
    stretch, mirror = np.exp(rng.normal(0, STRETCH)), rng.choice([-1.0, 1.0])
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return turned @ np.array([[stretch * mirror, rng.normal(0, SLANT)], [0, 1 / stretch]])


def _warped(layer: np.ndarray, matrix: Float[np.ndarray, "2 3"], side: int, around: int | None) -> np.ndarray:
    """A layer under an affine map of continuous places, with `around` beyond its borders, or mirrored there."""
    centred = matrix.copy()
    centred[:, 2] += centred[:, :2] @ [0.5, 0.5] - 0.5
    border = cv2.BORDER_REFLECT_101 if around is None else cv2.BORDER_CONSTANT
    return cv2.warpAffine(
        layer, centred, (side, side), flags=cv2.INTER_LINEAR, borderMode=border, borderValue=(around or 0,) * 3
    )


def _pasted(
    colours: UInt8[np.ndarray, "d d 3"],
    share: UInt8[np.ndarray, "d d"],
    grounds: Sequence[UInt8[np.ndarray, "h w 3"]],
    rng: np.random.Generator,
    surfaces: bool,
) -> UInt8[np.ndarray, "d d 3"]:
    opaque = (share / np.float32(255))[..., None]
    if rng.random() < EDGE:
        opaque = cv2.GaussianBlur(opaque, (0, 0), rng.uniform(0.5, 1.5))[..., None]
    of_object = colours.astype(np.float32)
    if surfaces and rng.random() < SURFACE:
        surface, strength = _ground(grounds, len(share), rng).astype(np.float32), rng.uniform(0.3, 1.0)
        if rng.random() < LAID_OVER:
            of_object = of_object + (surface - surface.mean((0, 1))) * strength
        else:
            of_object = of_object * (1 - strength) + surface * strength
    ground = _ground(grounds, len(share), rng)
    return np.clip(of_object * opaque + ground * (1 - opaque), 0, 255).astype(np.uint8)


def _ground(
    grounds: Sequence[UInt8[np.ndarray, "h w 3"]], side: int, rng: np.random.Generator
) -> UInt8[np.ndarray, "d d 3"]:
    """A piece of one of the grounds, of any size, turned and mirrored."""
    image = grounds[int(rng.integers(len(grounds)))]
    shorter = min(image.shape[:2])
    length = np.exp(rng.uniform(np.log(min(40, shorter)), np.log(shorter)))
    size_wh = np.array(image.shape[1::-1])
    middle = rng.uniform(length / 2, size_wh - length / 2 + 1e-3)
    if length > 2 * side:  # bilinear sampling sees but its nearest pixels
        smaller = side / length
        image = cv2.resize(image, None, fx=smaller, fy=smaller, interpolation=cv2.INTER_AREA)
        middle, length = middle * smaller, float(side)
    turned = _turn(rng) * side / length
    matrix = np.concatenate((turned, (side / 2 - turned @ middle)[:, None]), 1)
    return _warped(image, matrix, side, None)


def _lit(colours: Float[Tensor, "n 3 s s"], rng: np.random.Generator) -> Float[Tensor, "n 3 s s"]:
    """Other contrast, light and colour, some of them grey, blurred or noisy."""
    count = len(colours)

    def drawn(low: float, high: float, channels: int = 1) -> Tensor:
        return torch.from_numpy(rng.uniform(low, high, (count, channels, 1, 1)).astype(np.float32))

    mean = colours.mean((2, 3), keepdim=True)
    colours = (colours - mean) * drawn(0.6, 1.4) + mean + drawn(-0.25, 0.25)
    colours = colours * drawn(0.85, 1.15, 3) + drawn(-0.08, 0.08, 3)
    grey = colours.mean(1, keepdim=True)
    colours = grey + (colours - grey) * drawn(0.4, 1.4) * (drawn(0, 1) >= GREYED)
    blurred = avg_pool2d(pad(colours, (1, 1, 1, 1), mode="replicate"), 3, 1)
    colours = torch.where(drawn(0, 1) < BLURRED, blurred, colours)
    noise = torch.from_numpy(rng.standard_normal(colours.shape, np.float32))
    return (colours + noise * drawn(0, 0.08) * (drawn(0, 1) < NOISY)).clamp(-1.2, 1.2)
