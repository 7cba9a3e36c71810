"""Numbers of an object do not depend on what else is in the field, on canvas, units or size."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from imgconv.steps.segment_network import SegmentNetwork
from imgconv.tasks.load import load
from imgconv.tasks.segment.levels import commonest, find_levels, standing_out
from imgconv.tasks.segment.run import Segmentation, segment

GROUND, NOISE, SIGNAL = 300.0, 12.0, 1500.0


def field(
    side: int = 256, count: int = 14, radius: float = 10, seed: int = 3, more: tuple = ()
) -> np.ndarray:
    """(side, side) uint16: blurred discs that do not touch, of unequal brightness, on noise; the
    last ones have the radii of `more`."""
    rng = np.random.default_rng(seed)
    image, places = np.zeros((side, side)), np.zeros((0, 3))
    rows, columns = np.indices(image.shape)
    for size in [radius] * count + list(more):
        while True:
            place = rng.uniform(1.2 * size, side - 1.2 * size, 2)
            apart = np.hypot(*(places[:, :2] - place).T) - 1.2 * (places[:, 2] + size)
            if apart.min(initial=9) > 4:
                break
        places = np.vstack([places, [*place, size]])
        inside = np.hypot(rows - place[0], columns - place[1]) < size * rng.uniform(0.85, 1.15)
        image += inside * SIGNAL * rng.uniform(0.7, 1.3)
    image = cv2.GaussianBlur(image, (0, 0), 1.2) + GROUND + rng.normal(0, NOISE, image.shape)
    return image.clip(0, 65535).astype(np.uint16)


@pytest.fixture(scope="module")
def find():
    model, card = load("nuclei", "segment")
    network = SegmentNetwork(model)
    return lambda image: segment(image, network, card)


@pytest.fixture(scope="module")
def usual(find) -> tuple[np.ndarray, Segmentation]:
    image = field()
    return image, find(image)


def numbers(found: Segmentation) -> tuple[int, float]:
    """How many objects, and their mean area in pixels."""
    count = int(found.labels.max())
    return count, np.count_nonzero(found.labels) / max(1, count)


def padded(image: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """With background around it, of the same level and noise."""
    rng = np.random.default_rng(9)
    height, width = image.shape
    wide = rng.normal(GROUND, NOISE, (height + 2 * rows, width + 2 * columns))
    wide[rows : rows + height, columns : columns + width] = image
    return wide.clip(0, 65535).astype(np.uint16)


def with_flake(image: np.ndarray) -> np.ndarray:
    changed = image.copy()
    changed[2:9, 2:60] = 65535
    return changed


def enlarged(image: np.ndarray, factor: float) -> np.ndarray:
    return cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)


CHANGES = {
    "padded": (lambda image: padded(image, 100, 100), 1, 1),
    "another canvas": (lambda image: padded(image, 0, 150), 1, 1),
    "tiled": (lambda image: np.tile(image, (2, 2)), 4, 1),
    "a flake": (with_flake, 1, 1),
    "other units": (lambda image: (image.astype(np.float32) * 0.013 - 7), 1, 1),
    "inverted": (lambda image: 65535 - image, 1, 1),
    "enlarged 1.5": (lambda image: enlarged(image, 1.5), 1, 1.5),
    "enlarged 2": (lambda image: enlarged(image, 2), 1, 2),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_counts_and_areas_stay_what_they_are(find, usual, change) -> None:
    function, times, factor = CHANGES[change]
    image, before = usual
    count, area = numbers(before)
    assert count == 14
    found, areas = numbers(find(function(image)))
    assert found == times * count
    assert areas / factor**2 == pytest.approx(area, rel=0.03)


def test_a_crop_has_the_objects_that_the_whole_has_there(find, usual) -> None:
    image, before = usual
    crop = find(image[:, 60:])
    whole = before.labels[:, 60:]
    same = (crop.labels > 0) == (whole > 0)
    assert np.count_nonzero(~same) < 0.03 * np.count_nonzero(whole)


def test_large_nuclei_are_found_without_being_told(find) -> None:
    found = find(field(500, 2, 75))
    assert found.labels.max() == 2
    assert found.diameter == pytest.approx(150, rel=0.2)


@pytest.mark.parametrize("large, small, few", [(36, 8, 2), (60, 10, 1)])
def test_objects_of_different_sizes_are_found_in_one_field(find, large, small, few) -> None:
    """Whichever of them sets the scale: the large ones have more pixels, or are not seen at all."""
    found = find(field(300, few, large, more=(small,) * 12))
    areas = np.sort(np.bincount(found.labels.ravel())[1:])
    assert len(areas) == 12 + few
    assert areas[:12].max() < 5 * small**2 and areas[12:].min() > 2 * large**2


def test_glass_beside_tissue_changes_no_levels() -> None:
    rng = np.random.default_rng(2)
    tissue = np.full((400, 400, 3), (200, 150, 190), np.float32)
    inside = np.zeros((400, 400), bool)
    for y, x in rng.integers(10, 390, (90, 2)):
        inside[y - 8 : y + 8, x - 8 : x + 8] = True
    tissue[inside] = (90, 60, 140)
    tissue += rng.normal(0, 4, tissue.shape)
    glass = np.full((900, 900, 3), 245, np.float32)
    glass[250:650, 250:650] = tissue
    alone = find_levels(tissue, inside, 16)
    whole = find_levels(glass, np.pad(inside, 250), 16)
    assert alone and whole and whole.like(alone)


def test_the_commonest_level_is_that_of_the_background() -> None:
    ground, noise = commonest(field())
    assert ground == pytest.approx(GROUND, abs=5) and noise == pytest.approx(NOISE, rel=0.3)


def test_what_stands_out_is_found_bright_or_dark_and_nothing_in_noise() -> None:
    image = field().astype(np.float32)
    levels, where = standing_out(image)
    dark, same = standing_out(-image)
    assert levels and dark and np.array_equal(where, same)
    assert dark.span == pytest.approx(-levels.span, rel=1e-3)
    assert 0.04 < where.mean() < 0.1
    noise = np.random.default_rng(0).normal(GROUND, NOISE, (200, 200)).astype(np.float32)
    assert standing_out(noise)[0] is None
    assert standing_out(np.full((50, 50), np.nan, np.float32))[0] is None


def test_levels_of_objects_found_are_those_of_their_pixels() -> None:
    image = np.full((60, 60), 100, np.float32)
    image[20:40, 20:40] = 500
    levels = find_levels(image[..., None], image > 200, 20)
    assert levels and (500 - levels.zero) / levels.span == pytest.approx(0.639, abs=1e-3)
    assert (100 - levels.zero) / levels.span == pytest.approx(0.024, abs=1e-3)
    assert find_levels(image[..., None], image > 900, 20) is None


def test_where_light_passes_through_nothing_is_inverted() -> None:
    grey = np.full((90, 90), 240, np.float32)  # glass, on it a cell, in it a nucleus
    grey[10:50, 10:50] = 170
    grey[20:40, 20:40] = 60
    dark, levels = grey < 100, find_levels(grey[..., None], grey < 100, 20)
    assert levels and levels.span == pytest.approx((240 - 60) / 0.98) and levels.zero == 60
    stain = np.stack([grey, grey - 40, grey], 2)  # in colour always: the darkest counts
    levels = find_levels(stain, dark, 20)
    assert levels and levels.span > 0 and levels.zero == 20
    levels = find_levels(255 - grey[..., None], dark, 20)
    assert levels and levels.span > 0
    negative = find_levels(np.where(dark, 60, 240).astype(np.float32)[..., None], dark, 20)
    assert negative and negative.span < 0
