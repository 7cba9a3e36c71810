"""3x3 convolution of a batch, channels last, and its gradient by the weights: for training.

One alphabet: N images of H x W pixels of C channels, results h x w of K channels. The channels of
a pixel lie side by side, pixels `step` numbers apart, so that some of the channels of a wider
array can be read and written where they lie. Winograd's F(4x4, 3x3) as in winograd.py; tiles are
counted through the whole batch. The gradient by the weights is the adjoint of the same algorithm:

    dg = G' [ sum over tiles of (A dY A') * (B' d B) ] G

where for each of the 36 places the sum over tiles is a product of matrices, K x tiles by
tiles x C. The gradient by the image is `convolve` with stencils turned and transposed.
"""

from __future__ import annotations

import numpy as np
from numba import types

from .dialect import LANES, device, kernel, shift
from .implicit_tile import ROWS, add_channels, in_turn, nothing
from .lanes import fma, load, spread, store
from .winograd import PAD, enter_tile, leave_tile, store_row

V = LANES


@device
def corner(tile, h, w):
    """Image, row and column of the results at which a tile begins."""
    down, across = (h + 3) // 4, (w + 3) // 4
    n, within = tile // (down * across), tile % (down * across)
    return n, within // across * 4, within % across * 4


@device
def following(n, y, x, h, w):
    """The corner of the next tile."""
    x += 4
    if x >= w:
        x, y = 0, y + 4
        if y >= h:
            y, n = 0, n + 1
    return n, y, x


@device
def gather(image, y, x, H, W, step, size, real, tile):
    """The size x size pixels from (y, x) on: `real` of V channels, zeros beyond and outside."""
    zero = spread(types.float32(0))
    for i in range(size):
        for j in range(size):
            at = (i * size + j) * V
            source = shift(image, ((y + i) * W + x + j) * step)
            inside = 0 <= y + i < H and 0 <= x + j < W
            if inside and real == V:
                store(tile, at, load(source, 0))
            else:
                store(tile, at, zero)
                for lane in range(real if inside else 0):
                    tile[at + lane] = source[lane]


@device
def copy_pixels(tile, target, row, step, rows, columns, real):
    """Some of a tile's 4 x 4 pixels to where they belong."""
    for i in range(rows):
        for j in range(columns):
            for lane in range(real):
                target[i * row + j * step + lane] = tile[(i * 4 + j) * V + lane]


@device
def enter_images(
    image, H, W, C, step, pad, h, w, first, count, D, blocks, block, lane, place, spare
):
    """B' d B of `count` tiles from `first` on, V channels of them at D + where(c // V) + t * lane.

    where(b) = b // blocks * block + b % blocks * V; `place` from place to place.
    """
    n, y, x = corner(first, h, w)
    for t in range(count):
        top, left = y - pad, x - pad
        inside = top >= 0 and left >= 0 and top + 6 <= H and left + 6 <= W
        for b in range((C + V - 1) // V):
            real = min(V, C - b * V)
            plane = shift(image, n * H * W * step + b * V)
            target = shift(D, b // blocks * block + b % blocks * V + t * lane)
            if inside and real == V:
                enter_tile(shift(plane, (top * W + left) * step), W * step, step, target, place)
            else:
                gather(plane, top, left, H, W, step, 6, real, spare)
                enter_tile(spare, 6 * V, V, target, place)
        n, y, x = following(n, y, x, h, w)


@device
def multiply(D, block, C, weights, M, wide):
    """As winograd.multiply, for any number of channels."""
    sums = nothing()
    for _ in range(C // V):
        sums = add_channels(sums, in_turn(D), weights, V)
        D, weights = shift(D, block), shift(weights, V * 2 * V)
    sums = add_channels(sums, in_turn(D), weights, C % V)
    store_row(M, V, sums[:6])
    store_row(shift(M, wide), V, sums[6:])


@kernel("f32* f32* f32* f32* f32* i64*")
def convolve(image, weights, biases, out, scratch, sizes):
    """Tiles begin <= t < end of the result, T at a time, channel pairs first <= n < last of 2V.

    sizes: H, W, C, K, h, w, zeros around; steps of image and out; begin, end, T (a multiple of
    ROWS), first, last. weights: (36, pairs, C, 2V), as winograd.prepare makes them; biases: whole
    pairs. scratch: 36 (V C' T + PAD) numbers with C' = C / V rounded up, 36 (2V (last - first) T +
    PAD), and 36 V.
    """
    H, W, C, K, h, w, pad = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5], sizes[6]
    step, out_step, begin, end, T = sizes[7], sizes[8], sizes[9], sizes[10], sizes[11]
    first_pair, chosen, pairs = sizes[12], sizes[13] - sizes[12], (K + 2 * V - 1) // (2 * V)
    D_step, M_step = (C + V - 1) // V * V * T + PAD, chosen * 2 * V * T + PAD
    D, M = scratch, shift(scratch, 36 * D_step)
    spare = shift(M, 36 * M_step)
    for part in range((end - begin + T - 1) // T):
        first = begin + part * T
        count = min(T, end - first)
        enter_images(image, H, W, C, step, pad, h, w, first, count, D, 1, T * V, V, D_step, spare)
        for place in range(36):
            for n in range(chosen):
                for g in range((count + ROWS - 1) // ROWS):
                    source = shift(D, place * D_step + g * ROWS * V)
                    target = shift(M, place * M_step + (n * 2 * T + g * ROWS) * V)
                    pair = shift(weights, (place * pairs + first_pair + n) * C * 2 * V)
                    multiply(source, T * V, C, pair, target, T * V)
        k = first_pair * 2 * V
        leave_images(
            M, T * V, M_step, shift(out, k), min(chosen * 2 * V, K - k), h, w, out_step, first,
            count, shift(biases, k), spare
        )  # fmt: skip


@device
def leave_images(M, block, place, out, K, h, w, step, first, count, biases, spare):
    """The results of `count` tiles from `first` on, K channels of them."""
    one, high = spread(types.float32(1)), spread(types.float32(np.inf))
    low = spread(types.float32(-np.inf))
    n, y, x = corner(first, h, w)
    for t in range(count):
        whole = y + 4 <= h and x + 4 <= w
        for b in range((K + V - 1) // V):
            real, bias = min(V, K - b * V), load(biases, b * V)
            source = shift(M, b * block + t * V)
            target = shift(out, ((n * h + y) * w + x) * step + b * V)
            if whole and real == V:
                leave_tile(source, place, target, target, w * step, step, bias, one, low, high, 0)
            else:
                leave_tile(source, place, spare, spare, 4 * V, V, bias, one, low, high, 0)
                copy_pixels(spare, target, w * step, step, min(4, h - y), min(4, w - x), real)
        n, y, x = following(n, y, x, h, w)


@device
def widen(a, b, c, d):
    """A of a column: 4 numbers of the gradient."""
    two, four, eight = spread(types.float32(2)), spread(types.float32(4)), spread(types.float32(8))
    even, odd = a + c, b + d
    far, farther = a + four * c, two * b + eight * d
    return a, even + odd, even - odd, far + farther, far - farther, d


@device
def widen_column(gradient, row):
    return widen(load(gradient, 0), load(gradient, row), load(gradient, 2 * row),
                 load(gradient, 3 * row))  # fmt: skip


@device
def widen_row(D, step, a, b, c, d):
    store_row(D, step, widen(a, b, c, d))


@device
def widen_tile(gradient, row, pixel, D, step):
    """The 36 places of the 4 x 4 tile at `gradient` into D, `step` apart."""
    a, b = widen_column(gradient, row), widen_column(shift(gradient, pixel), row)
    c, d = (
        widen_column(shift(gradient, 2 * pixel), row),
        widen_column(shift(gradient, 3 * pixel), row),
    )
    widen_row(D, step, a[0], b[0], c[0], d[0])
    widen_row(shift(D, 6 * step), step, a[1], b[1], c[1], d[1])
    widen_row(shift(D, 12 * step), step, a[2], b[2], c[2], d[2])
    widen_row(shift(D, 18 * step), step, a[3], b[3], c[3], d[3])
    widen_row(shift(D, 24 * step), step, a[4], b[4], c[4], d[4])
    widen_row(shift(D, 30 * step), step, a[5], b[5], c[5], d[5])


@device
def load_row(source, step):
    return (load(source, 0), load(source, step), load(source, 2 * step), load(source, 3 * step),
            load(source, 4 * step), load(source, 5 * step))  # fmt: skip


@device
def add_tiles(sums, U, a, b, c, d, e, f, count):
    """sums of row r and channel j + r[t * V] * U[t * 2V + j] for t < count; a to f are rows."""
    a0, a1, a2, a3, a4, a5, b0, b1, b2, b3, b4, b5 = sums
    for t in range(count):
        left, right = load(U, t * 2 * V), load(U, t * 2 * V + V)
        x = spread(a[t * V])
        a0, b0 = fma(x, left, a0), fma(x, right, b0)
        x = spread(b[t * V])
        a1, b1 = fma(x, left, a1), fma(x, right, b1)
        x = spread(c[t * V])
        a2, b2 = fma(x, left, a2), fma(x, right, b2)
        x = spread(d[t * V])
        a3, b3 = fma(x, left, a3), fma(x, right, b3)
        x = spread(e[t * V])
        a4, b4 = fma(x, left, a4), fma(x, right, b4)
        x = spread(f[t * V])
        a5, b5 = fma(x, left, a5), fma(x, right, b5)
    return a0, a1, a2, a3, a4, a5, b0, b1, b2, b3, b4, b5


@kernel("f32* f32* f32* f32* i64*")
def correlate(image, gradient, sums, scratch, sizes):
    """sums[place, k, c] over tiles begin <= t < end, for ROWS channels k at a time.

    sizes: H, W, C, K, h, w, zeros around; steps of image and gradient; begin, end, T, first, last
    (first * ROWS <= k < last * ROWS). sums: (36, K in whole ROWS, C in whole pairs of V). scratch:
    36 (2V C' T + PAD) numbers with C' the pairs, 36 (V K' T + PAD) with K' the blocks of V that
    hold such k, and 36 V.
    """
    H, W, C, K, h, w, pad = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5], sizes[6]
    step, gradient_step, begin, end, T = sizes[7], sizes[8], sizes[9], sizes[10], sizes[11]
    first_row, last_row = sizes[12], sizes[13]
    pairs, rows = (C + 2 * V - 1) // (2 * V), (K + ROWS - 1) // ROWS
    first_block, last_block = first_row * ROWS // V, (min(last_row * ROWS, K) + V - 1) // V
    U_step, Z_step = pairs * 2 * V * T + PAD, (last_block - first_block) * V * T + PAD
    U, Z, wide = scratch, shift(scratch, 36 * U_step), pairs * 2 * V
    spare = shift(Z, 36 * Z_step)
    if (C + V - 1) // V % 2:  # half a pair stays empty
        clear(shift(U, (pairs - 1) * T * 2 * V + V), T, U_step)
    for part in range((end - begin + T - 1) // T):
        first = begin + part * T
        count = min(T, end - first)
        enter_images(
            image, H, W, C, step, pad, h, w, first, count, U, 2, T * 2 * V, 2 * V, U_step, spare
        )
        k = first_block * V
        widen_images(
            shift(gradient, k), h, w, min((last_block - first_block) * V, K - k), gradient_step,
            first, count, Z, T * V, Z_step, spare
        )  # fmt: skip
        for place in range(36):
            z = shift(Z, place * Z_step)
            for g in range(last_row - first_row):
                k = (first_row + g) * ROWS
                a, b = row_at(z, k, K, first_block, T), row_at(z, k + 1, K, first_block, T)
                c, d = row_at(z, k + 2, K, first_block, T), row_at(z, k + 3, K, first_block, T)
                e, f = row_at(z, k + 4, K, first_block, T), row_at(z, k + 5, K, first_block, T)
                for p in range(pairs):
                    target = shift(sums, (place * rows * ROWS + k) * wide + p * 2 * V)
                    held = nothing()
                    if part > 0:
                        held = load_row(target, wide) + load_row(shift(target, V), wide)
                    held = add_tiles(held, shift(U, place * U_step + p * T * 2 * V),
                                     a, b, c, d, e, f, count)  # fmt: skip
                    store_row(target, wide, held[:6])
                    store_row(shift(target, V), wide, held[6:])


@device
def clear(U, T, place_step):
    """V channels of T tiles."""
    for place in range(36):
        for t in range(T):
            store(U, place * place_step + t * 2 * V, spread(types.float32(0)))


@device
def widen_images(gradient, h, w, K, step, first, count, Z, block, place, spare):
    """A dY A' of `count` tiles from `first` on, blocks of V channels `block` apart in Z."""
    n, y, x = corner(first, h, w)
    for t in range(count):
        whole = y + 4 <= h and x + 4 <= w
        for b in range((K + V - 1) // V):
            real = min(V, K - b * V)
            plane, target = shift(gradient, n * h * w * step + b * V), shift(Z, b * block + t * V)
            if whole and real == V:
                widen_tile(shift(plane, (y * w + x) * step), w * step, step, target, place)
            else:
                gather(plane, y, x, h, w, step, 4, real, spare)
                widen_tile(spare, 4 * V, V, target, place)
        n, y, x = following(n, y, x, h, w)


@device
def row_at(z, k, K, first_block, T):
    """Channel k of the first tile; the last one again behind K, where nobody reads the sums."""
    k = min(k, K - 1) - first_block * V
    return shift(z, k // V * T * V + k % V)


@device
def narrow(a, b, c, d, e, f):
    """G' of a column of the 36 places: 3 weights."""
    quarter, sixth = spread(types.float32(1 / 4)), spread(types.float32(1 / 6))
    small, half = spread(types.float32(1 / 24)), spread(types.float32(1 / 12))
    p, q = sixth * (b + c), d + e
    return quarter * a - p + small * q, sixth * (c - b) + half * (d - e), sixth * q - p + f


@device
def sum_column(sums, slice_step, slices, place_step):
    """Six places, 6 place_steps apart, summed over the slices, then G'."""
    row = 6 * place_step
    total = load_row(sums, row)
    for s in range(slices - 1):
        other = load_row(shift(sums, (s + 1) * slice_step), row)
        total = (total[0] + other[0], total[1] + other[1], total[2] + other[2],
                 total[3] + other[3], total[4] + other[4], total[5] + other[5])  # fmt: skip
    return narrow(total[0], total[1], total[2], total[3], total[4], total[5])


@device
def put(out, at, vector, real, spare):
    if real == V:
        store(out, at, vector)
    else:
        store(spare, 0, vector)
        for lane in range(real):
            out[at + lane] = spare[lane]


@device
def narrow_row(out, C, spare, real, a, b, c, d, e, f):
    x, y, z = narrow(a, b, c, d, e, f)
    put(out, 0, x, real, spare)
    put(out, C, y, real, spare)
    put(out, 2 * C, z, real, spare)


@kernel("f32* f32* f32* i64*")
def weigh(sums, out, scratch, sizes):
    """out[k, tap, c] for begin <= k < end of what `correlate` made in several slices.

    sizes: C, K, slices, begin, end. scratch: V.
    """
    C, K, slices, begin, end = sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]
    wide, rows = (C + 2 * V - 1) // (2 * V) * 2 * V, (K + ROWS - 1) // ROWS * ROWS
    place = rows * wide
    for m in range(end - begin):
        k = begin + m
        for b in range((C + V - 1) // V):
            source = shift(sums, k * wide + b * V)
            target = shift(out, k * 9 * C + b * V)
            real = min(V, C - b * V)
            c0 = sum_column(source, 36 * place, slices, place)
            c1 = sum_column(shift(source, place), 36 * place, slices, place)
            c2 = sum_column(shift(source, 2 * place), 36 * place, slices, place)
            c3 = sum_column(shift(source, 3 * place), 36 * place, slices, place)
            c4 = sum_column(shift(source, 4 * place), 36 * place, slices, place)
            c5 = sum_column(shift(source, 5 * place), 36 * place, slices, place)
            narrow_row(target, C, scratch, real, c0[0], c1[0], c2[0], c3[0], c4[0], c5[0])
            narrow_row(shift(target, 3 * C), C, scratch, real,
                       c0[1], c1[1], c2[1], c3[1], c4[1], c5[1])  # fmt: skip
            narrow_row(shift(target, 6 * C), C, scratch, real,
                       c0[2], c1[2], c2[2], c3[2], c4[2], c5[2])  # fmt: skip
