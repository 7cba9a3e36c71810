"""One layer of a network: several stencils over an image, each giving a feature map.

One alphabet: image H x W pixels of C channels, K stencils of C x h x w weights, stride s and
dilation d, output place (i, j), tap (u, v). With zeros around the image,

    map[k, i, j] = bias[k] + sum over c, u, v of
        stencil[k, c, u, v] * padded[c, i * s + u * d, j * s + v * d]

Each row of the padded image is widened to float32 once, into a ring of lines: one line for
every channel and every phase, the remainder of a column divided by the stride. In a line of
one phase the inputs of neighbouring outputs are neighbours, so that every stride and dilation
runs through the same loop: a register tile of several maps, which loads an input vector once
and feeds it to all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .dialect import FUSED, LANES, device, kernel, shift

SOURCES = {"u8": types.uint8, "u16": types.uint16, "f32": types.float32}
MAPS = 4  # of a tile
VECTORS = 6 if LANES == 16 else 3  # of each map of the tile: they fill the registers
WIDE = VECTORS * LANES
ALONE = 8 * LANES  # outputs of the tile of a single map
INDEX, FLOAT = ir.IntType(64), ir.FloatType()


def map_tile(maps: int, vectors: int) -> Callable:
    """An intrinsic for `maps` = M maps of `vectors` x LANES outputs.

    tile(lines, offsets, x, T, weights, bias, floor, out, at, plane):

        out[m * plane + at + j] = max(floor, bias[m] + sum over t < T of
            weights[t * M + m] * lines[offsets[t] + x + j])

    for m < M, j < vectors * LANES. What is not a number stays so.
    """
    tile = _Tile(maps, vectors)

    @intrinsic
    def layer_tile(typing: Any, lines, offsets, x, T, weights, bias, floor, out, at, plane) -> Any:
        pointer, index = types.CPointer(types.float32), types.intp
        signature = types.void(
            pointer, types.CPointer(types.int64), index, index, pointer,
            pointer, types.float32, pointer, index, index,
        )  # fmt: skip
        return signature, lambda context, builder, _, values: tile.emit(context, builder, *values)

    return layer_tile


class _Tile:
    """Emits the code of one tile shape: M maps by J vectors of accumulators."""

    def __init__(self, maps: int, vectors: int) -> None:
        self.M, self.J, self.vector = maps, vectors, ir.VectorType(FLOAT, LANES)

    def emit(self, context, b, lines, offsets, x, T, weights, bias, floor, out, at, plane):
        """A loop over the steps; the sums stay in registers."""
        source = b.gep(lines, [x])
        first = [self._spread(b, b.load(b.gep(bias, [INDEX(m)]))) for m in range(self.M)]
        before, head = b.block, b.append_basic_block("head")
        inside, after = b.append_basic_block("inside"), b.append_basic_block("after")
        b.branch(head)
        b.position_at_end(head)
        t = b.phi(INDEX)
        sums = [[b.phi(self.vector) for _ in range(self.J)] for _ in range(self.M)]
        b.cbranch(b.icmp_signed("<", t, T), inside, after)
        b.position_at_end(inside)
        added = self._step(b, t, b.gep(source, [b.load(b.gep(offsets, [t]))]), weights, sums)
        t.add_incoming(INDEX(0), before)
        t.add_incoming(b.add(t, INDEX(1)), inside)
        for m in range(self.M):
            for total, new in zip(sums[m], added[m], strict=True):
                total.add_incoming(first[m], before)
                total.add_incoming(new, inside)
        b.branch(head)
        b.position_at_end(after)
        self._store(b, sums, self._spread(b, floor), b.gep(out, [at]), plane)
        return context.get_dummy_value()

    def _step(self, b, t, here, weights, sums):
        """One tap of every map: J loads, M weights, M * J multiply-adds."""
        inputs = [b.load(self._place(b, here, j), align=4) for j in range(self.J)]
        row = b.gep(weights, [b.mul(t, INDEX(self.M))])
        added = []
        for m, totals in enumerate(sums):
            weight = self._spread(b, b.load(b.gep(row, [INDEX(m)])))
            pairs = zip(inputs, totals, strict=True)
            added.append([self._multiply_add(b, x, weight, total) for x, total in pairs])
        return added

    def _store(self, b, sums, floor, out, plane) -> None:
        for m, totals in enumerate(sums):
            line = b.gep(out, [b.mul(plane, INDEX(m))])
            for j, total in enumerate(totals):
                below = b.fcmp_ordered("<", total, floor)
                b.store(b.select(below, floor, total), self._place(b, line, j), align=4)

    def _multiply_add(self, b, x, weight, total):
        if not FUSED:
            return b.fadd(total, b.fmul(x, weight))
        shape = ir.FunctionType(self.vector, [self.vector] * 3)
        name = f"llvm.fma.v{LANES}f32"
        return b.call(cgutils.get_or_insert_function(b.module, shape, name), [x, weight, total])

    def _spread(self, b, value):
        undefined = ir.Constant(self.vector, ir.Undefined)
        first = b.insert_element(undefined, value, ir.IntType(32)(0))
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), LANES), None)
        return b.shuffle_vector(first, undefined, lanes)

    def _place(self, b, pointer, j: int):
        return b.bitcast(b.gep(pointer, [INDEX(j * LANES)]), self.vector.as_pointer())


together, alone = map_tile(MAPS, VECTORS), map_tile(1, 8)


def _across(tile: Callable, maps: int, wide: int) -> Callable:
    """`count` outputs of `maps` maps; the last tile overlaps, or goes by way of `spare`."""

    @device
    def across(lines, offsets, T, weights, bias, floor, out, plane, count, spare):
        whole = count // wide
        for i in range(whole):
            tile(lines, offsets, i * wide, T, weights, bias, floor, out, i * wide, plane)
        if whole * wide == count:
            return
        if whole > 0:
            at = count - wide
            tile(lines, offsets, at, T, weights, bias, floor, out, at, plane)
        else:
            tile(lines, offsets, 0, T, weights, bias, floor, spare, 0, wide)
            for m in range(maps):
                target, sums = shift(out, m * plane), shift(spare, m * wide)
                for j in range(count):
                    target[j] = sums[j]

    return across


across_together, across_alone = _across(together, MAPS, WIDE), _across(alone, 1, ALONE)


@device
def every_map(lines, offsets, T, weights, biases, floor, out, plane, count, spare, K):
    """All maps of one row: as many together as fit a tile, the others one by one."""
    for n in range(K // MAPS):
        k = n * MAPS
        across_together(lines, offsets, T, shift(weights, k * T), shift(biases, k), floor,
                        shift(out, k * plane), plane, count, spare)  # fmt: skip
    for k in range(K // MAPS * MAPS, K):
        across_alone(lines, offsets, T, shift(weights, k * T), shift(biases, k), floor,
                     shift(out, k * plane), plane, count, spare)  # fmt: skip


@device
def zeros(line, first, last):
    target = shift(line, first)
    for i in range(last - first):
        target[i] = types.float32(0)


@device
def pick(line, source, count, step):
    """line[i] = source[i * step], with the usual steps as constants, which LLVM vectorises."""
    if step == 1:
        for i in range(count):
            line[i] = types.float32(source[i])
    elif step == 3:
        for i in range(count):
            line[i] = types.float32(source[i * 3])
    else:
        for i in range(count):
            line[i] = types.float32(source[i * step])


@device
def enter(slot, row, inside, sizes, phases, first, count, length):
    """One padded row as lines of `count` numbers, by channel, then phase.

    Number n of the line of phase p is column (first + n) * stride + p of the padded row.
    """
    W, C, stride, left, P = sizes[1], sizes[2], sizes[6], sizes[8], sizes[9]
    for q in range(P):
        begin = left - first * stride - phases[q]  # column 0 of the image, in columns from n = 0
        low = min(max((begin + stride - 1) // stride, 0), count) if inside else count
        high = min(max((begin + W + stride - 1) // stride, low), count)
        for c in range(C):
            line = shift(slot, (c * P + q) * length)
            zeros(line, 0, low)
            pick(shift(line, low), shift(row, (low * stride - begin) * C + c), high - low,
                 stride * C)  # fmt: skip
            zeros(line, high, count)


def __getattr__(name: str) -> Any:
    """`u8`, `u16`, `f32`: the kernel for images of that type."""
    if name not in SOURCES:
        raise AttributeError(name)

    @kernel(f"{name}* f32* i64* i64* i64* f32* f32* f32 f32* i64* f32*")
    def layer(
        image, out, sizes, phases, places, weights, biases, floor, ring, offsets, spare
    ):  # fmt: skip
        """Rows begin <= i < end of all maps, into `out` (K * G maps of rows x columns).

        sizes: H, W, C; rows u of a stencil, dilation and stride down; stride across; zeros
        above and to the left; P phases in use; K maps of a group, G groups, T steps; rows and
        columns of a map; begin, end; columns of a strip; numbers of a line; taps that a line
        is longer than its strip. A group sees all channels (G = 1) or one of its own (G = C).
        places: for each step t of a row u, in order of u, its place in the slot of that row.
        weights: of each group, of each MAPS maps (then of each single map), (T, MAPS); biases:
        K of each group. The ring has (rows u - 1) * dilation + 1 slots of C * P lines; spare holds
        MAPS * WIDE or ALONE sums.
        """
        H, W, C, h = sizes[0], sizes[1], sizes[2], sizes[3]
        dilation, stride, top, P = sizes[4], sizes[5], sizes[7], sizes[9]
        K, G, T, rows, columns = sizes[10], sizes[11], sizes[12], sizes[13], sizes[14]
        begin, end, width, length, more = sizes[15], sizes[16], sizes[17], sizes[18], sizes[19]
        plane, slots = rows * columns, (h - 1) * dilation + 1
        each = T // h
        for strip in range((columns + width - 1) // width):
            j = strip * width
            count = min(width, columns - j)
            made = begin * stride
            for i in range(begin, end):
                made = max(made, i * stride)
                while made < i * stride + slots:
                    y = made - top
                    inside = 0 <= y < H
                    enter(shift(ring, made % slots * (C * P * length)),
                          shift(image, (y if inside else 0) * W * C), inside, sizes, phases,
                          j, count + more, length)  # fmt: skip
                    made += 1
                for u in range(h):
                    slot = (i * stride + u * dilation) % slots * (C * P * length)
                    for e in range(each):
                        offsets[u * each + e] = slot + places[e]
                for g in range(G):
                    every_map(shift(ring, g * P * length), offsets, T,
                              shift(weights, g * K * T), shift(biases, g * K), floor,
                              shift(out, g * plane + i * columns + j), G * plane, count,
                              spare, K)  # fmt: skip

    return layer
