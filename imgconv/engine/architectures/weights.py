"""Where a network's numbers come from: drawn at random, or a file's."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from typing import Protocol

import numpy as np

from imgconv.errors import InputError

SCALES = {"weight": 1.0, "bias": 0.0, "running_mean": 0.0, "running_var": 1.0}


class Weights(Protocol):
    def __call__(self, name: str, shape: tuple[int, ...], gain: float = 2.0) -> np.ndarray:
        """The float32 tensor of this name, as PyTorch names it, and shape."""


class Empty:
    """Zeros that take no memory until they are read: for shapes and costs.

    learnt: how many numbers were asked for that are trained.
    """

    def __init__(self) -> None:
        self.learnt = 0

    def __call__(self, name: str, shape: tuple[int, ...], gain: float = 2.0) -> np.ndarray:
        self.learnt += 0 if ".running_" in name else math.prod(shape)
        return np.zeros(shape, np.float32)


class Random:
    """Normal numbers of the variance gain / inputs (He and others 2015, section 2.2: 2 keeps the
    size of values through ReLU); biases 0, batch normalisation does nothing.

    A tensor depends on the seed and its own name alone.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def __call__(self, name: str, shape: tuple[int, ...], gain: float = 2.0) -> np.ndarray:
        kind = name.rsplit(".", 1)[-1]
        if len(shape) < 2:
            return np.full(shape, SCALES.get(kind, gain), np.float32)
        rng = np.random.default_rng((self.seed, zlib.crc32(name.encode())))
        values = rng.standard_normal(shape, np.float32)
        values *= np.float32(math.sqrt(gain / math.prod(shape[1:])))
        return values


class StateDict:
    """The tensors of a trained network by their names. InputError where one does not fit."""

    def __init__(self, tensors: Mapping[str, np.ndarray]) -> None:
        self.tensors = {n: t for n, t in tensors.items() if not n.endswith("num_batches_tracked")}
        self.left = set(self.tensors)

    def __call__(self, name: str, shape: tuple[int, ...], gain: float = 2.0) -> np.ndarray:
        if name not in self.tensors:
            near = ", ".join(sorted(self.left)[:3])
            raise InputError(f"there is no tensor '{name}' {list(shape)}; found are {near}, ...")
        found = self.tensors[name]
        if found.shape != shape:
            raise InputError(f"'{name}' is {list(found.shape)}, the network has {list(shape)}")
        self.left.discard(name)
        return np.asarray(found, np.float32)

    def check_used(self) -> None:
        """InputError where tensors are left over: it is another network."""
        if self.left:
            some = ", ".join(sorted(self.left)[:3])
            raise InputError(f"{len(self.left)} tensors have no place in the network: {some}, ...")
