"""What is wrong with a file is said in one line that names it, and nothing half is delivered."""

from __future__ import annotations

import io
import os
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from imgconv.errors import InputError, OutputError
from imgconv.images import Info, WriteOptions, open_image, write_image

RNG = np.random.default_rng(5)
PHOTO = RNG.integers(0, 256, (90, 120, 3), dtype=np.uint8)
FORMATS = ["png", "jpg", "tif", "webp", "bmp", "gif", "ppm", "npy"]


def saved(tmp_path, suffix, **options):
    path = tmp_path / f"whole.{suffix}"
    if suffix == "npy":
        np.save(path, PHOTO)
    else:
        Image.fromarray(PHOTO).save(path, **options)
    return path


def refused(path, **options):
    with pytest.raises(InputError) as caught, open_image(path, **options) as opened:
        list(opened.planes())
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.97])
def test_a_truncated_file_is_refused_by_name(tmp_path, suffix, share):
    data = saved(tmp_path, suffix).read_bytes()
    path = tmp_path / "cut.img"
    path.write_bytes(data[: int(len(data) * share)])
    text = refused(path)
    assert "cut.img" in text
    assert any(word in text for word in ("truncated", "damaged", "cannot be read"))


def test_a_truncated_tiff_stack_is_refused_although_pages_are_left(tmp_path):
    stack = RNG.integers(0, 65536, (9, 40, 50), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    tifffile.imwrite(tmp_path / "b.tif", stack, compression="zlib", metadata={"axes": "ZYX"})
    for name in ("a", "b"):
        data = (tmp_path / f"{name}.tif").read_bytes()
        (tmp_path / "cut.tif").write_bytes(data[: len(data) // 2])
        assert "cut.tif" in refused(tmp_path / "cut.tif")


@pytest.mark.parametrize(
    ("suffix", "options"),
    [("png", {}), ("jpg", {"quality": 95}), ("ppm", {}), ("bmp", {}), ("npy", {})],
)
def test_what_is_readable_is_delivered_on_request_with_a_note(tmp_path, suffix, options):
    whole = saved(tmp_path, suffix, **options)
    with open_image(whole) as opened:
        wanted = next(opened.planes())
    data = whole.read_bytes()
    (tmp_path / "cut").write_bytes(data[: len(data) * 2 // 3])
    with open_image(tmp_path / "cut", allow_truncated=True) as opened:
        (plane,) = opened.planes()
        assert any("truncated: the missing part is" in note for note in opened.notes)
    assert plane.shape == PHOTO.shape
    kept = slice(50, None) if suffix == "bmp" else slice(0, 40)  # BMP begins at the bottom
    np.testing.assert_array_equal(plane[kept], wanted[kept])


@pytest.mark.parametrize("missing", [1, 4, 12, 13, 16])
def test_a_png_that_lacks_what_follows_its_pixels_is_whole(tmp_path, missing):
    data = saved(tmp_path, "png").read_bytes()
    (tmp_path / "cut.png").write_bytes(data[:-missing])
    with open_image(tmp_path / "cut.png") as source:
        np.testing.assert_array_equal(list(source.planes()), [PHOTO])
        assert any("whole" in note for note in source.notes)


@pytest.mark.parametrize("missing", [17, 21, 400])
def test_a_png_that_lacks_its_last_pixels_is_not(tmp_path, missing):
    data = saved(tmp_path, "png").read_bytes()
    (tmp_path / "cut.png").write_bytes(data[:-missing])
    assert "truncated PNG" in refused(tmp_path / "cut.png")


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 2}])
def test_a_jpeg_that_lacks_its_end_marker_alone_is_whole(tmp_path, options):
    whole = saved(tmp_path, "jpg", **options)
    (tmp_path / "cut.jpg").write_bytes(whole.read_bytes()[:-2])
    with open_image(tmp_path / "cut.jpg") as source, open_image(whole) as other:
        assert any("whole" in note for note in source.notes)
        np.testing.assert_array_equal(list(source.planes()), list(other.planes()))
    for missing in (300, 2000):  # fewer may be of blocks beyond the edge
        (tmp_path / "cut.jpg").write_bytes(whole.read_bytes()[:-missing])
        assert "`allow_truncated=True`" in refused(tmp_path / "cut.jpg")


def test_bytes_after_a_jpegs_end_do_no_harm(tmp_path):
    path = saved(tmp_path, "jpg")
    path.write_bytes(path.read_bytes() + b"trailing bytes" * 9)
    with open_image(path) as opened:
        assert next(opened.planes()).shape == PHOTO.shape


def test_a_flipped_bit_in_a_pngs_pixels_is_seen(tmp_path):
    data = bytearray(saved(tmp_path, "png").read_bytes())
    data[len(data) // 2] ^= 4
    (tmp_path / "bad.png").write_bytes(data)
    assert "damaged PNG" in refused(tmp_path / "bad.png")


def test_a_damaged_text_chunk_is_dropped_with_a_note_and_nothing_printed(tmp_path, capfd):
    path = tmp_path / "a.png"
    info = Info("png", PHOTO.dtype, *PHOTO.shape, text=(("Title", "hello"),))
    write_image(path, [PHOTO], info)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"hello", b"jello"))
    capfd.readouterr()
    with open_image(path) as opened:
        np.testing.assert_array_equal(next(opened.planes()), PHOTO)
        assert opened.notes == ["the damaged 'tEXt' chunk was dropped"]
    assert capfd.readouterr() == ("", "")


def png_claiming(width, height):
    def chunk(kind, content):
        crc = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + crc

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(*c) for c in ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    )


def test_absurd_sizes_are_refused_with_the_limit_and_what_to_type(tmp_path):
    (tmp_path / "big.png").write_bytes(png_claiming(100_000, 50_000))
    text = refused(tmp_path / "big.png")
    assert "100000x50000 is 5,000,000,000 pixels, the limit is 1,000,000,000" in text
    assert "`max_pixels=5000000000`" in text
    assert "the limit is 100;" in refused(saved(tmp_path, "jpg"), max_pixels=100)


def test_a_header_that_promises_more_than_the_file_can_hold_allocates_nothing(tmp_path):
    (tmp_path / "lie.png").write_bytes(png_claiming(30_000, 30_000))
    assert "the header promises 2,700,000,000 bytes" in refused(tmp_path / "lie.png")
    ppm = b"P6 30000 30000 255\n" + bytes(1000)
    (tmp_path / "lie.ppm").write_bytes(ppm)
    assert "too little to be filled up" in refused(tmp_path / "lie.ppm")


def test_sizes_of_zero_are_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(png_claiming(0, 5))
    (tmp_path / "b.ppm").write_bytes(b"P6 5 0 255\n")
    np.save(tmp_path / "c.npy", np.zeros((0, 4), np.uint8))
    for name in ("a.png", "b.ppm", "c.npy"):
        assert "the image is empty" in refused(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"hello world\n" * 9, "it looks like text"),
        (b"%PDF-1.7", "a PDF: make its pages PNG first"),
        (b"\x00\x01\x02\x03" * 9, "data of an unknown kind"),
        (b"<!DOCTYPE html>", "a web page"),
        (b"v/1\x01" + bytes(99), "an OpenEXR image: make it a TIFF of floats first"),
        (bytes(128) + b"DICM" + bytes(40), "a DICOM file: save its pixels as TIFF"),
        (b"\xff\x4f\xff\x51" + bytes(60), "a JPEG 2000 codestream: save it as"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><svg></svg>', "an SVG drawing: make it a PNG"),
        (b"\n<svg width='5'>", "an SVG drawing: make it a PNG"),
        (b"FUJIFILMCCD-RAW 0201" + bytes(60), "a camera raw file (Fujifilm's RAF): develop it"),
        (b"IIU\0" + bytes(60), "a camera raw file (Panasonic's RW2): develop it"),
        (b"II\xbc\x01" + bytes(60), "a JPEG XR image: save it as TIFF or PNG first"),
        (b"\0\0\0\x18ftyphevc" + bytes(60), "a HEIC sequence of images"),
    ],
)
def test_what_is_no_image_is_named(tmp_path, content, words):
    (tmp_path / "photo.png").write_bytes(content)
    assert words in refused(tmp_path / "photo.png")


def test_missing_files_folders_and_locked_files_are_told_apart(tmp_path):
    assert "no such file" in refused(tmp_path / "missing.png")
    assert "is a folder" in refused(tmp_path)
    assert "name of the input is empty" in refused("")
    if os.geteuid() != 0:
        path = saved(tmp_path, "png")
        path.chmod(0)
        assert "Permission denied" in refused(path)


@pytest.mark.parametrize("name", ["new\nline.png", "-dash.png", "  space.png", "tab\t.png"])
def test_odd_names_are_read_and_shown_on_one_line(tmp_path, name):
    (tmp_path / name).write_bytes(b"no image")
    assert name.replace("\n", "\\n").replace("\t", "\\t") in refused(tmp_path / name)


def test_a_name_that_is_not_utf8_is_read_and_shown_escaped(tmp_path):
    name = os.fsencode(tmp_path) + b"/caf\xe9.png"
    saved(tmp_path, "png").rename(os.fsdecode(name))
    with open_image(os.fsdecode(name)) as opened:
        assert next(opened.planes()).shape == PHOTO.shape
    Path(os.fsdecode(name)).write_bytes(b"no image")
    assert "caf\\xe9.png" in refused(os.fsdecode(name))


def test_a_suffix_that_lies_does_not_matter(tmp_path):
    saved(tmp_path, "png").rename(tmp_path / "photo.jpg")
    with open_image(tmp_path / "photo.jpg") as opened:
        assert opened.info.format == "png"


def one_plane():
    return Info("png", PHOTO.dtype, *PHOTO.shape)


def test_an_existing_file_is_replaced_only_by_force_and_keeps_its_mode(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"precious")
    path.chmod(0o640)
    with pytest.raises(OutputError, match="already exists; replace it with `force=True`"):
        write_image(path, [PHOTO], one_plane())
    assert path.read_bytes() == b"precious"
    write_image(path, [PHOTO], one_plane(), force=True)
    assert path.read_bytes()[:4] == b"\x89PNG"
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real.png").write_bytes(b"old")
    (tmp_path / "link.png").symlink_to("real.png")
    write_image(tmp_path / "link.png", [PHOTO], one_plane(), force=True)
    assert (tmp_path / "link.png").is_symlink()
    assert (tmp_path / "real.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg", "npy"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, InputError, ZeroDivisionError])
@pytest.mark.parametrize("existed", [False, True])
def test_nothing_partial_is_left_when_a_plane_fails(tmp_path, suffix, error, existed):
    def planes():
        yield PHOTO
        raise error

    path = tmp_path / f"a.{suffix}"
    if existed:
        path.write_bytes(b"before")
    with pytest.raises(error):
        info = Info("png", PHOTO.dtype, *PHOTO.shape)
        write_image(path, planes(), info, force=True)
    assert [p.name for p in tmp_path.iterdir()] == ([path.name] if existed else [])
    assert not existed or path.read_bytes() == b"before"


def test_a_damaged_input_leaves_no_output(tmp_path):
    data = bytearray(saved(tmp_path, "png").read_bytes())
    data[len(data) // 2] ^= 4
    (tmp_path / "bad.png").write_bytes(data)
    with open_image(tmp_path / "bad.png") as opened, pytest.raises(InputError):
        write_image(tmp_path / "out.tif", opened.planes(), opened.info)
    assert not (tmp_path / "out.tif").exists()


def test_a_missing_folder_and_an_unknown_suffix_are_refused(tmp_path):
    with pytest.raises(OutputError, match="No such file or directory"):
        write_image(tmp_path / "no" / "a.png", [PHOTO], one_plane())
    with pytest.raises(OutputError, match=r"the suffix '\.xyz' is unknown"):
        write_image(tmp_path / "a.xyz", [PHOTO], one_plane())
    with pytest.raises(OutputError, match="did you mean png"):
        write_image(tmp_path / "a", [PHOTO], one_plane(), WriteOptions(format="pngg"))
    with pytest.raises(OutputError, match="is a folder"):
        write_image(tmp_path, [PHOTO], one_plane(), WriteOptions(format="png"), force=True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_a_full_disk_is_said(kind):
    with pytest.raises(OutputError, match="No space left on device"):
        write_image("/dev/full", [PHOTO], one_plane(), WriteOptions(format=kind))


def test_a_pipe_is_read_and_a_closed_one_breaks(tmp_path):
    data = saved(tmp_path, "png").read_bytes()
    ends = os.pipe()
    os.write(ends[1], data[:30000])
    os.close(ends[1])
    assert "truncated" in refused(f"/dev/fd/{ends[0]}")
    os.close(ends[0])
    ends = os.pipe()
    os.close(ends[0])
    with pytest.raises(BrokenPipeError):
        write_image(f"/dev/fd/{ends[1]}", [PHOTO], one_plane(), WriteOptions(format="png"))
    os.close(ends[1])


def test_a_terminal_is_neither_read_nor_written(monkeypatch):
    class Terminal:
        buffer = io.BytesIO()

    Terminal.buffer.isatty = lambda: True
    monkeypatch.setattr(sys, "stdout", Terminal)
    with pytest.raises(OutputError, match="standard output is a terminal"):
        write_image("-", [PHOTO], one_plane())
    monkeypatch.undo()
    monkeypatch.setattr(sys, "stdin", Terminal)
    assert "standard input is a terminal" in refused("-")
