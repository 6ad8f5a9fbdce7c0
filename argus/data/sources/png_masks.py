"""Folders of photos and mask pictures: one index or colour mask a photo, or one binary mask an instance."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int
from PIL import Image

from argus.data.dataset import Dataset
from argus.data.phrases import as_phrase
from argus.data.pictures import failures_told, picture_size_hw, printable
from argus.data.problems import Problems
from argus.data.sources.gathered import Gathered, dataset
from argus.data.sources.places import pictures_in
from argus.ops import rle
from argus.ops.components import component_labels

IMAGES, MASKS, CLASSES = "images", "masks", "classes.txt"
_VOID = 255


@dataclass(frozen=True, kw_only=True)
class Classes:
    """What a classes.txt says: the one concept of all masks (`only`), or names by value, or by colour as 0xRRGGBB."""

    only: str | None = None
    names: dict[int, str]
    colours: bool = False


def open_png_masks(folder: Path, images: Path | None) -> Dataset:
    """The photos of images/ (or `images`) with their masks in masks/. In these forms, which may be mixed:

    - masks/NAME.png for images/NAME.jpg. With a classes.txt of lines "VALUE NAME" or "#RRGGBB NAME", each connected
      part of a value is an instance of its class. With a classes.txt of one line "NAME", each value is an instance.
    - masks/CONCEPT/NAME.png: each value is an instance of the concept.
    - masks/NAME/CONCEPT_1.png: one binary mask, one instance (of the one class, if classes.txt names only one).

    0 (black) is no instance, nor is 255 (unknown) beside other values of a mask of 8 bits. Where every value is an
    instance, a black and white mask has its connected parts as instances. A photo without masks is left out. Raises
    ValueError when no concept is named, and as `argus.data.sources.coco`.
    """
    photos = pictures_in(images or folder / IMAGES)
    classes, problems = read_classes(folder / CLASSES), Problems(printable(folder))
    stems = {photo.stem for photo in photos}
    concepts = {place.name: as_phrase(printable(place.name)) for place in _folders(folder / MASKS, stems)}
    records, masks = [], 0
    for path in photos:
        try:
            photo = Gathered(name=path.name, path=path, size_hw=picture_size_hw(path))
        except ValueError as error:
            problems.add("images", str(error))
            continue
        maps = {folder / MASKS / f"{path.stem}.png": classes}
        maps |= {folder / MASKS / n / f"{path.stem}.png": Classes(only=c, names={}) for n, c in concepts.items()}
        maps = {mask: told for mask, told in maps.items() if mask.is_file()}
        place = folder / MASKS / path.stem
        alone = pictures_in(place) if place.is_dir() else []
        for mask in (*maps, *alone):
            masks += 1
            try:
                if mask in maps:
                    _add_map(mask, maps[mask], photo)
                else:
                    _add_binary(mask, classes, photo)
            except ValueError as error:
                problems.add("masks", str(error))
        if maps or place.is_dir():
            records.append(photo.record())
    return dataset("PNG masks", folder, records, problems, {"images": len(photos), "masks": masks})


def read_classes(path: Path) -> Classes | None:
    """The content of a classes.txt, None where there is none. Raises ValueError for lines of another form."""
    if not path.is_file():
        return None
    try:
        lines = [line.strip() for line in path.read_text("utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise ValueError(f"Expected {printable(path)} as UTF-8, got {error}. Save it as UTF-8.") from error
    found = [re.fullmatch(r"(#[0-9a-fA-F]{6}|\d+)(?:\s+(.*))?", line) for line in lines]
    if len(lines) == 1 and found[0] is None:
        return Classes(only=as_phrase(lines[0]), names={})
    names: dict[int, str] = {}
    colours = bool(lines) and lines[0].startswith("#")
    for line, match in zip(lines, found, strict=True):
        if match is None or match[1].startswith("#") != colours:
            raise ValueError(
                f"Expected lines of one form in {printable(path)}, all 'VALUE NAME' or all '#RRGGBB NAME' (or one "
                f"'NAME'), got {line!r}."
            )
        try:
            names[int(match[1][1:], 16) if colours else int(match[1])] = as_phrase(match[2])
        except ValueError as error:
            raise ValueError(f"Expected a name of every class in {printable(path)}, got {line!r}: {error}.") from error
    return Classes(names=names, colours=colours)


def _folders(masks: Path, stems: set[str]) -> list[Path]:
    """The folders of masks that are no photo's, but a concept's."""
    places = sorted(masks.iterdir()) if masks.is_dir() else []
    return [place for place in places if place.is_dir() and place.name not in stems]


def _add_map(mask: Path, classes: Classes | None, photo: Gathered) -> None:
    """Add the instances of a mask in which values or colours tell them apart."""
    if classes is None:
        raise ValueError(
            f"{printable(mask)} names no concept: write {CLASSES} beside {MASKS}/ (lines 'VALUE NAME', or one 'NAME'), "
            f"or move it to {MASKS}/CONCEPT/"
        )
    photo.lost.update([classes.only] if classes.only else classes.names.values())
    values, black_and_white = _values(mask, photo.size_hw, classes.colours)
    if classes.only:
        found = rle.from_labels(component_labels(values != 0) if black_and_white else values)
        for one in found.values():
            photo.add(classes.only, one)
    else:
        unknown = np.setdiff1d(np.unique(values), [0, *classes.names])
        if len(unknown):
            raise ValueError(f"{printable(mask)} has the value {_shown(int(unknown[0]), classes)}, not in {CLASSES}")
        for value, name in classes.names.items():
            for one in rle.from_labels(component_labels(values == value)).values() if value else ():
                photo.add(name, one)
    # What the mask does not show is not there.
    photo.lost.difference_update([classes.only] if classes.only else classes.names.values())


def _add_binary(mask: Path, classes: Classes | None, photo: Gathered) -> None:
    """Add the instance of a mask of its own: what is brighter than half of its brightest."""
    stem = re.sub(r"[\s_-]*\d+$", "", printable(mask.stem))
    if classes is not None and classes.only:
        name = classes.only
    elif re.search(r"[^\W\d_]", stem):
        name = as_phrase(stem)
    else:
        raise ValueError(f"{printable(mask)} names no concept: write {CLASSES} beside {MASKS}/, with the one 'NAME'")
    photo.lost.add(name)
    picture_size_hw(mask, photo.size_hw)
    with failures_told(mask), Image.open(mask) as image:
        grey = np.asarray(image.convert("L"))
    if not grey.any():
        raise ValueError(f"{printable(mask)} is empty")
    photo.add(name, rle.encode(grey > grey.max() / 2))


def _values(mask: Path, size_hw: tuple[int, int], colours: bool) -> tuple[Int[np.ndarray, "h w"], bool]:
    """The values of a mask, of one in colours 0xRRGGBB, with 0 for the unknown; and whether it is black and white."""
    with failures_told(mask), Image.open(mask) as image:
        deep, flat = image.mode.startswith(("I", "F")), image.mode in ("1", "L", "P") and not colours
        values = np.array(image if deep or (flat and image.mode != "1") else image.convert("L" if flat else "RGB"))
    if values.shape[:2] != size_hw:
        raise ValueError(f"{printable(mask)} is {values.shape[:2]} (height, width), its photo {size_hw}")
    if values.ndim == 3 and not colours and (values == values[..., :1]).all():
        values = values[..., 0]
    if values.ndim == 3:
        return (values.astype(np.int64) << np.array([16, 8, 0])).sum(-1), False
    values = values.astype(np.int64)
    there = set(np.unique(values).tolist()) - {0}
    if there == {_VOID}:
        return values, True
    return (values if deep else np.where(values == _VOID, 0, values)), False


def _shown(value: int, classes: Classes) -> str:
    return f"#{value:06x}" if classes.colours else str(value)
