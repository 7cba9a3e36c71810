"""Random work for every compiled loop, between guard pages.

    python tests/fuzz/kernels.py --cases 100000 --first 0

Images, results, scratch and tables of filters, pools, resizing and layers end where memory ends,
so that reading or writing beyond them is a crash; networks are run as tests/fuzz/graphs.py runs
them. The same work is done without guard pages and has to give the same. Prints the kernels that
no case has called.
"""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import cases
import graphs
from graphs import guarded, some

from imgconv import kernels, threads
from imgconv.errors import ImgconvError
from imgconv.kernels.native import Kernel
from imgconv.ops import (
    arguments,
    box,
    convolve,
    correlation,
    fourier,
    gaussian,
    interpolation,
    order_statistics,
    padded,
    pool,
    strides,
    symmetric,
    transposed,
    upsample,
)  # fmt: skip
from imgconv.ops.bank import Bank
from imgconv.ops.convolve import Layer
from imgconv.ops.filter import RANGES, Filter
from imgconv.ops.interpolation import interpolate
from imgconv.ops.kernel_text import parse, parse_operator
from imgconv.ops.pool import Pool
from imgconv.ops.transposed import correlate_transposed

MODULES = (
    arguments, box, convolve, correlation, fourier, gaussian, interpolation, order_statistics,
    padded, pool, strides, symmetric, transposed, upsample,
)  # fmt: skip
SECONDS = 30  # of the processor
MAKERS = ("empty", "zeros", "ones", "full", "array", "empty_like", "zeros_like", "append")
STENCILS = ("sharpen", "sobel", "laplacian", "emboss", "gaussian:1", "gaussian:3.3", "gaussian:12",
            "box:3", "box:2x7", "box:41", "log:1.4", "motion:9:30", "identity", "1 2; 3 4",
            "1/3 1/7 -2", "0.1 0.7 0.3; 0 1 0", "unsharp", "median:3", "median:4x2", "max:5",
            "min:3x9", "max:1x40")  # fmt: skip
BORDERS = ("reflect", "symmetric", "edge", "wrap", "constant")
TYPES = (np.uint8, np.uint16, np.float32)


class GuardedNumpy(ModuleType):
    """NumPy, whose new arrays lie between guard pages."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        if name not in MAKERS:
            return found

        def make(*given: Any, **named: Any) -> np.ndarray:
            made = found(*given, **named)
            return guarded(made) if made.dtype.kind in "uif" else made

        return make


@contextlib.contextmanager
def guard() -> Iterator[None]:
    """Within it, what the operations allocate is guarded."""
    for module in MODULES:
        if hasattr(module, "np"):
            module.np = GuardedNumpy("numpy")  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for module in MODULES:
            if hasattr(module, "np"):
                module.np = np  # type: ignore[attr-defined]


def image(rng: np.random.Generator) -> np.ndarray:
    """(H, W, C) of any size and type, often narrow."""
    high, wide = (int(some(rng, (1, 2, 3, 5, 8, 17, 33, 64, 90, 210, 400))) for _ in range(2))
    shape = (high + int(rng.integers(3)), wide + int(rng.integers(3)), int(rng.integers(1, 5)))
    dtype = some(rng, TYPES)
    if dtype is np.float32:
        return rng.random(shape, np.float32)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def filter_work(rng: np.random.Generator) -> Callable[[np.ndarray], Any]:
    count = int(some(rng, (1, 1, 1, 2)))
    chain = tuple(parse_operator(some(rng, STENCILS)) for _ in range(count))
    scale, bias = Fraction(some(rng, (1, 1, 1, 3)), 2), Fraction(int(some(rng, (0, 0, 9))))
    work = Filter(
        chain, some(rng, BORDERS), some(rng, RANGES), scale, bias, flip=rng.random() < 0.2
    )
    alpha = some(rng, ("none", "none", "straight"))
    return lambda pixels: work(pixels, alpha if pixels.shape[2] in (2, 4) else "none")


def pool_work(rng: np.random.Generator) -> Callable[[np.ndarray], Any]:
    size, stride = ((int(rng.integers(1, 6)), int(rng.integers(1, 6))) for _ in range(2))
    padding = (int(rng.integers(0, size[0] // 2 + 1)), int(rng.integers(0, size[1] // 2 + 1)))
    method = some(rng, ("max", "min", "average", "l2", "median"))
    return Pool(method, size, stride, padding, ceil=bool(rng.integers(2)))


def resize_work(rng: np.random.Generator) -> Callable[[np.ndarray], Any]:
    factors = tuple(Fraction(int(rng.integers(4, 13)), 4) for _ in range(2))
    method = some(rng, ("nearest", "bilinear", "bicubic"))
    return lambda pixels: interpolate(pixels, method, factors)  # type: ignore[arg-type]


def transposed_work(rng: np.random.Generator) -> Callable[[np.ndarray], Any]:
    (stencil, *_) = parse(some(rng, ("box:4", "1 2 1; 2 4 2; 1 2 1", "gaussian:1.2", "sharpen")))
    stride = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    padding = (int(rng.integers(0, 2)), int(rng.integers(0, 2)))
    return lambda pixels: correlate_transposed(pixels, stencil, stride, padding)


def layer_work(rng: np.random.Generator) -> Callable[[np.ndarray], Any]:
    count = int(rng.integers(1, 20))
    shape = (count, 1, int(rng.integers(1, 6)), int(rng.integers(1, 6)))
    numbers = rng.standard_normal(shape).astype(np.float32)
    bank = Bank(numbers, numbers[:, 0, 0, 0].copy(), tuple(map(str, range(count))))
    pair = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    return Layer(bank, stride=pair, padding=some(rng, ("valid", "same", "full")),
                 dilation=pair[::-1], per_channel=bool(rng.integers(2)))  # fmt: skip


def png_work(rng: np.random.Generator) -> Callable[[np.ndarray], Any]:
    def rows(pixels: np.ndarray) -> np.ndarray:
        bytes_ = np.ascontiguousarray(pixels.astype(np.uint8)).reshape(pixels.shape[0], -1)
        wide, step = bytes_.shape[1], pixels.shape[2]
        source = guarded(np.pad(bytes_, ((1, 0), (step, 0))))
        out = guarded(np.zeros((len(bytes_), wide + 1), np.uint8))
        kernels.png_filter_rows(source, out, len(bytes_), wide, step)
        return out

    return rows


WORK = (filter_work, filter_work, filter_work, pool_work, resize_work, transposed_work, layer_work,
        png_work)  # fmt: skip


def run_case(seed: int, folder: Path) -> str:
    rng = np.random.default_rng(seed)
    if rng.random() < 0.2:
        return graphs.run_case(seed, folder)
    work, pixels = some(rng, WORK)(rng), image(rng)
    plain, problem = None, ""
    try:
        plain = work(pixels)
    except ImgconvError as error:
        problem = str(error)
    with guard():
        try:
            found = work(guarded(pixels))
        except ImgconvError as error:
            assert str(error) == problem, error
            return "refused"
    assert not problem, problem
    np.testing.assert_array_equal(found, plain)
    return "run"


def prepare(seen: Counter[str]) -> cases.Case:
    call = Kernel.__call__

    def noted(self: Kernel, *arguments: Any) -> None:
        seen[f"{self.module}.{self.name}"] += 1
        call(self, *arguments)

    Kernel.__call__ = noted  # type: ignore[method-assign]
    graphs.with_guarded_room()
    np.seterr(all="ignore")

    def case(number: int, folder: Path) -> str:
        threads.use(1 + number % 3)
        return run_case(number, folder)

    return case


def report(seen: Counter[str]) -> str:
    every = {f"{one.module}.{one.name}" for one in kernels.every()}
    left = sorted(every - set(seen))
    calls = sum(seen[name] for name in every)
    return (
        f"{seen['run'] + seen['refused']} cases: {seen['run']} run, {seen['refused']} refused; "
        f"{calls} calls of {len(every) - len(left)} of {len(every)} kernels; "
        f"not called: {' '.join(left) or 'none'}"
    )


if __name__ == "__main__":
    sys.exit(cases.main(__doc__, prepare, report, batch=400, seconds=SECONDS))
