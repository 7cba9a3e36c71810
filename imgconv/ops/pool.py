"""`pool`: every window of an image becomes one pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imgconv import kernels, threads
from imgconv.errors import UsageError

from .alpha import KNOWN, by_rows, fit, is_opaque, white, with_alpha, without_alpha
from .strides import Pair, Windows

METHODS = ("max", "average", "l2", "min", "median")
WORDS = {np.dtype(np.uint8): "u8", np.dtype(np.uint16): "u16", np.dtype(np.float32): "f32"}
WORK = {"u8": np.int32, "u16": np.float64, "f32": np.float64}  # of sums, see kernels/pool.py
EXACT = 2**15  # pixels of a window of uint8 whose sums are exact in 32 bits
STRIP = 2048  # numbers of a line: three of them stay in the first-level cache


@dataclass(frozen=True)
class Pool:
    """Pooling as a pure function of pixels (H, W, C) and what their last channel is.

    The result has the same dtype and as many rows and columns as windows. size None: the
    whole image is one window. l2 is the root mean square; with `norm` the root of the sum of
    squares (cut off at white in integers), which in PyTorch's manner is sqrt(K*L) times the
    former, also for windows that `ceil` lets hang over the edge. Integer results are rounded
    half to even. Padding never wins a max, min or median; in an average and in l2 it counts
    as zeros. NaN in a window makes its result NaN.

    Straight alpha is coverage. average and l2 weight colours by it and average it. max, min
    and median take it like any channel, and leave the colour of fully transparent pixels out.
    """

    method: str = "max"
    size: Pair | None = (2, 2)
    stride: Pair | None = None  # default: the size
    padding: Pair = (0, 0)
    ceil: bool = False
    norm: bool = False

    def __post_init__(self) -> None:
        if self.norm and self.method != "l2":
            raise UsageError(f"`norm=True` is for `method='l2'`, not {self.method}")
        if self.size is not None:
            self.windows(1, 1)
        elif self.stride or any(self.padding) or self.ceil:
            raise UsageError("`everything` takes the whole image: no `stride`, `padding` or `ceil`")

    def windows(self, height: int, width: int) -> Windows:
        """Where the windows lie on an image of this height and width."""
        size = self.size or (height, width)
        return Windows(size, self.stride or size, self.padding, self.ceil)

    def factors(self, height: int, width: int) -> tuple[float, float]:
        """Rows and columns of the result per row and column of the image, by their spacing."""
        stride = self.windows(height, width).stride
        return 1 / stride[0], 1 / stride[1]

    def __call__(self, pixels: np.ndarray, alpha: str = "none") -> np.ndarray:
        if alpha not in ("straight", *KNOWN):
            return self._channels(pixels)
        if is_opaque(pixels, alpha):
            return with_alpha(self._channels(without_alpha(pixels)), white(pixels.dtype))
        if self.method in ("average", "l2"):
            return self._coverage(pixels)
        return self._visible(pixels)

    def looks_at(self, alpha: str) -> bool:
        """Whether it matters if alpha covers everything."""
        return alpha == "straight"

    def _channels(self, pixels: np.ndarray, leave_out: bool = False) -> np.ndarray:
        windows = self.windows(*pixels.shape[:2])
        if self.method == "median":
            return median(pixels, windows, leave_out)
        return pool_windows(pixels, self.method, windows, self.norm)

    def _coverage(self, pixels: np.ndarray) -> np.ndarray:
        """Means of colour, or of its squares, weighted by alpha; beyond lies opaque black.

        Where nothing is covered, the colour is that of the hidden pixels.
        """
        depth, top = pixels.shape[2], np.float32(white(pixels.dtype))
        square = self.method == "l2"
        windows = self.windows(*pixels.shape[:2])

        def weighted(p: np.ndarray) -> np.ndarray:
            cover = p[..., -1:] / top
            return p[..., :-1] * (np.sqrt(cover) if square else cover)

        sums = self._channels(by_rows(weighted, pixels, channels=depth - 1))
        bare = by_rows(lambda p: 1 - p[..., -1:] / top, pixels, channels=1)
        cover = 1 - pool_windows(bare, "average", windows)
        with np.errstate(divide="ignore", invalid="ignore"):
            colour = fit(sums / (np.sqrt(cover) if square else cover), pixels.dtype)
        hidden = cover[..., 0] <= 0
        colour[hidden] = self._channels(without_alpha(pixels))[hidden]
        return with_alpha(colour, fit(cover * top, pixels.dtype))

    def _visible(self, pixels: np.ndarray) -> np.ndarray:
        """Without the colour of transparent pixels, where a window has others."""
        plain = self._channels(pixels)
        hidden = pixels[..., -1] == 0
        if not hidden.any():
            return plain
        colour = without_alpha(pixels)
        if self.method == "median":
            colour = colour.astype(np.float32)
        colour[hidden] = self._leave_out(pixels.dtype)
        found = self._channels(colour, leave_out=True)
        windows = self.windows(*pixels.shape[:2])
        seen = pool_windows((~hidden).astype(np.uint8)[..., None], "max", windows)[..., 0] > 0
        plain[seen, :-1] = fit(found[seen], pixels.dtype)
        return plain

    def _leave_out(self, dtype: np.dtype) -> float:
        """A colour that does not count."""
        if self.method == "median":
            return np.nan
        if dtype.kind == "f":
            return -np.inf if self.method == "max" else np.inf
        return 0 if self.method == "max" else white(dtype)


def pool_windows(
    pixels: np.ndarray, method: str, windows: Windows, norm: bool = False
) -> np.ndarray:
    """(H', W', C) of pixels (H, W, C) by max, min, average or l2."""
    size = windows.size
    if method in ("average", "l2") and pixels.dtype == np.uint8 and size[0] * size[1] >= EXACT:
        wide = pool_windows(pixels.astype(np.uint16), method, windows, norm)
        return np.minimum(wide, 255).astype(np.uint8)
    height, width, depth = pixels.shape
    word, name = WORDS[pixels.dtype], "mean" if method == "average" else method
    rows, talls = windows.spans(height, 0)
    _, widths = windows.spans(width, 1)
    out = np.empty((*windows.over(height, width), depth), pixels.dtype)
    stride = windows.stride[1]
    strip = max(1, min(out.shape[1], (STRIP // depth - size[1]) // stride + 1))
    line = ((strip - 1) * stride + size[1] + 4) * depth
    work = pixels.dtype if method in ("max", "min") else WORK[word]
    reals = np.array([size[0] * size[1] if norm else 1, white(pixels.dtype)])
    widths = np.repeat(widths, depth)

    def band(begin: int, end: int) -> None:
        sizes = [width, depth, size[1], stride, windows.padding[1], out.shape[1],
                 begin, end, strip]  # fmt: skip
        scratch = (np.empty(line, work) for _ in range(3))
        kernels.pools[name, word](pixels, out[begin:end], np.array(sizes, np.int64), rows, talls,
                                  widths, reals, *scratch)  # fmt: skip

    threads.run(band, out.shape[0], smallest=4)
    return out


def median(pixels: np.ndarray, windows: Windows, leave_out: bool = False) -> np.ndarray:
    """(H', W', C) of pixels (H, W, C): the median of each window; leave_out: NaN do not count."""
    height, width, depth = pixels.shape
    rows, _ = windows.spans(height, 0)
    out = np.empty((*windows.over(height, width), depth), pixels.dtype)
    size, stride = windows.size, windows.stride

    def band(begin: int, end: int) -> None:
        sizes = [width, depth, size[1], stride[1], windows.padding[1], out.shape[1],
                 begin, end, int(leave_out)]  # fmt: skip
        kernels.pools["median", WORDS[pixels.dtype]](
            pixels, out[begin:end], np.array(sizes, np.int64), rows,
            np.empty(size[0] * size[1], pixels.dtype),
        )  # fmt: skip

    threads.run(band, out.shape[0], smallest=4)
    return out
