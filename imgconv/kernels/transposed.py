"""Transposed convolution, phase by phase.

Image H x W of C channels, stencil K x L, strides S, T. Every source pixel puts the stencil,
times its value, S rows and T columns further on than its neighbour's:

    full[y*S + u, x*T + v, c] += stencil[u, v] * image[y, x, c]

Seen from the result, rows Y*S + a (0 <= a < S) and columns X*T + b collect stencil rows a, a + S,
a + 2S, ... and columns b, b + T, ..., from source rows Y, Y - 1, Y - 2, ... and so on: each of
the S * T phases is a small correlation of the source, whose flat loops are vectorised. Source
rows lie widened in a ring with zeros around them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .correlate_tile import register_tile
from .dialect import LANES, device, kernel, shift
from .pixels import ELEMENTS, spread


def _transpose(source: str, work: str) -> Any:
    element, result = ELEMENTS[work], ELEMENTS[source]
    lanes = LANES * 32 // element.bitwidth
    tile = register_tile(1, 4, lanes, element)

    @device
    def integers(line, out, count, divisor, top):
        for p in range(count):
            value = min(max(line[p] / divisor, 0.0), top)
            out[p] = result(np.int32(np.rint(value)))

    @device
    def floats(line, out, count, divisor, top):
        for p in range(count):
            out[p] = line[p]

    finish = floats if source == "f32" else integers

    @device
    def widen(line, row, first, count, W, C):
        """Pixels first <= x < first + count of the row, zeros beyond it."""
        low, high = min(max(first, 0), W), min(max(first + count, 0), W)
        for p in range((low - first) * C):
            line[p] = element(0)
        inside, origin = shift(line, (low - first) * C), shift(row, low * C)
        for p in range((high - low) * C):
            inside[p] = element(origin[p])
        after = shift(line, (high - first) * C)
        for p in range((first + count - high) * C):
            after[p] = element(0)

    @device
    def phases_of(phases, ring, offsets, weights, taps, places, steps, length, count):
        """One line for each column phase: steps[b] taps from taps[b] on."""
        for b in range(places):
            line = shift(phases, b * length)
            for n in range((count + 4 * lanes - 1) // (4 * lanes)):
                p = n * 4 * lanes
                tile(ring, shift(offsets, taps[b]), p, 1, steps[b], shift(weights, taps[b]),
                     element(0), line, p, 0)  # fmt: skip

    @kernel(f"{source}* {source}* i64* {work}* f64* {work}* {work}* {work}* {work}* i64* i64* i64*")
    def transposed(image, out, sizes, stencil, reals, ring, phases, line, weights, offsets,
                   taps, steps):  # fmt: skip
        """Rows begin <= i < end of the full result from row P and column Q on, written to `out`
        from its first row on.

        sizes: H, W, C; K, L; S, T; P, Q; W'; begin, end; source pixels of a strip; lines of
        the ring (ceil(K / S)); numbers of a line. reals: divisor, top. Scratch: the ring, T
        phases, a line of T times their length, K*L weights and offsets, T numbers twice.
        """
        H, W, C, K, L = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]
        S, T, P, Q, wide = sizes[5], sizes[6], sizes[7], sizes[8], sizes[9]
        begin, end, strip = sizes[10], sizes[11], sizes[12]
        slots, length = sizes[13], sizes[14]
        before = (L - 1) // T  # source pixels left of the first that a phase needs
        left, right = Q // T, (Q + wide - 1) // T + 1  # source columns of the result
        for part in range((right - left + strip - 1) // strip):
            x = left + part * strip
            count = min(strip, right - x)
            made = max((P + begin) // S - slots + 1, 0)
            for i in range(begin, end):
                Y, a = (P + i) // S, (P + i) % S
                while made <= min(Y, H - 1):
                    widen(shift(ring, made % slots * length), shift(image, made * W * C),
                          x - before, count + before, W, C)  # fmt: skip
                    made += 1
                n = 0
                for b in range(T):
                    taps[b] = n
                    for t in range((K - a + S - 1) // S):
                        if 0 <= Y - t < H:
                            for v in range((L - b + T - 1) // T):
                                offsets[n] = (Y - t) % slots * length + (before - v) * C
                                weights[n] = stencil[(a + t * S) * L + b + v * T]
                                n += 1
                    steps[b] = n - taps[b]
                phases_of(phases, ring, offsets, weights, taps, T, steps, length, count * C)
                spread(line, phases, count, T, length, C)
                low, high = max(x * T, Q), min((x + count) * T, Q + wide)
                target = shift(out, ((i - begin) * wide + low - Q) * C)
                finish(shift(line, (low - x * T) * C), target, (high - low) * C, reals[0], reals[1])

    return transposed


def __getattr__(name: str) -> Any:
    """`u8_f64`: from a type in a working type."""
    first, _, second = name.partition("_")
    if first in ELEMENTS and second in ELEMENTS:
        return _transpose(first, second)
    raise AttributeError(name)
