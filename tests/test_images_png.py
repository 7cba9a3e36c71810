"""PNG: every colour type, depth, transparency and interlacing, put together by hand, against
arithmetic and Pillow; animations of 8 and 16 bit; chunks that are kept or said to be left out."""

from __future__ import annotations

import io
import itertools
import struct
import zlib

import numpy as np
import pytest
from PIL import Image as PillowImage

from imgconv.errors import InputError
from imgconv.images import Info, WriteOptions, open_image, to_srgb, write_image, write_images

RNG = np.random.default_rng(23)
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
         (1, 0, 2, 1)]  # fmt: skip
FAMILY = [
    (colour, depth, transparent, interlaced)
    for colour, depths in DEPTHS.items()
    for depth, transparent, interlaced in itertools.product(depths, (False, True), (0, 1))
    if not (transparent and colour > 3)
]
PALETTE = RNG.integers(0, 256, (256, 3), np.uint8)


def chunk(kind, content=b""):
    crc = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)


def rows(samples, depth):
    """Unfiltered rows of samples (h, w, s)."""
    flat = samples.reshape(len(samples), -1)
    if depth == 16:
        packed = flat.astype(">u2").view(np.uint8).reshape(len(flat), -1)
    elif depth == 8:
        packed = flat.astype(np.uint8)
    else:
        bits = (flat[..., None] >> np.arange(depth - 1, -1, -1)) & 1
        packed = np.packbits(bits.reshape(len(flat), -1).astype(np.uint8), axis=1)
    return np.pad(packed, ((0, 0), (1, 0))).tobytes()


def png(samples, colour, depth, chunks=(), interlaced=0, behind=()):
    height, width, _ = samples.shape
    parts = [samples[y::dy, x::dx] for y, x, dy, dx in ADAM7] if interlaced else [samples]
    body = b"".join(rows(part, depth) for part in parts if part.size)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    head = chunk(b"IHDR", header)
    if colour == 3:
        head += chunk(b"PLTE", PALETTE[: 2**depth].tobytes())
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(itertools.starmap(chunk, chunks)) + chunk(
        b"IDAT", zlib.compress(body)) + b"".join(itertools.starmap(chunk, behind)) + chunk(
        b"IEND")  # fmt: skip


def read(data, tmp_path, **options):
    (tmp_path / "in.png").write_bytes(data)
    with open_image(tmp_path / "in.png", **options) as source:
        return list(source.planes()), source.info, source.notes


@pytest.mark.parametrize("case", FAMILY, ids=lambda case: "-".join(map(str, case)))
def test_every_kind_of_pixel_is_read(tmp_path, case):
    colour, depth, transparent, interlaced = case
    samples = RNG.integers(0, 2**depth, (13, 11, SAMPLES[colour])).astype(np.uint16)
    top, full = 2**depth - 1, 65535 if depth == 16 else 255
    hidden = samples[3, 4]
    chunks = []
    expected = samples.astype(int) * full // top
    if colour == 3:
        cover = RNG.integers(0, 256, 2**depth, np.uint8)
        expected = PALETTE[samples[..., 0]]
        if transparent:
            chunks = [(b"tRNS", cover.tobytes())]
            expected = np.concatenate([expected, cover[samples]], axis=2)
    elif transparent:
        chunks = [(b"tRNS", hidden.astype(">u2").tobytes())]
        alpha = np.where((samples == hidden).all(axis=2, keepdims=True), 0, full)
        expected = np.concatenate([expected, alpha], axis=2)
    data = png(samples, colour, depth, chunks, interlaced)
    (plane,), info, _ = read(data, tmp_path)
    np.testing.assert_array_equal(plane, expected)
    assert plane.dtype == (np.uint16 if depth == 16 else np.uint8)
    assert (info.alpha != "none") == (transparent or colour > 3)
    # Pillow compares the transparent grey of few bits with greys that it has scaled.
    if depth < 16 and not (colour == 0 and depth < 8 and transparent):
        with PillowImage.open(io.BytesIO(data)) as image:
            wanted = np.asarray(image.convert("RGBA"))
        shown = plane if plane.shape[2] > 2 else plane[..., [0, 0, 0, *range(1, plane.shape[2])]]
        np.testing.assert_array_equal(shown, wanted[..., : shown.shape[2]])


def laid(frames, canvas):
    """The canvas after each frame: (pixels, y, x, disposal, blending), as the standard says."""
    top, shown = float(np.iinfo(canvas.dtype).max), []
    for pixels, y, x, disposal, blending in frames:
        before = canvas.copy()
        room = (slice(y, y + len(pixels)), slice(x, x + pixels.shape[1]))
        if blending:
            a, b = pixels[..., 3:] / top, canvas[room][..., 3:] / top
            out = a + b * (1 - a)
            mix = pixels[..., :3] * a + canvas[room][..., :3] * b * (1 - a)
            mix = np.divide(mix, out, out=np.zeros_like(mix), where=out > 0)
            pixels = np.rint(np.concatenate([mix, out * top], axis=2)).astype(canvas.dtype)
        canvas[room] = pixels
        shown.append(canvas.copy())
        if disposal == 1 or (disposal == 2 and len(shown) == 1):
            canvas[room] = 0
        elif disposal == 2:
            canvas = before
    return shown


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("hidden_first", [False, True])
def test_frames_are_laid_over_each_other_and_written_whole(tmp_path, depth, hidden_first):
    dtype = np.uint16 if depth == 16 else np.uint8
    sizes = [(12, 10, 0, 0), (5, 6, 2, 3), (4, 4, 7, 5), (12, 10, 0, 0), (3, 9, 1, 0)]
    how = [(0, 0), (1, 1), (2, 1), (0, 1), (2, 0)]
    frames = []
    for (h, w, y, x), (disposal, blending) in zip(sizes, how, strict=True):
        pixels = RNG.integers(0, 2**depth, (h, w, 4)).astype(dtype)
        frames.append((pixels, y, x, disposal, blending))
    numbers = itertools.count()
    body = [(b"acTL", struct.pack(">II", len(frames), 3))]
    for n, (pixels, y, x, disposal, blending) in enumerate(frames):
        h, w, _ = pixels.shape
        control = struct.pack(
            ">IIIIIHHBB", next(numbers), w, h, x, y, n + 1, 50, disposal, blending
        )
        data = zlib.compress(rows(pixels, depth))
        if n == 0 and hidden_first:
            body.append((b"IDAT", zlib.compress(rows(pixels * 0, depth))))
        body.append((b"fcTL", control))
        first = n == 0 and not hidden_first
        numbered = data if first else struct.pack(">I", next(numbers)) + data
        body.append((b"IDAT" if first else b"fdAT", numbered))
    header = struct.pack(">IIBBBBB", 10, 12, depth, 6, 0, 0, 0)
    parts = [(b"IHDR", header), *body, (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(itertools.starmap(chunk, parts))
    expected = laid(frames, np.zeros((12, 10, 4), dtype))
    (tmp_path / "in.png").write_bytes(data)
    with open_image(tmp_path / "in.png") as source:
        write_images(tmp_path / "out.png", source.images)
        times = [image.info.duration for image in source.images]
        assert source.images[0].info.loops == 3
        later = next(source.images[3].planes())  # in any order
        found = list(source.planes())
    assert times == [20, 40, 60, 80, 100]
    np.testing.assert_array_equal(later, expected[3])
    np.testing.assert_array_equal(found, expected)
    with open_image(tmp_path / "out.png") as source:
        np.testing.assert_array_equal(list(source.planes()), expected)
        assert [image.info.duration for image in source.images] == times


CONTROL = struct.pack(">IIIIIHHBB", 0, 3, 2, 0, 0, 1, 10, 0, 0)
COUNT, PART = (b"acTL", struct.pack(">II", 1, 0)), (b"fdAT", struct.pack(">I", 1) + b"?")


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        ([COUNT, COUNT], [(b"fcTL", CONTROL), PART]),
        ([(b"acTL", bytes(8))], []),
        ([(b"acTL", b"\0")], [(b"fcTL", CONTROL), PART]),
        ([(b"acTL", struct.pack(">II", 5, 0)), (b"fcTL", CONTROL)], []),
        ([COUNT], []),
        ([COUNT], [(b"fcTL", CONTROL)]),
        ([COUNT], [(b"fcTL", CONTROL), PART, PART]),
        ([COUNT], [(b"fcTL", CONTROL[:-1]), PART]),
        ([COUNT], [(b"fcTL", CONTROL[:4] + b"\0\0\0\x09" + CONTROL[8:]), PART]),
    ],
)
def test_the_picture_of_a_damaged_animation_is_read(tmp_path, before, behind):
    samples = RNG.integers(0, 256, (2, 3, 3)).astype(np.uint16)
    (plane,), _, notes = read(png(samples, 2, 8, before, behind=behind), tmp_path)
    np.testing.assert_array_equal(plane, samples)
    assert any("default picture" in note for note in notes)


def test_what_is_announced_too_late_is_no_animation(tmp_path):
    samples = RNG.integers(0, 256, (2, 3, 3)).astype(np.uint16)
    (plane,), _, notes = read(png(samples, 2, 8, behind=[COUNT, (b"fcTL", CONTROL)]), tmp_path)
    np.testing.assert_array_equal(plane, samples)
    assert not notes


GREY = RNG.integers(0, 256, (6, 7, 3)).astype(np.uint16)


def chunks_of(path):
    data, at, found = path.read_bytes(), 8, {}
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        found[kind] = data[at + 8 : at + 8 + length]
        at += 12 + length
    return found


def test_chunks_about_colour_are_kept_and_others_named(tmp_path):
    said = [(b"gAMA", struct.pack(">I", 100_000)), (b"cICP", bytes((9, 16, 0, 1))),
            (b"mDCV", bytes(24)), (b"cLLI", bytes(8)), (b"bKGD", struct.pack(">3H", 1, 2, 3)),
            (b"sBIT", b"\5\5\5"), (b"tIME", bytes(7)), (b"iDOT", bytes(4))]  # fmt: skip
    _, _, notes = read(png(GREY, 2, 8, said), tmp_path)
    assert notes == ["the chunks sBIT, tIME are left out"]
    with open_image(tmp_path / "in.png") as source:
        assert write_images(tmp_path / "out.png", source.images) == []
    found = chunks_of(tmp_path / "out.png")
    assert all(found[kind] == content for kind, content in said[:5])
    with open_image(tmp_path / "in.png") as source:
        notes = write_images(tmp_path / "out.jpg", source.images)
    assert [note.partition(";")[0] for note in notes] == [
        "JPEG has no place for what gAMA, cICP, mDCV, cLLI says of the colours",
        "JPEG has no place for the background colour",
    ]


def converted(chunks, samples=GREY):
    info = Info("png", np.dtype(np.uint8), *samples.shape, png_colour=tuple(chunks))
    return to_srgb(samples.astype(np.uint8), info)


def test_announced_colours_are_converted_or_refused():
    light = (GREY / 255.0) ** 1.0
    curve = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    found = converted([(b"gAMA", struct.pack(">I", 100_000))])
    assert np.abs(found - curve * 255).max() < 1.01
    linear = converted([(b"cICP", bytes((1, 8, 0, 1)))])
    np.testing.assert_array_equal(linear, found)
    for plain in ((b"gAMA", struct.pack(">I", 45455)), (b"cICP", bytes((1, 13, 0, 1)))):
        np.testing.assert_array_equal(converted([plain]), GREY)
    wide = converted([(b"cICP", bytes((12, 13, 0, 1)))], np.array([[[255, 0, 0], [90, 90, 90]]]))
    assert wide[0, 0, 0] == 255 and np.abs(wide[0, 1].astype(int) - 90).max() <= 1
    with pytest.raises(InputError, match="PQ"):
        converted([(b"cICP", bytes((9, 16, 0, 1)))])


def test_a_second_picture_behind_the_first_is_said(tmp_path):
    one = png(GREY, 2, 8)
    assert read(one + one, tmp_path)[2] == [
        "only the first of the several pictures in the file is read"
    ]


def raw_profile(name, content):
    text = f"\n{name}\n{len(content):8}\n{content.hex()}\n".encode()
    return b"zTXt", b"Raw profile type " + name.encode() + b"\0\0" + zlib.compress(text)


def test_profiles_in_text_are_what_they_are(tmp_path):
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    packet = b'<x xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    iptc = b"\x1c\x02\x78\0\4lake"
    resource = b"8BIM\4\4\0\0" + struct.pack(">I", len(iptc)) + iptc + b"\0"
    said = [raw_profile("exif", b"Exif\0\0" + exif.tobytes().removeprefix(b"Exif\0\0")),
            raw_profile("xmp", packet), raw_profile("iptc", resource)]  # fmt: skip
    (plane,), info, notes = read(png(GREY, 2, 8, said), tmp_path)
    np.testing.assert_array_equal(plane, np.rot90(GREY, -1))
    assert notes == [] and info.text == () and info.iptc == iptc
    assert info.xmp and b'Orientation="1"' in info.xmp
    write_image(tmp_path / "out.png", [plane], info, WriteOptions())
    with open_image(tmp_path / "out.png") as source:
        assert (source.info.iptc, source.info.xmp) == (iptc, info.xmp)
        np.testing.assert_array_equal(next(source.planes()), plane)
