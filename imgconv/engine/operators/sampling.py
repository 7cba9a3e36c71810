"""Samples of an image at places that another value says: flows, transformers, rectified views."""

from __future__ import annotations

import itertools
import math

import numpy as np

from imgconv.errors import InputError

from .arithmetic import quiet
from .axes import format_shape
from .operator import FLAG, Operator, choice
from .reach import WHOLE, Shape
from .resizing import weights_at

CUBIC = -0.75  # the parameter of Keys' cubic that ONNX and PyTorch take here
FARTHEST = 1 << 30  # places beyond it are as far outside as this
FIRST, COUNT = {"nearest": 0, "linear": 0, "cubic": -1}, {"nearest": 1, "linear": 2, "cubic": 4}


def grid_sample_shape(
    x: Shape, grid: Shape, *, mode: str = "linear", padding: str = "zeros", corners: bool = False
) -> Shape:
    if not 3 <= len(x) == len(grid) or (x[0], len(x) - 2) != (grid[0], grid[-1]) or 0 in x[2:]:
        raise InputError(
            f"found an image {format_shape(x)} and places {format_shape(grid)}, allowed NxCxHxW "
            "and NxH'xW'x2, or one axis more and x3"
        )
    return (*x[:2], *grid[1:-1])


@quiet
def grid_sample(
    x: np.ndarray,
    grid: np.ndarray,
    *,
    mode: str = "linear",
    padding: str = "zeros",
    corners: bool = False,
) -> np.ndarray:
    """x (N, C, H, W) at the places of grid (N, H', W', 2), column before row -> (N, C, H', W');
    volumes (N, C, D, H, W) likewise.

    -1 and 1 are the ends of the image: the middles of its outermost pixels with `corners`, else
    their outer edges. padding: what lies outside is 0, the border's pixels, or a mirror image
    (Jaderberg and others 2015).
    """
    axes = range(2, x.ndim)
    places = np.moveaxis(grid, -1, 0)[::-1]
    taps = [_taps(places[n - 2], x.shape[n], mode, padding, corners) for n in axes]
    batch = np.arange(len(x)).reshape(-1, *[1] * len(axes))
    result = np.zeros((*grid.shape[:-1], x.shape[1]))
    for chosen in itertools.product(*(zip(*pair, strict=True) for pair in taps)):
        weight = math.prod(of_axis for _, of_axis in chosen)
        result += x[batch, :, *(index for index, _ in chosen)] * weight[..., None]
    return np.ascontiguousarray(np.moveaxis(result, -1, 1).astype(x.dtype))


def _taps(
    place: np.ndarray, size: int, mode: str, padding: str, corners: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Along an axis of `size` pixels, for places (N, H', W'): the pixels that each is made of and
    their weights, both (taps, N, H', W')."""
    place = place.astype(np.float64)
    at = (place + 1) / 2 * (size - 1) if corners else ((place + 1) * size - 1) / 2
    at = np.clip(at, -FARTHEST, FARTHEST)
    near = np.nan_to_num(np.rint(at) if mode == "nearest" else np.floor(at)).astype(np.int64)
    steps = np.arange(FIRST[mode], FIRST[mode] + COUNT[mode]).reshape(-1, *[1] * at.ndim)
    index = near + steps
    weights = np.where(np.isnan(at), np.nan, np.ones(index.shape))
    if mode != "nearest":
        weights = weights_at(index - at, mode, CUBIC)
    if padding == "zeros":
        weights = np.where((index >= 0) & (index < size), weights, 0 * at)
    if padding == "reflection":
        index = _mirror(index, size, corners)
    return np.clip(index, 0, size - 1), weights


def _mirror(index: np.ndarray, size: int, corners: bool) -> np.ndarray:
    """About the middles of the outermost pixels with `corners`, else about their outer edges."""
    period = max(2 * (size - 1), 1) if corners else 2 * size
    index = index % period
    return np.minimum(index, (period if corners else period - 1) - index)


OPERATORS = {
    "grid_sample": Operator(
        grid_sample, grid_sample_shape, WHOLE, ("x", "grid"),
        {"mode": choice("nearest", "linear", "cubic"),
         "padding": choice("zeros", "border", "reflection"), "corners": FLAG},
    ),
}  # fmt: skip
