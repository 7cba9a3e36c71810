"""What a layer over blocked channels is: prepared once, run for every image.

A blocked array is (N, C / V rounded up, H, W, V), float32, V the lanes of a vector register. The
channels behind C are finite numbers that nobody reads.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from imgconv import kernels
from imgconv.engine.arena import aligned


def _lanes() -> int:
    """Asked of the compiled kernels: only they know for which CPU they were made."""
    found = np.zeros(1, np.int64)
    kernels.width(found)
    return int(found[0])


V = _lanes()
Arrays = Mapping[str, np.ndarray]
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Work:
    """A stage made ready: run(values, out) with the values named in `blocked` as blocked arrays.

    out is a blocked array to write into. algorithm: in a word, for the table of layers. by_rows:
    whether all these arrays may be some rows of larger ones; else they are contiguous.
    """

    run: Callable[[Arrays, np.ndarray], None]
    blocked: frozenset[str]
    algorithm: str
    by_rows: bool = False


@dataclass(frozen=True)
class Weights:
    """The weights of a layer, and what has been made of them for any size of image."""

    array: np.ndarray
    name: str
    prepared: dict[Any, np.ndarray]

    def get(self, how: Any, make: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """make(array), once for every `how`."""
        key = (self.name, how)
        if key not in self.prepared:
            self.prepared[key] = make(self.array)
        return self.prepared[key]

    def part(self, how: Any, take: Callable[[np.ndarray], np.ndarray]) -> Weights:
        """Some of the weights, under a name of their own."""
        return Weights(take(self.array), f"{self.name} {how}", self.prepared)


def blocks(channels: int) -> int:
    """Blocks of V that hold so many channels."""
    return -(-channels // V)


def blocked_shape(shape: tuple[int, ...]) -> tuple[int, int, int, int, int]:
    """(N, C, H, W) -> (N, blocks, H, W, V)."""
    n, c, h, w = shape
    return n, blocks(c), h, w, V


def step_of(image: np.ndarray) -> int:
    """Numbers from block to block of an image (blocks, H, W, V), which may be some rows of one."""
    return image.strides[0] // image.itemsize if len(image) > 1 else image.size


def lines(image: np.ndarray) -> np.ndarray:
    """(n,) all numbers from the first to the last one of such an image, those between included."""
    count = (len(image) - 1) * step_of(image) + image[0].size
    return np.lib.stride_tricks.as_strided(image, (count,), (image.itemsize,))


def pad_channels(vector: np.ndarray | None, channels: int, fill: float = 0.0) -> np.ndarray:
    """(2 V n,) float32: `vector` (channels,), then `fill` up to whole pairs of blocks.

    None: `fill` alone.
    """
    out = np.full(2 * V * math.ceil(channels / (2 * V)), fill, np.float32)
    if vector is not None:
        out[:channels] = vector
    return out


_own = threading.local()


def scratch(numbers: int) -> np.ndarray:
    """(n,) float32 of this thread, n >= numbers, with anything in it.

    It is kept, since fresh pages cost more time than many layers do.
    """
    held = getattr(_own, "scratch", None)
    if held is None or held.size < numbers:
        held = _own.scratch = aligned((numbers,))
    return held
