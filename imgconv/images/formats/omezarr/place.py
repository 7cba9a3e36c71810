"""Where an OME-Zarr is: a folder or a URL."""

from __future__ import annotations

import os

MARKS = ("zarr.json", ".zattrs", ".zgroup")  # of a Zarr group, versions 3 and 2


def is_url(name: str) -> bool:
    return "://" in name


def holds(name: str) -> bool:
    """Whether the name is that of a Zarr group: a folder with its marks, or a URL."""
    if is_url(name):
        return name.rstrip("/").lower().endswith(".zarr")
    return os.path.isdir(name) and any(os.path.isfile(os.path.join(name, one)) for one in MARKS)  # noqa: PTH112, PTH113, PTH118
