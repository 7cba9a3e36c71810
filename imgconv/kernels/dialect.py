"""What kernel sources are written in: Numba, with one set of flags for all.

Kernel modules import only this module, and are themselves imported only when a kernel is
compiled, so that Numba stays out of every later process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit, types
from numba.extending import intrinsic

from . import host

# "contract" lets a*b + c become one FMA. Nothing else: with nnan, ninf or reassoc, NaN and
# infinity would lose their meaning and sums their exactness.
FLAGS = {"fastmath": {"contract"}, "error_model": "numpy"}

# A function that kernels call; inlined by LLVM, so that it needs no wrappers of its own.
device = njit(**FLAGS, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def kernel(signature: str) -> Callable[[Callable], Callable]:
    """Mark a function as a kernel: `signature` is a word for each argument.

    Pointers are "u8* u16* i16* i32* i64* f32* f64*", scalars "i64 f32 f64". A kernel never
    raises and never allocates; the compiler refuses one that would.
    """

    def mark(function: Callable) -> Callable:
        function.signature = signature  # type: ignore[attr-defined]
        return function

    return mark


def lanes() -> int:
    """float32 lanes of the widest vector register: 16 with AVX-512, 8 with AVX, else 4."""
    features = host.cpu()[1].split(",")
    return 16 if "+avx512f" in features else 8 if "+avx" in features else 4


LANES = lanes()
FUSED = "+fma" in host.cpu()[1] or not host.cpu()[1].count("+sse2")  # else a call of libm's fma


@intrinsic
def shift(typing: Any, pointer: Any, count: Any) -> Any:
    """The pointer `count` elements further on."""
    signature = pointer(pointer, types.intp)
    return signature, lambda context, builder, _, values: builder.gep(values[0], [values[1]])
