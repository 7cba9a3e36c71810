"""Matrix products."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from imgconv import threads
from imgconv.errors import InputError

from .axes import broadcast, format_shape
from .operator import Operator
from .reach import WHOLE, Shape, over


def dense_shape(x: Shape, w: Shape, b: Shape | None = None) -> Shape:
    if len(w) != 2 or not x or x[-1] != w[1]:
        raise InputError(
            f"found an input of shape {format_shape(x)} and weights of {format_shape(w)}, "
            "allowed (..., channels) and (results, channels)"
        )
    if b is not None and tuple(b) != (w[0],):
        raise InputError(f"found a bias of shape {format_shape(b)}, allowed {w[0]} numbers")
    return (*x[:-1], w[0])


def dense(x: np.ndarray, w: np.ndarray, b: np.ndarray | None = None) -> np.ndarray:
    """y[..., k] = b[k] + sum_c w[k,c] x[..., c]: x (..., C), w (K, C), b (K,) -> (..., K)."""
    dense_shape(x.shape, w.shape, None if b is None else b.shape)
    y = x @ w.T if x.size >= FEW * w.shape[1] else _few_rows(x, w)
    return y if b is None else y + b


FEW = 8  # rows of x


def _few_rows(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """x @ w.T without NumPy's BLAS, whose threads wait in a loop for 25 ms after each product and
    take the CPUs from ours: the next layers of a network took 1.5 times as long."""
    y = np.empty((*x.shape[:-1], len(w)), np.result_type(x, w))

    def band(begin: int, end: int) -> None:
        np.einsum("...c,kc->...k", x, w[begin:end], out=y[..., begin:end])

    threads.run(band, len(w), threads.rows_worthwhile(x.size))
    return y


def dense_multiply_adds(y: Shape, x: Shape, w: Shape, *_: Any) -> int:
    return math.prod(y) * w[1]


def matmul_shape(x: Shape, y: Shape) -> Shape:
    if not x or not y or x[-1] != y[-2 if len(y) > 1 else 0]:
        raise InputError(
            f"found matrices of {format_shape(x)} and {format_shape(y)}, which do not chain"
        )
    lead = broadcast(x[:-2], y[:-2])
    return (*lead, *x[-2:-1], *(y[-1:] if len(y) > 1 else ()))


def matmul(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """z[..., i, j] = sum_k x[..., i, k] y[..., k, j]."""
    matmul_shape(x.shape, y.shape)
    return np.matmul(x, y)


def matmul_multiply_adds(z: Shape, x: Shape, y: Shape) -> int:
    return math.prod(z) * x[-1]


OPERATORS = {
    "dense": Operator(
        dense,
        dense_shape,
        over(lambda site: [-1]),
        ("x", "w", "b?"),
        multiply_adds=dense_multiply_adds,
    ),
    "matmul": Operator(matmul, matmul_shape, WHOLE, ("x", "y"), multiply_adds=matmul_multiply_adds),
}
