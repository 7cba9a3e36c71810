"""Pictures of labels: their sizes, contrast, outlines and numbers."""

from __future__ import annotations

import numpy as np
import pytest

from imgconv.tasks.labels.caption import scale_bar, with_caption
from imgconv.tasks.labels.overlay import LARGE, ON_BRIGHT, ON_DARK, factors, overlay, stretch


def grid(side: int, step: int, cell: int) -> np.ndarray:
    labels = np.zeros((side, side), np.int32)
    for n, (y, x) in enumerate(np.ndindex(side // step, side // step), 1):
        labels[y * step : y * step + cell, x * step : x * step + cell] = n
    return labels


@pytest.mark.parametrize(
    ("side", "step", "cell", "expected"),
    [
        (250, 50, 40, (4, 1)),  # small images are enlarged
        (1000, 100, 60, (1, 1)),
        (1000, 30, 9, (3, 1)),  # so are small objects
        (5000, 500, 60, (1, 2)),  # large images are reduced
    ],
)
def test_pictures_are_neither_small_nor_large(side, step, cell, expected):
    labels = grid(side, step, cell)
    grown, shrunk = factors(labels)
    assert (grown, shrunk) == expected
    picture = overlay(np.zeros((side, side, 1), np.uint8), labels)
    assert picture.shape == (-(-side * grown // shrunk),) * 2 + (3,)
    assert max(picture.shape) <= LARGE


def test_an_odd_size_is_reduced_with_its_labels():
    labels = np.zeros((4099, 101), np.int32)
    labels[-3:, -3:] = 1
    picture = overlay(np.zeros((4099, 101, 1), np.uint16), labels)
    assert picture.shape == (2050, 51, 3) and picture[-2, -2].max() > 80


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_dim_and_bright_images_fill_the_whole_range(dtype):
    ramp = np.linspace(10, 60, 10_000).reshape(100, 100, 1).astype(dtype)
    for pixels in (ramp, np.repeat(ramp, 3, axis=2)):
        shown = stretch(pixels)
        assert shown.shape == (100, 100, 3) and shown.dtype == np.uint8
        assert shown.min() == 0 and shown.max() == 255
        assert abs(int(shown[50, 0, 0]) - 128) < 8


@pytest.mark.parametrize("value", [0, 7, np.nan, np.inf])
def test_images_of_one_value_have_a_picture(value):
    pixels = np.full((30, 40, 1), value, np.float32)
    assert overlay(pixels, np.zeros((30, 40), np.int32)).shape[2] == 3


def test_outlines_are_bright_on_dark_ground_and_the_reverse():
    labels = grid(1000, 250, 200)
    dark = np.zeros((1000, 1000, 1), np.uint8)
    dark[500:] = 1
    for pixels, colours in ((dark, ON_DARK), (1 - dark, ON_BRIGHT)):
        pixels = pixels.copy()
        pixels[:900] = pixels[0, 0]
        picture = overlay(pixels, labels)
        for label in (6, 7, 11):
            y, x = np.argwhere(labels == label)[5]
            assert tuple(picture[y, x]) == colours[label % len(colours)]
        changed = (picture != stretch(pixels)).any(axis=2)
        assert not changed[labels == 0].any()  # neither outlines nor numbers leave their labels


def test_every_object_with_room_has_its_number_written_into_it():
    labels = grid(1000, 100, 60)
    flat = np.full((1000, 1000, 1), 9, np.uint8)
    picture = overlay(flat, labels)
    written = picture.min(axis=2) > 180  # white, neighbours in part
    for label in range(1, 101):
        assert written[labels == label].any(), label


@pytest.mark.parametrize("width", [40, 96, 300, 1024, 4096])
@pytest.mark.parametrize("side", [1e-4, 0.0325, 0.65, 1.0, 40.0, 3e4])
def test_a_scale_bar_has_a_round_length_that_fits(width, side):
    pixels, name = scale_bar(side, width)
    number, unit = name.split()
    length = float(number) * {"nm": 1e-3, "um": 1, "mm": 1e3}[unit]
    assert number.strip("0.")[0] in "125"
    assert len(number.strip("0.")) == 1
    assert abs(pixels - length / side) <= 0.5
    assert 0.09 * width <= pixels <= 0.26 * width
    if unit != "mm":
        assert 1 <= float(number) < 1000 or unit == "nm"


@pytest.mark.parametrize("width", [40, 300, 1024, 4096])
def test_the_bar_under_the_picture_is_as_long_as_it_says(width):
    picture = np.zeros((50, width, 3), np.uint8)
    found = with_caption(picture, ["a-rather-long-name-of-a-file.tif", "12 objects"], 0.65)
    assert (found[:50] == 0).all() and found.shape[1] == width
    dark = (found[50:].max(axis=2) < 60).astype(np.int8)  # ink on paper
    edges = np.diff(np.pad(dark, ((0, 0), (1, 1))))
    runs = np.concatenate([np.flatnonzero(row == -1) - np.flatnonzero(row == 1) for row in edges])
    assert runs.max() == scale_bar(0.65, width)[0]
    plain = with_caption(picture, ["a.tif", "12 objects"], None)
    assert len(plain) <= len(found)


def test_colours_that_are_given_stay_whatever_the_picture():
    labels = grid(1000, 250, 200)
    bright = np.full((1000, 1000, 1), 250, np.uint8)
    bright[0] = 0
    picture = overlay(bright, labels, None, ON_DARK)
    y, x = np.argwhere(labels == 6)[5]
    assert tuple(picture[y, x]) == ON_DARK[6]
