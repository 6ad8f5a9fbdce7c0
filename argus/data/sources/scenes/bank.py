"""The prepared sprites: packed small on disk, unpacked once into memory maps that all worker processes share."""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from argus.data.sources.scenes.concepts import Ontology
from argus.data.sources.scenes.icons import IconSet, premultiply, read_names, render_style

SIDES = (160, 80, 40)
"""Sides of the square canvases a sprite is kept on, largest first; each scene takes the next larger one."""
PHOTOS_STYLE = "photos"
"""Name under which photo cut-outs are packed, beside the icon styles."""


@dataclass(frozen=True, kw_only=True)
class PackedSprite:
    """A sprite on its way into a pack: straight alpha, longer side `SIDES[0]`."""

    concept: str
    rgba: UInt8[np.ndarray, "h w 4"]


def prepare(icons_folder: Path, cache_folder: Path, styles: Iterable[str], ontology: Ontology) -> dict[str, int]:
    """Render every concept in every style into `cache_folder`; returns the number of sprites by style.

    Takes minutes, once. Raises ValueError when an icon set is not installed, with the command that installs it.
    """
    styles = tuple(styles)
    concept_of = {g: c.id for c in ontology.concepts.values() for g in c.glyphs if not g.startswith("shape:")}
    names = read_names(icons_folder, styles, concept_of)
    counts = {}
    for style in styles:
        icons = IconSet.read(icons_folder, style, names)
        sprites = (
            PackedSprite(concept=concept_of[code], rgba=rgba)
            for code, rgba in render_style(icons, concept_of, SIDES[0])
        )
        counts[style] = write_pack(sprites, cache_folder, style)
    return counts


def write_pack(sprites: Iterable[PackedSprite], cache_folder: Path, style: str) -> int:
    """Write one style's sprites as `STYLE.npz`; returns their number."""
    concepts, blobs, sizes = [], [], []
    for sprite in sprites:
        concepts.append(sprite.concept)
        blobs.append(encode_webp(sprite.rgba))
        sizes.append(sprite.rgba.shape[:2])
    Path(cache_folder).mkdir(parents=True, exist_ok=True)
    np.savez(
        Path(cache_folder) / f"{style}.npz",
        concepts=np.array(concepts),
        sizes_hw=np.array(sizes, np.int32).reshape(-1, 2),
        blob=np.frombuffer(b"".join(blobs), np.uint8),
        ends=np.cumsum([len(blob) for blob in blobs]),
    )
    return len(concepts)


class SpriteBank:
    """Sprites of the chosen styles, found by concept. Raises ValueError when a style has not been prepared."""

    def __init__(self, cache_folder: Path, styles: Iterable[str]) -> None:
        self.styles = tuple(styles)
        packs = [_Pack.read(Path(cache_folder), style) for style in self.styles]
        counts = [len(pack.concepts) for pack in packs]
        self.concepts: list[str] = [str(concept) for pack in packs for concept in pack.concepts]
        self.style_of = np.repeat(np.arange(len(packs)), counts)
        self._local = np.concatenate([np.arange(count) for count in counts])
        self._sizes = np.concatenate([pack.sizes_hw for pack in packs])
        self._pixels = [{side: pack.unpack(Path(cache_folder), side) for side in SIDES} for pack in packs]
        self.by_concept: dict[str, list[int]] = {}
        for index, concept in enumerate(self.concepts):
            self.by_concept.setdefault(concept, []).append(index)

    def pixels(self, index: int, longer_side_px: float) -> UInt8[np.ndarray, "h w 4"]:
        """The sprite with premultiplied alpha at the smallest kept scale not below `longer_side_px`, trimmed."""
        side = min((s for s in SIDES if s >= longer_side_px), default=SIDES[0])
        canvas = self._pixels[self.style_of[index]][side][self._local[index]]
        height, width = np.ceil(self._sizes[index] * (side / SIDES[0])).astype(int).clip(1, side)
        return canvas[:height, :width]


@dataclass(frozen=True)
class _Pack:
    """One style as it lies on disk."""

    style: str
    concepts: np.ndarray
    sizes_hw: np.ndarray
    blob: np.ndarray
    ends: np.ndarray

    @classmethod
    def read(cls, cache_folder: Path, style: str) -> _Pack:
        path = cache_folder / f"{style}.npz"
        if not path.exists():
            raise ValueError(f"expected prepared sprites in {path}; run `argus scenes prepare` first (docs/scenes.md)")
        with np.load(path) as pack:
            return cls(style, pack["concepts"], pack["sizes_hw"], pack["blob"], pack["ends"])

    def images(self) -> Iterator[UInt8[np.ndarray, "h w 4"]]:
        for start, end in zip([0, *self.ends[:-1]], self.ends, strict=True):
            yield decode_webp(self.blob[start:end].tobytes(), "RGBA")

    def unpack(self, cache_folder: Path, side: int) -> np.ndarray:
        """(N, side, side, 4) premultiplied sprites, content in the top left corner, as a read-only memory map."""
        import cv2

        path = cache_folder / "unpacked" / f"{self.style}-{side}-{zlib.crc32(self.blob.tobytes()):08x}.npy"
        if not path.exists():
            canvas = np.zeros((len(self.concepts), side, side, 4), np.uint8)
            for slot, rgba in zip(canvas, self.images(), strict=True):
                size_hw = np.ceil(np.array(rgba.shape[:2]) * (side / SIDES[0])).astype(int).clip(1, side)
                small = cv2.resize(premultiply(rgba), size_hw[::-1].tolist(), interpolation=cv2.INTER_AREA)
                slot[: size_hw[0], : size_hw[1]] = small
            save_atomically(canvas, path)
        return np.load(path, mmap_mode="r")


def encode_webp(image: UInt8[np.ndarray, "h w c"]) -> bytes:
    """RGB or RGBA as lossy WebP (alpha without loss)."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "WEBP", quality=90, method=4)
    return buffer.getvalue()


def decode_webp(data: bytes, mode: str) -> UInt8[np.ndarray, "h w c"]:
    """The image of `encode_webp`, in the mode "RGB" or "RGBA"."""
    return np.asarray(Image.open(io.BytesIO(data)).convert(mode))


def save_atomically(array: np.ndarray, path: Path) -> None:
    """`np.save` that never leaves half a file under the final name, whoever else writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        np.save(file, array)
    temporary.replace(path)
