"""Blurs, ranks and general stencils against the quickest of four libraries, 12-megapixel RGB.

OpenCV, libvips (in process), kornia-rs and Pillow, as far as each has the filter for the type;
`python benchmarks/blurs.py` prints every peer's time, `run.py blurs` the best one's. All use
two threads where they can (Pillow has one).
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
from collections.abc import Callable, Iterator

os.environ.setdefault("VIPS_CONCURRENCY", "2")
os.environ.setdefault("RAYON_NUM_THREADS", "2")

import cv2
import kornia_rs.imgproc as kornia
import numpy as np
import pyvips
from PIL import Image, ImageFilter
from timing import Row, seconds, show

from imgconv import threads
from imgconv.ops.catalogue import NAMED, box, gaussian
from imgconv.ops.correlation import correlate
from imgconv.ops.rank import Rank
from imgconv.ops.stencil import Stencil

SHAPE = (3000, 4000, 3)
ROUNDS = 7
FAR = 8  # times as slow as the best: such a peer is tried once
Call = Callable[[], object]
Peers = dict[str, Call]


def rows() -> list[Row]:
    """One line a filter: ours and the best peer."""
    return [row for _, row in measured()]


def measured() -> Iterator[tuple[dict[str, float], Row]]:
    """The medians of all peers in seconds, and the line against the best of them."""
    threads.use(2)
    cv2.setNumThreads(2)
    chosen = [word for word in sys.argv[1:] if word.startswith("only=")]
    wanted = chosen[0].removeprefix("only=") if chosen else ""
    for work, goal, ours, peers in cases():
        if wanted in work:
            yield compared(work, goal, ours, peers)


def compared(work: str, goal: float, ours: Call, peers: Peers) -> tuple[dict[str, float], Row]:
    """All in turn, round after round; the ratio is the median of the rounds' ratios.

    Each is timed right after a call of its own: whoever followed Pillow, which leaves the second
    CPU asleep and other memory in the caches, paid for it.
    """
    first = {name: seconds(call) for name, call in peers.items()}
    near = [name for name in peers if first[name] < FAR * min(first.values())]
    calls = {"imgconv": ours, **{name: peers[name] for name in near}}
    times = [{name: second(call) for name, call in calls.items()} for _ in range(ROUNDS)]
    medians = {name: statistics.median(t[name] for t in times) for name in calls}
    best = min(near, key=lambda name: medians[name])
    ratio = statistics.median(t["imgconv"] / t[best] for t in times)
    return medians, Row(work, best, ratio * medians[best], medians[best], goal)


def second(call: Call) -> float:
    """Seconds of the second of two calls."""
    call()
    return seconds(call)


def cases() -> Iterator[tuple[str, float, Call, Peers]]:
    """Work, goal, ours, peers by name; results go into memory in use where a peer can."""
    eight = photo()
    real = (eight / np.float32(255)).astype(np.float32)
    for pixels in (eight, real):
        other, mine = np.empty_like(pixels), np.empty_like(pixels)
        vips = pyvips.Image.new_from_array(pixels)

        def correlated(stencil, pixels=pixels, mine=mine) -> Call:
            return lambda: correlate(pixels, stencil, out=mine)

        for size in (3, 31, 101):
            yield (f"box {size}, {pixels.dtype}", 0.8, correlated(box(size, size)),
                   box_peers(pixels, other, vips, size))  # fmt: skip
        for sigma in (1, 2, 5, 20):
            yield (f"Gaussian sigma {sigma}, {pixels.dtype}", 0.8, correlated(gaussian(sigma)),
                   gaussian_peers(pixels, other, vips, sigma))  # fmt: skip
        for method, size in (("median", 3), ("median", 5), ("median", 31), ("max", 3), ("max", 31)):
            if method == "median" and size > 5 and pixels.dtype != np.uint8:
                continue

            def rank(pixels=pixels, mine=mine, method=method, size=size) -> object:
                return Rank(method, (size, size))(pixels, out=mine)

            yield (f"{method} {size}, {pixels.dtype}", 0.8, rank,
                   rank_peers(pixels, other, vips, method, size))  # fmt: skip
        rng = np.random.default_rng(0)
        five, fifteen = (Stencil(w / w.sum()) for w in (rng.random((5, 5)), rng.random((15, 15))))
        for name, stencil, goal in (("3x3 sharpen", NAMED["sharpen"].stencils()[0], 0.8),
                                    ("5x5", five, 0.7), ("15x15", fifteen, 0.6)):  # fmt: skip
            yield (f"{name}, {pixels.dtype}", goal, correlated(stencil),
                   stencil_peers(pixels, other, vips, stencil))  # fmt: skip


def photo() -> np.ndarray:
    """Smooth shapes with a camera's noise: medians by histogram depend on the content."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (30, 40, 3)).astype(np.uint8)
    smooth = cv2.resize(small, SHAPE[1::-1], interpolation=cv2.INTER_CUBIC)
    noise = rng.normal(0, 4, SHAPE).astype(np.float32)
    return (smooth + noise).clip(0, 255).astype(np.uint8)


def evaluated(image: pyvips.Image, format: str) -> Call:
    """A libvips pipeline run into memory."""
    return lambda: image.cast(format).write_to_memory()


def box_peers(pixels, other, vips, size: int) -> Peers:
    peers: Peers = {"OpenCV": lambda: cv2.blur(pixels, (size, size), dst=other)}
    mask = pyvips.Image.new_from_list([[1] * size], scale=size)
    one = vips.convsep(mask, precision="integer")
    peers["libvips"] = evaluated(one, vips.format)
    if pixels.dtype == np.uint8:
        image = Image.fromarray(pixels)
        peers["kornia-rs"] = lambda: kornia.box_blur(pixels, (size, size))
        peers["Pillow"] = lambda: image.filter(ImageFilter.BoxBlur(size // 2))
    return peers


def gaussian_peers(pixels, other, vips, sigma: float) -> Peers:
    """Each with its own cut: OpenCV and kornia-rs 3 sigma (4 for float32), libvips 0.2 of 1."""
    size = 2 * round((3 if pixels.dtype == np.uint8 else 4) * sigma) + 1
    precision = "integer" if pixels.dtype == np.uint8 else "float"
    blurred = vips.gaussblur(sigma, precision=precision, min_ampl=0.01)
    peers: Peers = {
        "OpenCV": lambda: cv2.GaussianBlur(pixels, (0, 0), sigma, dst=other),
        "libvips": evaluated(blurred, vips.format),
    }
    if pixels.dtype == np.uint8:
        image = Image.fromarray(pixels)
        peers["kornia-rs"] = lambda: kornia.gaussian_blur(pixels, (size, size), (sigma, sigma))
        peers["Pillow"] = lambda: image.filter(ImageFilter.GaussianBlur(sigma))
    return peers


def rank_peers(pixels, other, vips, method: str, size: int) -> Peers:
    eight = pixels.dtype == np.uint8
    index = size * size // 2 if method == "median" else size * size - 1
    peers: Peers = {}
    if method == "median":
        peers["OpenCV"] = lambda: cv2.medianBlur(pixels, size, dst=other)
        if eight and size <= 5:
            peers["kornia-rs"] = lambda: kornia.median_blur(pixels, size)
    else:
        element = cv2.getStructuringElement(cv2.MORPH_RECT, (size, size))
        peers["OpenCV"] = lambda: cv2.dilate(pixels, element, dst=other)
        if eight:
            peers["kornia-rs"] = lambda: kornia.dilate(pixels, "box", (size, size))
    if eight:
        peers["libvips"] = evaluated(vips.rank(size, size, index), vips.format)
        if size <= 5:
            image = Image.fromarray(pixels)
            kind = ImageFilter.MedianFilter if method == "median" else ImageFilter.MaxFilter
            peers["Pillow"] = lambda: image.filter(kind(size))
    return peers


def stencil_peers(pixels, other, vips, stencil: Stencil) -> Peers:
    weights = stencil.weights.astype(np.float32)
    mask = pyvips.Image.new_from_array(stencil.weights)
    precision = "integer" if pixels.dtype == np.uint8 else "float"
    if precision == "integer":
        whole = np.rint(stencil.weights * 4096)
        mask = pyvips.Image.new_from_list(whole.tolist(), scale=whole.sum())
    return {
        "OpenCV": lambda: cv2.filter2D(pixels, -1, weights, dst=other),
        "libvips": evaluated(vips.conv(mask, precision=precision), vips.format),
    }


def main() -> None:
    found = []
    with contextlib.suppress(KeyboardInterrupt):
        for medians, row in measured():
            times = ", ".join(f"{name} {1e3 * t:.1f}" for name, t in medians.items())
            print(f"{row.work}: {row.ratio:.2f} of {row.peer} ({times})", flush=True)
            found.append(row)
    show(found, (__doc__ or "").strip())


if __name__ == "__main__":
    main()
