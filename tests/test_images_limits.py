"""What a small file may ask for, and damage that a decoder passes over in silence.

Each file lies about its size in its own way; the memory of the process must not follow.
"""

from __future__ import annotations

import io
import resource
import struct
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from imgconv.errors import InputError
from imgconv.images import open_image
from imgconv.images.array_file import read_arrays

RNG = np.random.default_rng(7)
NOISE = RNG.integers(0, 256, (200, 200, 3), dtype=np.uint8)
OME = (
    '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
    '<Pixels DimensionOrder="XYZCT" ID="Pixels:0" SizeC="1" SizeT="{}" SizeX="16" SizeY="16" '
    'SizeZ="10000" Type="uint8"><TiffData/></Pixels></Image></OME>'
)


def as_jpeg(pixels, **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", **options)
    return file.getvalue()


def jpeg_of(height, width):
    """One whose frame header promises so much."""
    data = as_jpeg(np.zeros((16, 16), np.uint8))
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def tiff(path, strip, compression=1, **tags):
    """16 x 16 grey pixels in one strip, as it is given."""
    fields = {256: 16, 257: 16, 258: 8, 259: compression, 262: 1, 277: 1, 278: 16, 279: len(strip)}
    fields |= {int(code[1:]): value for code, value in tags.items()}
    texts = {code: value for code, value in fields.items() if isinstance(value, bytes)}
    at = 8 + 2 + 12 * (len(fields) + 1) + 4
    fields[273], places = at + sum(map(len, texts.values())), {}
    for code, value in texts.items():
        places[code], at = at, at + len(value)
    entries = b"".join(
        struct.pack("<HHII", code, 2, len(value), places[code])
        if code in texts
        else struct.pack("<HHII", code, 4, 1, value)
        for code, value in sorted(fields.items())
    )
    head = b"II*\0" + struct.pack("<IH", 8, len(fields)) + entries + bytes(4)
    path.write_bytes(head + b"".join(texts.values()) + strip)
    return path


def chunk(kind, content):
    whole = kind + content
    return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))


def png(*chunks):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(72)))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + pixels + chunk(b"IEND", b"")


def read(path, **options):
    with open_image(path, **options) as opened:
        return list(opened.planes()), list(opened.notes)


def refusal(path, **options):
    with pytest.raises(InputError) as caught:
        read(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(autouse=True)
def small_memory():
    """Where a reader follows the lie, the memory that may be taken ends first."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 700 << 10  # kB


@pytest.mark.parametrize(
    ("compression", "strip"),
    [
        (7, jpeg_of(65500, 65500)),
        (34887, bytes(imagecodecs.lerc_encode(np.zeros((5000, 5000), np.uint8)))),
        (34933, bytes(imagecodecs.png_encode(np.zeros((5000, 5000), np.uint8)))),
        (34712, bytes(imagecodecs.jpeg2k_encode(np.zeros((900, 900), np.uint8)))),
        (50001, bytes(imagecodecs.webp_encode(np.zeros((900, 900, 3), np.uint8)))),
        (50002, bytes(imagecodecs.jpegxl_encode(np.zeros((900, 900), np.uint8)))),
        (8, zlib.compress(RNG.integers(0, 256, 1 << 20, dtype=np.uint8).tobytes())),
    ],
    ids=["jpeg", "lerc", "png", "jpeg2000", "webp", "jpegxl", "deflate"],
)
def test_a_strip_larger_than_its_page_is_not_decoded(tmp_path, compression, strip):
    path = tiff(tmp_path / "a.tif", strip, compression)
    assert "no part of the page" in refusal(path, max_pixels=1000)
    with open_image(path) as opened, pytest.raises(InputError):
        opened.images[0].region(slice(0, 4), slice(0, 4))


@pytest.mark.parametrize("compression", ["jpeg", "lerc", "png", "jpeg2000", "webp", "zstd", "lzma"])
@pytest.mark.parametrize("tile", [None, (64, 64)], ids=["strips", "tiles"])
def test_honest_strips_are_read(tmp_path, compression, tile):
    tifffile.imwrite(
        tmp_path / "a.tif", NOISE[:150, :130], photometric="rgb", compression=compression,
        tile=tile, rowsperstrip=None if tile else 48,
    )  # fmt: skip
    (plane,), _ = read(tmp_path / "a.tif")
    assert (plane == tifffile.imread(tmp_path / "a.tif")).all()


def test_samples_of_a_pixel_count(tmp_path):
    path = tiff(tmp_path / "a.tif", bytes(256 * 60000), t277=60000)
    assert "60000 samples" in refusal(path, max_pixels=1000)


def test_planes_that_only_a_text_tells_of_are_refused(tmp_path):
    path = tiff(tmp_path / "a.ome.tif", bytes(256), t270=OME.format(20000).encode() + b"\0")
    assert "tells of 200,000,000 planes, the file holds 1 pages" in refusal(path)


def test_tags_that_share_their_bytes_do_not_multiply(tmp_path):
    blob = bytes(1 << 20)
    path = tiff(tmp_path / "a.tif", bytes(256))
    data = path.read_bytes()
    count = 300
    (old,) = struct.unpack_from("<H", data, 8)
    begin = 10 + 12 * (old + count) + 4
    entries = [bytearray(data[10 + 12 * n : 22 + 12 * n]) for n in range(old)]
    for entry in entries:
        if entry[:2] == struct.pack("<H", 273):
            entry[8:] = struct.pack("<I", begin)
    entries += [struct.pack("<HHII", 60000 + n, 7, len(blob), begin) for n in range(count)]
    head = data[:8] + struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    path.write_bytes(head + blob)
    with open_image(path) as opened:
        kept = sum(len(content) for _, _, _, content in opened.info.tiff.tags)
    assert kept <= 64 << 20


def test_an_empty_canvas_of_a_gif_is_no_picture(tmp_path):
    canvas = struct.pack("<HHBBB", 31600, 31600, 0xF0, 0, 0) + bytes((0, 0, 0, 255, 0, 0))
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"
    (tmp_path / "a.gif").write_bytes(b"GIF89a" + canvas + frame + b";")
    assert "promises 998,560,000 pixels" in refusal(tmp_path / "a.gif")
    (tmp_path / "b.gif").write_bytes(b"GIF89a" + canvas + frame * 3 + b";")
    assert "damaged GIF" in refusal(tmp_path / "b.gif")


def test_texts_of_a_png_share_one_room(tmp_path):
    text = zlib.compress(b"a" * (24 << 20), 9)
    chunks = [chunk(b"zTXt", b"k%d\0\0" % n + text) for n in range(4)]
    (tmp_path / "a.png").write_bytes(png(*chunks))
    with open_image(tmp_path / "a.png") as opened:
        assert sum(len(value) for _, value in opened.info.text) <= 64 << 20
        assert "a text chunk that is damaged, or too large, was dropped" in opened.notes


def test_a_frame_header_that_only_the_decoder_sees(tmp_path):
    """A marker without length (TEM), behind which two readers go on at different places."""
    data = jpeg_of(9000, 9000)
    at = data.index(b"\xff\xc0")
    small = jpeg_of(16, 16)[at : at + 19]
    hidden = b"\xff\x01\x00\x04\xff\xe5" + small
    filled = struct.pack(">H", 2 + len(small)) + bytes(len(small))
    (tmp_path / "a.jpg").write_bytes(data[:at] + hidden + b"\xff\xe6" + filled + data[at:])
    assert "damaged JPEG" in refusal(tmp_path / "a.jpg", max_pixels=1000)


def test_scans_count(tmp_path):
    data = as_jpeg(NOISE, progressive=True)
    scan = data.rindex(b"\xff\xda")
    (tmp_path / "a.jpg").write_bytes(data[:-2] + data[scan:-2] * 400 + data[-2:])
    assert "scans" in refusal(tmp_path / "a.jpg", max_pixels=200 * 200)
    read(tmp_path / "a.jpg")


@pytest.mark.parametrize("header", ["(100000, 100000)", "(1000000000, 10, 10)"])
def test_an_array_of_which_next_to_nothing_is_left(tmp_path, header):
    words = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {header}, }}".ljust(117) + "\n"
    text = b"\x93NUMPY\1\0" + struct.pack("<H", len(words)) + words.encode()
    (tmp_path / "a.npy").write_bytes(text + bytes(100))
    told = refusal(tmp_path / "a.npy", allow_truncated=True, max_pixels=10**11)
    assert "too little to be filled up" in told
    with pytest.raises(InputError, match="cut off"):
        read_arrays(tmp_path / "a.npy")


def test_archives_of_arrays(tmp_path):
    arrays = {"x": NOISE, "y": np.arange(12.0).reshape(3, 4).T, "of text": np.array(["a", "bc"])}
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    found = read_arrays(tmp_path / "a.npz")
    assert list(found) == list(arrays)
    assert all((found[name] == array).all() for name, array in arrays.items())
    whole = (tmp_path / "a.npz").read_bytes()
    for cut in (2, 100, len(whole) // 2, len(whole) - 10):
        (tmp_path / "b.npz").write_bytes(whole[:cut])
        with pytest.raises(InputError, match=r"b\.npz"):
            read_arrays(tmp_path / "b.npz")


@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=["baseline", "progressive"])
def test_a_jpeg_cut_in_the_middle_and_closed(tmp_path, options):
    data = as_jpeg(NOISE, **options)
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2] + b"\xff\xd9")
    assert "truncated JPEG" in refusal(tmp_path / "a.jpg")
    _, notes = read(tmp_path / "a.jpg", allow_truncated=True)
    assert any("truncated" in note for note in notes)


@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=["baseline", "progressive"])
def test_a_whole_jpeg_that_ends_in_grey(tmp_path, options):
    pixels = NOISE.copy()
    pixels[100:] = 128
    (tmp_path / "a.jpg").write_bytes(as_jpeg(pixels, **options))
    (plane,), notes = read(tmp_path / "a.jpg")
    assert not notes
    assert (plane[120:] == 128).all()


def test_a_zeroed_strip_of_jpeg(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", NOISE, photometric="rgb", compression="jpeg")
    with tifffile.TiffFile(tmp_path / "a.tif") as opened:
        begin, count = opened.pages[0].dataoffsets[0], opened.pages[0].databytecounts[0]
    data = bytearray((tmp_path / "a.tif").read_bytes())
    data[begin + count // 2 : begin + count] = bytes(count - count // 2)
    (tmp_path / "a.tif").write_bytes(data)
    assert "truncated TIFF" in refusal(tmp_path / "a.tif")


PAM = "P7\nWIDTH 10\nHEIGHT 4\nDEPTH 1\nMAXVAL 255\n{}ENDHDR\n"
SAMPLES = bytes(range(100, 140))


@pytest.mark.parametrize(
    "header", [PAM.format("# word\n" * 2000), PAM.format("").replace("\n", "\r\n")]
)
def test_a_pam_begins_behind_its_header(tmp_path, header):
    (tmp_path / "a.pam").write_bytes(header.encode() + SAMPLES)
    (plane,), _ = read(tmp_path / "a.pam")
    assert plane.tobytes() == SAMPLES


def test_a_pam_without_an_end_of_its_header(tmp_path):
    (tmp_path / "a.pam").write_bytes(PAM.format("").replace("ENDHDR\n", "").encode() + SAMPLES)
    assert "ENDHDR" in refusal(tmp_path / "a.pam")


@pytest.mark.parametrize(
    ("word", "said"), [("123456", "123456 is above"), ("256", "256 is above"), ("7x", "truncated")]
)
def test_words_that_are_no_samples(tmp_path, word, said):
    (tmp_path / "a.pgm").write_text(f"P2\n2 2\n255\n1 2\n{word} 4\n")
    assert said in refusal(tmp_path / "a.pgm")


def test_plain_bits_need_no_space(tmp_path):
    (tmp_path / "a.pbm").write_text("P1\n# two rows\n3 2\n101\n0 1 0\n")
    (plane,), _ = read(tmp_path / "a.pbm")
    assert plane[..., 0].tolist() == [[0, 255, 0], [255, 0, 255]]
