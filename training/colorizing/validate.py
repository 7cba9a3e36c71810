"""How good the colours are, against the grey picture; and how vivid they are best made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from torch import Tensor, nn

from imgconv.ops.areas import reduce_areas
from imgconv.ops.filter import LUMA
from imgconv.tasks.colorize.card import READ
from imgconv.tasks.colorize.oklab import colour
from imgconv.tasks.colorize.prepare import network_size, small
from imgconv.tasks.colorize.read import lay_over
from imgconv.tasks.colorize.scores import Score, colourfulness, score, summary

from .data import Photo
from .palette import centres

TEMPERATURES = (1.0, 0.7, 0.5, 0.35)
SATURATIONS = (1.0, 1.15, 1.3, 1.5, 1.75)
VIVID = 0.76  # share of the originals' colourfulness that is wanted, with something to spare


@dataclass(frozen=True)
class Setting:
    """How shares become chroma; see `Annealed`."""

    temperature: float = 1.0
    saturation: float = 1.0


@dataclass(frozen=True)
class Case:
    """A photo, its grey, what the network sees of it and says to it."""

    photo: Photo
    grey: np.ndarray  # (H, W, 1) uint8
    luma: np.ndarray  # (h, w)
    raw: Tensor  # (2, Q, h / 4, w / 4) float16: of the picture and of its mirror, turned back

    def chroma(self, setting: Setting) -> np.ndarray:
        """(2, h / 4, w / 4)."""
        shares = torch.softmax(self.raw.float() / setting.temperature, 1)
        mean = torch.einsum("nqhw,qc->chw", shares, torch.from_numpy(centres())) / len(shares)
        return mean.numpy() * np.float32(setting.saturation)

    def result(self, setting: Setting) -> np.ndarray:
        """As `imgconv colorize` makes it, RGB uint8."""
        return lay_over(self.grey, "none", self.luma, self.chroma(setting), READ)


@torch.no_grad()
def cases(network: nn.Module, photos: Sequence[Photo], multiple: int = 16) -> list[Case]:
    """The network's word on each photo."""
    network.eval()
    device = next(network.parameters()).device
    found = []
    for photo in photos:
        grey = np.rint(photo.pixels @ LUMA).astype(np.uint8)[..., None]
        luma = small(grey, "none", network_size(*grey.shape[:2], multiple))
        seen = torch.from_numpy(np.stack([luma, luma[:, ::-1]]))[:, None]
        raw, mirrored = network(seen.to(device)).half().cpu()
        found.append(Case(photo, grey, luma, torch.stack([raw, mirrored.flip(-1)])))
    return found


def choose(
    every: Sequence[Case],
    vivid: float = VIVID,
    temperatures: Sequence[float] = TEMPERATURES,
    saturations: Sequence[float] = SATURATIONS,
) -> Setting:
    """The setting of the best PSNR whose colours are vivid enough, judged at the coarse size, on
    the photos of the pack that comes first."""
    every = [case for case in every if case.photo.pack == every[0].photo.pack]
    small_ones = [_coarse(case) for case in every]
    settings = [Setting(t, s) for t, s in product(temperatures, saturations)]
    judged = [(*_judged(every, small_ones, one), one) for one in settings]
    enough = [one for one in judged if one[1] >= vivid]
    if enough:
        return max(enough, key=lambda one: one[0])[2]
    return max(judged, key=lambda one: one[1])[2]


def _coarse(case: Case) -> np.ndarray:
    """(h / 4, w / 4, 3) of the true picture, 0 to 1."""
    pixels, size = case.photo.pixels, case.raw.shape[2:]

    def values(begin: int, end: int) -> np.ndarray:
        return np.moveaxis(pixels[begin:end] / np.float32(255), 2, 0)

    return np.moveaxis(reduce_areas(values, pixels.shape[:2], tuple(size)), 0, 2)


def _judged(
    every: Sequence[Case], true: Sequence[np.ndarray], setting: Setting
) -> tuple[float, float]:
    """Mean PSNR and share of colourfulness."""
    psnr, vivid, original = [], 0.0, 0.0
    for case, target in zip(every, true, strict=True):
        chroma = np.moveaxis(case.chroma(setting), 0, 2)
        found = colour(target @ LUMA, chroma).clip(0, 1)
        psnr.append(-10 * np.log10(np.mean((found - target) ** 2) + 1e-8))
        vivid += colourfulness(found * 255)
        original += colourfulness(target * 255)
    return float(np.mean(psnr)), vivid / original


def judge(every: Sequence[Case], setting: Setting) -> dict[str, dict[str, float]]:
    """The summary of each pack's scores, with `gain`, the PSNR above that of the grey picture."""
    packs: dict[str, list[tuple[Score, float]]] = {}
    for case in every:
        true = case.photo.pixels
        wrong = np.mean((true.astype(np.float64) - case.grey) ** 2)
        grey = float(10 * np.log10(255**2 / max(float(wrong), 1e-4)))
        one = score(case.result(setting), true)
        packs.setdefault(case.photo.pack, []).append((one, one.psnr - grey))
    return {
        pack: summary(one for one, _ in scores) | {"gain": float(np.mean([g for _, g in scores]))}
        for pack, scores in packs.items()
    }


def line(result: dict[str, dict[str, float]], setting: Setting) -> str:
    """One line for people."""
    packs = (
        f"{pack.removeprefix('photos-')} {r['psnr']:.2f} dB ({r['gain']:+.2f}) "
        f"dE {r['ciede2000']:.2f} colour {r['colourfulness']:.0%} AuC {r['auc']:.3f}"
        for pack, r in result.items()
    )
    return "  ".join([*packs, f"T {setting.temperature:g} S {setting.saturation:g}"])
