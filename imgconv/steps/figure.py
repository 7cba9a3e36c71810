"""Pictures that show what was done to an image: for people, not for measuring."""

from __future__ import annotations

import numpy as np

from imgconv.images import Info


def figure_info(format: str, found: Info) -> Info:
    """The Info of figures of an image: nothing of its own holds for them but the stack's axes."""
    height, width = found.height, found.width
    axes, shape = found.stack_axes + "YXS", (*found.stack_shape, height, width, 3)
    return Info(format, np.dtype(np.uint8), height, width, 3, axes=axes, shape=shape)
