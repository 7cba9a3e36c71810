"""What lies beyond the edge of an image, in NumPy's names (see numpy.pad)."""

from __future__ import annotations

import numpy as np


def border_indices(size: int, window: int, border: str) -> np.ndarray:
    """(size + window - 1,) int64: which of `size` rows or columns stands at each padded place.

    -1 is the constant border; the output's place 0 is at window // 2. NumPy's own padding of
    the indices, so that the borders mean exactly what numpy.pad says.
    """
    return pad_indices(size, window // 2, window - 1 - window // 2, border)


def pad_indices(size: int, before: int, after: int, border: str) -> np.ndarray:
    """(before + size + after,) int64: the same with so many places before and after the axis."""
    indices = np.arange(size, dtype=np.int64)
    if border == "constant":
        return np.pad(indices, (before, after), constant_values=-1)
    return np.pad(indices, (before, after), mode=border)  # type: ignore[call-overload]
