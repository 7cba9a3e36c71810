"""PNG row by row: every filter and size of pixel against the standard's formulas, chunks of any
size, damage, and what is read in order; files of rows against Pillow."""

from __future__ import annotations

import io
import itertools
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from imgconv.errors import InputError
from imgconv.images import bands, open_image, write_image
from imgconv.images.formats.png import deflate, read, rows

COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "LARGE", 0)
    monkeypatch.setattr(rows, "BLOCK", 300)
    monkeypatch.setattr(rows, "PIECE", 70)


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    crc = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)


def predict(kind: int, a: int, b: int, c: int) -> int:
    """https://www.w3.org/TR/png-3/#9Filter-types"""
    if kind == 4:
        p = a + b - c
        away = [(abs(p - v), n, v) for n, v in enumerate((a, b, c))]
        return min(away)[2]
    return (0, a, b, (a + b) // 2)[kind]


def filtered(lines: np.ndarray, pixel: int, kinds: Any) -> bytes:
    """Rows of bytes (H, N) as PNG keeps them, each with the next filter."""
    out, above = bytearray(), [0] * lines.shape[1]
    for kind, line in zip(kinds, lines.tolist(), strict=False):
        out.append(kind)
        for k, x in enumerate(line):
            a, c = (line[k - pixel], above[k - pixel]) if k >= pixel else (0, 0)
            out.append((x - predict(kind, a, above[k], c)) % 256)
        above = line
    return bytes(out)


NONE = (0,) * 200


def png(pixels: np.ndarray, kinds: Any = NONE, cuts: Any = ()) -> bytes:
    """A file of pixels (H, W, C); its stream is cut into chunks at these shares of its length."""
    height, width, channels = pixels.shape
    lines = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder(">")).view(np.uint8)
    kept = filtered(lines.reshape(height, -1), channels * pixels.itemsize, kinds)
    stream = zlib.compress(kept)
    at = sorted({0, len(stream), *(int(cut * len(stream)) for cut in cuts)})
    header = struct.pack(
        ">IIBBBBB", width, height, 8 * pixels.itemsize, COLOUR_TYPES[channels], 0, 0, 0
    )
    idat = b"".join(chunk(b"IDAT", stream[i:j]) for i, j in itertools.pairwise(at))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + idat + chunk(b"IEND")


def noise(shape: tuple[int, ...], dtype: Any = np.uint8, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def opened(data: bytes, folder: Path) -> Any:
    (folder / "in.png").write_bytes(data)
    return open_image(folder / "in.png")


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 12), st.integers(1, 40), st.integers(1, 4), st.sampled_from(["u1", "u2"]),
    st.lists(st.integers(0, 4), min_size=12, max_size=12),
    st.lists(st.floats(0, 1), max_size=5), st.integers(0, 99),
)  # fmt: skip
def test_every_filter_and_pixel_is_restored(
    tmp_path_factory: pytest.TempPathFactory, height: int, width: int, channels: int, dtype: str,
    kinds: list[int], cuts: list[float], seed: int,
) -> None:  # fmt: skip
    pixels = noise((height, width, channels), np.dtype(dtype), seed)
    with opened(png(pixels, kinds, cuts), tmp_path_factory.getbasetemp()) as source:
        assert source.images[0].in_order
        (plane,) = source.planes()
        np.testing.assert_array_equal(plane, pixels)
        assert plane.dtype == np.dtype(dtype) and plane.flags.c_contiguous
        assert not source.notes


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_files_of_pillow(tmp_path: Path, mode: str) -> None:
    smooth = np.add.outer(np.arange(90), np.arange(70) * 2).astype(np.uint8)
    image = PillowImage.fromarray(smooth).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    with opened(buffer.getvalue(), tmp_path) as source:
        assert source.images[0].in_order
        (plane,) = source.planes()
    np.testing.assert_array_equal(plane.squeeze(), np.asarray(image))


def test_regions_in_any_order(tmp_path: Path) -> None:
    pixels = noise((61, 33, 3), np.uint16)
    with opened(png(pixels, itertools.cycle(range(5)), (0.3, 0.4)), tmp_path) as source:
        (image,) = source.images
        for top, bottom in ((0, 9), (9, 30), (20, 21), (0, 61), (60, 61), (5, 5), (4, 50)):
            part = image.region(slice(top, bottom), slice(4, 20))
            np.testing.assert_array_equal(part, pixels[top:bottom, 4:20])


def damaged(kind: str, pixels: np.ndarray) -> bytes:
    kept = bytearray(filtered(pixels.reshape(40, -1), 1, [0] * 40))
    if kind == "unknown filter":
        kept[-1 - pixels.shape[1]] = 5
    stream = bytearray(zlib.compress(bytes(kept)))
    if kind == "checksum of the stream":
        stream[-1] ^= 1
    elif kind == "end of the stream":
        del stream[-400:]
    elif kind == "bits":
        stream[len(stream) // 2 : len(stream) // 2 + 40] = b"\xff" * 40
    head = png(pixels)[: 8 + 25]
    data = head + chunk(b"IDAT", bytes(stream)) + chunk(b"IEND")
    if kind == "checksum of the chunk":
        data = data[:-14] + bytes((data[-14] ^ 1,)) + data[-13:]
    return data


@pytest.mark.parametrize(
    "kind",
    ["unknown filter", "checksum of the stream", "end of the stream", "bits",
     "checksum of the chunk"],
)  # fmt: skip
def test_damage_is_found_in_rows_and_as_a_whole(tmp_path: Path, kind: str) -> None:
    data = damaged(kind, noise((40, 50, 1)))
    with opened(data, tmp_path) as source, pytest.raises(InputError, match=r"in\.png"):
        list(source.planes())
    with opened(data, tmp_path) as source, pytest.raises(InputError, match=r"in\.png: .*PNG"):
        source.images[0].region(slice(0, 40), slice(0, 50))


def test_a_file_written_in_bands_is_that_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deflate, "BLOCK", 900)
    monkeypatch.setattr(deflate, "TOGETHER", 1)
    pixels = noise((97, 41, 3), np.uint16)
    with opened(png(pixels), tmp_path) as source:
        info = source.info
    write_image(tmp_path / "whole.png", [pixels], info)
    parts = iter([pixels[:10], pixels[10:11], pixels[11:]])
    banded = bands.BandedPlane(pixels.shape, pixels.dtype, parts)
    write_image(tmp_path / "bands.png", [banded], info)  # type: ignore[list-item]
    assert (tmp_path / "whole.png").read_bytes() == (tmp_path / "bands.png").read_bytes()
    with open_image(tmp_path / "bands.png") as source:
        np.testing.assert_array_equal(next(source.planes()), pixels)
