"""3x3 convolution with a quarter of the multiplications: Winograd's F(4x4, 3x3).

One alphabet: C and K channels in and out, in blocks of V = LANES; image (C/V, H, W, V), result
(K/V, h, w, V). Every 4 x 4 tile of the result is made of the 6 x 6 tile of the image under it:

    Y = A' [ sum over c of (G g G') * (B' d B) ] A

with * element by element, d the image's tile and g the stencil: 36 products where 16 x 9 = 144
stood. For each of the 36 places the sum over c is a product of matrices, tiles x C by C x K.
Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016.
"""

from __future__ import annotations

from numba import types

from .dialect import LANES, device, kernel, shift
from .implicit_tile import LINE, ROWS, add_channels, fetch_ahead, in_turn, lines_each, nothing
from .lanes import greater, leak, lesser, load, spread, store
from .layout import Winograd, WinogradWeights, places

V = LANES
AT, FROM = places(Winograd), places(WinogradWeights)
PAD = 16  # numbers between two of the 36 places, so that they do not share cache sets


@device
def entering(a, b, c, d, e, f):
    """B' of a column: 6 numbers of the image."""
    two, four, five = spread(types.float32(2)), spread(types.float32(4)), spread(types.float32(5))
    even, odd = e - four * c, d - four * b
    near, far = e - c, two * (d - b)
    return (four * a - five * c + e, even + odd, even - odd,
            near + far, near - far, four * b - five * d + f)  # fmt: skip


@device
def leaving(a, b, c, d, e, f):
    """A' of a column: 4 numbers of the result."""
    two, four, eight = spread(types.float32(2)), spread(types.float32(4)), spread(types.float32(8))
    p, m, q, n = b + c, b - c, d + e, d - e
    return a + p + q, m + two * n, p + four * q, m + eight * n + f


@device
def enter_column(image, row):
    return entering(load(image, 0), load(image, row), load(image, 2 * row),
                    load(image, 3 * row), load(image, 4 * row), load(image, 5 * row))  # fmt: skip


@device
def store_row(target, step, row):
    """Six vectors, `step` numbers apart."""
    store(target, 0, row[0])
    store(target, step, row[1])
    store(target, 2 * step, row[2])
    store(target, 3 * step, row[3])
    store(target, 4 * step, row[4])
    store(target, 5 * step, row[5])


@device
def enter_row(D, step, a, b, c, d, e, f):
    store_row(D, step, entering(a, b, c, d, e, f))


@device
def enter_tile(image, row, pixel, D, step):
    """The 36 places of the tile at `image`, rows and pixels so far apart, into D, `step` apart."""
    a, b = enter_column(image, row), enter_column(shift(image, pixel), row)
    c, d = enter_column(shift(image, 2 * pixel), row), enter_column(shift(image, 3 * pixel), row)
    e, f = enter_column(shift(image, 4 * pixel), row), enter_column(shift(image, 5 * pixel), row)
    enter_row(D, step, a[0], b[0], c[0], d[0], e[0], f[0])
    enter_row(shift(D, 6 * step), step, a[1], b[1], c[1], d[1], e[1], f[1])
    enter_row(shift(D, 12 * step), step, a[2], b[2], c[2], d[2], e[2], f[2])
    enter_row(shift(D, 18 * step), step, a[3], b[3], c[3], d[3], e[3], f[3])
    enter_row(shift(D, 24 * step), step, a[4], b[4], c[4], d[4], e[4], f[4])
    enter_row(shift(D, 30 * step), step, a[5], b[5], c[5], d[5], e[5], f[5])


@device
def leave_column(M, step):
    """A' of a column of the 36 places: those 6 * step apart."""
    row = 6 * step
    return leaving(load(M, 0), load(M, row), load(M, 2 * row),
                   load(M, 3 * row), load(M, 4 * row), load(M, 5 * row))  # fmt: skip


@device
def leave_row(out, extra, pixel, bias, slope, low, high, added, a, b, c, d, e, f):
    a, b, c, d = leaving(a, b, c, d, e, f)
    a, b, c, d = a + bias, b + bias, c + bias, d + bias
    if added:
        a, b, c, d = (a + load(extra, 0), b + load(extra, pixel), c + load(extra, 2 * pixel),
                      d + load(extra, 3 * pixel))  # fmt: skip
    a, b, c, d = leak(a, slope), leak(b, slope), leak(c, slope), leak(d, slope)
    a, b, c, d = greater(a, low), greater(b, low), greater(c, low), greater(d, low)
    store(out, 0, lesser(a, high))
    store(out, pixel, lesser(b, high))
    store(out, 2 * pixel, lesser(c, high))
    store(out, 3 * pixel, lesser(d, high))


@device
def leave_tile(M, step, out, extra, row, pixel, bias, slope, low, high, added):
    """The 4 x 4 results of the places at M; so far apart are rows and pixels of out and extra."""
    a, b = leave_column(M, step), leave_column(shift(M, step), step)
    c, d = leave_column(shift(M, 2 * step), step), leave_column(shift(M, 3 * step), step)
    e, f = leave_column(shift(M, 4 * step), step), leave_column(shift(M, 5 * step), step)
    leave_row(out, extra, pixel, bias, slope, low, high, added, a[0], b[0], c[0], d[0], e[0], f[0])
    leave_row(shift(out, row), shift(extra, row), pixel, bias, slope, low, high, added,
              a[1], b[1], c[1], d[1], e[1], f[1])  # fmt: skip
    leave_row(shift(out, 2 * row), shift(extra, 2 * row), pixel, bias, slope, low, high, added,
              a[2], b[2], c[2], d[2], e[2], f[2])  # fmt: skip
    leave_row(shift(out, 3 * row), shift(extra, 3 * row), pixel, bias, slope, low, high, added,
              a[3], b[3], c[3], d[3], e[3], f[3])  # fmt: skip


@device
def multiply(D, step, C, weights, M, wide, ahead, share):
    """M[j * wide + i * V ...] = sum over c of D[c // V * step + i * V + c % V] * weights[c, j]

    for i < ROWS tiles and j < 2 vectors of output channels; the sums stay in registers. Meanwhile
    each step fetches `share` lines from `ahead` on.
    """
    sums = nothing()
    for t in range(C // V):
        fetch_ahead(ahead, t, share)
        sums = add_channels(sums, in_turn(D), weights, V)
        D, weights = shift(D, step), shift(weights, V * 2 * V)
    store_row(M, V, sums[:6])
    store_row(shift(M, wide), V, sums[6:])


@device
def gather(image, y, x, H, W, tile):
    """The 6 x 6 tile at (y, x) of a plane, zeros outside of it."""
    zero = spread(types.float32(0))
    for i in range(6):
        for j in range(6):
            if 0 <= y + i < H and 0 <= x + j < W:
                store(tile, (i * 6 + j) * V, load(image, ((y + i) * W + x + j) * V))
            else:
                store(tile, (i * 6 + j) * V, zero)


@device
def copy_tile(source, from_row, target, to_row, rows, columns):
    for i in range(rows):
        for j in range(columns * V):
            target[i * to_row + j] = source[i * from_row + j]


@kernel("f32* f32* f32* f32* f32* f32* i64* f32 f32 f32")
def convolve(image, weights, biases, extra, out, scratch, sizes, slope, low, high):
    """T tiles of the result at a time; sizes as in layout.Winograd.

    weights: as `prepare` makes them; biases: K; extra: shaped like the result. Then what is
    negative is multiplied by slope, and all held between low and high. scratch: 36 (C T + PAD)
    numbers, 36 (2V (last - first) T + PAD), and 36 V.
    """
    H, W, C, K, h, w = sizes[AT.H], sizes[AT.W], sizes[AT.C], sizes[AT.K], sizes[AT.h], sizes[AT.w]
    top, left = sizes[AT.top], sizes[AT.left]
    begin, end, T = sizes[AT.begin], sizes[AT.end], sizes[AT.together]
    first_pair, chosen = sizes[AT.first], sizes[AT.last] - sizes[AT.first]
    added = sizes[AT.added]
    plane_step, out_step, extra_step = sizes[AT.plane], sizes[AT.out_plane], sizes[AT.extra_plane]
    across, pairs = (w + 3) // 4, (K + 2 * V - 1) // (2 * V)
    D_step, M_step = C * T + PAD, chosen * 2 * V * T + PAD
    D, M = scratch, shift(scratch, 36 * D_step)
    tile = shift(M, 36 * M_step)
    slopes, lows, highs = spread(slope), spread(low), spread(high)
    for block in range((end - begin + T - 1) // T):
        first = begin + block * T
        count = min(T, end - first)
        for c in range(C // V):
            plane = shift(image, c * plane_step)
            for t in range(count):
                y, x = (first + t) // across * 4 - top, (first + t) % across * 4 - left
                target = shift(D, (c * T + t) * V)
                if y >= 0 and x >= 0 and y + 6 <= H and x + 6 <= W:
                    enter_tile(shift(plane, (y * W + x) * V), W * V, V, target, D_step)
                else:
                    gather(plane, y, x, H, W, tile)
                    enter_tile(tile, 6 * V, V, target, D_step)
        share = lines_each(count)
        for place in range(36):
            for n in range(chosen):
                for g in range((count + ROWS - 1) // ROWS):
                    source = shift(D, place * D_step + g * ROWS * V)
                    target = shift(M, place * M_step + (n * 2 * T + g * ROWS) * V)
                    pair = shift(weights, (place * pairs + first_pair + n) * C * 2 * V)
                    ahead = shift(pair, C * 2 * V + g * C // V * share * LINE)
                    multiply(source, T * V, C, pair, target, T * V, ahead, share)
        for m in range(min(2 * chosen, K // V - 2 * first_pair)):
            k = 2 * first_pair + m
            bias = load(biases, k * V)
            for t in range(count):
                y, x = (first + t) // across * 4, (first + t) % across * 4
                at, beside = k * out_step + (y * w + x) * V, k * extra_step + (y * w + x) * V
                source = shift(M, (m * T + t) * V)
                if y + 4 <= h and x + 4 <= w:
                    leave_tile(source, M_step, shift(out, at), shift(extra, beside), w * V, V,
                               bias, slopes, lows, highs, added)  # fmt: skip
                else:
                    rows, columns = min(4, h - y), min(4, w - x)
                    if added:
                        copy_tile(shift(extra, beside), w * V, tile, 4 * V, rows, columns)
                    leave_tile(source, M_step, tile, tile, 4 * V, V, bias,
                               slopes, lows, highs, added)  # fmt: skip
                    copy_tile(tile, 4 * V, shift(out, at), w * V, rows, columns)


@device
def stretch(a, b, c):
    """G of a column: 3 weights."""
    sixth, quarter = spread(types.float32(1 / 6)), spread(types.float32(1 / 4))
    small, half = spread(types.float32(1 / 24)), spread(types.float32(1 / 12))
    even, far = sixth * (a + c), small * a + sixth * c
    middle, odd = sixth * b, half * b
    zero = spread(types.float32(0))
    return quarter * a, zero - even - middle, middle - even, far + odd, far - odd, c


@device
def stretch_row(out, step, a, b, c):
    store_row(out, step, stretch(a, b, c))


@kernel("f32* f32* f32* i64*")
def prepare(stencils, out, scratch, sizes):
    """G g G' of 3x3 stencils; sizes as in layout.WinogradWeights.

    out: (36, K / 2V rounded up, C_out, 2V), zeros where there is no channel; scratch: 18 V.
    """
    K, C, C_out, first = sizes[FROM.K], sizes[FROM.C], sizes[FROM.C_out], sizes[FROM.first]
    k_step, c_step, tap_step = sizes[FROM.k_step], sizes[FROM.c_step], sizes[FROM.tap_step]
    begin, end = sizes[FROM.begin], sizes[FROM.end]
    pairs = (K + 2 * V - 1) // (2 * V)
    step = pairs * C_out * 2 * V
    for m in range(end - begin):
        n = begin + m
        for c in range(C_out):
            for j in range(2 * V):
                k = n * 2 * V + j
                real = k < K and c < C
                source = shift(stencils, first + k * k_step + c * c_step if real else 0)
                for tap in range(9):
                    scratch[tap * 2 * V + j] = source[tap * tap_step] if real else types.float32(0)
            for half in range(2):
                g = shift(scratch, half * V)
                target = shift(out, (n * C_out + c) * 2 * V + half * V)
                a = stretch(load(g, 0), load(g, 6 * V), load(g, 12 * V))
                b = stretch(load(g, 2 * V), load(g, 8 * V), load(g, 14 * V))
                c_ = stretch(load(g, 4 * V), load(g, 10 * V), load(g, 16 * V))
                stretch_row(target, step, a[0], b[0], c_[0])
                stretch_row(shift(target, 6 * step), step, a[1], b[1], c_[1])
                stretch_row(shift(target, 12 * step), step, a[2], b[2], c_[2])
                stretch_row(shift(target, 18 * step), step, a[3], b[3], c_[3])
                stretch_row(shift(target, 24 * step), step, a[4], b[4], c_[4])
                stretch_row(shift(target, 30 * step), step, a[5], b[5], c_[5])
