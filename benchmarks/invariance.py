"""Do counts and areas stay when only the canvas, the units or the size of an image change?

    python benchmarks/invariance.py PACK... [--images 8] [--kind stained]
    python benchmarks/invariance.py --made

PACK is as in benchmarks/segmentation.py. Each row is one change, over some images of one kind: the
objects found in all changed images over those in the images as they are, and so the areas (scaled);
1 is no change at all. "Same": of the objects found before, the share that is found again at the
same place (IoU above a half). Where the field's edge is another afterwards (cropped, another
canvas, tiled), objects that it cuts are left out. --made takes drawn fields of discs instead, of
radius 5 to 40 px.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from skimage.segmentation import clear_border

sys.path.insert(0, str(Path(__file__).parent.parent))  # for training

from imgconv.steps.segment_network import SegmentNetwork
from imgconv.tasks.labels.match import match
from imgconv.tasks.load import load
from imgconv.tasks.segment.levels import commonest
from imgconv.tasks.segment.run import segment
from training.segmentation import data

FLAKE = 20  # pixels of its sides
LARGEST = 400  # pixels of the sides of what is taken of an image
Find = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Change:
    """Of an image (H, W, C); `back` gives the labels of the image from those of the changed one,
    and those to compare with from those of the image."""

    name: str
    change: Callable[[np.ndarray], np.ndarray]
    back: Callable[[np.ndarray], np.ndarray] = lambda labels: labels
    before: Callable[[np.ndarray], np.ndarray] = lambda labels: labels
    stains: bool = True  # whether there is such a thing in stained tissue


def cropped(image: np.ndarray) -> np.ndarray:
    """Two thirds of it."""
    height, width = image.shape[:2]
    return np.ascontiguousarray(image[height // 6 : -(height // 6), width // 6 : -(width // 6)])


def padded(image: np.ndarray) -> np.ndarray:
    """On a canvas of nine times the area, of the commonest level and its noise."""
    height, width, channels = image.shape
    rng = np.random.default_rng(0)
    known = [commonest(image[..., c].astype(np.float32)) for c in range(channels)]
    wide = np.stack([rng.normal(*one, (3 * height, 3 * width)) for one in known], 2)
    wide = wide.clip(0, np.iinfo(image.dtype).max).astype(image.dtype)
    wide[height : 2 * height, width : 2 * width] = image
    return wide


def middle(labels: np.ndarray) -> np.ndarray:
    """What lies on the image of a canvas that was padded, and touches none of its edges."""
    height, width = labels.shape[0] // 3, labels.shape[1] // 3
    return clear_border(labels[height : 2 * height, width : 2 * width])


def flaked(image: np.ndarray) -> np.ndarray:
    """As float32, with a square 50 times as bright as the brightest pixel in a corner."""
    changed = image.astype(np.float32)
    changed[:FLAKE, :FLAKE] = 50 * float(image.max())
    return changed


def without_flake(labels: np.ndarray) -> np.ndarray:
    """No object that the square touches."""
    corner = np.unique(labels[: FLAKE + 2, : FLAKE + 2])
    return np.where(np.isin(labels, corner), 0, labels)


def enlarged(factor: float) -> Change:
    def change(image: np.ndarray) -> np.ndarray:
        found = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        return found.reshape(*found.shape[:2], -1)

    def before(labels: np.ndarray) -> np.ndarray:
        size = [round(side * factor) for side in labels.shape]
        rows, columns = (
            ((np.arange(n) + 0.5) / factor).astype(int).clip(0, side - 1)
            for n, side in zip(size, labels.shape, strict=True)
        )
        return labels[rows[:, None], columns]

    return Change(f"enlarged {factor:g}", change, before=before)


def tiled(labels: np.ndarray) -> np.ndarray:
    """Four times what touches no edge, each with its own numbers."""
    labels, most = clear_border(labels), labels.max(initial=0)
    parts = [np.where(labels > 0, labels + n * most, 0) for n in range(4)]
    return np.block([[parts[0], parts[1]], [parts[2], parts[3]]])


def each_tile(labels: np.ndarray) -> np.ndarray:
    """What touches no edge of any of the four tiles."""
    halves = [np.hsplit(row, 2) for row in np.vsplit(labels, 2)]
    return np.block([[clear_border(tile) for tile in row] for row in halves])


CHANGES = (
    Change("cropped to two thirds", cropped, clear_border, lambda x: clear_border(cropped(x))),
    Change("canvas of 9 times the area", padded, middle, clear_border),
    Change("tiled 2 x 2", lambda x: np.tile(x, (2, 2, 1)), each_tile, tiled),
    Change("a bright flake", flaked, without_flake, without_flake, stains=False),
    Change("x * 0.013 - 7", lambda x: x.astype(np.float32) * np.float32(0.013) - 7),
    Change("inverted", lambda x: np.iinfo(x.dtype).max - x, stains=False),
    enlarged(1.5),
    enlarged(2),
)


def made() -> Iterator[np.ndarray]:
    """Fields (H, W, 1) uint16 of discs of one radius, blurred, with noise."""
    rng = np.random.default_rng(0)
    for radius in (5, 8, 12, 20, 40):
        side = max(160, 8 * radius)
        rows, columns = np.indices((side, side))
        image = np.zeros((side, side))
        for y in range(2 * radius, side - radius, 4 * radius):
            for x in range(2 * radius, side - radius, 4 * radius):
                at = (y, x) + rng.uniform(-0.5, 0.5, 2) * radius
                size = radius * rng.uniform(0.8, 1.2)
                inside = np.hypot(rows - at[0], columns - at[1]) < size
                image += inside * rng.uniform(900, 2100)
        image = cv2.GaussianBlur(image, (0, 0), 1.2) + rng.normal(300, 15, image.shape)
        yield image.clip(0, 65535).astype(np.uint16)[..., None]


def kinds(packs: list[str], images: int, part: str) -> dict[str, list[np.ndarray]]:
    """Some images of each kind, evenly from all."""
    found: dict[str, list[np.ndarray]] = defaultdict(list)
    for one in data.load(packs, part):
        pixels = one.pixels[:LARGEST, :LARGEST]
        found[one.kind].append(np.ascontiguousarray(pixels))
    return {
        kind: every[:: max(1, len(every) // images)][:images]
        for kind, every in sorted(found.items())
    }


def row(change: Change, images: list[np.ndarray], found: list[np.ndarray], find: Find) -> str:
    """Objects, areas, the same objects: after over before, of all images together."""
    counts, areas, same, worst = np.zeros(2), np.zeros(2), 0, 0.0
    for image, labels in zip(images, found, strict=True):
        after = change.back(find(change.change(image)))
        before = change.before(labels)
        both = [len(np.unique(one[one > 0])) for one in (after, before)]
        counts += both
        areas += [np.count_nonzero(after), np.count_nonzero(before)]
        same += match(after, before).hits[0]
        worst = max(worst, abs(both[0] - both[1]) / max(1, both[1]))
    count, area = counts[0] / counts[1], areas[0] / areas[1]
    return f"{change.name} | {count:.3f} | {area:.3f} | {same / counts[1]:.3f} | {worst:.0%} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packs", nargs="*", metavar="PACK")
    parser.add_argument("--made", action="store_true", help="drawn fields, no pack")
    parser.add_argument("--part", default="val")
    parser.add_argument("--images", type=int, default=8, help="of each kind, at most")
    parser.add_argument("--kind", help="this kind alone")
    parser.add_argument("--change", help="changes whose names begin so")
    parser.add_argument("--model", default="nuclei")
    options = parser.parse_args()
    if not options.packs and not options.made:
        parser.error("give a PACK, or --made")
    model, card = load(options.model, "segment")
    network = SegmentNetwork(model)

    def find(image: np.ndarray) -> np.ndarray:
        return segment(image, network, card).labels

    groups = {"made": list(made())} if options.made else {}
    if options.packs:
        groups |= kinds(options.packs, options.images, options.part)
    print("| kind | images | change | objects | areas | same | worst image |")
    print("|---|---:|---|---:|---:|---:|---:|")
    for kind, images in groups.items():
        if options.kind not in (None, kind):
            continue
        found = [find(image) for image in images]
        for change in CHANGES:
            if (change.stains or kind in ("fluorescence", "made")) and change.name.startswith(
                options.change or ""
            ):
                text = row(change, images, found, find)
                print(f"| {kind} | {len(images)} | {text}", flush=True)


if __name__ == "__main__":
    main()
