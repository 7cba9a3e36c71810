"""What a file stores, for measurements and labels, where viewers show something else."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from imgconv.images import open_image
from imgconv.images.formats.png.read import SIGNATURE, chunk

RNG = np.random.default_rng(5)
IMAGEJ = {"description": "ImageJ=1.53t\n", "metadata": None}
GREEN = np.zeros((3, 256), np.uint16)
GREEN[1] = np.arange(256) * 257


def read(path, **options):
    """Planes (N, H, W, C), Info and notes."""
    with open_image(path, **options) as source:
        planes = np.stack(list(source.planes()))
        assert planes.shape[1:] == (source.info.height, source.info.width, source.info.channels)
        assert planes.dtype == source.info.dtype and source.info.planes == len(planes)
        return planes, source.info, source.notes


def packed(values: np.ndarray, depth: int) -> bytes:
    """Rows of a PNG: filter type 0, then samples of so many bits from the left."""
    bits = np.unpackbits(values.astype(np.uint8)[..., None], axis=2)[..., 8 - depth :]
    rows = np.packbits(bits.reshape(len(values), -1), axis=1)
    return b"".join(b"\0" + row.tobytes() for row in rows)


def png(path, values, depth, kind, *more: tuple[bytes, bytes]) -> None:
    height, width = values.shape
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    chunks = [(b"IHDR", head), *more, (b"IDAT", zlib.compress(packed(values, depth)))]
    path.write_bytes(SIGNATURE + b"".join(chunk(*one) for one in [*chunks, (b"IEND", b"")]))


@pytest.mark.parametrize("axes", ["YX", "ZYX"])
def test_imagejs_colour_tables_are_looked_through_to_measure(tmp_path, axes):
    raw = RNG.integers(0, 256, (3, 20, 30)[-len(axes) :], dtype=np.uint8)
    count = f"images={len(raw)}\nslices={len(raw)}\n" if axes == "ZYX" else ""
    options = {**IMAGEJ, "description": f"ImageJ=1.53t\n{count}"}
    tifffile.imwrite(tmp_path / "a.tif", raw, photometric="palette", colormap=GREEN, **options)
    for values in ("measured", "labels"):
        planes, info, notes = read(tmp_path / "a.tif", values=values)
        np.testing.assert_array_equal(planes[..., 0], raw.reshape(-1, 20, 30))
        assert info.channels == 1 and info.axes == axes
        assert len(notes) == 1 and notes[0].startswith("numbers ")
    planes, info, notes = read(tmp_path / "a.tif", palette="colours")
    assert info.channels == 3 and notes == ["palette expanded to RGB"]
    np.testing.assert_array_equal(planes[..., 1], raw.reshape(-1, 20, 30))


def test_other_palettes_are_colours_unless_they_number_objects(tmp_path):
    raw = RNG.integers(0, 256, (20, 30), dtype=np.uint8)
    picture = RNG.permuted(GREEN, axis=1)
    tifffile.imwrite(tmp_path / "a.tif", raw, photometric="palette", colormap=picture)
    assert read(tmp_path / "a.tif", values="measured")[1].channels == 3
    planes, _, _ = read(tmp_path / "a.tif", values="labels")
    np.testing.assert_array_equal(planes[0, ..., 0], raw)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("values", ["measured", "labels"])
def test_white_as_zero_is_not_inverted_to_measure(tmp_path, dtype, values):
    raw = RNG.integers(0, 256, (20, 30)).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", raw, photometric="miniswhite", **IMAGEJ)
    planes, _, notes = read(tmp_path / "a.tif", values=values)
    np.testing.assert_array_equal(planes[0, ..., 0], raw)
    assert "numbers are read as they stand: the file shows 0 as white" in notes
    planes, _, notes = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(planes[0, ..., 0], np.iinfo(dtype).max - raw)


@pytest.mark.parametrize("photometric", ["miniswhite", "minisblack"])
@pytest.mark.parametrize(("values", "one"), [("shown", 255), ("measured", 1), ("labels", 1)])
def test_one_bit_is_one_where_it_is_white_however_it_is_written(tmp_path, photometric, values, one):
    white = RNG.integers(0, 2, (20, 30)).astype(bool)
    raw = ~white if photometric == "miniswhite" else white
    tifffile.imwrite(tmp_path / "a.tif", raw, photometric=photometric)
    planes, _, notes = read(tmp_path / "a.tif", values=values)
    np.testing.assert_array_equal(planes[0, ..., 0], white * one)
    assert bool(notes) == (values == "shown")


@pytest.mark.parametrize("values", ["measured", "labels"])
@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_grey_png_of_few_bits_is_not_scaled_to_measure(tmp_path, depth, values):
    raw = RNG.integers(0, 2**depth, (7, 9))
    png(tmp_path / "a.png", raw, depth, 0)
    planes, _, notes = read(tmp_path / "a.png", values=values)
    np.testing.assert_array_equal(planes[0, ..., 0], raw)
    assert not notes
    planes, _, _ = read(tmp_path / "a.png")
    np.testing.assert_array_equal(planes[0, ..., 0], raw * (255 // (2**depth - 1)))


def test_alpha_beside_few_bits_stays_full(tmp_path):
    raw = RNG.integers(0, 4, (7, 9))
    png(tmp_path / "a.png", raw, 2, 0, (b"tRNS", b"\0\1"))
    planes, info, _ = read(tmp_path / "a.png", values="measured")
    np.testing.assert_array_equal(planes[0, ..., 0], raw)
    np.testing.assert_array_equal(planes[0, ..., 1], np.where(raw == 1, 0, 255))
    assert info.alpha == "straight"


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_the_numbers_of_a_png_palette_are_labels_its_colours_a_picture(tmp_path, depth):
    raw = RNG.integers(0, 2**depth, (7, 9))
    colours = RNG.integers(0, 256, (2**depth, 3), dtype=np.uint8)
    png(tmp_path / "a.png", raw, depth, 3, (b"PLTE", colours.tobytes()), (b"tRNS", b"\0"))
    planes, info, notes = read(tmp_path / "a.png", values="labels")
    np.testing.assert_array_equal(planes[0, ..., 0], raw)
    assert info.channels == 1 and notes == [
        "numbers are read, not the colours that the palette gives them"
    ]
    for values in ("shown", "measured"):
        planes, _, _ = read(tmp_path / "a.png", values=values)
        np.testing.assert_array_equal(planes[0, ..., :3], colours[raw])


@pytest.mark.parametrize(("maxval", "plain"), [(1, False), (100, True), (1023, False)])
def test_pgm_is_not_scaled_to_measure(tmp_path, maxval, plain):
    raw = RNG.integers(0, maxval + 1, (7, 9))
    body = " ".join(map(str, raw.ravel())).encode()
    data = body if plain else raw.astype(">u2" if maxval > 255 else "u1").tobytes()
    (tmp_path / "a.pgm").write_bytes(f"P{2 if plain else 5}\n9 7\n{maxval}\n".encode() + data)
    planes, info, notes = read(tmp_path / "a.pgm", values="measured")
    np.testing.assert_array_equal(planes[0, ..., 0], raw)
    assert info.dtype == (np.uint16 if maxval > 255 else np.uint8) and not notes


def test_the_white_of_a_pbm_is_one(tmp_path):
    black = RNG.integers(0, 2, (5, 13))
    (tmp_path / "a.pbm").write_bytes(b"P4\n13 5\n" + np.packbits(black, axis=1).tobytes())
    planes, _, _ = read(tmp_path / "a.pbm", values="labels")
    np.testing.assert_array_equal(planes[0, ..., 0], 1 - black)


@pytest.mark.parametrize("suffix", ["tif", "png", "jpg"])
def test_pixels_turned_by_a_tag_are_said_to_be_so(tmp_path, suffix):
    image = Image.new("L", (30, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = {"tiffinfo": {0x0112: 6}} if suffix == "tif" else {"exif": exif}
    image.save(tmp_path / f"turned.{suffix}", **turned)
    image.save(tmp_path / f"upright.{suffix}")
    _, info, notes = read(tmp_path / f"turned.{suffix}", values="measured")
    assert (info.height, info.width) == (30, 20)
    assert any("turned upright, as its orientation tag says" in note for note in notes)
    assert not read(tmp_path / f"upright.{suffix}", values="measured")[2]
    assert not any("turned" in note for note in read(tmp_path / f"turned.{suffix}")[2])


@pytest.mark.parametrize("values", ["shown", "measured"])
def test_an_ome_file_says_when_its_images_have_different_pixels(tmp_path, values):
    for name, sizes in (("same", (0.5, 0.5)), ("other", (0.5, 0.25))):
        with tifffile.TiffWriter(tmp_path / f"{name}.ome.tif") as file:
            for size in sizes:
                metadata = {"axes": "YX", "PhysicalSizeX": size, "PhysicalSizeY": size}
                file.write(np.zeros((8, 9), np.uint8), metadata=metadata)
    assert not read(tmp_path / "same.ome.tif", values=values)[2]
    notes = read(tmp_path / "other.ome.tif", values=values)[2]
    said = "its images have pixels of different sizes: none is taken"
    assert (said in notes) == (values == "measured")
