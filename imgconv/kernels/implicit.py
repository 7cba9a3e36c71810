"""Convolution of blocked channels, tap by tap: a matrix product whose matrix is never made.

One alphabet: C and K channels in and out, in blocks of V = LANES; image (C/V, H, W, V), result
(K/V, h, w, V), taps (u, v), stride s, dilation d:

    out[k, i, j] = bias[k] + sum over c, u, v of
        stencil[k, c, u, v] * image[c, i * s + u * d - top, j * s + v * d - left]

A band of rows of the image is laid out with its zeros around it, columns sorted by their
remainder by s, so that neighbouring results always read neighbouring pixels. A register tile of
ROWS results by 2V channels then walks through all taps and channels; the results are counted
through the rows, so that narrow ones fill the tile too.
"""

from __future__ import annotations

from numba import types

from .dialect import LANES, device, kernel, shift
from .implicit_tile import LINE, ROWS, add_channels, fetch_ahead, lines_each, nothing
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
def following(i, j, left, columns):
    """The result after (i, j), row by row; itself, if but 1 is left."""
    if left < 2:
        return i, j
    if j + 1 < columns:
        return i, j + 1
    return i + 1, 0


@device
def places_of(i, j, left, columns, row, pixel):
    """Where ROWS results from (i, j) on begin, the last one again where fewer are left."""
    i1, j1 = following(i, j, left, columns)
    i2, j2 = following(i1, j1, left - 1, columns)
    i3, j3 = following(i2, j2, left - 2, columns)
    i4, j4 = following(i3, j3, left - 3, columns)
    i5, j5 = following(i4, j4, left - 4, columns)
    return (i * row + j * pixel, i1 * row + j1 * pixel, i2 * row + j2 * pixel,
            i3 * row + j3 * pixel, i4 * row + j4 * pixel, i5 * row + j5 * pixel)  # fmt: skip


@device
def from_each(source, at, more):
    """Six pointers: source + at + more."""
    source = shift(source, more)
    return (shift(source, at[0]), shift(source, at[1]), shift(source, at[2]),
            shift(source, at[3]), shift(source, at[4]), shift(source, at[5]))  # fmt: skip


@device
def tile(source, begins, offsets, whole, rest, lanes, weights, out, extra, at, second,
         bias, bias2, slope, low, high, added, ahead, share):  # fmt: skip
    """ROWS results of 2V channels, written `at`, the second V of them `second` behind (0: none).

    Step t of `whole` adds V channels from source[begin + offsets[t]] on for each result's begin,
    each of the `rest` after them `lanes` channels; weights: 2V for every channel of every step.
    """
    sums = nothing()
    for t in range(whole + rest):
        count = V if t < whole else lanes
        fetch_ahead(ahead, t, share)
        sums = add_channels(sums, from_each(source, begins, offsets[t]), weights, count)
        weights = shift(weights, count * 2 * V)
    finish_all(out, extra, at, bias, sums[:6], slope, low, high, added)
    if second:
        finish_all(shift(out, second), shift(extra, second), at, bias2, sums[6:], slope, low,
                   high, added)  # fmt: skip


@device
def finish_all(out, extra, at, bias, sums, slope, low, high, added):
    """The V channels of ROWS results."""
    finish(out, extra, at[0], bias, sums[0], slope, low, high, added)
    finish(out, extra, at[1], bias, sums[1], slope, low, high, added)
    finish(out, extra, at[2], bias, sums[2], slope, low, high, added)
    finish(out, extra, at[3], bias, sums[3], slope, low, high, added)
    finish(out, extra, at[4], bias, sums[4], slope, low, high, added)
    finish(out, extra, at[5], bias, sums[5], slope, low, high, added)


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
    of CB * stride lines.
    """
    H, W, CB, KB = sizes[AT.H], sizes[AT.W], sizes[AT.blocks_in], sizes[AT.blocks_out]
    columns, results = sizes[AT.columns], sizes[AT.results]
    top, left, down, across = sizes[AT.top], sizes[AT.left], sizes[AT.down], sizes[AT.across]
    first, last = sizes[AT.first], sizes[AT.last]
    begin, end, band = sizes[AT.begin], sizes[AT.end], sizes[AT.band]
    need, length, source_row = sizes[AT.need], sizes[AT.length], sizes[AT.source_row]
    source_plane, source_pixel = sizes[AT.source_plane], sizes[AT.source_pixel]
    plane, out_row, pixel = sizes[AT.plane], sizes[AT.out_row], sizes[AT.pixel]
    whole, rest, lanes, added = sizes[AT.whole], sizes[AT.rest], sizes[AT.lanes], sizes[AT.added]
    slopes, lows, highs = spread(slope), spread(low), spread(high)
    steps = (whole * V + rest * lanes) * 2 * V
    for block in range((end - begin + band - 1) // band):
        i = begin + block * band
        rows = min(band, end - i)
        count = min(rows * columns, results - i * columns)
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
            these, to = shift(weights, n * steps), 2 * n * plane + i * out_row
            share = lines_each(count)
            r, j = 0, 0
            for g in range((count + ROWS - 1) // ROWS):
                left_over = count - g * ROWS
                begins = places_of(r, j, left_over, columns, source_row, source_pixel)
                at = places_of(r, j, left_over, columns, out_row, pixel)
                tile(source, begins, offsets, whole, rest, lanes, these,
                     shift(out, to), shift(extra, to), at, second, bias, bias2,
                     slopes, lows, highs, added,
                     shift(these, steps + g * (whole + rest) * share * LINE), share)  # fmt: skip
                for k in range(ROWS):
                    r, j = following(r, j, left_over - k, columns)
