"""TIFF through the door unchanged: values, shape, dtype, axes, and what tifffile says of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from imgconv.errors import InputError, OutputError
from imgconv.images import (
    Info,
    WriteOptions,
    is_ours,
    open_image,
    write_image,
    write_images,
)
from imgconv.images.info import TiffLayout

RNG = np.random.default_rng(11)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def u1(*shape):
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def u2(*shape):
    return RNG.integers(0, 65536, shape, dtype=np.uint16)


def f4(*shape):
    return RNG.random(shape, dtype=np.float32)


MICRONS = {"unit": "um", "spacing": 0.5, "finterval": 2.5}
OME = {"axes": "TCZYX", "PhysicalSizeX": 0.1, "PhysicalSizeXUnit": "µm",
       "PhysicalSizeY": 0.2, "PhysicalSizeYUnit": "µm"}  # fmt: skip
FILES = {
    "imagej hyperstack": (
        u2(2, 3, 2, 20, 30),
        {"imagej": True, "metadata": {"axes": "TZCYX", **MICRONS}, "resolution": (10.0, 5.0)},
    ),
    "imagej floats": (f4(3, 20, 30), {"imagej": True, "metadata": {"axes": "ZYX"}}),
    "imagej single": (u1(20, 30), {"imagej": True}),
    "imagej colour in time": (u1(3, 20, 30, 3), {"imagej": True, "metadata": {"axes": "TYXS"}}),
    "imagej luts": (
        u1(2, 9, 8),
        {"imagej": True, "metadata": {
            "axes": "CYX", "Ranges": (0.0, 99.0, 1.0, 200.0), "Info": "hello",
            "LUTs": [u1(3, 256), u1(3, 256)], "mode": "composite"}},
    ),
    "ome five axes": (u2(2, 3, 4, 20, 30), {"ome": True, "metadata": OME}),
    "ome colour": (u1(5, 20, 30, 3), {"ome": True, "metadata": {"axes": "ZYXS"},
                                      "photometric": "rgb"}),
    "ome single": (u2(20, 30), {"ome": True}),
    "tiled": (u1(100, 130, 3), {"tile": (32, 48), "photometric": "rgb", "compression": "zlib",
                                "predictor": True}),
    "planar": (u2(3, 50, 60), {"planarconfig": "separate", "photometric": "rgb",
                               "compression": "lzw"}),
    "bigtiff, big-endian": (u2(50, 60), {"bigtiff": True, "byteorder": ">"}),
    "five samples": (u2(40, 50, 5), {"photometric": "minisblack", "planarconfig": "contig"}),
    "rgb and a sample that is no alpha": (u1(40, 50, 4), {"photometric": "rgb",
                                                          "extrasamples": ["unspecified"]}),
    "premultiplied alpha": (np.sort(u1(40, 50, 4)), {"photometric": "rgb",
                                            "extrasamples": ["assocalpha"]}),
    "grey and alpha": (u1(40, 50, 2), {"photometric": "minisblack", "planarconfig": "contig",
                                       "extrasamples": ["unassalpha"]}),
    "zstd": (u2(64, 70), {"compression": "zstd"}),
    "packbits": (u1(64, 70), {"compression": "packbits"}),
    "float predictor": (f4(64, 70), {"compression": "zlib", "predictor": 3}),
    "pages without metadata": (u1(7, 40, 50), {"metadata": None, "photometric": "minisblack"}),
    "named axes": (u2(2, 3, 5, 40, 50), {"metadata": {"axes": "TZCYX"}}),
    "unnamed axes": (u2(2, 5, 40, 50), {}),
    "channels that look like colour": (u2(2, 3, 4, 40, 50), {"metadata": {"axes": "TZCYX"},
        "photometric": "rgb", "planarconfig": "separate"}),
    "white is zero": (u1(40, 50), {"photometric": "miniswhite"}),
    "one row": (u1(1, 50), {}),
    "one column": (u1(50, 1), {}),
    "one pixel": (u2(1, 1), {}),
    "volume in tiles": (u2(8, 70, 80), {"tile": (4, 32, 32), "volumetric": True,
                                        "metadata": {"axes": "ZYX"}}),
    "one page for all": (u2(8, 70, 80), {"truncate": True, "metadata": {"axes": "ZYX"}}),
    "imagej, one page for all": (u2(8, 70, 80), {"truncate": True, "imagej": True,
                                                 "metadata": {"axes": "ZYX"}}),
    "resolution in cm": (u1(40, 50), {"resolution": (118.11, 59.5), "metadata": None,
                                      "resolutionunit": "CENTIMETER", "description": "by hand"}),
}  # fmt: skip


def through(source, target, **options):
    with open_image(source) as opened:
        write_image(target, opened.planes(), opened.info, WriteOptions(**options))
        return opened.info, opened.notes


def facts(path):
    """What tifffile says about a file that a user would miss."""
    with tifffile.TiffFile(path) as tiff:
        series, page = tiff.series[0], tiff.pages.first
        description = page.description
        if description.startswith("{"):
            description = {k: v for k, v in json.loads(description).items() if k != "truncated"}
        return {
            "values": series.asarray(), "shape": series.shape, "dtype": series.dtype,
            "axes": series.axes, "imagej": tiff.imagej_metadata, "ome": tiff.ome_metadata,
            "description": description, "resolution": page.resolution,
            "unit": int(page.resolutionunit), "compression": page.compression,
            "tile": page.tile, "alpha": page.extrasamples[-1:], "icc": page.iccprofile,
            "predictor": page.predictor, "photometric": page.photometric,
            "big": tiff.is_bigtiff,
        }  # fmt: skip


def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return np.array_equal(a, b)


@pytest.mark.parametrize("name", FILES)
def test_a_tiff_passes_through_unchanged(tmp_path, name):
    array, options = FILES[name]
    source, target = tmp_path / "in.tif", tmp_path / "out.tif"
    tifffile.imwrite(source, array, **options)
    through(source, target)
    before, after = facts(source), facts(target)
    if name in ("channels that look like colour", "volume in tiles"):
        for word in ("alpha", "tile", "photometric"):  # laid out otherwise, but the same axes
            before.pop(word), after.pop(word)
    wrong = [word for word in before if not same(before[word], after[word])]
    assert wrong == []
    assert is_ours(target)
    assert not is_ours(source)


def test_planes_are_counted_by_the_axes_before_they_are_read(tmp_path):
    array, options = FILES["imagej hyperstack"]
    tifffile.imwrite(tmp_path / "in.tif", array, **options)
    with open_image(tmp_path / "in.tif") as opened:
        info = opened.info
        assert (info.axes, info.shape, info.planes) == ("TZCYX", (2, 3, 2, 20, 30), 12)
        assert info.pixel_size == pytest.approx((0.1, 0.2, "µm"))
        planes = opened.planes()
        first = next(planes)
        np.testing.assert_array_equal(first[..., 0], array[0, 0, 0])
        assert len(list(planes)) == 11


def test_other_tags_survive(tmp_path):
    tags = [(315, 2, 0, "the artist", True), (33432, 2, 0, "(c) nobody", True),
            (65000, 12, 2, (1.5, 2.5), True)]  # fmt: skip
    tifffile.imwrite(tmp_path / "in.tif", u1(9, 9), extratags=tags, datetime="2024:01:02 03:04:05")
    through(tmp_path / "in.tif", tmp_path / "out.tif")
    with tifffile.TiffFile(tmp_path / "out.tif") as tiff:
        found = {tag.code: tag.value for tag in tiff.pages.first.tags}
    assert found[315] == "the artist"
    assert found[33432] == "(c) nobody"
    assert found[65000] == (1.5, 2.5)
    assert found[306] == "2024:01:02 03:04:05"
    assert found[305].startswith("imgconv ")


def test_the_pixel_size_is_scaled_in_imagej_and_ome(tmp_path):
    for name, kind in (("imagej hyperstack", "imagej"), ("ome five axes", "ome")):
        array, options = FILES[name]
        tifffile.imwrite(tmp_path / "in.tif", array, **options)
        with open_image(tmp_path / "in.tif") as opened:
            pooled = (p[::2, ::2].copy() for p in opened.planes())
            before = opened.info.pixel_size
            write_image(tmp_path / f"{kind}.tif", pooled, opened.info.scale(0.5, 0.5))
        with open_image(tmp_path / f"{kind}.tif") as opened:
            after = opened.info
        assert after.pixel_size == pytest.approx((2 * before[0], 2 * before[1], "µm"))
        assert (after.axes, after.shape) == (
            options["metadata"]["axes"],
            (*array.shape[:3], 10, 15),
        )


def test_another_depth_is_described_as_such(tmp_path):
    array, options = FILES["ome five axes"]
    tifffile.imwrite(tmp_path / "in.tif", array, **options)
    through(tmp_path / "in.tif", tmp_path / "out.tif", depth=8)
    with tifffile.TiffFile(tmp_path / "out.tif") as tiff:
        assert (tiff.series[0].axes, tiff.series[0].dtype) == ("TCZYX", np.uint8)
        assert 'Type="uint8"' in tiff.ome_metadata
        np.testing.assert_array_equal(tiff.asarray(), np.rint(array / 257))


def test_one_plane_of_a_hyperstack_becomes_a_single_image(tmp_path):
    for name in ("imagej hyperstack", "ome five axes", "named axes"):
        array, options = FILES[name]
        tifffile.imwrite(tmp_path / "in.tif", array, **options)
        with open_image(tmp_path / "in.tif") as opened:
            plane = next(opened.planes())
            write_image(tmp_path / "out.tif", [plane], opened.info.one_plane(), force=True)
        with tifffile.TiffFile(tmp_path / "out.tif") as tiff:
            assert tiff.series[0].axes == "YX"
            np.testing.assert_array_equal(tiff.asarray(), plane[..., 0])


def test_a_pyramid_gives_its_full_resolution_with_a_note(tmp_path):
    array = u2(256, 256)
    with tifffile.TiffWriter(tmp_path / "in.ome.tif") as tiff:
        tiff.write(array, subifds=2, tile=(64, 64), metadata={"axes": "YX"})
        tiff.write(array[::2, ::2], subfiletype=1, tile=(64, 64))
        tiff.write(array[::4, ::4], subfiletype=1, tile=(64, 64))
    _, notes = through(tmp_path / "in.ome.tif", tmp_path / "out.tif")
    assert notes == ["pyramid: only the full resolution is read"]
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), array)


def test_pages_of_different_sizes_all_pass(tmp_path):
    pages = [u1(20, 30), u1(10, 30), u2(20, 31)]
    with tifffile.TiffWriter(tmp_path / "in.tif") as tiff:
        for page in pages:
            tiff.write(page)
    _, notes = through(tmp_path / "in.tif", tmp_path / "out.tif")
    assert "different sizes" in notes[0]
    with tifffile.TiffFile(tmp_path / "out.tif") as tiff:
        for found, page in zip(tiff.pages, pages, strict=True):
            np.testing.assert_array_equal(found.asarray(), page)


@pytest.mark.parametrize("kind", ["none", "lzw", "deflate", "packbits", "zstd"])
def test_compression_is_changed_on_request(tmp_path, kind):
    tifffile.imwrite(tmp_path / "in.tif", u1(50, 60), compression="lzw")
    through(tmp_path / "in.tif", tmp_path / "out.tif", compression=kind)
    with tifffile.TiffFile(tmp_path / "out.tif") as tiff:
        name = tifffile.COMPRESSION(tiff.pages.first.compression).name.lower()
    assert kind in name
    np.testing.assert_array_equal(
        *map(tifffile.imread, (tmp_path / "in.tif", tmp_path / "out.tif"))
    )


def test_jpeg_compression_is_read_and_kept(tmp_path):
    smooth = np.add.outer(np.arange(64), np.arange(64))[..., None] + np.array([0, 40, 80])
    tifffile.imwrite(
        tmp_path / "in.tif", smooth.astype("u1"), compression="jpeg", photometric="rgb"
    )
    through(tmp_path / "in.tif", tmp_path / "out.tif")
    with tifffile.TiffFile(tmp_path / "out.tif") as tiff:
        assert tiff.pages.first.compression == 7
        assert np.abs(tiff.asarray().astype(int) - smooth).mean() < 2


def test_an_unknown_compression_is_refused_with_the_known_ones(tmp_path):
    tifffile.imwrite(tmp_path / "in.tif", u1(5, 6))
    with pytest.raises(OutputError, match="'zip2' is unknown: allowed are none, lzw, deflate"):
        through(tmp_path / "in.tif", tmp_path / "out.tif", compression="zip2")


@pytest.mark.parametrize("dtype", ["i1", "i2", "f2"])
def test_small_types_become_float32_exactly(tmp_path, dtype):
    array = (RNG.random((20, 30)) * 200 - 100).astype(dtype)
    tifffile.imwrite(tmp_path / "in.tif", array)
    info, notes = through(tmp_path / "in.tif", tmp_path / "out.tif")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), array)
    assert info.source_dtype == str(array.dtype)
    assert "every value exact" in notes[0]


def test_wide_integers_are_converted_if_they_fit_and_refused_if_not(tmp_path):
    labels = RNG.integers(0, 1 << 24, (20, 30)).astype(np.uint32)
    tifffile.imwrite(tmp_path / "in.tif", labels)
    through(tmp_path / "in.tif", tmp_path / "out.tif")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), labels)
    labels[3, 4] = (1 << 24) + 1
    tifffile.imwrite(tmp_path / "wide.tif", labels)
    with open_image(tmp_path / "wide.tif") as opened, pytest.raises(InputError, match="`depth=32`"):
        list(opened.planes())
    with open_image(tmp_path / "wide.tif", allow_rounding=True) as opened:
        assert len(list(opened.planes())) == 1


def test_label_numbers_stay_numbers_when_a_depth_is_asked_for(tmp_path):
    labels = RNG.integers(0, 60000, (20, 30)).astype(np.uint32)
    tifffile.imwrite(tmp_path / "in.tif", labels)
    through(tmp_path / "in.tif", tmp_path / "out.png", depth=16)
    with open_image(tmp_path / "out.png") as opened:
        np.testing.assert_array_equal(next(opened.planes())[..., 0], labels)
    with pytest.raises(OutputError, match="do not fit 8 bit"):
        through(tmp_path / "in.tif", tmp_path / "small.png", depth=8)


def test_complex_samples_are_refused_by_name(tmp_path):
    tifffile.imwrite(tmp_path / "in.tif", f4(5, 6).astype(np.complex64))
    with pytest.raises(InputError, match="complex64 cannot be processed"):
        open_image(tmp_path / "in.tif")


def test_palette_cmyk_and_one_bit_are_expanded_with_a_note(tmp_path):
    table, index = u2(3, 256), u1(20, 30)
    tifffile.imwrite(tmp_path / "p.tif", index, photometric="palette", colormap=table)
    tifffile.imwrite(tmp_path / "c.tif", u1(20, 30, 4), photometric="separated")
    tifffile.imwrite(tmp_path / "b.tif", index > 99, photometric="minisblack")
    for name, note in (("p", "palette expanded"), ("c", "CMYK converted"), ("b", "1-bit")):
        with open_image(tmp_path / f"{name}.tif") as opened:
            plane = next(opened.planes())
            assert opened.notes[0].startswith(note)
            assert plane.shape == (20, 30, opened.info.channels)
            assert plane.dtype == np.uint8
        if name == "p":
            np.testing.assert_array_equal(plane, (table.T >> 8)[index])
        if name == "b":
            np.testing.assert_array_equal(plane[..., 0], 255 * (index > 99))


def test_white_is_zero_is_seen_as_it_looks(tmp_path):
    array = u1(20, 30)
    tifffile.imwrite(tmp_path / "in.tif", array, photometric="miniswhite")
    with open_image(tmp_path / "in.tif") as opened:
        np.testing.assert_array_equal(next(opened.planes())[..., 0], 255 - array)


def test_a_stack_is_streamed_and_never_held_whole(tmp_path):
    import tracemalloc

    plane = u1(500, 500)
    tifffile.imwrite(tmp_path / "in.tif", np.stack([plane] * 60), metadata={"axes": "ZYX"})
    tracemalloc.start()
    try:
        through(tmp_path / "in.tif", tmp_path / "out.tif")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 12 * plane.nbytes


def test_tiff_goes_through_standard_output_and_input(tmp_path, monkeypatch):
    import io
    import sys

    array, options = FILES["imagej hyperstack"]
    tifffile.imwrite(tmp_path / "in.tif", array, **options)

    class Stream:
        def __init__(self, data=b""):
            self.buffer = io.BytesIO(data)
            self.buffer.isatty = lambda: False

    out = Stream()
    monkeypatch.setattr(sys, "stdout", out)
    with open_image(tmp_path / "in.tif") as opened:
        write_image("-", opened.planes(), opened.info)
    monkeypatch.undo()
    monkeypatch.setattr(sys, "stdin", Stream(out.buffer.getvalue()))
    with open_image("-") as opened:
        assert opened.info.axes == "TZCYX"
        np.testing.assert_array_equal(np.stack(list(opened.planes())).reshape(array.shape), array)


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize("before", ["none", "deflate", "lzw", "zstd"])
@pytest.mark.parametrize("asked", ["deflate", "lzw"])
@pytest.mark.parametrize("differences", [False, True])
def test_imagej_can_read_it_unless_the_source_had_differences_too(
    tmp_path, dtype, before, asked, differences
):
    """ImageJ reads the predictor with LZW, with deflate from 1.53v on, and that of floats never."""
    if before == "none" and differences:
        return
    source, target = tmp_path / "in.tif", tmp_path / "out.tif"
    array = np.arange(300).reshape(20, 15).astype(dtype)
    kind = {"deflate": "zlib", "none": None}.get(before, before)
    tifffile.imwrite(source, array, compression=kind, predictor=differences)
    with open_image(source) as opened:
        options = WriteOptions(compression=asked)
        notes = write_image(target, opened.planes(), opened.info, options)
    with tifffile.TiffFile(target) as tiff:
        predictor = tiff.pages.first.predictor
        assert np.array_equal(tiff.asarray(), array)
    misread = predictor == 3 or (predictor == 2 and asked == "deflate")
    assert misread == (differences and (asked == "deflate" or dtype == "f4"))
    assert [f"predictor {predictor} is kept" in note for note in notes] == [True] * misread


def test_colours_apart_go_on_to_a_png_with_their_alpha(tmp_path):
    pixels = RNG.random((6, 7, 4), np.float32)
    info = Info("png", np.dtype(np.uint8), 6, 7, 4, alpha="straight", icc=SRGB)
    notes = write_image(tmp_path / "a.tif", [pixels], info, WriteOptions())
    assert any("its colour profile is left out" in note for note in notes)
    with open_image(tmp_path / "a.tif") as opened:
        write_images(tmp_path / "b.png", opened.images, WriteOptions(depth=8))
    assert np.array_equal(np.asarray(Image.open(tmp_path / "b.png")), np.rint(pixels * 255))


def test_colours_made_floats_are_a_plane_each_and_the_values_stay(tmp_path):
    pixels = np.random.default_rng(5).normal(0, 90, (30, 40, 3)).astype(np.float32)
    for info in (
        Info("png", np.dtype(np.uint8), 30, 40, 3),
        Info("tiff", np.dtype(np.uint16), 30, 40, 3, tiff=TiffLayout(compression="lzw")),
    ):
        notes = write_image(tmp_path / "a.tif", [pixels], info, WriteOptions(), force=True)
        assert any("a plane for each colour" in note for note in notes)
        with tifffile.TiffFile(tmp_path / "a.tif") as file:
            assert file.is_imagej and file.series[0].axes == "CYX"
            assert np.array_equal(file.asarray(), np.moveaxis(pixels, 2, 0))
        with open_image(tmp_path / "a.tif") as opened:
            assert (opened.info.axes, opened.info.channels) == ("YXS", 3)
            assert np.array_equal(next(opened.planes()), pixels)
            write_images(tmp_path / "again.tif", opened.images, WriteOptions(), force=True)
        assert np.array_equal(tifffile.imread(tmp_path / "again.tif"), np.moveaxis(pixels, 2, 0))
    floats = Info("tiff", np.dtype(np.float32), 30, 40, 3)
    assert not write_image(tmp_path / "b.tif", [pixels], floats, WriteOptions())
    assert tifffile.imread(tmp_path / "b.tif").shape == (30, 40, 3)


@pytest.mark.parametrize("compression", ["none", "deflate"])
def test_an_uncompressed_stack_of_imagej_lies_in_one_piece(tmp_path, compression):
    planes = np.random.default_rng(6).integers(0, 999, (4, 30, 40), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", planes, imagej=True, metadata={"axes": "TYX"})
    with open_image(tmp_path / "a.tif") as source:
        options = WriteOptions(compression=compression)
        write_images(tmp_path / "b.tif", source.images, options)
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert np.array_equal(file.asarray(), planes) and file.series[0].axes == "TYX"
        first = file.pages[0].dataoffsets[0]
        apart = {page.dataoffsets[0] - first for page in file.pages}
        assert len(file.pages) == 4
        assert (apart == {n * 30 * 40 * 2 for n in range(4)}) == (compression == "none")
