"""Upsampling against PyTorch, OpenCV and exact arithmetic."""

from __future__ import annotations

import pickle
from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from imgconv.errors import InputError, UsageError
from imgconv.ops.interpolation import interpolate
from imgconv.ops.stencil import Stencil, stencil
from imgconv.ops.transposed import correlate_transposed
from imgconv.ops.upsample import INTERPOLATIONS, Interpolation, Transposed

DTYPES = (np.uint8, np.uint16, np.float32)
TWO = (Fraction(2), Fraction(2))

factor = st.one_of(
    st.integers(1, 5).map(Fraction), st.integers(4, 16).map(lambda n: Fraction(n, 4))
)
shapes = st.tuples(st.integers(1, 25), st.integers(1, 25), st.integers(1, 5))
pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))


def image(seed: int, shape: tuple[int, ...], dtype: type = np.uint8) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.normal(0, 1, shape).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


def fitted(values: np.ndarray, dtype: type) -> np.ndarray:
    if dtype == np.float32:
        return values
    return np.rint(values).clip(0, np.iinfo(dtype).max)


def channels_first(torch, pixels):
    return torch.from_numpy(pixels.astype(np.float64)).permute(2, 0, 1)[None]


def exactly(pixels: np.ndarray, method: str, factors) -> np.ndarray:
    """Every output pixel as the sum of fractions that defines it, rounded half to even."""

    def weights(length, scale):
        rows = []
        for j in range(int(length * scale)):
            place = Fraction(2 * j + 1, 2) / scale - Fraction(1, 2)
            low = place.numerator // place.denominator
            t, row = place - low, [Fraction(0)] * length
            for v, w in zip(range(-1, 3), taps(method, t), strict=True):
                row[min(max(low + v, 0), length - 1)] += w
            rows.append(row)
        return np.array(rows, object)

    down, across = (weights(n, f) for n, f in zip(pixels.shape, factors, strict=False))
    whole = np.vectorize(int, otypes=[object])(pixels)
    sums = np.einsum("iy,yxc->ixc", down, whole, optimize=False)
    sums = np.einsum("jx,ixc->ijc", across, sums, optimize=False)
    top = int(np.iinfo(pixels.dtype).max)
    return np.vectorize(lambda v: min(max(round(v), 0), top), otypes=[np.int64])(sums)


def taps(method, t):
    if method == "bilinear":
        return 0, 1 - t, t, 0
    a = Fraction(-3, 4)

    def near(x):
        return (a + 2) * x**3 - (a + 3) * x**2 + 1

    def far(x):
        return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a

    return far(1 + t), near(t), near(1 - t), far(2 - t)


def test_the_example_of_the_lecture():
    pixels = np.array([[1, 2], [3, 4]], np.uint8)[..., None]
    expected = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    assert Interpolation("nearest")(pixels)[..., 0].tolist() == expected


@pytest.mark.parametrize("dtype", DTYPES)
def test_ones_under_a_transposed_stencil_of_ones_are_the_pyramid_of_the_lecture(dtype):
    ones = np.ones((3, 3, 1), dtype)
    found = Transposed(stencil(np.ones((4, 4))), stride=(1, 1))(ones)[..., 0]
    assert found.tolist() == [
        [1, 2, 3, 3, 2, 1], [2, 4, 6, 6, 4, 2], [3, 6, 9, 9, 6, 3],
        [3, 6, 9, 9, 6, 3], [2, 4, 6, 6, 4, 2], [1, 2, 3, 3, 2, 1],
    ]  # fmt: skip


@given(st.sampled_from(INTERPOLATIONS), factor, factor, shapes, st.sampled_from(DTYPES),
       st.integers(0, 999))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_shapes_and_values_agree_with_pytorch(method, down, across, shape, dtype, seed):
    torch = pytest.importorskip("torch")
    pixels = image(seed, shape, dtype)
    found = interpolate(pixels, method, (down, across))
    for before, after, scale in zip(shape, found.shape, (down, across), strict=False):
        assert after == int(before * scale)
        assume(scale == 1 or after > before)  # PyTorch copies an axis that keeps its length
    mode = "nearest-exact" if method == "nearest" else method
    more = {} if method == "nearest" else {"align_corners": False}
    expected = torch.nn.functional.interpolate(
        channels_first(torch, pixels), scale_factor=(float(down), float(across)), mode=mode, **more
    )[0].permute(1, 2, 0).numpy()  # fmt: skip
    assert found.shape == expected.shape and found.dtype == dtype
    if method == "nearest":
        assert np.array_equal(found, expected.astype(dtype))
    else:  # PyTorch's weights are rounded, so that it misses some halves
        difference = np.abs(found - fitted(expected, dtype)).max(initial=0)
        assert difference <= (1e-5 if dtype == np.float32 else 1)


@given(st.sampled_from(["bilinear", "bicubic"]), factor, factor, st.integers(0, 999),
       st.sampled_from([np.uint8, np.uint16]))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_integers_are_rounded_once_half_to_even(method, down, across, seed, dtype):
    pixels = image(seed, (5, 6, 1 + seed % 4), dtype)
    found = interpolate(pixels, method, (down, across))
    assert np.array_equal(found, exactly(pixels, method, (down, across)))


@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
@pytest.mark.parametrize("scale", [2, 4])
def test_extreme_contrasts_do_not_overflow_the_integers_of_the_fast_paths(method, scale):
    pixels = image(1, (9, 11, 1)) // 128 * 255
    pixels[2:6, 2:6, 0] = np.where(np.add.outer(*[np.arange(4) % 3 > 0] * 2) == 1, 0, 255)
    factors = (Fraction(scale), Fraction(scale))
    found = interpolate(pixels, method, factors)
    assert np.array_equal(found, exactly(pixels, method, factors))


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_rows_longer_than_a_strip_have_no_seams(channels, scale):
    pixels = image(channels, (3, 30011, channels))
    factors = (Fraction(scale), Fraction(scale))
    for method in INTERPOLATIONS:
        whole = interpolate(pixels, method, factors)
        middle = interpolate(np.ascontiguousarray(pixels[:, 14000:16000]), method, factors)
        assert np.array_equal(
            whole[:, 14002 * scale : 15998 * scale], middle[:, 2 * scale : -2 * scale]
        )
        ends = interpolate(np.ascontiguousarray(pixels[:, -200:]), method, factors)
        assert np.array_equal(whole[:, -198 * scale :], ends[:, 2 * scale :])


def test_it_looks_like_opencv():
    pixels = image(1, (40, 50, 3))
    for method, flag in (("nearest", cv2.INTER_NEAREST), ("bilinear", cv2.INTER_LINEAR),
                         ("bicubic", cv2.INTER_CUBIC)):  # fmt: skip
        found = interpolate(pixels, method, TWO).astype(int)
        assert np.abs(found - cv2.resize(pixels, None, fx=2, fy=2, interpolation=flag)).max() <= 1


def test_a_factor_of_one_changes_nothing_and_nan_stays_near():
    one = (Fraction(1), Fraction(1))
    for dtype in DTYPES:
        pixels = image(2, (7, 9, 3), dtype)
        for method in INTERPOLATIONS:
            assert np.array_equal(interpolate(pixels, method, one), pixels)
    pixels = np.zeros((9, 9, 1), np.float32)
    pixels[4, 4] = np.nan
    for method, wide in (("nearest", 2), ("bilinear", 4), ("bicubic", 8)):
        assert np.isnan(interpolate(pixels, method, TWO)).sum() == wide**2


@st.composite
def transpositions(draw):
    size = draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    weights = draw(st.lists(st.integers(-3, 9), min_size=size[0] * size[1],
                            max_size=size[0] * size[1]))  # fmt: skip
    padding = tuple(draw(st.integers(0, k + 1)) for k in size)
    return np.array(weights).reshape(size), draw(pairs), padding


@given(transpositions(), shapes, st.sampled_from(DTYPES), st.integers(0, 999))
@settings(max_examples=150, deadline=None)
def test_transposed_convolution_agrees_with_pytorch(options, shape, dtype, seed):
    torch = pytest.importorskip("torch")
    weights, stride, padding = options
    pixels = image(seed, shape, dtype)
    axes = zip(shape, stride, weights.shape, padding, strict=False)
    sizes = [(n - 1) * s + k - 2 * p for n, s, k, p in axes]
    if min(sizes) < 1:
        with pytest.raises(InputError, match="nothing is left"):
            correlate_transposed(pixels, stencil(weights), stride, padding)
        return
    bank = torch.from_numpy(np.repeat(weights[None, None].astype(float), shape[2], 0))
    expected = torch.nn.functional.conv_transpose2d(
        channels_first(torch, pixels), bank, stride=stride, padding=padding, groups=shape[2]
    )[0].permute(1, 2, 0).numpy()  # fmt: skip
    found = correlate_transposed(pixels, stencil(weights), stride, padding, Fraction(1, 3))
    assert found.shape == expected.shape and found.dtype == dtype
    if dtype == np.float32:
        np.testing.assert_allclose(found, expected / 3, atol=1e-4)
    else:
        assert np.array_equal(found, fitted(expected / 3, dtype))


def test_transposed_rows_longer_than_a_strip_have_no_seams():
    weights = np.random.default_rng(0).random((5, 4))
    for channels in (1, 3):
        pixels = image(channels, (4, 9001, channels), np.float32)
        found = correlate_transposed(pixels, Stencil(weights), (2, 3))
        expected = np.zeros((11, 9000 * 3 + 4, channels))
        for u in range(5):
            for v in range(4):
                expected[u : u + 7 : 2, v : v + 27001 : 3] += weights[u, v] * pixels
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "work",
    [*(Interpolation(m) for m in INTERPOLATIONS), Transposed(stencil([[1, 2, 1], [2, 4, 2]]))],
)
def test_an_opaque_image_is_enlarged_as_without_alpha(work, dtype):
    colour = np.abs(image(1, (9, 8, 3), dtype))
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    opaque = np.concatenate([colour, np.full((9, 8, 1), top, dtype)], axis=2)
    found = work(opaque, "straight")
    assert np.array_equal(found[..., :3], work(colour))
    assert (found[..., 3] == top).all()


@pytest.mark.parametrize(
    "work",
    [*(Interpolation(m) for m in INTERPOLATIONS), Transposed(stencil(np.ones((2, 2))), (2, 2))],
)
def test_the_colour_of_transparent_pixels_does_not_show(work):
    pixels = np.empty((8, 8, 4), np.uint8)
    pixels[:] = (200, 40, 40, 255)
    pixels[:, 4:] = (0, 255, 0, 0)
    found = work(pixels, "straight")
    seen = found[..., 3] > 0
    assert seen.any() and not seen.all()
    assert (found[seen][:, :3] == (200, 40, 40)).all()
    assert (found[~seen][:, :3] == (0, 255, 0)).mean() > 0.8


def test_what_does_not_fit_together_is_named():
    with pytest.raises(UsageError, match=r"`scale=0.5`: must be 1 or more"):
        Interpolation("nearest", (Fraction(1, 2), Fraction(1)))
    with pytest.raises(UsageError, match=r"`stride=\(0, 1\)`: must be 1 or more"):
        Transposed(stencil([[1]]), stride=(0, 1))
    with pytest.raises(InputError, match=r"image of 1x1 .* stencil of 2x2 .* is 0x0"):
        Transposed(stencil(np.ones((2, 2))), padding=(1, 1))(np.zeros((1, 1, 1), np.uint8))


def test_an_upsampling_can_be_sent_to_another_process():
    pixels = image(9, (10, 10, 3))
    for work in (Interpolation("bicubic"), Transposed(stencil([[1, 2], [3, 4]]))):
        assert np.array_equal(pickle.loads(pickle.dumps(work))(pixels), work(pixels))
