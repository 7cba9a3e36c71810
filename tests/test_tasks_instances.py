"""The ends of a segmentation network: what it is shown, and how its maps become labels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from imgconv.tasks.segment.card import PREPARE, READ, SEGMENT
from imgconv.tasks.segment.prepare import prepare
from imgconv.tasks.segment.read import instances, probability, typical_diameter
from imgconv.tasks.segment.run import segment

CENTRES = [(20, 20, 10), (20, 37, 10), (60, 50, 8), (45, 12, 5)]  # the first two touch


def discs(shape: tuple[int, int] = (80, 90)) -> np.ndarray:
    rows, columns = np.indices(shape)
    labels = np.zeros(shape, np.int32)
    for number, (y, x, radius) in enumerate(CENTRES, 1):
        near = (rows - y) ** 2 + (columns - x) ** 2 < radius**2
        labels[near & ((columns < 28.5) | (number != 1)) & (labels == 0)] = number
    return labels


def ideal(labels: np.ndarray) -> np.ndarray:
    """Maps of a network that knows the answer."""
    maps = np.zeros((4, *labels.shape), np.float32)
    maps[0] = np.where(labels > 0, 8, -8)
    maps[1] = -8
    areas = np.maximum(np.bincount(labels.ravel()), 1)
    maps[3] = np.log2(np.sqrt(areas * 4 / np.pi) / 24)[labels]
    for number in range(1, labels.max() + 1):
        distance = ndimage.distance_transform_edt(labels == number)
        maps[2] += distance / distance.max()
    return maps


def same_partition(a: np.ndarray, b: np.ndarray) -> bool:
    pairs = np.unique(np.stack([a.ravel(), b.ravel()]), axis=1).shape[1]
    return pairs == np.unique(a).size == np.unique(b).size


def test_ideal_maps_give_back_their_labels() -> None:
    labels = discs()
    found = instances(ideal(labels))
    assert found.dtype == np.int32
    assert same_partition(found > 0, labels > 0)
    assert found.max() == 4
    for number in range(1, 5):
        best = max(
            ((labels == number) & (found == n)).sum() / ((labels == number) | (found == n)).sum()
            for n in range(1, 5)
        )
        assert best > 0.95


def test_labels_are_consecutive_and_small_objects_are_left_out() -> None:
    found = instances(ideal(discs()), READ | {"smallest": 120})
    assert np.unique(found).tolist() == [0, 1, 2, 3]


def test_objects_are_solid_and_what_two_enclose_stays_background() -> None:
    labels = discs()
    maps, true = ideal(labels), labels.copy()
    maps[0][19:22, 14:16] = -8  # within the first
    maps[0][18:21, 27:30] = true[18:21, 27:30] = -8  # where the first two touch
    maps[0][60, :47] = true[60, :47] = -8  # a slit from the outside into the third
    true[true < 0] = 0
    assert same_partition(instances(maps, READ | {"lowest": 0.4, "smooth": 0.0}), true)


def test_numbers_go_from_top_to_bottom() -> None:
    found = instances(ideal(discs()))
    tops = [box[0].start for box in ndimage.find_objects(found)]
    assert tops == sorted(tops) and len(tops) == 4


def test_a_seam_divides_what_the_distance_alone_does_not() -> None:
    maps = np.full((4, 30, 60), -8, np.float32)
    maps[0, 5:25, 5:55] = 8
    maps[2] = np.where(maps[0] > 0, 0.8, 0)
    assert instances(maps).max() == 1
    maps[1, :, 29:31] = 8
    found = instances(maps)
    assert found.max() == 2
    assert found[15, 10] != found[15, 50]


def test_a_shallow_dip_does_not_divide() -> None:
    labels = discs()
    assert instances(ideal(labels), READ | {"dip": 0.95}).max() == 3


@pytest.mark.parametrize("value", [0, 7, 65535])
def test_a_constant_image_is_prepared_to_zeros(value: int) -> None:
    assert not prepare(np.full((20, 30), value, np.uint16)).any()


def test_preparation_does_not_depend_on_the_units_of_intensity() -> None:
    pixels = np.random.default_rng(0).integers(0, 200, (40, 50, 1)).astype(np.uint8)
    base = prepare(pixels)
    assert base.shape == (4, 40, 50)
    assert base.dtype == np.float32
    np.testing.assert_allclose(base, prepare(pixels.astype(np.uint16) * 257), atol=1e-4)
    np.testing.assert_allclose(base, prepare(pixels / 1e5 - 3.0), atol=1e-3)
    low, high = np.percentile(pixels, [1, 99.8])
    middle = (pixels[:, :, 0] - low) / (high - low)
    np.testing.assert_allclose(base[1], np.clip(middle, -0.5, 3), atol=1e-5)


def test_colours_share_one_scale() -> None:
    pixels = np.random.default_rng(0).random((30, 30, 3)).astype(np.float32) * [1, 0.5, 0.25]
    ratio = prepare(pixels)[:3].reshape(3, -1).std(1)
    np.testing.assert_allclose(ratio[0] / ratio[1:], [2, 4], rtol=0.2)


def test_the_fourth_channel_brings_up_what_is_faint_and_keeps_the_levels() -> None:
    image = prepare(
        np.linspace(0, 1, 10_001).reshape(73, 137).astype(np.float32), PREPARE | {"high": 99}
    )
    linear, faint = image[0].ravel(), image[3].ravel()
    assert (np.diff(faint) >= 0).all()
    at = [np.abs(linear - level).argmin() for level in (0, 0.01, 0.1, 1)]
    np.testing.assert_allclose(faint[at], np.arcsinh([0, 0.3, 3, 30]) / np.arcsinh(30), atol=2e-3)


def test_small_objects_are_told_apart_where_they_are_large() -> None:
    labels = discs()

    def network(image: np.ndarray) -> np.ndarray:
        height, width = image.shape[1:]
        rows, columns = np.arange(height) * 80 // height, np.arange(width) * 90 // width
        return ideal(labels[rows][:, columns])

    result = segment(labels.astype(np.uint8), network, diameter=8)
    assert result.scale == 3
    assert result.labels.shape == labels.shape
    assert np.unique(result.labels).tolist() == [0, 1, 2, 3, 4]
    assert ((result.labels > 0) == (labels > 0)).mean() > 0.97
    assert result.probability.shape == labels.shape


@pytest.mark.parametrize("diameter", [8.0, 24.0, 48.0])
def test_a_users_smallest_area_counts_pixels_of_the_image(diameter: float) -> None:
    labels = discs()

    def network(image: np.ndarray) -> np.ndarray:
        height, width = image.shape[1:]
        rows, columns = np.arange(height) * 80 // height, np.arange(width) * 90 // width
        return ideal(labels[rows][:, columns])

    def count(least: float) -> int:
        card = SEGMENT.card(read={"least": least, "smallest": 10_000})
        return int(segment(labels.astype(np.uint8), network, card, diameter).labels.max())

    assert count(40) == 4  # the smallest disc has 69 pixels, the next 193
    assert count(120) == 3


def test_values_that_are_no_numbers_do_not_spread() -> None:
    pixels = np.random.default_rng(0).random((30, 30)).astype(np.float32)
    clean = prepare(pixels)
    pixels[3, 4], pixels[5, 6] = np.nan, np.inf
    prepared = prepare(pixels)
    assert np.isfinite(prepared).all()
    np.testing.assert_allclose(prepared[:, 10:], clean[:, 10:], atol=0.01)


def test_four_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="4 channels"):
        prepare(np.zeros((8, 8, 4), np.uint8))


def test_an_empty_image_has_no_objects_and_no_diameter() -> None:
    maps = np.full((4, 32, 48), -8, np.float32)
    result = segment(np.zeros((32, 48), np.uint8), lambda image: maps)
    assert not result.labels.any()
    assert result.diameter is None
    assert result.probability.max() < 0.01


def test_objects_out_of_the_known_range_are_looked_at_in_another_size() -> None:
    labels = discs()
    seen: list[tuple[int, ...]] = []

    def network(image: np.ndarray) -> np.ndarray:
        seen.append(image.shape[1:])
        height, width = image.shape[1:]
        rows, columns = np.arange(height) * 80 // height, np.arange(width) * 90 // width
        return ideal(labels[rows][:, columns])

    result = segment(
        labels.astype(np.uint8), network, SEGMENT.card(read={"diameters": [4, 8], "usual": 10})
    )
    assert seen[0] == (80, 90)
    assert len(seen) == 3  # as it is, at half the size, and again, until the scale stays
    assert result.scale == pytest.approx(10 / 20, abs=0.03)
    assert result.labels.shape == (80, 90)


def test_the_typical_diameter_is_that_of_most_object_pixels() -> None:
    labels = discs()
    assert typical_diameter(ideal(labels)) == pytest.approx(20, abs=1)
    assert typical_diameter(ideal(labels * 0)) is None


def test_a_given_diameter_decides_the_scale_at_once() -> None:
    labels, sides = discs(), []

    def network(image: np.ndarray) -> np.ndarray:
        sides.append(image.shape[2])
        return np.full((4, *image.shape[1:]), -8, np.float32)

    for diameter in (8, 24, 120):
        segment(labels.astype(np.uint8), network, diameter=diameter)
    assert sides == [270, 90, 18]


def test_probability_is_the_logistic_of_the_first_map() -> None:
    maps = np.array([[[-1000, 0, 2]]], np.float32)
    np.testing.assert_allclose(probability(maps), [[0, 0.5, 0.880797]], atol=1e-6)
