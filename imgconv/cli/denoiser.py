"""The step of `denoise`: planes cleaned, or pictures of what that did, with facts collected."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from imgconv.batch import Done, EachPlane, Item
from imgconv.images import SUFFIXES, Info, srgb_info
from imgconv.images.fit import INTEGERS
from imgconv.ops.alpha import white
from imgconv.ops.sheet import IMPORTS
from imgconv.tasks.denoise import Cleaning
from imgconv.tasks.denoise.pictures import comparison, quality, removed_picture, words

from .reference import Reference, like

Show = Literal["image", "removed", "compare"]


@dataclass(frozen=True, eq=False)
class Denoiser:
    """Every plane of an item through the cleaning; `show` says what is written of it."""

    work: Cleaning
    each: EachPlane
    show: Show = "image"
    reference: Reference | None = None

    @property
    def imports(self) -> tuple[str, ...]:
        """What it imports when it works."""
        drawing = IMPORTS if self.show == "compare" else ()
        return (*drawing, *(("skimage.metrics:structural_similarity",) if self.reference else ()))

    def __call__(self, item: Item) -> Done:
        plane = Plane(self.work, self.show, self._truth(item))
        done = replace(self.each, function=plane)(item)
        return done._replace(notes=(*done.notes, *said(plane.facts)), record=record(plane.facts))

    def _truth(self, item: Item) -> Iterator[np.ndarray] | None:
        """The reference's planes, less those whose pages are skipped."""
        if self.reference is None:
            return None
        planes = self.reference.planes(item.source, self.each)
        if not (item.paged and self.each.skip_existing):
            return planes
        pages = enumerate(planes, 1)
        return (plane for number, plane in pages if not os.path.lexists(item.page(number)))


@dataclass(eq=False)
class Plane:
    """The cleaning as a function of one item's planes; `facts` has an entry for each."""

    work: Cleaning
    show: Show
    truth: Iterator[np.ndarray] | None
    facts: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, plane: np.ndarray, info: Info) -> np.ndarray:
        top = full_scale(info)
        result = self.work(plane, info.alpha, top)
        colours = plane.shape[2] - (info.alpha != "none")
        before, after = plane[..., :colours], result.pixels[..., :colours]
        facts = dict(result.facts)
        if self.truth is not None:
            facts |= self._quality(before, after, top)
        self.facts.append(facts)
        if self.show == "image":
            return result.pixels
        if self.show == "removed":
            picture, gain = removed_picture(result.removed, top)
        else:
            labels = [f"{k}  {words(facts[k])}" if k in facts else k for k in ("before", "after")]
            picture, gain = comparison(before, after, result.removed, labels, top)
        facts["shown_times"] = round(gain, 3)
        return picture

    def _quality(self, before: np.ndarray, after: np.ndarray, top: float) -> dict[str, Any]:
        truth = like(before, next(self.truth or iter(()), None))
        return {"before": quality(before, truth, top), "after": quality(after, truth, top)}


def full_scale(info: Info) -> float:
    """The value of white: that of the file's type, also where its integers come as floats."""
    if info.dtype.kind == "f" and info.source_dtype in INTEGERS:
        return float(np.iinfo(info.source_dtype).max)
    return white(info.dtype)


def said(facts: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the user should hear."""
    notes = []
    if levels := [one["noise_level"] for one in facts if "noise_level" in one]:
        tip = "" if max(levels) else ", unchanged; if you see noise, say it with --sigma"
        notes.append(f"noise of level {span(levels)} (of 255){tip}")
    if cameras := [one for one in facts if "gain" in one]:
        gain, dark = (span([one[key] for one in cameras]) for key in ("gain", "dark_noise"))
        notes.append(f"gain {gain} (levels a photon), read noise {dark} levels")
    if counts := [one["overlay_pixels"] for one in facts if "overlay_pixels" in one]:
        found = f"{sum(counts)} pixels of lines removed" if sum(counts) else "no lines found"
        notes.append(found + ("" if sum(counts) else ", nothing changed"))
    for one in facts[:1]:
        if "after" in one:
            which = "plane 1: " if len(facts) > 1 else ""
            notes.append(f"{which}before {words(one['before'])}; after {words(one['after'])}")
        if "shown_times" in one:
            notes.append(f"what was removed is shown x {one['shown_times']:.3g} on grey")
    return notes


def span(values: Sequence[float]) -> str:
    low, high = (f"{value:.3g}" for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def record(facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """For --json: the facts of a plane, or a list of those of all planes."""
    return dict(facts[0]) if len(facts) == 1 else {"planes": [dict(one) for one in facts]}


def picture_suffix(found: str) -> str:
    """Pictures of a TIFF, which may have many pages, are a TIFF."""
    return ".tif" if SUFFIXES.get(found.lower()) == "tiff" else ".png"


def picture_record(found: Info) -> Info:
    """The record of a picture: nothing of the image's own holds for it but the stack's axes."""
    base = srgb_info(found)
    axes, shape = found.stack_axes + "YXS", (*found.stack_shape, found.height, found.width, 3)
    kind = "tiff" if found.format == "tiff" else "png"
    return Info(kind, np.dtype(np.uint8), base.height, base.width, 3, axes=axes, shape=shape)
