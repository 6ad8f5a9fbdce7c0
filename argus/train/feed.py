"""Batches made in worker processes, the n-th one always the same."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

B = TypeVar("B")


def feed(make: Callable[[int], B], first: int, workers: int, stride: int = 1) -> Iterator[B]:
    """make(first), make(first + stride), ... without end, made ahead by `workers` processes (0: here, when asked)."""
    if not workers:
        return _counted(make, first, stride)
    torch.multiprocessing.set_sharing_strategy("file_system")  # a batch is many small tensors: spare file descriptors
    loader: DataLoader[Any] = DataLoader(
        _Stream(make, first, stride),
        batch_size=None,
        num_workers=workers,
        prefetch_factor=4,
        worker_init_fn=_stand_back,
    )
    return iter(loader)


def _counted(make: Callable[[int], B], first: int, stride: int) -> Iterator[B]:
    while True:
        yield make(first)
        first += stride


class _Stream(IterableDataset[B], Generic[B]):
    """Worker w of W makes the w-th batch, the (w + W)-th, ...; the loader takes them in turn."""

    def __init__(self, make: Callable[[int], B], first: int, stride: int) -> None:
        self.make, self.first, self.stride = make, first, stride

    def __iter__(self) -> Iterator[B]:
        info = get_worker_info()
        assert info is not None
        return _counted(self.make, self.first + info.id * self.stride, info.num_workers * self.stride)


def _stand_back(worker: int) -> None:
    """Ctrl-C, and often SIGTERM, reach the whole process group, and only the main process acts on them; and where cores
    are few, the threads of a training step should wait for each other less than a worker for them."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.nice(10)
