"""Noise out of planes: types, ranges, alpha and strengths, with a network known by formula."""

from __future__ import annotations

import cv2
import denoise_standin
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.restoration import denoise_tv_chambolle

import imgconv.tasks.denoise.photo
from imgconv.engine import load, run
from imgconv.tasks.denoise import Cleaning, network
from imgconv.tasks.denoise.classical import Classical
from imgconv.tasks.denoise.methods import LIKE, METHODS, NEAR, REACH, bilateral
from imgconv.tasks.denoise.opponent import opponent, rgb
from imgconv.tasks.denoise.orientations import ORIENTATIONS, Orientations
from imgconv.tasks.denoise.photo import Photo
from imgconv.tasks.denoise.pictures import comparison, draw_removed, quality
from imgconv.tasks.denoise.read import TEXTURE, ignore_clipped, without_texture
from imgconv.tasks.denoise.run import find_valid, round_keeping_sums
from imgconv.tasks.load import load as load_bundled

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load(denoise_standin.photo(tmp_path_factory.mktemp("model")))


def noisy(height: int, width: int, channels: int, sigma: float = 12) -> np.ndarray:
    ramp = np.linspace(60, 190, width)[None, :, None] * np.ones((height, 1, channels))
    return ramp + np.random.default_rng(3).normal(0, sigma, ramp.shape)


def eight(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def test_a_grey_image_loses_what_the_network_takes_for_noise(model):
    pixels = eight(noisy(40, 48, 1))
    found = Cleaning(Photo(model))(pixels)
    inner = (slice(1, -1), slice(1, -1))  # beyond the edge the image goes on to a multiple of 8
    level = (0.05**4 - TEXTURE[1] ** 4) ** 0.25
    expected = pixels[..., 0] - 255 * denoise_standin.noise(pixels[..., 0] / 255, level)
    assert np.abs(found.pixels[..., 0][inner] - expected[inner]).max() <= 0.51
    assert found.facts == {"noise_level": pytest.approx(255 * level, abs=1e-3)}


def test_colours_are_cleaned_as_brightness_and_two_differences(model):
    pixels = eight(noisy(32, 40, 3))
    found = Cleaning(Photo(model, sigma=9))(pixels).pixels
    planes = opponent(pixels / np.float32(255))
    levels = (9 / 255 / 3**0.5, 9 / 255, 9 / 255)
    taken = [denoise_standin.noise(p, s) for p, s in zip(planes, levels, strict=True)]
    expected = 255 * rgb((planes - np.array(taken)).astype(np.float32))
    assert np.abs(found - expected)[1:-1, 1:-1].max() <= 0.51


def test_equal_channels_are_cleaned_as_one(model):
    pixels = eight(noisy(24, 24, 1))
    grey = Cleaning(Photo(model, sigma=9))(pixels).pixels
    colour = Cleaning(Photo(model, sigma=9))(np.repeat(pixels, 3, 2)).pixels
    assert np.array_equal(colour, np.repeat(grey, 3, 2))


@pytest.mark.parametrize(("dtype", "white"), [(np.uint16, 65535), (np.float32, 1)])
def test_every_type_has_its_own_full_scale(model, dtype, white):
    eight_bits = eight(noisy(24, 32, 3))
    wide = (eight_bits.astype(np.float64) * white / 255).astype(dtype)
    few = Cleaning(Photo(model, sigma=10))(eight_bits).pixels
    many = Cleaning(Photo(model, sigma=10))(wide).pixels
    assert many.dtype == dtype
    assert np.abs(many * (255 / white) - few).max() <= 0.51


def test_floats_keep_values_beyond_black_and_white(model):
    plane = np.full((32, 32, 1), 7.5, np.float32)
    plane[:, 16:] = -3
    found = Cleaning(Photo(model, sigma=1))(plane).pixels
    assert np.abs(found - plane).max() <= 1.01 / 255 and found.max() > 7.4


def test_what_is_not_finite_stays(model):
    plane = noisy(24, 24, 1).astype(np.float32) / 255
    plane[3, 4], plane[8, 9] = np.nan, np.inf
    found = Cleaning(Photo(model))(plane).pixels
    assert np.isnan(found[3, 4, 0]) and found[8, 9, 0] == np.inf
    assert np.isfinite(found).sum() == found.size - 2


def test_alpha_and_the_colour_beneath_full_transparency_stay(model):
    pixels = np.dstack([eight(noisy(24, 24, 3)), RNG.integers(1, 256, (24, 24))]).astype(np.uint8)
    pixels[5:9, 5:9, 3] = 0
    found = Cleaning(Photo(model, sigma=20))(pixels, "straight").pixels
    assert np.array_equal(found[..., 3], pixels[..., 3])
    assert np.array_equal(found[5:9, 5:9], pixels[5:9, 5:9])
    assert not np.array_equal(found[..., :3], pixels[..., :3])


def test_strength_says_how_much_is_taken_out(model):
    pixels = noisy(24, 24, 3).astype(np.float32) / 255
    full, half, none = (Cleaning(Photo(model), s, s)(pixels).pixels for s in (1.0, 0.5, 0.0))
    assert np.array_equal(none, pixels)
    np.testing.assert_allclose(half, (full + pixels) / 2, atol=1e-6)


def test_luma_leaves_the_colours_and_chroma_the_brightness(model):
    pixels = noisy(24, 24, 3).astype(np.float32) / 255
    luma = opponent(Cleaning(Photo(model), 1.0, 0.0)(pixels).pixels)
    chroma = opponent(Cleaning(Photo(model), 0.0, 1.0)(pixels).pixels)
    both = opponent(Cleaning(Photo(model))(pixels).pixels)
    before = opponent(pixels)
    np.testing.assert_allclose(luma, [both[0], before[1], before[2]], atol=1e-6)
    np.testing.assert_allclose(chroma, [before[0], both[1], both[2]], atol=1e-6)


def test_an_image_without_noise_comes_back_to_the_bit(tmp_path):
    quiet = load(denoise_standin.photo(tmp_path, levels=(0.001, 0.001)))
    pixels = eight(noisy(24, 24, 3))
    assert np.array_equal(Cleaning(Photo(quiet))(pixels).pixels, pixels)


def test_channels_that_are_no_colours_are_cleaned_one_by_one(model):
    pixels = eight(noisy(16, 24, 5))
    found = Cleaning(Photo(model, sigma=9))(pixels).pixels
    for c in range(5):
        alone = Cleaning(Photo(model, sigma=9))(pixels[..., c : c + 1].copy()).pixels
        assert np.array_equal(found[..., c : c + 1], alone)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 2, 3, 4]),
    st.sampled_from([np.uint8, np.uint16, np.float32]), st.sampled_from([None, 0.0, 30.0]),
)  # fmt: skip
def test_every_size_and_type_comes_back_as_it_was(model, height, width, channels, dtype, sigma):
    pixels = np.random.default_rng(1).integers(0, 200, (height, width, channels)).astype(dtype)
    found = Cleaning(Photo(model, sigma))(pixels).pixels
    assert found.shape == pixels.shape and found.dtype == dtype
    assert sigma != 0 or np.array_equal(found, pixels)


def test_tiles_make_the_same_image(model, monkeypatch):
    pixels = eight(noisy(200, 264, 3, sigma=25))
    whole = Cleaning(Photo(model))(pixels)
    counted = []

    def tiled(model, inputs, **more):
        def prepare(piece):
            counted.append(piece.shape)
            return more["prepare"](piece)

        return run(model, inputs, **{**more, "prepare": prepare}, memory=600_000)

    monkeypatch.setattr(imgconv.tasks.denoise.photo, "run", tiled)
    tiles = Cleaning(Photo(model))(pixels)
    assert len(counted) > 10 and np.array_equal(tiles.pixels, whole.pixels)
    assert tiles.facts == whole.facts


def test_noise_alike_in_red_green_and_blue_has_the_levels_that_opponent_says():
    planes = opponent(np.random.default_rng(0).normal(0, 1, (300, 300, 3)).astype(np.float32))
    assert planes.std((1, 2)) == pytest.approx([3**-0.5, 1, 1], rel=0.01)
    assert np.abs(np.corrcoef(planes.reshape(3, -1)) - np.eye(3)).max() < 0.02
    pixels = RNG.random((5, 7, 3)).astype(np.float32)
    np.testing.assert_allclose(rgb(opponent(pixels)), pixels, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("channels", [1, 3])
def test_classical_methods_bring_an_image_nearer_to_the_one_without_noise(method, channels):
    clean = cv2.GaussianBlur(np.random.default_rng(5).random((64, 64)), (0, 0), 6)
    clean = 40 + 170 * cv2.normalize(clean, None, 0, 1, cv2.NORM_MINMAX)
    clean = np.repeat(clean[..., None], channels, 2)
    pixels = eight(clean + np.random.default_rng(6).normal(0, 15, clean.shape))
    found = Cleaning(Classical(method))(pixels)
    assert np.mean((found.pixels - clean) ** 2) < 0.5 * np.mean((pixels - clean) ** 2)
    assert found.facts["noise_level"] == pytest.approx(15, abs=1.5)


def test_total_variation_is_scikit_images(model):
    pixels = noisy(40, 40, 1).astype(np.float32) / 255
    low, span = pixels.min(), np.ptp(pixels)
    weight = 12 / 255 / span
    scaled = (pixels[..., 0] - low) / span
    expected = denoise_tv_chambolle(scaled, weight=weight, eps=0, max_num_iter=40) * span + low
    found = Cleaning(Classical("tv", 12.0))(pixels).pixels[..., 0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_classical_methods_leave_a_constant_image_and_its_range(method):
    plane = np.full((20, 20, 3), -40.0, np.float32)
    assert np.array_equal(Cleaning(Classical(method))(plane).pixels, plane)
    large = noisy(32, 32, 1).astype(np.float32) * 1000
    found = Cleaning(Classical(method))(large).pixels
    assert found.mean() == pytest.approx(large.mean(), rel=0.02)


def test_quality_is_psnr_as_opencv_has_it_and_one_for_equal_images():
    one, two = (RNG.integers(0, 256, (30, 40, 3)).astype(np.uint8) for _ in range(2))
    assert quality(one, two, 255)["psnr"] == pytest.approx(cv2.PSNR(one, two))
    assert quality(one, one, 255) == {"psnr": float("inf"), "ssim": pytest.approx(1)}
    assert "ssim" not in quality(one[:5], two[:5], 255)


def test_what_was_removed_is_shown_on_middle_grey():
    removed = np.zeros((20, 20, 1), np.float32)
    removed[4, 4], removed[6, 6] = 10, -5
    picture, gain = draw_removed(removed, 255.0)
    assert picture[0, 0, 0] == 128 and picture[4, 4, 0] == min(255, round(128 + 10 * gain))
    assert picture[6, 6, 0] == round(128 - 5 * gain)


def test_a_comparison_holds_the_pixels_of_both_images():
    before = eight(noisy(90, 300, 3))
    after = eight(cv2.blur(before, (3, 3)))
    removed = before.astype(np.float32) - after
    shown, gain = comparison(before, after, removed, ["before", "after"], 255.0)
    assert gain == draw_removed(removed, 255.0)[1]
    rows, columns = np.nonzero((shown != shown[0, 0]).any(2))
    top, left = rows.min(), columns.min()
    assert np.array_equal(shown[top : top + 90, left : left + 300], before)
    assert any(
        np.array_equal(shown[top : top + 90, x : x + 300], after)
        for x in range(left + 300, shown.shape[1] - 300)
    )


def test_a_measured_image_keeps_its_sum_however_smooth_it_gets():
    counts = np.random.default_rng(0).poisson(0.4, (80, 90, 1)).astype(np.uint16)

    class Smooth:
        sums = True

        def __call__(self, colours, top):
            return colours - np.full(colours.shape, counts.mean(), np.float32), {}

    cleaned = Cleaning(Smooth())(counts).pixels
    assert cleaned.dtype == np.uint16 and abs(int(cleaned.sum()) - int(counts.sum())) <= 1
    assert cleaned.max() == 1


@given(st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=40, deadline=None)
def test_rounding_keeps_sums_and_integers(seed, whole):
    values = np.random.default_rng(seed).uniform(-2, 260, (7, 9, 2)).astype(np.float32)
    values = np.rint(values) if whole else values
    found = round_keeping_sums(values, np.dtype(np.uint8))
    wanted = np.clip(values, 0, 255)
    assert (np.abs(found - wanted) < 1).all()
    assert (np.abs(found.sum((0, 1)) - wanted.sum((0, 1), dtype=np.float64)) <= 0.501).all()
    assert not whole or np.array_equal(found, wanted)


@pytest.mark.parametrize("absent", [np.nan, np.inf, -9999, -3.4e38])
def test_values_that_mean_no_data_neither_change_nor_spread(model, absent):
    clean = (noisy(40, 48, 1) / 255).astype(np.float32)
    holed = clean.copy()
    holed[10:14, 20:24] = absent
    with np.errstate(all="raise"):
        found = Cleaning(Photo(model, sigma=9))(holed).pixels
    assert np.array_equal(found[10:14, 20:24], holed[10:14, 20:24], equal_nan=True)
    known = np.ones(clean.shape, bool)
    known[8:16, 18:26] = False
    expected = Cleaning(Photo(model, sigma=9))(clean).pixels
    np.testing.assert_allclose(found[known], expected[known], atol=1e-6)


def test_premultiplied_colour_stays_within_its_coverage(model):
    colour = eight(noisy(32, 40, 3))
    alpha = np.random.default_rng(1).choice([0, 100, 255], (32, 40, 1)).astype(np.uint8)
    pixels = np.concatenate([np.minimum(colour, alpha), alpha], 2)
    found = Cleaning(Photo(model, sigma=20))(pixels, "premultiplied").pixels
    assert (found[..., :3] <= found[..., 3:]).all() and not np.array_equal(found, pixels)
    assert np.array_equal(found[alpha[..., 0] == 0], pixels[alpha[..., 0] == 0])


def test_white_is_where_the_caller_says(model):
    eight_bits = noisy(32, 40, 1).astype(np.float32)
    as_told = Cleaning(Photo(model, sigma=9))(eight_bits, top=255.0).pixels
    as_one = 255 * Cleaning(Photo(model, sigma=9))(eight_bits / np.float32(255)).pixels
    np.testing.assert_allclose(as_told, as_one, atol=0.01)


@pytest.mark.parametrize("times", [1e-3, 1, 30, 4000])
def test_the_level_goes_with_the_brightness(model, times):
    picture = (noisy(32, 40, 1) / 255).astype(np.float32)
    facts = Cleaning(Photo(model))(picture * np.float32(times)).facts
    bright = np.percentile(picture[::4, ::4], 99.9)
    reach = 1 if 0.5 < times * bright <= 1 else times * bright
    level = reach * (0.05**4 - TEXTURE[1] ** 4) ** 0.25
    assert facts["noise_level"] == pytest.approx(255 * level, rel=0.01, abs=1e-4)


def test_levels_that_places_agree_on_are_noise_and_others_texture():
    gauge = np.zeros((3, 20, 20), np.float32)
    gauge[0], gauge[1] = 0.1, 0.1
    rest = TEXTURE[1]
    assert without_texture(gauge) == pytest.approx((0.1**4 - rest**4) ** 0.25)
    gauge[0] += RNG.normal(0, 0.01, (20, 20))  # as white noise's vary
    gauge[1] = np.where(np.arange(20) % 2, 0.2, 0)
    level, colour = without_texture(gauge)
    assert level == pytest.approx(0.1, rel=0.02) and colour == 0
    gauge[2] = np.where(np.arange(20) % 2, 0, -50)  # places that do not count disagree
    assert without_texture(gauge)[1] == pytest.approx(0.2, rel=1e-3)


def test_places_whose_noise_is_cut_off_do_not_count():
    image = RNG.normal(100, 9, (1, 160, 240)).clip(1, 254).astype(np.float32)
    image[:, :, 80:104:3] = 0  # places 10 to 12 are black in part, and their neighbours see it
    image[:, 40:48, 160:168] = 0  # wholly
    gauge = np.zeros((3, 20, 30), np.float32)
    silent = ignore_clipped(gauge, image)[2] < -50
    expected = np.zeros((20, 30), bool)
    expected[:, 9:14] = True
    assert np.array_equal(silent, expected)
    assert not ignore_clipped(gauge, np.zeros((1, 160, 240)))[2].any()  # nothing else to go by


@pytest.mark.parametrize("size", [(1, 1), (2, 60), (60, 5)])
def test_an_image_too_small_to_tell_stays(model, size):
    pixels = RNG.integers(0, 256, (*size, 3), dtype=np.uint8)
    found = Cleaning(Photo(model))(pixels)
    assert np.array_equal(found.pixels, pixels) and found.facts["noise_level"] == 0


def test_the_bilateral_filter_is_its_definition():
    image = RNG.random((12, 14, 3)).astype(np.float32)
    sigma = 0.1
    found = bilateral(image, sigma)
    padded = np.pad(image, [(REACH, REACH), (REACH, REACH), (0, 0)], "edge").astype(np.float64)
    for i, j in [(0, 0), (5, 7), (11, 13)]:
        total, weights = np.zeros(3), 0.0
        for y in range(-REACH, REACH + 1):
            for x in range(-REACH, REACH + 1):
                near = padded[i + REACH + y, j + REACH + x]
                unlike = np.sum((near - image[i, j]) ** 2) / (2 * (LIKE * sigma) ** 2)
                weight = np.exp(-unlike - (y * y + x * x) / (2 * NEAR**2))
                total, weights = total + weight * near, weights + weight
        np.testing.assert_allclose(found[i, j], total / weights, rtol=1e-5)


@pytest.mark.parametrize("shape", [(2, 700, 1), (700, 1, 3)])
def test_comparisons_of_thin_images_can_be_made(shape):
    pixels = RNG.integers(0, 256, shape).astype(np.uint8)
    shown, _ = comparison(pixels, pixels, np.zeros(shape, np.float32), ["before", "after"], 255.0)
    assert shown.shape[2] == 3


def test_bright_things_on_dark_ground_are_no_absent_data():
    plane = np.random.default_rng(0).normal(100, 2, (100, 100, 1)).astype(np.float32)
    plane[40:44, 50:54] = np.random.default_rng(1).normal(50_000, 220, (4, 4, 1))
    assert find_valid(plane) is None
    plane[0, :9] = -32768e3
    known = find_valid(plane)
    assert known is not None and np.array_equal(~known, plane == -32768e3)


@pytest.mark.parametrize("name", ["photo", "micro"])
def test_the_best_of_a_turned_image_is_the_best_turned(name):
    """Upright networks are not equivariant; the mean over all orientations is."""
    pixels = eight(noisy(48, 64, 1, 20) + 40 * (np.indices((48, 64)).sum(0)[..., None] % 16 > 7))
    views = [one.turn(pixels) for one in ORIENTATIONS]
    assert len({view.tobytes() for view in views}) == 8
    upright = network(*load_bundled(name, "denoise"), sigma=15)
    single, best = upright, Orientations(upright)
    straight = best(pixels, 255)[0]
    for number in (3, 6):
        turned = best(np.ascontiguousarray(views[number]), 255)[0]
        assert np.allclose(turned, ORIENTATIONS[number].turn(straight), atol=2e-3)
    plain = single(np.ascontiguousarray(views[3]), 255)[0]
    assert np.abs(plain - ORIENTATIONS[3].turn(single(pixels, 255)[0])).max() > 0.1
