"""Arrays that callers may hand over: compiled loops would write wherever they point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imgconv.errors import UsageError

if TYPE_CHECKING:
    import numpy.typing as npt  # it unwraps its own texts when it is imported


def result_array(
    shape: tuple[int, ...], dtype: npt.DTypeLike, out: np.ndarray | None
) -> np.ndarray:
    """`out`, if it is a whole array of this shape and type that can be written; a new one without.
    UsageError otherwise."""
    if out is None:
        return np.empty(shape, dtype)
    fits = out.shape == tuple(shape) and out.dtype == dtype
    if not (fits and out.flags.c_contiguous and out.flags.writeable):
        raise UsageError(
            f"out: found {out.dtype} of shape {out.shape}, needed is a writable, contiguous "
            f"array of {np.dtype(dtype)} and shape {tuple(shape)}"
        )
    return out


def border_values(fill: npt.ArrayLike | None, channels: int) -> np.ndarray | None:
    """The values of a constant border, one a channel. UsageError where they are no such numbers."""
    if fill is None:
        return None
    found = np.asarray(fill)
    if found.shape != (channels,) or found.dtype.kind not in "uifb":
        raise UsageError(
            f"fill: found {found.dtype} of shape {found.shape}, needed is a number for each of "
            f"the {channels} channels"
        )
    return found
