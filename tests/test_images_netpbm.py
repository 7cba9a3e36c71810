"""Netpbm: P1 to P7 with every kind of largest value, against arithmetic and Pillow."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as PillowImage

from imgconv.errors import OutputError
from imgconv.images import Info, open_image, write_image

RNG = np.random.default_rng(37)
TOPS = [1, 2, 3, 15, 100, 254, 255, 256, 1023, 4095, 65534, 65535]


def read(tmp_path, data):
    (tmp_path / "in.pnm").write_bytes(data)
    with open_image(tmp_path / "in.pnm") as source:
        (plane,) = source.planes()
        return plane, source.info, source.notes


def packed(samples, top):
    return samples.astype(">u2" if top > 255 else "u1").tobytes()


def full_range(samples, top):
    full = 65535 if top > 255 else 255
    return np.floor(samples.astype(np.float64) * full / top + 0.5)


@pytest.mark.parametrize("top", TOPS)
@pytest.mark.parametrize("kind", ["P2", "P3", "P5", "P6"])
def test_values_fill_the_range(tmp_path, top, kind):
    channels = 1 if kind in ("P2", "P5") else 3
    samples = RNG.integers(0, top + 1, (7, 5, channels))
    head = f"{kind}\n# a comment\n5 7\n{top}\n".encode()
    plain = " ".join(map(str, samples.ravel())).encode()
    data = head + (plain if kind in ("P2", "P3") else packed(samples, top))
    plane, info, _ = read(tmp_path, data)
    np.testing.assert_array_equal(plane, full_range(samples, top))
    assert info.alpha == "none" and info.channels == channels
    if top == 255:
        with PillowImage.open(io.BytesIO(data)) as image:
            np.testing.assert_array_equal(np.squeeze(plane), np.asarray(image))


@pytest.mark.parametrize("kind", ["P1", "P4"])
@pytest.mark.parametrize("width", [1, 7, 8, 9])
def test_ones_are_black(tmp_path, kind, width):
    bits = RNG.integers(0, 2, (6, width))
    body = np.packbits(bits, axis=1).tobytes()
    if kind == "P1":
        body = "".join(map(str, bits.ravel())).encode()
    data = f"{kind}\n{width} 6\n".encode() + body
    np.testing.assert_array_equal(read(tmp_path, data)[0][..., 0], (1 - bits) * 255)
    with PillowImage.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(np.asarray(image), bits == 0)


PAM = {"BLACKANDWHITE": 1, "GRAYSCALE": 1, "RGB": 3, "BLACKANDWHITE_ALPHA": 2,
       "GRAYSCALE_ALPHA": 2, "RGB_ALPHA": 4, "CMYK": 4, "CMYKA": 5, "": 4, "BANDS": 4}  # fmt: skip


@pytest.mark.parametrize("words", PAM)
@pytest.mark.parametrize("top", [1, 200, 255, 1000, 65535])
def test_a_pam_says_what_its_samples_are(tmp_path, words, top):
    channels = PAM[words]
    samples = RNG.integers(0, top + 1, (4, 6, channels))
    head = f"P7\nWIDTH 6\nHEIGHT 4\nDEPTH {channels}\nMAXVAL {top}\n"
    head += f"TUPLTYPE {words}\nENDHDR\n" if words else "ENDHDR\n"
    plane, info, notes = read(tmp_path, head.encode() + packed(samples, top))
    expected, white = full_range(samples, top), 65535 if top > 255 else 255
    if words.startswith("CMYK"):
        light = (white - expected[..., :3]) * (white - expected[..., 3:4]) / white
        expected = np.concatenate([light, expected[..., 4:]], axis=2)
        assert any(note.startswith("CMYK converted to RGB") for note in notes)
    assert np.abs(plane - expected).max() <= (0.51 if words.startswith("CMYK") else 0)
    has_alpha = words.endswith("_ALPHA") or words in ("CMYKA", "")
    assert (info.alpha != "none") == has_alpha
    write_image(tmp_path / "out.pam", [plane], info)
    with open_image(tmp_path / "out.pam") as source:
        np.testing.assert_array_equal(next(source.planes()), plane)


def test_a_second_picture_is_said(tmp_path):
    one = b"P5 2 2 255\nabcd"
    assert any("only the first" in note for note in read(tmp_path, one + b"\n" + one)[2])
    assert read(tmp_path, one + b"\n")[2] == []


def test_a_file_is_what_its_name_says(tmp_path):
    grey = RNG.integers(0, 256, (5, 6, 1), np.uint8)
    colour = RNG.integers(0, 256, (5, 6, 3), np.uint8)
    black = (grey > 99).astype(np.uint8) * 255

    def saved(name, plane):
        write_image(tmp_path / name, [plane], Info("png", plane.dtype, *plane.shape))
        with PillowImage.open(tmp_path / name) as image:
            return (tmp_path / name).read_bytes()[:2], np.asarray(image)

    magic, found = saved("a.ppm", grey)
    assert magic == b"P6"
    np.testing.assert_array_equal(found, grey.repeat(3, axis=2))
    assert saved("b.pgm", grey)[0] == b"P5" and saved("c.pnm", colour)[0] == b"P6"
    magic, found = saved("d.pbm", black)
    assert magic == b"P4"
    np.testing.assert_array_equal(found, black[..., 0] > 0)
    for name, plane, words in (("e.pgm", colour, "PGM holds grey"), ("f.pbm", grey, "has greys")):
        with pytest.raises(OutputError, match=words):
            saved(name, plane)
