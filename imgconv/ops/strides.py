"""Where windows lie on an image, in PyTorch's arithmetic; what does not fit says so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imgconv.errors import InputError, UsageError

Pair = tuple[int, int]  # along rows (height), along columns (width)


@dataclass(frozen=True)
class Windows:
    """Windows of a size, `stride` apart, over an image with `padding` on each side.

    Without `ceil` only windows that lie wholly in the padded image count; with it also those
    that begin in the image or the padding before it. UsageError where numbers contradict.
    """

    size: Pair
    stride: Pair
    padding: Pair = (0, 0)
    ceil: bool = False

    def __post_init__(self) -> None:
        for name, pair, least in (
            ("size", self.size, 1), ("stride", self.stride, 1), ("padding", self.padding, 0),
        ):  # fmt: skip
            if min(pair) < least:
                raise UsageError(f"`{name}={pair}`: must be {least} or more")
        if any(2 * p > k for p, k in zip(self.padding, self.size, strict=True)):
            most = format_pair((self.size[0] // 2, self.size[1] // 2))
            raise UsageError(
                f"`padding={self.padding}` is more than half of the window, "
                f"{format_pair(self.size)}: at most {most}, or some windows would be empty"
            )

    def over(self, height: int, width: int) -> Pair:
        """How many windows fit, down and across. InputError if none does."""
        rows, columns = (self._count(length, a) for a, length in enumerate((height, width)))
        if min(rows, columns) < 1:
            around = (height + 2 * self.padding[0], width + 2 * self.padding[1])
            padded = f", padded to {format_pair(around)}" if any(self.padding) else ""
            raise InputError(
                f"a window of {format_pair(self.size)} is larger than the image of "
                f"{format_pair((height, width))} (height x width){padded}: use a smaller `size`"
            )
        return rows, columns

    def _count(self, length: int, axis: int) -> int:
        size, stride, padding = self.size[axis], self.stride[axis], self.padding[axis]
        room = length + 2 * padding - size
        count = (-(-room // stride) if self.ceil else room // stride) + 1
        if self.ceil and (count - 1) * stride >= length + padding:
            count -= 1  # the last window would begin in the padding behind the image
        return count

    def spans(self, length: int, axis: int) -> tuple[np.ndarray, np.ndarray]:
        """Along one axis: (n, 2) int64, where each window begins in the image and how many
        places it has there; (n,) float64, how many it has in the padded image.
        """
        size, padding = self.size[axis], self.padding[axis]
        begin = np.arange(self._count(length, axis)) * self.stride[axis] - padding
        inside = np.clip(begin, 0, None), np.clip(begin + size, None, length)
        padded = np.clip(begin + size, None, length + padding) - begin
        spans = np.stack([inside[0], inside[1] - inside[0]], axis=1)
        return np.ascontiguousarray(spans, np.int64), padded.astype(np.float64)


def format_pair(pair: Pair) -> str:
    """2 or 2x3."""
    return f"{pair[0]}x{pair[1]}"
