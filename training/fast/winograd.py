"""3x3 convolution of channels-last batches and its gradients, on all threads (NumPy arrays).

The kernels are in imgconv/kernels/channels_last.py. No sum depends on the number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imgconv import kernels, threads
from imgconv.engine.blocked.layer import V, blocks, scratch
from imgconv.kernels.layout import WinogradWeights, pack

from .pixels import Pixels

ROWS, PLACES, GAP = 6, 36, 16
CYCLES = 400_000  # of work that is worth a thread


@dataclass(frozen=True)
class Geometry:
    """N images of C x H x W to K x h x w, with `pad` zeros on every side."""

    N: int
    C: int
    K: int
    H: int
    W: int
    pad: int

    @property
    def h(self) -> int:
        return self.H + 2 * self.pad - 2

    @property
    def w(self) -> int:
        return self.W + 2 * self.pad - 2

    @property
    def sizes(self) -> tuple[int, ...]:
        """As kernels take them."""
        return self.H, self.W, self.C, self.K, self.h, self.w, self.pad

    @property
    def tiles(self) -> int:
        return self.N * -(-self.h // 4) * -(-self.w // 4)

    @property
    def pairs(self) -> int:
        return _pairs(self.K)

    @property
    def together(self) -> int:
        """Tiles whose places share one reading of the weights: more where those are large."""
        T = 24 if self.C * self.K < 2**16 else 48
        return min(T, -(-self.tiles // ROWS) * ROWS)

    def turned(self) -> Geometry:
        """Of the gradient by the image: from the results back."""
        return Geometry(self.N, self.K, self.C, self.h, self.w, 2 - self.pad)


def _pairs(channels: int) -> int:
    return -(-channels // (2 * V))


def places(weights: np.ndarray, turned: bool = False) -> np.ndarray:
    """Stencils (K, 3, 3, C) at the 36 places of a tile, (36, pairs of K, C, 2V).

    turned: C and K exchanged, and the taps from last to first.
    """
    K, C = weights.shape[0], weights.shape[3]
    sizes = WinogradWeights(
        K=K, C=C, C_out=C, first=0, k_step=9 * C, c_step=1, tap_step=C, begin=0, end=0
    )
    if turned:
        sizes = WinogradWeights(
            K=C, C=K, C_out=K, first=8 * C, k_step=1, c_step=9 * C, tap_step=-C, begin=0, end=0
        )
        K, C = C, K
    out = np.empty((PLACES, _pairs(K), C, 2 * V), np.float32)

    def band(begin: int, end: int) -> None:
        part = pack(sizes._replace(begin=begin, end=end))
        kernels.winograd_prepare(weights, out, scratch(18 * V), part)

    threads.run(band, _pairs(K))
    return out


def convolve(
    g: Geometry, image: Pixels, weights: np.ndarray, out: Pixels, bias: np.ndarray | None = None
) -> None:
    """out = convolution + bias; weights as `places` makes them."""
    T = g.together
    biases = np.zeros(2 * V * g.pairs, np.float32)
    biases[: g.K] = 0 if bias is None else bias
    groups = -(-g.tiles // T)
    by_tiles = groups >= 2 * threads.count() or g.pairs == 1

    def band(begin: int, end: int) -> None:
        tiles = (begin * T, min(end * T, g.tiles)) if by_tiles else (0, g.tiles)
        pairs = (0, g.pairs) if by_tiles else (begin, end)
        sizes = np.array([*g.sizes, image.step, out.step, *tiles, T, *pairs])
        numbers = (blocks(g.C) * V + 2 * V * (pairs[1] - pairs[0])) * T + 2 * GAP + V
        room = scratch(PLACES * numbers)
        kernels.convolve_batch(image.array, weights, biases, out.array, room, sizes)

    if by_tiles:
        threads.run(band, groups, max(1, round(CYCLES / (PLACES * g.C * T * g.pairs))))
    else:  # each thread transforms the whole batch for its share of the channels
        threads.run(band, g.pairs, -(-g.pairs // threads.count()))


def weight_gradient(g: Geometry, image: Pixels, gradient: Pixels) -> np.ndarray:
    """The gradient by the weights, (K, 3, 3, C), from that by the results."""
    T, (slices, shares) = g.together, _parts(g)
    rows, wide = -(-g.K // ROWS), _pairs(g.C) * 2 * V
    sums = np.empty((slices, PLACES, rows * ROWS, wide), np.float32)
    whole = -(-g.tiles // T)

    def part(begin: int, end: int) -> None:
        for number in range(begin, end):
            s, share = divmod(number, shares)
            tiles = [whole * i // slices * T for i in (s, s + 1)]
            span = [rows * i // shares for i in (share, share + 1)]
            tiles[1] = min(tiles[1], g.tiles)
            sizes = np.array([*g.sizes, image.step, gradient.step, *tiles, T, *span])
            numbers = wide * T + (blocks(ROWS * (span[1] - span[0])) + 2) * V * T + 2 * GAP + V
            kernels.correlate_batch(
                image.array, gradient.array, sums[s], scratch(PLACES * numbers), sizes
            )  # fmt: skip

    threads.run(part, slices * shares)
    out = np.empty((g.K, 3, 3, g.C), np.float32)

    def finish(begin: int, end: int) -> None:
        kernels.weigh_batch(sums, out, scratch(V), np.array([g.C, g.K, slices, begin, end]))

    threads.run(finish, g.K, max(1, 2**16 // (PLACES * slices * g.C)))
    return out


def _parts(g: Geometry) -> tuple[int, int]:
    """Into how many slices of tiles and shares of the channels the work is cut.

    Slices have sums of their own, which are read again, and do not depend on the number of
    threads; shares transform the same images again.
    """
    slices = 4 if g.C * g.K <= 64 * 64 else 2 if g.C * g.K <= 96 * 96 else 1
    slices = min(slices, -(-g.tiles // g.together))
    return slices, min(-(-threads.count() // slices), -(-g.K // ROWS))
