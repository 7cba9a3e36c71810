"""Do counts and areas stay when only the canvas, the units or the size of an image change?

    python benchmarks/invariance.py PACK [--part val] [--images 12] [--kind stained]

PACK is as in benchmarks/segmentation.py. Each row is one change, over the images of one kind: the
objects found in all changed images over those in the images as they are, and so the areas (scaled).
1 is no change at all.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))  # for training

from imgconv.steps.segment_network import SegmentNetwork
from imgconv.tasks.load import load
from imgconv.tasks.segment.levels import commonest
from imgconv.tasks.segment.run import segment
from training.segmentation import data

FLAKE = 20  # pixels of its sides


def padded(image: np.ndarray) -> np.ndarray:
    """On a canvas of nine times the area, of the commonest level and its noise."""
    height, width, channels = image.shape
    rng = np.random.default_rng(0)
    known = [commonest(image[..., c].astype(np.float32)) for c in range(channels)]
    wide = np.stack([rng.normal(*one, (3 * height, 3 * width)) for one in known], 2)
    wide = wide.clip(0, np.iinfo(image.dtype).max).astype(image.dtype)
    wide[height : 2 * height, width : 2 * width] = image
    return wide


def flaked(image: np.ndarray) -> np.ndarray:
    """As float32, with a square 50 times as bright as the brightest pixel in a corner."""
    changed = image.astype(np.float32)
    changed[:FLAKE, :FLAKE] = 50 * float(image.max())
    return changed


def enlarged(factor: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(image: np.ndarray) -> np.ndarray:
        found = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        return found.reshape(*found.shape[:2], -1)

    return change


CHANGES: dict[str, tuple[Callable[[np.ndarray], np.ndarray], float, float]] = {
    "canvas of 9 times the area": (padded, 1, 1),
    "tiled 2 x 2": (lambda image: np.tile(image, (2, 2, 1)), 4, 1),
    "a bright flake": (flaked, 1, 1),
    "x * 0.013 - 7": (lambda image: image.astype(np.float32) * np.float32(0.013) - 7, 1, 1),
    "inverted": (lambda image: np.iinfo(image.dtype).max - image, 1, 1),
    "enlarged 1.5": (enlarged(1.5), 1, 1.5),
    "enlarged 2": (enlarged(2), 1, 2),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pack")
    parser.add_argument("--part", default="val")
    parser.add_argument("--images", type=int, default=12, help="of each kind, at most")
    parser.add_argument("--kind", help="this kind alone")
    parser.add_argument("--model", default="nuclei")
    options = parser.parse_args()
    model, card = load(options.model, "segment")
    network = SegmentNetwork(model)

    def numbers(image: np.ndarray) -> np.ndarray:
        labels = segment(image, network, card).labels
        return np.array([labels.max(), np.count_nonzero(labels)], float)

    kinds: dict[str, list[np.ndarray]] = defaultdict(list)
    for one in data.load(options.pack, options.part):
        if options.kind in (None, one.kind):
            kinds[one.kind].append(one.pixels)
    print("| kind | images | change | objects | areas |\n|---|---:|---|---:|---:|")
    for kind, every in sorted(kinds.items()):
        chosen = every[:: max(1, len(every) // options.images)][: options.images]
        before = sum(numbers(image) for image in chosen)
        for name, (change, times, factor) in CHANGES.items():
            if kind == "stained" and name in ("inverted", "a bright flake"):
                continue  # no such thing as a negative of a stain
            after = sum(numbers(change(image)) for image in chosen)
            count, area = after / before / [times, times * factor**2]
            print(f"| {kind} | {len(chosen)} | {name} | {count:.3f} | {area:.3f} |", flush=True)


main()
