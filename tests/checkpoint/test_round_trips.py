"""What is saved is loaded again bit for bit, and a model from any layout loses nothing on its way through ours."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import argus
from argus import Prompt
from argus.checkpoint import inspect
from argus.checkpoint.hub import INDEX, WEIGHTS
from argus.model.sam3 import Origin, Sam3
from tests.checkpoint.meta_file import to_meta
from tests.reference_models import reference


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return set(a) == set(b) and all(a[n].dtype == b[n].dtype and torch.equal(a[n], b[n]) for n in a)


def tensors(folder: Path) -> dict[str, Tensor]:
    return load_file(folder / WEIGHTS)


def test_our_layout(small: Sam3, native: Path, tmp_path: Path) -> None:
    loaded = argus.load(native, "cpu", "fp32")
    assert same(loaded.state_dict(), small.state_dict())
    assert loaded.config == small.config
    assert loaded.origin.training == {"steps": 3}
    assert loaded.tokenizer(["红色"]).ids.tolist() == small.tokenizer(["红色"]).ids.tolist()
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())
    argus.save(loaded, tmp_path / "again")
    for name in ("config.json", "tokenizer.json", WEIGHTS):
        assert (tmp_path / "again" / name).read_bytes() == (native / name).read_bytes()


def test_a_file_is_as_good_as_its_folder(small: Sam3, native: Path) -> None:
    assert same(argus.load(native / WEIGHTS, "cpu", "fp32").state_dict(), small.state_dict())
    assert same(argus.load(str(native), "cpu", "fp32").state_dict(), small.state_dict())


@pytest.mark.parametrize("kind", ["detector", "video", "tracker", "tracker_video"])
def test_hugging_face_layout(kind: str, request: pytest.FixtureRequest, merges: Path, tmp_path: Path) -> None:
    folder = request.getfixturevalue(kind)
    model = argus.load(folder, "cpu", "fp32", merges)
    argus.save(model, tmp_path / "once", layout="huggingface")
    assert same(tensors(tmp_path / "once"), tensors(folder))
    given, written = (json.loads((f / "config.json").read_text()) for f in (folder, tmp_path / "once"))
    assert written == given
    argus.save(argus.load(tmp_path / "once", "cpu", "fp32"), tmp_path / "twice", layout="huggingface")
    assert (tmp_path / "twice" / WEIGHTS).read_bytes() == (tmp_path / "once" / WEIGHTS).read_bytes()


@pytest.mark.parametrize("kind", ["detector", "video", "tracker", "tracker_video"])
def test_hugging_face_layout_through_ours(
    kind: str, request: pytest.FixtureRequest, merges: Path, tmp_path: Path
) -> None:
    folder = request.getfixturevalue(kind)
    argus.save(argus.load(folder, "cpu", "fp32", merges), tmp_path / "ours")
    ours = argus.load(tmp_path / "ours", "cpu", "fp32")
    assert not ours.origin.points or ours.config.detector is None
    assert ours.origin.memory == (kind != "tracker")
    argus.save(ours, tmp_path / "back", layout="huggingface")
    assert same(tensors(tmp_path / "back"), tensors(folder))
    assert (tmp_path / "back" / "config.json").read_text() != ""
    given, written = (json.loads((f / "config.json").read_text()) for f in (folder, tmp_path / "back"))
    assert written == given


def test_shards_and_a_lone_file(detector: Path, merges: Path, tmp_path: Path) -> None:
    whole = tensors(detector)
    first = dict(list(whole.items())[:200])
    second = {name: tensor for name, tensor in whole.items() if name not in first}
    shutil.copy(detector / "config.json", tmp_path)
    shards = {"model-00001-of-00002.safetensors": first, "model-00002-of-00002.safetensors": second}
    for name, part in shards.items():
        save_file(part, tmp_path / name)
    index = {"weight_map": {tensor: name for name, part in shards.items() for tensor in part}}
    (tmp_path / INDEX).write_text(json.dumps(index))
    expected = argus.load(detector / WEIGHTS, "cpu", "fp32", merges).state_dict()
    assert same(argus.load(tmp_path, "cpu", "fp32", merges).state_dict(), expected)


@pytest.mark.parametrize("wrapped", [True, False])
def test_meta_layout(small: Sam3, native: Path, tmp_path: Path, wrapped: bool) -> None:
    stored = to_meta(small)
    torch.save({"model": stored, "epoch": 1} if wrapped else stored, native / "sam3.pt")
    model = argus.load(native / "sam3.pt", "cpu", "fp32")  # sizes and tokenizer lie beside it
    assert same(model.state_dict(), small.state_dict())
    assert model.origin.points
    assert len(model.origin.unused) == 7
    argus.save(model, tmp_path / "ours")
    again = argus.load(tmp_path / "ours", "cpu", "fp32")
    assert same(again.origin.unused, model.origin.unused)
    assert same(to_meta_again(again), stored)


def to_meta_again(model: Sam3) -> dict[str, Tensor]:
    """Meta's names for a model that has kept the unused tensors."""
    from argus.checkpoint import meta
    from argus.checkpoint.adapter import of_ours

    ours = {**model.state_dict(), **model.origin.unused}
    return {
        name: part
        for rule in of_ours(meta.RULES, ours)
        for name, part in zip(rule.theirs, rule.transform.to_theirs([ours[n] for n in rule.ours]), strict=True)
    }


def test_from_meta_to_hugging_face(small: Sam3, native: Path, tmp_path: Path) -> None:
    torch.save(to_meta(small), native / "sam3.pt")
    model = argus.load(native / "sam3.pt", "cpu", "fp32")
    with pytest.warns(UserWarning, match=r"point_direct.*unused\.vision\.cls_position.*unused\.tracker\.no_memory"):
        argus.save(model, tmp_path / "hf", layout="huggingface")
    loaded = argus.load(tmp_path / "hf", "cpu", "fp32")
    assert torch.equal(loaded.origin.unused["unused.text_projection"], model.origin.unused["unused.text_projection"])
    box = Prompt("red", [[0.5, 0.5, 0.4, 0.4]])
    image = torch.randn(1, 3, 56, 56)
    weights = model.state_dict()
    assert all(torch.equal(weights[name], x) for name, x in loaded.state_dict().items() if ".point_" not in name)
    a, b = (m.detect(m.encode(image), [box], all_masks=True) for m in (model, loaded))
    assert torch.allclose(a.mask_logits, b.mask_logits, atol=1e-5)  # kernels round by where a file puts its tensors


def test_without_point_projections_points_are_refused(small: Sam3, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="point_pool"):
        argus.save(small, tmp_path, layout="huggingface")
    model = argus.load(tmp_path, "cpu", "fp32")
    features = model.encode(torch.zeros(1, 3, 56, 56))
    with pytest.raises(ValueError, match=r"points.*sam3\.pt"):
        model.detect(features, [Prompt(points_xy_norm=[[0.5, 0.5]])])
    model.detect(features, [Prompt("car")])


@pytest.mark.parametrize(("dtype", "precision"), [(torch.bfloat16, "bf16"), (torch.float16, "fp16")])
def test_half_precision(small: Sam3, tmp_path: Path, dtype: torch.dtype, precision: str) -> None:
    argus.save(small, tmp_path, dtype=dtype)
    assert inspect(tmp_path).dtypes == (precision,)
    model = argus.load(tmp_path, "cpu", precision)
    assert same(model.state_dict(), {name: t.to(dtype) for name, t in small.state_dict().items()})
    assert argus.load(tmp_path, "cpu", "fp32").dtype is torch.float32


def test_saving_over_the_source_is_safe(native: Path) -> None:
    model = argus.load(native, "cpu", "fp32")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.detector.decoder.query_embed.mul_(2)
    argus.save(model, native)
    after = argus.load(native, "cpu", "fp32").state_dict()
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert changed == ["detector.decoder.query_embed"]
    assert not [path for path in native.iterdir() if path.name.endswith(".partial")]


def test_a_loaded_model_can_be_trained_and_copied(native: Path) -> None:
    model = argus.load(native, "cpu", "fp32").requires_grad_(True)
    features = model.encode(torch.randn(1, 3, 56, 56))
    model.train_forward(
        features, [Prompt("car")], torch.tensor([0]), torch.full((1, 1, 4), 0.5)
    ).mask_logits.sum().backward()
    assert model.vision.patch_embed.weight.grad is not None
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.sub_(0.1)  # the file is only read
    assert not same(argus.load(native, "cpu", "fp32").state_dict(), model.state_dict())


@pytest.mark.parametrize("kind", ["video", "tracker_video"])
def test_a_tracker_without_a_configuration_to_start_from(
    kind: str, request: pytest.FixtureRequest, merges: Path, tmp_path: Path
) -> None:
    """The folder that we write loads in transformers, with the same weights."""
    import transformers

    model = argus.load(request.getfixturevalue(kind), "cpu", "fp32", merges)
    model.origin = Origin(points=False)
    argus.save(model, tmp_path, layout="huggingface")
    made = {"video": transformers.Sam3VideoModel, "tracker_video": transformers.Sam3TrackerVideoModel}[kind]
    theirs = dict(made.from_pretrained(tmp_path).named_parameters())
    for name, value in reference(kind).named_parameters():
        if not any(part in name for part in UNUSED):
            assert torch.equal(theirs[name], value), name


UNUSED = ("fpn_layers.3.", "no_memory_positional", "conv_layers.2.", "norms.2.", "text_encoder.text_projection")
