"""Batch normalisation of a channels-last batch, with what follows it held above a floor: training.

One alphabet: pixels of C channels, `step` numbers apart; per channel a scale s and a shift t:

    out = max(floor, s x + t)

The gradient g by the results passes where s x + t > floor. Sums are made for parts of so many
pixels, so that no sum depends on the number of threads.
"""

from __future__ import annotations

from numba import types

from .dialect import LANES, kernel, shift
from .lanes import below, fma, greater, load, spread, store

V = LANES


@kernel("f32* f32* i64*")
def moments(x, sums, sizes):
    """sums[p, 0, c], sums[p, 1, c] of x - x[0] and its square over part p of the pixels.

    sizes: C, step, pixels, pixels of a part, first and last part.
    """
    C, step, pixels, part = sizes[0], sizes[1], sizes[2], sizes[3]
    zero = spread(types.float32(0))
    for p in range(sizes[4], sizes[5]):
        source, out = shift(x, p * part * step), shift(sums, p * 2 * C)
        count = min(part, pixels - p * part)
        for b in range(C // V):
            pivot, total, squares = load(x, b * V), zero, zero
            for i in range(count):
                d = load(source, i * step + b * V) - pivot
                total, squares = total + d, fma(d, d, squares)
            store(out, b * V, total)
            store(out, C + b * V, squares)
        for c in range(C // V * V, C):
            out[c] = out[C + c] = types.float32(0)
            for i in range(count):
                d1 = source[i * step + c] - x[c]
                out[c] += d1
                out[C + c] += d1 * d1


@kernel("f32* f32* f32* f32* i64* f32")
def scale(x, scales, shifts, out, sizes, floor):
    """out of pixels begin <= i < end. sizes: C, steps of x and out, begin, end."""
    C, step, out_step, begin, end = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]
    floors = spread(floor)
    for m in range(end - begin):
        source, target = shift(x, (begin + m) * step), shift(out, (begin + m) * out_step)
        for b in range(C // V):
            c = b * V
            y = fma(load(source, c), load(scales, c), load(shifts, c))
            store(target, c, greater(y, floors))
        for c in range(C // V * V, C):
            target[c] = max(source[c] * scales[c] + shifts[c], floor)


@kernel("f32* f32* f32* f32* f32* f32* i64* f32")
def gradient_moments(x, gradient, scales, shifts, means, sums, sizes, floor):
    """sums[p, 0, c], sums[p, 1, c] of g and g (x - mean) over part p of the pixels.

    sizes: C, steps of x and gradient, pixels, pixels of a part, first and last part.
    """
    C, step, gradient_step, pixels, part = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]
    floors, zero = spread(floor), spread(types.float32(0))
    for p in range(sizes[5], sizes[6]):
        source, other = shift(x, p * part * step), shift(gradient, p * part * gradient_step)
        out, count = shift(sums, p * 2 * C), min(part, pixels - p * part)
        for b in range(C // V):
            c = b * V
            s, t, mean = load(scales, c), load(shifts, c), load(means, c)
            total, products = zero, zero
            for i in range(count):
                here = load(source, i * step + c)
                g = below(floors, fma(here, s, t), load(other, i * gradient_step + c), zero)
                total, products = total + g, fma(g, here - mean, products)
            store(out, c, total)
            store(out, C + c, products)
        for c in range(C // V * V, C):
            out[c] = out[C + c] = types.float32(0)
            for i in range(count):
                value = source[i * step + c]
                if value * scales[c] + shifts[c] > floor:
                    out[c] += other[i * gradient_step + c]
                    out[C + c] += other[i * gradient_step + c] * (value - means[c])


@kernel("f32* f32* f32* f32* f32* f32* f32* i64* f32")
def gradient(x, gradient, scales, shifts, slopes, terms, out, sizes, floor):
    """out = s g + slope x + term of pixels begin <= i < end.

    sizes: C, steps of x, gradient and out, begin, end.
    """
    C, step, gradient_step, out_step = sizes[0], sizes[1], sizes[2], sizes[3]
    begin, end = sizes[4], sizes[5]
    floors, zero = spread(floor), spread(types.float32(0))
    for m in range(end - begin):
        i = begin + m
        source, other = shift(x, i * step), shift(gradient, i * gradient_step)
        target = shift(out, i * out_step)
        for b in range(C // V):
            c = b * V
            here, s = load(source, c), load(scales, c)
            g = below(floors, fma(here, s, load(shifts, c)), load(other, c), zero)
            store(target, c, fma(s, g, fma(here, load(slopes, c), load(terms, c))))
        for c in range(C // V * V, C):
            value = source[c]
            passed = other[c] if value * scales[c] + shifts[c] > floor else types.float32(0)
            target[c] = scales[c] * passed + value * slopes[c] + terms[c]
