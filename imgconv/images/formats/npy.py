"""NumPy's .npy, in and out: (H, W) or (H, W, C) with C up to 4, and stacks of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np

from imgconv.errors import InputError, OutputError
from imgconv.images import samples
from imgconv.images.bands import bands_of, likeness_of
from imgconv.images.image import Image, frames, join_infos, one_row
from imgconv.images.info import Info
from imgconv.images.limits import Limits
from imgconv.images.notes import TRUNCATED
from imgconv.images.options import WriteOptions
from imgconv.text import Detail

from .record import Format, Reader, begins

CHANNELS = {"grey": 1, "greya": 2, "rgb": 3, "rgba": 4}


def alpha_of(channels: int, wanted: str, name: str) -> str:
    """An array's last channel is data like the others, unless the user says that it is alpha."""
    if wanted and CHANNELS[wanted] != channels:
        raise InputError(
            f"{name}: the array has {channels} channel{'s'[: channels > 1]}, {wanted} are "
            f"{CHANNELS[wanted]}"
        )
    return "straight" if wanted in ("greya", "rgba") else "none"


class Npy:
    """One array file, read plane by plane."""

    def __init__(self, file: BinaryIO, name: str, limits: Limits) -> None:
        self.file, self.name, self.limits = file, name, limits
        self.notes: list[str] = []
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0
        if version != (1, 0):
            read = np.lib.format.read_array_header_2_0
        self.shape, self.fortran, self.found = read(file)
        self.start = file.tell()
        native = self.found.newbyteorder("=")
        dtype = samples.delivered_dtype(native, name)
        if said := samples.note(self.found, limits):
            self.notes.append(said)
        stack, height, width, channels = self._read_shape()
        limits.check(name, height, width)
        self.plane = (height, width, channels)
        self.count = int(np.prod(stack, dtype=object))
        self._check_length()
        plane_axes = "YXS" if channels > 1 else "YX"
        info = Info(
            format="npy", dtype=dtype, height=height, width=width, channels=channels,
            alpha=alpha_of(channels, limits.channels, name), compression="none",
            axes="I" * len(stack) + plane_axes,
            shape=stack + self.plane[: 3 if channels > 1 else 2],
            source_dtype="" if dtype == native else str(native),
        )  # fmt: skip
        region = None if self.fortran else self._region
        self.images = [Image(info, self._planes, region, one_row)]

    def _read_shape(self) -> tuple[tuple[int, ...], int, int, int]:
        shape = self.shape
        coloured = len(shape) > 2 and 1 <= shape[-1] <= 4
        plane = shape[-3:] if coloured else (*shape[-2:], 1)
        stack = shape[: -3 if coloured else -2]
        if len(shape) < 2 or not all(stack):
            raise InputError(
                f"{self.name}: an array of shape {shape} is no image; allowed are (H, W), "
                "(H, W, C) with C up to 4, and stacks of such planes"
            )
        if len(stack) > 1:
            self.notes.append(
                Detail(f"an array of shape {shape} is read as {math.prod(stack)} planes")
            )
        height, width, channels = plane
        return stack, height, width, channels

    def _check_length(self) -> None:
        held = self.file.seek(0, 2) - self.start
        needed = self.count * int(np.prod(self.plane, dtype=object)) * self.found.itemsize
        if self.limits.check_held(self.name, "NPY", needed, held):
            self.notes.append(TRUNCATED)

    def _planes(self) -> Iterator[np.ndarray]:
        size = int(np.prod(self.plane)) * self.found.itemsize
        if self.fortran:
            self.file.seek(self.start)
            data = self.file.read(size * self.count).ljust(size * self.count, b"\0")
            whole = np.frombuffer(data, self.found).reshape(self.shape, order="F")
            for plane in whole.reshape(self.count, *self.plane):
                yield samples.convert(plane, self.name, self.limits)
            return
        for n in range(self.count):
            self.file.seek(self.start + n * size)
            data = self.file.read(size).ljust(size, b"\0")
            plane = np.frombuffer(data, self.found).reshape(self.plane)
            yield samples.convert(plane, self.name, self.limits)

    def _region(self, rows: slice, columns: slice, plane: int) -> np.ndarray:
        """Only the rows asked for are read."""
        height, width, channels = self.plane
        row = width * channels * self.found.itemsize
        self.file.seek(self.start + (plane * height + rows.start) * row)
        size = (rows.stop - rows.start) * row
        data = self.file.read(size).ljust(size, b"\0")
        part = np.frombuffer(data, self.found).reshape(-1, width, channels)
        return samples.convert(part[:, columns], self.name, self.limits)


def _open(file: BinaryIO, name: str, limits: Limits) -> Reader:
    return Npy(file, name, limits)


def _write(file: BinaryIO, images: Sequence[Image], options: WriteOptions) -> None:
    """Write planes (H, W, C) as one array: (H, W[, C]), or (N, H, W[, C]) of several."""
    info = join_infos([image.info for image in images])
    count, shape = 0, ()
    for plane, _ in frames(images):
        like = likeness_of(plane)
        like = like[..., 0] if like.shape[2] == 1 else like
        if not count:
            shape = like.shape
            stack = (info.planes,) if info.planes > 1 else ()
            header = {
                "descr": like.dtype.newbyteorder("<").str,
                "fortran_order": False,
                "shape": stack + shape,
            }
            np.lib.format.write_array_header_1_0(file, header)
        if like.shape != shape:
            raise OutputError(f"NPY holds planes of one size, found {shape} and {like.shape}")
        for band in bands_of(plane):
            file.write(band.astype(band.dtype.newbyteorder("<"), copy=False).tobytes())
        count += 1
    if count != info.planes:
        raise OutputError(f"{info.planes} planes were announced, {count} came")


NPY = Format(
    "npy", (".npy",), begins(b"\x93NUMPY"), _open, _write,
    depths=(8, 16, 32), alpha=True, colours=(), holds="stack", regions=True, streams=True,
)  # fmt: skip
