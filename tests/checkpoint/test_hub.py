"""Models by their hub id: the cache first, the network only when it must be and may be."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import huggingface_hub
import pytest
from huggingface_hub import constants, errors
from safetensors.torch import load_file, save_file

import argus
from argus.checkpoint import hub


def with_response(kind: type[errors.HfHubHTTPError]) -> Exception:
    return kind("403", response=Mock(headers={}, status_code=403))


class ProxyError(Exception):
    """As the HTTP client of the hub has it: no OSError."""


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


def without(folder: Path, *names: str) -> Path:
    """A copy of a folder that lacks some files."""
    return Path(shutil.copytree(folder, folder.parent / "cached", ignore=shutil.ignore_patterns(*names)))


def sharded(folder: Path) -> Path:
    """The folder with its weights in two shards, of which the second is not there."""
    tensors = load_file(folder / hub.WEIGHTS)
    files = dict.fromkeys(tensors, "model-1-of-2.safetensors") | {"text.norm.bias": "model-2-of-2.safetensors"}
    (folder / hub.INDEX).write_text(json.dumps({"weight_map": files}))
    save_file({name: t for name, t in tensors.items() if files[name][6] == "1"}, folder / "model-1-of-2.safetensors")
    (folder / hub.WEIGHTS).unlink()
    return folder


INCOMPLETE: dict[str, Callable[[Path], Path | Exception]] = {
    "nothing": lambda native: NOT_CACHED,
    "no configuration": lambda native: without(native, hub.CONFIG),
    "no weights": lambda native: without(native, hub.WEIGHTS),
    "a shard is missing": lambda native: sharded(without(native)),
    "no tokenizer": lambda native: without(native, "tokenizer.json"),
}


@pytest.mark.parametrize("case", INCOMPLETE)
def test_what_is_not_cached_is_downloaded(native: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    fake = FakeHub(cached=INCOMPLETE[case](native), online=native)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fake)
    argus.load("facebook/sam3", "cpu", "fp32")
    assert fake.calls == [True, False]


def test_all_shards_in_the_cache_are_enough(native: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bias = {"text.norm.bias": load_file(native / hub.WEIGHTS)["text.norm.bias"]}
    save_file(bias, sharded(native) / "model-2-of-2.safetensors")
    fake = FakeHub(cached=native, online=AssertionError("asked the network"))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fake)
    argus.load("facebook/sam3", "cpu", "fp32")


def test_without_a_tokenizer_anywhere_the_cached_weights_do(native: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached = without(native, "tokenizer.json")
    for online in (errors.OfflineModeIsEnabled("offline"), with_response(errors.GatedRepoError), cached):
        monkeypatch.setattr(huggingface_hub, "snapshot_download", FakeHub(cached, online))
        argus.load("owner/name", "cpu", "fp32", tokenizer=native / "tokenizer.json")
        with pytest.raises(ValueError, match="owner/name holds no tokenizer: pass tokenizer="):
            argus.load("owner/name", "cpu", "fp32")


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
        (ProxyError("407"), r"could not be downloaded \(ProxyError\): go online"),
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
    (snapshot / "tokenizer.json").unlink()
    argus.load("owner/name", "cpu", "fp32", tokenizer=native / "tokenizer.json")
    sharded(snapshot)
    with pytest.raises(ValueError, match=r"lacks files .*model-2-of-2.*when online"):
        argus.load("owner/name")


@pytest.mark.parametrize(
    ("name", "is_id"),
    [("facebook/sam3", True), ("a-b.c/d_e", True), ("nano", False), ("a/b/c", False), ("./a", False), ("/a", False)],
)
def test_what_looks_like_a_hub_id(name: str, is_id: bool) -> None:
    assert hub.is_hub_id(name) is is_id
