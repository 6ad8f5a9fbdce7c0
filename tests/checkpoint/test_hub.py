"""Models by their hub id: the cache first, the network only when it must be and may be."""

import shutil
from pathlib import Path
from unittest.mock import Mock

import huggingface_hub
import pytest
from huggingface_hub import constants, errors

import argus
from argus.checkpoint import hub


def with_response(kind: type[errors.HfHubHTTPError]) -> Exception:
    return kind("403", response=Mock(headers={}, status_code=403))


class FakeHub:
    """Stands in for `snapshot_download`: `cached` and `online` are folders to give or errors to raise."""

    def __init__(self, cached: Path | Exception, online: Path | Exception) -> None:
        self.answers = {True: cached, False: online}
        self.calls: list[bool] = []

    def __call__(self, repository: str, allow_patterns: list[str], local_files_only: bool = False) -> str:
        self.calls.append(local_files_only)
        answer = self.answers[local_files_only]
        if isinstance(answer, Exception):
            raise answer
        return str(answer)


NOT_CACHED = errors.LocalEntryNotFoundError("not in the cache")


def test_the_cache_is_enough(native: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeHub(cached=native, online=AssertionError("asked the network"))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fake)
    assert argus.load("facebook/sam3", "cpu", "fp32").origin.training == {"steps": 3}
    assert fake.calls == [True]


@pytest.mark.parametrize("cached", [NOT_CACHED, "incomplete"])
def test_what_is_not_cached_is_downloaded(
    native: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cached: Exception | str
) -> None:
    fake = FakeHub(cached=tmp_path if isinstance(cached, str) else cached, online=native)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fake)
    argus.load("facebook/sam3", "cpu", "fp32")
    assert fake.calls == [True, False]


def test_a_folder_here_wins_over_the_hub(native: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeHub(cached=AssertionError("asked the hub"), online=AssertionError("asked the hub"))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fake)
    shutil.copytree(native, native.parent / "facebook" / "sam3")
    monkeypatch.chdir(native.parent)
    argus.load("facebook/sam3", "cpu", "fp32")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            with_response(errors.GatedRepoError),
            r"gated: accept its licence at https://huggingface.co/owner/name.*hf auth",
        ),
        (with_response(errors.RepositoryNotFoundError), "no folder here and no repository"),
        (with_response(errors.HfHubHTTPError), "could not be downloaded"),
        (errors.LocalEntryNotFoundError("no network"), "could not be downloaded"),
        (errors.OfflineModeIsEnabled("offline"), "unset HF_HUB_OFFLINE"),
        (OSError("disk full"), "could not be downloaded"),
    ],
)
def test_what_cannot_be_had_comes_with_advice(monkeypatch: pytest.MonkeyPatch, error: Exception, message: str) -> None:
    monkeypatch.setattr(huggingface_hub, "snapshot_download", FakeHub(cached=NOT_CACHED, online=error))
    with pytest.raises(ValueError, match=message):
        argus.load("owner/name")


def test_offline_stays_offline(native: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the real client: what is in the cache is found, what is not asks no network."""
    snapshot = tmp_path / "models--owner--name" / "snapshots" / ("0" * 40)
    shutil.copytree(native, snapshot)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("0" * 40)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert argus.load("owner/name", "cpu", "fp32").origin.training == {"steps": 3}
    with pytest.raises(ValueError, match=r"not in the hub's cache.*unset HF_HUB_OFFLINE"):
        argus.load("owner/other")


@pytest.mark.parametrize(
    ("name", "is_id"),
    [("facebook/sam3", True), ("a-b.c/d_e", True), ("nano", False), ("a/b/c", False), ("./a", False), ("/a", False)],
)
def test_what_looks_like_a_hub_id(name: str, is_id: bool) -> None:
    assert hub.is_hub_id(name) is is_id
