"""Hints: what they say, where they spread, where they stop."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from imgconv.errors import InputError, UsageError
from imgconv.tasks.colorize.hints import Hint, point, read_hints, spread
from imgconv.tasks.colorize.oklab import lab_of
from imgconv.tasks.large_plane import LargePlane

RED = lab_of(np.float32([1, 0, 0]))[1:]


def halves(size: int = 48) -> np.ndarray:
    """Dark on the left, bright on the right, each with some shading and noise."""
    luma = np.full((size, size), 0.3, np.float32)
    luma[:, size // 2 :] = 0.7
    luma += np.linspace(0, 0.1, size, dtype=np.float32)[:, None]
    return luma + np.random.default_rng(0).normal(0, 0.004, luma.shape).astype(np.float32)


def nothing(luma: np.ndarray) -> np.ndarray:
    return np.zeros((2, *luma.shape), np.float32)


def chroma_with(
    hints: tuple[Hint, ...], size: tuple[int, int], luma: np.ndarray, guess: np.ndarray
) -> np.ndarray:
    """(h, w, 2)."""
    kept, added = spread(hints, size, luma, guess)
    return np.moveaxis(kept * guess + added, 0, 2)


def test_a_point_is_read_and_other_text_is_not() -> None:
    hint = point("12,7,#ff0000")
    assert hint is not None and (hint.columns[0], hint.rows[0]) == (12, 7)
    np.testing.assert_allclose(hint.chroma[0], RED, atol=1e-5)
    assert point("12,7,ff0000") is not None
    assert (point(" 12, 7, #f00").chroma == hint.chroma).all()
    for text in ("12,7", "12,7,#ff00", "-1,7,#ff0000", "photo.png", "1.5,2,#ff0000"):
        assert point(text) is None


def test_a_hint_fills_its_region_and_stops_at_the_edge() -> None:
    luma = halves()
    found = chroma_with((point("40,60,#ff0000"),), (192, 192), luma, nothing(luma))
    strength = found @ RED / (RED @ RED)
    assert strength[15, 10] == pytest.approx(1, abs=0.02)  # where it was put
    assert strength[:, :22].min() > 0.5
    assert strength[:, 26:].max() < 0.02


def test_two_hints_each_rule_their_own_side() -> None:
    luma = halves()
    hints = (point("10,20,#ff0000"), point("40,20,#0000ff"))
    found = chroma_with(hints, (48, 48), luma, nothing(luma))
    blue = lab_of(np.float32([0, 0, 1]))[1:]
    assert (found[:, :20] @ RED > found[:, :20] @ blue).all()
    assert (found[:, 28:] @ blue > found[:, 28:] @ RED).all()


def test_texture_as_rough_as_around_the_hint_does_not_stop_it() -> None:
    rng = np.random.default_rng(1)
    luma = (0.4 + rng.normal(0, 0.05, (40, 40))).clip(0, 1).astype(np.float32)
    found = chroma_with((point("20,20,#ff0000"),), (40, 40), luma, nothing(luma))
    assert np.median(found @ RED / (RED @ RED)) > 0.8


def test_a_grey_hint_takes_the_guess_away_and_the_rest_keeps_it() -> None:
    luma = halves()
    guess = np.full((2, 48, 48), 0.1, np.float32)
    found = chroma_with((point("10,20,#808080"),), (48, 48), luma, guess)
    assert np.abs(found[20, 10]).max() < 0.005
    np.testing.assert_allclose(found[:, 28:], 0.1, atol=0.003)


def test_the_colour_is_weaker_in_the_shade() -> None:
    luma = np.repeat(np.linspace(0.2, 0.6, 40, dtype=np.float32)[:, None], 40, 1)
    found = chroma_with((point("20,39,#ff0000"),), (40, 40), luma, nothing(luma)) @ RED
    assert found[30, 20] < found[39, 20]


def painted(base: np.ndarray) -> np.ndarray:
    """RGB like this (H, W, 3) with two patches."""
    plane = base.copy()
    plane[2:5, 3:6] = (200, 30, 30)
    plane[12:15, 20:25] = (30, 30, 200)
    return plane


def test_what_is_opaque_or_of_another_colour_than_the_picture_is_painted() -> None:
    grey = np.full((20, 30, 1), 90, np.uint8)
    sepia = np.full((20, 30, 3), (120, 90, 60), np.uint8)
    alpha = np.zeros((20, 30, 1), np.uint8)
    alpha[2:5, 3:6] = alpha[12:15, 20:25] = 255
    on_grey = painted(np.repeat(grey, 3, 2))
    layer = np.concatenate([on_grey, alpha], 2)
    for plane, kind, picture in (
        (on_grey, "none", grey),
        (painted(sepia), "none", sepia),
        (on_grey, "none", sepia),
        (layer, "straight", grey),
    ):
        hint = read_hints(plane, kind, "hints.png").on(LargePlane.of(picture), "none")
        assert len(hint.rows) == 24
        assert (hint.chroma[hint.rows < 9, 0] > 0.1).all()
        assert (hint.chroma[hint.rows > 9, 1] < 0).all()


@pytest.mark.parametrize("options", [{"quality": 80}, {"quality": 95, "subsampling": 0}])
def test_strokes_saved_as_jpeg_are_what_was_painted(options) -> None:
    rng = np.random.default_rng(1)
    grey = rng.integers(60, 190, (120, 160, 1)).astype(np.uint8)
    plane = np.repeat(grey, 3, 2)
    plane[30:37, 20:90], plane[80:87, 60:140] = (200, 30, 30), (30, 30, 200)
    file = io.BytesIO()
    Image.fromarray(plane).save(file, "JPEG", **options)
    own = np.asarray(Image.open(file))
    hint = read_hints(own, "none", "h.jpg", blurred=True).on(LargePlane.of(grey), "none")
    inside = ((hint.rows >= 29) & (hint.rows < 38)) | ((hint.rows >= 79) & (hint.rows < 88))
    assert inside.mean() > 0.97 and len(hint.rows) > 600
    red = np.median(hint.chroma[hint.rows < 50], 0)
    np.testing.assert_allclose(red, lab_of(np.float32((200, 30, 30)) / 255)[1:], atol=0.03)


def test_strokes_that_touch_keep_their_colours() -> None:
    luma = halves()
    plane = np.zeros((48, 48, 4), np.uint8)
    plane[20:24, 12:24] = (200, 30, 30, 255)
    plane[20:24, 24:36] = (30, 30, 200, 255)
    hint = read_hints(plane, "straight", "h").on(LargePlane.of(np.zeros((48, 48, 1))), "none")
    found = chroma_with((hint,), (48, 48), luma, nothing(luma))
    for place, colour in (((22, 6), (200, 30, 30)), ((22, 42), (30, 30, 200))):
        wanted = lab_of(np.float32(colour) / 255)[1:]
        np.testing.assert_allclose(found[place], wanted, atol=0.02)


def test_a_hint_image_may_be_all_specks() -> None:
    rng = np.random.default_rng(3)
    luma = halves(100)
    plane = rng.integers(0, 256, (300, 300, 3)).astype(np.uint8)
    hint = read_hints(plane, "none", "h").on(
        LargePlane.of(np.zeros((300, 300, 1), np.uint8)), "none"
    )
    kept, added = spread((hint,), (300, 300), luma, nothing(luma))
    assert kept.max() < 0.1 and np.isfinite(added).all()


@pytest.mark.parametrize(
    ("plane", "alpha", "said"),
    [
        (np.full((4, 4, 1), 9, np.uint8), "none", "found grey"),
        (np.zeros((4, 4, 4), np.uint8), "straight", "no hint in it"),
    ],
)
def test_an_image_that_can_hold_no_hint_is_refused(plane, alpha, said) -> None:
    with pytest.raises(UsageError, match=said):
        read_hints(plane, alpha, "hints.png")


def test_hints_that_do_not_fit_the_picture_are_refused() -> None:
    picture = np.zeros((10, 20, 1), np.uint8)
    with pytest.raises(InputError, match=r"30,2 lies outside of the picture: X is 0 to 19"):
        point("30,2,#ff0000").on(LargePlane.of(picture), "none")
    plane = np.full((5, 5, 3), 9, np.uint8)
    with pytest.raises(InputError, match="the hint image is 5x5, the picture 20x10"):
        read_hints(plane, "none", "h").on(LargePlane.of(picture), "none")
    with pytest.raises(InputError, match="no hint in it"):
        read_hints(plane, "none", "h").on(LargePlane.of(plane), "none")
