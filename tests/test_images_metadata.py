"""Metadata comes out as it went in, or corrected where it stopped being true."""

from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

from imgconv.images import Info, is_srgb, open_image, srgb_info, to_srgb, write_image
from imgconv.images.resolution import Resolution

RNG = np.random.default_rng(3)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf/></x:xmpmeta>'


def picture(height=20, width=30, channels=3):
    return RNG.integers(0, 256, (height, width, channels), dtype=np.uint8)


def exif_block(orientation, thumbnail=False):
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Camera maker"
    exif.get_ifd(0x8769)[0x9003] = "2024:01:02 03:04:05"
    return exif.tobytes()


def copy(source, target, **options):
    with open_image(source) as opened:
        write_image(target, opened.planes(), opened.info, **options)
        return opened.info


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_orientation_is_applied_once_and_the_tag_reset(tmp_path, orientation, suffix):
    image = Image.fromarray(picture())
    options = {"lossless": True} if suffix == "webp" else {}
    image.save(tmp_path / f"in.{suffix}", exif=exif_block(orientation), **options)
    with Image.open(tmp_path / f"in.{suffix}") as shown:
        wanted = np.asarray(ImageOps.exif_transpose(shown))
    info = copy(tmp_path / f"in.{suffix}", tmp_path / "out.png")
    assert (info.height, info.width) == wanted.shape[:2]
    with Image.open(tmp_path / "out.png") as out:
        np.testing.assert_array_equal(np.asarray(out), wanted)
        assert out.getexif()[0x0112] == 1
        assert out.getexif()[0x010F] == "Camera maker"
        assert out.getexif().get_ifd(0x8769)[0x9003] == "2024:01:02 03:04:05"


def test_a_tiffs_orientation_is_applied_and_the_tag_dropped(tmp_path):
    plane = picture()
    Image.fromarray(plane).save(tmp_path / "in.tif", tiffinfo={0x0112: 6})
    copy(tmp_path / "in.tif", tmp_path / "out.tif")
    with Image.open(tmp_path / "out.tif") as out:
        np.testing.assert_array_equal(np.asarray(out), np.rot90(plane, -1))
        assert 0x0112 not in out.tag_v2


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_icc_and_xmp_survive_within_and_across_formats(tmp_path, suffix):
    Image.fromarray(picture()).save(tmp_path / "in.jpg", icc_profile=SRGB, xmp=XMP)
    copy(tmp_path / "in.jpg", tmp_path / f"out.{suffix}")
    with open_image(tmp_path / f"out.{suffix}") as opened:
        assert opened.info.icc == SRGB
        assert opened.info.xmp == XMP
    with Image.open(tmp_path / f"out.{suffix}") as image:
        assert image.info["icc_profile"] == SRGB


def test_a_long_profile_is_split_over_segments_and_joined_again(tmp_path):
    profile = SRGB + bytes(150_000)
    plane = picture()
    info = Info("png", plane.dtype, *plane.shape, icc=profile)
    write_image(tmp_path / "a.jpg", [plane], info)
    with open_image(tmp_path / "a.jpg") as opened, Image.open(tmp_path / "a.jpg") as image:
        assert opened.info.icc == image.info["icc_profile"] == profile


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp"])
def test_dots_per_inch_survive(tmp_path, suffix):
    Image.fromarray(picture()).save(tmp_path / f"in.{suffix}", dpi=(300, 150))
    copy(tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}")
    with Image.open(tmp_path / f"out.{suffix}") as image:
        assert [round(float(d)) for d in image.info["dpi"]] == [300, 150]


def test_dots_per_inch_pass_from_png_through_tiff_to_jpeg(tmp_path):
    Image.fromarray(picture()).save(tmp_path / "a.png", dpi=(300, 300))
    copy(tmp_path / "a.png", tmp_path / "b.tif")
    copy(tmp_path / "b.tif", tmp_path / "c.jpg")
    with Image.open(tmp_path / "c.jpg") as image:
        assert [round(float(d)) for d in image.info["dpi"]] == [300, 300]


def test_png_text_survives_in_every_alphabet(tmp_path):
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "Grüße")
    text.add_text("Author", "Ἀρχιμήδης 😀")
    text.add_text("Long", "x" * 5000, zip=True)
    text.add_itxt("Comment", "多语言", zip=True)
    text.add_text("Software", "something else")
    Image.fromarray(picture()).save(tmp_path / "in.png", pnginfo=text)
    info = copy(tmp_path / "in.png", tmp_path / "out.png")
    assert info.software == "something else"
    with Image.open(tmp_path / "out.png") as image:
        image.load()
        assert image.text["Title"] == "Grüße"
        assert image.text["Author"] == "Ἀρχιμήδης 😀"
        assert image.text["Long"] == "x" * 5000
        assert image.text["Comment"] == "多语言"
        assert image.text["Software"].startswith("imgconv ")


def test_a_jpegs_comment_survives(tmp_path):
    Image.fromarray(picture()).save(tmp_path / "in.jpg", comment="ünïcode")
    copy(tmp_path / "in.jpg", tmp_path / "out.jpg")
    copy(tmp_path / "out.jpg", tmp_path / "again.jpg")
    with open_image(tmp_path / "again.jpg") as opened:
        assert opened.info.comments == ("ünïcode".encode(),)
        assert opened.info.software.startswith("imgconv ")


def test_the_thumbnail_of_another_image_is_unlinked(tmp_path):
    from imgconv.images.metadata import exif

    order = b"II*\0" + (8).to_bytes(4, "little")
    entry = (0x0112).to_bytes(2, "little") + b"\3\0\1\0\0\0" + b"\6\0\0\0"
    block = order + b"\1\0" + entry + (26).to_bytes(4, "little") + b"thumbnail directory"
    patched = exif.upright(block)
    assert exif.orientation(block) == 6
    assert exif.orientation(patched) == 1
    assert patched[22:26] == bytes(4)
    assert len(patched) == len(block)


@pytest.mark.parametrize("block", [b"", b"II", b"II*\0\xff\xff\xff\xff" + bytes(9), b"MM" * 40])
def test_a_damaged_exif_block_counts_as_upright(block):
    from imgconv.images.metadata import exif

    assert exif.orientation(block) is None
    assert len(exif.upright(block)) == len(block)


def test_the_pixel_size_grows_when_pixels_are_pooled():
    known = Resolution(Fraction(19420064, 1000000), Fraction(10), "µm")
    info = Info("tiff", np.dtype("u1"), 8, 8, 1, resolution=known).scale(0.5, 0.25)
    assert info.pixel_size == pytest.approx((4 / 19.420064, 0.2, "µm"))


def test_one_plane_of_a_stack_is_described_as_such():
    info = Info("tiff", np.dtype("u2"), 8, 9, 3, axes="TZYXS", shape=(2, 3, 8, 9, 3))
    assert (info.planes, info.stack_axes, info.stack_shape) == (6, "TZ", (2, 3))
    assert (info.one_plane().axes, info.one_plane().shape) == ("YXS", (8, 9, 3))


def test_a_profile_for_other_channels_than_the_image_has_is_not_asked():
    info = Info("tiff", np.dtype(np.uint8), 4, 4, 12, icc=SRGB)
    assert is_srgb(info)  # at once: 12 channels have two thousand million colours of six levels


@pytest.mark.parametrize("channels", [3, 4])
def test_to_srgb_agrees_with_pillow(channels):
    import imagecodecs

    profile = imagecodecs.cms_profile("adobergb")
    plane = picture(channels=channels)
    alpha = "straight" if channels == 4 else "none"
    info = Info("png", plane.dtype, *plane.shape, alpha=alpha, icc=profile)
    done = to_srgb(plane, info)
    wanted = ImageCms.profileToProfile(
        Image.fromarray(plane[..., :3]), ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"), renderingIntent=0,
    )  # fmt: skip
    difference = done[..., :3].astype(int) - np.asarray(wanted).astype(int)
    assert np.abs(difference).max() <= 1
    np.testing.assert_array_equal(done[..., 3:], plane[..., 3:])
    assert srgb_info(info).icc is None


def test_without_a_profile_srgb_changes_nothing():
    plane = picture()
    info = Info("png", plane.dtype, *plane.shape)
    assert to_srgb(plane, info) is plane
    assert srgb_info(info) is info


def test_a_grey_result_drops_the_colour_profile(tmp_path):
    plane = picture(channels=1)
    info = Info("png", plane.dtype, *plane.shape, icc=SRGB)
    write_image(tmp_path / "a.png", [plane], info)
    with Image.open(tmp_path / "a.png") as image:
        assert "icc_profile" not in image.info


def test_exif_goes_into_a_jpeg_where_pillow_finds_it(tmp_path):
    Image.fromarray(picture()).save(tmp_path / "in.jpg", exif=exif_block(1))
    copy(tmp_path / "in.jpg", tmp_path / "out.jpg")
    with Image.open(tmp_path / "out.jpg") as image:
        assert image.getexif()[0x010F] == "Camera maker"


def test_an_info_can_be_replaced_field_by_field():
    info = Info("png", np.dtype("u1"), 4, 5, 3)
    assert replace(info, channels=1, axes="", shape=()).axes == "YX"


def test_metadata_that_a_format_cannot_hold_is_named(tmp_path):
    plane = picture()
    info = Info("png", plane.dtype, *plane.shape, icc=SRGB, xmp=XMP, exif=exif_block(1)[6:])
    notes = write_image(tmp_path / "a.tif", [plane], info)
    assert any(note.startswith("TIFF keeps of EXIF description, maker") for note in notes)
    notes = write_image(tmp_path / "a.bmp", [plane], info)
    assert [note.partition(";")[0] for note in notes] == [
        "BMP has no place for EXIF", "BMP has no place for XMP",
    ]  # fmt: skip
    assert write_image(tmp_path / "a.png", [plane], info) == []


def test_an_exif_directory_of_a_tiff_is_lost_with_a_note(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x829A] = 0.01
    Image.new("L", (4, 4)).save(tmp_path / "a.tif", exif=exif.tobytes())
    with open_image(tmp_path / "a.tif") as source:
        assert any("EXIF" in note for note in source.notes)
    Image.new("L", (4, 4)).save(tmp_path / "b.tif")
    with open_image(tmp_path / "b.tif") as source:
        assert source.notes == []


def test_tags_and_resolution_that_have_no_place_are_named(tmp_path):
    import tifffile

    tags = [(315, 2, 0, "A. Nobody", True), (33432, 2, 0, "nobody", True), (65000, 3, 1, 7, True)]
    tifffile.imwrite(tmp_path / "a.tif", picture(), description="a lake", resolution=(300, 300),
                     resolutionunit=2, extratags=tags, metadata=None)  # fmt: skip
    words = "has no place for the TIFF tags ImageDescription, Artist, Copyright"
    with open_image(tmp_path / "a.tif") as source:
        for suffix in ("png", "jpg"):
            notes = write_image(tmp_path / f"a.{suffix}", source.planes(), source.info)
            assert notes == [f"{'JPEG' if suffix == 'jpg' else 'PNG'} {words}; TIFF has"]
        notes = write_image(tmp_path / "a.npy", source.planes(), source.info)
        assert notes == [
            "NPY has no place for the resolution; PNG and JPEG have",
            f"NPY {words}; TIFF has",
        ]
        assert write_image(tmp_path / "b.tif", source.planes(), source.info) == []


def test_words_of_exif_and_text_stand_in_the_tags_of_a_tiff(tmp_path):
    plane = picture()
    block = Image.Exif()
    block[0x010F], block[0x0132], block[0x8298] = "Maker", "2024:01:02 03:04:05", "me"
    exif = block.tobytes().removeprefix(b"Exif\0\0")
    info = Info("png", plane.dtype, *plane.shape, exif=exif, text=(("Title", "Lake"),),
                comments=(b"at dawn",))  # fmt: skip
    assert write_image(tmp_path / "a.tif", [plane], info) == []
    with Image.open(tmp_path / "a.tif") as image:
        tags = image.tag_v2
        assert (tags[271], tags[306], tags[33432]) == ("Maker", "2024:01:02 03:04:05", "me")
        assert tags[270].split("\n") == ["Title: Lake", "at dawn"]
    block[0x010E] = "a lake"
    said = replace(info, exif=block.tobytes().removeprefix(b"Exif\0\0"))
    notes = write_image(tmp_path / "b.tif", [plane], said)
    assert notes == ["TIFF has no place for text and comments beside the description; PNG has"]
    with Image.open(tmp_path / "b.tif") as image:
        assert image.tag_v2[270] == "a lake"


@pytest.mark.parametrize("order", ["<", ">"])
def test_resolution_is_added_to_exif_that_says_none(tmp_path, order):
    plane, block = picture(), Image.Exif()
    block.endian = order
    block[0x010F] = "a maker of cameras"
    block.get_ifd(0x8769)[0x927C] = b"notes of the maker"
    exif = block.tobytes().removeprefix(b"Exif\0\0")
    known = Resolution(Fraction(240), Fraction(120), "inch")
    info = Info("png", plane.dtype, *plane.shape, exif=exif, resolution=known)
    assert write_image(tmp_path / "a.webp", [plane], info) == []
    with Image.open(tmp_path / "a.webp") as image:
        found = image.getexif()
        assert (found[282], found[283], found[296], found[271]) == (240, 120, 2, block[0x010F])
        assert found.get_ifd(0x8769)[0x927C] == b"notes of the maker"
    with open_image(tmp_path / "a.webp") as source:
        assert source.info.resolution == known
