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

from .dialect import FUSED

INDEX = ir.IntType(64)


def register_tile(rows: int, vectors: int, lanes: int, element: Any) -> Callable:
    """An intrinsic that correlates `rows` output rows of `vectors` x `lanes` elements.

    tile(source, offsets, x, K, L, step, weights, bias, out, at, out_step):

        out[at + r * out_step + c] = bias + sum over u < K, v < L of
            weights[u * L + v] * source[offsets[r + u] + x + c + v * step]

    for r < rows, c < vectors * lanes, where K >= rows. `element` is Numba's float32 (fused
    multiply-add), float64, or int16 (wrapping: the caller makes sure that sums fit).
    """
    scalar = {
        types.float32: ir.FloatType(),
        types.float64: ir.DoubleType(),
        types.int16: ir.IntType(16),
    }[element]
    tile = _Tile(rows, vectors, ir.VectorType(scalar, lanes))

    @intrinsic
    def correlate_tile(
        typing: Any, source, offsets, x, K, L, step, weights, bias, out, at, out_step
    ) -> Any:
        pointer, index = types.CPointer(element), types.intp
        signature = types.void(
            pointer, types.CPointer(types.int64), index, index, index, index,
            pointer, element, pointer, index, index,
        )  # fmt: skip
        return signature, lambda context, builder, _, values: tile.emit(context, builder, *values)

    return correlate_tile


class _Tile:
    """Emits the code of one tile shape: R rows by J vectors of accumulators."""

    def __init__(self, rows: int, vectors: int, vector: ir.VectorType) -> None:
        self.R, self.J, self.vector = rows, vectors, vector

    def emit(self, context, b, source, offsets, x, K, L, step, weights, bias, out, at, out_step):
        """Stencil row u meets output row r at input row i = r + u.

        The first and the last R-1 input rows meet only some of the output rows: they are
        written out; the rows between are a loop.
        """
        self.source, self.offsets, self.x = source, offsets, x
        self.L, self.step, self.weights = L, step, weights
        start = self._broadcast(b, bias)
        sums = [[start] * self.J for _ in range(self.R)]
        last = self.R - 1
        for i in range(last):
            sums = self._input_row(b, INDEX(i), range(i + 1), sums)
        sums = self._loop(b, INDEX(last), K, sums, lambda b, i, s: self._full_row(b, i, s))
        for i in range(last):
            sums = self._input_row(b, b.add(K, INDEX(i)), range(i + 1, self.R), sums)
        for r, row in enumerate(sums):
            line = self._at(b, out, b.add(at, b.mul(out_step, INDEX(r))))
            for j, total in enumerate(row):
                here = self._vector(b, line, j * self.vector.count)
                b.store(total, here, align=self._bytes())
        return context.get_dummy_value()

    def _full_row(self, b, i, sums):
        return self._input_row(b, i, range(self.R), sums)

    def _input_row(self, b, i, met: range, sums):
        """Add input row i's part to the output rows `met`."""
        offset = b.load(b.gep(self.offsets, [i]))
        line = self._at(b, self.source, b.add(offset, self.x))
        weights = [self._at(b, self.weights, b.mul(b.sub(i, INDEX(r)), self.L)) for r in met]

        def tap(b, v, moving):
            here = self._at(b, line, b.mul(v, self.step))
            inputs = [self._load(b, here, j * self.vector.count) for j in range(self.J)]
            new = []
            for pointer, row in zip(weights, moving, strict=True):
                w = self._broadcast(b, self._scalar(b, pointer, v))
                pairs = zip(inputs, row, strict=True)
                new.append([self._multiply_add(b, x, w, total) for x, total in pairs])
            return new

        moved = self._loop(b, INDEX(0), self.L, [sums[r] for r in met], tap)
        return [moved[met.index(r)] if r in met else sums[r] for r in range(self.R)]

    def _loop(self, b, first, end, sums, body):
        """for i in range(first, end): sums = body(i, sums); the sums stay in registers."""
        before, head = b.block, b.append_basic_block("head")
        inside, after = b.append_basic_block("inside"), b.append_basic_block("after")
        b.branch(head)
        b.position_at_end(head)
        i = b.phi(INDEX)
        phis = [[b.phi(self.vector) for _ in row] for row in sums]
        b.cbranch(b.icmp_signed("<", i, end), inside, after)
        b.position_at_end(inside)
        new = body(b, i, phis)
        following = b.add(i, INDEX(1))
        for phi, old, value in [(i, first, following), *_flat3(phis, sums, new)]:
            phi.add_incoming(old, before)
            phi.add_incoming(value, b.block)
        b.branch(head)
        b.position_at_end(after)
        return phis

    def _multiply_add(self, b, x, w, total):
        if isinstance(self.vector.element, ir.IntType):
            return b.add(total, b.mul(x, w))
        if not FUSED:
            return b.fadd(total, b.fmul(x, w))
        bits = {"float": 32, "double": 64}[str(self.vector.element)]
        shape = ir.FunctionType(self.vector, [self.vector] * 3)
        name = f"llvm.fma.v{self.vector.count}f{bits}"
        return b.call(cgutils.get_or_insert_function(b.module, shape, name), [x, w, total])

    def _broadcast(self, b, value):
        undefined = ir.Constant(self.vector, ir.Undefined)
        first = b.insert_element(undefined, value, ir.IntType(32)(0))
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), self.vector.count), None)
        return b.shuffle_vector(first, undefined, lanes)

    def _at(self, b, pointer, index):
        return b.gep(pointer, [index])

    def _scalar(self, b, pointer, index):
        return b.load(self._at(b, pointer, index))

    def _load(self, b, pointer, index: int):
        return b.load(self._vector(b, pointer, index), align=self._bytes())

    def _vector(self, b, pointer, index: int):
        return b.bitcast(self._at(b, pointer, INDEX(index)), self.vector.as_pointer())

    def _bytes(self) -> int:
        """Alignment of one element: vectors lie anywhere."""
        return {"float": 4, "double": 8, "i16": 2}[str(self.vector.element)]


def _flat3(a, b, c):
    return [t for x, y, z in zip(a, b, c, strict=True) for t in zip(x, y, z, strict=True)]
