"""Two image files beside each other: what differs in their pixels and in what is said of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from imgconv.batch import Done, Item
from imgconv.images import Info, WriteOptions, open_image, write_image
from imgconv.images.image import frames
from imgconv.ops.alpha import white, with_alpha
from imgconv.ops.difference import Channel, compare, picture
from imgconv.threads import check_abandoned

from .describe import describe

if TYPE_CHECKING:
    from imgconv.images import Source

PIXELS = {"format", "width", "height", "channels", "alpha", "dtype", "source_dtype", "axes",
          "shape", "planes", "compression", "jpeg", "name"}  # fmt: skip
"""Of the record of `info`, what is no metadata: the shapes are compared as shapes."""
LAYOUT = {
    "kind",
    "tile",
    "planar",
    "bigtiff",
    "extrasamples",
    "photometric",
    "byteorder",
    "predictor",
}  # of a TIFF


@dataclass(frozen=True)
class Difference:
    """What is between two images.

    Attributes
    ----------
    same : bool
        Nothing differs by more than the tolerance.
    shapes : tuple of str
        What differs in size, type, channels or number of planes, in words.
    planes : tuple of tuple of Channel
        For each plane that both have, `largest`, `mean`, `psnr` (dB), `ssim` and `share` (of the
        pixels that differ) of each channel. Numbers are those of the first image's type; of an
        integer type, one is a level.
    metadata : dict
        What is said differently of the two, by name: both values, None where one is silent.
    """

    same: bool
    shapes: tuple[str, ...]
    planes: tuple[tuple[Channel, ...], ...]
    metadata: dict[str, tuple[Any, Any]]

    @property
    def largest(self) -> float:
        """The largest difference of two values."""
        return max((one.largest for plane in self.planes for one in plane), default=0.0)

    @property
    def mean(self) -> float:
        """The mean difference of all values."""
        every = [one.mean for plane in self.planes for one in plane]
        return sum(every) / len(every) if every else 0.0

    def as_record(self) -> dict[str, Any]:
        """The difference as JSON's types, for --json."""
        planes = [
            {"plane": n, "channels": [asdict(one) for one in plane]}
            for n, plane in enumerate(self.planes, 1)
        ]
        return {
            "same": self.same, "largest": self.largest, "mean": self.mean,
            "shapes": list(self.shapes), "planes": planes,
            "metadata": {name: list(both) for name, both in self.metadata.items()},
        }  # fmt: skip


class Comparison:
    """Compares the planes of two sources as they come, and keeps the two that differ most."""

    def __init__(self, tolerance: float, metadata: bool) -> None:
        self.tolerance, self.strict = tolerance, metadata
        self.worst: tuple[float, np.ndarray, np.ndarray] | None = None

    def of(self, one: Source, two: Source) -> Difference:
        shapes: list[str] = []
        planes: list[tuple[Channel, ...]] = []
        for number, (a, b) in enumerate(_together(one, two), 1):
            check_abandoned()
            if a is None or b is None:
                shapes.append(f"planes: {one.info.planes} and {two.info.planes}")
                break
            at = f"plane {number}: " if max(one.info.planes, two.info.planes) > 1 else ""
            shapes += [at + words for words in shape_words(a, b)]
            if pair := alike(*a, *b):
                planes.append(tuple(compare(*pair)))
                self._keep(max(channel.largest for channel in planes[-1]), *pair)
        said = metadata(one, two)
        far = any(channel.largest > self.tolerance for plane in planes for channel in plane)
        same = not far and not shapes and not (self.strict and said)
        return Difference(same, tuple(shapes), tuple(planes), said)

    def _keep(self, largest: float, one: np.ndarray, two: np.ndarray) -> None:
        if self.worst is None or largest > self.worst[0]:
            self.worst = largest, one, two


def _together(
    one: Source, two: Source
) -> Iterator[tuple[tuple[np.ndarray, Info] | None, tuple[np.ndarray, Info] | None]]:
    return zip_longest(frames(one.images), frames(two.images))


def shape_words(one: tuple[np.ndarray, Info], two: tuple[np.ndarray, Info]) -> list[str]:
    """How two planes (H, W, C) differ in size, type and channels: words, or []."""
    (a, info_a), (b, info_b) = one, two
    sides = [
        ("size", f"{a.shape[1]} x {a.shape[0]}", f"{b.shape[1]} x {b.shape[0]}"),
        ("type", str(a.dtype), str(b.dtype)),
        ("channels", _channels(a, info_a), _channels(b, info_b)),
    ]
    return [f"{what}: {mine} and {theirs}" for what, mine, theirs in sides if mine != theirs]


def _channels(plane: np.ndarray, info: Info) -> str:
    return f"{plane.shape[2]}" + (" with alpha" if info.has_alpha(plane) else "")


def alike(
    one: np.ndarray, info_one: Info, two: np.ndarray, info_two: Info
) -> tuple[np.ndarray, np.ndarray] | None:
    """Two planes (H, W, C) with the same channels, where one lacks some of the other's.

    Grey becomes equal colours, and where one has no alpha it gets an opaque one. None where the
    pixels cannot be compared.
    """
    if one.shape[:2] != two.shape[:2]:
        return None
    if one.shape[2] == two.shape[2]:
        return one, two
    if info_one.has_alpha(one) != info_two.has_alpha(two):
        one, two = (_opaque(p, i) for p, i in ((one, info_one), (two, info_two)))
        alpha = 1
    else:
        alpha = int(info_one.has_alpha(one))
    counts = {one.shape[2] - alpha, two.shape[2] - alpha}
    if len(counts) == 2 and counts != {1, 3}:
        return None
    return _coloured(one, max(counts), alpha), _coloured(two, max(counts), alpha)


def _opaque(plane: np.ndarray, info: Info) -> np.ndarray:
    return plane if info.has_alpha(plane) else with_alpha(plane, white(plane.dtype))


def _coloured(plane: np.ndarray, colours: int, alpha: int) -> np.ndarray:
    if plane.shape[2] == colours + alpha:
        return plane
    return np.concatenate([plane[..., :1].repeat(colours, 2), plane[..., 1:]], axis=2)


def metadata(one: Source, two: Source) -> dict[str, tuple[Any, Any]]:
    """What is said differently of the two."""
    found: dict[str, tuple[Any, Any]] = {}
    several = max(len(one.images), len(two.images)) > 1
    for number, (mine, theirs) in enumerate(zip(one.images, two.images, strict=False), 1):
        a, b = _sayings(mine.info), _sayings(theirs.info)
        at = f"image {number}, " if several else ""
        names = (name for name in a | b if a.get(name) != b.get(name))
        found |= {at + name: (a.get(name), b.get(name)) for name in names}
    return found


def _sayings(info: Info) -> dict[str, Any]:
    """Everything that is said of an image, flat: "dpi", "exif Make", ..."""
    flat: dict[str, Any] = {}
    for name, value in describe(info).items():
        if name in PIXELS:
            continue
        if isinstance(value, dict) and name != "pixel_size":
            kept = {key: one for key, one in value.items() if (name, key) not in _LAYOUT}
            flat |= {f"{name} {key}": one for key, one in kept.items()}
        else:
            flat[name] = value
    return flat | {f"{name} (bytes)": _digest(getattr(info, name)) for name in ("icc", "xmp")
                   if getattr(info, name)}  # fmt: skip


_LAYOUT = {("tiff", name) for name in LAYOUT}


def _digest(data: bytes) -> str:
    import zlib

    return f"{len(data)} bytes, CRC {zlib.crc32(data):08x}"


@dataclass(frozen=True)
class CompareFiles:
    """The step of `diff`: item.source beside item.also[0]; a picture of where at item.target.

    `value` of what it returns: the Difference.
    """

    imports: ClassVar = ("PIL.ExifTags", "PIL.ImageCms", "skimage.metrics:structural_similarity")
    reading: Mapping[str, Any] = field(default_factory=dict)
    tolerance: float = 0.0
    metadata: bool = False
    force: bool = False

    def __call__(self, item: Item) -> Done:
        work = Comparison(self.tolerance, self.metadata)
        with ExitStack() as stack:
            one, two = (
                stack.enter_context(open_image(name, **self.reading))
                for name in (item.source, item.also[0])
            )
            found = work.of(one, two)
        written, notes = self._draw(item.target, work)
        return Done(written, tuple(notes), found.as_record(), found)

    def _draw(self, target: str, work: Comparison) -> tuple[tuple[str, ...], Sequence[str]]:
        if not target:
            return (), ()
        if work.worst is None:
            return (), ("no picture: there are no pixels that can be compared",)
        drawn = picture(*work.worst[1:], self.tolerance)
        info = Info("png", drawn.dtype, *drawn.shape)
        notes = write_image(target, [drawn], info, WriteOptions(), force=self.force)
        return (target,), notes
