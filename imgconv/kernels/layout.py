"""What a kernel is told in whole numbers, by name on both sides.

A layout is a named tuple. The caller packs one by its names, `pack(Resizing(H=..., W=...))`: a
name that is missing or unknown is a TypeError, and mypy sees it. The kernel reads the array at
named constants: `AT = places(Resizing)` at the top of its module, then `sizes[AT.H]`, which is
compiled like `sizes[0]`. This module imports no Numba, so callers may import it.

One alphabet: C channels of H x W pixels go in, K channels of h x w come out; V lanes in a block.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np

Layout = TypeVar("Layout", bound=tuple)


def places(layout: type[Layout]) -> Layout:
    """Where each name of a layout lies in the array: constants for the kernel."""
    return layout(*range(len(layout._fields)))  # type: ignore[attr-defined]


def pack(layout: tuple) -> np.ndarray:
    """The array of a filled layout: int64, one number a name."""
    return np.array(layout, np.int64)


class Winograd(NamedTuple):
    """`winograd.convolve`: tiles begin <= t < end, `together` at a time, of channel pairs
    first <= n < last (a pair is 2V output channels)."""

    H: int
    W: int
    C: int  # a multiple of V, as K
    K: int
    h: int
    w: int
    top: int  # zeros above the image
    left: int  # zeros to its left
    begin: int
    end: int
    together: int  # a multiple of the rows of a register tile
    first: int
    last: int
    added: int  # whether `extra` is added to the sums
    plane: int  # numbers of the image from block to block: it may be some rows of a larger one
    out_plane: int
    extra_plane: int


class WinogradWeights(NamedTuple):
    """`winograd.prepare`: stencils of K x C to places, for channel pairs begin <= n < end."""

    K: int
    C: int
    C_out: int  # channels of the result, rounded up to blocks
    first: int  # where tap 0 of stencil (0, 0) lies
    k_step: int
    c_step: int
    tap_step: int
    begin: int
    end: int


class Taps(NamedTuple):
    """`implicit.convolve`: rows begin <= i < end of the result, `band` at a time, for channel
    pairs first <= n < last."""

    H: int
    W: int
    blocks_in: int  # of V channels
    blocks_out: int
    columns: int  # of a row of results
    results: int  # in all
    top: int
    left: int
    down: int  # stride
    across: int  # stride
    first: int
    last: int
    begin: int
    end: int
    band: int
    need: int  # rows of the image for a row of results; 0: the image is read where it lies
    length: int  # pixels of a line of the scratch memory
    source_row: int  # numbers of the source from one row of results to the next
    source_pixel: int  # from one result to the next
    source_plane: int  # numbers of the image from block to block
    plane: int  # numbers of `out` and `extra` from block to block
    out_row: int  # from row to row
    pixel: int  # from pixel to pixel
    whole: int  # steps that add V channels
    rest: int  # steps after them
    lanes: int  # channels that each of the rest adds
    added: int  # whether `extra` is added to the sums


class Sliding(NamedTuple):
    """`blocked_pool.slide`: rows begin <= i < end of all blocks' results, counted through."""

    H: int
    W: int
    h: int
    w: int
    kernel_h: int
    kernel_w: int
    down: int  # stride
    across: int  # stride
    dilation_down: int
    dilation_across: int
    top: int
    left: int
    kind: int  # MAX, MEAN or WEIGHTED
    begin: int
    end: int


class Resizing(NamedTuple):
    """`resize.resize`: rows begin <= i < end of all blocks' results, counted through."""

    H: int
    W: int
    h: int
    w: int
    begin: int
    end: int


MAX, MEAN, WEIGHTED = range(3)  # kinds of windows
SIGMOID, TANH, GELU, SILU, GELU_TANH, CLAMP = range(6)  # activations
ADD, SUBTRACT, MULTIPLY = range(3)  # of two arrays
