"""Convolution of blocked channels, tap by tap: a matrix product whose matrix is never made.

One alphabet: C and K channels in and out, in blocks of V = LANES; image (C/V, H, W, V), result
(K/V, h, w, V), taps (u, v), stride s, dilation d:

    out[k, i, j] = bias[k] + sum over c, u, v of
        stencil[k, c, u, v] * image[c, i * s + u * d - top, j * s + v * d - left]

A band of rows of the image is laid out with its zeros around it, columns sorted by their
remainder by s, so that neighbouring results always read neighbouring pixels. A register tile of
ROWS results by 2V channels then walks through all taps and channels.
"""

from __future__ import annotations

from numba import types

from .dialect import LANES, device, kernel, shift
from .implicit_tile import ROWS, add_channels, nothing
from .lanes import greater, leak, lesser, load, spread, store
from .layout import Taps, places

V, AT = LANES, places(Taps)


@device
def finish(out, extra, at, bias, total, slope, low, high, added):
    """out[at] = the sum with all that follows a convolution."""
    total = total + bias
    if added:
        total = total + load(extra, at)
    store(out, at, lesser(greater(leak(total, slope), low), high))


@device
def tile(source, offsets, whole, rest, lanes, weights, out, extra, pixel, second,
         bias, bias2, slope, low, high, added):  # fmt: skip
    """ROWS results `pixel` apart, of 2V channels, the second V of them at `second` (0: none).

    Step t of `whole` adds V channels from source[offsets[t]] on, each of the `rest` after them
    `lanes` channels; weights: 2V for every channel of every step.
    """
    sums = nothing()
    for t in range(whole + rest):
        count = V if t < whole else lanes
        sums = add_channels(sums, shift(source, offsets[t]), weights, count)
        weights = shift(weights, count * 2 * V)
    finish_row(out, extra, pixel, bias, sums[:6], slope, low, high, added)
    if second:
        finish_row(shift(out, second), shift(extra, second), pixel, bias2, sums[6:], slope, low,
                   high, added)  # fmt: skip


@device
def finish_row(out, extra, pixel, bias, row, slope, low, high, added):
    """The V channels of ROWS results."""
    finish(out, extra, 0, bias, row[0], slope, low, high, added)
    finish(out, extra, pixel, bias, row[1], slope, low, high, added)
    finish(out, extra, 2 * pixel, bias, row[2], slope, low, high, added)
    finish(out, extra, 3 * pixel, bias, row[3], slope, low, high, added)
    finish(out, extra, 4 * pixel, bias, row[4], slope, low, high, added)
    finish(out, extra, 5 * pixel, bias, row[5], slope, low, high, added)


@device
def enter(image, plane, lines, y, H, W, CB, left, stride, length, line_step):
    """One padded row of all blocks, `plane` apart: columns by remainder, `length` pixels of each.

    Pixel n of remainder p is column n * stride + p of the padded row.
    """
    zero = spread(types.float32(0))
    inside = 0 <= y < H
    for c in range(CB):
        row = shift(image, c * plane + (y if inside else 0) * W * V)
        for p in range(stride):
            line = shift(lines, (c * stride + p) * line_step)
            low = min(max((left - p + stride - 1) // stride, 0), length) if inside else length
            high = min(max((left - p + W + stride - 1) // stride, low), length)
            for n in range(low):
                store(line, n * V, zero)
            for m in range(high - low):
                n = low + m
                store(line, n * V, load(row, (n * stride + p - left) * V))
            for m in range(length - high):
                store(line, (high + m) * V, zero)


@kernel("f32* f32* i64* f32* f32* f32* f32* i64* f32 f32 f32")
def convolve(image, weights, offsets, biases, extra, out, scratch, sizes, slope, low, high):
    """`band` rows of the result at a time; sizes as in layout.Taps, CB and KB its blocks.

    weights: (pairs of V output channels, steps, 2V). scratch: (stride * (band - 1) + need) rows
    of CB * stride lines, then 6 * V numbers more, and 12 V for a narrow row.
    """
    H, W, CB, KB = sizes[AT.H], sizes[AT.W], sizes[AT.blocks_in], sizes[AT.blocks_out]
    columns, results = sizes[AT.columns], sizes[AT.results]
    top, left, down, across = sizes[AT.top], sizes[AT.left], sizes[AT.down], sizes[AT.across]
    first, last = sizes[AT.first], sizes[AT.last]
    begin, end, band = sizes[AT.begin], sizes[AT.end], sizes[AT.band]
    need, length, source_row = sizes[AT.need], sizes[AT.length], sizes[AT.source_row]
    source_plane, plane = sizes[AT.source_plane], sizes[AT.plane]
    out_row, pixel = sizes[AT.out_row], sizes[AT.pixel]
    whole, rest, lanes, added = sizes[AT.whole], sizes[AT.rest], sizes[AT.lanes], sizes[AT.added]
    slopes, lows, highs = spread(slope), spread(low), spread(high)
    steps = (whole * V + rest * lanes) * 2 * V
    spare = shift(scratch, ((band - 1) * down + need) * source_row // down + ROWS * V)
    for block in range((end - begin + band - 1) // band):
        i = begin + block * band
        rows = min(band, end - i)
        source = shift(image, i * source_row)
        if need > 0:
            source = scratch
            for r in range((rows - 1) * down + need):
                enter(image, source_plane, shift(scratch, r * (source_row // down)),
                      i * down + r - top, H, W, CB, left, across, length, length * V)  # fmt: skip
        for m in range(last - first):
            n = first + m
            second = plane if 2 * n + 1 < KB else 0
            bias = load(biases, 2 * n * V)
            bias2 = load(biases, (2 * n + 1) * V) if second else bias
            for r in range(rows):
                at = 2 * n * plane + (i + r) * out_row
                count = min(columns, results - (i + r) * columns)
                for g in range((count + ROWS - 1) // ROWS):
                    j = g * ROWS
                    if j + ROWS <= count or count >= ROWS or (need == 0 and results >= ROWS):
                        j = min(j, count - ROWS)
                        tile(shift(source, r * source_row + j * V), offsets, whole, rest, lanes,
                             shift(weights, n * steps), shift(out, at + j * pixel),
                             shift(extra, at + j * pixel), pixel, second, bias, bias2,
                             slopes, lows, highs, added)  # fmt: skip
                    else:
                        narrow(shift(source, r * source_row), offsets, whole, rest, lanes,
                               shift(weights, n * steps), shift(out, at), shift(extra, at),
                               pixel, second, bias, bias2, slopes, lows, highs, added,
                               spare, count)  # fmt: skip


@device
def narrow(source, offsets, whole, rest, lanes, weights, out, extra, pixel, second,
           bias, bias2, slope, low, high, added, spare, count):  # fmt: skip
    """A row of fewer than ROWS results, by way of `spare`."""
    for i in range(count if added else 0):
        store(spare, i * V, load(extra, i * pixel))
        if second:
            store(spare, (ROWS + i) * V, load(extra, second + i * pixel))
    tile(source, offsets, whole, rest, lanes, weights, spare, spare, V,
         ROWS * V if second else 0, bias, bias2, slope, low, high, added)  # fmt: skip
    for i in range(count):
        store(out, i * pixel, load(spare, i * V))
        if second:
            store(out, second + i * pixel, load(spare, (ROWS + i) * V))
