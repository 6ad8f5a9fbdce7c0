"""Opening people's labelled data, whatever form they have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from argus.data.dataset import Dataset
from argus.data.pictures import printable
from argus.data.sources.coco import open_coco
from argus.data.sources.labelme import open_labelme
from argus.data.sources.png_masks import IMAGES, MASKS, open_png_masks
from argus.data.sources.saco import load_json
from argus.data.sources.saco_images import open_saco
from argus.data.sources.video_frames import open_video_json
from argus.data.sources.yolo import open_yolo, yolo_file

FORMS = (
    "COCO JSON (images, annotations, categories)",
    "SA-Co JSON (images with text_input, annotations)",
    "YouTube-VIS or SA-Co video JSON (videos, annotations, categories or video_np_pairs)",
    "YOLO-seg (a data.yaml with names, images/, labels/)",
    "LabelMe (a folder of JSON files with shapes)",
    f"PNG masks (a folder with {IMAGES}/ and {MASKS}/)",
)
_MOST_LOOKED_AT = 20


def open_data(path: str | Path, images: str | Path | None = None) -> Dataset:
    """Labelled images to learn from: a JSON file, a data.yaml, or a folder, in one of `FORMS`, told from the content.

    `images` is the folder of the pictures; None: where the form has them, or beside the labels. What is wrong with
    single items is named in `Dataset.problems`, and they are left out. Raises ValueError when the form is not known,
    when more than a tenth (and more than three) of the items of a kind are bad, and when nothing is left.
    """
    place, folder = Path(path), None if images is None else Path(images)
    if folder is not None and not folder.is_dir():
        raise ValueError(f"Expected the folder of the images, got {printable(folder)}, which is none.")
    if not place.exists():
        raise ValueError(f"Expected a file or a folder of labels, got {printable(place)}: there is none.")
    if (file := yolo_file(place)) is not None:
        return open_yolo(file, folder)
    if place.is_dir():
        return _open_folder(place, folder)
    if place.suffix.lower() != ".json":
        raise _unknown(place, f"a file {place.suffix or 'without an ending'}")
    document = load_json(place)
    opened = _open_json(place, document, folder)
    if opened is None:
        raise _unknown(place, _keys(document))
    return opened


def _open_json(path: Path, document: Any, images: Path | None) -> Dataset | None:
    """What a JSON file of many images holds, None if it is not of a known form."""
    if not isinstance(document, dict) or "annotations" not in document:
        return None
    if "videos" in document:
        return open_video_json(path, document, images)
    listed = document.get("images")
    if isinstance(listed, list) and any(isinstance(item, dict) and "text_input" in item for item in listed):
        return open_saco(path, document, images)
    if "images" in document and "categories" in document:
        return open_coco(path, document, images)
    return None


def _open_folder(folder: Path, images: Path | None) -> Dataset:
    files = sorted(folder.glob("*.json")) or sorted(folder.glob("annotations/*.json"))
    whole: list[tuple[Path, Any]] = []
    bad = ""
    for file in files[:_MOST_LOOKED_AT]:
        try:
            document = load_json(file)
        except ValueError as error:
            bad = f" ({error})"
            continue
        if isinstance(document, dict) and "shapes" in document:
            return open_labelme(folder, images)
        if isinstance(document, dict) and "annotations" in document:
            whole.append((file, document))
    if len(whole) > 1:
        names = ", ".join(printable(file.name) for file, _ in whole)
        raise ValueError(f"Expected one JSON file of labels in {printable(folder)}, got {names}. Pass the one to read.")
    if whole and (opened := _open_json(*whole[0], images)) is not None:
        return opened
    if (folder / MASKS).is_dir() and (images or (folder / IMAGES).is_dir()):
        return open_png_masks(folder, images)
    names = ", ".join(printable(path.name) + "/" * path.is_dir() for path in sorted(folder.iterdir())[:8]) or "nothing"
    raise _unknown(folder, f"a folder with {names}{bad}")


def _unknown(path: Path, seen: str) -> ValueError:
    return ValueError(
        f"Expected labelled data in one of these forms: {'; '.join(FORMS)}. Got {seen} at {printable(path)}. Pass the "
        "JSON file, the data.yaml or the folder that holds them (docs/training.md shows each)."
    )


def _keys(document: Any) -> str:
    if not isinstance(document, dict):
        return f"a JSON {type(document).__name__}"
    if "shapes" in document:
        return "one LabelMe file (pass its folder)"
    return f"JSON with {', '.join(map(repr, list(document)[:8])) or 'no keys'}"
