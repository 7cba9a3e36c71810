"""What the model `crosshair` learns: which pixels an overlay covers, and what is beneath."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from imgconv.tasks.denoise.lines import decide_lines, dilate

from ..files import Files, picture
from .bowtie import BowTie, like  # noqa: F401 (train, export)
from .distractors import distracted, window
from .overlays import drawn, laid
from .pictures import crop, divided

EXAMPLES = {"image": torch.rand(1, 3, 64, 96), "hole": torch.zeros(1, 1, 64, 96)}  # of its inputs
HELD_BACK = 16  # every sixteenth image is for validation
MOST = 3000  # images of a source
SMALL = 60  # pixels: smaller images are enlarged, six times in ten
LOST = 0.1, 0.45  # shares of a line that may lie over something of its own colour
PLAIN = 0.4  # share of crops without an overlay


def network() -> BowTie:
    return BowTie()


def sampler(sources: Sequence[str]) -> Overlaid:
    return Overlaid([images(source, check=False) for source in sources])


def images(source: str, check: bool) -> list[np.ndarray]:
    """8-bit images (H, W, 1 or 3) of a folder, a zip or an .npz of digits, see `divided`."""
    if source.endswith(".npz"):
        found: Any = np.load(source)["images"][:MOST, ..., None]
        return [one for number, one in enumerate(found) if (number % HELD_BACK == 0) == check]
    files = Files(source)
    return [eight(picture(files, name)) for name in divided(files, check, HELD_BACK)[:MOST]]


def eight(pixels: np.ndarray) -> np.ndarray:
    """8 bits; others from their darkest to their brightest."""
    if pixels.dtype == np.uint8:
        return pixels
    low, high = np.percentile(pixels, [0.1, 99.9])
    values = (pixels.astype(np.float32) - low) / max(float(high - low), 1e-6)
    return np.asarray(np.clip(values * 255, 0, 255).astype(np.uint8))


class Overlaid:
    """Draws a source, one of its images, a crop of that, and what lies over it."""

    def __init__(self, sources: Sequence[Sequence[np.ndarray]]) -> None:
        self.sources = [source for source in sources if len(source)]

    def draw(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        """(4, size, size): image, hole; (5, size, size): what was, overlay, hole."""
        source = self.sources[int(rng.integers(len(self.sources)))]
        image = source[int(rng.integers(len(source)))]
        if max(image.shape) < SMALL and rng.random() < 0.6:
            factor = rng.uniform(1.5, size / max(image.shape))
            image = cv2.resize(image, None, fx=factor, fy=factor)[..., None]
        side = min(size, *image.shape[:2])
        clean = np.clip(np.rint(crop(rng, image, side)), 0, 255)
        if image.shape[2] == 3 and rng.random() < 0.25:
            clean = np.repeat(np.rint(clean.mean(2, keepdims=True)), 3, 2)
        if rng.random() < 0.3:
            clean = distracted(rng, clean)
        marked, mask = clean, np.zeros(clean.shape[:2], bool)
        if rng.random() >= PLAIN:
            lost = rng.uniform(*LOST) if rng.random() < 0.5 else LOST[0]
            marked, mask = laid(rng, clean, window(rng, drawn, *clean.shape[:2]), lost)
        return self._arranged(rng, marked, clean, mask, size)

    def _arranged(
        self, rng: np.random.Generator, marked: np.ndarray, clean: np.ndarray, mask: np.ndarray,
        size: int,
    ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
        hole = mask if mask.any() else window(rng, drawn, *mask.shape) > 0.1
        hole = dilate(hole, int(rng.choice([0, 1, 2], p=[0.4, 0.5, 0.1])))
        both = []
        for values, flags in ((marked, [hole]), (clean, [mask, hole])):
            colours = np.broadcast_to(values, (*values.shape[:2], 3)) / np.float32(255)
            both.append(np.dstack([colours, *flags]).astype(np.float32))
        given, wanted = (continued(b, size).transpose(2, 0, 1) for b in both)
        return np.ascontiguousarray(given), np.ascontiguousarray(wanted)


def continued(values: np.ndarray, size: int) -> np.ndarray:
    """As the engine continues small images, by reflection to a multiple of 16; then grey."""
    side = values.shape[0]
    more = min(-side % 16, size - side)
    padded = np.pad(values, ((0, more), (0, more), (0, 0)), mode="reflect")
    whole = np.zeros((size, size, values.shape[2]), np.float32)
    whole[..., :3] = 0.5
    whole[: side + more, : side + more] = padded
    return whole


def loss(found: dict[str, Tensor], true: Tensor) -> Tensor:
    """Of the overlay: cross-entropy and 1 - Dice; of the content: the error in the hole."""
    clean, mask, hole = true[:, :3], true[:, 3:4], true[:, 4:]
    entropy = functional.binary_cross_entropy_with_logits(found["overlay"], mask)
    share = torch.sigmoid(found["overlay"])
    dice = 1 - (2 * (share * mask).sum() + 1) / (share.sum() + mask.sum() + 1)
    away = ((found["content"] - clean).abs() * hole).sum() / (3 * hole.sum() + 1)
    return 4 * entropy + 0.5 * dice + 5 * away


@torch.no_grad()
def figures(module: nn.Module, sources: Sequence[str]) -> dict[str, float]:
    """On held-back images: recall and precision of the overlay within a pixel, dB in it beside
    OpenCV's inpainting told the true mask, and the share of clean images left alone.
    """
    module.eval()
    rows, alone = [], []
    for source in sources:
        for number, image in enumerate(images(source, check=True)[:40]):
            rng = np.random.default_rng((7, number))
            marked, mask = laid(rng, image, drawn(rng, *image.shape[:2]))
            rows.append(tried(module, image, marked, mask))
            alone.append(not mask_of(module, image).any())
    table = np.nanmean(np.array(rows), 0)
    words = ("recall", "precision", "dB", "dB Telea", "dB Navier-Stokes")
    result = {word: float(value) for word, value in zip(words, table, strict=True)}
    return result | {"clean left alone": float(np.mean(alone))}


def tried(
    module: nn.Module, image: np.ndarray, marked: np.ndarray, mask: np.ndarray
) -> tuple[float, ...]:
    if not mask.any():
        return (np.nan,) * 5
    found = mask_of(module, marked)
    wide = np.ones((3, 3), np.uint8)
    near_true, near_found = (cv2.dilate(m.astype(np.uint8), wide) > 0 for m in (mask, found))
    recall = (mask & near_found).sum() / mask.sum()
    precision = (found & near_true).sum() / found.sum() if found.any() else np.nan
    filled = np.where(found[..., None], content(module, marked, found), marked)
    flat = marked if marked.shape[2] == 3 else marked[..., 0]
    flags = mask.astype(np.uint8)
    others = [cv2.inpaint(flat, flags, 3, way).reshape(image.shape) for way in (1, 0)]
    return (recall, precision, *(decibels(image, o, mask) for o in (filled, *others)))


def decibels(image: np.ndarray, other: np.ndarray, mask: np.ndarray) -> float:
    error = float(np.mean((image[mask].astype(float) - other[mask]) ** 2))
    return 10 * np.log10(255**2 / max(error, 0.1))


def tensor(image: np.ndarray) -> Tensor:
    """(1, C, H, W) float32, continued to a multiple of 16."""
    whole = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)).astype(np.float32))
    H, W = image.shape[:2]
    return functional.pad(whole[None], (0, -W % 16, 0, -H % 16), "replicate")


def run(module: nn.Module, image: np.ndarray, hole: np.ndarray) -> dict[str, Tensor]:
    colours = tensor(np.broadcast_to(image, (*image.shape[:2], 3)) / np.float32(255))
    found: dict[str, Tensor] = module(colours, tensor(hole[..., None]))
    return found


def mask_of(module: nn.Module, image: np.ndarray) -> np.ndarray:
    (H, W), nothing = image.shape[:2], np.zeros(image.shape[:2])
    seen = (run(module, np.ascontiguousarray(one), nothing) for one in (image, image[:, ::-1]))
    found, mirrored = (one["overlay"][0, 0, :H, :W].numpy() for one in seen)
    return decide_lines((found + mirrored[:, ::-1]) / 2)


def content(module: nn.Module, image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    H, W, C = image.shape
    found = run(module, image, hole)["content"][0, :, :H, :W].numpy().transpose(1, 2, 0) * 255
    found = found if C == 3 else found.mean(2, keepdims=True)
    return np.clip(np.rint(found), 0, 255)
