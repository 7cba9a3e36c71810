"""Chains, ranges, brightness and alpha, against plain NumPy and SciPy."""

from __future__ import annotations

import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from imgconv.errors import UsageError
from imgconv.ops.filter import RANGES, Filter
from imgconv.ops.kernel_text import parse, parse_operator
from imgconv.ops.rank import Rank


def chain(*texts: str, **options) -> Filter:
    return Filter(tuple(parse(text) for text in texts), **options)


def image(seed: int, shape: tuple[int, ...], dtype: type = np.uint8) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.random(shape, dtype)
    return rng.integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


def correlated(pixels: np.ndarray, text: str) -> np.ndarray:
    """SciPy's float64 result, channel by channel."""
    (one,) = parse(text)
    planes = [
        ndimage.correlate(pixels[..., c].astype(np.float64), one.weights, mode="mirror")
        for c in range(pixels.shape[2])
    ]
    return np.stack(planes, axis=2)


def test_identity_changes_nothing():
    for dtype in (np.uint8, np.uint16, np.float32):
        for channels in (1, 2, 3, 4, 5):
            pixels = image(channels, (31, 17, channels), dtype)
            assert np.array_equal(chain("identity")(pixels), pixels)
            alpha = "straight" if channels in (2, 4) else "none"
            assert np.array_equal(chain("identity")(pixels, alpha), pixels)


def test_a_chain_is_rounded_once_and_keeps_what_exceeds_the_type_between():
    pixels = image(1, (40, 50, 3))
    between = correlated(pixels, "laplacian")  # negatives that 8 bits could not hold
    expected = np.rint(correlated(between, "box:5")).clip(0, 255)
    found = chain("laplacian", "box:5")(pixels)
    assert np.abs(found - expected).max() <= 1
    assert (found != expected).mean() < 1e-3


def test_flip_is_true_convolution():
    pixels = image(2, (20, 30, 1))
    (one,) = parse("1 2 3; 0 0 0; 0 0 -4")
    expected = ndimage.convolve(pixels[..., 0].astype(int), one.numerators, mode="mirror")
    found = chain("1 2 3; 0 0 0; 0 0 -4", flip=True, range="float")(pixels)[..., 0]
    assert np.array_equal(found, expected)


def test_ranges_treat_negatives_as_the_help_says():
    pixels = image(3, (30, 40, 1))
    values = correlated(pixels, "laplacian")
    results = {name: chain("laplacian", range=name)(pixels) for name in RANGES}
    assert np.array_equal(results["clip"], values.clip(0, 255))
    assert np.array_equal(results["abs"], np.abs(values).clip(0, 255))
    assert np.array_equal(results["float"], values)
    assert results["float"].dtype == np.float32
    spread = (values - values.min()) / (values.max() - values.min()) * 255
    assert np.abs(results["rescale"] - spread).max() <= 0.5001


def test_rescaling_a_flat_result_does_not_divide_by_zero():
    flat = np.full((5, 5, 1), 7, np.uint8)
    assert (chain("laplacian", range="rescale")(flat) == 0).all()


def test_scale_and_bias_are_exact():
    pixels = image(4, (20, 20, 3))
    found = chain("sobel-x", scale=Fraction(1, 8), bias=Fraction(255, 2))(pixels)
    values = correlated(pixels, "sobel-x") / 8 + 127.5
    assert np.array_equal(found, np.rint(values).clip(0, 255))


def test_a_gradient_is_the_length_of_its_two_directions():
    pixels = image(5, (25, 35, 3), np.uint16)
    x, y = correlated(pixels, "sobel-x"), correlated(pixels, "sobel-y")
    expected = np.rint(np.hypot(x, y)).clip(0, 65535)
    assert np.abs(chain("sobel")(pixels) - expected).max() <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_luma_changes_brightness_and_leaves_differences_of_channels(dtype):
    top = 1.0 if dtype == np.float32 else np.iinfo(dtype).max
    pixels = (image(6, (30, 40, 3), dtype) / 4 + top / 3).astype(dtype)
    found = chain("sharpen", luma=True, scale=Fraction(9, 10))(pixels).astype(np.float64)
    inside = ((found > 0) & (found < top)).all(axis=2)
    assert inside.mean() > 0.5
    before = pixels.astype(np.float64)
    for a, b in ((0, 1), (1, 2)):
        change = (found[..., a] - found[..., b]) - (before[..., a] - before[..., b])
        assert np.abs(change[inside]).max() <= (1e-6 if dtype == np.float32 else 1)
    luma = before @ [0.299, 0.587, 0.114]
    (one,) = parse("sharpen")
    wanted = 0.9 * ndimage.correlate(luma, one.weights, mode="mirror")
    got = found @ [0.299, 0.587, 0.114]
    assert np.abs(got - wanted)[inside].max() <= (1e-5 if dtype == np.float32 else 1)


kernels = st.sampled_from(["sharpen", "box", "gaussian:1.5", "laplacian", "sobel", "1 2; 3 4"])


@given(kernels, st.sampled_from(RANGES), st.sampled_from([np.uint8, np.uint16, np.float32]),
       st.sampled_from(["reflect", "constant"]), st.booleans(), st.integers(0, 99))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_a_fully_opaque_image_gives_exactly_the_result_without_alpha(
    text, range, dtype, border, luma, seed
):
    colour = image(seed, (12, 13, 3), dtype)
    top = 1.0 if dtype == np.float32 else np.iinfo(dtype).max
    opaque = np.concatenate([colour, np.full((12, 13, 1), top, dtype)], axis=2)
    work = chain(text, range=range, border=border, luma=luma)
    found = work(opaque, "straight")
    assert np.array_equal(found[..., :3], work(colour))
    assert (found[..., 3] == top).all()


def test_a_blur_never_lets_the_colour_of_transparent_pixels_bleed():
    pixels = np.zeros((20, 20, 4), np.uint8)
    pixels[:, :10] = (200, 40, 40, 255)
    pixels[:, 10:] = (0, 255, 0, 0)  # green that must not be seen
    found = chain("gaussian:2")(pixels, "straight")
    seen = found[..., 3] > 0
    assert np.abs(found[seen][:, :3].astype(int) - (200, 40, 40)).max() <= 1
    assert 0 < found[10, 11, 3] < found[10, 8, 3] < 255
    hidden = found[..., 3] == 0
    assert hidden.any() and (found[hidden][:, :3] == (0, 255, 0)).all()


def test_a_blur_is_the_coverage_weighted_mean():
    pixels = image(7, (16, 18, 4))
    cover = pixels[..., 3:] / 255
    (one,) = parse("gaussian")

    def blur(values: np.ndarray) -> np.ndarray:
        return ndimage.correlate(values, one.weights[..., None], mode="mirror")

    colour = blur(pixels[..., :3] * cover) / blur(cover)
    found = chain("gaussian")(pixels, "straight")
    assert np.abs(found[..., :3] - colour).max() <= 0.51
    assert np.abs(found[..., 3:] - blur(cover) * 255).max() <= 0.51


def test_other_stencils_leave_alpha_and_hidden_colour_alone():
    pixels = image(8, (16, 18, 4))
    pixels[4:9, 4:9, 3] = 0
    found = chain("sharpen")(pixels, "straight")
    assert np.array_equal(found[..., 3], pixels[..., 3])
    assert np.array_equal(found[4:9, 4:9], pixels[4:9, 4:9])
    visible = pixels[..., 3] > 0
    expected = chain("sharpen")(np.ascontiguousarray(pixels[..., :3]))
    assert np.array_equal(found[visible][:, :3], expected[visible])


def test_a_filter_can_be_sent_to_another_process():
    work = pickle.loads(pickle.dumps(chain("sharpen", "gaussian:2")))
    pixels = image(9, (10, 10, 3))
    assert np.array_equal(work(pixels), chain("sharpen", "gaussian:2")(pixels))


RANK_FILTERS = {
    "median": ndimage.median_filter, "max": ndimage.maximum_filter, "min": ndimage.minimum_filter,
}  # fmt: skip
MODES = {"reflect": "mirror", "symmetric": "reflect", "edge": "nearest", "wrap": "wrap"}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("name", RANK_FILTERS)
def test_median_max_and_min_agree_with_scipy(name, dtype):
    for seed, shape in enumerate(((40, 300, 3), (70, 31, 1), (9, 5, 2), (30, 130, 4))):
        pixels = image(seed, shape, dtype)
        for text in ("3", "5", "1x7", "31x4" if name != "median" else "9x5"):
            for border, mode in MODES.items():
                size = [int(n) for n in text.split("x")]
                found = Filter((parse_operator(f"{name}:{text}"),), border)(pixels)
                for c in range(shape[2]):
                    expected = RANK_FILTERS[name](pixels[..., c], (size[0], size[-1]), mode=mode)
                    assert np.array_equal(found[..., c], expected)


@pytest.mark.parametrize("size", [(31, 40), (1, 600), (270, 250), (7, 9)])
def test_medians_of_large_windows_over_several_strips(size):
    pixels = image(12, (300, 610, 1))
    found = Filter((Rank("median", size),), "edge")(pixels)
    ends = [(k // 2, k - 1 - k // 2) for k in size]
    wide = np.pad(pixels[..., 0], ends, mode="edge")
    for y, x in ((0, 0), (150, 300), (299, 609), (17, 601), (200, 0)):
        window = wide[y : y + size[0], x : x + size[1]]
        assert found[y, x, 0] == np.rint(np.median(window))


@pytest.mark.parametrize("size", [3, 5])
def test_nan_makes_its_own_windows_nan_and_infinity_is_the_largest(size):
    pixels = image(8, (60, 300, 3), np.float32)
    pixels[30, 100, 1] = pixels[50, 297, 2] = np.nan
    pixels[3, 10, 0], pixels[12, 200, 2] = np.inf, -np.inf
    found = Filter((parse_operator(f"median:{size}"),))(pixels)
    for c in range(3):
        lost = ndimage.maximum_filter(np.isnan(pixels[..., c]), size, mode="mirror")
        expected = ndimage.median_filter(np.nan_to_num(pixels[..., c]), size, mode="mirror")
        assert np.array_equal(np.isnan(found[..., c]), lost)
        assert np.array_equal(found[..., c][~lost], expected[~lost])


def test_the_median_of_an_even_number_is_the_mean_of_two_rounded_half_to_even():
    pixels = image(9, (40, 60, 3))
    found = Filter((parse_operator("median:8x6"),), "edge")(pixels)
    wide = np.pad(pixels, ((4, 3), (3, 2), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(wide, (8, 6), (0, 1))
    assert np.array_equal(found, np.rint(np.median(windows, axis=(-1, -2))))


@pytest.mark.parametrize("text", ["31", "3x31", "40x1", "5x6"])
def test_what_is_huge_or_not_finite_stays_within_its_box(text):
    pixels = image(10, (130, 300, 3), np.float32) / np.float32(255)
    clean = Filter((parse_operator(f"box:{text}"),))(pixels)
    pixels[50, 60, 1], pixels[80, 200, 2], pixels[60, 90, 0] = np.nan, np.inf, 1e30
    found = Filter((parse_operator(f"box:{text}"),))(pixels)
    apart = found == clean
    height, width = (int(n) for n in (text.split("x") * 2)[:2])
    near = np.abs(found - clean) <= 1e-6
    assert (~near).sum() == 3 * height * width and apart.mean() > 0.5


def test_beyond_a_constant_border_of_a_rank_lies_black():
    pixels = image(6, (40, 130, 2)).clip(1)
    for name, rank in RANK_FILTERS.items():
        found = Filter((parse_operator(f"{name}:3"),), "constant")(pixels)[..., 0]
        assert np.array_equal(found, rank(pixels[..., 0], 3, mode="constant"))


def test_ranks_join_chains_ranges_and_scales():
    pixels = image(7, (40, 130, 3))
    median = np.stack(
        [ndimage.median_filter(pixels[..., c], 3, mode="mirror") for c in range(3)], 2
    )
    chained = Filter((parse_operator("median:3"), parse("laplacian")), range="float")(pixels)
    assert np.array_equal(chained, correlated(median, "laplacian"))
    halved = Filter((parse_operator("median:3"),), scale=Fraction(1, 2), bias=Fraction(7))(pixels)
    assert np.array_equal(halved, np.rint(median / 2 + 7))
    kept = Filter((parse_operator("median:3"),), range="float")(pixels)
    assert kept.dtype == np.float32 and np.array_equal(kept, median)


@pytest.mark.parametrize("text", ["median", "max:", "min:0", "median:3x", "max:2x3x4", "min:1.5"])
def test_a_rank_without_a_size_says_what_to_type(text):
    with pytest.raises(UsageError, match=r":3"):
        parse_operator(text)


def test_rescaling_counts_what_is_finite():
    pixels = np.linspace(100, 200, 35, dtype=np.float32).reshape(5, 7, 1)
    pixels[2, 3] = np.nan
    found = chain("identity", range="rescale")(pixels)
    known = np.isfinite(found)  # not around the NaN, which the kernel's zeros touch
    assert known.sum() >= 26
    np.testing.assert_allclose(found[known], (pixels[known] - 100) / 100, atol=1e-6)


def test_the_identity_keeps_each_value_that_is_no_number_in_its_place():
    pixels = np.random.default_rng(8).random((5, 6, 1)).astype(np.float32)
    pixels[2, 3], pixels[4, 0] = np.nan, np.inf
    np.testing.assert_array_equal(chain("identity")(pixels), pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_luma_beside_alpha_blurs_brightness_as_far_as_it_covers(dtype):
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    pixels = (np.random.default_rng(9).random((9, 8, 4)) * 0.3 * top + 0.3 * top).astype(dtype)
    pixels[:3, :3, 3] = 0
    found = chain("gaussian:1", luma=True)(pixels, "straight").astype(np.float64)
    np.testing.assert_array_equal(found[..., 3], pixels[..., 3])
    change = (found[..., :3] - pixels[..., :3])[3:]
    assert np.abs(change - change[..., :1]).max() <= (1 if top > 1 else 1e-5)
    before = pixels.astype(np.float64)
    cover = before[..., 3:] / top
    blur = chain("gaussian:1", range="float")
    grey = (before[..., :3] @ [0.299, 0.587, 0.114])[..., None]
    wanted = blur((grey * cover).astype(np.float32)) / blur(cover.astype(np.float32))
    shown = found[..., :3] @ [0.299, 0.587, 0.114]
    seen = pixels[..., 3] > 0
    assert np.abs(shown - wanted[..., 0])[seen].max() <= (1 if top > 1 else 1e-5)
