"""Endless batches, made while the network learns from the ones before."""

from __future__ import annotations

import ctypes
import itertools
import shutil
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

AHEAD = 3


class Sampler(Protocol):
    def draw(self, rng: np.random.Generator, size: int) -> tuple[Any, ...]:
        """Arrays or numbers of one example, of `size` pixels a side."""


class Batches(IterableDataset):  # type: ignore[type-arg]
    """Batches from `step` on; each has random numbers of its own, whoever makes it."""

    def __init__(self, sampler: Sampler, count: int, size: int, seed: int, step: int) -> None:
        self.sampler, self.count, self.seed, self.step = sampler, count, seed, step
        self._size = torch.multiprocessing.Value(ctypes.c_int, size, lock=False)

    def set_size(self, size: int) -> None:
        """Of the crops that are drawn from now on, in worker processes as well."""
        self._size.value = size

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        worker = get_worker_info()
        first, stride = (worker.id, worker.num_workers) if worker else (0, 1)
        for number in itertools.count(self.step + first, stride):
            yield self.batch(number)

    def batch(self, number: int) -> tuple[Tensor, ...]:
        rng = np.random.default_rng((self.seed, number))
        size = self._size.value
        drawn = [self.sampler.draw(rng, size) for _ in range(self.count)]
        return tuple(torch.from_numpy(np.stack(part)) for part in zip(*drawn, strict=True))


def made(batches: Batches, workers: int) -> Iterator[tuple[Tensor, ...]]:
    """The batches, made ahead by one thread; beside a GPU by several processes, or threads where
    the memory that processes share is small, as it is in many containers."""
    if not workers or not has_room(batches, 2 * workers):
        return ahead(batches, max(1, workers))
    torch.multiprocessing.set_sharing_strategy("file_system")  # of few open files
    pinned = torch.cuda.is_available()
    return iter(DataLoader(batches, batch_size=None, num_workers=workers, pin_memory=pinned))


def has_room(batches: Batches, count: int) -> bool:
    """Whether so many batches fit into the memory that processes share."""
    shared = Path("/dev/shm")
    if not shared.is_dir():
        return True
    each = sum(part.nbytes for part in batches.batch(batches.step))
    return shutil.disk_usage(shared).free > 2 * count * each


def ahead(batches: Batches, workers: int = 1) -> Iterator[tuple[Tensor, ...]]:
    """The batches in order, some of them made ahead by threads; their errors come out here."""
    numbers = itertools.count(batches.step)
    with ThreadPoolExecutor(workers) as pool:
        ready = deque(pool.submit(batches.batch, next(numbers)) for _ in range(AHEAD + workers))
        while True:
            yield ready.popleft().result()
            ready.append(pool.submit(batches.batch, next(numbers)))


def repeated(source: Iterator[tuple[Tensor, ...]], times: int) -> Iterator[tuple[Tensor, ...]]:
    """Each batch so many times, up to 8, mirrored and turned by right angles differently."""
    for batch in source:
        for number in range(times):
            yield tuple(last(turned(part, number)) if part.ndim == 4 else part for part in batch)


def turned(planes: Tensor, number: int) -> Tensor:
    """(N, C, S, S) in one of the eight ways in which a square lies on itself; 0 is as it is."""
    planes = planes.transpose(2, 3) if number & 1 else planes
    axes = [axis for axis, bit in ((2, 2), (3, 4)) if number & bit]
    return planes.flip(axes) if axes else planes


def last(part: Tensor) -> Tensor:
    """Planes (N, C, H, W) with their channels last in memory; anything else as it is."""
    return part.contiguous(memory_format=torch.channels_last) if part.ndim == 4 else part
