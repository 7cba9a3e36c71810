"""BMP: depths, palettes, run lengths, masks, directions and headers, put together by hand, against
arithmetic and, where it reads them, Pillow; alpha and profiles, which other readers find."""

from __future__ import annotations

import io
import struct

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageCms

from imgconv.images import Info, open_image, write_image

RNG = np.random.default_rng(31)
HEIGHT, WIDTH = 7, 11
TABLE = RNG.integers(0, 256, (256, 3), np.uint8)  # red, green, blue
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def bmp(rows, bits, *, size=40, compression=0, masks=(), table=(), down=False, cut=0):
    """Rows of bytes from the top; the header is of so many bytes."""
    body = b"".join(rows if down else rows[::-1]) if isinstance(rows, list) else rows
    header = struct.pack("<IiiHHIIiiII", size, WIDTH, -HEIGHT if down else HEIGHT, 1, bits,
                         compression, len(body), 2835, 2835, len(table), 0)  # fmt: skip
    more = struct.pack(f"<{len(masks)}I", *masks)
    header += more.ljust(size - 40, b"\0") if size > 40 else more
    colours = b"".join(bytes((b, g, r, 0)) for r, g, b in table)
    start = 14 + len(header) + len(colours)
    return struct.pack("<2sIHHI", b"BM", start + len(body), 0, 0, start) + header + colours + body


def read(tmp_path, data):
    (tmp_path / "in.bmp").write_bytes(data)
    with open_image(tmp_path / "in.bmp") as source:
        (plane,) = source.planes()
        return plane, source.info, source.notes


def padded(row):
    return row + b"\0" * (-len(row) % 4)


@pytest.mark.parametrize("bits", [1, 4, 8])
@pytest.mark.parametrize("size", [40, 108, 124])
@pytest.mark.parametrize("down", [False, True])
def test_palettes_are_looked_up(tmp_path, bits, size, down):
    numbers = RNG.integers(0, 2**bits, (HEIGHT, WIDTH), np.uint8)
    split = (numbers[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    packed = np.packbits(split.reshape(HEIGHT, -1), axis=1)
    rows = [padded(row.tobytes()) for row in packed]
    data = bmp(rows, bits, size=size, table=TABLE[: 2**bits], down=down)
    plane, _, notes = read(tmp_path, data)
    np.testing.assert_array_equal(plane, TABLE[numbers])
    assert notes == ["palette expanded to RGB"]


@pytest.mark.parametrize("bits", [4, 8])
def test_run_lengths_are_unpacked(tmp_path, bits):
    numbers = np.repeat(RNG.integers(0, 2**bits, (HEIGHT, 4), np.uint8), 3, axis=1)[:, :WIDTH]
    body = b""
    for row in numbers[::-1]:
        for at in range(0, WIDTH, 3):
            run = row[at : at + 3]
            value = int(run[0]) * (17 if bits == 4 else 1)
            body += bytes((len(run), value))
        body += b"\0\0"
    data = bmp(body + b"\0\1", bits, compression={4: 2, 8: 1}[bits], table=TABLE[: 2**bits])
    np.testing.assert_array_equal(read(tmp_path, data)[0], TABLE[numbers])


MASKS = {
    "555": (16, (0x7C00, 0x03E0, 0x001F)),
    "565": (16, (0xF800, 0x07E0, 0x001F)),
    "1555": (16, (0x7C00, 0x03E0, 0x001F, 0x8000)),
    "4444": (16, (0x0F00, 0x00F0, 0x000F, 0xF000)),
    "x888": (32, (0x00FF0000, 0x0000FF00, 0x000000FF)),
    "8888": (32, (0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000)),
    "rgba": (32, (0x000000FF, 0x0000FF00, 0x00FF0000, 0xFF000000)),
    "2:10:10:10": (32, (0x3FF00000, 0x000FFC00, 0x000003FF)),
}


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("size", [40, 108, 124])
@pytest.mark.parametrize("down", [False, True])
def test_masks_show_each_sample(tmp_path, name, size, down):
    bits, masks = MASKS[name]
    pixels = RNG.integers(0, 2**bits, (HEIGHT, WIDTH), np.uint64).astype(f"<u{bits // 8}")
    rows = [padded(row.tobytes()) for row in pixels]
    compression = 6 if size == 40 and len(masks) == 4 else 3
    data = bmp(rows, bits, size=size, compression=compression, masks=masks, down=down)
    expected = []
    for mask in masks:
        shift = (mask & -mask).bit_length() - 1
        exact = ((pixels.astype(np.int64) & mask) >> shift) * 255 / (mask >> shift)
        expected.append(np.floor(exact + 0.5))
    plane, info, _ = read(tmp_path, data)
    np.testing.assert_array_equal(plane, np.stack(expected, axis=2))
    assert (info.alpha != "none") == (len(masks) == 4)
    if bits == 32 and name != "2:10:10:10" and size > 40:
        with PillowImage.open(io.BytesIO(data)) as image:
            mode = "RGBA" if len(masks) == 4 else "RGB"
            np.testing.assert_array_equal(plane, np.asarray(image.convert(mode)))


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_colours_without_masks_are_the_usual_ones(tmp_path, bits):
    if bits == 16:
        pixels = RNG.integers(0, 2**15, (HEIGHT, WIDTH)).astype("<u2")
        expected = np.stack([(pixels >> s) & 31 for s in (10, 5, 0)], axis=2) * 255
        expected = (expected + 15) // 31
    else:
        pixels = RNG.integers(0, 256, (HEIGHT, WIDTH, bits // 8), np.uint8)
        expected = pixels[..., 2::-1]
    rows = [padded(row.tobytes()) for row in pixels]
    np.testing.assert_array_equal(read(tmp_path, bmp(rows, bits))[0], expected)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("profile", [None, PROFILE])
def test_other_readers_find_what_is_written(tmp_path, channels, profile):
    plane = RNG.integers(0, 256, (HEIGHT, WIDTH, channels), np.uint8)
    alpha = "straight" if channels in (2, 4) else "none"
    info = Info("png", plane.dtype, *plane.shape, alpha=alpha, icc=profile)
    write_image(tmp_path / "out.bmp", [plane], info)
    with open_image(tmp_path / "out.bmp") as source:
        (again,) = source.planes()
        assert source.info.icc == (profile if channels > 2 else None)
    colours = plane if channels != 2 else plane[..., [0, 0, 0, 1]]
    np.testing.assert_array_equal(again, colours)
    found = cv2.imread(str(tmp_path / "out.bmp"), cv2.IMREAD_UNCHANGED)
    wanted = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[colours.shape[2]]
    np.testing.assert_array_equal(np.atleast_3d(found), colours[..., wanted])
    with PillowImage.open(tmp_path / "out.bmp") as image:
        np.testing.assert_array_equal(np.atleast_3d(np.asarray(image)), colours)


def test_opaque_alpha_of_other_formats_is_dropped(tmp_path):
    plane = RNG.integers(0, 256, (HEIGHT, WIDTH, 4), np.uint8)
    plane[..., 3] = 255
    write_image(tmp_path / "a.bmp", [plane], Info("png", plane.dtype, *plane.shape, "straight"))
    assert (tmp_path / "a.bmp").read_bytes()[14] == 40


def numbered():
    """Numbers of 4 bit, and their rows as they are packed."""
    numbers = RNG.integers(0, 16, (HEIGHT, WIDTH), np.uint8)
    pairs = np.pad(numbers, ((0, 0), (0, 1))).reshape(HEIGHT, -1, 2)
    return numbers, [padded(bytes(row)) for row in pairs[..., 0] * 16 + pairs[..., 1]]


@pytest.mark.parametrize("size", [16, 42, 48, 66])
def test_headers_of_any_length_are_read(tmp_path, size):
    numbers, rows = numbered()
    head = struct.pack("<IiiHHIIiiII", size, WIDTH, HEIGHT, 1, 4, 0, 0, 0, 0, 16, 0)
    colours = b"".join(bytes((b, g, r, 0)) for r, g, b in TABLE[:16])
    head = head[:size].ljust(size, b"\0") + colours
    file = struct.pack("<2sIHHI", b"BM", 0, 0, 0, 14 + len(head)) + head
    np.testing.assert_array_equal(read(tmp_path, file + b"".join(rows[::-1]))[0], TABLE[numbers])


@pytest.mark.parametrize(("at", "value"), [(2, 1 << 30), (2, 3), (34, 1 << 30), (46, 300)])
def test_wrong_lengths_and_counts_in_a_header_do_no_harm(tmp_path, at, value):
    numbers, rows = numbered()
    data = bytearray(bmp(rows, 4, table=TABLE[:16]))
    data[at : at + 4] = struct.pack("<I", value)
    np.testing.assert_array_equal(read(tmp_path, bytes(data))[0], TABLE[numbers])


@pytest.mark.parametrize(("format", "number"), [("JPEG", 4), ("PNG", 5)])
def test_a_whole_jpeg_or_png_inside_is_read(tmp_path, format, number):
    file = io.BytesIO()
    PillowImage.fromarray(TABLE[None, :WIDTH].repeat(HEIGHT, 0)).save(file, format)
    plane, info, _ = read(tmp_path, bmp(file.getvalue(), 0, compression=number))
    np.testing.assert_array_equal(plane, np.asarray(PillowImage.open(file)))
    assert info.format == "bmp" and round(info.dpi[0]) == 72


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("behind", [b"", b"\0\0", b"BMxx"])
def test_run_lengths_may_jump_and_end_before_the_picture_is_full(tmp_path, bits, behind):
    wanted = np.zeros((HEIGHT, WIDTH), int)
    wanted[-1, :5], wanted[-2, 6:9] = [1] * 5, [2] * 3
    one, two = (1, 2) if bits == 8 else (0x11, 0x22)
    body = bytes((5, one, 0, 2, 1, 1, 3, two, 0, 1)) + behind
    data = bmp(body, bits, compression=1 if bits == 8 else 2, table=TABLE[: 2**bits])
    np.testing.assert_array_equal(read(tmp_path, data)[0], TABLE[wanted])
