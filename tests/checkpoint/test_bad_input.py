"""Whatever is wrong with a source is told by a ValueError that says what to do."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import argus
from argus.checkpoint import inspect
from argus.checkpoint.hub import CONFIG, INDEX, WEIGHTS
from argus.checkpoint.loading import choose_dtype
from argus.model.sam3 import Sam3
from tests.checkpoint.meta_file import to_meta


def refused(source: Path | str, message: str, **options: Any) -> None:
    with pytest.raises(ValueError, match=message):
        argus.load(source, "cpu", "fp32", **options)


def rewritten(folder: Path, change: Callable[[dict], None]) -> None:
    """Change the tensors of a folder."""
    tensors = load_file(folder / WEIGHTS)
    change(tensors)
    save_file(tensors, folder / WEIGHTS)


def reconfigured(folder: Path, change: Callable[[dict], None]) -> None:
    """Change the config.json of a folder."""
    config = json.loads((folder / CONFIG).read_text())
    change(config)
    (folder / CONFIG).write_text(json.dumps(config))


@pytest.mark.parametrize(
    "name", ["nowhere", "no/such/folder", "missing.safetensors", "a/b.pt", "", "what is this?", "long" * 999]
)
def test_nothing_there(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    refused(name, "expected 'nano', a folder|holds no model")


@pytest.mark.parametrize("count", [1, 50])
def test_each_unexpected_and_misshapen_tensor_is_named(native: Path, count: int) -> None:
    wrong = [name for name in load_file(native / WEIGHTS) if name.startswith("detector.decoder.")][:count]
    more = [f"vision.extra.{i}" for i in range(count)]
    rewritten(native, lambda tensors: tensors.update({name: torch.zeros(1, 2, 3) for name in wrong + more}))
    with pytest.raises(ValueError) as error:
        argus.load(native, "cpu", "fp32")
    assert all(f"{name} is (1, 2, 3)" in str(error.value) for name in wrong)
    assert all(name in str(error.value) for name in more)


def test_empty_folder(tmp_path: Path) -> None:
    refused(tmp_path, "expected model.safetensors.*found nothing")


def test_folder_of_other_things(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    refused(tmp_path, "found .*notes.txt")
    refused(tmp_path / "notes.txt", "no file of weights")


@pytest.mark.parametrize(("missing", "message"), [(CONFIG, "no config.json"), (WEIGHTS, "holds no model")])
def test_folder_that_lacks_a_file(native: Path, missing: str, message: str) -> None:
    (native / missing).unlink()
    refused(native, message)


def test_no_tokenizer(native: Path, detector: Path, tmp_path: Path) -> None:
    (native / "tokenizer.json").unlink()
    refused(native, "holds no tokenizer: pass tokenizer=")
    refused(detector, "holds no tokenizer: pass tokenizer=")
    refused(detector, "cannot read", tokenizer=tmp_path / "missing.json")
    refused(detector, "not CLIP's merges", tokenizer=native / CONFIG.replace("config.json", WEIGHTS))
    refused(detector, "holds no tokenizer", tokenizer=tmp_path)


def test_the_tokenizer_of_another_model(native: Path, merges: Path) -> None:
    refused(native, "use the tokenizer that belongs to the model", tokenizer=merges)


@pytest.mark.parametrize("count", [1, 50])
def test_missing_tensors(native: Path, count: int) -> None:
    names = [name for name in load_file(native / WEIGHTS) if name.startswith("detector.decoder.")][:count]
    rewritten(native, lambda tensors: [tensors.pop(name) for name in names])
    with pytest.raises(ValueError, match=f"{count} missing: detector.decoder") as error:
        argus.load(native, "cpu", "fp32")
    assert all(name in str(error.value) for name in names) and len(names) == count


def test_one_point_projection_of_six_missing(native: Path) -> None:
    rewritten(native, lambda tensors: tensors.pop("detector.exemplar_encoder.point_pool.bias"))
    refused(native, "1 missing: detector.exemplar_encoder.point_pool.bias")


def test_unexpected_tensors(native: Path) -> None:
    rewritten(native, lambda tensors: tensors.update({"vision.blocks.2.norm1.weight": torch.ones(40)}))
    refused(native, "1 unexpected: vision.blocks.2.norm1.weight")


def test_wrong_shape(native: Path) -> None:
    rewritten(native, lambda tensors: tensors.update({"text.norm.bias": torch.ones(17)}))
    refused(native, r"text.norm.bias is \(17,\), expected \(24,\)")


def test_quantised_tensors(native: Path) -> None:
    rewritten(native, lambda tensors: tensors.update({"text.norm.bias": torch.ones(24, dtype=torch.int8)}))
    refused(native, "text.norm.bias is I8, expected one of fp64, fp32")


def test_the_whole_report_comes_at_once(detector: Path, merges: Path, tmp_path: Path) -> None:
    tensors = load_file(detector / WEIGHTS)
    del tensors["text_projection.bias"]
    tensors["detr_decoder.query_embed.weight"] = torch.zeros(31, 64)
    tensors["surprise"] = torch.zeros(1)
    save_file(tensors, tmp_path / WEIGHTS)
    (tmp_path / CONFIG).write_bytes((detector / CONFIG).read_bytes())
    with pytest.raises(ValueError) as error:
        argus.load(tmp_path, "cpu", "fp32", merges)
    for part in (
        "config.json beside it",
        "1 missing: text_projection.bias",
        "1 unexpected: surprise",
        "detr_decoder.query_embed.weight is (31, 64), expected (30, 64)",
        "9 known and not used: ",
    ):
        assert part in str(error.value)


def test_a_lone_file_is_taken_for_the_published_sizes(detector: Path, merges: Path, tmp_path: Path) -> None:
    (tmp_path / "lone.safetensors").write_bytes((detector / WEIGHTS).read_bytes())
    refused(tmp_path / "lone.safetensors", "the published sizes of SAM 3 are expected", tokenizer=merges)


def test_tensors_of_something_else(tmp_path: Path) -> None:
    save_file({"conv.weight": torch.ones(2)}, tmp_path / "other.safetensors")
    refused(tmp_path / "other.safetensors", r"holds no SAM 3.*conv\.weight")
    save_file({}, tmp_path / "empty.safetensors")
    refused(tmp_path / "empty.safetensors", "holds no SAM 3")


@pytest.mark.parametrize("keep", [0, 4, 1000, -50])
def test_damaged_safetensors(native: Path, keep: int) -> None:
    content = (native / WEIGHTS).read_bytes()
    (native / WEIGHTS).write_bytes(content[:keep])
    refused(native, "not a readable safetensors file")


class Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple:
        return Path.touch, (self.mark,)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_wants_to_run_code(tmp_path: Path, zipped: bool) -> None:
    mark = tmp_path / "was_run"
    torch.save({"model": Evil(mark)}, tmp_path / "sam3.pt", _use_new_zipfile_serialization=zipped)
    refused(tmp_path / "sam3.pt", "might run code")
    (tmp_path / "bare.pt").write_bytes(pickle.dumps(Evil(mark)))
    refused(tmp_path / "bare.pt", "might run code")
    with pytest.raises(ValueError, match="might run code"):
        inspect(tmp_path / "sam3.pt")
    assert not mark.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"hello", b"\x80\x02."])
def test_damaged_pickle(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "sam3.pt").write_bytes(content)
    refused(tmp_path / "sam3.pt", "not a readable PyTorch file|refused")


@pytest.mark.parametrize("keep", [0.3, 0.95])
def test_cut_pickle(small: Sam3, tmp_path: Path, keep: float) -> None:
    torch.save(to_meta(small), tmp_path / "sam3.pt")
    content = (tmp_path / "sam3.pt").read_bytes()
    (tmp_path / "sam3.pt").write_bytes(content[: int(len(content) * keep)])
    refused(tmp_path / "sam3.pt", "not a readable PyTorch file|refused")


@pytest.mark.parametrize("content", [torch.zeros(3), [1], {"model": {"a": 1}}, {"a": "b"}, {}])
def test_pickle_of_something_else(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "sam3.pt")
    refused(tmp_path / "sam3.pt", "expected a dictionary of tensors|holds no SAM 3")


def test_damaged_config(native: Path) -> None:
    for content in ("{", "[]", '"argus"', "\x00"):
        (native / CONFIG).write_text(content)
        refused(native, "config.json")


OUR_FAULTS: dict[str, tuple[Callable[[dict], Any], str]] = {
    "unknown key": (lambda c: c.update(studio={}), "unknown keys .'studio'"),
    "unknown size": (lambda c: c["vision"].update(depth=3), "vision: missing keys .., unknown keys .'depth'"),
    "missing part": (lambda c: c.pop("text"), "missing keys .'text'"),
    "missing size": (lambda c: c["detector"].pop("queries"), "missing keys .'queries'"),
    "text for a number": (lambda c: c["vision"].update(width="32"), "whole number above 0 as vision.width"),
    "true for a number": (lambda c: c["vision"].update(width=True), "whole number above 0 as vision.width"),
    "zero": (lambda c: c["text"].update(heads=0), "whole number above 0 as text.heads"),
    "number for a list": (lambda c: c["vision"].update(global_layers=1), "list of whole numbers as vision.global"),
    "list for a number": (lambda c: c["vision"].update(layers=[1]), "whole number above 0 as vision.layers"),
    "part that is no object": (lambda c: c.update(vision=[1]), "expected an object as vision"),
    "training that is no object": (lambda c: c.update(training=3), "expected an object as training"),
    "another version": (lambda c: c.update(version=2), "update Argus"),
    "another format": (lambda c: c.update(format="other"), "not of a SAM 3"),
    "sizes that do not go together": (lambda c: c["vision"].update(heads=3), "multiple of 4 x heads"),
    "sizes of another model": (lambda c: c["detector"].update(queries=7), "sizes are those of the config.json"),
}


@pytest.mark.parametrize("fault", OUR_FAULTS)
def test_faults_of_our_config(native: Path, fault: str) -> None:
    change, message = OUR_FAULTS[fault]
    reconfigured(native, change)
    refused(native, message)


THEIR_FAULTS: dict[str, tuple[Callable[[dict], Any], str]] = {
    "missing part": (lambda c: c.pop("detr_encoder_config"), "detr_encoder_config.hidden_size, got None"),
    "missing size": (
        lambda c: c["text_config"].pop("num_attention_heads"),
        "text_config.num_attention_heads, got None",
    ),
    "two widths": (lambda c: c["mask_decoder_config"].update(hidden_size=32), "one detector.width"),
    "two sides": (lambda c: c["vision_config"]["backbone_config"].update(image_size=[224, 280]), "equal sides"),
    "another activation": (lambda c: c["text_config"].update(hidden_act="quick_gelu"), "text_config.hidden_act"),
    "another model": (lambda c: c.update(model_type="sam2"), "not of a SAM 3"),
    "no detector": (lambda c: c.update(model_type="sam3_video"), "and a detector_config"),
    "text for a number": (lambda c: c["text_config"].update(vocab_size="all"), "a number as text_config.vocab_size"),
}


@pytest.mark.parametrize("fault", THEIR_FAULTS)
def test_faults_of_a_hugging_face_config(detector: Path, merges: Path, tmp_path: Path, fault: str) -> None:
    change, message = THEIR_FAULTS[fault]
    for name in (CONFIG, WEIGHTS):
        (tmp_path / name).write_bytes((detector / name).read_bytes())
    reconfigured(tmp_path, change)
    refused(tmp_path, message, tokenizer=merges)


def test_equal_sides_may_stand_twice(detector: Path, merges: Path, tmp_path: Path) -> None:
    for name in (CONFIG, WEIGHTS):
        (tmp_path / name).write_bytes((detector / name).read_bytes())
    reconfigured(tmp_path, lambda c: c["vision_config"]["backbone_config"].update(image_size=[224, 224]))
    assert argus.load(tmp_path, "cpu", "fp32", merges).image_size_hw == (224, 224)


def test_shards_that_are_not_there(native: Path) -> None:
    (native / WEIGHTS).rename(native / "elsewhere.bin")
    (native / INDEX).write_text('{"weight_map": {"a": "../../model-1.safetensors", "b": "model-2.safetensors"}}')
    refused(native, "lacks files.*model-1.safetensors.*model-2.safetensors")
    (native / INDEX).write_text("{}")
    refused(native, "expected a weight_map")


def test_options(native: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="precision auto, fp32, bf16, fp16; got 'int8'"):
        argus.load(native, precision="int8")
    for device in ("warp", "cuda:99", "cuda:x"):
        with pytest.raises(ValueError, match="expected cpu, cuda"):
            argus.load(native, device)
    model = argus.load(native, "cpu", "fp32")
    with pytest.raises(ValueError, match="layout 'argus' or 'huggingface', got 'meta'"):
        argus.save(model, tmp_path / "x", layout="meta")
    with pytest.raises(ValueError, match="floating-point"):
        argus.save(model, tmp_path / "x", dtype=torch.int8)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(("fast", "expected"), [((), torch.float32), (("_is_avx512_bf16_supported",), torch.bfloat16)])
def test_auto_is_bf16_where_that_is_fast(
    monkeypatch: pytest.MonkeyPatch, fast: tuple[str, ...], expected: torch.dtype
) -> None:
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda name=name: name in fast)
    assert choose_dtype("auto", torch.device("cpu")) is expected
    assert choose_dtype("auto", torch.device("cuda")) is torch.bfloat16
    assert choose_dtype("auto", torch.device("mps")) is torch.float32
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.delattr(torch.cpu, name)  # as in other versions of torch
    assert choose_dtype("auto", torch.device("cpu")) is torch.float32
