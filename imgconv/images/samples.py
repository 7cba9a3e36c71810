"""Odd sample types made uint8, uint16 or float32: exactly, or not at all.

| found                     | delivered | why                                                  |
|---------------------------|-----------|------------------------------------------------------|
| 1 bit                     | uint8     | 0 and 255; 0 and 1 where stored values are wanted    |
| uint8, uint16, float32    | as found  |                                                      |
| int8, int16, float16      | float32   | every value fits                                     |
| float64                   | float32   | rounded to 24 bits; said in a note                   |
| (u)int32, (u)int64        | float32   | if every value fits, or on request with `--depth 32` |
|                           | float64   | where numbers are measured or are labels             |
"""

from __future__ import annotations

from typing import Any

import numpy as np

from imgconv.errors import InputError
from imgconv.images.notes import BITS
from imgconv.text import Detail, Fact

from .limits import Limits

KEPT = (np.uint8, np.uint16, np.float32)
EXACT = 1 << 24  # up to here every integer is a float32
MEASURED = 1 << 53  # and a float64


def delivered_dtype(dtype: np.dtype[Any], name: str) -> np.dtype[Any]:
    """The dtype in which samples of `dtype` are delivered; InputError for complex and others."""
    dtype = dtype.newbyteorder("=")
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if dtype in (np.uint8, np.uint16):
        return dtype
    if dtype.kind in "iu" or (dtype.kind == "f" and dtype.itemsize <= 8):
        return np.dtype(np.float32)
    raise InputError(
        f"{name}: samples of type {dtype} cannot be processed; allowed are integers and floats "
        "of up to 64 bit (of complex numbers save the magnitude first)"
    )


def note(dtype: np.dtype[Any], limits: Limits) -> str | None:
    """What the user should hear about the conversion."""
    dtype = dtype.newbyteorder("=")
    if dtype.kind == "b":
        return None if limits.stored else BITS
    if dtype == np.float64:
        return Fact("float64 rounded to float32")
    if dtype.kind == "i" or (dtype.kind == "u" and dtype.itemsize > 2) or dtype == np.float16:
        wide = dtype.kind != "f" and dtype.itemsize > 2 and limits.values != "shown"
        return None if wide else Detail(f"{dtype} converted to float32, every value exact")
    return None


def convert(samples: np.ndarray, name: str, limits: Limits) -> np.ndarray:
    """The samples in the dtype `delivered_dtype` names."""
    dtype = samples.dtype
    if dtype.kind == "b":
        return samples.astype(np.uint8) * np.uint8(1 if limits.stored else 255)
    wide = dtype.kind in "iu" and dtype.itemsize > 2
    if wide and limits.values == "described":
        return samples
    if wide and limits.stored and samples.size:
        return _exact(samples, name)
    if wide and not limits.allow_rounding and samples.size:
        low, high = int(samples.min()), int(samples.max())
        if low < -EXACT or high > EXACT:
            raise InputError(
                f"{name}: {dtype} values from {low} to {high} do not fit float32 exactly (up to "
                f"{EXACT}); accept rounding with `depth=32`"
            )
    with np.errstate(over="ignore"):
        return samples.astype(delivered_dtype(dtype, name), copy=False)


def _exact(samples: np.ndarray, name: str) -> np.ndarray:
    """Wide integers to be measured: float64 where float32 would round."""
    low, high = int(samples.min()), int(samples.max())
    if low < -MEASURED or high > MEASURED:
        raise InputError(
            f"{name}: {samples.dtype} values from {low} to {high} do not fit float64 exactly "
            f"(up to {MEASURED})"
        )
    return samples.astype(np.float32 if low >= -EXACT and high <= EXACT else np.float64)
