"""JPEG: subsamplings, Adobe's markers and orientations against Pillow; what stands beside the
pixels is kept, or said to be left out."""

from __future__ import annotations

import io
import struct

import imagecodecs
import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageOps

from imgconv.errors import InputError
from imgconv.images import open_image, to_srgb, write_images
from imgconv.images.formats.jpeg import restarts
from imgconv.images.metadata import iptc, xmp_extended
from imgconv.images.resolution import Resolution

RNG = np.random.default_rng(29)
PHOTO = np.kron(RNG.integers(0, 256, (6, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)


def jpeg(mode="RGB", segments=(), **options):
    """A file with further segments in front of all others."""
    file = io.BytesIO()
    PillowImage.fromarray(PHOTO).convert(mode).save(file, "JPEG", **options)
    parts = b"".join(struct.pack(">BBH", 0xFF, m, len(c) + 2) + c for m, c in segments)
    return file.getvalue()[:2] + parts + file.getvalue()[2:]


def read(tmp_path, data, name="in.jpg"):
    (tmp_path / name).write_bytes(data)
    with open_image(tmp_path / name) as source:
        (plane,) = source.planes()
        return plane, source.info, source.notes


def through(tmp_path, data, name="out.jpg"):
    """Read and written: the new file and all notes."""
    (tmp_path / "in.jpg").write_bytes(data)
    with open_image(tmp_path / "in.jpg") as source:
        notes = write_images(tmp_path / name, source.images, force=True)
        return (tmp_path / name).read_bytes(), [*source.notes, *notes]


def shown(data):
    with PillowImage.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("L" if image.mode == "L" else "RGB"))


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("subsampling", ["444", "422", "420", "411", "440"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("restart", [0, 2])
def test_pixels_are_libjpegs(tmp_path, mode, subsampling, progressive, restart):
    if subsampling in ("411", "440"):  # which Pillow does not write
        plane = PHOTO if mode == "RGB" else PHOTO[..., 0].copy()
        wanted = None if mode == "L" else subsampling
        data = bytes(imagecodecs.jpeg8_encode(plane, 90, subsampling=wanted))
    else:
        options = {} if mode == "L" else {"subsampling": ":".join(subsampling)}
        data = jpeg(mode, progressive=progressive, restart_marker_blocks=restart, **options)
    plane, _, _ = read(tmp_path, data)
    np.testing.assert_array_equal(np.squeeze(plane), shown(data))


@pytest.mark.parametrize("keep_rgb", [False, True])
@pytest.mark.parametrize("transform", [None, 0, 1])
def test_adobes_marker_says_whether_it_is_rgb(tmp_path, keep_rgb, transform):
    adobe = b"Adobe\0\x64\0\0\0\0" + bytes([transform or 0])
    data = jpeg(keep_rgb=keep_rgb)
    if transform is not None:  # in place of JFIF's, which means YCbCr
        at = 4 + struct.unpack_from(">H", data, 4)[0] if data[2:4] == b"\xff\xe0" else 2
        data = data[:2] + b"\xff\xee" + struct.pack(">H", len(adobe) + 2) + adobe + data[at:]
    np.testing.assert_array_equal(read(tmp_path, data)[0], shown(data))


def exif(kind, orientation, order="<"):
    value = struct.pack(order + {1: "B3x", 3: "H2x", 4: "I"}[kind], orientation)
    head = b"II*\0\10\0\0\0" if order == "<" else b"MM\0*\0\0\0\10"
    entry = struct.pack(order + "HHHI", 1, 0x0112, kind, 1) + value
    return 0xE1, b"Exif\0\0" + head + entry + bytes(4)


def packet(text, spaces='xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'):
    head = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf='
    head += f'"http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" {spaces}'
    return f"{head}{text}</rdf:Description></rdf:RDF></x:xmpmeta>".encode()


def xmp(text, *spaces):
    return 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet(text, *spaces)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("how", [(1, "<"), (3, "<"), (4, ">"), (3, ">"), "xmp", "both"])
def test_it_is_turned_once_whatever_says_so(tmp_path, orientation, how):
    said = [xmp(f"><tiff:Orientation>{orientation}</tiff:Orientation>")]
    if how != "xmp":
        kind, order = (3, "<") if how == "both" else how
        said = [exif(kind, orientation, order), *(said if how == "both" else ())]
    data = jpeg(segments=said)
    # Pillow takes no bytes for numbers.
    usual = jpeg(segments=[exif(3, orientation)]) if how == (1, "<") else data
    with PillowImage.open(io.BytesIO(usual)) as image:
        wanted = np.asarray(ImageOps.exif_transpose(image))
    plane, info, _ = read(tmp_path, data)
    np.testing.assert_array_equal(plane, wanted)
    again, notes = through(tmp_path, data)
    assert read(tmp_path, again)[0].shape == plane.shape and notes == []
    with PillowImage.open(io.BytesIO(again)) as image:
        assert np.asarray(ImageOps.exif_transpose(image)).shape == wanted.shape
    assert not info.xmp or b"Orientation>1<" in info.xmp


def test_iptc_goes_where_there_is_a_place(tmp_path):
    records = b"\x1c\x02\x78\0\x0cLake at dawn\x1c\x02\x74\0\1c"
    thumbnail = b"8BIM\4\x0c\0\0\0\0\0\2ab"
    block = b"Photoshop 3.0\0" + iptc.resource(records) + thumbnail
    data = jpeg(segments=[(0xED, block)])
    for name in ("out.jpg", "out.png", "out.tif"):
        _, notes = through(tmp_path, data, name)
        assert notes == ["Photoshop's resources (thumbnail, paths) are left out"]
        with open_image(tmp_path / name) as source:
            assert source.info.iptc == records
    with PillowImage.open(tmp_path / "out.jpg") as image:
        assert image.info["photoshop"] == {0x0404: records}
    said = "WEBP has no place for IPTC; PNG and JPEG have"
    assert said in through(tmp_path, data, "out.webp")[1]


@pytest.mark.parametrize("comment", ["Été à Zürich".encode("latin-1"), "多语言".encode()])
def test_comments_keep_their_bytes(tmp_path, comment):
    data, notes = through(tmp_path, jpeg(segments=[(0xFE, comment)]))
    assert comment in data and notes == []
    through(tmp_path, data, "out.gif")
    assert comment in (tmp_path / "out.gif").read_bytes()
    through(tmp_path, data, "out.png")
    with PillowImage.open(tmp_path / "out.png") as image:
        assert image.text["Comment"] in ("Été à Zürich", "多语言")
    said = "BMP has no place for comments; PNG and JPEG have"
    assert said in through(tmp_path, data, "out.bmp")[1]


def test_long_xmp_is_split_and_joined(tmp_path):
    other = 'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:a="b/" dc:title="t">'
    long = f"<dc:description>{'x' * 90_000}</dc:description><a:b>{'y' * 50_000}</a:b>"
    whole = packet(long, other)
    (tmp_path / "in.jpg").write_bytes(jpeg())
    with open_image(tmp_path / "in.jpg") as source:
        from dataclasses import replace

        images = [replace(one, info=replace(one.info, xmp=whole)) for one in source.images]
        assert write_images(tmp_path / "out.jpg", images) == []
    data = (tmp_path / "out.jpg").read_bytes()
    assert xmp_extended.HEADER in data
    _, info, notes = read(tmp_path, data)
    assert notes == [] and info.xmp is not None and b"HasExtendedXMP" not in info.xmp
    for part in (b'title="t"', b"x" * 90_000, b"y" * 50_000):
        assert part in info.xmp
    broken = data.replace(b"x" * 100, b"z" * 100, 1)
    assert "the damaged second part of its XMP was dropped" in read(tmp_path, broken)[2]


def test_exif_that_is_too_long_is_said(tmp_path):
    from dataclasses import replace

    (tmp_path / "in.jpg").write_bytes(jpeg())
    with open_image(tmp_path / "in.jpg") as source:
        block = exif(3, 1)[1][6:] + bytes(70_000)
        images = [replace(one, info=replace(one.info, exif=block)) for one in source.images]
        (note,) = write_images(tmp_path / "out.jpg", images)
    assert "at most 64 KB of EXIF" in note


def test_resolution_of_exif_counts_and_is_scaled(tmp_path):
    block = PillowImage.Exif()
    block[282], block[283], block[296] = 300, 300, 2
    block[256], block[257] = 64, 48
    block.get_ifd(0x8769)[0xA002] = 64
    block.get_ifd(0x8769)[0xA003] = 48
    file = io.BytesIO()
    PillowImage.fromarray(PHOTO).save(file, "JPEG", exif=block)
    data = file.getvalue()
    data = data[:2] + data[4 + struct.unpack_from(">H", data, 4)[0] :]  # no JFIF
    sizes = xmp(' exif:PixelXDimension="64" tiff:ImageLength="48" tiff:XResolution="300/1">',
                'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
                'xmlns:exif="http://ns.adobe.com/exif/1.0/"')  # fmt: skip
    data = data[:2] + struct.pack(">BBH", 0xFF, sizes[0], len(sizes[1]) + 2) + sizes[1] + data[2:]
    plane, info, _ = read(tmp_path, data)
    assert info.resolution == Resolution(300, 300, "inch")
    from imgconv.images import write_image

    for name in ("half.jpg", "half.webp", "half.png"):
        write_image(tmp_path / name, [plane[::2, ::2]], info.scale(0.5, 0.5))
        with open_image(tmp_path / name) as source:
            assert source.info.dpi == pytest.approx((150, 150), abs=0.02)
            packed = source.info.xmp or b""
        assert b'PixelXDimension="32" tiff:ImageLength="24" tiff:XResolution="150/1"' in packed
        with PillowImage.open(tmp_path / name) as image:
            found = image.getexif()
            assert (found[256], found[257], found[282]) == (32, 24, 150)
            assert found.get_ifd(0x8769)[0xA002] == 32


@pytest.mark.parametrize("index", [b"R03\0", b"R98\0", None])
def test_adobe_rgb_announced_by_a_camera_is_converted(tmp_path, index):
    block = PillowImage.Exif()
    directory = block.get_ifd(0x8769)
    directory[0xA001] = 0xFFFF
    if index:
        directory[0xA005] = {1: index[:3].decode()}
    file = io.BytesIO()
    PillowImage.fromarray(PHOTO).save(file, "JPEG", exif=block, quality=95)
    plane, info, _ = read(tmp_path, file.getvalue())
    if index is None:
        with pytest.raises(InputError, match="EXIF says that its colours are not sRGB"):
            to_srgb(plane, info)
        return
    found = to_srgb(plane, info)
    if index == b"R98\0":
        np.testing.assert_array_equal(found, plane)
        return
    light = (plane / 255.0) ** (563 / 256)
    to_xyz = np.array([[0.57667, 0.18556, 0.18823], [0.29734, 0.62736, 0.07529],
                       [0.02703, 0.07069, 0.99134]])  # fmt: skip
    srgb = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415],
                     [0.0557, -0.2040, 1.0570]])  # fmt: skip
    wanted = np.clip(light @ to_xyz.T @ srgb.T, 0, 1)
    wanted = np.where(wanted <= 0.0031308, wanted * 12.92, 1.055 * wanted ** (1 / 2.4) - 0.055)
    assert np.abs(found - wanted * 255).max() < 2.5


GAIN = ' hdrgm:Version="1.0"><Container:Directory><rdf:Seq/></Container:Directory>'
GAIN_SPACES = ('xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" '
               'xmlns:Container="http://ns.google.com/photos/1.0/container/"')  # fmt: skip
GAIN_NOTE = "its gain map (the lights for HDR screens) is left out"
MPF = (0xE2, b"MPF\0II*\0" + bytes(20))


@pytest.mark.parametrize(
    ("segments", "behind", "words"),
    [
        ([], jpeg(), "only the first of the several pictures in the file is read"),
        ([MPF], jpeg(), "only the first of its pictures (MPO) is read; exiftool takes the "
            "others out"),
        ([xmp(GAIN, GAIN_SPACES), MPF], jpeg(), GAIN_NOTE),
        ([], b"\0\0\0\x18ftypmp42" + bytes(99), "the film behind its picture is left out"),
    ],
)  # fmt: skip
def test_what_comes_beside_the_picture_is_said(tmp_path, segments, behind, words):
    data, notes = through(tmp_path, jpeg(segments=segments) + behind)
    assert notes == [words]
    assert not any(word in data for word in (b"hdrgm", b"Container", b"MPF\0"))


def test_the_height_may_come_behind_the_first_scan(tmp_path):
    whole = jpeg()
    at = whole.index(b"\xff\xc0") + 5
    lines = b"\xff\xdc\0\4" + whole[at : at + 2]
    data = whole[:at] + b"\0\0" + whole[at + 2 : -2] + lines + b"\xff\xd9"
    np.testing.assert_array_equal(read(tmp_path, data)[0], shown(whole))


@pytest.mark.parametrize("junk", [b"\0\0\x12", b"\0" * 7 + b"\xff", b"xyz\xff\0\x12"])
def test_junk_between_segments_is_skipped(tmp_path, junk):
    whole = jpeg()
    at = whole.index(b"\xff\xdb")
    np.testing.assert_array_equal(read(tmp_path, whole[:at] + junk + whole[at:])[0], shown(whole))


@pytest.mark.parametrize("bits", [2, 7, 9, 12, 14, 16])
@pytest.mark.parametrize("lossless", [True, False])
def test_other_depths_are_scaled_by_their_own_white(tmp_path, bits, lossless):
    if not lossless and bits != 12:
        pytest.skip("lossy JPEGs have 8 or 12 bits")
    samples = (RNG.integers(0, 1 << bits, (9, 8, 3)) // 2 * 2).astype("u1" if bits < 8 else "u2")
    data = imagecodecs.jpeg8_encode(samples, lossless=lossless, bitspersample=bits)
    plane, info, _ = read(tmp_path, data)
    top = 255 if bits < 8 else 65535
    stored = imagecodecs.jpeg8_decode(data).astype(float)
    np.testing.assert_array_equal(plane, np.floor(stored * top / ((1 << bits) - 1) + 0.5))
    assert info.source_dtype == ("" if bits == 16 else f"uint{bits}")
    through(tmp_path, data, "out.png")
    with open_image(tmp_path / "out.png") as source:
        np.testing.assert_array_equal(list(source.planes()), [plane])


@pytest.mark.parametrize("subsampling", [None, *restarts.BLOCKS])
@pytest.mark.parametrize("shape", [(70, 41), (64, 48), (7, 9), (33, 130)])
def test_bands_joined_by_restart_markers_decode_like_the_whole(
    subsampling: str | None, shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restarts, "BAND", 1024)
    rng = np.random.default_rng(sum(shape))
    plane = rng.integers(0, 256, shape if subsampling is None else (*shape, 3), np.uint8)
    joined = restarts.encode(plane, 80, subsampling)
    whole = imagecodecs.jpeg8_encode(plane, 80, subsampling=subsampling)
    assert (joined.count(b"\xff\xdd\0\4") == 1) == (shape != (7, 9))
    for decode in (imagecodecs.jpeg8_decode, lambda data: np.asarray(open_pillow(data))):
        assert np.array_equal(decode(joined), decode(whole))


def open_pillow(data: bytes) -> PillowImage.Image:
    return PillowImage.open(io.BytesIO(data))
