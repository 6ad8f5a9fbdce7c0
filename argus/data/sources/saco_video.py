"""SA-Co/VEval and YouTube-VIS JSON: (video, phrase) pairs with the masklet of every instance of the phrase."""

from collections import defaultdict
from pathlib import Path
from typing import Any

from argus.data.sources.coco import check_categories
from argus.data.sources.items import category_names
from argus.data.sources.saco import check_records, load_json
from argus.data.video_records import VideoPair, VideoTruth
from argus.ops import rle

_Annotations = dict[tuple[Any, Any], list[dict[str, Any]]]


def read_saco_video(path: str | Path) -> list[VideoPair]:
    """Read the pairs of a SA-Co/VEval file, those without instances too.

    Raises ValueError when the file is not of this form or does not agree with itself.
    """
    document, videos = read_videos(path, {"videos", "annotations", "video_np_pairs"})
    check_records(document, "video_np_pairs", {"id", "video_id", "category_id", "noun_phrase"}, path)
    annotations = _by_pair(document["annotations"])
    _check_known(document["video_np_pairs"], videos, "video_np_pairs", path)
    asked = {(record["video_id"], record["category_id"]) for record in document["video_np_pairs"]}
    if stray := sorted(annotations.keys() - asked, key=str):
        raise ValueError(f"Expected a pair for every annotation of {path}, got none for video and category {stray[0]}.")
    pairs = []
    for record in document["video_np_pairs"]:
        found = annotations.get((record["video_id"], record["category_id"]), [])
        if record.get("num_masklets", len(found)) != len(found):
            raise ValueError(
                f"Expected {record['num_masklets']} annotations for pair {record['id']} ({record['noun_phrase']!r}) "
                f"of {path}, as its num_masklets says, got {len(found)}."
            )
        pairs.append(_pair(record["id"], videos[record["video_id"]], record["noun_phrase"], found, record))
    return pairs


def read_youtube_vis(path: str | Path) -> list[VideoPair]:
    """Read each video of a YouTube-VIS file with each category it holds; the phrases are the categories' names.

    A category with crowd annotations in a video makes a pair that is not exhaustive. Raises ValueError when the file
    is not of this form.
    """
    document, videos = read_videos(path, {"videos", "annotations", "categories"})
    names = category_names(document, Path(path))
    annotations = _by_pair(check_categories(document, names, path))
    return [
        _pair(number, videos[video], names[category], found, {"category_id": category})
        for number, ((video, category), found) in enumerate(annotations.items(), start=1)
    ]


def read_videos(path: str | Path, keys: set[str]) -> tuple[dict[str, Any], dict[Any, dict[str, Any]]]:
    """The document, with `keys`, and its videos by id. Raises ValueError when it does not agree with itself."""
    document = load_json(Path(path))
    if not isinstance(document, dict) or not keys <= document.keys():
        raise ValueError(f"Expected a JSON object with {', '.join(sorted(keys))}, got another form in {path}.")
    check_records(document, "videos", {"id", "file_names", "width", "height"}, path)
    check_records(document, "annotations", {"id", "video_id", "category_id", "segmentations"}, path)
    return document, _videos(document, path)


def _videos(document: dict[str, Any], path: str | Path) -> dict[Any, dict[str, Any]]:
    """Videos by id, all of them with frames, all annotations about one of them."""
    videos = {video["id"]: video for video in document["videos"]}
    for video in videos.values():
        if not isinstance(video["file_names"], list) or not video["file_names"]:
            raise ValueError(f"Expected the names of frames as file_names of video {video['id']} in {path}.")
        if video.get("length", len(video["file_names"])) != len(video["file_names"]):
            raise ValueError(
                f"Expected {video['length']} file_names for video {video['id']} of {path}, as its length says, "
                f"got {len(video['file_names'])}."
            )
    _check_known(document["annotations"], videos, "annotations", path)
    return videos


def _check_known(records: list[dict[str, Any]], videos: dict[Any, Any], name: str, path: str | Path) -> None:
    unknown = {record["video_id"] for record in records} - videos.keys()
    if unknown:
        raise ValueError(f"Expected {name} about the videos of {path}, got one about {min(unknown, key=str)!r}.")


def _by_pair(annotations: list[dict[str, Any]]) -> _Annotations:
    found: _Annotations = defaultdict(list)
    for annotation in annotations:
        found[annotation["video_id"], annotation["category_id"]].append(annotation)
    return dict(found)


def _pair(
    number: int, video: dict[str, Any], phrase: str, found: list[dict[str, Any]], record: dict[str, Any]
) -> VideoPair:
    size_hw = (int(video["height"]), int(video["width"]))
    file_names = tuple(video["file_names"])
    instances = [annotation for annotation in found if not annotation.get("iscrowd", 0)]
    return VideoPair(
        id=number,
        video_id=video["id"],
        video_name=video.get("video_name", str(Path(file_names[0]).parent)),
        file_names=file_names,
        size_hw=size_hw,
        phrase=phrase,
        masklets=tuple(_truth(annotation, size_hw) for annotation in instances),
        exhaustive=len(instances) == len(found),
        language=record.get("language", "en"),
        kind=record.get("kind", ""),
        category_id=record["category_id"],
    )


def _truth(annotation: dict[str, Any], size_hw: tuple[int, int]) -> VideoTruth:
    """One annotation; a mask without a pixel is read as none."""
    masks = annotation["segmentations"]
    if not isinstance(masks, list):
        raise ValueError(
            f"Expected a list of one mask or null a frame as segmentations of annotation {annotation['id']}."
        )
    try:
        rles = [None if mask is None else rle.from_coco(mask, size_hw) for mask in masks]
    except ValueError as error:
        raise ValueError(f"Annotation {annotation['id']}: {error}") from error
    areas = iter(rle.area([one for one in rles if one is not None]).tolist())
    return VideoTruth(id=annotation["id"], rles=tuple(one if one and next(areas) else None for one in rles))
