"""Holes in stained tissue are no nuclei."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import standin
from scipy import ndimage

from imgconv.steps.segment_network import SegmentNetwork
from imgconv.tasks.large_plane import LargePlane
from imgconv.tasks.load import load
from imgconv.tasks.segment import large
from imgconv.tasks.segment.levels import Levels
from imgconv.tasks.segment.run import Viewer, _read, _without_holes
from imgconv.tasks.segment.stained import find_holes, sum_around

TISSUE, NUCLEUS, GLASS, BROWN, PALE = (
    np.array(colour)
    for colour in ((210, 150, 190), (110, 60, 140), (245, 243, 244), (120, 80, 50), (150, 140, 160))
)


def painted(*spots: tuple[int, int, np.ndarray, np.ndarray | None]) -> tuple[np.ndarray, ...]:
    """A picture (120, 160, 3) of tissue with discs of radius 8, in some a wider one around, and
    labels."""
    y, x = np.mgrid[:120, :160]
    noise = np.random.default_rng(0).normal(0, 4, (120, 160, 3))
    picture, labels = (
        np.broadcast_to(TISSUE, (120, 160, 3)).astype(float),
        np.zeros((120, 160), int),
    )
    for number, (row, column, colour, around) in enumerate(spots, 1):
        away = np.hypot(y - row, x - column)
        if around is not None:
            picture[away < 26] = around
        picture[away < 8] = colour
        labels[away < 8] = number
    return (picture + noise).clip(0, 255).astype(np.uint8), labels


def test_only_what_is_glass_among_darker_ground_is_a_hole() -> None:
    picture, labels = painted(
        (30, 30, NUCLEUS, None), (30, 110, GLASS, None), (85, 40, PALE, BROWN),
        (90, 120, NUCLEUS, GLASS),
    )  # fmt: skip
    levels = Levels(80.0, 160.0)
    plane = LargePlane.of(picture)
    holes = find_holes(plane, lambda top, end: labels[top:end], 4, 16, levels)
    assert holes.tolist() == [False, False, True, False, False]


def test_sums_are_those_of_all_places_in_reach() -> None:
    values = np.random.default_rng(1).integers(0, 1000, (13, 29))
    ones = np.ones((7, 7), int)
    expected = ndimage.convolve(values, ones, mode="constant")
    assert np.array_equal(sum_around(values, 3), expected)


@pytest.mark.parametrize("seed", range(3))
def test_large_pictures_lose_the_same_objects(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-in finds what is bright: discs of three colours."""
    model, card = load(standin.model(tmp_path / "net.safetensors"), "segment")
    network, rng = SegmentNetwork(model), np.random.default_rng(seed)
    y, x = np.mgrid[:300, :90]
    picture = np.full((300, 90, 3), (40, 60, 50), np.uint8)
    for _ in range(30):
        row, column = rng.integers(0, 300), rng.integers(0, 90)
        colour = ((250, 250, 250), (190, 180, 185), (250, 20, 240))[rng.integers(3)]
        picture[np.hypot(y - row, x - column) < rng.integers(3, 8)] = colour
    facts = replace(large.find_facts(picture, network, card), through=True, diameter=10.0)
    viewer = Viewer(picture, network, card)
    seen = viewer.look(facts.first.levels, facts.first.scale)
    labels, _ = _read(seen, viewer.size, card)
    expected = _without_holes(picture, labels, 10.0, facts.first.levels)
    assert 0 < expected.max() < labels.max()
    monkeypatch.setattr("imgconv.tasks.large_plane.BAND", 9000)
    found = large.segment_by(facts, LargePlane.of(picture), network, card)
    assert np.array_equal(np.concatenate(list(found.labels.rows())), expected)
