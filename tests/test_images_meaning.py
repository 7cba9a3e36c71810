"""What a TIFF's samples mean: every depth, photometric, layout and packing, against arithmetic
that is written down here, and against Pillow where it reads the file.

The whole matrix is run with IMGCONV_FULL=1, a sample of it otherwise.
"""

from __future__ import annotations

import itertools
import os
import random

import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage
from PIL import ImageCms

from imgconv.images import WriteOptions, open_image, write_images

RNG = np.random.default_rng(3)
MATRIX = [
    case
    for case in itertools.product(
        (1, 2, 4, 8, 12, 16),
        ("minisblack", "miniswhite", "rgb", "palette", "separated"),
        ("contig", "separate"),
        ("none", "lzw", "zlib", "packbits", "zstd"),
        (False, True),  # predictor
        ("<", ">"),
        ("strips", "tiles"),
    )
    if not (case[1] == "palette" and case[0] > 8)
    and not (case[1] in ("minisblack", "miniswhite", "palette") and case[2] == "separate")
    and not (case[4] and (case[0] not in (8, 16) or case[3] not in ("lzw", "zlib", "zstd")))
    and not (case[0] in (2, 4, 12) and case[3] != "none")  # tifffile packs these unpacked only
    and not (case[0] == 12 and case[5] == ">")  # which tifffile packs in the wrong order
    and not (case[0] == 1 and case[1] in ("rgb", "separated"))
]
SAMPLE = MATRIX if os.environ.get("IMGCONV_FULL") else random.Random(1).sample(MATRIX, 90)
SAMPLES = {"rgb": 3, "separated": 4}


def written(path, stored, bits, photometric, planar, compression, predictor, order, layout):
    data = np.moveaxis(stored, 2, 0) if planar == "separate" and stored.shape[2] > 1 else stored
    data = data[..., 0] if stored.shape[2] == 1 else data
    options = {"colormap": TABLE[:, : 2**bits]} if photometric == "palette" else {}
    if stored.shape[2] > 1:
        options["planarconfig"] = planar
    if bits in (2, 4, 12):
        options["bitspersample"] = bits
    tifffile.imwrite(
        path, data.astype(bool) if bits == 1 else data, photometric=photometric,
        compression=None if compression == "none" else compression, predictor=predictor or None,
        byteorder=order, metadata=None, **options,
        **({"tile": (16, 32)} if layout == "tiles" else {"rowsperstrip": 5}),
    )  # fmt: skip


TABLE = RNG.integers(0, 256, (3, 256), np.uint16) * np.uint16(257)


def shown(stored, bits, photometric):
    """What a viewer shows, in 8 or 16 bit."""
    top, full = 2**bits - 1, 255 if bits <= 8 else 65535
    values = stored.astype(np.float64)
    if photometric == "palette":
        return TABLE.T[stored[..., 0]] // 257
    if photometric == "miniswhite":
        values = top - values
    if photometric == "separated":
        values = np.rint(values * full / top)
        return np.rint((full - values[..., :3]) * (full - values[..., 3:]) / full)
    return np.rint(values * full / top)


@pytest.mark.parametrize("case", SAMPLE, ids=lambda case: "-".join(map(str, case)))
def test_samples_come_as_what_they_mean(tmp_path, case):
    bits, photometric, *_ = case
    shape = (21, 37, SAMPLES.get(photometric, 1))
    stored = RNG.integers(0, 2**bits, shape).astype(np.uint8 if bits <= 8 else np.uint16)
    try:
        written(tmp_path / "a.tif", stored, *case)
    except (ValueError, NotImplementedError) as error:
        pytest.skip(f"tifffile does not write it: {error}")
    with open_image(tmp_path / "a.tif") as source:
        (plane,) = source.planes()
    assert plane.dtype == (np.uint8 if bits <= 8 else np.uint16)
    expected = shown(stored, bits, photometric)
    assert np.abs(plane.astype(int) - expected).max() <= (1 if photometric == "separated" else 0)
    if bits in (1, 8) and photometric in ("minisblack", "rgb", "palette"):
        with PillowImage.open(tmp_path / "a.tif") as image:
            mode = "L" if photometric == "minisblack" else "RGB"
            np.testing.assert_array_equal(plane, np.atleast_3d(np.asarray(image.convert(mode))))


def pages(path, *arrays_and_options):
    with tifffile.TiffWriter(path) as tiff:
        for array, options in arrays_and_options:
            tiff.write(array, metadata=None, contiguous=False, **options)


def through(source, target, **reading):
    with open_image(source, **reading) as opened:
        write_images(target, opened.images, WriteOptions())
        return opened.notes


KINDS = {
    "bilevel-white0": (RNG.random((9, 12)) < 0.5, {"photometric": "miniswhite"}),
    "bilevel-black0": (RNG.random((9, 12)) < 0.5, {"photometric": "minisblack"}),
    "grey-white0": (RNG.integers(0, 256, (9, 12), np.uint8), {"photometric": "miniswhite"}),
    "rgb": (RNG.integers(0, 256, (9, 12, 3), np.uint8), {"photometric": "rgb"}),
    "rgba": (RNG.integers(0, 256, (9, 12, 4), np.uint8),
             {"photometric": "rgb", "extrasamples": ["unassalpha"]}),
    "palette": (RNG.integers(0, 256, (9, 12), np.uint8),
                {"photometric": "palette", "colormap": TABLE}),
    "other palette": (RNG.integers(0, 256, (9, 12), np.uint8),
                      {"photometric": "palette", "colormap": TABLE[::-1]}),
    "cmyk": (RNG.integers(0, 256, (9, 12, 4), np.uint8), {"photometric": "separated"}),
    "float": (RNG.random((9, 12), np.float32), {"photometric": "minisblack"}),
    "turned": (RNG.integers(0, 256, (9, 12), np.uint8),
               {"photometric": "minisblack", "extratags": [(274, 3, 1, 6, True)]}),
}  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_each_page_is_read_as_if_it_were_alone(tmp_path, seed):
    names = random.Random(seed).choices(list(KINDS), k=4)
    pages(tmp_path / "all.tif", *(KINDS[name] for name in names))
    with open_image(tmp_path / "all.tif") as source:
        found = [(plane, image.info) for image in source.images for plane in image.planes()]
    assert len(found) == len(names)
    for name, (plane, info) in zip(names, found, strict=True):
        pages(tmp_path / "one.tif", KINDS[name])
        with open_image(tmp_path / "one.tif") as source:
            (alone,) = source.planes()
            assert (info.alpha, info.channels) == (source.info.alpha, source.info.channels)
        np.testing.assert_array_equal(plane, alone)


def test_pages_that_differ_in_one_tag_alone_are_no_stack(tmp_path):
    """Palette, orientation or profile of inks: each page as if it were alone."""
    numbers = RNG.integers(0, 4, (6, 6), np.uint8)
    tables = [RNG.integers(0, 65536, (3, 256), np.uint16) for _ in range(2)]
    inks = RNG.integers(0, 256, (6, 6, 4), np.uint8)
    profile = inks_profile()
    families = {
        "palette": [(numbers, {"photometric": "palette", "colormap": table}) for table in tables],
        "turned": [(numbers, {"photometric": "minisblack", "extratags": [(274, "H", 1, way, True)]})
                   for way in (1, 3)],
        "inks": [(inks, {"photometric": "separated", "iccprofile": icc})
                 for icc in (profile, profile.replace(profile[-64:], bytes(64)))],
    }  # fmt: skip
    for name, family in families.items():
        pages(tmp_path / "both.tif", *family)
        with open_image(tmp_path / "both.tif") as source:
            found = list(source.planes())
        for plane, one in zip(found, family, strict=True):
            pages(tmp_path / "alone.tif", one)
            with open_image(tmp_path / "alone.tif") as source:
                np.testing.assert_array_equal(plane, next(source.planes()), name)
        assert (found[0] != found[1]).any(), name
    plain = {"photometric": "palette", "colormap": tables[0]}
    pages(tmp_path / "stack.tif", (numbers, plain), (numbers[::-1], plain))
    with open_image(tmp_path / "stack.tif") as source:
        assert len(source.images) == 1 and source.info.planes == 2


def test_images_below_a_page_are_left_out_and_said(tmp_path):
    page = RNG.integers(0, 256, (32, 32), np.uint8)
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:  # with its own description, then without
        tiff.write(page, subifds=1, photometric="minisblack")
        tiff.write(page[:10, :10], photometric="minisblack")
    with open_image(tmp_path / "a.tif") as source:
        (found,) = source.planes()
        assert any("SubIFDs" in note for note in source.notes)
    np.testing.assert_array_equal(found[..., 0], page)


def test_words_and_resolution_are_those_of_each_page(tmp_path):
    grey = RNG.integers(0, 256, (5, 6), np.uint8)
    first = {
        "description": "front",
        "resolution": (300, 300),
        "extratags": [(285, 2, 0, "a", True)],
    }
    second = {"description": "back", "resolution": (204, 98)}
    second |= {"extratags": [(285, 2, 0, "b", True)]}
    pages(tmp_path / "in.tif", (grey, first), (grey, second))
    through(tmp_path / "in.tif", tmp_path / "out.tif")
    with tifffile.TiffFile(tmp_path / "out.tif") as tiff:
        said = [
            (p.description, p.tags.valueof(285), p.tags.valueof(282), p.tags.valueof(283))
            for p in tiff.pages
        ]
    assert said == [("front", "a", (300, 1), (300, 1)), ("back", "b", (204, 1), (98, 1))]


RAMP = (np.arange(256) * 257).astype(np.uint16)
NONE = np.zeros(256, np.uint16)


@pytest.mark.parametrize(
    ("table", "description", "numbers"),
    [
        ((NONE, RAMP, NONE), "", True),
        ((RAMP, RAMP, RAMP), "", True),
        ((RAMP[::-1], RAMP[::-1], NONE), "", True),
        (TABLE, "", False),
        (TABLE, "ImageJ=1.53t\nimages=1\n", True),
        ((RAMP // 16384 * 16384, NONE, NONE), "", False),  # steps, as a picture's few colours
    ],
)
@pytest.mark.parametrize("palette", ["auto", "numbers", "colours"])
def test_a_table_over_numbers_is_told_from_a_pictures(
    tmp_path, table, description, numbers, palette
):
    raw = RNG.integers(0, 256, (9, 12), np.uint8)
    table = np.stack(table)
    options = {"photometric": "palette", "colormap": table, "description": description or None}
    pages(tmp_path / "in.tif", (raw, options))
    through(tmp_path / "in.tif", tmp_path / "out.tif", palette=palette)
    with tifffile.TiffFile(tmp_path / "out.tif") as tiff:
        page = tiff.pages[0]
        if numbers if palette == "auto" else palette == "numbers":
            assert page.photometric == tifffile.PHOTOMETRIC.PALETTE
            np.testing.assert_array_equal(page.asarray(), raw)
            np.testing.assert_array_equal(page.colormap, table)
        else:
            np.testing.assert_array_equal(page.asarray(), table.T[raw] >> 8)


def test_entries_of_8_bit_are_colours_too(tmp_path):
    raw = np.arange(16, dtype=np.uint8).reshape(2, 8)
    pages(tmp_path / "a.tif", (raw, {"photometric": "palette", "colormap": TABLE // 257}))
    with open_image(tmp_path / "a.tif") as source:
        np.testing.assert_array_equal(next(source.planes()), TABLE.T[raw] // 257)


def test_floats_under_white_is_0_stay_and_are_inverted_where_they_become_light(tmp_path):
    grey = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    pages(tmp_path / "in.tif", (grey, {"photometric": "miniswhite"}))
    through(tmp_path / "in.tif", tmp_path / "out.tif")
    with tifffile.TiffFile(tmp_path / "out.tif") as tiff:
        assert tiff.pages[0].photometric == tifffile.PHOTOMETRIC.MINISWHITE
        np.testing.assert_array_equal(tiff.asarray(), grey)
    with open_image(tmp_path / "in.tif") as source:
        write_images(tmp_path / "out.png", source.images, WriteOptions(depth=8))
    with PillowImage.open(tmp_path / "out.png") as image:
        assert np.abs(np.asarray(image) - (1 - grey) * 255).max() <= 0.5001


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_premultiplied_colour_is_delivered_straight_and_written_as_it_was(tmp_path, dtype):
    top = 1.0 if dtype == np.float32 else float(np.iinfo(dtype).max)
    straight = np.tile([200 / 255, 100 / 255, 50 / 255], (6, 7, 1))
    alpha = np.linspace(0.2, 1, 42).reshape(6, 7, 1)
    stored = np.concatenate([straight * alpha, alpha], axis=2) * top
    stored = stored if dtype == np.float32 else np.rint(stored)
    options = {"photometric": "rgb", "extrasamples": ["assocalpha"]}
    pages(tmp_path / "in.tif", (stored.astype(dtype), options))
    with open_image(tmp_path / "in.tif") as source:
        assert source.info.alpha == "straight"
        (plane,) = source.planes()
    assert np.abs(plane[..., :3] / top - straight).max() < 0.01
    through(tmp_path / "in.tif", tmp_path / "out.tif")
    with tifffile.TiffFile(tmp_path / "out.tif") as tiff:
        assert tiff.pages[0].extrasamples == (tifffile.EXTRASAMPLE.ASSOCALPHA,)
        np.testing.assert_allclose(tiff.asarray(), stored.astype(dtype), rtol=1e-6)


def test_a_fourth_sample_without_a_name_is_alpha_only_where_one_is_needed(tmp_path):
    pixels = RNG.integers(0, 256, (5, 6, 4), np.uint8)
    options = {"photometric": "rgb", "extrasamples": ["unspecified"]}
    pages(tmp_path / "in.tif", (pixels, options))
    through(tmp_path / "in.tif", tmp_path / "out.tif")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), pixels)
    with open_image(tmp_path / "in.tif") as source:
        assert source.info.alpha == "none"
        notes = write_images(tmp_path / "out.png", source.images)
    assert any("taken for alpha" in note for note in notes)
    np.testing.assert_array_equal(PillowImage.open(tmp_path / "out.png"), pixels)


def ycbcr_of(rgb):
    """JFIF's, rounded."""
    r, g, b = np.moveaxis(rgb.astype(np.float64), 2, 0)
    y = 0.299 * r + 0.587 * g + 0.114 * b
    parts = [y, 128 + (b - y) / 1.772, 128 + (r - y) / 1.402]
    return np.rint(np.stack(parts, 2)).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("factors", [(1, 1), (2, 1), (2, 2), (4, 2), (1, 2)])
@pytest.mark.parametrize("tiled", [False, True])
def test_ycbcr_without_jpeg_becomes_rgb(tmp_path, factors, tiled):
    wide, high = factors
    blocks = RNG.integers(0, 256, (8, 8, 3), np.uint8)
    rgb = np.kron(blocks, np.ones((4, 4, 1), np.uint8))[:27, :30]
    padded = ycbcr_of(np.pad(rgb, ((0, 5), (0, 2), (0, 0)), mode="edge"))
    rows, columns = (16, 16) if tiled else (8, 32)
    parts = []
    for top in range(0, 32, rows) if tiled else (0, 8, 16, 24):
        for left in range(0, 32, columns):
            tall = rows if tiled else min(rows, 27 - top)
            tall += -tall % high
            breadth = columns if tiled else 30 + -30 % wide
            part = padded[top : top + tall, left : left + breadth]
            y = part[..., 0].reshape(tall // high, high, breadth // wide, wide)
            y = y.transpose(0, 2, 1, 3).reshape(tall // high, breadth // wide, -1)
            parts.append(np.concatenate([y, part[::high, ::wide, 1:]], axis=2).tobytes())
    raw_tiff(tmp_path / "a.tif", 30, 27, parts, factors, (rows, columns) if tiled else rows)
    with open_image(tmp_path / "a.tif") as source:
        (plane,) = source.planes()
    assert np.abs(plane.astype(int) - rgb).max() <= 2


def raw_tiff(path, width, height, parts, factors, layout):
    """A little-endian TIFF of YCbCr in 8 bit, put together by hand."""
    import struct

    entries = [(256, 3, [width]), (257, 3, [height]), (258, 3, [8, 8, 8]), (259, 3, [1]),
               (262, 3, [6]), (277, 3, [3]), (530, 3, list(factors))]  # fmt: skip
    tiled = isinstance(layout, tuple)
    entries += [(322, 3, [layout[1]]), (323, 3, [layout[0]])] if tiled else [(278, 3, [layout])]
    body, offsets = b"", []
    for part in parts:
        offsets.append(8 + len(body))
        body += part + b"\0" * (len(part) % 2)
    entries += [(324 if tiled else 273, 4, offsets)]
    entries += [(325 if tiled else 279, 4, [len(part) for part in parts])]
    rows, start = b"", 8 + len(body)
    behind = start + 2 + 12 * len(entries) + 4
    extra = b""
    for code, kind, values in sorted(entries):
        packed = struct.pack(f"<{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(packed) > 4:
            packed, extra = struct.pack("<I", behind + len(extra)), extra + packed
        rows += struct.pack("<HHI", code, kind, len(values)) + packed.ljust(4, b"\0")
    directory = struct.pack("<H", len(entries)) + rows + bytes(4) + extra
    path.write_bytes(b"II*\0" + struct.pack("<I", start) + body + directory)


@pytest.mark.parametrize("alpha", [False, True])
def test_inks_without_a_profile_keep_their_alpha_and_lose_a_profile_that_is_none(tmp_path, alpha):
    inks = RNG.integers(0, 256, (5, 6, 4 + alpha), np.uint8)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options = {"photometric": "separated", "iccprofile": profile}
    options |= {"extrasamples": ["unassalpha"]} if alpha else {}
    pages(tmp_path / "in.tif", (inks, options))
    notes = through(tmp_path / "in.tif", tmp_path / "out.tif")
    words = "CMYK converted to RGB: its profile is none of inks and is left out; `profile` takes"
    assert any(note.startswith(words) for note in notes)
    found = tifffile.imread(tmp_path / "out.tif")
    expected = np.rint((255.0 - inks[..., :3]) * (255.0 - inks[..., 3:4]) / 255)
    assert np.abs(found[..., :3] - expected).max() <= 1
    np.testing.assert_array_equal(found[..., 3:], inks[..., 4:])
    with tifffile.TiffFile(tmp_path / "out.tif") as tiff:
        assert 34675 not in tiff.pages[0].tags


def inks_profile() -> bytes:
    """A small printer's profile (ICC.1, lut8Type) with two points for each ink."""
    import struct

    corners = []
    for c, m, y, k in itertools.product((0, 1), repeat=4):
        r, g, b = ((1 - ink) * (1 - k) for ink in (c, m, y))
        lab = (255 * (0.3 * r + 0.6 * g + 0.1 * b), 128 + 60 * (r - g), 128 + 60 * (g - b))
        corners.append([round(value) for value in lab])
    same, unit = bytes(range(256)), struct.pack(">9i", *(65536 * (n % 4 == 0) for n in range(9)))
    points = bytes(itertools.chain(*corners))
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + unit + 4 * same + points + 3 * same
    name = b"desc" + bytes(4) + struct.pack(">I", 5) + b"inks\0" + bytes(79)
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    table, body, start = b"", b"", 128 + 4 + 3 * 12
    for kind, content in ((b"desc", name), (b"wtpt", white), (b"A2B0", lut)):
        table += kind + struct.pack(">II", start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    head = struct.pack(">I4sI4s4s4s12s4s", start + len(body), b"lcms", 0x02400000, b"prtr", b"CMYK",
                       b"Lab ", bytes(12), b"acsp").ljust(68, b"\0") + white[8:]  # fmt: skip
    return head.ljust(128, b"\0") + struct.pack(">I", 3) + table + body


@pytest.mark.parametrize("kind", ["tif", "tif16", "jpg"])
def test_inks_are_converted_by_their_profile_and_it_does_not_stay(tmp_path, kind):
    import io

    profile = inks_profile()
    inks = np.kron(RNG.integers(0, 256, (3, 4, 4), np.uint8), np.ones((8, 8, 1), np.uint8))
    image = PillowImage.frombytes("CMYK", (32, 24), inks.tobytes())
    if kind == "jpg":
        image.save(tmp_path / "in.jpg", quality=100, icc_profile=profile)
        image = PillowImage.open(tmp_path / "in.jpg")
    else:
        stored = inks if kind == "tif" else inks.astype(np.uint16) * 257
        pages(tmp_path / "in.tif", (stored, {"photometric": "separated", "iccprofile": profile}))
    with open_image(tmp_path / f"in.{kind[:3]}") as source:
        (plane,), info = source.planes(), source.info
        assert source.notes == ["CMYK converted to sRGB by its profile"]
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    srgb = ImageCms.createProfile("sRGB")
    expected = np.asarray(ImageCms.profileToProfile(image, opened, srgb, outputMode="RGB"))
    assert np.abs(plane.astype(float) / (257 if kind == "tif16" else 1) - expected).max() <= 1.5
    assert info.icc is None


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("kind", ["tif", "jpg"])
def test_another_profile_of_inks_takes_the_place_of_the_files_own(tmp_path, capfd, kind, own):
    """Compared with a file whose own profile it is."""
    import imgconv
    from imgconv import cli

    other = inks_profile()
    mine = other.replace(other[-64:], bytes(64)) if own else None
    (tmp_path / "inks.icc").write_bytes(other)
    image = PillowImage.new("CMYK", (8, 8), (200, 40, 90, 20))
    for name, icc in (("a", mine), ("same", other)):
        image.save(tmp_path / f"{name}.{kind}", **({"icc_profile": icc} if icc else {}))
    found = imgconv.open(tmp_path / f"a.{kind}", profile=tmp_path / "inks.icc")
    expected = imgconv.open(tmp_path / f"same.{kind}")
    np.testing.assert_array_equal(found.pixels, expected.pixels)
    assert (imgconv.open(tmp_path / f"a.{kind}").pixels != expected.pixels).any()
    assert found.notes == ("CMYK converted to sRGB by the profile given",)
    words = ["filter", "-k", "identity", str(tmp_path / f"a.{kind}"), "-o", str(tmp_path / "o.png")]
    assert cli.main([*words, "--profile", str(tmp_path / "inks.icc")]) == 0
    np.testing.assert_array_equal(imgconv.open(tmp_path / "o.png").pixels, expected.pixels)


@pytest.mark.parametrize("content", ["none", "text", "rgb", "broken"])
def test_a_wrong_profile_of_inks_is_a_wrong_command_line(tmp_path, capfd, content):
    from imgconv import cli

    rgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    made = {"text": b"no profile", "rgb": rgb, "broken": inks_profile()[:200]}
    if content in made:
        (tmp_path / "p.icc").write_bytes(made[content])
    PillowImage.new("CMYK", (8, 8)).save(tmp_path / "a.jpg")
    words = ["info", str(tmp_path / "a.jpg"), "--profile", str(tmp_path / "p.icc")]
    capfd.readouterr()
    assert cli.main(words) == 2
    err = capfd.readouterr().err
    said = {"none": "No such file", "text": "is no colour profile", "rgb": "is for RGB",
            "broken": "cannot be used"}  # fmt: skip
    assert said[content] in err and "--profile" in err and len(err.splitlines()) == 1


def test_a_raw_file_of_a_camera_is_refused_by_its_name(tmp_path):
    from imgconv.errors import InputError

    thumbnail = RNG.integers(0, 256, (6, 8, 3), np.uint8)
    sensor = RNG.integers(0, 4096, (12, 16), np.uint16)
    with tifffile.TiffWriter(tmp_path / "dng.tif") as tiff:
        tiff.write(thumbnail, extratags=[(50706, 1, 4, bytes((1, 4, 0, 0)), True)], metadata=None)
    with tifffile.TiffWriter(tmp_path / "nef.tif") as tiff:
        make = [(271, 2, 0, "NIKON CORPORATION", True)]
        tiff.write(thumbnail, subifds=1, extratags=make, metadata=None)
        tiff.write(sensor, photometric="cfa", metadata=None)
    for name, maker in (("dng.tif", "Adobe's DNG"), ("nef.tif", "NIKON CORPORATION")):
        with pytest.raises(InputError, match=rf"a camera raw file \({maker}\): develop it first"):
            open_image(tmp_path / name)


@pytest.mark.parametrize("point", [False, True])
def test_the_place_on_earth_is_kept_when_pixels_become_larger(tmp_path, point):
    grey = RNG.integers(0, 256, (8, 12), np.uint8)
    tags = [
        (33550, 12, 3, (10.0, 20.0, 0.0), True),
        (33922, 12, 6, (0.0, 0.0, 0.0, 500000.0, 4600000.0, 0.0), True),
        (34735, 3, 8, (1, 1, 0, 1, 1025, 0, 1, 2 if point else 1), True),
    ]
    pages(tmp_path / "in.tif", (grey, {"extratags": tags}))
    with open_image(tmp_path / "in.tif") as source:
        info = source.info.scale(0.5, 0.5)
        from imgconv.images import write_image

        write_image(tmp_path / "out.tif", [grey[::2, ::2, None]], info)
    with tifffile.TiffFile(tmp_path / "out.tif") as tiff:
        page = tiff.pages[0]
        assert page.tags.valueof(33550) == (20.0, 40.0, 0.0)
        i, j, _, x, y, _ = page.tags.valueof(33922)
    # The corner of the image: where pixel place (0, 0), or of points (-0.5, -0.5), lies.
    corner = -0.5 if point else 0.0
    before = (500000.0 + corner * 10, 4600000.0 - corner * 20)
    assert (x + (corner - i) * 20, y - (corner - j) * 40) == before


def test_what_shows_the_image_as_it_was_is_left_out_and_said(tmp_path):
    grey = RNG.integers(0, 256, (8, 12), np.uint8)
    tags = [(37724, 7, 5, b"8BIM\0", True), (34377, 1, 4, b"8BIM", True),
            (301, 3, 256, tuple(range(256)), True)]  # fmt: skip
    pages(tmp_path / "in.tif", (grey, {"extratags": tags}))
    notes = through(tmp_path / "in.tif", tmp_path / "out.tif")
    assert [note.split()[1] for note in notes] == ["layers", "resources"]
    with tifffile.TiffFile(tmp_path / "out.tif") as tiff:
        kept = {tag.code for tag in tiff.pages[0].tags}
    assert not kept & {37724, 34377} and 301 in kept  # the same values are in the file
    with open_image(tmp_path / "in.tif") as source:
        write_images(tmp_path / "deep.tif", source.images, WriteOptions(depth=16))
    with tifffile.TiffFile(tmp_path / "deep.tif") as tiff:
        assert 301 not in tiff.pages[0].tags


@pytest.mark.parametrize(
    "form", [b'tiff:Orientation="6"', b"<tiff:Orientation>6</tiff:Orientation>"]
)
def test_xmp_says_upright_when_pixels_are(tmp_path, form):
    packet = b"<x:xmpmeta>" + form + b"</x:xmpmeta>"
    grey = RNG.integers(0, 256, (8, 12), np.uint8)
    tags = [(274, 3, 1, 6, True), (700, 1, len(packet), packet, True)]
    pages(tmp_path / "in.tif", (grey, {"extratags": tags}))
    with open_image(tmp_path / "in.tif") as source:
        assert source.info.xmp == packet.replace(b"6", b"1")
        assert next(source.planes()).shape == (12, 8, 1)


def test_channels_of_an_array_are_data_unless_said(tmp_path):
    from imgconv.errors import InputError

    np.save(tmp_path / "a.npy", RNG.random((5, 6, 4), np.float32))
    with open_image(tmp_path / "a.npy") as source:
        assert source.info.alpha == "none"
    with open_image(tmp_path / "a.npy", channels="rgba") as source:
        assert source.info.alpha == "straight"
    with pytest.raises(InputError, match="the array has 4 channels, rgb are 3"):
        open_image(tmp_path / "a.npy", channels="rgb")


def rgb_of_lab(light, a, b):
    """CIE 15, under D50, and IEC 61966-2-1: from 0 to 1."""
    y = (light + 16) / 116
    roots = (y + a / 500, y, y - b / 200)
    cubes = [np.where(f > 6 / 29, f**3, (f - 4 / 29) * 108 / 841) for f in roots]
    xyz = np.stack(cubes, -1) * (0.96422, 1, 0.82521)
    rows = [[3.1338561, -1.6168667, -0.4906146], [-0.9787684, 1.9161415, 0.0334540],
            [0.0719453, -0.2289914, 1.4052427]]  # fmt: skip
    linear = (xyz @ np.array(rows).T).clip(0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("photometric", [8, 9, 10])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_lab_becomes_srgb(tmp_path, photometric, dtype, planar):
    top = np.iinfo(dtype).max
    unit = (top + 1) // 256
    light, a, b = (
        RNG.integers(*ends, (12, 10)) * unit for ends in ((50, 220), (-25, 25), (-25, 25))
    )
    known = {8: (light / top * 100, a / unit, b / unit),
             9: (light / unit / 2.55, a / unit, b / unit),
             10: (light / top * 100, (a + 128 * unit) * 170 / top - 85,
                  (b + 128 * unit) * 200 / top - 75)}[photometric]  # fmt: skip
    middle = 0 if photometric == 8 else 128 * unit
    stored = np.stack([light, (a + middle) % (top + 1), (b + middle) % (top + 1)], -1).astype(dtype)
    data = np.moveaxis(stored, 2, 0) if planar == "separate" else stored
    tifffile.imwrite(tmp_path / "a.tif", data, photometric=photometric, planarconfig=planar,
                     metadata=None)  # fmt: skip
    with open_image(tmp_path / "a.tif") as source:
        (plane,) = source.planes()
        assert any("converted to sRGB" in note for note in source.notes)
        write_images(tmp_path / "b.tif", source.images)
    assert np.abs(plane - rgb_of_lab(*known) * top).max() < 0.6 * unit
    with open_image(tmp_path / "b.tif") as source:
        np.testing.assert_array_equal(list(source.planes()), [plane])


def test_inks_that_are_not_cmyk_are_data(tmp_path):
    stored = RNG.integers(0, 256, (6, 7, 5), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="separated", metadata=None,
                     extratags=[(332, 3, 1, 2, True)])  # fmt: skip
    with open_image(tmp_path / "a.tif") as source:
        write_images(tmp_path / "b.tif", source.images)
        assert any("5 inks that are not CMYK" in note for note in source.notes)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "b.tif"), stored)


def test_tiles_that_are_left_out_on_purpose_are_0(tmp_path):
    stored = RNG.integers(1, 256, (32, 48), np.uint8)
    stored[16:, 16:32] = 0
    tifffile.imwrite(tmp_path / "a.tif", stored, tile=(16, 16), metadata=None)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as tiff:
        tags = tiff.pages.first.tags
        for code in (324, 325):
            tags[code].overwrite([n if i != 4 else 0 for i, n in enumerate(tags[code].value)])
    with open_image(tmp_path / "a.tif") as source:
        np.testing.assert_array_equal([p[..., 0] for p in source.planes()], [stored])
        assert any("leaves out" in note for note in source.notes)


def test_a_length_that_is_too_long_does_no_harm_where_all_samples_are_there(tmp_path):
    stored = RNG.integers(0, 256, (8, 9), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", stored, metadata=None)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as tiff:
        tiff.pages.first.tags[279].overwrite(1 << 20)
    with open_image(tmp_path / "a.tif") as source:
        np.testing.assert_array_equal([p[..., 0] for p in source.planes()], [stored])
