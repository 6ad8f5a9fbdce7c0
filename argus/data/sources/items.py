"""The lists of a COCO-like JSON document, read item by item: a bad one is a ValueError that says what is wrong."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

from argus.data.phrases import as_phrase
from argus.data.pictures import printable
from argus.data.problems import Problems
from argus.data.sources.gathered import Gathered
from argus.data.sources.places import Places


def items(document: dict[str, Any], key: str, path: Path) -> list[Any]:
    """The list under a key. Raises ValueError, of the whole file, when it is none."""
    found = document.get(key)
    if not isinstance(found, list):
        raise ValueError(
            f"Expected a list as {key} in {printable(path)}, got {type(found).__name__}. Export the labels anew."
        )
    return found


def category_names(document: dict[str, Any], path: Path) -> dict[Hashable, str]:
    """The categories' names as phrases, by id.

    Raises ValueError, with the id, for one without a name and for two names of one id: all labels would be in doubt.
    """
    names: dict[Hashable, str] = {}
    for category in items(document, "categories", path):
        try:
            number = id_of(category, "id")
            name = as_phrase(category.get("name"))
        except ValueError as error:
            shown = category.get("id") if isinstance(category, dict) else category
            raise ValueError(
                f"Expected an id and a name of every category of {printable(path)}, got category {shown!r}: {error}. "
                "Name it: names are the phrases that are learned."
            ) from error
        if names.setdefault(number, name) != name:
            raise ValueError(
                f"Expected one name an id in the categories of {printable(path)}, got {names[number]!r} and {name!r} "
                f"for {number!r}. Give each its own id."
            )
    return names


def is_id(value: object) -> bool:
    """Whether a value from a file can be an id: a whole number or a string."""
    return isinstance(value, (int, str)) and not isinstance(value, bool)


def id_of(item: object, key: str) -> Hashable:
    """The id under a key of an object."""
    if not isinstance(item, dict):
        raise ValueError(f"it is no object, but {str(item)[:40]!r}")
    value: Hashable = item.get(key)
    if not is_id(value):
        raise ValueError(f"its {key} is {str(value)[:40]!r}")
    return value


def told_size_hw(item: dict[str, Any]) -> tuple[int, int] | None:
    """The height and width that an object tells, None where it tells neither."""
    if item.get("height") is None and item.get("width") is None:
        return None
    height, width = item.get("height"), item.get("width")
    for side in (height, width):
        if not isinstance(side, (int, float)) or not 0 < side < 2**31 or side != int(side):
            raise ValueError(f"its height and width are {height!r} and {width!r}")
    return int(item["height"]), int(item["width"])


def photos(
    document: dict[str, Any], path: Path, places: Places, problems: Problems
) -> tuple[dict[Hashable, Gathered], set[Hashable]]:
    """The images of a COCO document that are there, by id, and the ids of all."""
    found: dict[Hashable, Gathered] = {}
    known: set[Hashable] = set()
    taken: set[Path] = set()
    for place, item in enumerate(items(document, "images", path)):
        try:
            number = id_of(item, "id")
            if number in known:
                found.pop(number, None)  # nobody knows which of them its annotations are about
                raise ValueError(f"several images have its id, one of them {item.get('file_name')!r}: all are left out")
            known.add(number)
            file, size_hw = places.find(item.get("file_name"), told_size_hw(item))
            if file in taken:
                raise ValueError(f"{printable(file)} is listed under another id already")
            taken.add(file)
            found[number] = Gathered(name=item["file_name"], path=file, size_hw=size_hw)
        except ValueError as error:
            problems.add("images", f"image {label(item, place)}: {error}")
    return found, known


def label(item: object, place: int) -> str:
    """How to name an item: by its id, or by its place in the list."""
    number = item.get("id") if isinstance(item, dict) else None
    return f"at place {place}" if number is None else str(number)[:40]
