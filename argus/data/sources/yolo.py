"""YOLO-seg folders: a data.yaml, images/, and labels/ with one text file an image, one polygon a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from argus.data.dataset import Dataset, Record
from argus.data.phrases import as_phrase
from argus.data.pictures import picture_size_hw, printable
from argus.data.problems import Problems
from argus.data.sources.gathered import Gathered, dataset
from argus.data.sources.outlines import from_outlines
from argus.data.sources.places import SUFFIXES, pictures_in

PART, HELD_OUT = "train", "val"
YAML = {".yaml", ".yml"}


def open_yolo(path: Path, images: Path | None, *, part: str = PART) -> Dataset:
    """The images of one `part` ("train", "val", "test") that a data.yaml names, or those in `images`.

    The label of images/x/1.jpg is labels/x/1.txt; an image without one holds nothing. A line is a class and x, y, x, y
    ... as fractions of the image's sides. Raises ValueError for a file of another form, for classes without names, and
    as `argus.data.sources.coco`.
    """
    document = _document(path)
    names, problems = _class_names(document, path), Problems(printable(path))
    files = pictures_in(images) if images is not None else _files(document, path, part)
    records: list[Record] = []
    lines = labelled = 0
    for file in files:
        label = label_path(file)
        try:
            photo = Gathered(name=_name(file, path), path=file, size_hw=picture_size_hw(file))
            text = label.read_text("utf-8-sig") if label.is_file() else ""
        except UnicodeDecodeError as error:
            problems.add("images", f"{printable(label)} is no UTF-8: {error}")
            continue
        except ValueError as error:
            problems.add("images", str(error))
            continue
        labelled += label.is_file()
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                lines += 1
                _add(line, f"{printable(label)}, line {number}", photo, names, problems)
        records.append(photo.record())
    if files and not labelled:
        raise ValueError(
            f"Expected labels of the images of {printable(path)}, found none: that of {printable(files[0])} would be "
            f"{printable(label_path(files[0]))}. Put labels/ beside images/."
        )
    return dataset("YOLO-seg", path, records, problems, {"images": len(files), "lines": lines})


def yolo_file(path: Path) -> Path | None:
    """The YAML file that tells of a data set: the path itself, or of a folder its data.yaml, or else its first."""
    if not path.is_dir():
        return path if path.suffix.lower() in YAML else None
    found = [one for one in path.iterdir() if one.suffix.lower() in YAML]
    return min(found, key=lambda one: (one.stem != "data", one.name), default=None)


def label_path(image: Path) -> Path:
    """The label file of an image: the last folder named images is labels instead; else it lies beside the image."""
    parts = list(image.parts)
    for place in range(len(parts) - 2, -1, -1):
        if parts[place] == "images":
            parts[place] = "labels"
            return Path(*parts).with_suffix(".txt")
    beside = image.with_suffix(".txt")
    return beside if beside.is_file() else image.parent.parent / "labels" / beside.name


def _document(path: Path) -> dict[str, Any]:
    import yaml

    try:
        document = yaml.safe_load(path.read_text("utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"Expected YAML as UTF-8, got {printable(path)}: {error}.") from error
    if not isinstance(document, dict) or "names" not in document:
        raise ValueError(f"Expected the classes under names in {printable(path)}, as YOLO has them, got none.")
    return document


def _class_names(document: dict[str, Any], path: Path) -> dict[int, str]:
    listed = document["names"]
    pairs = listed.items() if isinstance(listed, dict) else enumerate(listed if isinstance(listed, list) else [])
    names: dict[int, str] = {}
    for number, name in pairs:
        try:
            names[int(number)] = as_phrase(name)
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"Expected a name of every class in {printable(path)}, got {number!r}: {error}."
            ) from error
    if not names:
        raise ValueError(f"Expected a list of names, or numbers with names, in {printable(path)}, got {listed!r}.")
    return names


def _files(document: dict[str, Any], path: Path, part: str) -> list[Path]:
    """The pictures of a part: of a folder, of several, or those that a text file lists."""
    given = document.get(part)
    if not given:
        raise ValueError(f"Expected the images' folder under {part} in {printable(path)}, got {given!r}.")
    bases = [path.parent / str(document.get("path") or ""), path.parent]
    found: list[Path] = []
    for entry in given if isinstance(given, list) else [given]:
        # Exports write ../train/images for what lies in train/images beside the file: both are looked for.
        tried = [base / name for base in bases for name in (str(entry), str(entry).removeprefix("../"))]
        place = next((one for one in tried if one.exists()), None)
        if place is None:
            raise ValueError(
                f"Expected images in {printable(tried[0])}, as {printable(path)} says under {part}: there is nothing. "
                "Pass the folder of the images."
            )
        if place.is_dir():
            found += sorted(file for file in place.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
        else:
            names = place.read_text("utf-8", "surrogateescape").splitlines()
            found += [place.parent / name.strip() for name in names if name.strip()]
    return found


def _name(file: Path, path: Path) -> str:
    try:
        return str(file.relative_to(path.parent))
    except ValueError:
        return str(file)


def _add(line: str, where: str, photo: Gathered, names: dict[int, str], problems: Problems) -> None:
    """Add the instance of one line, or name what is wrong with it."""
    try:
        first, *numbers = line.split()
        if not first.isdigit() or int(first) not in names:
            raise ValueError(f"its class is {first[:20]!r}, which has no name")
        name = names[int(first)]
        photo.lost.add(name)
        try:
            values = [float(number) for number in numbers]
        except ValueError as error:
            raise ValueError(f"its outline holds what is no number ({error})") from error
        if len(values) == 4:
            raise ValueError("it is a box, without an outline")
        sides = (photo.size_hw[1], photo.size_hw[0])
        polygon = [value * sides[place % 2] for place, value in enumerate(values)]
        photo.add(name, from_outlines([polygon], photo.size_hw))
    except ValueError as error:
        problems.add("lines", f"{where}: {error}")
