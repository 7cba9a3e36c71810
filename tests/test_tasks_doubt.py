"""Doubt is said of images that are no fields of nuclei, and not of those that are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from skimage import data

from imgconv.steps.segment_network import SegmentNetwork
from imgconv.tasks.load import load
from imgconv.tasks.segment.doubt import (
    CLIPPED,
    EMPTY,
    GIVEN,
    MEANING,
    MISSED,
    NO_NUMBERS,
    ONE_VALUE,
    SIZES,
    UNSURE,
    describe,
    doubts,
)
from imgconv.tasks.segment.run import segment


@pytest.fixture(scope="module")
def doubt():
    model, card = load("nuclei", "segment")
    network = SegmentNetwork(model)
    return lambda image: segment(image, network, card).doubt


@pytest.fixture
def field() -> np.ndarray:
    """(256, 256): nuclei from the project's own generator."""
    path = Path(__file__).parent.parent / "samples/cells/field-1.tif"
    return tifffile.imread(path)[:256, :256]


def test_a_field_of_nuclei_is_not_doubted_unless_it_is_clipped(doubt, field) -> None:
    assert doubt(field) == ()
    bright = np.percentile(field, 99.8)
    assert doubt((field / bright * 700).clip(0, 255).astype(np.uint8)) == (CLIPPED,)


def test_a_photograph_and_a_page_are(doubt) -> None:
    assert UNSURE in doubt(data.astronaut()[::2, ::2])
    assert UNSURE in doubt(data.camera()[::2, ::2])
    assert doubt(data.page())


def test_nothing_found_is_said_and_whether_there_is_something(doubt) -> None:
    rng = np.random.default_rng(0)
    assert doubt(rng.normal(500, 9, (128, 128)).astype(np.uint16)) == (EMPTY,)
    assert doubt(rng.normal(90, 5, (64, 64)).astype(np.uint8)) == (EMPTY,)
    for value in (0, 7, 255):
        assert doubt(np.full((64, 64), value, np.uint8)) == (ONE_VALUE,)
    assert doubt(np.full((64, 64), np.nan, np.float32)) == (NO_NUMBERS,)
    rows = np.indices((128, 128))[0]
    stripes = np.where(rows // 2 % 32 == 0, 900, 100) + rng.normal(0, 9, rows.shape)
    assert set(doubt(stripes.astype(np.uint16))) & {MISSED, UNSURE, SIZES}


def maps(likely: float, sizes: tuple[float, float]) -> np.ndarray:
    found = np.zeros((4, 20, 20), np.float32)
    found[0] = np.log(likely / (1 - likely))
    found[3, :10], found[3, 10:] = sizes
    return found


@pytest.mark.parametrize(
    ("likely", "sizes", "expected"),
    [
        (0.95, (0, 0.2), ()),
        (0.7, (0, 0), (UNSURE,)),
        (0.95, (-1, 1), (SIZES,)),
        (0.95, (1, 1), (SIZES,)),
    ],
)
def test_each_doubt_has_its_measure(likely, sizes, expected) -> None:
    planes = np.arange(400, dtype=np.uint16).reshape(20, 20, 1)
    labels = np.ones((20, 20), np.int32)
    scale = 24 / np.sqrt(400 * 4 / np.pi)
    assert doubts(planes, labels, maps(likely, sizes), scale, {"sure": 0.865}) == expected


@pytest.mark.parametrize(("given", "expected"), [(20, ()), (9, (GIVEN,)), (60, (GIVEN,))])
def test_a_diameter_that_the_objects_do_not_have_is_doubted(given, expected) -> None:
    planes = np.arange(400, dtype=np.uint16).reshape(20, 20, 1)
    labels = np.ones((20, 20), np.int32)
    scale = 24 / np.sqrt(400 * 4 / np.pi)
    found = doubts(planes, labels, maps(0.95, (0, 0.2)), scale, {"sure": 0.865}, given)
    assert found == expected


def test_every_doubt_is_explained() -> None:
    assert all(text in describe(MEANING) for pair in MEANING.items() for text in pair)
