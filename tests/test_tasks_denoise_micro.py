"""Micrographs and overlays: cameras, intensities, and pixels that nothing may touch."""

from __future__ import annotations

import denoise_standin
import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from imgconv.engine import load
from imgconv.tasks.denoise import Cleaning, lines
from imgconv.tasks.denoise.camera import Camera, find_camera, fit_two
from imgconv.tasks.denoise.crosshair import Crosshair
from imgconv.tasks.denoise.lines import decide_lines
from imgconv.tasks.denoise.micro import Micro
from imgconv.tasks.denoise.read import balance
from training.denoising.overlays import CONTRAST, drawn, laid


def cells(size: int = 160) -> np.ndarray:
    """Photons: smooth bright discs on a dim ground."""
    rows, columns = np.indices((size, size))
    light = np.full((size, size), 20.0)
    for y, x, radius in [(40, 50, 22), (100, 110, 30), (120, 40, 15)]:
        distance = np.hypot(rows - y, columns - x)
        light += 400 / (1 + np.exp((distance - radius) / 2))
    return light


def photographed(gain: float, read: float, offset: float, seed: int = 0) -> np.ndarray:
    """uint16 (H, W) of `cells` by a camera."""
    rng = np.random.default_rng(seed)
    seen = rng.poisson(cells()) + rng.normal(0, read, cells().shape)
    return np.clip(np.rint(gain * seen + offset), 0, 65535).astype(np.uint16)


@pytest.mark.parametrize(("gain", "read", "offset"), [(2, 1.5, 100), (11, 4, 400), (0.6, 8, 50)])
def test_the_camera_is_found_in_its_image(gain, read, offset):
    camera = find_camera(photographed(gain, read, offset))
    for photons in (30, 200, 400):
        true = gain**2 * (photons + read**2)
        value = gain * photons + offset
        assert camera.gain * value + camera.rest == pytest.approx(true, rel=0.25)


@pytest.mark.parametrize("gain", [0.0, 0.5, 30.0])
def test_stabilised_values_come_back(gain):
    camera = Camera(gain, 400 - gain * 100, 100.0)
    values = np.linspace(20, 9000, 500)
    stable = camera.stabilise(values)
    assert (np.diff(stable) > 0).all() and camera.stabilise(np.array([100.0]))[0] == 0
    np.testing.assert_allclose(camera.restore(stable), values, rtol=1e-9)


@pytest.mark.parametrize("photons", [5, 30, 1000])
def test_stabilised_noise_is_one_wherever_the_light(photons):
    rng = np.random.default_rng(0)
    values = 7 * (rng.poisson(photons, 200_000) + rng.normal(0, 2, 200_000)) + 300
    camera = Camera(7.0, 49 * 4 - 7 * 300, 300 + 7 * 5)
    assert camera.stabilise(values).std() == pytest.approx(1, abs=0.06)


def test_no_light_is_lost_or_made(tmp_path):
    pixels = photographed(5, 2, 100)[..., None]
    model = load(denoise_standin.photo(tmp_path, kind="micro"))
    result = Cleaning(Micro(model))(pixels)
    assert result.pixels.dtype == np.uint16 and not np.array_equal(result.pixels, pixels)
    assert result.pixels.mean() == pytest.approx(pixels.mean(), rel=2e-4)
    bright = cells() > 300
    assert result.pixels[bright].mean() == pytest.approx(pixels[bright].mean(), rel=5e-3)
    truth = 5 * cells() + 100
    before, after = (np.mean((p[..., 0] - truth) ** 2) for p in (pixels, result.pixels))
    assert after < 0.8 * before
    assert result.facts["gain"] == pytest.approx(5, rel=0.25)


def test_what_is_taken_out_has_no_mean_anywhere():
    rng = np.random.default_rng(0)
    removed = (rng.normal(0, 1, (200, 300)) + np.linspace(0, 5, 300)).astype(np.float32)
    even = balance(removed)
    assert abs(even.mean(dtype=np.float64)) < 1e-6
    assert np.abs([even[:, x : x + 60].mean() for x in (60, 120, 180)]).max() < 0.05


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.sampled_from([np.uint8, np.uint16, np.float32]))
def test_small_and_flat_micrographs_pass(micro, height, width, dtype):
    for pixels in (np.zeros, np.ones):
        plane = pixels((height, width, 1), dtype)
        assert np.array_equal(Cleaning(Micro(micro))(plane).pixels, plane)
    plane = np.random.default_rng(0).integers(0, 200, (height, width, 2)).astype(dtype)
    result = Cleaning(Micro(micro))(plane).pixels
    assert result.shape == plane.shape and result.dtype == dtype


@pytest.fixture(scope="module")
def micro(tmp_path_factory):
    return load(denoise_standin.photo(tmp_path_factory.mktemp("micro"), kind="micro"))


@pytest.fixture(scope="module")
def finder(tmp_path_factory):
    return load(denoise_standin.crosshair(tmp_path_factory.mktemp("finder")))


def crossed(dtype: type, channels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Random pixels up to half of white under a white cross, and where that is."""
    white = 1 if dtype == np.float32 else np.iinfo(dtype).max
    pixels = np.random.default_rng(2).random((48, 56, channels)) * white * 0.5
    mask = np.zeros((48, 56), bool)
    mask[20:22], mask[:, 30] = True, True
    pixels[mask] = white
    return pixels.astype(dtype), mask


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_only_the_line_changes(finder, dtype, channels):
    pixels, mask = crossed(dtype, channels)
    result = Cleaning(Crosshair(finder))(pixels)
    assert np.array_equal(result.pixels[~mask], pixels[~mask])
    picture = pixels[~mask]  # whose range a 16-bit or float image is seen in
    low, high = (0, 255) if dtype == np.uint8 else np.percentile(picture, [0.1, 99.9])
    beneath = (result.pixels[mask].astype(np.float64) - low) / (high - low)
    np.testing.assert_allclose(beneath, denoise_standin.BENEATH, atol=0.01)
    assert result.facts == {"overlay_pixels": int(mask.sum())}


def test_an_image_without_lines_comes_back_to_the_bit(finder):
    pixels, mask = crossed(np.uint8)
    pixels[mask] = 10
    pixels[5:9, 5:9] = 255  # bright, but no line
    result = Cleaning(Crosshair(finder))(pixels)
    assert np.array_equal(result.pixels, pixels) and result.facts == {"overlay_pixels": 0}


def test_a_line_is_long_connected_and_mostly_sure():
    logits = np.full((100, 60), -5.0)
    logits[10, 5:50] = 6  # a line
    logits[35, 5:12] = 6  # too short
    logits[60, 5:50] = 0.5  # never sure
    logits[85, 5:50], logits[85, 20:40] = 0.5, 6  # sure in part
    kept = decide_lines(logits)
    assert [int(row) for row in np.nonzero(kept.any(1))[0]] == [10, 85]
    assert kept[85].sum() == 45 and not decide_lines(logits[:9]).any()


def test_a_long_line_need_be_less_sure_than_a_short_one():
    logits = np.full((100, 240), -5.0)
    logits[20, 5:60] = 2.6
    logits[70, 5:235] = 2.6
    assert [int(row) for row in np.nonzero(decide_lines(logits).any(1))[0]] == [70]


def test_ticks_without_a_line_are_one_ruler():
    logits = np.full((60, 90), -5.0)
    logits[20:29, 5:85:12] = 6
    assert np.array_equal(decide_lines(logits), logits > 0)


def test_dashes_are_one_line():
    logits = np.full((60, 60), -5.0)
    logits[30].reshape(6, 10)[:, :5] = 6
    assert np.array_equal(decide_lines(logits), logits > 0)
    logits[30, 10:] = -5
    assert not decide_lines(logits).any()


@pytest.mark.parametrize("seed", range(12))
def test_lines_of_bands_are_those_of_the_whole(seed, monkeypatch):
    """Against scipy's labels of all of it: dots, strokes and rings that cross the bands."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-7, 1.5 + seed / 6, (150 + seed, 131)).astype(np.float32)
    for _ in range(6):
        y, x, long = rng.integers(0, 130, 3)
        logits[y : y + rng.integers(1, 4), x : x + long] = rng.uniform(-1, 7)
        logits[y : y + long, x : x + 2] = rng.uniform(-1, 7)
    likely, square = logits > lines.LIKELY, np.ones((3, 3), bool)
    labels = ndimage.label(ndimage.binary_dilation(likely, square, lines.GAP // 2), square)[0]
    labels *= likely
    expected = np.zeros(logits.shape, bool)
    for n in range(1, labels.max() + 1):
        rows, columns = np.nonzero(labels == n)
        sides = np.array([np.ptp(rows) + 1, np.ptp(columns) + 1])
        needed = np.interp(np.log(np.hypot(*sides)), np.log(lines.EXTENT), lines.SURE)
        if (logits[rows, columns] > needed).mean() >= lines.SHARE and sides.max() >= lines.LENGTH:
            expected |= labels == n
    soft = ndimage.binary_dilation(expected, square, lines.REACH) & (logits > lines.FRINGE)
    monkeypatch.setattr("imgconv.tasks.large_plane.BAND", 131 * 4 * 7)
    assert np.array_equal(decide_lines(logits), expected | soft)


def test_overlays_of_a_seed_are_the_same_and_differ_from_others():
    one, same, other = (drawn(np.random.default_rng(s), 90, 120) for s in (4, 4, 5))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


@pytest.mark.parametrize("channels", [1, 3])
def test_overlays_are_thin_cover_little_and_are_seen(channels):
    seen = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        image = rng.integers(0, 256, (100, 130, channels)).astype(np.uint8)
        image[:] = image[:1, :1]  # one colour
        marked, mask = laid(rng, image, drawn(rng, 100, 130))
        assert np.array_equal(marked[~mask], image[~mask])
        away = np.abs(marked.astype(int) - image).max(2)
        assert not mask.any() or away[mask].max() >= CONTRAST
        seen.append(mask.mean())
    assert 0.005 < np.mean(seen) < 0.25 and max(seen) < 0.7


@given(st.integers(0, 10_000), st.integers(2, 12))
def test_two_numbers_that_are_not_negative_are_scipys(seed, count):
    rng = np.random.default_rng(seed)
    design, y = np.abs(rng.normal(size=(count, 2))), rng.normal(size=count)
    expected, _ = scipy.optimize.nnls(design, y)
    assert fit_two(design, y) == pytest.approx(tuple(expected), abs=1e-6)
