"""Folders of SA-Co subsets."""

from pathlib import Path

import pytest

from argus.data.sources.saco_folder import saco_subsets


def test_annotators_come_together_and_names_are_short(tmp_path: Path) -> None:
    names = [f"gold_fg_sports_equipment_merged_{letter}_release_test.json" for letter in "cab"]
    for name in [*names, "silver_geode_merged_test.json", "mine.json", "notes.txt"]:
        (tmp_path / name).touch()
    found = saco_subsets(tmp_path)
    assert set(found) == {"fg_sports_equipment", "geode", "mine"}
    assert [path.name for path in found["fg_sports_equipment"]] == sorted(names)
    assert found["geode"] == [tmp_path / "silver_geode_merged_test.json"]


def test_a_folder_without_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Expected JSON files"):
        saco_subsets(tmp_path)
