"""The step of `denoise`: planes cleaned, or pictures of what that did, with facts collected."""

# ruff: noqa: PTH112, PTH118, PTH119
# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from imgconv.batch import Done, EachPlane, Item
from imgconv.errors import InputError
from imgconv.images import SUFFIXES, Info, open_image, shown, srgb_info
from imgconv.tasks.denoise import Cleaning
from imgconv.tasks.denoise.pictures import comparison, quality, removed_picture, words

Show = Literal["image", "removed", "compare"]


@dataclass(frozen=True, eq=False)
class Denoiser:
    """Every plane of an item through the cleaning; `show` says what is written of it.

    reference: a file, or a folder with files of the inputs' names.
    """

    work: Cleaning
    each: EachPlane
    show: Show = "image"
    reference: str | None = None
    several: bool = False

    def __call__(self, item: Item) -> Done:
        truth = self._truth(item) if self.reference else None
        plane = Plane(self.work, self.show, truth)
        done = replace(self.each, function=plane)(item)
        return done._replace(notes=(*done.notes, *said(plane.facts)), record=record(plane.facts))

    def _truth(self, item: Item) -> Iterator[np.ndarray]:
        """The planes of the reference."""
        path = self.reference or ""
        if os.path.isdir(path):
            path = os.path.join(path, os.path.basename(item.source))
        elif self.several:
            raise InputError(
                f"--reference {shown(path)}: one file for several images; give a folder with "
                "files of their names"
            )
        with open_image(path, **self.each.reading) as source:
            yield from source.planes()


@dataclass(eq=False)
class Plane:
    """The cleaning as a function of one item's planes; `facts` has an entry for each."""

    work: Cleaning
    show: Show
    truth: Iterator[np.ndarray] | None
    facts: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, plane: np.ndarray, info: Info) -> np.ndarray:
        result = self.work(plane, info.alpha)
        colours = plane.shape[2] - (info.alpha != "none")
        before, after = plane[..., :colours], result.pixels[..., :colours]
        facts = dict(result.facts)
        if self.truth is not None:
            facts |= self._quality(before, after)
        if self.show != "image":
            picture, gain = removed_picture(result.removed, plane.dtype)
            facts["shown_times"] = round(gain, 3)
        self.facts.append(facts)
        if self.show == "image":
            return result.pixels
        return picture if self.show == "removed" else self._compared(before, after, result.removed)

    def _quality(self, before: np.ndarray, after: np.ndarray) -> dict[str, Any]:
        truth = next(self.truth or iter(()), None)
        if truth is None or truth.shape[:2] != before.shape[:2] or truth.dtype != before.dtype:
            found = "no plane" if truth is None else f"{truth.dtype} {truth.shape[1::-1]}"
            raise InputError(
                f"the reference has {found}, allowed is what the image has: {before.dtype} "
                f"{before.shape[1::-1]} (width, height)"
            )
        truth = truth[..., : before.shape[2]]
        return {"before": quality(before, truth), "after": quality(after, truth)}

    def _compared(self, before: np.ndarray, after: np.ndarray, removed: np.ndarray) -> np.ndarray:
        facts = self.facts[-1]
        labels = [f"{k}  {words(facts[k])}" if k in facts else k for k in ("before", "after")]
        return comparison(before, after, removed, labels)


def said(facts: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the user should hear."""
    notes = []
    if levels := [one["noise_level"] for one in facts if "noise_level" in one]:
        notes.append(f"noise of level {span(levels)} (of 255)")
    if cameras := [one for one in facts if "gain" in one]:
        gain, dark = (span([one[key] for one in cameras]) for key in ("gain", "dark_noise"))
        notes.append(f"a camera of {gain} a photon, noise of {dark} in the dark")
    if counts := [one["overlay_pixels"] for one in facts if "overlay_pixels" in one]:
        found = f"{sum(counts)} pixels of lines removed" if sum(counts) else "no lines found"
        notes.append(found + ("" if sum(counts) else ", nothing changed"))
    for one in facts[:1]:
        if "after" in one:
            notes.append(f"before {words(one['before'])}; after {words(one['after'])}")
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
