"""Transposed convolution: every pixel spreads a stencil over the larger result."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from imgconv import kernels, threads
from imgconv.errors import InputError, UsageError

from .arguments import result_array
from .stencil import Stencil
from .strides import Pair, format_pair

KERNELS = {"u1": ("u8", "f64"), "u2": ("u16", "f64"), "f4": ("f32", "f32")}
WORK = {"f64": np.float64, "f32": np.float32}
STRIP = 16384  # bytes of a line of the source: the ring stays in the second-level cache
SLACK = 256  # numbers past its line that a register tile may touch, at most


def check(stride: Pair, padding: Pair) -> None:
    """UsageError where a stride is below 1 or a padding below 0."""
    if min(stride) < 1:
        raise UsageError(f"`stride={stride}`: must be 1 or more")
    if min(padding) < 0:
        raise UsageError(f"`padding={padding}`: must be 0 or more")


def output_size(length: int, stencil: int, stride: int, padding: int) -> int:
    """Pixels of the result along an axis of `length`: PyTorch's, with an output_padding of 0."""
    return (length - 1) * stride + stencil - 2 * padding


def correlate_transposed(
    pixels: np.ndarray,
    stencil: Stencil,
    stride: Pair,
    padding: Pair = (0, 0),
    gain: Fraction = Fraction(1),
    out: np.ndarray | None = None,
) -> np.ndarray:
    """(H', W', C) of pixels (H, W, C), in their dtype: PyTorch's conv_transpose2d per channel.

    H' = (H - 1) * stride + K - 2 * padding. Integers are rounded half to even, exactly where
    the stencil is one of simple fractions, and cut off at 0 and white. out: an array to write
    into. InputError where padding leaves nothing.
    """
    height, width, depth = pixels.shape
    shape = tuple(
        output_size(*numbers)
        for numbers in zip((height, width), stencil.shape, stride, padding, strict=True)
    )
    if min(shape) < 1:
        raise InputError(
            f"nothing is left: an image of {format_pair((height, width))} (height x width) under a "
            f"stencil of {format_pair(stencil.shape)} at stride {format_pair(stride)}, less a "
            f"padding of {format_pair(padding)} on each side, is {format_pair(shape)}"  # type: ignore[arg-type]
        )
    out = result_array((*shape, depth), pixels.dtype, out)
    source, work = KERNELS[pixels.dtype.str[1:]]
    weights, divisor = _weights(stencil, gain, exact=source != "f32")
    strip = max(1, STRIP // np.dtype(WORK[work]).itemsize // depth)
    taps = stencil.shape[0] * stencil.shape[1]
    slots = -(-stencil.shape[0] // stride[0])
    length = (strip + stencil.shape[1]) * depth + SLACK
    reals = np.array([divisor, 0 if source == "f32" else np.iinfo(pixels.dtype).max], np.float64)
    table = weights.astype(WORK[work])

    def band(begin: int, end: int) -> None:
        sizes = [*pixels.shape, *stencil.shape, *stride, *padding, shape[1], begin, end, strip,
                 slots, length]  # fmt: skip
        scratch = (
            np.zeros(n, WORK[work])
            for n in (slots * length, stride[1] * length, stride[1] * length, taps)
        )
        numbers = (np.zeros(n, np.int64) for n in (taps, stride[1], stride[1]))
        kernels.transpositions[source, work](
            pixels, out[begin:end], np.array(sizes, np.int64), table, reals, *scratch, *numbers
        )

    threads.run(band, shape[0])
    return out


def _weights(stencil: Stencil, gain: Fraction, exact: bool) -> tuple[np.ndarray, float]:
    """Weights and what their sums are divided by; whole numbers, if that is possible."""
    if exact and stencil.numerators is not None:
        factor = gain / stencil.denominator
        whole = stencil.numerators.astype(object) * factor.numerator
        if max(abs(n) for n in whole.flat) < 2**31 and factor.denominator < 2**31:
            return np.ascontiguousarray(whole, np.float64), float(factor.denominator)
    return np.ascontiguousarray(stencil.weights * float(gain)), 1.0
