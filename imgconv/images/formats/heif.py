"""HEIC and HEIF, through pillow-heif (libheif), which is an extra.

libheif turns the pixels as the file says; the orientation in EXIF is a copy that does not count
(ISO/IEC 23000-22, 7.3.10).
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, BinaryIO

import numpy as np

from imgconv.errors import InputError, OutputError
from imgconv.images.image import Image, frames
from imgconv.images.info import Info
from imgconv.images.limits import Limits
from imgconv.images.metadata.blocks import deliver, with_resolution
from imgconv.images.options import WriteOptions
from imgconv.text import Detail, Fact

from .record import Format, Reader

BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1")
INSTALL = "pip install 'imgconv[heif]' (it brings pillow-heif)"
QUALITY = 90
DEEP = 10  # bits that are written of 16
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def _recognises(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and head[8:12] in BRANDS


class Heif:
    """One file: its images, in their order, and notes about what they have beside them."""

    def __init__(self, file: BinaryIO, name: str, limits: Limits) -> None:
        self.name, self.limits = name, limits
        self.notes: list[str] = []
        self.file = _library(f"{name}: a HEIC image", InputError).open_heif(
            io.BytesIO(file.read()), convert_hdr_to_8bit=False
        )
        self.images = [
            Image(self._info(one), partial(self._planes, number))
            for number, one in enumerate(self.file)
        ]

    def _info(self, image: Any) -> Info:
        width, height = image.size
        self.limits.check(self.name, height, width)
        bits = int(image.info.get("bit_depth", 8))
        known = deliver(_block(image.info.get("exif")), image.info.get("xmp") or None)
        self._note(image.info, bits)
        channels = 1 if image.mode.startswith("I") else len(image.mode.partition(";")[0])
        return Info(
            format="heif", dtype=np.dtype(np.uint8 if bits == 8 else np.uint16), height=height,
            width=width, channels=channels, alpha="straight" if channels in (2, 4) else "none",
            source_dtype="" if bits in (8, 16) else f"uint{bits}", compression="hevc",
            exif=known.exif, icc=image.info.get("icc_profile") or None, xmp=known.xmp,
            resolution=known.resolution,
        )  # fmt: skip

    def _note(self, info: dict[str, Any], bits: int) -> None:
        if bits not in (8, 16):
            self._say(Detail(f"{bits}-bit samples scaled to 16 bit"))
        if info.get("depth_images"):
            self._say(Fact("its map of depths is left out"))
        if info.get("aux"):
            self._say(Fact("its auxiliary images (such as a gain map) are left out"))

    def _say(self, words: str) -> None:
        if words not in self.notes:
            self.notes.append(words)

    def _planes(self, number: int) -> Iterator[np.ndarray]:
        image = self.file[number]
        pixels = np.asarray(image)
        plane = pixels.reshape(*pixels.shape[:2], -1)
        bits = int(image.info.get("bit_depth", 8))
        if bits not in (8, 16):  # libheif's samples, shifted up: white is not yet full
            top = (1 << bits) - 1
            plane = plane >> (16 - bits)
            plane = ((plane.astype(np.uint32) * 65535 + top // 2) // top).astype(np.uint16)
        yield plane


def _block(block: bytes | None) -> bytes | None:
    return block.removeprefix(b"Exif\0\0") if block else None


def _library(what: str, error: type[InputError | OutputError]) -> Any:
    """pillow_heif. Raises `error` with what to install where it is not there."""
    try:
        import pillow_heif
    except ImportError:
        raise error(f"{what} needs an extra: {INSTALL}") from None
    return pillow_heif


def _open(file: BinaryIO, name: str, limits: Limits) -> Reader:
    return Heif(file, name, limits)


def _write(file: BinaryIO, images: Sequence[Image], options: WriteOptions) -> None:
    """Write planes (H, W, 1 to 4) of uint8, or of uint16 with 10 bits; never lossless."""
    heif = _library("writing a HEIC image", OutputError).HeifFile()
    for plane, info in frames(images):
        wide = plane.dtype == np.uint16
        if plane.shape[2] == 2:
            plane = plane[..., [0, 0, 0, 1]]
        mode = MODES[plane.shape[2]]
        mode = ("I;16" if mode == "L" else f"{mode};16") if wide else mode
        one = heif.add_frombytes(mode, plane.shape[1::-1], np.ascontiguousarray(plane).tobytes())
        info = with_resolution(info)
        said = {"exif": info.exif, "xmp": info.xmp, "icc_profile": info.icc}
        one.info.update({name: value for name, value in said.items() if value})
        one.info |= {"icc_profile_type": "prof"} if info.icc else {}
    whole = io.BytesIO()
    try:
        heif.save(whole, quality=options.quality or QUALITY, chroma=444)
    except RuntimeError as error:  # of the encoder: a few rows of thousands of columns
        raise OutputError(f"HEIF's encoder refuses it ({error}); write PNG or TIFF") from None
    file.write(whole.getbuffer())


def _doubts(plane: np.ndarray, info: Info, options: WriteOptions) -> list[str]:
    return (
        [f"HEIF is written with {DEEP} of 16 bits; PNG and TIFF keep all"]
        if plane.dtype == np.uint16
        else []
    )


HEIF = Format(
    "heif", (".heic", ".heif", ".hif"), _recognises, _open, _write, depths=(8, 16), alpha=True,
    keeps=frozenset({"exif", "xmp", "icc", "resolution"}), holds="pages", doubts=_doubts,
    reads_with=("pillow_heif",), writes_with=("pillow_heif",),
)  # fmt: skip
