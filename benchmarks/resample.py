"""Pooling and upsampling in one process against PyTorch, scikit-image and OpenCV: 12 megapixels.

Enlarged images are 48 megapixels; both sides write them into memory in use, where the peer can.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from timing import Row, pair

from imgconv import threads
from imgconv.ops.interpolation import interpolate
from imgconv.ops.pool import Pool
from imgconv.ops.stencil import Stencil
from imgconv.ops.transposed import correlate_transposed

SIZE = (3000, 4000)
TWO = (Fraction(2), Fraction(2))


def rows() -> list[Row]:
    cv2.setNumThreads(threads.count())
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (*SIZE, 3)).astype(np.uint8)
    grey = rng.random((*SIZE, 1), np.float32)
    found = [
        enlarged("nearest", rgb, cv2.INTER_NEAREST, 0.9),
        enlarged("bilinear", rgb, cv2.INTER_LINEAR, 0.9),
        enlarged("bicubic", rgb, cv2.INTER_CUBIC, None),
        enlarged("bilinear", grey, cv2.INTER_LINEAR, None),
    ]
    return [*against_pytorch(rgb, grey), *against_skimage(rgb, grey), *found]


def named(pixels: np.ndarray) -> str:
    return f"{pixels.dtype} {'RGB' if pixels.shape[2] == 3 else 'grey'}"


def enlarged(method: str, pixels: np.ndarray, flag: int, goal: float | None) -> Row:
    mine = np.empty((2 * SIZE[0], 2 * SIZE[1], pixels.shape[2]), pixels.dtype)
    other, size = np.empty_like(mine), (2 * SIZE[1], 2 * SIZE[0])
    return pair(
        f"{method} x2, {named(pixels)}", "cv2.resize",
        lambda: interpolate(pixels, method, TWO, mine),
        lambda: cv2.resize(pixels, size, dst=other, interpolation=flag),
        goal,
    )  # fmt: skip


def against_pytorch(rgb: np.ndarray, grey: np.ndarray) -> list[Row]:
    """Each pooling against max_pool2d of the same image as float32, which is what it has."""
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: not compared (pip install torch)")
        return []
    torch.set_num_threads(threads.count())
    function = torch.nn.functional

    def tensor(pixels: np.ndarray) -> Any:
        return torch.tensor(np.moveaxis(pixels.astype(np.float32), 2, 0)[None].copy())

    found = []
    for pixels in (rgb, grey):
        image = tensor(pixels)
        for method in ("max", "average", "l2"):
            found.append(
                pooled(method, pixels, "PyTorch max_pool2d, float32",
                       lambda image=image: function.max_pool2d(image, 2), 0.3)
            )  # fmt: skip
    image, weights = tensor(grey), np.random.default_rng(1).random((4, 4), np.float32)
    kernel, stencil = torch.tensor(weights)[None, None], Stencil(weights.astype(np.float64))
    target = correlate_transposed(grey, stencil, (2, 2))

    def theirs() -> object:
        with torch.inference_mode():
            return function.conv_transpose2d(image, kernel, stride=2)

    work = "transposed 4x4, stride 2, float32 grey"
    assert np.abs(theirs()[0, 0].numpy() - target[..., 0]).max() < 1e-4  # type: ignore[index]
    found.append(
        pair(f"{work}, into memory in use", "PyTorch conv_transpose2d",
             lambda: correlate_transposed(grey, stencil, (2, 2), out=target), theirs, 0.5, 5)
    )  # fmt: skip
    found.append(
        pair(f"{work}, new array", "PyTorch conv_transpose2d",
             lambda: correlate_transposed(grey, stencil, (2, 2)), theirs, 0.5, 5)
    )  # fmt: skip
    return found


def against_skimage(rgb: np.ndarray, grey: np.ndarray) -> list[Row]:
    try:
        from skimage.measure import block_reduce
    except ImportError:
        print("scikit-image is not installed: not compared (pip install scikit-image)")
        return []
    return [
        pooled(method, pixels, "skimage block_reduce",
               lambda p=pixels, f=function: block_reduce(p, (2, 2, 1), f), 0.1)
        for pixels in (rgb, grey)
        for method, function in (("max", np.max), ("average", np.mean))
    ]  # fmt: skip


def pooled(
    method: str, pixels: np.ndarray, peer: str, theirs: Callable[[], object], goal: float
) -> Row:
    work = Pool(method)
    return pair(f"{method} 2x2, {named(pixels)}", peer, lambda: work(pixels), theirs, goal, 7)
