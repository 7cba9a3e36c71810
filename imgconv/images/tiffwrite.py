"""TIFF out, through tifffile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from .info import Info
from .marks import SOFTWARE
from .options import WriteOptions


def write(file: BinaryIO, planes: Iterator[np.ndarray], info: Info, options: WriteOptions) -> None:
    import tifffile

    with tifffile.TiffWriter(file) as writer:
        for plane in planes:
            data = plane[..., 0] if plane.shape[2] == 1 else plane
            extra = ["unassalpha"] if info.alpha != "none" else None
            writer.write(data, contiguous=False, metadata=None, software=SOFTWARE,
                         photometric="rgb" if plane.shape[2] >= 3 else "minisblack",
                         extrasamples=extra)  # fmt: skip
