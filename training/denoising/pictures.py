"""Clean images to learn from, out of folders and zip files, kept in memory as 8 or 16 bits."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

import cv2
import numpy as np

from ..files import Files, picture

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")


def names(files: Files, within: str = "") -> list[str]:
    """Image files whose path holds `within`, label images apart."""
    return [
        name
        for name in files.names
        if PurePosixPath(name).suffix.lower() in SUFFIXES and within in name
        and "label" not in name and "binary" not in name
    ]  # fmt: skip


SEEN_ELSEWHERE = ("train-12003",)  # of BSDS500: image 04 of Set12 is a part of it


def pictures(sources: Iterable[str], share: float = 1.0, seed: int = 0) -> list[np.ndarray]:
    """(H, W, 1 or 3) images of every source; of small web photos a `share` chosen by the seed."""
    found = []
    for source in sources:
        files = Files(source)
        chosen = [n for n in names(files) if PurePosixPath(n).stem not in SEEN_ELSEWHERE]
        if share < 1:
            order = np.random.default_rng(seed).permutation(len(chosen))
            chosen = [chosen[place] for place in order[: round(share * len(chosen))]]
        found += [picture(files, name) for name in chosen]
    return found


def divided(files: Files, check: bool, held_back: int) -> list[str]:
    """Images to validate on, or the rest: the part "val" of a pack that has one, as its parts
    share no field of view; of others one in `held_back`."""
    found = names(files)
    if any(name.startswith("val/") for name in found):
        return [name for name in found if name.startswith("val/") == check]
    return [name for n, name in enumerate(found) if (n % held_back == 0) == check]


def crop(
    rng: np.random.Generator, image: np.ndarray, size: int, smallest: float = 0.7
) -> np.ndarray:
    """float32 (size, size, C), turned and mirrored, reduced to between `smallest` and 1.

    Values keep the image's unit. Images that are too small are continued by reflection.
    """
    whole = min(size / smallest, *image.shape[:2])
    side = round(size if rng.random() < 0.4 else rng.uniform(size, max(size, whole)))
    part = cut(rng, image, side).astype(np.float32)
    if side != size:
        part = cv2.resize(part, (size, size), interpolation=cv2.INTER_AREA).reshape(size, size, -1)
    part = np.rot90(part, rng.integers(4))
    return np.ascontiguousarray(part[:, ::-1] if rng.random() < 0.5 else part)


def cut(rng: np.random.Generator, image: np.ndarray, side: int) -> np.ndarray:
    H, W = image.shape[:2]
    if min(H, W) < side:
        more = [(0, max(0, side - n)) for n in (H, W)]
        return np.pad(image, [*more, (0, 0)], mode="symmetric")[:side, :side]
    y, x = rng.integers(H - side + 1), rng.integers(W - side + 1)
    return image[y : y + side, x : x + side]


def grey(image: np.ndarray) -> np.ndarray:
    """(H, W, 1) by the weights of BT.601."""
    if image.shape[2] == 1:
        return image
    return image @ np.array([[0.299], [0.587], [0.114]], np.float32)
