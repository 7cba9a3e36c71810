"""Files of microscopes: each is read for what it holds, by its own axes, under its own names."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import tifffile

from imgconv.errors import InputError
from imgconv.images import WriteOptions, open_image, write_images
from imgconv.images.pixelsize import pixel_size
from imgconv.tasks.fields_of_view import stack_of
from imgconv.tasks.labels.truth import doubt
from imgconv.tasks.merged import merged_channels, only_channel
from imgconv.tasks.positions import positions_of
from imgconv.tasks.typed_axes import typed_axes

RNG = np.random.default_rng(3)


def noise(*shape: int) -> np.ndarray:
    return RNG.integers(0, 60000, shape, np.uint16)


def ome(images: list[str]) -> str:
    inside = "".join(
        f'<Image ID="Image:{n}" Name="Pos{n}">{i}</Image>' for n, i in enumerate(images)
    )
    return f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">{inside}</OME>'


def pixels(data: str, **sizes: int) -> str:
    told = {"SizeX": 6, "SizeY": 5, "SizeC": 1, "SizeZ": 1, "SizeT": 1, **sizes}
    words = " ".join(f'{name}="{n}"' for name, n in told.items())
    return f'<Pixels DimensionOrder="XYCZT" Type="uint16" {words}>{data}</Pixels>'


def block(file: str, number: int, ifd: int = 0, **first: int) -> str:
    firsts = " ".join(f'First{axis}="{n}"' for axis, n in first.items())
    uuid = f'<UUID FileName="{file}">urn:uuid:{number}</UUID>'
    return f'<TiffData IFD="{ifd}" {firsts} PlaneCount="1">{uuid}</TiffData>'


def write(path, planes: np.ndarray, text: str, **more) -> None:
    tifffile.imwrite(
        path, planes, description=text, metadata=None, photometric="minisblack", **more
    )


def read(path, **options) -> tuple[np.ndarray, object]:
    with open_image(path, **options) as source:
        return np.stack([plane[..., 0] for plane in source.planes()]), source


def test_of_an_acquisition_over_files_each_is_read_for_its_own_planes(tmp_path):
    names = [f"scan_MMStack_Pos{n}.ome.tif" for n in range(3)]
    text = ome([pixels(block(name, n)) for n, name in enumerate(names)])
    planes = noise(3, 5, 6)
    for name, plane in zip(names, planes, strict=True):
        write(tmp_path / name, plane, text)
    for name, plane in zip(names, planes, strict=True):
        found, source = read(tmp_path / name)
        assert source.info.axes == "YX" and (found[0] == plane).all()
    (tmp_path / names[1]).rename(tmp_path / "other.tif")  # no text says which it is now
    assert (read(tmp_path / "other.tif")[0][0] == planes[1]).all()


@pytest.mark.parametrize("axis", ["T", "Z", "C"])
def test_an_image_split_over_two_files_along_an_axis(tmp_path, axis):
    names = ["a.ome.tif", "b.ome.tif"]
    blocks = [block(names[n // 2], n // 2, n % 2, **{axis: n}) for n in range(4)]
    text = ome([pixels("".join(blocks), **{f"Size{axis}": 4})])
    planes = noise(4, 5, 6)
    for n, name in enumerate(names):
        write(tmp_path / name, planes[2 * n : 2 * n + 2], text)
        found, source = read(tmp_path / name)
        assert source.info.axes == f"{axis}YX" and (found == planes[2 * n : 2 * n + 2]).all()
        assert any("holds 2 of the 4" in note for note in source.notes)


def test_a_stopped_acquisition_is_not_truncated(tmp_path):
    data = "".join(f'<TiffData IFD="{n}" FirstT="{n}" PlaneCount="1"/>' for n in range(4))
    planes = noise(2, 5, 6)
    write(tmp_path / "a.ome.tif", planes, ome([pixels(data, SizeT=4)]))
    found, source = read(tmp_path / "a.ome.tif")
    assert source.info.axes == "TYX" and (found == planes).all()
    (said,) = source.notes
    assert said.startswith("holds 2 of the 4 time points that its OME text tells; look ")


def test_a_time_point_stopped_in_between_is_left(tmp_path):
    write(tmp_path / "a.ome.tif", noise(5, 5, 6), ome([pixels("", SizeT=4, SizeC=2)]))
    found, source = read(tmp_path / "a.ome.tif")
    assert source.info.axes == "TCYX" and found.shape[0] == 4


def test_sizes_without_a_list_of_pages(tmp_path):
    planes = noise(6, 5, 6)
    write(tmp_path / "a.ome.tif", planes, ome([pixels("", SizeZ=3, SizeT=2)]))
    found, source = read(tmp_path / "a.ome.tif")
    assert source.info.axes == "TZYX" and source.info.stack_shape == (2, 3)
    assert (found == planes).all()


@pytest.mark.parametrize("sizes", [{"SizeZ": "many"}, {"SizeC": -3, "SizeT": "3"}])
def test_a_text_that_tells_nonsense_leaves_the_pages(tmp_path, sizes):
    planes = noise(3, 5, 6)
    write(tmp_path / "a.ome.tif", planes, ome([pixels("", **sizes)]))
    assert (read(tmp_path / "a.ome.tif")[0] == planes).all()


def micromanager(path, planes: np.ndarray, position: int) -> None:
    """Its index of planes without a text: the header of its own behind the first eight bytes."""
    summary = b'{"ChNames": ["DAPI", "GFP"]}'
    with tifffile.TiffWriter(path) as file:
        for plane in planes:
            tag = [(51123, 2, 0, '{"PixelSizeUm": 0.5}', True)]
            file.write(
                plane, metadata=None, extratags=tag, photometric="minisblack", contiguous=False
            )
    data = bytearray(path.read_bytes())
    index = [(n % 2, 0, n // 2, position, 0) for n in range(len(planes))]
    table = struct.pack("<II", 3453623, len(index))
    table += b"".join(struct.pack("<5I", *row) for row in index)
    at = len(data)
    head = struct.pack("<8I", 54773648, at, 0, 0, 0, 0, 2355492, len(summary)) + summary
    shift = len(head)
    moved = tifffile_moved(data, shift)
    moved[8:8] = head
    struct.pack_into("<I", moved, 12, at + shift)
    path.write_bytes(bytes(moved + table))


def tifffile_moved(data: bytearray, shift: int) -> bytearray:
    """The file with every offset moved by so many bytes (classic, little-endian)."""
    wide = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8}
    (at,) = struct.unpack_from("<I", data, 4)
    struct.pack_into("<I", data, 4, at + shift)
    while at:
        (count,) = struct.unpack_from("<H", data, at)
        for n in range(count):
            code, kind, length, value = struct.unpack_from("<HHII", data, at + 2 + 12 * n)
            if wide[kind] * length > 4 or code == 273:
                struct.pack_into("<I", data, at + 10 + 12 * n, value + shift)
        after = at + 2 + 12 * count
        (at,) = struct.unpack_from("<I", data, after)
        struct.pack_into("<I", data, after, at + shift if at else 0)
    return data


def test_micromanagers_own_index_says_the_axes_where_there_is_no_ome(tmp_path):
    planes = noise(4, 5, 6)
    micromanager(tmp_path / "a_MMStack_Pos7.tif", planes, 7)
    found, source = read(tmp_path / "a_MMStack_Pos7.tif")
    assert source.info.axes == "TCYX" and (found == planes).all()
    assert pixel_size(source.info) == (0.5, 0.5)
    assert stack_of(source.info, "a", channel="GFP").seen == (1,)


def test_positions_keep_their_names_and_are_written_as_such(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif") as file:
        planes = noise(2, 2, 5, 6)
        for name, pair in zip(("A1", "B7"), planes, strict=True):
            file.write(
                pair, metadata={"axes": "CYX", "Name": name, "Channel": {"Name": ["p", "n"]}}
            )
    with open_image(tmp_path / "a.ome.tif") as source:
        assert [image.info.name for image in source.images] == ["A1", "B7"]
        found = positions_of(source)
        stack = stack_of(found.info, "a", channel="n", positions=found.names)
        fields = list(stack.read(found))
        assert [stack.place(field) for field in fields] == [{"position": "A1"}, {"position": "B7"}]
        assert (np.stack([f.pixels for f in fields]).transpose(0, 3, 1, 2) == planes).all()
        assert (next(positions_of(source, "b7").planes())[..., 0] == planes[1, 0]).all()
        with pytest.raises(InputError, match="no one position C1; allowed are 1 to 2 or A1, B7"):
            positions_of(source, "C1")
        write_images(tmp_path / "b.ome.tif", source.images, WriteOptions())
    with tifffile.TiffFile(tmp_path / "b.ome.tif") as file:
        assert [(s.name, s.axes) for s in file.series] == [("A1", "CYX"), ("B7", "CYX")]
        assert (np.stack([s.asarray() for s in file.series]) == planes).all()


def test_positions_of_different_sizes_are_asked_for(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif") as file:
        for n in (5, 6):
            file.write(noise(n, 8), metadata={"axes": "YX", "Name": f"P{n}"})
    with open_image(tmp_path / "a.ome.tif") as source:
        with pytest.raises(InputError, match=r"its 2 images differ: P5 .*`position=NAME`"):
            positions_of(source)
        assert positions_of(source, "P6").info.height == 6


def test_a_slide_is_its_image_not_its_label(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.svs") as file:
        told = {"metadata": None, "photometric": "rgb"}
        head = "Aperio Image Library v12\n{}x{} |AppMag = 20|MPP = 0.5"
        sizes = [((64, 64), "", True), ((16, 16), "", False), ((20, 24), "label ", False)]
        for (height, width), word, tiled in sizes:
            text = head.format(width, height).replace("\n", f"\n{word}")
            file.write(
                noise(height, width, 3).astype(np.uint8), description=text,
                tile=(16, 16) if tiled else None, **told,
            )  # fmt: skip
    with open_image(tmp_path / "a.svs") as source:
        found = positions_of(source)
        assert found.info.height == 64 and "Thumbnail, Label left out" in found.notes[0]
        assert positions_of(source, "label").info.height == 20


@pytest.mark.parametrize("tiled", [False, True])
@pytest.mark.parametrize(
    ("axes", "stack"), [("YXC", ""), ("YXT", "T"), ("YXZ", "Z"), ("TZYXC", "TZ")]
)
def test_axes_behind_x_are_samples_of_a_page(tmp_path, axes, stack, tiled):
    shape = (*([1] * (len(axes) - 3)), 16, 32, 2)
    data = noise(*shape)
    more = {"tile": (16, 16), "compression": "deflate"} if tiled else {}
    tifffile.imwrite(tmp_path / "a.tif", data, metadata={"axes": axes}, planarconfig="contig",
                     photometric="minisblack", extrasamples=["unspecified"], **more)  # fmt: skip
    with open_image(tmp_path / "a.tif") as source:
        planes = list(source.planes())
        assert source.info.stack_axes == stack
        assert (np.squeeze(np.concatenate(planes, axis=2)) == np.squeeze(data)).all()


def test_a_tag_that_points_behind_the_end_is_left_out(tmp_path):
    data = noise(5, 6)
    write(tmp_path / "a.tif", data, "", extratags=[(65000, 4, 2, (1, 2), True)])
    raw = bytearray((tmp_path / "a.tif").read_bytes())
    at = raw.index(struct.pack("<HH", 65000, 4))
    struct.pack_into("<I", raw, at + 8, 9_000_000)
    (tmp_path / "a.tif").write_bytes(raw)
    found, source = read(tmp_path / "a.tif")
    assert (found[0] == data).all()
    assert list(source.notes) == ["tag 65000 cannot be read and is left out"]


@pytest.mark.parametrize(("code", "what"), [(34675, "colour profile"), (700, "XMP")])
def test_a_block_of_a_wrong_type_is_left_out_and_told(tmp_path, code, what):
    data = noise(5, 6)
    write(tmp_path / "a.tif", data, "", extratags=[(code, "d", 2, (1.5, 2.5), True)])
    found, source = read(tmp_path / "a.tif")
    assert (found[0] == data).all()
    assert list(source.notes) == [f"tag {code} ({what}) holds no bytes and is left out"]


@pytest.mark.parametrize("dtype", [np.uint32, np.int64])
def test_wide_integers_are_measured_exactly(tmp_path, dtype):
    data = np.array([[1, (1 << 24) + 1], [(1 << 31) - 1, 0]], dtype)
    tifffile.imwrite(tmp_path / "a.tif", data)
    for values in ("measured", "labels"):
        found, _ = read(tmp_path / "a.tif", values=values)
        assert (found[0].astype(np.int64) == data).all()
    with pytest.raises(InputError, match="do not fit float32"):
        read(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("typed", "axes", "shape"),
    [
        ("T3Z4", "TZYX", (3, 4)),
        ("TZ4YX", "TZYX", (3, 4)),
        ("t2z3c2yx", "TZCYX", (2, 3, 2)),
        ("Z", "ZYX", (12,)),
    ],
)
def test_pages_are_counted_as_typed(tmp_path, typed, axes, shape):
    write(tmp_path / "a.tif", noise(12, 5, 6), "")
    with open_image(tmp_path / "a.tif") as source:
        letters, info = typed_axes(source.info, "a.tif", typed)
        assert letters == axes and info.stack_shape == shape
        with pytest.raises(InputError, match=r"names 2 axes for 12 pages.*12 in all"):
            typed_axes(source.info, "a.tif", "TZ")
        with pytest.raises(InputError, match="12 in all"):
            typed_axes(source.info, "a.tif", "T5Z3")


def discs(centres, radius: int = 9) -> np.ndarray:
    y, x = np.mgrid[:128, :128]
    inside = [(y - a) ** 2 + (x - b) ** 2 < radius**2 for a, b in centres]
    return np.any(inside, axis=0).astype(float)


def merged(**channels: np.ndarray) -> np.ndarray:
    rgb = [channels.get(name, np.zeros((128, 128))) for name in ("red", "green", "blue")]
    return (np.stack(rgb, axis=2) * 200 + RNG.integers(0, 8, (128, 128, 3))).astype(np.uint8)


NUCLEI = discs([(30, 40), (80, 60), (60, 100)])
CYTOPLASM = discs([(30, 40), (80, 60), (60, 100)], 16) * 0.7


def test_merged_fluorescence_is_asked_for_its_channel():
    found = merged(blue=NUCLEI, green=CYTOPLASM)
    assert merged_channels(found) == [1, 2]
    with pytest.raises(InputError, match=r"merged into colours \(green, blue .*`channel='blue'`"):
        only_channel(found, "a.png")


@pytest.mark.parametrize(
    ("plane", "seen"),
    [
        (merged(blue=NUCLEI), (2,)),  # one channel carries all
        (merged(red=NUCLEI, green=NUCLEI, blue=NUCLEI), (0, 1, 2)),  # grey
        (255 - merged(blue=NUCLEI, green=CYTOPLASM), (0, 1, 2)),  # a stain on white
    ],
)
def test_other_pictures_in_colours_are_as_they_were(plane, seen):
    assert only_channel(plane, "a.png") == seen


GRID = np.kron(np.arange(1, 401).reshape(20, 20), np.pad(np.ones((5, 5), int), 2))


def test_labels_that_lost_their_numbers_are_named():
    assert not doubt(GRID, "uint16")
    assert "conversion to 8 bit" in doubt(np.minimum(GRID, 255), "uint8")
    broken = GRID + (GRID > 0) * RNG.integers(0, 3, GRID.shape)  # as compression changes them
    assert "only 402 numbers, as after lossy" in doubt(broken, "uint16")
    assert "one value (1) in 400" in doubt((GRID > 0).astype(int), "uint8")
