"""What lies beyond the edge of an image, in NumPy's names (see numpy.pad)."""

from __future__ import annotations

import numpy as np


def border_indices(size: int, window: int, border: str) -> np.ndarray:
    """Which of `size` rows or columns stands at each place of the padded axis; -1: constant.

    int64, size + window - 1 long; the output's place 0 is at window // 2. NumPy's own
    padding of the indices, so that the borders mean exactly what numpy.pad says.
    """
    return pad_indices(size, window // 2, window - 1 - window // 2, border)


def pad_indices(size: int, before: int, after: int, border: str) -> np.ndarray:
    """The same with so many places before and after the axis: before + size + after in all."""
    indices = np.arange(size, dtype=np.int64)
    if border == "constant":
        return np.pad(indices, (before, after), constant_values=-1)
    return np.pad(indices, (before, after), mode=border)  # type: ignore[call-overload]
