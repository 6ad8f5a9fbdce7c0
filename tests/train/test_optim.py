"""Learning rates, parameter groups and the moving average."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from argus.train.lora import add_adapters
from argus.train.optim import Ema, OptimConfig, make_optimizer, rate_at, rate_of, set_rate
from tests.train.toys import tiny_model

TABLES = {
    "vision.position",
    "text.position",
    "text.embedding.weight",
    "detector.exemplar_encoder.label.weight",
    "detector.decoder.query_embed",
    "detector.decoder.reference_logits",
}
CONFIG = OptimConfig(vision=1.0, text=2.0, rest=4.0, vision_layer_decay=0.5, warmup=10, timescale=100, cooldown=20)


def test_the_rate_rises_falls_and_ends() -> None:
    rates = [rate_at(step, 200, CONFIG) for step in range(200)]
    assert rates[0] == pytest.approx(0.1) and rates[9] == 1.0
    assert rates[110] == pytest.approx(1 / math.sqrt(2))
    assert rates[199] == pytest.approx(1 / 20 / math.sqrt(1 + 189 / 100))
    assert sorted(rates[9:], reverse=True) == rates[9:]


def test_each_part_has_its_rate() -> None:
    assert rate_of("model.vision.blocks.1.qkv.weight", 2, CONFIG) == 1.0
    assert rate_of("model.vision.blocks.0.qkv.weight", 2, CONFIG) == 0.5
    assert rate_of("model.vision.patch_embed.weight", 2, CONFIG) == 0.25
    assert rate_of("model.text.blocks.0.out.weight", 2, CONFIG) == 2.0
    assert rate_of("model.detector.decoder.layers.0.mlp.weight", 2, CONFIG) == 4.0
    assert rate_of("text_head.weight", 2, CONFIG) == 4.0


def test_every_parameter_is_in_one_group_and_only_matrices_decay() -> None:
    model = tiny_model()
    optimizer = make_optimizer(model, CONFIG)
    rates = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(rates) == len(list(model.parameters()))
    for name, parameter in model.named_parameters():
        group = rates[id(parameter)]
        assert (group["weight_decay"] == 0) == (parameter.ndim < 2 or name in TABLES), name
        assert group["lr"] == rate_of(name, 2, CONFIG)
    set_rate(optimizer, 0.5)
    assert {group["lr"] for group in optimizer.param_groups} == {0.125, 0.25, 0.5, 1.0, 2.0}


def test_adapters_have_a_rate_of_their_own() -> None:
    model = tiny_model()
    add_adapters(model, 2, 0)
    groups = make_optimizer(model, replace(CONFIG, adapters=8.0)).param_groups
    rates = {id(p): group["base_lr"] for group in groups for p in group["params"]}
    faster = {name: rates[id(p)] / rate_of(name, 2, CONFIG) for name, p in model.named_parameters() if p.requires_grad}
    assert {rate for name, rate in faster.items() if name.endswith((".up", ".down"))} == {8.0}
    assert {rate for name, rate in faster.items() if not name.endswith((".up", ".down"))} == {1.0}


def test_the_average_follows_the_model() -> None:
    model = nn.Linear(1, 1, bias=False)
    ema = Ema(model)
    start = ema.model.weight.item()
    with torch.no_grad():
        model.weight.add_(1.0)
    ema.update(model)
    assert ema.model.weight.item() == pytest.approx(start + 0.9)  # the first decay is 0.1
    for _ in range(300):
        ema.update(model)
    assert ema.model.weight.item() == pytest.approx(start + 1.0, abs=1e-4)
    assert not ema.model.weight.requires_grad and not ema.model.training


def test_a_senseless_configuration_is_refused() -> None:
    with pytest.raises(ValueError, match="vision_layer_decay"):
        OptimConfig(vision=1, text=1, rest=1, vision_layer_decay=0)
