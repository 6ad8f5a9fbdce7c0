"""How a learner is held: whole in each process (DDP), in shares (FSDP), its activations kept or computed again.

All of it is PyTorch's own. Gradients are averaged over processes by both, see `train_step`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel
from torch.utils._pytree import tree_map
from torch.utils.checkpoint import checkpoint

from argus.model.sam3 import Sam3
from argus.train.team import Team


def recompute(model: Sam3) -> None:
    """Let the layers of encoders, decoder and memory attention keep their inputs alone until the backward pass."""
    for layer, parts in _layers(model):
        for part in parts:
            setattr(layer, part, partial(checkpoint, getattr(layer, part), use_reentrant=False))


def _layers(model: Sam3) -> Iterator[tuple[nn.Module, tuple[str, ...]]]:
    """Layers, and the names of what is called of each."""
    whole = [*model.vision.blocks]
    if model.config.detector is not None:
        whole += [*model.text.blocks, *model.detector.decoder.layers]
        yield from ((layer, ("attend_image", "attend_prompt")) for layer in model.detector.fusion_encoder.layers)
    if model.tracker is not None:
        yield from ((layer, ("look", "read")) for layer in model.tracker.memory_attention.layers)
    yield from ((layer, ("forward",)) for layer in whole)


def joined(learner: nn.Module, team: Team) -> nn.Module:
    """What is called for a loss, so that gradients of all processes are averaged: DDP, or the learner itself."""
    if team.size == 1:
        return learner
    # What a batch has none of (example boxes, clips) leaves parameters without a gradient in some processes.
    return DistributedDataParallel(learner, find_unused_parameters=True, gradient_as_bucket_view=True)


def held_back(engine: nn.Module, last: bool) -> AbstractContextManager[None]:
    """DDP averages after the last batch of a step alone; FSDP after each, so that no process holds all gradients."""
    return engine.no_sync() if isinstance(engine, DistributedDataParallel) and not last else nullcontext()


def shard(learner: nn.Module, model: Sam3, team: Team) -> None:
    """Share out all parameters, and with them gradients and optimiser, among the processes.

    Blocks of vision and text encoder that learn are gathered one at a time. The rest, a small part of SAM 3, is
    gathered for the whole step: processes must gather alike, and what else is called depends on the batch.
    """
    if not hasattr(FSDPModule, "set_reduce_scatter_unused_params"):
        raise ValueError(f"expected PyTorch 2.13 or newer to share a model out, got {torch.__version__}")
    mesh = init_device_mesh(team.device.type, (team.size,))
    _lift_scalars(learner)
    blocks = [*model.vision.blocks, *(model.text.blocks if model.config.text is not None else ())]
    for block in blocks:
        if any(parameter.requires_grad for parameter in block.parameters()):
            fully_shard(block, mesh=mesh)
    whole = fully_shard(learner, mesh=mesh)
    whole.set_reduce_scatter_unused_params(True)


@contextmanager
def noted(engine: nn.Module, used: set[str]) -> Iterator[None]:
    """Add to `used` what gets a gradient within, where the learner is shared out, see `forget_unused`."""
    if not isinstance(engine, FSDPModule):
        yield
        return
    handles = []
    for name, parameter in engine.named_parameters():
        if isinstance(parameter, DTensor):  # of a block, and those are used as a whole
            used.add(name)
        elif parameter.requires_grad:
            handles.append(parameter.register_post_accumulate_grad_hook(lambda _, name=name: used.add(name)))
    yield
    for handle in handles:
        handle.remove()


def forget_unused(engine: nn.Module, used: set[str], team: Team) -> None:
    """FSDP gives a gradient of zeros to what no batch of a step used, and weight decay and momentum would move it."""
    if not isinstance(engine, FSDPModule):
        return
    learned = {name: parameter for name, parameter in engine.named_parameters() if parameter.grad is not None}
    for parameter, times in zip(learned.values(), team.summed([float(name in used) for name in learned])):
        if not times:
            parameter.grad = None


def _lift_scalars(module: nn.Module) -> None:
    """FSDP has no way to share out a parameter without dimensions."""
    for name, parameter in list(module.named_parameters()):
        if parameter.ndim == 0:
            owner, _, last = name.rpartition(".")
            lifted = nn.Parameter(parameter.detach().reshape(1), parameter.requires_grad)
            setattr(module.get_submodule(owner), last, lifted)


def local(tensor: Tensor) -> Tensor:
    """This process's share of a tensor, or the tensor where it is not shared out."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(tensor: Tensor) -> Tensor:
    """A tensor from its shares, which all processes must ask for together."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def gathered(tree: Any, team: Team) -> Any:
    """A nest of dicts and lists with whole tensors, those from shares on the CPU and in the first process alone."""

    def one(value: Any) -> Any:
        if not isinstance(value, DTensor):
            return value
        full = whole(value)
        return full.cpu() if team.first else None

    return tree_map(one, tree)


def placed(values: Mapping[str, Any], like: Mapping[str, Tensor]) -> dict[str, Any]:
    """Whole tensors as those of the same name are held: shared out, and with or without a dimension for a scalar."""
    return {name: _placed(value, like[name]) if name in like else value for name, value in values.items()}


def _placed(value: Tensor, like: Tensor) -> Tensor:
    if value.numel() == 1 == like.numel():
        value = value.reshape(like.shape)
    if not isinstance(like, DTensor):
        return value
    return distribute_tensor(value.to(like.device), like.device_mesh, like.placements, src_data_rank=None)
