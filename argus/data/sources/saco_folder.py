"""SA-Co/Gold and SA-Co/Silver as folders: a file for each subset, of Gold one for each annotator."""

import re
from collections import Counter
from pathlib import Path

_ANNOTATOR = re.compile(r"_merged_[a-z]_")


def saco_subsets(folder: Path) -> dict[str, list[Path]]:
    """The files of each subset, by its name, from names such as `gold_crowded_merged_a_release_test.json`, with an
    annotator, and `silver_geode_merged_test.json`; a file of another name is a subset of its own. Subsets whose short
    names are the same go by their whole ones.

    Raises ValueError for a folder without JSON files.
    """
    subsets: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.json")):
        subsets.setdefault(_ANNOTATOR.sub("_merged_", path.name), []).append(path)
    if not subsets:
        raise ValueError(f"Expected JSON files of SA-Co subsets in {folder}, got none.")
    times = Counter(map(_short, subsets))
    return {
        _short(name) if times[_short(name)] == 1 else name.removesuffix(".json"): paths
        for name, paths in subsets.items()
    }


def _short(name: str) -> str:
    plain = re.sub(r"_merged.*$", "", name.removesuffix(".json"))
    return re.sub(r"^(gold|silver)_", "", plain)
