"""Outlines: polygons enclose exactly the labelled pixels, in ImageJ's and in QuPath's form."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
import roifile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from imgconv.tasks.labels.geojson import Features
from imgconv.tasks.labels.outline import Polygon, area, outlines, polygons
from imgconv.tasks.labels.rois import RoiArchive, name_in_stack, roi

MASKS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)).filter(np.any)
RING = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], bool)
# A hole that touches the outside diagonally, and a part of its own.
HARD = np.array([[1, 1, 1, 0, 0], [1, 0, 1, 0, 1], [1, 1, 0, 0, 0], [0, 0, 0, 1, 1]], bool)


def total(parts: list[Polygon]) -> float:
    return sum(area(ring) for part in parts for ring in (part.outer, *part.holes))


def filled(rings: list[list[tuple[float, float]]], shape: tuple[int, int]) -> np.ndarray:
    """The pixels whose middle lies within: an odd number of edges to the left of it."""
    mask = np.zeros(shape, bool)
    for i, j in np.ndindex(*shape):
        for ring in rings:
            for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], ring[0]], strict=True):
                if x0 == x1 and x0 < j + 0.5 and min(y0, y1) < i + 0.5 < max(y0, y1):
                    mask[i, j] ^= True
    return mask


def rings_of(parts: list[Polygon]) -> list[list[tuple[int, int]]]:
    return [ring for part in parts for ring in (part.outer, *part.holes)]


@settings(max_examples=200, deadline=None)
@given(MASKS)
def test_polygons_enclose_as_much_as_was_labelled_and_where_it_was(mask):
    parts = polygons(mask)
    assert total(parts) == mask.sum()
    assert np.array_equal(filled(rings_of(parts), mask.shape), mask)


@settings(max_examples=200, deadline=None)
@given(MASKS)
def test_rings_come_to_no_point_twice_and_turn_at_every_one(mask):
    for ring in rings_of(polygons(mask)):
        assert len(set(ring)) == len(ring) >= 4
        for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], ring[0]], strict=True):
            assert (x0 == x1) != (y0 == y1)


@settings(max_examples=200, deadline=None)
@given(MASKS)
def test_every_part_that_hangs_together_is_a_polygon_with_its_own_holes(mask):
    parts = polygons(mask)
    connected, count = ndimage.label(mask)
    assert len(parts) == count
    pieces = {filled([p.outer, *p.holes], mask.shape).tobytes() for p in parts}
    assert pieces == {(connected == n).tobytes() for n in range(1, count + 1)}


def test_outlines_lie_where_the_labels_do():
    labels = np.zeros((9, 12), int)
    labels[2:5, 7:10] = np.where(RING, 4, 0)
    labels[0, 0] = 2
    found = dict(outlines(labels))
    assert list(found) == [2, 4]
    assert found[2] == [Polygon([(0, 0), (1, 0), (1, 1), (0, 1)])]
    (ring,) = found[4]
    assert set(ring.outer) == {(7, 2), (10, 2), (10, 5), (7, 5)}
    assert [set(hole) for hole in ring.holes] == [{(8, 3), (9, 3), (9, 4), (8, 4)}]


@pytest.mark.parametrize("mask", [RING, HARD, np.ones((2, 3), bool)])
def test_a_roi_read_back_by_roifile_encloses_the_label(mask):
    parts = polygons(mask, left=3, top=40)
    read = roifile.ImagejRoi.frombytes(roi("0007", parts, {"T": 2, "Z": 5}, True).tobytes())
    assert (read.name, read.t_position, read.z_position, read.c_position) == ("0007", 2, 5, 0)
    height, width = mask.shape
    assert (read.left, read.top) == (3, 40)
    assert (read.right, read.bottom) == (3 + width, 40 + height)
    coordinates = read.coordinates(multi=True)
    rings = [[(x - 3, y - 40) for x, y in ring.tolist()] for ring in coordinates]
    assert np.array_equal(filled(rings, mask.shape), mask)


def test_simple_labels_are_traced_polygons_and_others_composites():
    simple = roi("1", polygons(np.ones((2, 3), bool)), {}, False)
    assert simple.roitype == roifile.ROI_TYPE.TRACED and not simple.composite
    assert simple.integer_coordinates.tolist() == [[0, 0], [3, 0], [3, 2], [0, 2]]
    assert roi("1", polygons(RING), {}, False).composite


def test_rois_beyond_the_sixteen_bits_of_their_coordinates_stay_where_they_are():
    parts = polygons(np.ones((2, 3), bool), left=70_000, top=62_000)
    read = roifile.ImagejRoi.frombytes(roi("1", parts, {}, False).tobytes())
    assert read.coordinates().min(axis=0).tolist() == [70_000, 62_000]


def test_the_zip_of_rois_is_the_same_every_time():
    def archive() -> bytes:
        made = RoiArchive()
        made.add("0001", polygons(RING), {}, False)
        made.add("0002", polygons(HARD), {"Z": 3}, False)
        file = io.BytesIO()
        made.write(file)
        return file.getvalue()

    assert archive() == archive()
    with zipfile.ZipFile(io.BytesIO(archive())) as file:
        assert file.namelist() == ["0001.roi", "0002.roi"] and file.testzip() is None


@settings(max_examples=50, deadline=None)
@given(MASKS, st.integers(0, 3))
def test_geojson_polygons_are_closed_and_oriented_as_rfc_7946_wants(mask, plane):
    features = Features()
    features.add("0001", polygons(mask), {"T": plane + 1}, {"area_px": float(mask.sum())})
    file = io.BytesIO()
    features.write(file)
    (feature,) = json.loads(file.getvalue())["features"]
    geometry = feature["geometry"]
    several = geometry["type"] == "MultiPolygon"
    for outer, *holes in geometry["coordinates"] if several else [geometry["coordinates"]]:
        assert all(ring[0] == ring[-1] for ring in (outer, *holes))
        assert area([tuple(p) for p in outer[:-1]]) > 0
        assert all(area([tuple(p) for p in hole[:-1]]) < 0 for hole in holes)
    assert geometry.get("plane", {"t": 0})["t"] == plane
    assert feature["properties"]["objectType"] == "detection"


def test_no_labels_are_an_empty_collection():
    file = io.BytesIO()
    Features().write(file)
    assert json.loads(file.getvalue()) == {"type": "FeatureCollection", "features": []}


@pytest.mark.parametrize("mask", [np.ones((2, 3), bool), HARD], ids=["polygon", "composite"])
@pytest.mark.parametrize(
    ("place", "hyperstack", "expected"),  # position, z_position, t_position as ImageJ decodes them
    [
        ({}, False, (0, 0, 0)),
        ({"Z": 3}, False, (3, 0, 0)),
        ({"T": 2}, False, (2, 0, 0)),
        ({"T": 2, "Z": 3}, True, (0, 3, 2)),
        ({"T": 2}, True, (0, 0, 2)),  # and channels
        ({"T": 1, "Z": 3}, False, (3, 0, 0)),  # one moment
    ],
)
def test_rois_name_the_plane_of_a_stack_and_the_place_in_a_hyperstack(
    mask, place, hyperstack, expected
):
    made = roi("a", polygons(mask), place, hyperstack)
    read = roifile.ImagejRoi.frombytes(made.tobytes())
    assert (read.position, read.z_position, read.t_position) == expected


@pytest.mark.parametrize(
    ("plane", "label", "name"),
    [
        (2, 1, "0002-0001-0000"),
        (12345, 7, "12345-00007-00000"),
        (3, 10**5, "000003-100000-000000"),
    ],
)
def test_names_in_a_stack_are_of_the_forms_that_imagej_reads_the_plane_from(plane, label, name):
    """Its RoiManager.getSliceNumber: 14, 17 or 20 characters, the plane first."""
    assert name_in_stack(plane, label) == name
