"""Rendering emoji from installed Iconify JSON packages, one style a package."""

from __future__ import annotations

import io
import json
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

TRAIN_STYLES = ("noto", "noto-v1", "fxemoji", "fluent-emoji-flat", "fluent-emoji")
"""Styles whose licences (Apache-2.0, MIT) let weights trained on them ship."""
HELD_OUT_STYLE = "twemoji"
"""Never trained on: the test of generalisation (`scenes-style`)."""
LEFT_OUT: dict[str, frozenset[str]] = {
    "fxemoji": frozenset(
        ("1f6a7", "1fa9f", "2328", "1f308", "26f0", "1f3d4", "1f5fb", "1f30b", "26f5", "1f6a2", "1f5fd", "26fa", "26f2")
        + ("1f3a1", "1f3a2", "1f3a0", "1f68b", "1f687", "1f5dc")
    ),
    "fluent-emoji-flat": frozenset({"1f3f3"}),
    "twemoji": frozenset({"1f5fd", "1f3be"}),
}
"""Drawings that show something else than the concept, or a whole scene in a square."""


@dataclass(frozen=True)
class IconSet:
    """One Iconify JSON package: its drawings, and the drawing's name for each emoji code."""

    style: str
    document: dict[str, Any]
    names: dict[str, str]

    @classmethod
    def read(cls, icons_folder: Path, style: str, shared_names: dict[str, set[str]]) -> IconSet:
        """Read `icons_folder/node_modules/@iconify-json/STYLE` (or `icons_folder/STYLE`).

        Some packages do not say which emoji a drawing is; `shared_names` (of `read_names`) fills that in.
        """
        folder = _package_folder(icons_folder, style)
        document = json.loads((folder / "icons.json").read_text(encoding="utf-8"))
        names = _own_names(folder)
        squeezed = {name.replace("-", ""): name for name in document["icons"]}
        for code, candidates in shared_names.items():
            found = [squeezed[c.replace("-", "")] for c in sorted(candidates) if c.replace("-", "") in squeezed]
            if code not in names and found:
                names[code] = found[0]
        return cls(style, document, names)

    def svg(self, code: str) -> str | None:
        """The drawing of one emoji code as a whole SVG document; None when the package lacks it."""
        if code in LEFT_OUT.get(self.style, ()):
            return None
        name = self.names.get(code)
        alias = self.document.get("aliases", {}).get(name)
        icon = self.document["icons"].get(alias["parent"] if alias else name)
        if icon is None:
            return None
        left, top = icon.get("left", 0), icon.get("top", 0)
        width = icon.get("width", self.document.get("width", 16))
        height = icon.get("height", self.document.get("height", 16))
        head = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        return f'<svg {head} viewBox="{left} {top} {width} {height}">{icon["body"]}</svg>'


def read_names(icons_folder: Path, styles: Iterable[str], codes: Iterable[str]) -> dict[str, set[str]]:
    """Names that emoji codes go by: in the installed packages that say so, and in Unicode (for single characters)."""
    names: dict[str, set[str]] = {}
    for style in styles:
        for code, name in _own_names(_package_folder(icons_folder, style)).items():
            names.setdefault(code, set()).add(name)
    for code in codes:
        if "-" not in code:
            unicode_name = unicodedata.name(chr(int(code, 16)), "")
            names.setdefault(code, set()).add(unicode_name.lower().replace(" ", "-"))
    return names


def render(svg: str, side: int) -> UInt8[np.ndarray, "h w 4"]:
    """Draw an SVG as straight-alpha RGBA, trimmed to its opaque part, the longer side `side` pixels."""
    import cv2
    import resvg_py

    png = resvg_py.svg_to_bytes(svg_string=svg, width=2 * side, skip_system_fonts=True)
    rgba = np.asarray(Image.open(io.BytesIO(bytes(png))).convert("RGBA"))
    rows, columns = np.nonzero((rgba[..., 3] > 24).any(1))[0], np.nonzero((rgba[..., 3] > 24).any(0))[0]
    if not len(rows):
        raise ValueError("the drawing is empty; leave this emoji out of the tables")
    rgba = rgba[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = side / max(rgba.shape[:2])
    size_wh = (max(1, round(rgba.shape[1] * scale)), max(1, round(rgba.shape[0] * scale)))
    small = cv2.resize(premultiply(rgba), size_wh, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    return unpremultiply(small)


def premultiply(rgba: UInt8[np.ndarray, "h w 4"]) -> UInt8[np.ndarray, "h w 4"]:
    """Straight alpha to premultiplied alpha."""
    out = rgba.copy()
    out[..., :3] = (rgba[..., :3].astype(np.uint16) * rgba[..., 3:] + 127) // 255
    return out


def unpremultiply(rgba: UInt8[np.ndarray, "h w 4"]) -> UInt8[np.ndarray, "h w 4"]:
    """Premultiplied alpha to straight alpha; fully transparent pixels become black."""
    out = rgba.copy()
    alpha = np.maximum(rgba[..., 3:].astype(np.float32), 1)
    out[..., :3] = np.clip(rgba[..., :3] * (255 / alpha) + 0.5, 0, 255) * (rgba[..., 3:] > 0)
    return out


def render_style(icons: IconSet, codes: Iterable[str], side: int) -> Iterator[tuple[str, UInt8[np.ndarray, "h w 4"]]]:
    """Each code that the package draws, with its sprite."""
    for code in codes:
        svg = icons.svg(code)
        if svg is not None:
            yield code, render(svg, side)


def _own_names(folder: Path) -> dict[str, str]:
    """Emoji code -> icon name, as far as the package itself says; variation selectors are left out of the codes."""
    path = folder / "chars.json"
    chars: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {code.lower().replace("-fe0f", ""): name for code, name in chars.items()}


def _package_folder(icons_folder: Path, style: str) -> Path:
    for folder in (Path(icons_folder) / "node_modules" / "@iconify-json" / style, Path(icons_folder) / style):
        if (folder / "icons.json").exists():
            return folder
    raise ValueError(
        f"expected the icon set {style!r} in {icons_folder}; install it with "
        f"`npm install --prefix {icons_folder} @iconify-json/{style}`"
    )
