"""Pictures of labels: their sizes, contrast, outlines and numbers."""

from __future__ import annotations

import numpy as np
import pytest

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
