"""Every format, in and out, compared with Pillow, tifffile and NumPy."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imgconv.errors import OutputError
from imgconv.images import Info, WriteOptions, is_ours, open_image, write_image

RNG = np.random.default_rng(7)
LOSSLESS = {
    "png": [("u1", c) for c in (1, 2, 3, 4)] + [("u2", c) for c in (1, 2, 3, 4)],
    "tif": [(d, c) for d in ("u1", "u2", "f4") for c in (1, 2, 3, 4)],
    "npy": [(d, c) for d in ("u1", "u2", "f4") for c in (1, 3, 4)],
    "bmp": [("u1", 1), ("u1", 3)],
    "pnm": [("u1", 1), ("u1", 3), ("u2", 1), ("u2", 3)],
    "pfm": [("f4", 1), ("f4", 3)],
    "webp": [("u1", 3), ("u1", 4)],
    "gif": [("u1", 1)],
}
CASES = [(suffix, *case) for suffix, cases in LOSSLESS.items() for case in cases]


def noise(dtype, height, width, channels):
    top = {"u1": 256, "u2": 65536, "f4": 1}[dtype]
    return (RNG.random((height, width, channels)) * top).astype(dtype)


def info_of(plane, **known):
    height, width, channels = plane.shape
    alpha = "straight" if channels in (2, 4) else "none"
    return Info("png", plane.dtype, height, width, channels, alpha=alpha, **known)


def read(path, **options):
    with open_image(path, **options) as source:
        return source.info, list(source.planes()), source.notes


@pytest.mark.parametrize(("suffix", "dtype", "channels"), CASES)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (31, 17), (2, 301)])
def test_what_is_written_is_read_back_to_the_bit(tmp_path, suffix, dtype, channels, height, width):
    plane = noise(dtype, height, width, channels)
    path = tmp_path / f"image.{suffix}"
    write_image(path, [plane], info_of(plane), WriteOptions(quality=100))
    channels_of_arrays = {2: "greya", 4: "rgba"}.get(channels, "") if suffix == "npy" else ""
    info, planes, _ = read(path, channels=channels_of_arrays)
    assert len(planes) == 1
    assert planes[0].dtype == info.dtype == plane.dtype
    assert planes[0].flags.c_contiguous
    np.testing.assert_array_equal(planes[0], plane)
    assert (info.height, info.width, info.channels) == plane.shape
    assert info.alpha == ("straight" if channels in (2, 4) else "none")


@pytest.mark.parametrize("suffix", ["png", "bmp", "pnm", "webp", "gif", "tif"])
def test_pillow_reads_the_same_pixels(tmp_path, suffix):
    plane = noise("u1", 40, 50, 1 if suffix == "gif" else 3)
    path = tmp_path / f"image.{suffix}"
    write_image(path, [plane], info_of(plane), WriteOptions(quality=100))
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("L" if suffix == "gif" else "RGB"))
    np.testing.assert_array_equal(pixels.reshape(plane.shape), plane)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 2, 3, 4]),
    st.sampled_from(["u1", "u2"]), st.sampled_from(["noise", "ramp", "flat"]),
)  # fmt: skip
def test_every_png_row_filter_is_undone_by_libpng(height, width, channels, dtype, kind):
    plane = noise(dtype, height, width, channels)
    if kind == "ramp":
        steps = np.arange(height * width * channels).reshape(plane.shape)
        plane = (steps * 3).astype(dtype)
    elif kind == "flat":
        plane[:] = 77
    _, samples = _decoded_png(plane)
    np.testing.assert_array_equal(samples, plane)


def _decoded_png(plane):
    import imagecodecs

    from imgconv.images import Image as OneImage
    from imgconv.images.formats.png.write import write

    file = io.BytesIO()
    write(file, [OneImage.of(info_of(plane), [plane])], WriteOptions())
    return file.getvalue(), imagecodecs.png_decode(file.getvalue()).reshape(plane.shape)


def test_a_png_of_many_blocks_is_one_valid_stream():
    plane = noise("u1", 1500, 1000, 3)
    data, samples = _decoded_png(plane)
    np.testing.assert_array_equal(samples, plane)
    idat, at = b"", 8
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        idat += data[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    assert len(zlib.decompress(idat)) == 1500 * 3001  # zlib checks the Adler-32 of the whole


def test_a_png_is_the_same_file_whatever_the_threads():
    from imgconv import threads

    plane = noise("u1", 1500, 1000, 3)
    try:
        threads.use(1)
        alone, _ = _decoded_png(plane)
        threads.use(3)
        together, _ = _decoded_png(plane)
    finally:
        threads.use(None)
    assert alone == together


@pytest.mark.parametrize("size", [(300, 400), (1200, 1600)])
@pytest.mark.parametrize("grain", [0.5, 2, 8])
def test_png_files_are_about_as_small_as_pillows(size, grain):
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]]
    smooth = 120 + 60 * np.sin(rows / 37) + 50 * np.cos(columns / 23 + rows / 90)
    photo = np.stack([smooth, smooth * 0.8 + 20, 200 - smooth * 0.5], 2)
    photo = photo + RNG.normal(0, grain, (*size, 3))
    plane = np.clip(photo, 0, 255).astype(np.uint8)
    ours, _ = _decoded_png(plane)
    file = io.BytesIO()
    Image.fromarray(plane).save(file, "PNG")
    assert len(ours) < 1.02 * len(file.getvalue())


@pytest.mark.parametrize("mode", ["1", "P", "L", "LA", "RGB", "RGBA"])
def test_png_modes_come_in_as_pillow_shows_them(tmp_path, mode):
    image = Image.fromarray(noise("u1", 20, 31, 4)).convert("RGB" if mode == "P" else "RGBA")
    image = image.quantize(50) if mode == "P" else image.convert(mode)
    image.save(tmp_path / "in.png")
    info, (plane,), notes = read(tmp_path / "in.png")
    wanted = np.asarray(image.convert({"1": "L", "P": "RGB"}.get(mode, mode)))
    np.testing.assert_array_equal(plane, wanted.reshape(plane.shape))
    assert bool(notes) == (mode in "1P")
    assert info.source_dtype == ("uint1" if mode == "1" else "")


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_small_png_palettes_with_transparency_become_rgba(tmp_path, depth):
    image = Image.fromarray(noise("u1", 9, 31, 3)).quantize(2**depth)
    image.save(tmp_path / "in.png", bits=depth, transparency=1)
    info, (plane,), notes = read(tmp_path / "in.png")
    assert (info.channels, info.alpha) == (4, "straight")
    np.testing.assert_array_equal(plane[..., 3] == 0, np.asarray(image) == 1)
    assert "palette expanded to RGBA" in notes


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_pixels_are_pillows(tmp_path, mode, progressive):
    image = Image.fromarray(noise("u1", 45, 61, 3)).convert(mode)
    image.save(tmp_path / "in.jpg", progressive=progressive, quality=85)
    info, (plane,), notes = read(tmp_path / "in.jpg")
    with Image.open(tmp_path / "in.jpg") as shown:
        np.testing.assert_array_equal(plane, np.asarray(shown).reshape(plane.shape))
    assert (info.format, notes) == ("jpeg", [])


def test_a_cmyk_jpeg_becomes_rgb_with_a_note(tmp_path):
    Image.fromarray(noise("u1", 16, 16, 3)).convert("CMYK").save(tmp_path / "in.jpg")
    info, (plane,), notes = read(tmp_path / "in.jpg")
    assert plane.shape == (16, 16, 3)
    assert info.channels == 3
    assert [note.partition(";")[0] for note in notes] == ["CMYK converted to RGB"]


def tables(path):
    with Image.open(path) as image:
        return image.quantization, image.layer


@pytest.mark.parametrize("quality", [10, 50, 75, 93, 100])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_a_jpeg_is_written_with_its_sources_tables(tmp_path, quality, subsampling):
    image = Image.fromarray(noise("u1", 64, 48, 3))
    image.save(tmp_path / "in.jpg", quality=quality, subsampling=subsampling)
    info, planes, _ = read(tmp_path / "in.jpg")
    write_image(tmp_path / "out.jpg", planes, info)
    assert tables(tmp_path / "out.jpg") == tables(tmp_path / "in.jpg")


def test_foreign_jpeg_tables_are_reused_too(tmp_path):
    image = Image.fromarray(noise("u1", 64, 48, 3))
    own = [[3 + n // 5 for n in range(64)], [4 + n // 3 for n in range(64)]]
    image.save(tmp_path / "in.jpg", qtables=own, subsampling="4:2:0")
    info, planes, _ = read(tmp_path / "in.jpg")
    write_image(tmp_path / "out.jpg", planes, info)
    assert tables(tmp_path / "out.jpg") == tables(tmp_path / "in.jpg")


def test_quality_overrides_the_sources_tables_and_the_default_is_444(tmp_path):
    plane = noise("u1", 64, 48, 3)
    write_image(tmp_path / "a.jpg", [plane], info_of(plane))
    with Image.open(tmp_path / "a.jpg") as image:
        assert [layer[1:3] for layer in image.layer] == [(1, 1)] * 3
    info, planes, _ = read(tmp_path / "a.jpg")
    write_image(tmp_path / "b.jpg", planes, info, WriteOptions(quality=20))
    assert (tmp_path / "b.jpg").stat().st_size < (tmp_path / "a.jpg").stat().st_size / 2


def test_a_grey_jpeg_stays_grey(tmp_path):
    plane = noise("u1", 30, 20, 1)
    write_image(tmp_path / "a.jpg", [plane], info_of(plane))
    info, planes, _ = read(tmp_path / "a.jpg")
    assert info.channels == planes[0].shape[2] == 1


@pytest.mark.parametrize(("maxval", "channels"), [(100, 1), (1000, 1), (100, 3), (4095, 3)])
@pytest.mark.parametrize("plain", [False, True])
def test_pnm_values_are_scaled_to_full_range(tmp_path, maxval, channels, plain):
    values = RNG.integers(0, maxval + 1, (7, 9, channels))
    kind = (2 if channels == 1 else 3) + 3 * (not plain)
    head = f"P{kind} # comment\n9 7\n{maxval}\n".encode()
    packed = values.astype(">u2" if maxval > 255 else "u1").tobytes()
    body = " ".join(map(str, values.ravel())).encode() if plain else packed
    (tmp_path / "in.ppm").write_bytes(head + body)
    info, (plane,), notes = read(tmp_path / "in.ppm")
    full = 65535 if maxval > 255 else 255
    np.testing.assert_array_equal(plane, np.floor(values * full / maxval + 0.5))
    assert info.dtype == (np.uint16 if maxval > 255 else np.uint8)
    assert notes


@pytest.mark.parametrize("plain", [False, True])
def test_a_pbm_shows_its_ones_as_black(tmp_path, plain):
    bits = RNG.integers(0, 2, (5, 13))
    packed = np.packbits(bits, axis=1).tobytes()
    body = "".join(map(str, bits.ravel())).encode() if plain else packed
    (tmp_path / "in.pbm").write_bytes(b"P1\n13 5\n" + body if plain else b"P4\n13 5\n" + body)
    _, (plane,), _ = read(tmp_path / "in.pbm")
    np.testing.assert_array_equal(plane[..., 0], 255 * (1 - bits))


def test_a_pam_with_alpha_is_read(tmp_path):
    values = noise("u2", 5, 6, 4)
    head = b"P7\nWIDTH 6\nHEIGHT 5\nDEPTH 4\nMAXVAL 65535\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
    (tmp_path / "in.pam").write_bytes(head + values.astype(">u2").tobytes())
    info, (plane,), _ = read(tmp_path / "in.pam")
    np.testing.assert_array_equal(plane, values)
    assert info.alpha == "straight"


def test_an_animated_gif_gives_all_frames_to_tiff_and_one_to_png(tmp_path):
    frames = [Image.fromarray(noise("u1", 10, 12, 3)).quantize(16) for _ in range(3)]
    frames[0].save(tmp_path / "in.gif", save_all=True, append_images=frames[1:])
    info, planes, _ = read(tmp_path / "in.gif")
    assert (info.axes, info.shape) == ("TYXS", (3, 10, 12, 3))
    write_image(tmp_path / "out.tif", planes, info)
    with tifffile.TiffFile(tmp_path / "out.tif") as tiff:
        assert (tiff.series[0].axes, tiff.series[0].shape) == ("TYXS", (3, 10, 12, 3))
    notes = write_image(tmp_path / "out.jpg", planes, info)
    assert notes == ["only the first of 3 frames is written; write GIF, WebP, PNG or TIFF for all"]


@pytest.mark.parametrize("shape", [(3, 7, 9), (2, 7, 9, 3), (7, 9), (7, 9, 4)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_stacks_are_read_plane_by_plane(tmp_path, shape, order):
    array = np.asarray(RNG.random(shape), dtype=">f8", order=order)
    np.save(tmp_path / "in.npy", array)
    info, planes, notes = read(tmp_path / "in.npy")
    np.testing.assert_array_equal(np.stack(planes).reshape(shape), array.astype("f4"))
    assert notes == ["float64 rounded to float32"]
    write_image(tmp_path / "out.npy", planes, info)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), array.astype("f4"))


def test_a_pickle_in_npy_is_never_loaded(tmp_path):
    np.save(tmp_path / "in.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    with pytest.raises(Exception, match="cannot be processed"):
        read(tmp_path / "in.npy")


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "pnm", "gif"])
def test_imgconv_knows_its_own_files(tmp_path, suffix):
    plane = noise("u1", 9, 9, 1)
    ours, theirs = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    write_image(ours, [plane], info_of(plane, text=(("Comment", "seen by imgconv before"),)))
    Image.fromarray(plane[..., 0]).save(theirs, format="PPM" if suffix == "pnm" else None)
    assert is_ours(ours)
    assert not is_ours(theirs)
    assert not is_ours(tmp_path)
    assert not is_ours(tmp_path / "missing")


@pytest.mark.parametrize(
    ("suffix", "dtype", "channels", "words"),
    [
        ("jpg", "u2", 3, "`depth=8`"),
        ("png", "f4", 1, "`depth=8` or `depth=16`"),
        ("pfm", "u1", 1, "`depth=32`"),
        ("webp", "u2", 3, "`depth=8`"),
        ("jpg", "u1", 4, "transparency"),
        ("png", "u1", 5, "5 channels"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_by_name(tmp_path, suffix, dtype, channels, words):
    plane = noise(dtype, 5, 6, channels)
    with pytest.raises(OutputError, match=words):
        write_image(tmp_path / f"a.{suffix}", [plane], info_of(plane))
    assert list(tmp_path.iterdir()) == []


def test_depth_makes_it_fit(tmp_path):
    plane = noise("u2", 5, 6, 3)
    write_image(tmp_path / "a.png", [plane], info_of(plane), WriteOptions(depth=8))
    _, (small,), _ = read(tmp_path / "a.png")
    np.testing.assert_array_equal(small, np.rint(plane / 257))


def test_opaque_alpha_is_dropped_and_a_background_is_laid_under_the_rest(tmp_path):
    plane = noise("u1", 5, 6, 4)
    plane[..., 3] = 255
    write_image(tmp_path / "a.bmp", [plane], info_of(plane))
    np.testing.assert_array_equal(read(tmp_path / "a.bmp")[1][0], plane[..., :3])
    plane[..., 3] = 0
    write_image(tmp_path / "b.bmp", [plane], info_of(plane), WriteOptions(background="#102030"))
    assert (read(tmp_path / "b.bmp")[1][0] == [16, 32, 48]).all()


def test_two_planes_do_not_fit_a_png(tmp_path):
    plane = noise("u1", 5, 6, 1)
    info = info_of(plane, axes="ZYX", shape=(2, 5, 6))
    with pytest.raises(OutputError, match="holds one plane, the image has 2"):
        write_image(tmp_path / "a.png", [plane, plane], info)
    assert list(tmp_path.iterdir()) == []
