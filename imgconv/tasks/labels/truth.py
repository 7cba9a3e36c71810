"""Label images and the truth about them: which belong together, read plane by plane."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from imgconv.errors import InputError, UsageError
from imgconv.images import Source, of_suffix, show_name

ENDING = re.compile(r"[-_. ](labels?|(cp[-_])?masks?|truth|gt)$|\.ome$", re.IGNORECASE)
OURS = "-labels"
LOSSY = ("jpeg",)  # formats that change numbers
PIECES = 1.5  # parts of a number, on average, that no segmentation has
MASK = (
    "one value ({}) in {} separate parts counts as one object; a mask needs a number for each: "
    "use Analyze Particles with Show: Count Masks in Fiji, or skimage.measure.label"
)
CLIPPED = (
    "the number 255 is in {} separate parts: a conversion to 8 bit made it of all larger numbers, "
    "which count as one object; save the labels with 16 bit"
)
BROKEN = (
    "{} separate parts have only {} numbers, as after lossy compression or a resize with "
    "interpolation, which change numbers; save labels as TIFF or PNG, resize with nearest "
    "neighbour; if this is the image, name its labels first"
)
JPEG = "labels from a JPEG are not the numbers that were saved; save them as TIFF or PNG"


def key(name: str) -> str:
    """What a file is about: its name without suffix and without "-labels", "_masks", ".ome"."""
    stem = Path(name).stem
    while (shorter := ENDING.sub("", stem)) not in (stem, ""):
        stem = shorter
    return stem


def label_files(folder: Path, recursive: bool) -> dict[str, list[Path]]:
    """The label images of a folder by what they are about.

    Where some are called STEM-labels, as `segment` writes them, other images are left out.
    """
    every = sorted(folder.rglob("*") if recursive else folder.iterdir())
    images = [
        path
        for path in every
        if of_suffix(path.suffix) and path.is_file() and not path.name.startswith(".")
    ]
    ours = [path for path in images if path.stem.endswith(OURS)]
    found: dict[str, list[Path]] = {}
    for path in ours or images:
        below = path.relative_to(folder).parent
        found.setdefault(str(below / key(path.name)), []).append(path)
    return found


def pairs(labels: str, truth: str, recursive: bool) -> Iterator[tuple[Path, Path | None, str]]:
    """Each label file with its truth, and what is wrong if one of them is missing.

    Both are files, or both are folders. Raises UsageError.
    """
    left, right = Path(labels), Path(truth)
    for path in (left, right):
        if not path.exists():
            raise UsageError(f"{show_name(path)}: no such file or folder")
    if left.is_file() and right.is_file():
        yield left, right, ""
        return
    if left.is_file() or right.is_file():
        raise UsageError(
            f"{show_name(left)} and {show_name(right)}: give two files or two folders, labels first"
        )
    yield from _pair(left, right, recursive)


class Set(NamedTuple):
    """A file of labels and the files of other folders that belong to it."""

    labels: str
    others: tuple[str, ...]
    error: str = ""  # what is missing


def sets(given: Sequence[str], recursive: bool) -> list[Set]:
    """The sets of files that belong together: all given are files, or all are folders, in which
    files belong together by their names. The first are labels. Raises UsageError.
    """
    kinds = {name: "file" if name == "-" else _kind(name) for name in given}
    if set(kinds.values()) == {"file"}:
        return [Set(given[0], tuple(given[1:]))]
    if "file" in kinds.values():
        raise UsageError(f"{', '.join(map(show_name, given))}: give files or folders, labels first")
    labels = label_files(Path(given[0]), recursive)
    others = [_about(Path(folder), recursive, set(labels)) for folder in given[1:]]
    if not labels:
        raise UsageError(
            f"no label images in {show_name(given[0])}; `recursive` looks into its folders"
        )
    return [
        _set(name, files, others, given[1:])
        for name, files in sorted(labels.items(), key=lambda one: str(one[1][0]))
    ]


def names_beside(path: str) -> list[str]:
    """The images in the folder of one, in order."""
    folder = Path(path).parent
    inside = (p for p in folder.iterdir() if of_suffix(p.suffix) and not p.name.startswith("."))
    return sorted(str(p) for p in inside)


def _kind(name: str) -> str:
    if not Path(name).exists():
        raise UsageError(f"{show_name(name)}: no such file or folder")
    return "folder" if Path(name).is_dir() else "file"


def _about(folder: Path, recursive: bool, names: set[str]) -> dict[str, list[Path]]:
    """The images of a folder by what they are about; where the labels are in it too, without."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*") if recursive else folder.iterdir()):
        if of_suffix(path.suffix) and path.is_file() and not path.name.startswith("."):
            below = path.relative_to(folder).parent
            name = str(below / key(path.name))
            plain = str(below / path.stem) in names or name in names
            if plain:
                found.setdefault(name, []).append(path)
    return found


def _set(
    name: str, files: list[Path], others: list[dict[str, list[Path]]], folders: Sequence[str]
) -> Set:
    labels = str(files[0])
    if len(files) > 1:
        return Set(labels, (), f"{labels}: and {files[1].name} are both about {name}: leave one")
    for found, folder in zip(others, folders, strict=True):
        mine = found.get(name, [])
        if len(mine) != 1:
            several = ", ".join(path.name for path in mine)
            what = f"has several: {several}" if mine else f"has no {name}.tif or .png"
            return Set(labels, (), f"{labels}: no image for it: {show_name(folder)} {what}")
    return Set(labels, tuple(str(found[name][0]) for found in others))


def _pair(labels: Path, truth: Path, recursive: bool) -> Iterator[tuple[Path, Path | None, str]]:
    found, true = label_files(labels, recursive), label_files(truth, recursive)
    for name in sorted(found.keys() | true.keys()):
        mine, theirs = found.get(name, []), true.get(name, [])
        several = next((files for files in (mine, theirs) if len(files) > 1), None)
        if several:
            yield several[0], None, f"and {several[1].name} are both about {name}: leave one"
        elif not theirs:
            yield mine[0], None, f"no truth for it: {show_name(truth)} has no {name}.tif or .png"
        elif not mine:
            wanted = f"{name}{OURS}.tif or {name}.tif"
            yield theirs[0], None, f"no labels for it: {show_name(labels)} has no {wanted}"
        else:
            yield mine[0], theirs[0], ""


def doubt_of_file(source: Source) -> str:
    """What is odd about a file of labels before its pixels are seen."""
    return JPEG if source.info.format in LOSSY else ""


def planes_together(mine: Source, theirs: Source) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Planes (H, W) of labels and of the truth about them. Raises InputError."""
    for a, b in zip_longest(label_planes(mine), label_planes(theirs)):
        if a is None or b is None:
            counts = f"{mine.info.planes} and {theirs.info.planes}"
            raise InputError(f"{mine.name}: it and {theirs.name} have {counts} planes")
        if a.shape != b.shape:
            sizes = " and ".join(f"{x.shape[1]}x{x.shape[0]}" for x in (a, b))
            raise InputError(f"{mine.name}: it and {theirs.name} differ in size ({sizes})")
        yield a, b


def label_planes(source: Source) -> Iterator[np.ndarray]:
    """Integers (H, W) from 0 on."""
    channels = source.info.channels - (source.info.alpha != "none")
    for plane in source.planes():
        values = plane[..., 0]
        if channels > 1 and (plane[..., 1:channels] != values[..., None]).any():
            raise InputError(
                f"{source.name}: {channels} channels are no labels; save one number an object, in "
                "one channel"
            )
        if plane.dtype.kind == "f" and not np.isfinite(values).all():
            raise InputError(f"{source.name}: labels are whole numbers, found NaN or infinity")
        whole = values.astype(np.int64)
        if plane.dtype.kind == "f" and (whole != values).any():
            raise InputError(f"{source.name}: labels are whole numbers, found fractions")
        if whole.min(initial=0) < 0:
            raise InputError(f"{source.name}: labels are 0 and above, found {whole.min()}")
        yield whole


def doubt(labels: np.ndarray, dtype: str = "") -> str:
    """What is odd about labels (H, W) that the file stores as `dtype`.

    One value in several parts is a mask, or one object; the largest number of 8 bits in several
    parts, while others are whole, is what a conversion to 8 bits made of all larger ones; numbers
    that all are in pieces were drawn again by lossy compression or a resize.
    """
    numbers = np.unique(labels)
    numbers = numbers[numbers > 0]
    if not len(numbers):
        return ""
    several = _parts(labels, numbers)
    value, parts = int(numbers[-1]), int(several[-1])
    if len(numbers) == 1:
        return MASK.format(value, parts) if parts > 1 else ""
    if dtype == "uint8" and value == 255 and parts > 1 and (several[:-1] == 1).mean() > 0.5:
        return CLIPPED.format(parts)
    if several.mean() > PIECES:
        return BROKEN.format(int(several.sum()), len(numbers))
    return ""


def _parts(labels: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """In how many separate parts each number lies; touching numbers are separate."""
    found = np.zeros(len(numbers), np.int64)
    places = ndimage.find_objects(np.searchsorted(numbers, labels) * (labels > 0) + (labels > 0))
    for n, (number, place) in enumerate(zip(numbers, places, strict=True)):
        found[n] = ndimage.label(labels[place] == number, np.ones((3, 3)))[1]
    return found
