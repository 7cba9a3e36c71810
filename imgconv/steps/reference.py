"""Images without noise beside those that are judged."""

# ruff: noqa: PTH112, PTH113, PTH118, PTH119
# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from imgconv.errors import InputError, UsageError
from imgconv.images import open_image, show_name

from .planes import FileStep


@dataclass(frozen=True)
class Reference:
    """A file, or a folder with files of the inputs' names, as they lie in the `folders` given."""

    path: str
    folders: tuple[str, ...] = ()
    several: bool = False  # images may be judged: a folder, a list, a pattern

    @classmethod
    def beside(cls, path: str, inputs: Sequence[str], listed: bool) -> Reference:
        """The reference for what the user named as inputs; `listed`: there is a list of more.

        Raises UsageError for an empty name, as an unset variable of a shell leaves it.
        """
        if not path:
            raise UsageError(
                "`reference`: names no file; give the image without noise, or a folder"
            )
        given = inputs or ["-"]
        one = len(given) == 1 and (given[0] == "-" or os.path.isfile(given[0]))
        folders = tuple(name for name in given if os.path.isdir(name))
        return cls(path, folders, not one or listed)

    def planes(self, source: str, step: FileStep) -> Iterator[np.ndarray]:
        """The colours (H, W, C) of its counterpart's planes, read as the step reads the source."""
        with open_image(self._counterpart(source), **step.reading) as image:
            for plane in step.planes(image):
                yield plane[..., : plane.shape[2] - (image.info.alpha != "none")]

    @property
    def _given(self) -> str:
        return f"`reference={show_name(self.path)!r}`"

    def _counterpart(self, source: str) -> str:
        if os.path.isdir(self.path):
            if source == "-":
                raise InputError(f"{self._given}: for standard input give a file")
            return os.path.join(self.path, self._name(source))
        if self.several:
            raise InputError(
                f"{self._given}: one file for several images; give a folder with "
                "files of their names"
            )
        return self.path

    def _name(self, source: str) -> str:
        for folder in self.folders:
            inside = os.path.relpath(source, folder)
            if not inside.startswith(os.pardir + os.sep):
                return inside
        return os.path.basename(source)


def like(plane: np.ndarray, truth: np.ndarray | None) -> np.ndarray:
    """The truth (H, W, K) in the shape of the plane (H, W, C).

    Grey stands for equal channels, and the other way round. Raises InputError where it has another
    size, type or number of channels.
    """
    if truth is not None and truth.dtype == plane.dtype and truth.shape[:2] == plane.shape[:2]:
        if truth.shape[2] == plane.shape[2]:
            return truth
        if 1 in (truth.shape[2], plane.shape[2]) and (truth == truth[..., :1]).all():
            return np.broadcast_to(truth[..., :1], plane.shape)
    found = "no plane" if truth is None else describe(truth)
    raise InputError(
        f"the reference has {found}, it must have what the image has: {describe(plane)}"
    )


def describe(plane: np.ndarray) -> str:
    """Type, size and channels of a plane (H, W, C): "uint8 640x480, 3 channels"."""
    height, width, channels = plane.shape
    return f"{plane.dtype} {width}x{height}, {channels} channel{'' if channels == 1 else 's'}"
