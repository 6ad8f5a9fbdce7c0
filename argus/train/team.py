"""The processes that train one model together, as torchrun starts them; a single one needs nothing of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, distributed, nn

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Team:
    """This process (`rank` of `size`) and its device. What is asked of a team, all its processes must ask together."""

    device: torch.device = torch.device("cpu")
    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and draws."""
        return self.rank == 0

    def share(self, batches: int) -> int:
        """How many of a step's batches are this process's. Raises ValueError where they cannot be shared evenly."""
        if batches % self.size:
            more = -(-batches // self.size) * self.size
            raise ValueError(
                f"expected as many batches a step as {self.size} processes can share evenly, got {batches}: "
                f"give --batches {more} (accumulate={more}), or start another number of processes"
            )
        return batches // self.size

    def any(self, flag: bool) -> bool:
        """Whether it is so in any process."""
        return self.summed([float(flag)])[0] > 0

    def summed(self, numbers: Sequence[float]) -> list[float]:
        """Each number summed over the processes."""
        if self.size == 1:
            return list(numbers)
        sums = torch.tensor(numbers, dtype=torch.float64)
        distributed.all_reduce(sums)
        return sums.tolist()

    def added(self, counts: T) -> T:
        """Counts (a number, or a dataclass of numbers) of all processes together, each at least 1."""
        if is_dataclass(counts) and not isinstance(counts, type):
            names = [field.name for field in fields(counts)]
            return replace(counts, **dict(zip(names, self._totals([getattr(counts, name) for name in names]))))
        return cast(T, self._totals([counts])[0])

    def _totals(self, counts: Sequence[Any]) -> list[Any]:
        sums = self.summed([float(count) for count in counts])
        return [type(count)(max(total, 1)) for count, total in zip(counts, sums, strict=True)]

    def spread(self, module: nn.Module) -> None:
        """Give every process the first one's weights."""
        if self.size > 1:
            tensors: list[Tensor] = [*module.parameters(), *module.buffers()]
            for tensor in tensors:
                distributed.broadcast(tensor.detach(), 0)


@contextmanager
def gather(device: torch.device) -> Iterator[Team]:
    """The team that this process belongs to: torchrun says so in the environment; without it, alone.

    On GPUs each process of a machine takes its own. Raises ValueError where there are fewer of them than processes.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Team(device=device)
        return
    rank, place = int(os.environ["RANK"]), int(os.environ["LOCAL_RANK"])
    if device.type == "cuda":
        if place >= torch.cuda.device_count():
            raise ValueError(
                f"expected a GPU for each process of this machine, got {torch.cuda.device_count()} GPUs for "
                f"{os.environ['LOCAL_WORLD_SIZE']} processes: start fewer (--nproc-per-node), or use --device cpu"
            )
        device = torch.device("cuda", place)
        torch.cuda.set_device(device)
    elif device.type != "cpu":
        raise ValueError(f"expected cpu or cuda for {size} processes, got {device}: start a single one there")
    distributed.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    try:
        yield Team(device=device, rank=rank, size=size)
    finally:
        distributed.destroy_process_group()
