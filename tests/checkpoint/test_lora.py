"""Adapters: what is trained is what is loaded, over the base it was made for and no other."""

import copy
import json
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import argus
from argus import checkpoint
from argus.checkpoint.lora import ADAPTER, Adapter, read_adapter, save_adapter, split_source
from argus.model.outline_refiner import OutlineConfig, OutlineRefiner
from argus.model.sam3 import Sam3
from argus.train.lora import adapter_of, add_adapters
from argus.train.more_queries import with_queries
from argus.types import Prompt

PROMPT = Prompt("a red car", boxes_cxcywh_norm=[[0.5, 0.5, 0.4, 0.4]])


def trained(base: Sam3, queries: int | None = None) -> Sam3:
    """A copy with adapters on which training has left its marks."""
    model = copy.deepcopy(base) if queries is None else with_queries(copy.deepcopy(base), queries, 0)
    add_adapters(model, 2, 0)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:  # numbers that bf16 holds exactly
                parameter += (0.05 * torch.randn_like(parameter)).bfloat16().float()
                parameter.copy_(parameter.bfloat16())
    return model.eval()


def refiner() -> OutlineRefiner:
    """One whose numbers bf16 holds."""
    torch.manual_seed(3)
    return OutlineRefiner(OutlineConfig()).bfloat16().float()


def answers(model: Sam3) -> list[torch.Tensor]:
    torch.manual_seed(2)
    with torch.inference_mode():
        out = model.detect(model.encode(torch.randn(1, 3, 48, 48)), [PROMPT], all_masks=True)
    assert isinstance(out.mask_logits, torch.Tensor)
    return [out.query_logits, out.presence_logits, out.boxes_cxcywh_norm, out.mask_logits]


def saved(model: Sam3, base: Sam3, folder: Path) -> Adapter:
    adapter = adapter_of(model, base, "native", {"steps": 7})
    save_adapter(adapter, folder)
    return adapter


@pytest.mark.parametrize("queries", [None, 9])
def test_the_loaded_model_is_the_trained_one(small: Sam3, native: Path, tmp_path: Path, queries: int | None) -> None:
    model = trained(small, queries)
    saved(model, small, tmp_path / "adapter")
    loaded = argus.load(f"{native}+{tmp_path / 'adapter'}", device="cpu", precision="fp32")
    for ours, theirs, plain in zip(answers(loaded), answers(model), answers(small)):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
        assert ours.shape != plain.shape or not torch.allclose(ours, plain, atol=1e-3)
    assert loaded.origin.training["adapter"] == {"steps": 7}
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_it_loads_over_other_layouts_and_its_record_stays(small: Sam3, tmp_path: Path) -> None:
    """Without the tensors that a layout has no place for."""
    with warnings.catch_warnings(action="ignore"):
        argus.save(small, tmp_path / "theirs", layout="huggingface")
    base = argus.load(tmp_path / "theirs", device="cpu", precision="fp32")
    model = trained(base)
    save_adapter(adapter_of(model, base, "theirs", {"tiles": {"red": 3}}), tmp_path / "adapter")
    loaded = argus.load(f"{tmp_path / 'theirs'}+{tmp_path / 'adapter'}", device="cpu", precision="fp32")
    for ours, theirs in zip(answers(loaded), answers(model), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    assert loaded.tiles_for("red") == 3
    assert loaded.origin.huggingface == base.origin.huggingface


def test_it_may_bring_a_refiner_of_outlines(small: Sam3, native: Path, tmp_path: Path) -> None:
    folder = tmp_path / "adapter"
    brought, wanted = refiner(), refiner().state_dict()
    adapter = adapter_of(trained(small), small, "native", {"refined": ["a red car"]})
    save_adapter(adapter.with_outlines(brought), folder)
    loaded = argus.load(f"{native}+{folder}", device="cpu", precision="fp32")
    assert loaded.outlines is not None
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in loaded.outlines.state_dict().items())
    assert loaded.refiner_for("A red car") is loaded.outlines and loaded.refiner_for("a car") is None
    argus.save(loaded, tmp_path / "whole")
    again = argus.load(tmp_path / "whole", device="cpu", precision="fp32")
    assert again.config == loaded.config and again.refiner_for("a red car") is again.outlines
    found, plain = checkpoint.inspect(f"{native}+{folder}"), checkpoint.inspect(native)
    assert found.config == loaded.config
    assert found.parameters - plain.parameters == sum(tensor.numel() for tensor in wanted.values())
    with pytest.warns(UserWarning, match=r"no place for them.*outlines\."):
        argus.save(loaded, tmp_path / "theirs", layout="huggingface")
    assert argus.load(tmp_path / "theirs", device="cpu", precision="fp32").outlines is None
    with safe_open(folder / ADAPTER, "pt") as file:
        about, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    header = json.loads(about["argus"])
    for wrong in ([128], {"cells": 128}, {**header["outlines"], "cells": "many"}, {**header["outlines"], "cells": 31}):
        save_file(tensors, folder / ADAPTER, {"argus": json.dumps({**header, "outlines": wrong})})
        with pytest.raises(ValueError, match=r"outlines|expected cells"):
            argus.load(f"{native}+{folder}")
    save_file({n: t for n, t in tensors.items() if n != "outlines.out.weight"}, folder / ADAPTER, about)
    with pytest.raises(ValueError, match="no whole refiner of outlines"):
        argus.load(f"{native}+{folder}")


def test_a_refiner_that_the_base_has_stays(small: Sam3, tmp_path: Path) -> None:
    base = copy.deepcopy(small)
    base.config, base.outlines = replace(base.config, outlines=OutlineConfig()), refiner()
    argus.save(base, tmp_path / "base")
    saved(trained(base), base, tmp_path / "adapter")
    loaded = argus.load(f"{tmp_path / 'base'}+{tmp_path / 'adapter'}", device="cpu", precision="fp32")
    assert loaded.outlines is not None
    assert all(torch.equal(a, b) for a, b in zip(loaded.outlines.parameters(), base.outlines.parameters()))


def test_a_new_adapter_changes_nothing(small: Sam3) -> None:
    model = copy.deepcopy(small)
    add_adapters(model, 2, 0)
    for ours, theirs in zip(answers(model.eval()), answers(small)):
        assert torch.equal(ours, theirs)
    with pytest.raises(ValueError, match="rank of at least 1"):
        add_adapters(copy.deepcopy(small), 0, 0)


def test_a_merged_model_can_be_saved_as_a_whole(small: Sam3, native: Path, tmp_path: Path) -> None:
    saved(trained(small, 9), small, tmp_path / "adapter")
    loaded = argus.load(f"{native}+{tmp_path / 'adapter'}", device="cpu", precision="fp32")
    argus.save(loaded, tmp_path / "whole")
    again = argus.load(tmp_path / "whole", device="cpu", precision="fp32")
    wanted = loaded.state_dict()
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in again.state_dict().items())


def test_the_number_format_of_the_base_does_not_matter(small: Sam3, native: Path, tmp_path: Path) -> None:
    saved(trained(small), small, tmp_path / "adapter")
    argus.save(small, tmp_path / "halved", dtype=torch.bfloat16)
    assert argus.load(f"{tmp_path / 'halved'}+{tmp_path / 'adapter'}", device="cpu", precision="bf16").dtype == (
        torch.bfloat16
    )


def test_another_base_is_refused(small: Sam3, native: Path, tmp_path: Path) -> None:
    saved(trained(small), small, tmp_path / "adapter")
    other = copy.deepcopy(small)
    with torch.no_grad():
        other.detector.decoder.layers[0].mlp.layers[0].weight += 0.1  # type: ignore[union-attr, operator, index]
    argus.save(other, tmp_path / "other")
    with pytest.raises(ValueError, match="made for other weights"):
        argus.load(f"{tmp_path / 'other'}+{tmp_path / 'adapter'}")
    with pytest.raises(ValueError, match=r"made for 'native', not for 'nano'|made for other weights"):
        argus.load(f"nano+{tmp_path / 'adapter'}")


def test_what_is_missing_or_damaged_is_named(small: Sam3, native: Path, tmp_path: Path) -> None:
    folder = tmp_path / "adapter"
    saved(trained(small), small, folder)
    with safe_open(folder / ADAPTER, "pt") as file:
        about, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    gone = next(name for name in tensors if name.endswith(".lora_up"))
    save_file({n: t for n, t in tensors.items() if n != gone}, folder / ADAPTER, about)
    with pytest.raises(ValueError, match=gone):
        argus.load(f"{native}+{folder}")
    save_file({**tensors, gone: tensors[gone] * float("nan")}, folder / ADAPTER, about)
    with pytest.raises(ValueError, match="not finite"):
        argus.load(f"{native}+{folder}")
    save_file({**tensors, gone: tensors[gone][:, :1].contiguous()}, folder / ADAPTER, about)
    with pytest.raises(ValueError, match="made for other weights"):
        argus.load(f"{native}+{folder}")
    bias = next(name for name in tensors if name.endswith("bias"))
    save_file({**tensors, bias: tensors[bias][:-1].clone()}, folder / ADAPTER, about)
    with pytest.raises(ValueError, match="made for other weights"):
        argus.load(f"{native}+{folder}")
    save_file(tensors, folder / ADAPTER, {"argus": json.dumps({"format": "argus-adapter", "version": 99})})
    with pytest.raises(ValueError, match="version 1"):
        read_adapter(folder)
    (folder / ADAPTER).write_bytes((folder / ADAPTER).read_bytes()[:-5])
    with pytest.raises(ValueError, match="cut short"):
        read_adapter(folder)
    with pytest.raises(ValueError, match=r"an adapter, not a model: .*nano\+"):
        argus.load(folder)
    with pytest.raises(ValueError, match="no adapter at"):
        argus.load(f"{native}+{tmp_path / 'none'}")


def test_a_plus_in_a_path_is_no_adapter_where_the_path_exists(small: Sam3, tmp_path: Path) -> None:
    argus.save(small, tmp_path / "a+b")
    assert argus.load(tmp_path / "a+b").config == small.config
    assert split_source(str(tmp_path / "a+b")) is None and split_source("nano") is None
    assert split_source(f"nano+{tmp_path / 'a+b'}") == ("nano", tmp_path / "a+b")
    assert split_source(f"{tmp_path / 'a+b'}+{tmp_path}") == (str(tmp_path / "a+b"), tmp_path)
    with pytest.raises(ValueError, match=r"MODEL\+FOLDER"):
        split_source("nano+")


def test_it_can_be_inspected(small: Sam3, native: Path, tmp_path: Path) -> None:
    saved(trained(small, 9), small, tmp_path / "adapter")
    found = checkpoint.inspect(f"{native}+{tmp_path / 'adapter'}")
    assert found.config.detector == replace(small.config.detector, queries=9)  # type: ignore[type-var]
    assert found.training["adapter"] == {"steps": 7} and found.report.fits


def test_the_adapter_of_nano_takes_less_than_3_mb(tmp_path: Path) -> None:
    nano = argus.load("nano", device="cpu", precision="fp32")
    model = with_queries(copy.deepcopy(nano), 160, 0)
    add_adapters(model, 8, 0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 1e-3 * parameter.requires_grad
    path = save_adapter(adapter_of(model, nano, "nano", {}), tmp_path)
    assert 1e6 < path.stat().st_size < 3e6
