"""Files of the makers of microscopes, read by libraries that are extras; written as OME-TIFF."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import BinaryIO

from imgconv.errors import OutputError
from imgconv.images.formats.record import Format, Reader, begins
from imgconv.images.image import Image
from imgconv.images.limits import Limits
from imgconv.images.options import WriteOptions


def _is_leica(head: bytes) -> bool:
    return head[:4] == b"\x70\0\0\0" and head[8:9] == b"\x2a"


def _maker(name: str, recognises: Callable[[bytes], bool], library: str) -> Format:
    """The record of a format whose reader is the module of its name."""
    module = f"{__name__}.{name}"

    def read(file: BinaryIO, shown: str, limits: Limits) -> Reader:
        found: Reader = import_module(module).read(file, shown, limits)
        return found

    def write(file: BinaryIO, images: Sequence[Image], options: WriteOptions) -> None:
        raise OutputError(
            f"{name.upper()} is only read: write OME-TIFF, with `output='NAME.ome.tif'`"
        )

    return Format(
        name, (f".{name}",), recognises, read, write, depths=(8, 16, 32), holds="pages",
        reads_with=(module, library),
    )  # fmt: skip


CZI = _maker("czi", begins(b"ZISRAWFILE"), "pylibCZIrw.czi")
LIF = _maker("lif", _is_leica, "liffile")
ND2 = _maker("nd2", begins(b"\xda\xce\xbe\x0a"), "nd2")
READ_ONLY = (CZI, LIF, ND2)
