"""Correlation against exact sums, SciPy, OpenCV and the lecture's worked example."""

from __future__ import annotations

from fractions import Fraction

import cv2
import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from imgconv import threads
from imgconv.ops import fourier
from imgconv.ops.catalogue import FAMILIES, NAMED, gaussian
from imgconv.ops.correlation import correlate
from imgconv.ops.stencil import Stencil, stencil

SCIPY = {
    "reflect": "mirror", "symmetric": "reflect", "edge": "nearest", "wrap": "wrap",
    "constant": "constant",
}  # fmt: skip


def image(seed: int, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


sizes = st.integers(1, 25)
weights = st.integers(1, 7).flatmap(
    lambda columns: st.lists(
        st.lists(st.fractions(-40, 40, max_denominator=12), min_size=columns, max_size=columns),
        min_size=1,
        max_size=7,
    )
)


@given(
    weights, sizes, sizes, st.integers(1, 5), st.sampled_from([np.uint8, np.uint16]),
    st.sampled_from(naive.MODES), st.fractions(-3, 3, max_denominator=9),
    st.fractions(-300, 300, max_denominator=4), st.integers(0, 2**32),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_fractions_give_the_exact_sum_rounded_half_to_even(
    rows, height, width, channels, dtype, border, scale, bias, seed
):
    pixels = image(seed, (height, width, channels), dtype)
    expected = naive.correlate(pixels, rows, border) * scale + bias
    found = correlate(pixels, stencil(rows), border=border, scale=scale, bias=bias)
    if stencil(rows).numerators is None:  # denominators too large to count as simple
        return
    assert np.array_equal(found, naive.rounded(expected, dtype))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("rows", [["1 1 1"] * 3, ["0 0 0"] * 3, ["1 2 1"], ["0 -1 0", "-1 5 -1"]])
@pytest.mark.parametrize("bias", [0, 7])
def test_a_scale_of_0_leaves_the_bias(dtype, rows, bias):
    pixels = image(3, (12, 40, 3), dtype)
    weights = [[Fraction(n) for n in row.split()] for row in rows]
    found = correlate(pixels, stencil(weights), scale=Fraction(0), bias=Fraction(bias))
    assert (found == bias).all() and found.dtype == dtype


@pytest.mark.parametrize("divisor", [2, 6, 9, 10, 256, 4096, 65536])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_halves_are_rounded_to_even_whatever_the_divisor(divisor, dtype):
    top = np.iinfo(dtype).max
    pixels = np.arange(0, top + 1, max(1, top // 4000)).astype(dtype)[None, :, None]
    rows = [[Fraction(divisor // 2, divisor)]]
    found = correlate(pixels, stencil(rows))
    assert np.array_equal(found, naive.rounded(naive.correlate(pixels, rows, "edge"), dtype))


@pytest.mark.parametrize("name", list(NAMED))
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_named_stencil_is_exact(name, dtype):
    pixels = image(7, (11, 45, 3), dtype)
    for one in NAMED[name].stencils():
        rows = [[Fraction(int(n), one.denominator) for n in row] for row in one.numerators]
        expected = naive.rounded(naive.correlate(pixels, rows, "reflect"), dtype)
        assert np.array_equal(correlate(pixels, one), expected)


def test_the_lectures_worked_example():
    rows = ["1 1 1 0 0", "0 1 1 1 0", "0 0 1 1 1", "0 0 1 1 0", "0 1 1 0 0"]
    pixels = np.array([row.split() for row in rows], np.uint8)[..., None]
    (cross,) = NAMED["cross"].stencils()
    found = correlate(pixels, cross, border="constant")[1:-1, 1:-1, 0]
    assert found.tolist() == [[4, 3, 4], [2, 4, 3], [2, 3, 4]]


@given(
    st.integers(1, 30), st.integers(1, 30), sizes, sizes, st.sampled_from([1, 3]),
    st.sampled_from(naive.MODES), st.integers(0, 2**32),
)  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_floats_agree_with_scipy(K, L, height, width, channels, border, seed):
    rng = np.random.default_rng(seed)
    one = Stencil(rng.standard_normal((K, L)))
    pixels = image(seed, (height, width, channels), np.float32)
    around = ((K // 2, K - 1 - K // 2), (L // 2, L - 1 - L // 2))
    found = correlate(pixels, one, border=border)
    for c in range(channels):
        padded = np.pad(pixels[..., c].astype(np.float64), around, mode=border)
        whole = ndimage.correlate(padded, one.weights, mode="constant")
        inside = whole[K // 2 : K // 2 + height, L // 2 : L // 2 + width]
        largest = np.abs(one.weights).sum() * np.abs(pixels).max()
        assert np.abs(found[..., c] - inside).max() <= 1e-6 * largest


@pytest.mark.parametrize("border", naive.MODES)
def test_borders_mean_what_scipys_modes_mean(border):
    pixels = image(3, (9, 8, 1), np.float32)
    weights = np.random.default_rng(1).standard_normal((5, 3))
    found = correlate(pixels, Stencil(weights), border=border)[..., 0]
    expected = ndimage.correlate(pixels[..., 0].astype(float), weights, mode=SCIPY[border])
    assert np.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_3x3_agrees_with_opencv(dtype):
    pixels = image(5, (60, 71, 3), dtype)
    (sharpen,) = NAMED["sharpen"].stencils()
    expected = cv2.filter2D(pixels, -1, sharpen.weights, borderType=cv2.BORDER_REFLECT_101)
    found = correlate(pixels, sharpen)
    assert np.allclose(found, expected, rtol=0, atol=1e-5 if dtype == np.float32 else 0)


def share_off(found: np.ndarray, expected: np.ndarray) -> float:
    """The share of pixels that differ; none by more than one level."""
    difference = np.abs(found.astype(np.int64) - expected.astype(np.int64))
    assert difference.max() <= 1
    return float((difference > 0).mean())


@pytest.mark.parametrize(("dtype", "share"), [(np.uint8, 3e-3), (np.uint16, 1e-2)])
@pytest.mark.parametrize("sigma", [0.8, 2.0, 5.0])
def test_separable_gaussians_are_off_by_one_level_in_few_pixels(dtype, share, sigma):
    pixels = image(8, (200, 301, 3), dtype)
    one = gaussian(sigma)
    exact = np.stack(
        [
            ndimage.correlate(pixels[..., c].astype(np.float64), one.weights, mode="mirror")
            for c in range(3)
        ],
        axis=2,
    )
    assert share_off(correlate(pixels, one), np.rint(exact).astype(dtype)) <= share


DRAWINGS = {
    "dots": lambda rng, shape: rng.random(shape) < 0.1,
    "half": lambda rng, shape: rng.random(shape) < 0.5,
    "squares": lambda rng, shape: np.kron(rng.random((70, 110)) < 0.5, np.ones((3, 3))) > 0,
    "stripes": lambda rng, shape: np.tile(rng.random(shape[1]) < 0.3, (shape[0], 1)),
}


@pytest.mark.parametrize("sigma", [0.7, 1.0, 1.3, 2.0, 5.0, 8.0, 12.0])
@pytest.mark.parametrize("kind", DRAWINGS)
def test_gaussians_of_drawings_are_off_by_one_level_in_a_twentieth(kind, sigma):
    """In black and white the same sums come again and again: more of them lie beside a half."""
    pixels = np.uint8(255) * DRAWINGS[kind](np.random.default_rng(4), (210, 330)).astype(np.uint8)
    one = gaussian(sigma)
    column, row = one.weights.sum(1), one.weights.sum(0)
    lying = ndimage.correlate1d(pixels.astype(np.float64), column, 0, mode="mirror")
    exact = ndimage.correlate1d(lying, row, 1, mode="mirror")
    found = correlate(np.ascontiguousarray(pixels[..., None]), one)[..., 0]
    assert share_off(found, np.rint(exact).astype(np.uint8)) <= 0.05


@pytest.mark.parametrize(("dtype", "share"), [(np.uint8, 3e-3), (np.uint16, 1e-2)])
def test_real_weights_are_off_by_one_level_in_few_pixels(dtype, share):
    pixels = image(9, (200, 301, 1), dtype)
    values = np.random.default_rng(2).random((5, 5))
    one = Stencil(values / values.sum())
    exact = ndimage.correlate(pixels[..., 0].astype(np.float64), one.weights, mode="mirror")
    assert share_off(correlate(pixels, one)[..., 0], np.rint(exact).astype(dtype)) <= share


@pytest.mark.parametrize("border", naive.MODES)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_the_fourier_way_gives_what_the_direct_way_gives(border, dtype, monkeypatch):
    rng = np.random.default_rng(4)
    pixels = image(10, (70, 300, 2), dtype)
    one = stencil(rng.integers(-9, 10, (47, 45)))
    assert fourier.wins(one)
    fast = correlate(pixels, one, border=border, scale=Fraction(1, 500), bias=Fraction(1, 2))
    monkeypatch.setattr(fourier, "wins", lambda _: False)
    direct = correlate(pixels, one, border=border, scale=Fraction(1, 500), bias=Fraction(1, 2))
    if dtype == np.uint8:
        assert np.array_equal(fast, direct)  # integers come back exactly
    else:
        assert np.abs(fast - direct).max() <= 1e-6 * np.abs(direct).max() * 20


def test_a_stencil_larger_than_the_image_is_fine():
    pixels = image(11, (3, 2, 3), np.uint8)
    one = stencil(np.ones((11, 9), int))
    for border in naive.MODES:
        rows = [[Fraction(1)] * 9] * 11
        expected = naive.rounded(naive.correlate(pixels, rows, border) / 99, np.uint8)
        assert np.array_equal(
            correlate(pixels, one, border=border, scale=Fraction(1, 99)), expected
        )


@pytest.mark.parametrize("name", ["sharpen", "box", "unsharp"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_any_number_of_threads_gives_the_same_bits(name, dtype, monkeypatch):
    monkeypatch.setattr(threads, "WORTHWHILE", 1)
    pixels = image(12, (333, 65, 3), dtype)
    (one,) = NAMED[name].stencils()
    results = []
    for granted in (1, 2, 3, 7):
        threads.use(granted)
        results.append(correlate(pixels, one))
    threads.use(None)
    assert all(np.array_equal(results[0], other) for other in results)


@pytest.mark.parametrize("text", ["sharpen", "gaussian:2", "big"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_stay_within_the_stencils_reach(text, bad):
    one = {
        "sharpen": NAMED["sharpen"].stencils()[0],
        "gaussian:2": gaussian(2),
        "big": Stencil(np.random.default_rng(0).random((45, 47))),
    }[text]
    pixels = np.ones((120, 150, 1), np.float32)
    clean = correlate(pixels, one)
    pixels[60, 70] = bad
    found = correlate(pixels, one)[..., 0]
    K, L = one.shape
    near = np.zeros(found.shape, bool)
    near[60 - K // 2 : 61 + K // 2, 70 - L // 2 : 71 + L // 2] = True
    assert not np.isfinite(found[60, 70])
    assert np.allclose(found[~near], clean[..., 0][~near], rtol=1e-6)


def window_sums(pixels: np.ndarray, K: int, L: int, border: str) -> np.ndarray:
    """Sums of K x L pixels as differences of sums from the corner, in 64 bits."""
    around = ((K // 2, K - 1 - K // 2), (L // 2, L - 1 - L // 2), (0, 0))
    total = np.pad(np.pad(pixels.astype(np.int64), around, mode=border).cumsum(0).cumsum(1),
                   ((1, 0), (1, 0), (0, 0)))  # fmt: skip
    return total[K:, L:] - total[:-K, L:] - total[K:, :-L] + total[:-K, :-L]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
def test_boxes_of_any_size_are_exact(dtype, channels):
    pixels = image(16, (70, 211, channels), dtype)
    pixels[:20] = np.iinfo(dtype).max
    sizes = [(1, 3), (3, 3), (2, 4), (15, 17), (31, 31), (101, 7), (3, 300), (258, 1), (300, 300)]
    for (K, L), border in zip(sizes, naive.MODES * 2, strict=False):
        sums = window_sums(pixels, K, L, border)
        double = 2 * sums + K * L  # of the sum and a half, twice
        expected = double // (2 * K * L)
        expected -= (double % (2 * K * L) == 0) & (expected % 2 == 1)
        found = correlate(pixels, FAMILIES["box"].make([K, L]), border=border)
        assert np.array_equal(found, expected)


@pytest.mark.parametrize("size", [(3, 3), (31, 31), (101, 6)])
def test_boxes_of_floats_do_not_drift_and_keep_nan_in_reach(size):
    K, L = size
    pixels = image(17, (170, 180, 3), np.float32) + 1000
    pixels[40, 50, 1], pixels[120, 140, 1] = np.nan, 1e30
    found = correlate(pixels, FAMILIES["box"].make([K, L]))
    around = ((K // 2, K - 1 - K // 2), (L // 2, L - 1 - L // 2), (0, 0))
    padded = np.pad(pixels.astype(np.float64), around, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (K, L), (0, 1))
    near, large = np.isnan(found), np.abs(found) > 1e6
    assert np.array_equal(near, np.isnan(windows.sum((3, 4))))
    plain = ~near & ~large
    assert np.abs(found - windows.mean((3, 4)))[plain].max() <= 1e-6 * 1010


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize(
    ("sigma", "shape"), [(10, (90, 160, 3)), (47.3, (101, 90, 4)), (30, (40, 300, 1))]
)
def test_large_gaussians_are_near_the_exact_sum(sigma, shape, dtype):
    y, x = np.mgrid[: shape[0], : shape[1]]
    waves = np.sin(x / 30) * np.cos(y / 20) + (x > 50) * (y < 60)
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    values = (waves + 1)[..., None] / 3 + np.random.default_rng(18).random(shape) / 10 - 0.05
    pixels = (values.clip(0, 1) * top).astype(dtype)
    one = gaussian(sigma)
    (row,) = one.factors()[1].weights
    row, R = row / row.sum(), row.size // 2
    for border in naive.MODES:
        found = correlate(pixels, one, border=border)
        for c in range(shape[2]):
            plane = np.pad(pixels[..., c].astype(np.float64), R, mode=border)
            exact = ndimage.correlate1d(ndimage.correlate1d(plane, row, 0), row, 1)[R:-R, R:-R]
            if dtype == np.uint8:
                assert np.abs(found[..., c] - np.rint(exact)).max() <= 1
            else:
                assert np.abs(found[..., c] - exact).max() <= 2**-13 * top + 0.5 * (top > 1)


def test_a_large_gaussian_keeps_nan_within_its_reach():
    pixels = np.ones((120, 300, 1), np.float32)
    pixels[10, 20] = np.nan
    found = correlate(pixels, gaussian(12))
    assert np.isnan(found[10, 20]) and np.isnan(found[:59, :69]).all()
    assert np.allclose(found[59:], 1, rtol=1e-6) and np.allclose(found[:, 69:], 1, rtol=1e-6)


def test_absolute_drops_the_sign():
    pixels = image(13, (20, 30, 3), np.uint8)
    (edges,) = NAMED["sobel-x"].stencils()
    rows = [[Fraction(int(n)) for n in row] for row in edges.numerators]
    expected = naive.rounded(np.abs(naive.correlate(pixels, rows, "reflect")), np.uint8)
    assert np.array_equal(correlate(pixels, edges, absolute=True), expected)


def test_float_results_of_integers_keep_negatives():
    pixels = image(14, (20, 30, 1), np.uint16)
    (edges,) = NAMED["laplacian"].stencils()
    found = correlate(pixels, edges, result=np.dtype(np.float32))
    rows = [[Fraction(int(n)) for n in row] for row in edges.numerators]
    assert np.array_equal(found, naive.correlate(pixels, rows, "reflect").astype(np.float32))


def test_a_scale_of_zero_leaves_the_bias():
    pixels = image(15, (9, 9, 3), np.uint8)
    for one in (gaussian(1), Stencil(np.random.default_rng(0).random((3, 3)))):
        assert (correlate(pixels, one, scale=Fraction(0), bias=Fraction(7)) == 7).all()


def test_families_sum_to_one_or_to_zero():
    for name, numbers in [("gaussian", [1.3]), ("box", [4, 7]), ("motion", [9, 30]), ("log", [2])]:
        total = FAMILIES[name].make(numbers).weights.sum()
        assert total == pytest.approx(0 if name == "log" else 1, abs=1e-12)
