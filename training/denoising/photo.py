"""What the model `photo` learns: photographs, grey or colour, with noise of levels 0 to 55."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from imgconv.tasks.denoise.opponent import opponent
from imgconv.tasks.denoise.read import without_texture

from . import noise
from .network import Denoiser, like, pooled  # noqa: F401 (train, export)
from .pictures import crop, grey, pictures

EXAMPLES = {"image": torch.rand(1, 3, 64, 96), "level": torch.rand(1, 2, 64, 96)}  # of its inputs
SIGMAS = (15, 25, 50)


def network() -> Denoiser:
    return Denoiser()


def sampler(sources: Sequence[str]) -> Photos:
    return Photos(pictures(sources))


def figures(module: nn.Module, sources: Sequence[str]) -> dict[str, float]:
    """How good the network is on images it has not seen."""
    return validate(module, pictures(sources))


class Photos:
    """Draws a noisy crop, its levels, and what the noise is."""

    def __init__(
        self, images: Sequence[np.ndarray], white: float = 0.8, smallest: float = 0.7
    ) -> None:
        """white: the share of crops whose noise is, the others' is a camera's. smallest: by how
        much photos are reduced at most."""
        self.images, self.white, self.smallest = images, white, smallest

    def draw(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        """(5, size, size): planes and level maps; (3, size, size): the noise in the planes."""
        clean = crop(rng, self.images[rng.integers(len(self.images))], size, self.smallest)
        if rng.random() < 0.6:
            clean = grey(clean)
        if rng.random() < self.white:
            sigma = noise.level(rng)
            noisy = noise.white(rng, clean, sigma)
            if rng.random() < 0.15:
                noisy = np.clip(np.rint(noisy), 0, 255)  # as files hold it
        else:
            noisy = noise.camera(rng, clean)
        planes, true = (opponent(x / np.float32(255)) for x in (noisy, clean))
        return arranged(planes, planes - true)


def arranged(planes: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Planes with maps of their noise's levels, and the noise."""
    maps = np.empty((5, *planes.shape[1:]), np.float32)
    maps[:3] = planes
    maps[3], maps[4] = (np.sqrt(np.mean(part**2)) for part in (found[:1], found[1:]))
    return maps, found


def loss(found: dict[str, Tensor], true: Tensor) -> Tensor:
    """Squared error of RGB, each level's divided by what is usual there, so that all count alike;
    and how far off the gauge is, relative to the level.

    The usual error of good denoisers grows as the level to the power 1.1 (32.9, 30.5 and 27.2 dB
    at 15, 25 and 50).
    """
    levels = levels_of(true)
    weights = true.new_tensor([3.0, 1.0, 1.0]).view(1, 3, 1, 1)  # see opponent
    error = ((found["noise"] - true) ** 2 * weights).mean((1, 2, 3)) * 255**2
    usual = 33 * ((255 * levels.amax(1) + 1.5) / 15) ** 1.1
    return (error / usual).mean() + 0.1 * misjudged(found["gauge"], true)


def misjudged(gauge: Tensor, noise: Tensor) -> Tensor:
    """How far off the gauge is, relative to the level."""
    levels = levels_of(noise)
    return ((pooled(gauge) - levels).abs() / (levels + 2 / 255)).mean()


def levels_of(noise: Tensor) -> Tensor:
    """(N, 2): of the brightness, and of the colours."""
    return torch.stack([root(noise[:, :1]), root(noise[:, 1:])], 1)


def root(noise: Tensor) -> Tensor:
    """(N, C, H, W) -> (N,): the root of the mean square."""
    return noise.square().mean((1, 2, 3)).sqrt()


@torch.no_grad()
def validate(module: nn.Module, images: Sequence[np.ndarray]) -> dict[str, float]:
    """PSNR in dB on grey images at three levels, told and found out ("blind"); seed 0."""
    module.eval()
    result: dict[str, float] = {}
    for sigma in SIGMAS:
        rows = np.array([tried(module, image, sigma) for image in images])
        told, blind, level = rows.mean(0)
        result |= {f"{sigma}": told, f"{sigma} blind": blind, f"{sigma} level": level}
    return result


def tried(module: nn.Module, image: np.ndarray, sigma: float) -> tuple[float, float, float]:
    """PSNR with the level told, PSNR with the level found, the level found."""
    clean = grey(image).astype(np.float32)
    noisy = noise.white(np.random.default_rng(0), clean, sigma) / np.float32(255)
    planes = torch.from_numpy(opponent(noisy))[None]
    planes = nn.functional.pad(
        planes, (0, -planes.shape[3] % 8, 0, -planes.shape[2] % 8), "reflect"
    )
    gauged = float(without_texture(module.gauge(planes)[0].numpy())[0])
    told, blind = (psnr(clean, denoised(module, planes, s)) for s in (sigma / 255, gauged))
    return told, blind, 255 * gauged


def denoised(module: nn.Module, planes: Tensor, sigma: float) -> np.ndarray:
    maps = torch.zeros(1, 2, *planes.shape[2:])
    maps[:, 0] = sigma
    cleaned = planes - module.body(torch.cat([planes, maps], 1))
    return np.asarray(255 * cleaned[0, 0].numpy())[..., None]


def psnr(clean: np.ndarray, other: np.ndarray) -> float:
    """In dB on the range 0..255; `other` may be larger, continued at the right and below."""
    H, W = clean.shape[:2]
    return float(-10 * np.log10(np.mean((other[:H, :W] - clean) ** 2) / 255**2))
