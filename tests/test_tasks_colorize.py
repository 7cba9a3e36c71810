"""Chroma on brightness: colour space, guided lines, gamut, tones, any dtype."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import colorize_standin
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgconv.engine import load
from imgconv.errors import InputError
from imgconv.images import Info
from imgconv.ops.areas import lines, means, reduce_areas
from imgconv.ops.tint import box, within
from imgconv.tasks.colorize.card import COLORIZE
from imgconv.tasks.colorize.hints import point
from imgconv.tasks.colorize.oklab import colour, lab_of, rgb_of
from imgconv.tasks.colorize.prepare import network_size, small
from imgconv.tasks.colorize.run import Colorizer, describe
from imgconv.tasks.colorize.scores import colourfulness, score, summary
from imgconv.tasks.colorize.toned import colour_of
from imgconv.tasks.load import load as load_task

LUMA = np.array([0.299, 0.587, 0.114])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory):
    return load(colorize_standin.model(tmp_path_factory.mktemp("model") / "s.safetensors"))


def grey(shape: tuple[int, ...], dtype: type, seed: int = 0) -> np.ndarray:
    """Noise over a slope, from black to white."""
    values = np.random.default_rng(seed).random(shape) * 0.4
    values[..., 0] += np.linspace(-0.1, 0.7, shape[1])
    values = values.clip(0, 1)
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    return (values * top).astype(dtype)


def info_of(plane: np.ndarray, alpha: str = "none") -> Info:
    return Info("png", plane.dtype, *plane.shape, alpha=alpha)


def test_oklab_gives_the_published_values_and_comes_back() -> None:
    primaries = np.eye(3, dtype=np.float32)
    expected = [
        [0.62796, 0.22486, 0.12585], [0.86644, -0.23389, 0.17950], [0.45201, -0.03246, -0.31153],
    ]  # fmt: skip
    np.testing.assert_allclose(lab_of(primaries), expected, atol=1e-4)
    rgb = np.random.default_rng(0).random((50, 3)).astype(np.float32)
    np.testing.assert_allclose(rgb_of(lab_of(rgb)), rgb, atol=1e-4)


def test_a_colour_is_found_again_from_its_luma_and_chroma() -> None:
    rgb = np.random.default_rng(1).random((200, 3)).astype(np.float32)
    found = colour((rgb @ LUMA).astype(np.float32), lab_of(rgb)[:, 1:])
    np.testing.assert_allclose(found, rgb, atol=4e-3)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60))
def test_areas_keep_the_mean_and_lines_keep_a_constant(count: int, length: int) -> None:
    np.testing.assert_allclose(means(count, length).sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(means(count, length).mean(0), 1 / length, atol=1e-6)
    np.testing.assert_allclose(lines(count, length).sum(1), 1, atol=1e-5)


def test_an_image_is_reduced_as_opencv_does_by_areas() -> None:
    image = np.random.default_rng(2).random((57, 83)).astype(np.float32)
    found = reduce_areas(lambda a, b: image[None, a:b], image.shape, (16, 24))[0]
    expected = cv2.resize(image, (24, 16), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_box_means_are_those_of_the_pixels_that_exist() -> None:
    planes = np.random.default_rng(3).random((2, 7, 9))
    found = box(planes, 2)
    for y, x in np.ndindex(7, 9):
        part = planes[:, max(0, y - 2) : y + 3, max(0, x - 2) : x + 3]
        np.testing.assert_allclose(found[:, y, x], part.mean((1, 2)))


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 1), st.floats(-1, 1), st.floats(-1, 1))
def test_colour_gives_way_where_it_leaves_the_range_and_luma_stays(
    luma: float, red: float, blue: float
) -> None:
    found = within(np.float32([luma]), np.float32([[red], [blue]]))[0].astype(float)
    assert found.min() >= -1e-6 and found.max() <= 1 + 1e-6
    assert abs(found @ LUMA - luma) < 1e-5
    free = np.array([red, -(0.299 * red + 0.114 * blue) / 0.587, blue]) + luma
    if free.min() >= 0 and free.max() <= 1:
        np.testing.assert_allclose(found, free, atol=1e-5)
    elif 0 < luma < 1:  # reduced no further than needed
        assert min(found.min(), 1 - found.max()) < 1e-5


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(40, 61, 1), (1, 7, 1), (130, 3, 1), (33, 47, 3)])
def test_brightness_stays_and_colour_comes(model, dtype: type, shape: tuple[int, ...]) -> None:
    plane = grey(shape, dtype)
    out = Colorizer(model)(plane, info_of(plane))
    assert out.shape == (*shape[:2], 3) and out.dtype == dtype
    before = plane[..., 0] if shape[2] == 1 else plane @ LUMA
    allowed = {np.uint8: 0.51, np.uint16: 65.5, np.float32: 1e-5}[dtype]
    assert np.abs(out @ LUMA - before).max() <= allowed
    assert np.ptp(out.astype(float), axis=2).max() > 0.02 * (1 if dtype == np.float32 else 255)


def test_colour_changes_within_two_pixels_of_an_edge_of_brightness(model) -> None:
    """The network's chroma is coarse (cells of 16 pixels here); the picture's is not."""
    plane = np.full((256, 256, 1), 60, np.uint8)
    plane[:, 131:] = 200
    card = COLORIZE.card(prepare={"side": 64})
    out = Colorizer(model, card=card)(plane, info_of(plane)).astype(int)
    tone = out[128, :, 2] - out[128, :, 0]  # blue less red: dark is blue, bright is yellow
    assert tone[20] > 15 and tone[230] < -15
    for x in (120, 129):
        assert abs(tone[x] - tone[20]) <= 0.2 * abs(tone[20])
    for x in (132, 142):
        assert abs(tone[x] - tone[230]) <= 0.2 * abs(tone[230])


def test_saturation_scales_colour_and_none_leaves_grey(model) -> None:
    plane = grey((48, 64, 1), np.uint8)
    none, usual, strong = (Colorizer(model, s)(plane, info_of(plane)) for s in (0, 1, 1.5))
    assert (none == plane).all()
    assert colourfulness(none) < colourfulness(usual) < colourfulness(strong)


def test_keeping_all_of_its_colour_gives_the_picture_back(model) -> None:
    plane = np.random.default_rng(5).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    kept = Colorizer(model, keep=1)(plane, info_of(plane))
    assert np.abs(kept.astype(int) - plane).max() <= 1
    half = Colorizer(model, keep=0.5)(plane, info_of(plane))
    none = Colorizer(model)(plane, info_of(plane))
    middle = (plane.astype(float) + none) / 2
    assert np.median(np.abs(half - middle)) <= 1


def test_hidden_pixels_neither_count_nor_change_alpha(model) -> None:
    plane = grey((40, 40, 1), np.uint8)
    alpha = np.full_like(plane, 255)
    alpha[:, :8] = 0
    wild = plane.copy()
    wild[:, :8] = 255
    pair = [np.concatenate([p, alpha], 2) for p in (plane, wild)]
    tame, other = (small(p, "straight", (8, 8)) for p in pair)
    np.testing.assert_allclose(tame[:, 2:], other[:, 2:])
    out = Colorizer(model)(pair[0], info_of(pair[0], "straight"))
    assert out.shape == (40, 40, 4) and (out[..., 3:] == alpha).all()


def test_premultiplied_colour_never_exceeds_its_alpha(model) -> None:
    alpha = np.random.default_rng(6).integers(0, 256, (40, 40, 1), dtype=np.uint8)
    plane = (grey((40, 40, 1), np.uint8) * (alpha / 255)).astype(np.uint8)
    both = np.concatenate([plane, alpha], 2)
    out = Colorizer(model)(both, info_of(both, "premultiplied"))
    assert (out[..., :3].max(2) <= alpha[..., 0]).all()
    assert np.abs(out[..., :3] @ LUMA - plane[..., 0]).max() <= 0.51


def test_a_not_a_number_stays_one_and_spoils_nothing_else(model) -> None:
    plane = grey((32, 32, 1), np.float32)
    plane[3, 4] = np.nan
    out = Colorizer(model)(plane, info_of(plane))
    assert (
        np.isnan(out[3, 4]).all() and np.isfinite(np.delete(out.reshape(-1), range(300, 303))).all()
    )


@pytest.mark.parametrize(("size", "seen"), [
    ((3000, 4000), (152, 200)), ((100, 100), (96, 96)), ((8, 2000), (8, 512)), ((1, 1), (8, 8)),
])  # fmt: skip
def test_the_network_sees_pictures_at_one_size(size: tuple[int, int], seen: tuple[int, int]):
    assert network_size(*size, 8) == seen


def test_grey_toned_and_coloured_pictures_are_told_apart() -> None:
    plane = grey((64, 64, 1), np.uint8).astype(float)
    noise = np.random.default_rng(7).normal(0, 2, (64, 64, 3))
    sepia = (plane * [1.07, 0.95, 0.72] + [12, 6, 0] + noise).clip(0, 255).astype(np.uint8)
    rgb = np.random.default_rng(8).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    field = np.where(plane > 90, [130.0, 170, 230], [70.0, 110, 50]).astype(np.uint8)
    same = np.repeat(plane.astype(np.uint8), 3, 2)
    assert [colour_of(p) for p in (same[..., :1], same, sepia, field, rgb)] == [
        "grey", "grey", "toned", "colour", "colour"
    ]  # fmt: skip


def test_channels_that_are_no_colours_are_refused(model) -> None:
    plane = np.zeros((8, 8, 5), np.uint8)
    with pytest.raises(InputError, match="found 5 channels, allowed 1"):
        Colorizer(model)(plane, info_of(plane))
    stack = Info("tiff", np.dtype(np.uint8), 8, 8, 1, axes="CYX", shape=(3, 8, 8))
    with pytest.raises(InputError, match="hold 3 channels, not pictures"):
        Colorizer(model)(plane[..., :1], stack)


def test_float_values_of_another_range_are_refused_with_the_way_out(model) -> None:
    plane = grey((8, 8, 1), np.float32)
    with pytest.raises(InputError, match=r"values up to .*allowed 0 to 1.*scale of 1/255 first"):
        Colorizer(model)(plane * 255, info_of(plane))
    plane[0, 0] = 3
    out = Colorizer(model)(plane, info_of(plane))
    assert (out[0, 0] == 3).all()  # a highlight


def test_a_model_of_another_kind_is_refused_by_name(tmp_path: Path) -> None:
    other = colorize_standin.model(tmp_path / "lab.safetensors", read={"space": "lab"})
    with pytest.raises(InputError, match=r"lab.safetensors: gives lab, allowed oklab"):
        load_task(other, "colorize")


def test_the_record_of_grey_loses_its_profile_and_that_of_colour_keeps_it() -> None:
    record = Info("png", np.dtype(np.uint8), 4, 4, 1, icc=b"grey")
    assert describe(record).icc is None
    assert describe(replace(record, channels=3, icc=b"rgb")).icc == b"rgb"


def test_scores_of_a_picture_against_itself_and_against_grey() -> None:
    rgb = np.random.default_rng(9).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    flat = np.repeat(np.rint(rgb @ LUMA).astype(np.uint8)[..., None], 3, 2)
    best, worst = summary([score(rgb, rgb)]), summary([score(flat, rgb)])
    assert best["ciede2000"] == 0 and best["colourfulness"] == 1 and best["auc"] == 1
    assert worst["colourfulness"] < 0.01 and worst["auc"] < 0.9
    assert worst["psnr"] == pytest.approx(cv2.PSNR(flat, rgb), abs=1e-3)


def test_an_infinite_value_stays_one_without_a_warning(model) -> None:
    plane = np.linspace(0, 1, 32 * 48, dtype=np.float32).reshape(32, 48, 1)
    plane[4, 5], plane[9, 9] = np.inf, -np.inf
    with np.errstate(all="raise"):
        found = Colorizer(model)(plane, Info("tiff", plane.dtype, 32, 48, 1))
    assert (found[4, 5] == np.inf).all() and (found[9, 9] == -np.inf).all()
    assert np.isfinite(np.delete(found.reshape(-1, 3), (4 * 48 + 5, 9 * 48 + 9), 0)).all()


def test_a_small_spot_of_clear_colour_is_colour() -> None:
    plane = np.full((200, 200, 3), 120, np.uint8)
    plane[50:60, 50:60] = (200, 40, 40)  # 0.25 %
    assert colour_of(plane) == "colour"
    pink = np.full((60, 60, 3), 255, np.uint8)
    pink[10:50, 10:50] = (255, 90, 140)
    assert colour_of(pink) == "colour"


def test_a_hint_reaches_a_small_thing(model) -> None:
    rows, columns = np.indices((600, 800))
    disc = (rows - 300) ** 2 + (columns - 400) ** 2 < 12**2
    plane = np.where(disc, 60, 170).astype(np.uint8)[..., None]
    info = Info("png", plane.dtype, 600, 800, 1)
    plain = Colorizer(model)(plane, info).astype(int)
    found = Colorizer(model, hints=(point("400,300,#2040c0"),))(plane, info).astype(int)
    middle = (rows - 300) ** 2 + (columns - 400) ** 2 < 6**2
    assert (found - plain)[middle][:, 2].mean() > 40
    away = (rows - 300) ** 2 + (columns - 400) ** 2 > 60**2
    assert np.abs(found - plain)[away].mean() < 2
