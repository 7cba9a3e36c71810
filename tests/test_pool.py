"""Pooling against PyTorch, NumPy and plain loops over windows in exact arithmetic."""

from __future__ import annotations

import math
import pickle
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgconv.errors import InputError, UsageError
from imgconv.ops.pool import METHODS, Pool

LECTURE = [[1, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]]
DTYPES = (np.uint8, np.uint16, np.float32)

sizes = st.tuples(st.integers(1, 6), st.integers(1, 6))
strides = st.tuples(st.integers(1, 7), st.integers(1, 7))
shapes = st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(1, 5))


@st.composite
def poolings(draw):
    size = draw(sizes)
    padding = tuple(draw(st.integers(0, k // 2)) for k in size)
    return {"size": size, "stride": draw(strides), "padding": padding, "ceil": draw(st.booleans())}


def image(seed: int, shape: tuple[int, ...], dtype: type = np.uint8) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.normal(0, 1, shape).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


def count(length, size, stride, padding, ceil):
    """PyTorch's pooling_output_shape."""
    exact = Fraction(length + 2 * padding - size, stride)
    n = (math.ceil(exact) if ceil else math.floor(exact)) + 1
    return n - (ceil and (n - 1) * stride >= length + padding)


def naive(method, pixels, size, stride, padding, ceil, norm=False):
    """Each window by the definition; integers by way of fractions, rounded half to even."""
    (H, W, C), (K, L), (S, T), (P, Q) = pixels.shape, size, stride, padding
    out = np.empty((count(H, K, S, P, ceil), count(W, L, T, Q, ceil), C), pixels.dtype)
    for i, j, c in np.ndindex(out.shape):
        y, x = i * S - P, j * T - Q
        window = pixels[max(y, 0) : y + K, max(x, 0) : x + L, c].ravel()
        area = (min(y + K, H + P) - y) * (min(x + L, W + Q) - x)
        out[i, j, c] = value_of(method, window, area, K * L if norm else 1)
    return out


def value_of(method, window, area, factor):
    if method in ("max", "min"):
        return getattr(window, method)()
    if window.dtype.kind == "f":
        wide = window.astype(np.float64)
        if method == "median":
            return np.median(wide)
        return wide.sum() / area if method == "average" else np.sqrt(
            factor * (wide**2).sum() / area)  # fmt: skip
    whole = sorted(map(int, window))
    if method == "median":
        n = len(whole)
        return round(Fraction(whole[(n - 1) // 2] + whole[n // 2], 2))
    if method == "average":
        return round(Fraction(sum(whole), area))
    square = Fraction(factor * sum(v * v for v in whole), area)
    return min(rounded_root(square), int(np.iinfo(window.dtype).max))


def rounded_root(square: Fraction) -> int:
    """The root rounded half to even, decided without rounding before."""
    low = math.isqrt(math.floor(square))
    half = Fraction(2 * low + 1, 2) ** 2
    return low + (square > half or (square == half and low % 2 == 1))


def test_the_example_of_the_lecture():
    pixels = np.array(LECTURE, np.uint8)[..., None]
    assert Pool("max")(pixels)[..., 0].tolist() == [[6, 8], [3, 4]]
    assert Pool("min")(pixels)[..., 0].tolist() == [[1, 2], [1, 0]]
    assert Pool("average")(pixels)[..., 0].tolist() == [[3, 5], [2, 2]]  # 3.25 5.25 2 2


@given(st.sampled_from(METHODS), poolings(), shapes, st.sampled_from(DTYPES), st.integers(0, 999))
@settings(max_examples=150, deadline=None)
def test_every_window_has_the_value_of_its_definition(method, options, shape, dtype, seed):
    pixels = image(seed, (min(shape[0], 20), min(shape[1], 20), shape[2]), dtype)
    windows = Pool(method, **options).windows(*pixels.shape[:2])
    try:
        windows.over(*pixels.shape[:2])
    except InputError:
        return
    expected = naive(method, pixels, **options)
    found = Pool(method, **options)(pixels)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    if dtype == np.float32:
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    else:
        assert np.array_equal(found, expected)


@given(poolings(), shapes, st.integers(0, 999), st.booleans())
@settings(max_examples=150, deadline=None)
def test_shapes_values_and_nan_agree_with_pytorch(options, shape, seed, missing):
    torch = pytest.importorskip("torch")
    pixels = image(seed, shape, np.float32)
    if missing:
        pixels[seed % shape[0], seed % shape[1]] = np.nan
    tensor = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    words = {"kernel_size": options["size"], "stride": options["stride"],
             "ceil_mode": options["ceil"]}  # fmt: skip
    function = torch.nn.functional
    checks = [
        ("max", lambda: function.max_pool2d(tensor, padding=options["padding"], **words), {}),
        ("average", lambda: function.avg_pool2d(tensor, padding=options["padding"], **words), {}),
        ("l2", lambda: function.lp_pool2d(tensor, 2, **words), {"norm": True, "padding": (0, 0)}),
    ]
    for method, reference, more in checks:
        work = Pool(method, **options | more)
        try:
            expected = reference()[0].permute(1, 2, 0).numpy()
        except RuntimeError:
            with pytest.raises(InputError, match="is larger than the image"):
                work(pixels)
            continue
        np.testing.assert_allclose(work(pixels), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", METHODS)
def test_global_pooling_takes_the_whole_image(method, dtype):
    pixels = image(3, (211, 173, 3), dtype)  # more pixels than sums of 32 bits would hold
    wide = pixels.reshape(-1, 3).astype(np.float64)
    expected = {
        "max": wide.max(0), "min": wide.min(0), "average": wide.mean(0),
        "l2": np.sqrt((wide**2).mean(0)), "median": np.median(wide, 0),
    }[method]  # fmt: skip
    found = Pool(method, None)(pixels)
    assert found.shape == (1, 1, 3) and found.dtype == dtype
    expected = expected if dtype == np.float32 else np.rint(expected)
    np.testing.assert_allclose(found[0, 0], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
def test_rows_longer_than_a_strip_have_no_seams(channels):
    pixels = image(channels, (7, 3001, channels))
    for options in ({}, {"size": (3, 3), "stride": (2, 2), "padding": (1, 1)},
                    {"size": (5, 2100), "stride": (2, 300)}):  # fmt: skip
        words = {"size": (2, 2), "stride": (2, 2), "padding": (0, 0), "ceil": False} | options
        for method in ("max", "average"):
            assert np.array_equal(Pool(method, **words)(pixels), naive(method, pixels, **words))


def test_the_root_sum_of_squares_is_cut_off_at_white():
    flat = np.full((2, 2, 1), 200, np.uint8)
    assert Pool("l2")(flat)[0, 0, 0] == 200
    assert Pool("l2", norm=True)(flat)[0, 0, 0] == 255
    assert Pool("l2", norm=True)(flat.astype(np.uint16))[0, 0, 0] == 400


def test_large_floats_are_pooled_without_overflow():
    large = np.full((2, 2, 1), 3e38, np.float32)
    for method in METHODS:
        assert Pool(method)(large)[0, 0, 0] == np.float32(3e38)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", METHODS)
def test_an_opaque_image_is_pooled_as_without_alpha(method, dtype):
    colour = np.abs(image(1, (9, 8, 3), dtype))
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    opaque = np.concatenate([colour, np.full((9, 8, 1), top, dtype)], axis=2)
    work = Pool(method, (3, 3), padding=(1, 1))
    found = work(opaque, "straight")
    assert np.array_equal(found[..., :3], work(colour))
    assert (found[..., 3] == top).all()


@pytest.mark.parametrize("hidden", [(0, 255, 0), (0, 0, 0)])
@pytest.mark.parametrize("method", METHODS)
def test_the_colour_of_transparent_pixels_does_not_show(method, hidden):
    pixels = np.empty((4, 4, 4), np.uint8)
    pixels[:] = (200, 40, 40, 255)
    pixels[::2, ::2] = (*hidden, 0)
    found = Pool(method)(pixels, "straight")
    assert (found[..., :3] == (200, 40, 40)).all()
    assert (found[..., 3] == {"max": 255, "min": 0, "median": 255}.get(method, 191)).all()
    pixels[..., 3] = 0
    found = Pool(method)(pixels, "straight")
    assert np.array_equal(found[..., :3], Pool(method)(np.ascontiguousarray(pixels[..., :3])))
    assert (found[..., 3] == 0).all()


def test_average_and_l2_are_weighted_by_coverage():
    pixels = image(5, (12, 14, 4))
    cover, colour = pixels[..., 3:] / 255, pixels[..., :3].astype(np.float64)

    def mean(values):
        return values.reshape(6, 2, 7, 2, -1).mean(axis=(1, 3))

    found = {name: Pool(name)(pixels, "straight") for name in ("average", "l2")}
    expected = mean(colour * cover) / mean(cover)
    assert np.abs(found["average"][..., :3] - expected).max() <= 0.501
    roots = np.sqrt(mean(colour**2 * cover) / mean(cover))
    assert np.abs(found["l2"][..., :3] - roots).max() <= 0.501
    for name in found:
        assert np.abs(found[name][..., 3:] - mean(cover) * 255).max() <= 0.501


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": (0, 2)}, "`size=(0, 2)`: must be 1 or more"),
        ({"stride": (0, 0)}, "`stride=(0, 0)`: must be 1 or more"),
        (
            {"size": (3, 3), "padding": (2, 1)},
            "`padding=(2, 1)` is more than half of the window, 3x3",
        ),
        ({"size": None, "stride": (2, 2)}, "`everything` takes the whole image"),
        ({"norm": True}, "`norm=True` is for `method='l2'`, not max"),
    ],
)
def test_numbers_that_do_not_fit_together_are_named(options, words):
    with pytest.raises(UsageError, match=re.escape(words)):
        Pool(**options)


def test_a_window_larger_than_the_image_is_refused_with_both_sizes():
    with pytest.raises(InputError, match=r"window of 9x9 .* image of 4x5 .* padded to 6x7"):
        Pool(size=(9, 9), padding=(1, 1))(np.zeros((4, 5, 1), np.uint8))


def test_a_pooling_can_be_sent_to_another_process():
    pixels = image(9, (10, 10, 3))
    assert np.array_equal(pickle.loads(pickle.dumps(Pool()))(pixels), Pool()(pixels))
