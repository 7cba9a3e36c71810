"""Planes cleaned, or pictures of what that did, with facts collected."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from imgconv.batch import Item
from imgconv.errors import UsageError
from imgconv.images import Image, Info, Source, of_suffix
from imgconv.images.fit import INTEGERS
from imgconv.ops.alpha import white
from imgconv.ops.sheet import IMPORTS
from imgconv.tasks.denoise import Cleaner, Cleaning, network
from imgconv.tasks.denoise.camera import find_camera
from imgconv.tasks.denoise.card import KINDS
from imgconv.tasks.denoise.pictures import comparison, draw_removed, quality, words
from imgconv.tasks.load import load
from imgconv.text import Fact

from .figure import figure_info
from .operation import Banded, Operation, Result
from .planes import EachPlane
from .reference import Reference, like

PART = 1024  # rows and columns of a large plane in which the camera is looked for

if TYPE_CHECKING:
    from imgconv.tasks.denoise.sketches import Sketches
    from imgconv.tasks.large_plane import LargePlane

PLANES = 16  # of a stack that a report shows, at most
Show = Literal["image", "removed", "compare"]


class Cleaned(NamedTuple):
    """What a report shows of a plane."""

    facts: Mapping[str, Any]
    pictures: Sketches


@dataclass(frozen=True, eq=False)
class CleanPlane(Operation):
    """The cleaning as an operation; `show` says what becomes of a plane: itself without its noise,
    or a picture of what was done."""

    work: Cleaning
    show: Show = "image"
    unasked: bool = False  # the model for photographs, since none was named

    @property
    def imports(self) -> tuple[str, ...]:
        """What it imports when it works."""
        return IMPORTS if self.show == "compare" else ()

    def __call__(
        self, plane: np.ndarray, info: Info, truth: np.ndarray | None = None, sketched: int = 0
    ) -> Result:
        """plane: (H, W, C). truth: the same colours without noise and alpha, to compare with.
        sketched: bytes that small pictures of it may take, its value; 0 for none."""
        top = full_scale(info)
        found = self.work(plane, info.alpha, top)
        before, after = (colours(pixels, info) for pixels in (plane, found.pixels))
        facts = dict(found.facts)
        if truth is not None:
            facts["before"] = quality(before, truth, top)
            facts["after"] = quality(after, truth, top)
        value = _for_report(facts, before, after, top, sketched) if sketched else None
        if self.show == "image":
            return Result(found.pixels, (), facts | self._doubt(plane, info), value)
        if self.show == "removed":
            picture, gain = draw_removed(found.removed, top)
        else:
            labels = [f"{k}  {words(facts[k])}" if k in facts else k for k in ("before", "after")]
            picture, gain = comparison(before, after, found.removed, labels, top)
        return Result(picture, facts=facts | {"shown_times": round(gain, 3)}, value=value)

    def by_bands(self, info: Info) -> Banded | None:
        from imgconv.tasks.denoise.large import LargeCleaning, can_clean

        shape = info.height, info.width, info.channels
        if self.show != "image" or not can_clean(shape):
            return None

        def bands(plane: LargePlane, tell: Callable[[Result], None]) -> Iterator[np.ndarray]:
            def say(facts: Mapping[str, Any]) -> None:
                part = plane.read(*(slice(0, min(n, PART)) for n in plane.shape[:2]))
                facts = {**facts, **self._doubt(part, info)}
                tell(Result(np.empty((0, 0, 0), np.uint8), (), facts))

            return LargeCleaning(self.work, plane, info.alpha, say).bands(full_scale(info))

        return Banded(shape, info.dtype, bands)

    def _doubt(self, plane: np.ndarray, info: Info) -> dict[str, float]:
        """The read noise that the model for micrographs finds, where the plane may be of one."""
        if not self.unasked or info.dtype != np.uint16 or info.channels > 1:
            return {}
        return {"micro_dark_noise": float(f"{find_camera(plane[..., 0]).dark_noise:.6g}")}

    def describe(self, info: Info) -> Info:
        """Pictures of a TIFF, which may have many pages, are a TIFF."""
        if self.show == "image":
            return info
        return figure_info("tiff" if info.format == "tiff" else "png", info)

    def size(self, info: Info) -> tuple[int, int] | None:
        return super().size(info) if self.show == "image" else None

    def suffix(self, found: str) -> str:
        if self.show == "image":
            return found
        known = of_suffix(found)
        return ".tif" if known and known.name == "tiff" else ".png"

    def summary(self, facts: Sequence[Mapping[str, Any]]) -> tuple[list[str], dict[str, Any]]:
        """The record is that of a plane, or a list of those of all planes."""
        one = len(facts) == 1
        return write_notes(facts), dict(facts[0]) if one else {"planes": [dict(f) for f in facts]}


@dataclass(frozen=True, eq=False)
class Denoise(EachPlane):
    """The step of `denoise`: each plane cleaned, and compared with its reference.

    sketched: bytes of the small pictures of a plane, for a report: `value` of what it returns is
    then a list of Cleaned, of `PLANES` planes of a file at most.
    """

    operation: CleanPlane
    reference: Reference | None = None
    sketched: int = 0

    @property
    def imports(self) -> tuple[str, ...]:
        """What it imports when it works."""
        measures = ("skimage.metrics:structural_similarity",) if self.reference else ()
        sketches = ("imgconv.tasks.denoise.sketches",) if self.sketched else ()
        return (*measures, *sketches, *super().imports)

    def streams(self, item: Item, source: Source, told: list[Result]) -> list[Image]:
        """None where planes are compared with others, or shown in a report: they are read whole."""
        whole = self.reference or self.sketched
        return [] if whole else super().streams(item, source, told)

    def arguments(self, item: Item, source: Source) -> Iterator[tuple[Any, ...]]:
        planes = sum(image.info.planes for image in source.images)
        shown = np.linspace(0, planes - 1, min(planes, PLANES)).round()
        for number, (plane, info, truth) in enumerate(self._with_truth(item, source)):
            yield plane, info, truth, self.sketched if number in shown else 0

    def _with_truth(
        self, item: Item, source: Source
    ) -> Iterator[tuple[np.ndarray, Info, np.ndarray | None]]:
        if self.reference is None:
            for plane, info in self.frames(source):
                yield plane, info, None
            return
        truths = self.reference.planes(item.source, self)
        for plane, info in self.frames(source):
            yield plane, info, like(colours(plane, info), next(truths, None))


def _for_report(
    facts: Mapping[str, Any], before: np.ndarray, after: np.ndarray, top: float, most: int
) -> Cleaned:
    """removed: the root mean square of what was removed; both are in 1/255 of white."""
    from imgconv.tasks.denoise.sketches import sketch

    removed = np.subtract(before, after, dtype=np.float64)
    more = {
        "removed": float(np.sqrt(np.nanmean(removed * removed))) * 255 / top,
        "brightness": float(np.nanmean(before, dtype=np.float64)) * 255 / top,
    }
    return Cleaned({**facts, **more}, sketch(before, after, most))


def colours(pixels: np.ndarray, info: Info) -> np.ndarray:
    """(H, W, K) of pixels (H, W, C): all channels but alpha, where there is one; no copy."""
    return pixels[..., : pixels.shape[2] - (info.alpha != "none")]


def full_scale(info: Info) -> float:
    """The value of white: that of the file's type, also where its integers come as floats."""
    if info.dtype.kind == "f" and info.source_dtype in INTEGERS:
        return float(np.iinfo(info.source_dtype).max)
    return white(info.dtype)


def write_notes(facts: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the user should hear."""
    notes = []
    if levels := [one["noise_level"] for one in facts if "noise_level" in one]:
        found = f"noise of level {span(levels)} (of 255)"
        tip = ", unchanged; if you see noise, say it with `sigma`"
        notes.append(Fact(found) if max(levels) else found + tip)
    if cameras := [one for one in facts if "gain" in one]:
        gain, dark = (span([one[key] for one in cameras]) for key in ("gain", "dark_noise"))
        notes.append(Fact(f"gain {gain} (levels a photon), read noise {dark} levels"))
    if noises := [one["micro_dark_noise"] for one in facts if "micro_dark_noise" in one]:
        notes.append(
            "16-bit grey under the model for photographs; of a micrograph, `model='micro'` finds "
            f"read noise of {span(noises)} levels and keeps the mean"
        )
    if counts := [one["overlay_pixels"] for one in facts if "overlay_pixels" in one]:
        removed = Fact(f"{sum(counts)} pixels of lines removed")
        notes.append(removed if sum(counts) else nothing_changed(facts))
    for one in facts[:1]:
        if "after" in one:
            which = "plane 1: " if len(facts) > 1 else ""
            notes.append(Fact(f"{which}before {words(one['before'])}; after {words(one['after'])}"))
        if "shown_times" in one:
            notes.append(Fact(f"what was removed is shown x {one['shown_times']:.3g} on grey"))
    return notes


def nothing_changed(facts: Sequence[Mapping[str, Any]]) -> str:
    """Why no line was taken out."""
    if any("axes_pixels" in one for one in facts):
        return (
            "nothing changed: the lines are on even bright colour, as a plot's axes and curves; "
            "give the picture alone if they lie over one"
        )
    return "no lines found, nothing changed; `model='photo'` takes out noise"


def span(values: Sequence[float]) -> str:
    low, high = (f"{value:.3g}" for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def clean_plane(
    *,
    model: Any,
    method: str | None,
    sigma: float | None,
    strength: float,
    luma: float | None,
    chroma: float | None,
    best: bool = False,
    show: Show = "image",
) -> CleanPlane:
    """The operation that these settings describe. Raises UsageError."""
    cleaner = _classical(model, method, sigma) if method else _trained(model, sigma)
    if best:
        cleaner = _mean_of(cleaner, method)
    brightness = strength if luma is None else luma
    colour = strength if chroma is None else chroma
    for name, value in (("strength", strength), ("luma", brightness), ("chroma", colour)):
        if not 0 <= value <= 1:
            raise UsageError(f"`{name}={value}`: must be a number from 0 to 1")
    unasked = model is None and method is None
    return CleanPlane(Cleaning(cleaner, brightness, colour), show, unasked)


def _classical(model: Any, method: str, sigma: float | None) -> Cleaner:
    if model is not None:
        raise UsageError("`method` goes without a network: leave out `model`, or `method`")
    from imgconv.tasks.denoise.classical import Classical
    from imgconv.tasks.denoise.methods import METHODS

    if method not in METHODS:
        raise UsageError(f"`method={method!r}`: allowed are {', '.join(METHODS)}")
    return Classical(method, sigma)


def _mean_of(cleaner: Cleaner, method: str | None) -> Cleaner:
    """The mean over eight orientations."""
    from imgconv.tasks.denoise.crosshair import Crosshair
    from imgconv.tasks.denoise.orientations import Orientations

    if method or isinstance(cleaner, Crosshair):
        raise UsageError("`best` goes with the models photo and micro: leave it out here")
    return Orientations(cleaner)


def _trained(model: Any, sigma: float | None) -> Cleaner:
    """The cleaner that a model's card says it is made for."""
    name = "photo" if model is None else model
    if isinstance(name, str) and name not in KINDS and not name.endswith(".safetensors"):
        near = get_close_matches(name, KINDS, n=1)
        raise UsageError(
            f"`model={name!r}`: {f'did you mean {near[0]}? ' if near else ''}allowed are "
            f"{', '.join(KINDS)}, or a file that ends in .safetensors"
        )
    return network(*load(name, "denoise"), sigma)
