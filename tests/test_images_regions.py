"""Part of a plane is what it is in the whole, and where a format can, only that part is read."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from imgconv.images import Info, open_image, write_image

RNG = np.random.default_rng(5)
SHAPE = (70, 90, 3)


def tiff(**options):
    def write(path, plane):
        planar = options.get("planarconfig") == "separate"
        data = np.moveaxis(plane, 2, 0) if planar else plane
        tifffile.imwrite(path, data, photometric="rgb", **options)

    return write


def ours(path, plane):
    write_image(path, [plane], Info("png", plane.dtype, *plane.shape))


FILES = {
    "tiled.tif": tiff(tile=(16, 32), compression="zlib", predictor=True),
    "stripped.tif": tiff(rowsperstrip=7, compression="lzw"),
    "planar.tif": tiff(tile=(32, 16), planarconfig="separate"),
    "planar-strips.tif": tiff(rowsperstrip=13, planarconfig="separate"),
    "a.npy": ours, "a.ppm": ours, "a.png": ours,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("regions")
    plane = RNG.integers(0, 255, SHAPE, np.uint8)
    np.save(folder / "plane", plane)
    for name, write in FILES.items():
        write(folder / name, plane)
    return folder


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, SHAPE[0]), st.integers(0, SHAPE[0] + 9),
    st.integers(0, SHAPE[1]), st.integers(0, SHAPE[1] + 9),
)  # fmt: skip
def test_a_region_is_a_part_of_the_plane(folder, name, top, bottom, left, right):
    plane = np.load(folder / "plane.npy")
    with open_image(folder / name) as source:
        found = source.images[0].region(slice(top, bottom), slice(left, right))
    np.testing.assert_array_equal(found, plane[top:bottom, left:right])


def test_planes_of_a_stack_have_regions_of_their_own(tmp_path):
    stack = RNG.integers(0, 65535, (4, 30, 40), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True)
    np.save(tmp_path / "a.npy", stack)
    for name in ("a.tif", "a.npy"):
        with open_image(tmp_path / name) as source:
            found = source.images[0].region(slice(5, 9), slice(None), plane=2)
        np.testing.assert_array_equal(found[..., 0], stack[2, 5:9])


def test_a_turned_image_has_its_regions_where_it_is_shown(tmp_path):
    plane = RNG.integers(0, 255, (20, 30), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", plane, extratags=[(274, 3, 1, 6, True)], rowsperstrip=4)
    with open_image(tmp_path / "a.tif") as source:
        (whole,) = source.planes()
        part = source.images[0].region(slice(3, 12), slice(5, 9))
    np.testing.assert_array_equal(part, whole[3:12, 5:9])


def test_only_the_tiles_asked_for_are_decoded(tmp_path):
    plane = RNG.integers(0, 255, (64, 64), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", plane, tile=(16, 16), compression="zlib")
    with tifffile.TiffFile(tmp_path / "a.tif") as opened:
        offsets, counts = opened.pages[0].dataoffsets, opened.pages[0].databytecounts
    data = bytearray((tmp_path / "a.tif").read_bytes())
    data[offsets[15] : offsets[15] + counts[15]] = bytes(counts[15])  # the last tile is damaged
    (tmp_path / "a.tif").write_bytes(data)
    with open_image(tmp_path / "a.tif") as source:
        found = source.images[0].region(slice(0, 48), slice(0, 64))
    np.testing.assert_array_equal(found[..., 0], plane[:48])
