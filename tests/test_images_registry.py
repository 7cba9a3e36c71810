"""Each format is one record, and the record is true."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from PIL import Image as PillowImage

from imgconv.errors import OutputError
from imgconv.images import Info, WriteOptions, open_image, write_image
from imgconv.images.formats import ALL, sniff
from imgconv.images.formats.netpbm import PNM

RNG = np.random.default_rng(11)
DTYPES = {8: np.uint8, 16: np.uint16, 32: np.float32}
EXACT = {"quality": 100}  # where a format has a lossy and a lossless form
ALPHA = {1: "none", 2: "straight", 3: "none", 4: "straight"}
LOSSY = ("jpeg", "avif", "heif")
CASES = [
    (one, depth, alpha)
    for one in ALL
    if one.name != "pbm"
    for depth in one.depths
    for alpha in {False, one.alpha}
]


def plane_of(depth: int, channels: int) -> np.ndarray:
    if depth == 32:
        return RNG.random((9, 14, channels), np.float32)
    return RNG.integers(0, 2**depth, (9, 14, channels)).astype(DTYPES[depth])


def test_no_suffix_and_no_name_stands_for_two_formats():
    words = [word for one in ALL for word in {*one.suffixes, f".{one.name}"}]
    assert len(words) == len(set(words))


@pytest.mark.parametrize(
    ("kind", "depth", "alpha"), CASES, ids=[f"{c[0].name}-{c[1]}-{c[2]}" for c in CASES]
)
def test_what_a_record_promises_is_written_recognised_and_read(tmp_path, kind, depth, alpha):
    colours = 1 if kind.name in ("gif", "pgm") else 3  # noise in RGB has more than 256 colours
    plane = plane_of(depth, colours + alpha)
    if kind.name == "gif" and alpha:  # which knows two of them
        plane[..., -1] = 255
        plane[0, 0] = 0
    info = Info(kind.name, plane.dtype, *plane.shape, alpha="straight" if alpha else "none",
                exif=EXIF, xmp=b"<x:xmpmeta/>", icc=None)  # fmt: skip
    path = tmp_path / f"a{kind.suffix}"
    notes = write_image(path, [plane], info, WriteOptions(**EXACT))
    found = sniff(path.read_bytes()[:32])
    assert found is kind or (found is PNM and kind.name in ("ppm", "pgm"))
    said = "rgba" if kind.name == "npy" and alpha else ""  # nothing in the file tells
    with open_image(path, channels=said) as source:
        (found,) = source.planes()
        assert found.shape == plane.shape and found.dtype == plane.dtype
        assert source.info.alpha == info.alpha
        for field, name in (("exif", "EXIF"), ("xmp", "XMP")):
            kept = getattr(source.info, field)
            assert bool(kept) == (field in kind.keeps)
            if field in kind.keeps_partly:
                continue
            said = f"{kind.name.upper()} has no place for {name};"
            assert any(note.startswith(said) for note in notes) != bool(kept)
    if kind.name not in LOSSY:
        np.testing.assert_array_equal(found, plane)


def _exif() -> bytes:
    block = PillowImage.Exif()
    block[0x010E] = "a lake"
    return block.tobytes().removeprefix(b"Exif\0\0")


EXIF = _exif()


def test_avif_is_what_pillow_reads(tmp_path):
    smooth = np.add.outer(np.arange(40), np.arange(60))[..., None] * np.array([1, 2, 0.5])
    plane = smooth.astype(np.uint8)
    write_image(tmp_path / "a.avif", [plane], Info("png", plane.dtype, *plane.shape, exif=EXIF))
    with PillowImage.open(tmp_path / "a.avif") as image:
        assert image.getexif()[0x010E] == "a lake"
        assert np.abs(np.asarray(image).astype(int) - plane).mean() < 3


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_an_avif_is_turned_as_its_orientation_says(tmp_path, orientation):
    from PIL import ImageOps

    block = PillowImage.Exif()
    block[0x0112] = orientation
    image = PillowImage.fromarray(np.kron(plane_of(8, 3)[:4, :6], np.ones((8, 8, 1), np.uint8)))
    image.save(tmp_path / "a.avif", exif=block.tobytes(), quality=100)
    with PillowImage.open(tmp_path / "a.avif") as opened, open_image(tmp_path / "a.avif") as source:
        (found,) = source.planes()
        np.testing.assert_array_equal(found, np.asarray(ImageOps.exif_transpose(opened)))


@pytest.mark.parametrize("quality", [None, 90, 40])
def test_jpeg_xl_is_exact_unless_a_quality_is_asked_for(tmp_path, quality):
    import imagecodecs

    steps = np.add.outer(np.arange(64), np.arange(96))
    plane = (steps[..., None] * np.array([1.5, 0.7, 1.1])).astype(np.uint8)
    path = tmp_path / "a.jxl"
    write_image(
        path, [plane], Info("png", plane.dtype, *plane.shape), WriteOptions(quality=quality)
    )
    found = imagecodecs.jpegxl_decode(path.read_bytes())
    assert np.array_equal(found, plane) == (quality is None)
    assert np.abs(found.astype(int) - plane).mean() < 4


@pytest.mark.parametrize("size", [(8, 16), (30, 20), (9, 1000), (600, 300), (1, 1)])
@pytest.mark.parametrize("container", [True, False])
def test_a_jpeg_xl_says_its_size_before_it_is_decoded(tmp_path, size, container):
    import imagecodecs

    from imgconv.errors import InputError

    plane = np.zeros(size, np.uint8)
    (tmp_path / "a.jxl").write_bytes(imagecodecs.jpegxl_encode(plane, usecontainer=container))
    pixels = size[0] * size[1]
    with open_image(tmp_path / "a.jxl", max_pixels=pixels) as source:
        assert (source.info.height, source.info.width) == size
    if pixels > 1:
        with pytest.raises(InputError, match=f"{size[1]}x{size[0]} is"):
            open_image(tmp_path / "a.jxl", max_pixels=pixels - 1)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".gif", ".avif"])
@pytest.mark.parametrize("source", ["webp", "png", "gif"])
def test_an_animation_keeps_its_frames_and_their_times(tmp_path, source, suffix):
    from imgconv.images import write_images

    shades = [(200, 30, 10), (20, 180, 60), (10, 40, 220)]
    frames = [PillowImage.new("RGB", (24, 16), shade) for shade in shades]
    times = [100, 250, 40]
    exact = {"lossless": True} if source == "webp" else {}
    more = {"append_images": frames[1:], "duration": times, "loop": 0}
    frames[0].save(tmp_path / f"in.{source}", save_all=True, **more, **exact)
    with open_image(tmp_path / f"in.{source}") as opened:
        assert [image.info.duration for image in opened.images] == times
        assert (
            write_images(tmp_path / f"out{suffix}", opened.images, WriteOptions(quality=100)) == []
        )
    with PillowImage.open(tmp_path / f"out{suffix}") as image:
        for number, (shade, time) in enumerate(zip(shades, times, strict=True)):
            image.seek(number)
            pixels = np.asarray(image.convert("RGB")).astype(int)
            assert image.info["duration"] == time
            assert np.abs(pixels - shade).max() <= (3 if suffix == ".avif" else 0)
        assert image.info.get("loop", 0) == 0


@pytest.mark.parametrize("suffix", [".tif", ".npy"])
def test_where_times_have_no_place_that_is_said(tmp_path, suffix):
    frames = [PillowImage.new("RGB", (4, 3), (shade, 0, 0)) for shade in (0, 100, 200)]
    frames[0].save(tmp_path / "in.gif", save_all=True, append_images=frames[1:], duration=70)
    from imgconv.images import write_images

    with open_image(tmp_path / "in.gif") as opened:
        (note,) = write_images(tmp_path / f"out{suffix}", opened.images)
    assert "has no place for the times of the frames" in note
    with open_image(tmp_path / f"out{suffix}") as opened:
        assert opened.info.shape == (3, 3, 4, 3) and len(opened.images) == 1


def test_the_help_names_every_format():
    import typing

    from imgconv.cli.options import Format

    text = typing.get_args(Format)[1].help
    assert all(one.name in text for one in ALL)


def test_an_image_in_memory_is_no_format():
    assert sniff(io.BytesIO(b"hello").read()) is None


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", [8, 16, 32])
def test_a_jpeg_xl_is_called_srgb_whatever_its_depth(tmp_path, depth, channels):
    """Which libjxl's wrapper does for 8 bit only."""
    import imagecodecs

    plane = plane_of(depth, channels)
    theirs = imagecodecs.jpegxl_encode(np.squeeze(plane), usecontainer=False, lossless=True)
    write_image(tmp_path / "a.jxl", [plane], Info("png", plane.dtype, *plane.shape))
    (tmp_path / "b.jxl").write_bytes(theirs)
    for name, linear in (("a.jxl", False), ("b.jxl", depth > 8)):
        with open_image(tmp_path / name) as source:
            assert source.info.png_colour == (((b"cICP", b"\1\x08\0\1"),) if linear else ())
            np.testing.assert_array_equal(next(source.planes()), plane)
            write_image(tmp_path / f"again-{name}", source.planes(), source.info, force=True)
        with open_image(tmp_path / f"again-{name}") as again:
            assert bool(again.info.png_colour) == linear


def test_losses_of_more_than_8_bit_are_refused(tmp_path):
    plane = plane_of(16, 3)
    with pytest.raises(OutputError, match="`depth=8`"):
        write_image(tmp_path / "a.jxl", [plane], Info("png", plane.dtype, *plane.shape),
                    WriteOptions(quality=80))  # fmt: skip


@pytest.fixture
def icc() -> dict[int, bytes]:
    """Profiles of the colours (1 or 3) that are not sRGB, by LittleCMS."""
    import imagecodecs

    grey = bytes(imagecodecs.cms_profile("gray", whitepoint=(0.3127, 0.329, 1), gamma=2.2))
    return {1: grey, 3: bytes(imagecodecs.cms_profile("adobergb"))}


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", [8, 16, 32])
@pytest.mark.parametrize("size", [(1, 1), (8, 16), (2, 9000)])
def test_a_jpeg_xl_of_any_depth_keeps_its_profile(tmp_path, icc, depth, channels, size):
    """Seen by pylibjxl, which imgconv has pack it; pixels by imagecodecs."""
    import imagecodecs

    pylibjxl = pytest.importorskip("pylibjxl")
    profile = icc[1 if channels < 3 else 3]
    plane = np.resize(plane_of(depth, channels), (*size, channels))
    info = Info("png", plane.dtype, *plane.shape, ALPHA[channels], icc=profile)
    assert write_image(tmp_path / "a.jxl", [plane], info) == []
    data = (tmp_path / "a.jxl").read_bytes()
    assert pylibjxl.decode(data, metadata=True)[1]["icc"] == profile
    assert np.array_equal(imagecodecs.jpegxl_decode(data).reshape(plane.shape), plane)
    with open_image(tmp_path / "a.jxl") as source:
        assert (source.info.icc, source.notes) == (profile, [])
        np.testing.assert_array_equal(next(source.planes()), plane)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_losses_of_jpeg_xl_are_those_of_the_profiles_colours(tmp_path, icc, channels):
    pytest.importorskip("pylibjxl")
    steps = np.add.outer(np.arange(64), np.arange(96))
    plane = (steps[..., None] * np.linspace(0.7, 1.5, channels)).astype(np.uint8)
    info = Info(
        "png", plane.dtype, *plane.shape, ALPHA[channels], icc=icc[1 if channels == 1 else 3]
    )
    assert write_image(tmp_path / "a.jxl", [plane], info, WriteOptions(quality=90)) == []
    with open_image(tmp_path / "a.jxl") as source:
        assert source.info.icc == info.icc
        assert np.abs(next(source.planes()).astype(int) - plane).mean() < 2


def test_a_profile_that_jpeg_xl_cannot_keep_is_one_note(tmp_path, icc, monkeypatch):
    plane = plane_of(8, 3)
    for profile, words in ((icc[1], "of other channels"), (icc[3][:200], "not sound")):
        info = Info("png", plane.dtype, *plane.shape, icc=profile)
        (note,) = write_image(tmp_path / "a.jxl", [plane], info, force=True)
        assert words in note
    info = Info("png", plane.dtype, *plane.shape, icc=icc[3])
    write_image(tmp_path / "kept.jxl", [plane], info)
    monkeypatch.setitem(sys.modules, "pylibjxl", None)  # as where it is not installed
    (note,) = write_image(tmp_path / "a.jxl", [plane], info, force=True)
    assert "imgconv[jpegxl]" in note
    with open_image(tmp_path / "kept.jxl") as source:
        assert source.info.icc is None
        assert "imgconv[jpegxl]" in source.notes[0]
