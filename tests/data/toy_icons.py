"""Two tiny icon sets in the Iconify form, drawn here: enough to prepare sprites and make scenes from."""

import json
from pathlib import Path

_DRAWINGS = {
    "dog": ("1f415", '<circle cx="50" cy="50" r="40" fill="#8b5a2b"/><rect x="20" y="0" width="20" height="40"/>'),
    "cat": ("1f408", '<path d="M10 90 L50 10 L90 90 Z" fill="#808080"/>'),
    "automobile": ("1f697", '<rect x="0" y="30" width="100" height="50" fill="#e01010"/>'),
    "taxi": ("1f695", '<rect x="0" y="30" width="100" height="50" fill="#f0d010"/>'),
    "red-apple": ("1f34e", '<circle cx="50" cy="50" r="45" fill="#d01515"/>'),
    "rat": ("1f400", '<ellipse cx="50" cy="50" rx="49" ry="20" fill="#606060"/>'),
    "t-shirt": ("1f455", '<path d="M0 0 H100 V30 H80 V100 H20 V30 H0 Z" fill="#2040e0"/>'),
}


def write_icons(folder: Path) -> Path:
    """`noto` says which emoji its drawings are, `noto-v1` (the same names) does not, `twemoji` has a few only."""
    _write(folder / "noto", tuple(_DRAWINGS), chars=True)
    _write(folder / "noto-v1", tuple(_DRAWINGS)[:5], chars=False)
    _write(folder / "twemoji", tuple(_DRAWINGS)[:3], chars=True)
    return folder


def _write(folder: Path, names: tuple[str, ...], chars: bool) -> None:
    folder.mkdir(parents=True)
    icons = {name: {"body": _DRAWINGS[name][1]} for name in names}
    (folder / "icons.json").write_text(json.dumps({"icons": icons, "width": 100, "height": 100}))
    codes = {_DRAWINGS[name][0]: name for name in names} if chars else {}
    (folder / "chars.json").write_text(json.dumps(codes))
