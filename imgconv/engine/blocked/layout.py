"""From planes (N, C, H, W) to blocked channels and back."""

from __future__ import annotations

import numpy as np

from imgconv import kernels, threads

SMALLEST = 2**13  # pixels of a band that are worth a thread


def to_blocks(planes: np.ndarray, out: np.ndarray) -> None:
    """planes (N, C, H, W) into out (N, blocks, H, W, V)."""
    n, C, H, W = planes.shape
    for i in range(n):
        source = np.ascontiguousarray(planes[i], np.float32)

        def band(begin: int, end: int, source: np.ndarray = source, i: int = i) -> None:
            kernels.block(source, out[i], C, H * W, begin, end)

        threads.run(band, H * W, SMALLEST)


def to_planes(blocks: np.ndarray, C: int) -> np.ndarray:
    """blocks (N, blocks, H, W, V) as new planes (N, C, H, W)."""
    n, _, H, W, _ = blocks.shape
    planes = np.empty((n, C, H, W), np.float32)
    for i in range(n):

        def band(begin: int, end: int, i: int = i) -> None:
            kernels.unblock(blocks[i], planes[i], C, H * W, begin, end)

        threads.run(band, H * W, SMALLEST)
    return planes
