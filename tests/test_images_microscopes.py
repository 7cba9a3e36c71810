"""Files of the makers of microscopes: written by their own library or by hand."""

from __future__ import annotations

import struct
import sys
from typing import Any

import numpy as np
import pytest
import tifffile

from imgconv import cli
from imgconv.errors import InputError
from imgconv.images import WriteOptions, open_image, write_images
from imgconv.images.notes import TRUNCATED
from imgconv.images.pixelsize import depth_and_interval, pixel_size
from imgconv.tasks.fields_of_view import stack_of
from imgconv.tasks.positions import positions_of

RNG = np.random.default_rng(8)


@pytest.fixture
def czi(tmp_path):
    """Two scenes of T 1, C 2, Z 3; and what is in them."""
    library = pytest.importorskip("pylibCZIrw.czi")
    data = RNG.integers(0, 65535, (2, 2, 3, 12, 16, 1), np.uint16)
    path = tmp_path / "a.czi"
    with library.create_czi(str(path)) as file:
        for scene in range(2):
            for c in range(2):
                for z in range(3):
                    place = {"C": c, "Z": z, "T": 0}
                    file.write(
                        data[scene, c, z], plane=place, scene=scene, location=(100 * scene, 0)
                    )
        file.write_metadata(
            document_name="a", channel_names={0: "DAPI", 1: "GFP"},
            scale_x=0.25e-6, scale_y=0.25e-6, scale_z=1e-6,
        )  # fmt: skip
    return path, data


def test_a_czi_has_scenes_channels_and_lengths(czi, tmp_path):
    path, data = czi
    with open_image(path) as source:
        assert [image.info.name for image in source.images] == ["scene 1", "scene 2"]
        info = source.images[0].info
        assert (info.format, info.axes, info.shape) == ("czi", "CZYX", (2, 3, 12, 16))
        assert pixel_size(info) == (0.25, 0.25) and depth_and_interval(info)["spacing"] == 1
        found = np.stack(list(source.planes())).reshape(data.shape)
        assert (found == data).all()
        together = positions_of(source)
        assert stack_of(together.info, "a", channel="GFP", positions=together.names).seen == (1,)
        write_images(tmp_path / "a.ome.tif", source.images, WriteOptions())
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        assert [(s.name, s.axes) for s in file.series] == [("scene 1", "CZYX"), ("scene 2", "CZYX")]
        assert (np.stack([s.asarray() for s in file.series]) == data[..., 0]).all()


def test_the_colours_of_a_czi_are_red_green_blue(tmp_path):
    library = pytest.importorskip("pylibCZIrw.czi")
    rgb = RNG.integers(0, 255, (10, 12, 3), np.uint8)
    with library.create_czi(str(tmp_path / "a.czi")) as file:
        file.write(np.ascontiguousarray(rgb[..., ::-1]), plane={"C": 0})
    with open_image(tmp_path / "a.czi") as source:
        assert source.info.axes == "YXS" and (next(source.planes()) == rgb).all()


def leica(images: dict[str, np.ndarray]) -> bytes:
    """A LIF file of images (Z, C, H, W) uint16, 0.5 µm wide and 2 µm deep."""
    elements, blocks = "", b""
    for n, (name, data) in enumerate(images.items()):
        z, c, height, width = data.shape
        sizes = [
            (1, width, 2, 0.5e-6),
            (2, height, 2 * width, 0.5e-6),
            (3, z, 2 * width * height * c, 2e-6),
        ]
        dims = "".join(
            f'<DimensionDescription DimID="{axis}" NumberOfElements="{count}" Origin="0" '
            f'Length="{(count - 1) * step}" Unit="m" BitInc="0" BytesInc="{jump}"/>'
            for axis, count, jump, step in sizes
        )
        channels = "".join(
            '<ChannelDescription DataType="0" ChannelTag="0" Resolution="16" Min="0" Max="1" '
            'NameOfMeasuredQuantity="" Unit="" LUTName="Gray" IsLUTInverted="0" '
            f'BytesInc="{2 * width * height * k}" BitInc="0"/>'
            for k in range(c)
        )
        elements += (
            f'<Element Name="{name}" UniqueID="u{n}"><Data><Image TextDescription="">'
            "<ImageDescription>"
            f"<Channels>{channels}</Channels><Dimensions>{dims}</Dimensions></ImageDescription></Image>"
            f'</Data><Memory Size="{data.nbytes}" MemoryBlockID="MemBlock_{n}"/></Element>'
        )
        told = f"MemBlock_{n}".encode("utf-16-le")
        blocks += struct.pack("<IIBQBI", 0x70, 0, 0x2A, data.nbytes, 0x2A, len(told) // 2) + told
        blocks += data.tobytes()
    text = (
        '<LMSDataContainerHeader Version="2"><Element Name="p" UniqueID="p"><Data/>'
        f'<Memory Size="0" MemoryBlockID=""/><Children>{elements}</Children></Element>'
        "</LMSDataContainerHeader>"
    ).encode("utf-16-le")
    return struct.pack("<IIBI", 0x70, len(text) + 5, 0x2A, len(text) // 2) + text + blocks


def test_a_lif_has_images_by_name(tmp_path):
    pytest.importorskip("liffile")
    first, second = (RNG.integers(0, 999, (3, 2, h, 10), np.uint16) for h in (8, 9))
    (tmp_path / "a.lif").write_bytes(leica({"well A1": first, "well B2": second}))
    with open_image(tmp_path / "a.lif") as source:
        assert [image.info.name for image in source.images] == ["well A1", "well B2"]
        info = source.images[0].info
        assert (info.axes, info.shape) == ("CZYX", (2, 3, 8, 10))
        assert pixel_size(info) == (0.5, 0.5) and depth_and_interval(info)["spacing"] == 2
        one = np.stack(list(source.images[0].planes()))[..., 0]
        assert (one.reshape(2, 3, 8, 10) == first.transpose(1, 0, 2, 3)).all()
        with pytest.raises(InputError, match="its 2 images differ: well A1"):
            positions_of(source)
        assert positions_of(source, "well b2").info.height == 9


def nikon(data: np.ndarray, times: int | None = None, lacking: int | None = None) -> bytes:
    """An ND2 with frames (T, P, Z, C, H, W) of 16 bit; `times`: another T that it tells of,
    `lacking`: the number of a frame that it lacks."""
    T, P, Z, C, H, W = data.shape
    frames = data.transpose(0, 1, 2, 4, 5, 3).reshape(-1, H, W, C)
    spectrum = {"uiCount": 0}
    probe = {"m_ExcitationSpectrum": spectrum, "m_EmissionSpectrum": spectrum}
    channel = {"uiCompCount": 1, "pFluorescentProbe": probe}
    channels = {f"a{n}": {"sDescription": "ab"[n], **channel} for n in range(C)}
    z = {"eType": 4, "uLoopPars": {"uiCount": Z, "dZStep": 1.5}}
    points = {f"p{n}": {"dPosX": 0.0, "dPosY": 0.0} for n in range(P)}
    p = {"eType": 2, "uLoopPars": {"uiCount": P, "Points": points}, "ppNextLevelEx": {"e": z}}
    lasts = {"uiCount": times or T, "dStart": 0.0, "dPeriod": 1.0, "dDuration": 9.0}
    t = {"eType": 1, "uLoopPars": lasts, "ppNextLevelEx": {"e": p}}
    known = {
        "uiWidth": W, "uiHeight": H, "uiWidthBytes": 2 * W * C, "uiComp": C, "uiBpcInMemory": 16,
        "uiBpcSignificant": 16, "uiSequenceCount": len(frames), "eCompression": 2,
    }  # fmt: skip
    seen = {"bCalibrated": 1, "dCalibration": 0.2}
    seen |= {"sPicturePlanes": {"uiCount": C, "sPlaneNew": channels}}
    parts = {
        b"ImageAttributesLV!": _variant({"SLxImageAttributes": known}),
        b"ImageMetadataSeqLV|0!": _variant({"SLxPictureMetadata": seen}),
        b"ImageMetadataLV!": _variant({"SLxExperiment": t}),
    }
    for n, frame in enumerate(frames):
        if n != lacking:
            name = b"ImageDataSeq|%d!" % n
            parts[name] = bytes(8) + frame.tobytes()
    file, places = _chunk(b"ND2 FILE SIGNATURE CHUNK NAME01!", b"Ver3.0".ljust(64, b"\0")), b""
    for name, content in parts.items():
        places += name + struct.pack("<QQ", len(file), len(content))
        file += _chunk(name.ljust(4072, b"\0"), content)
    places += b"ND2 CHUNK MAP SIGNATURE 0000001!" + struct.pack("<Q", len(file))
    return file + _chunk(b"ND2 FILEMAP SIGNATURE NAME 0001!", places)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack("<IIQ", 0x0ABECEDA, len(name), len(content)) + name + content


def _variant(values: dict[str, Any]) -> bytes:
    """A record as the makers of ND2 write it in XML."""

    def element(name: str, value: Any) -> str:
        if isinstance(value, dict):
            inner = "".join(element(*pair) for pair in value.items())
            return f"<{name} runtype='CLxListVariant'>{inner}</{name}>"
        kind = {int: "lx_uint32", float: "double", str: "CLxStringW"}[type(value)]
        return f"<{name} runtype='{kind}' value='{value}'/>"

    inner = "".join(element(*pair) for pair in values.items())
    return f"<variant version='1.0'>{inner}</variant>".encode()


def test_an_nd2_has_positions(tmp_path):
    pytest.importorskip("nd2")
    data = RNG.integers(0, 999, (2, 3, 4, 2, 5, 6), np.uint16)
    (tmp_path / "a.nd2").write_bytes(nikon(data))
    with open_image(tmp_path / "a.nd2") as source:
        assert [image.info.axes for image in source.images] == ["TCZYX"] * 3
        for n, image in enumerate(source.images):
            found = np.stack(list(image.planes())).reshape(2, 2, 4, 5, 6)
            assert (found == data[:, n].transpose(0, 2, 1, 3, 4)).all()
        assert pixel_size(source.info) == (0.2, 0.2)


def test_an_nd2_that_lacks_a_frame_is_refused_or_said_to_lack_it(tmp_path):
    pytest.importorskip("nd2")
    data = RNG.integers(1, 999, (3, 1, 1, 1, 5, 6), np.uint16)
    (tmp_path / "a.nd2").write_bytes(nikon(data, lacking=1))
    with pytest.raises(InputError, match="truncated ND2"):
        open_image(tmp_path / "a.nd2")
    with open_image(tmp_path / "a.nd2", allow_truncated=True) as source:
        assert source.notes == [TRUNCATED]
        found = np.stack(list(source.planes()))[..., 0]
    data[1] = 0
    assert (found == data.reshape(3, 5, 6)).all()


def test_an_nd2_of_more_planes_than_bytes_is_refused_at_once(tmp_path):
    pytest.importorskip("nd2")
    data = RNG.integers(1, 999, (1, 1, 1, 1, 5, 6), np.uint16)
    (tmp_path / "a.nd2").write_bytes(nikon(data, times=4_000_000_000))
    with pytest.raises(InputError, match="tells of 4,000,000,000 planes"):
        open_image(tmp_path / "a.nd2", allow_truncated=True)


@pytest.mark.parametrize(
    ("kind", "library", "head"),
    [
        ("CZI", "pylibCZIrw", b"ZISRAWFILE"),
        ("LIF", "liffile", b"\x70\0\0\0\1\0\0\0\x2a"),
        ("ND2", "nd2", b"\xda\xce\xbe\x0a"),
    ],
)
def test_without_the_extra_the_line_says_what_to_install(
    tmp_path, monkeypatch, kind, library, head
):
    monkeypatch.setitem(sys.modules, library, None)
    (tmp_path / "a.x").write_bytes(head + b"\0" * 40)
    with pytest.raises(
        InputError, match=rf"reading {kind} needs {library}: pip install 'imgconv\[mic"
    ):
        open_image(tmp_path / "a.x")


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("a.oir", b"OLYMPUSRAWFORMAT"),
        ("a.oib", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        ("a.vsi", b"II*\0"),
    ],
)
def test_others_are_named_with_the_way_through_bio_formats(tmp_path, name, head):
    (tmp_path / name).write_bytes(head + b"\0" * 40)
    with pytest.raises(InputError, match=r"save it as OME-TIFF first, with Fiji .* or bfconvert"):
        open_image(tmp_path / name)


def test_what_is_only_read_is_not_written(czi, capfd, monkeypatch):
    path, _ = czi
    monkeypatch.chdir(path.parent)
    assert cli.main(["filter", "-k", "identity", "a.czi"]) == 1
    assert "CZI is only read: write OME-TIFF, with -o NAME.ome.tif" in capfd.readouterr().err
    assert not (path.parent / "a-filter.czi").exists()


def test_damaged_files_are_one_line(tmp_path):
    for name, head in (
        ("a.czi", b"ZISRAWFILE"),
        ("a.lif", b"\x70\0\0\0\1\0\0\0\x2a"),
        ("a.nd2", b"\xda\xce\xbe\x0a"),
    ):
        (tmp_path / name).write_bytes(head + bytes(range(200)))
        with pytest.raises(InputError, match=name) as caught:
            open_image(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_a_czi_that_tells_of_more_planes_than_it_can_hold_is_refused(czi, tmp_path):
    last = b"Z\0\0\0" + struct.pack("<i", 2)  # the axis, and which plane of it a part is
    data = czi[0].read_bytes().replace(last, last[:4] + struct.pack("<i", 700_000_000))
    (tmp_path / "b.czi").write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        open_image(tmp_path / "b.czi")
