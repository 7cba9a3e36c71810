"""OME-Zarr 0.4 and 0.5 (https://ngff.openmicroscopy.org): a folder of arrays in chunks, or a URL.

An extra: zarr-python reads and writes the arrays, ome-zarr-models the metadata.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from imgconv.errors import InputError
from imgconv.images.formats.record import Format, Reader
from imgconv.images.image import Image
from imgconv.images.limits import Limits
from imgconv.images.options import WriteOptions

from .place import holds, is_url

__all__ = ["OME_ZARR", "holds", "is_url"]

EXTRA = "pip install 'imgconv[zarr]'"


def _open(path: Any, name: str, limits: Limits) -> Reader:
    try:
        import ome_zarr_models  # noqa: F401
        import zarr  # noqa: F401
    except ImportError:
        raise InputError(f"{name}: reading OME-Zarr needs zarr: {EXTRA}") from None
    from .read import OmeZarr

    return OmeZarr(path, name, limits)


def _write(path: Any, images: Sequence[Image], options: WriteOptions) -> None:
    from .write import write

    write(path, images, options)


def _mark(path: str | os.PathLike[str], head: bytes) -> str:
    """The creator that the group names."""
    try:
        import zarr

        creator: Any = zarr.open_group(os.fspath(path), mode="r").attrs.get("_creator", {})
        return f"{creator['name']} {creator['version']}"
    except Exception:
        return ""


OME_ZARR = Format(
    "ome-zarr", (".zarr",), lambda head: False, _open, _write, depths=(8, 16, 32), colours=(),
    keeps=frozenset({"resolution"}), holds="pages", regions=True, folder=True, streams=True,
    mark=_mark,
    reads_with=("imgconv.images.formats.omezarr.read", "zarr", "ome_zarr_models", "zarr.codecs"),
    writes_with=("imgconv.images.formats.omezarr.write", "zarr", "ome_zarr_models", "zarr.codecs"),
)  # fmt: skip
