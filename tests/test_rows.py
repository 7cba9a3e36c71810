"""Bands of rows give what the whole image gives, to the bit."""

from __future__ import annotations

import gc
import weakref
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgconv import threads
from imgconv.errors import InputError
from imgconv.images import Info
from imgconv.ops.filter import Filter
from imgconv.ops.pool import Pool
from imgconv.ops.rank import Rank
from imgconv.ops.rows import Rows, rows_of
from imgconv.ops.upsample import Interpolation, Transposed
from imgconv.steps.nodata import rows_on, work_on
from imgconv.steps.values import operator, stencils

BORDERS = ("reflect", "symmetric", "edge", "wrap", "constant")
KERNELS = ("sharpen", "sobel", "gaussian:1.3", "box:5", "laplacian", "log:2", "median:3", "max:5")


def by_bands(rows: Rows, pixels: np.ndarray, cuts: list[int]) -> np.ndarray:
    """The result, each band from no more than the rows it says it needs."""
    height = len(pixels)
    while rows.look:
        look = rows.look()
        by_bands(look.rows, pixels, cuts)
        rows = look.then()
    marks = sorted({0, rows.shape[0], *(cut % rows.shape[0] for cut in cuts)})
    found = []
    for begin, end in pairwise(marks):
        top, bottom = rows.reads(begin, end)
        band = np.ascontiguousarray(pixels[np.arange(top, bottom) % height])
        found.append(rows.work(band, top, begin, end))
    return np.concatenate(found)


@st.composite
def images(draw: Any) -> np.ndarray:
    shape = draw(st.integers(12, 60)), draw(st.integers(12, 90)), draw(st.sampled_from((1, 3)))
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    dtype = draw(st.sampled_from((np.uint8, np.uint16, np.float32)))
    if dtype == np.float32:
        return rng.normal(0.5, 0.3, shape).astype(np.float32)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def works() -> st.SearchStrategy[Any]:
    pairs = st.tuples(st.integers(1, 5), st.integers(1, 5))
    filters = st.builds(
        lambda names, border, range, luma: Filter(
            tuple(operator(name) for name in names), border, range, Fraction(1, 2), Fraction(3),
            luma,
        ),
        st.lists(st.sampled_from(KERNELS), min_size=1, max_size=3), st.sampled_from(BORDERS),
        st.sampled_from(("clip", "abs", "float")), st.booleans(),
    )  # fmt: skip
    pools = st.builds(
        lambda method, size, stride, pad, ceil: Pool(
            method, size, stride, (min(pad, size[0] // 2), min(pad, size[1] // 2)), ceil
        ),
        st.sampled_from(("max", "average", "l2", "min", "median")), pairs,
        st.none() | pairs, st.integers(0, 2), st.booleans(),
    )  # fmt: skip
    factors = st.fractions(1, 4, max_denominator=5)
    larger = st.builds(
        lambda method, f, g: Interpolation(method, (f, g)),
        st.sampled_from(("nearest", "bilinear", "bicubic")), factors, factors,
    )  # fmt: skip
    spread = st.builds(
        lambda name, stride, pad: Transposed(stencils(name)[0], stride, pad),
        st.sampled_from(("gaussian:1", "box:4", "sharpen")), pairs,
        st.tuples(st.integers(0, 1), st.integers(0, 1)),
    )  # fmt: skip
    return filters | pools | larger | spread


@settings(max_examples=120, deadline=None)
@given(images(), works(), st.lists(st.integers(0, 1000), max_size=4))
def test_bands_equal_the_whole(pixels: np.ndarray, work: Any, cuts: list[int]) -> None:
    try:
        whole = work(pixels)
    except InputError:  # a window larger than the image
        return
    rows = rows_of(work, pixels.shape, pixels.dtype)
    if rows is None:
        return
    assert (rows.shape, rows.dtype) == (whole.shape, whole.dtype)
    np.testing.assert_array_equal(by_bands(rows, pixels, cuts), whole)


@settings(max_examples=30, deadline=None)
@given(images(), works(), st.lists(st.integers(0, 1000), max_size=3), st.booleans())
def test_bands_of_what_has_alpha_or_is_light_equal_the_whole(
    colours: np.ndarray, work: Any, cuts: list[int], linear: bool
) -> None:
    rng = np.random.default_rng(5)
    top = 1 if colours.dtype == np.float32 else np.iinfo(colours.dtype).max
    for first in (0, top):  # some is hidden, and from there on everything is covered
        pixels = np.concatenate([colours, np.full_like(colours[..., :1], top)], axis=2)
        some = pixels[5:9, ..., -1]
        some[:] = rng.choice(np.array([first, top]), some.shape)
        info = Info("png", pixels.dtype, *pixels.shape, alpha="straight")
        floats = isinstance(work, Filter) and work.range == "float"
        linear = linear and not (isinstance(work, Filter) and work.luma)
        try:
            whole = work_on(work, pixels, info, linear, floats).pixels
        except InputError:
            return
        rows = rows_on(work, info, linear, floats)
        if rows is None:
            return
        rows = rows if first else rows.covered or rows
        assert (rows.shape, rows.dtype) == (whole.shape, whole.dtype)
        np.testing.assert_array_equal(by_bands(rows, pixels, cuts), whole)


@pytest.mark.parametrize("border", BORDERS)
def test_bands_of_a_very_soft_image_equal_the_whole(border: str) -> None:
    rng = np.random.default_rng(3)
    for shape, dtype in (((700, 300, 1), np.uint8), ((611, 280, 3), np.uint16)):
        pixels = rng.integers(0, np.iinfo(dtype).max, shape, dtype)
        for names in (("gaussian:10.7",), ("gaussian:13", "sharpen")):
            work = Filter(tuple(map(operator, names)), border)
            rows = rows_of(work, pixels.shape, pixels.dtype)
            assert (rows is None) == (border == "wrap" and len(names) > 1)
            if rows:
                np.testing.assert_array_equal(by_bands(rows, pixels, [64, 301]), work(pixels))


@pytest.mark.parametrize("name", ["gaussian:3", "gaussian:9", "sharpen", "log:3"])
def test_bands_of_a_larger_image_equal_the_whole(name: str) -> None:
    rng = np.random.default_rng(3)
    for pixels in (
        rng.integers(0, 256, (300, 700, 1), np.uint8),
        rng.normal(size=(300, 400, 1)).astype(np.float32),
    ):
        work = Filter((operator(name),))
        rows = rows_of(work, pixels.shape, pixels.dtype)
        assert rows is not None
        np.testing.assert_array_equal(by_bands(rows, pixels, [64, 129, 200]), work(pixels))


WIDE = np.random.default_rng(0).normal(size=(45, 45))
CHAINS = {
    "box:31": (operator("box:31"),),
    "box:5, sharpen": (operator("box:5"), operator("sharpen")),
    "sharpen, box:301": (operator("sharpen"), operator("box:301")),
    "box:7, max, box:9": (operator("box:7"), Rank("max", (3, 3)), operator("box:9")),
    "gaussian:12, box:5": (operator("gaussian:12"), operator("box:5")),
    "sharpen, gaussian:12": (operator("sharpen"), operator("gaussian:12")),
    "FFT": (tuple(stencils(WIDE)),),
    "sharpen, FFT": (operator("sharpen"), tuple(stencils(WIDE))),
}


@pytest.mark.parametrize("border", ["reflect", "constant", "wrap"])
@pytest.mark.parametrize("name", CHAINS)
def test_what_is_begun_anew_at_rows_of_the_plane(name: str, border: str) -> None:
    """Sums down the columns and tiles of FFTs, of floats too, finite or not."""
    rng = np.random.default_rng(3)
    real = rng.normal(size=(900, 310, 1)).astype(np.float32)
    broken = real.copy()
    broken[433, 100] = np.inf
    for pixels in (rng.integers(0, 65536, (900, 310, 1), np.uint16), real, broken):
        work = Filter(CHAINS[name], border)
        rows = rows_of(work, pixels.shape, pixels.dtype)
        if border == "wrap" and (rows is None or len(work.operators) > 1):
            continue
        assert rows is not None
        found = by_bands(rows, pixels, [64, 256, 301, 700])
        np.testing.assert_array_equal(found, work(pixels))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize(
    "name",
    ["box:9", "gaussian:2", "gaussian:12", "sharpen", "median:3", "median:9", "max:5", "FFT"],
)
def test_no_image_outlives_its_filter(name: str, dtype: Any) -> None:
    """Even while cycles are not looked for, as in the command."""
    pixels = np.random.default_rng(0).integers(0, 255, (300, 310, 1)).astype(dtype)
    work = Filter(CHAINS["FFT"] if name == "FFT" else (operator(name),))
    work(pixels.copy())  # the first call compiles
    gone = weakref.ref(pixels)
    gc.disable()
    try:
        work(pixels)
        del pixels
        assert gone() is None
    finally:
        gc.enable()


def test_float_sums_do_not_depend_on_threads() -> None:
    pixels = np.random.default_rng(3).normal(size=(3000, 120, 3)).astype(np.float32)
    before, found = threads.chosen_count(), []
    try:
        for count in (1, 2, 5):
            threads.use(count)
            found.append(Filter((operator("box:31"),))(pixels))
    finally:
        threads.use(before)
    assert all((one == found[0]).all() for one in found)


def test_what_needs_the_whole_image_says_so() -> None:
    shape, eight = (40, 40, 1), np.dtype(np.uint8)
    assert rows_of(Filter((operator("sharpen"),), range="rescale"), shape, eight) is None
    wraps = Filter((operator("gaussian:20"), operator("sharpen")), border="wrap")
    assert rows_of(wraps, (400, 400, 1), eight) is None
    assert rows_of(Pool(size=None), shape, eight) is None
    assert rows_of(Filter((Rank("median", (91, 3)),), border="wrap"), shape, eight) is None
    assert rows_of("something else", shape, eight) is None
