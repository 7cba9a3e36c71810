"""How often `classify` reads what is there, and how often it reads a number where there is none.

    python benchmarks/digits.py --data mnist-train.npz [--photos photos.zip] [--count 100]
        [--model digits] [--keep FOLDER]

Written digits are those held back from training; print is in fonts that were not learnt (DejaVu).
All are drawn onto lit, noisy paper: dark on light or light on dark, of any size and place. Each row
is a kind of picture: how many were right, that is read as they are, or said to be no digit.
"""

from __future__ import annotations

import argparse
import io
import string
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from matplotlib import font_manager
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).parent.parent))  # for training

from imgconv.api import classify, load_model
from training.digits.foreign import ALIKE, photos
from training.digits.train import load

FONTS = ("DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono")
LETTERS = [c for c in string.ascii_letters if c not in ALIKE]
WORDS = ("Water", "March", "Factory", "TRUCK", "Export", "method", "Kernel", "THANK", "form", "Cat")
NONE = "no digit"
Picture = tuple[np.ndarray, str]  # (H, W) uint8, and what is to be read


def paper(rng: np.random.Generator, ink: np.ndarray) -> np.ndarray:
    """Ink (h, w) from 0 to 1 on lit paper (H, W) uint8, or light on dark."""
    scale = float(np.exp(rng.uniform(np.log(0.8), np.log(5)))) * 28 / min(ink.shape)
    ink = cv2.resize(ink, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    top, left, bottom, right = rng.integers(8, 60, 4)
    ink = np.pad(ink, ((top, bottom), (left, right)))
    y, x = np.mgrid[: ink.shape[0], : ink.shape[1]] / max(ink.shape)
    light = rng.uniform(190, 245) + rng.uniform(-25, 25) * y + rng.uniform(-25, 25) * x
    page = light * (1 - ink * rng.uniform(0.5, 0.95)) + rng.normal(0, rng.uniform(0, 5), ink.shape)
    page = page.clip(0, 255).astype(np.uint8)
    return page if rng.random() < 0.7 else 255 - page


def written(
    rng: np.random.Generator, digits: np.ndarray, labels: np.ndarray, count: int
) -> Picture:
    chosen = rng.integers(len(digits), size=count)
    ink = np.hstack([digits[n] / np.float32(255) for n in chosen])
    return paper(rng, ink), "".join(str(labels[n]) for n in chosen)


def typed(rng: np.random.Generator, text: str) -> np.ndarray:
    font = ImageFont.truetype(font_manager.findfont(str(rng.choice(FONTS))), 60)
    _, _, wide, high = font.getbbox(text)
    page = Image.new("L", (int(wide) + 8, int(high) + 8))
    ImageDraw.Draw(page).text((4, 0), text, 255, font)
    return paper(rng, np.asarray(page, np.float32) / 255)


def blank(rng: np.random.Generator) -> np.ndarray:
    """Paper, in every second picture with dust."""
    ink = np.zeros((60, 80), np.float32)
    for y, x in rng.integers(0, 60, (int(rng.integers(2)) * 6, 2)):
        ink[y, x] = rng.uniform(0.2, 0.8)
    return paper(rng, ink)


def chart(rng: np.random.Generator) -> np.ndarray:
    """Lines, bars, points or a pie, without words and numbers."""
    figure = Figure(figsize=(4, 3), dpi=80)
    axes = figure.subplots()
    x, kind = np.arange(int(rng.integers(5, 40))), int(rng.integers(4))
    heights = np.abs(rng.normal(0, 1, len(x)).cumsum()) + 0.1
    draws: list[Callable[[], object]] = [
        lambda: axes.plot(x, heights),
        lambda: axes.bar(x, heights, rng.uniform(0.3, 0.9)),
        lambda: axes.scatter(heights, rng.normal(0, 1, len(x))),
        lambda: axes.pie(heights[:6]),
    ]
    draws[kind]()
    axes.set(xticks=[], yticks=[])
    if rng.random() < 0.5:
        axes.set_axis_off()
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return np.asarray(Image.open(file).convert("L"))


def kinds(options: argparse.Namespace) -> dict[str, Callable[[np.random.Generator], Picture]]:
    _, held = load(options.data)
    pictures = photos(options.photos)[::5] if options.photos else []
    made: dict[str, Callable[[np.random.Generator], Picture]] = {
        "written digit": lambda rng: written(rng, held.images, held.labels, 1),
        "written number of 4": lambda rng: written(rng, held.images, held.labels, 4),
        "digit of print": lambda rng: number(rng, 1),
        "number of 6 in print": lambda rng: number(rng, 6),
        "letter": lambda rng: (typed(rng, str(rng.choice(LETTERS))), NONE),
        "word": lambda rng: (typed(rng, str(rng.choice(WORDS))), NONE),
        "chart": lambda rng: (chart(rng), NONE),
        "blank paper": lambda rng: (blank(rng), NONE),
    }
    if pictures:
        made["photo"] = lambda rng: (pictures[int(rng.integers(len(pictures)))], NONE)
    return made


def number(rng: np.random.Generator, count: int) -> Picture:
    text = "".join(map(str, rng.integers(0, 10, count)))
    return typed(rng, text), text


def main() -> None:
    options = arguments()
    model = load_model(options.model)
    for kind, make in kinds(options).items():
        rng, right = np.random.default_rng(5), 0
        for n in range(options.count):
            image, text = make(rng)
            said = classify(image, model=model, top=1)[0][0]
            right += said == text
            if said != text and options.keep:
                name = f"{kind} {n} {text} read {said}.png"
                Image.fromarray(image).save(options.keep / name)
        print(f"{kind:22} {right:4} of {options.count}", flush=True)


def arguments() -> argparse.Namespace:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--data", required=True, help=".npz with images and labels")
    made.add_argument("--photos", help="folder or zip of photos")
    made.add_argument("--count", type=int, default=100, help="pictures of each kind (100)")
    made.add_argument("--model", default="digits")
    made.add_argument("--keep", type=Path, help="an existing folder, for what was misread")
    return made.parse_args()


if __name__ == "__main__":
    main()
