"""Where the pictures that a label file names lie on this disk."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from argus.data.pictures import picture_size_hw, printable

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}


class Places:
    """The folders in which pictures are looked for, the first of them first."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self.folders = [folder for folder in dict.fromkeys(folders) if folder.is_dir()]

    @classmethod
    def beside(cls, path: Path, images: Path | None) -> Places:
        """The folder `images`; None: those usual about a JSON file at `path`."""
        if images is not None:
            if not images.is_dir():
                raise ValueError(f"Expected the folder of the images, got {images}, which is none.")
            return cls([images])
        here, above = path.absolute().parent, path.absolute().parent.parent
        part = path.stem.rsplit("_", 1)[-1]  # instances_train2017.json: ../train2017
        names = ("images", "frames", "JPEGImages", part)
        return cls([here, *(here / name for name in names), *(above / name for name in names), above])

    def find(self, file_name: object, told_hw: tuple[int, int] | None) -> tuple[Path, tuple[int, int]]:
        """The picture of that name, or of its last part, and its size. Raises ValueError, with what is wrong.

        Where no file has just that name, one does that differs in case, or in how its letters are written in bytes.
        """
        if not isinstance(file_name, str) or not file_name.strip():
            raise ValueError(f"its file_name is no name of a file, but {str(file_name)[:60]!r}")
        name = file_name.replace("\\", "/")
        for candidate in dict.fromkeys((name, name.rsplit("/", 1)[-1])):
            for folder in self.folders:
                if os.path.isfile(folder / candidate):
                    return folder / candidate, picture_size_hw(folder / candidate, told_hw)
        path = self._alike.get(_plain(name.rsplit("/", 1)[-1]))
        if path is None:
            places = ", ".join(printable(folder) for folder in self.folders[:3]) or "no folder"
            raise ValueError(f"{printable(file_name)} is missing (looked for in {places})")
        return path, picture_size_hw(path, told_hw)

    @cached_property
    def _alike(self) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for folder in self.folders:
            for path in sorted(folder.iterdir()):
                if path.suffix.lower() in SUFFIXES:
                    found.setdefault(_plain(path.name), path)
        return found


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder, by name."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())


def _plain(name: str) -> str:
    """A name without regard to case and to how letters are composed; bytes that are no UTF-8 count as Latin-1."""
    try:
        text = os.fsencode(name).decode("utf-8")
    except UnicodeDecodeError:
        text = os.fsencode(name).decode("latin-1")
    except UnicodeEncodeError:
        text = name
    return unicodedata.normalize("NFC", text).casefold()
