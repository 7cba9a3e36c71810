"""Register tiles: the innermost loops of a correlation, as explicit vector instructions.

LLVM vectorises plain loops well, but does not keep a tile of several output rows in
registers, which is what makes a large stencil compute-bound instead of load-bound: each
loaded input vector then serves R rows, each broadcast weight J vectors. So the tile is
written down as LLVM vector operations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from . import host
from .dialect import FUSED

INDEX = ir.IntType(64)

# LLVM's names of x86's multiply-add of words, by lanes; elsewhere it is written out.
PAIR_PRODUCTS = {
    lanes: name
    for lanes, feature, name in (
        (4, "sse2", "llvm.x86.sse2.pmadd.wd"),
        (8, "avx2", "llvm.x86.avx2.pmadd.wd"),
        (16, "avx512bw", "llvm.x86.avx512.pmaddw.d.512"),
    )
    if f"+{feature}" in host.cpu()[1].split(",")
}


def register_tile(rows: int, vectors: int, lanes: int, element: Any) -> Callable:
    """An intrinsic that correlates `rows` output rows of `vectors` x `lanes` elements.

    tile(source, offsets, x, K, L, weights, bias, out, at, out_step), where K >= rows = R:

        out[at + r * out_step + c] = bias + sum over u < K, v < L of
            weights[((r + u) * L + v) * R + r] * source[offsets[(r + u) * L + v] + x + c]

    for r < R, c < vectors * lanes: each of (K + R - 1) * L steps loads one piece of an input
    row, which meets up to R output rows, each with a weight of its own. `element` is Numba's
    float32 (fused multiply-add), float64, int16 (wrapping: the caller makes sure that sums
    fit), or int32, which stands for a pair of 16-bit numbers: the product of two pairs is the
    sum of both products, one instruction on x86, so that a step does two taps.
    """
    scalar = {
        types.float32: ir.FloatType(),
        types.float64: ir.DoubleType(),
        types.int16: ir.IntType(16),
        types.int32: ir.IntType(32),
    }[element]
    tile = _Tile(rows, vectors, ir.VectorType(scalar, lanes))

    @intrinsic
    def correlate_tile(
        typing: Any, source, offsets, x, K, L, weights, bias, out, at, out_step
    ) -> Any:
        pointer, index = types.CPointer(element), types.intp
        signature = types.void(
            pointer, types.CPointer(types.int64), index, index, index,
            pointer, element, pointer, index, index,
        )  # fmt: skip
        return signature, lambda context, builder, _, values: tile.emit(context, builder, *values)

    return correlate_tile


class _Tile:
    """Emits the code of one tile shape: R rows by J vectors of accumulators."""

    def __init__(self, rows: int, vectors: int, vector: ir.VectorType) -> None:
        self.R, self.J, self.vector = rows, vectors, vector

    def emit(self, context, b, source, offsets, x, K, L, weights, bias, out, at, out_step):
        """One loop over the steps for each set of output rows that they meet.

        Input row i meets output row r if 0 <= i - r < K. Rows that it does not meet are left
        out, not given weights of 0, which would spread NaN.
        """
        self.source, self.offsets, self.weights = self._at(b, source, x), offsets, weights
        sums = [[self._broadcast(b, bias)] * self.J for _ in range(self.R)]
        last = self.R - 1
        for i in range(last):
            begin = b.mul(L, INDEX(i))
            sums = self._steps(b, begin, b.add(begin, L), range(i + 1), sums)
        sums = self._steps(b, b.mul(L, INDEX(last)), b.mul(L, K), range(self.R), sums)
        for i in range(last):
            begin = b.mul(L, b.add(K, INDEX(i)))
            sums = self._steps(b, begin, b.add(begin, L), range(i + 1, self.R), sums)
        for r, row in enumerate(sums):
            line = self._at(b, out, b.add(at, b.mul(out_step, INDEX(r))))
            for j, total in enumerate(row):
                here = self._vector(b, line, j * self.vector.count)
                b.store(total, here, align=self._bytes())
        return context.get_dummy_value()

    def _steps(self, b, begin, end, met: range, sums):
        """Add steps begin <= t < end to the output rows `met`; the sums stay in registers."""
        before, head = b.block, b.append_basic_block("head")
        inside, after = b.append_basic_block("inside"), b.append_basic_block("after")
        b.branch(head)
        b.position_at_end(head)
        t = b.phi(INDEX)
        moving = [[b.phi(self.vector) for _ in sums[r]] for r in met]
        b.cbranch(b.icmp_signed("<", t, end), inside, after)
        b.position_at_end(inside)
        added = self._step(b, t, met, moving)
        ends = [(t, begin, b.add(t, INDEX(1)))]
        for r, phis, new in zip(met, moving, added, strict=True):
            ends += zip(phis, sums[r], new, strict=True)
        for phi, first, next in ends:
            phi.add_incoming(first, before)
            phi.add_incoming(next, inside)
        b.branch(head)
        b.position_at_end(after)
        return [moving[met.index(r)] if r in met else sums[r] for r in range(self.R)]

    def _step(self, b, t, met: range, sums):
        here = self._at(b, self.source, b.load(b.gep(self.offsets, [t])))
        inputs = [
            b.load(self._vector(b, here, j * self.vector.count), align=self._bytes())
            for j in range(self.J)
        ]
        added = []
        for r, row in zip(met, sums, strict=True):
            place = b.add(b.mul(t, INDEX(self.R)), INDEX(r))
            w = self._broadcast(b, b.load(self._at(b, self.weights, place)))
            pairs = zip(inputs, row, strict=True)
            added.append([self._multiply_add(b, x, w, total) for x, total in pairs])
        return added

    def _multiply_add(self, b, x, w, total):
        if self.vector.element == ir.IntType(32):
            return b.add(total, self._pair_products(b, x, w))
        if isinstance(self.vector.element, ir.IntType):
            return b.add(total, b.mul(x, w))
        if not FUSED:
            return b.fadd(total, b.fmul(x, w))
        bits = {"float": 32, "double": 64}[str(self.vector.element)]
        shape = ir.FunctionType(self.vector, [self.vector] * 3)
        name = f"llvm.fma.v{self.vector.count}f{bits}"
        return b.call(cgutils.get_or_insert_function(b.module, shape, name), [x, w, total])

    def _pair_products(self, b, x, w):
        """Products of each lane's two halves, and their sum."""
        count = self.vector.count
        halves = ir.VectorType(ir.IntType(16), 2 * count)
        x, w = b.bitcast(x, halves), b.bitcast(w, halves)
        if name := PAIR_PRODUCTS.get(count):
            shape = ir.FunctionType(self.vector, [halves] * 2)
            return b.call(cgutils.get_or_insert_function(b.module, shape, name), [x, w])
        products = []
        for first in (0, 1):
            order = list(range(first, 2 * count, 2))
            lanes = ir.Constant(ir.VectorType(ir.IntType(32), count), order)
            sides = [b.sext(b.shuffle_vector(v, v, lanes), self.vector) for v in (x, w)]
            products.append(b.mul(*sides))
        return b.add(*products)

    def _broadcast(self, b, value):
        undefined = ir.Constant(self.vector, ir.Undefined)
        first = b.insert_element(undefined, value, ir.IntType(32)(0))
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), self.vector.count), None)
        return b.shuffle_vector(first, undefined, lanes)

    def _at(self, b, pointer, index):
        return b.gep(pointer, [index])

    def _vector(self, b, pointer, index: int):
        return b.bitcast(self._at(b, pointer, INDEX(index)), self.vector.as_pointer())

    def _bytes(self) -> int:
        """Alignment of one element: vectors lie anywhere."""
        return {"float": 4, "double": 8, "i16": 2, "i32": 4}[str(self.vector.element)]
