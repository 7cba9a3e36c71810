"""Rows as weighted sums of a few lines: interpolation between rows that lie far apart."""

from __future__ import annotations

from typing import Any

from numba import types

from .dialect import kernel, shift
from .layout import places
from .plane_layout import Blend
from .strips import finishing
from .vectors import T, load, product_sum, spreading, store

AT = places(Blend)
spread, zero = spreading("f32"), types.float32(0)


def _blend(result: str) -> Any:
    finish = finishing("f32", result)

    @kernel(f"f32* {result}* i64* i64* f32* f32*")
    def blend(lines, out, sizes, first, weights, reals):
        """out[y] = the sum of weights[y, t] * lines[first[y] + t] over t < taps, finished.

        lines and out hold rows of `numbers`, T or more; see plane_layout.Blend.
        """
        N, taps = sizes[AT.numbers], sizes[AT.taps]
        for y in range(sizes[AT.begin], sizes[AT.end]):
            source, factors = shift(lines, first[y] * N), shift(weights, y * taps)
            target = shift(out, y * N)
            for m in range((N + T - 1) // T):
                p = min(m * T, N - T)
                total = spread(zero)
                for t in range(taps):
                    total = product_sum(load(source, t * N + p), spread(factors[t]), total)
                store(target, p, finish(total, reals))

    return blend


def __getattr__(name: str) -> Any:
    """`u8`: by the type of the result."""
    if name not in ("u8", "u16", "f32"):
        raise AttributeError(name)
    return _blend(name)
