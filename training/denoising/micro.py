"""What the model `micro` learns: micrographs under the shot and read noise of a camera."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

import cv2
import numpy as np
import torch
from skimage.restoration import estimate_sigma
from torch import nn

from imgconv.tasks.denoise.camera import Camera, find_camera
from imgconv.tasks.denoise.micro import TRUST
from imgconv.tasks.denoise.prepare import normalise
from imgconv.tasks.denoise.read import balance

from ..files import Files, picture
from .network import Denoiser, like, pooled  # noqa: F401 (train, export)
from .photo import EXAMPLES, arranged, denoised, loss, psnr  # noqa: F401
from .pictures import crop, divided

HELD_BACK = 8  # every eighth image of a source is for validation
LARGE = 240  # pixels of the short side from which an image is halved: that takes its own noise
SMALL, GRAINY = 128, 0.02  # those above this noise, of their range, are halved to this side at most
LIGHT = (5, 20, 100, 500)  # photons at the brightest, to validate


def network() -> Denoiser:
    return Denoiser()


def sampler(sources: Sequence[str]) -> Micrographs:
    return Micrographs(micrographs(sources, check=False))


def micrographs(sources: Sequence[str], check: bool) -> list[np.ndarray]:
    """Clean-ish planes (H, W, 1) of grey images, background 0 and bright structures 1; which, see
    `divided`."""
    planes = (p for source in sources for image in images(Files(source), check) for p in image)
    made = (scaled(plane) for plane in planes)
    return [plane for plane in made if estimate_sigma(plane[..., 0]) <= 2 * GRAINY]


def images(files: Files, check: bool) -> Iterator[list[np.ndarray]]:
    """Each file's planes (H, W)."""
    for name in divided(files, check, HELD_BACK):
        if PurePosixPath(name).suffix.lower() in (".tif", ".tiff"):
            yield pages(files.read(name))
        elif (pixels := picture(files, name)).shape[2] == 1:
            yield [pixels[..., 0]]


def pages(data: bytes) -> list[np.ndarray]:
    """Up to eight planes of a TIFF, spread over the stack."""
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        series = file.series[0]
        whole = series.asarray()
    if series.axes.endswith("S"):
        whole = np.moveaxis(whole, -1, 0)
    planes = whole.reshape(-1, *whole.shape[-2:])
    return [*planes[:: -(-len(planes) // 8)]]


def scaled(plane: np.ndarray) -> np.ndarray:
    """(H, W, 1) float32, reduced until little is left of its own noise."""
    values = plane.astype(np.float32)
    if min(values.shape) >= LARGE:
        values = halved(values)
    values = ranged(values)
    while min(values.shape) >= 2 * SMALL and estimate_sigma(values) > GRAINY:
        values = ranged(halved(values))
    return values[..., None]


def halved(values: np.ndarray) -> np.ndarray:
    return cv2.resize(values, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def ranged(values: np.ndarray) -> np.ndarray:
    low, high = np.percentile(values, [0.5, 99.9])
    return np.asarray(np.maximum((values - low) / max(float(high - low), 1e-6), 0), np.float32)


def exposed(
    rng: np.random.Generator, clean: np.ndarray, photons: float
) -> tuple[np.ndarray, np.ndarray, Camera]:
    """What a 16-bit camera makes of a clean image (H, W, 1) in 0..1: its values, the values
    without noise, and the camera.
    """
    ground, read = rng.uniform(0, 0.1), rng.uniform(0.3, 5)
    gain, offset = 10 ** rng.uniform(-0.3, 1.2), rng.uniform(50, 400)
    light = photons * (clean + ground)
    seen = rng.poisson(light) + rng.normal(0, read, light.shape)
    values = np.clip(np.rint(gain * seen + offset), 0, 65535).astype(np.float32)
    truth = (gain * light + offset).astype(np.float32)
    rest = (gain * read) ** 2 + 1 / 12 - gain * offset
    return values, truth, Camera(gain, rest, float(truth.min()))


class Micrographs:
    """Draws an exposure, stabilised and normalised as the tool does it, and its noise."""

    def __init__(self, images: Sequence[np.ndarray]) -> None:
        self.images = images
        sizes = np.array([image.size for image in images], np.float64) ** 0.5
        self.share = sizes / sizes.sum()

    def draw(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        """As Photos.draw: (5, size, size) and (3, size, size)."""
        image = self.images[int(rng.choice(len(self.images), p=self.share))]
        clean = crop(rng, image, size)
        values, truth, camera = exposed(rng, clean, float(10 ** rng.uniform(0.5, 3.5)))
        camera = mistaken(rng, camera)
        y, low, span = normalise(values[..., 0], camera)
        planes, noise = np.zeros((2, 3, size, size), np.float32)
        planes[0] = y
        noise[0] = y - (camera.stabilise(truth[..., 0]) - low) / span
        return arranged(planes, noise)


def mistaken(rng: np.random.Generator, camera: Camera) -> Camera:
    """A camera as it is found in an image: somewhat off."""
    gain = camera.gain * float(np.exp(rng.normal(0, 0.12)))
    dark = camera.dark_noise**2 * float(np.exp(rng.normal(0, 0.12)))
    return Camera(gain, dark - gain * camera.dark, camera.dark)


@torch.no_grad()
def figures(module: nn.Module, sources: Sequence[str]) -> dict[str, float]:
    """PSNR in dB on held-back micrographs at several numbers of photons, the camera found in the
    image; and the largest error of a mean in percent of the brightest.
    """
    module.eval()
    chosen = [image for image in micrographs(sources, check=True) if min(image.shape[:2]) >= 64]
    result: dict[str, float] = {}
    worst = 0.0
    for photons in LIGHT:
        rows = [tried(module, image, photons) for image in chosen[::4]]
        result[f"{photons} photons"] = float(np.mean([row[0] for row in rows]))
        worst = max(worst, *(row[1] for row in rows))
    return result | {"largest bias %": worst}


def tried(module: nn.Module, image: np.ndarray, photons: float) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    values, truth, _ = exposed(rng, image, photons)
    camera = find_camera(values[..., 0])
    y, low, span = normalise(values[..., 0], camera)
    planes = torch.zeros(1, 3, *y.shape)
    planes[0, 0] = torch.from_numpy(y)
    planes = nn.functional.pad(
        planes, (0, -planes.shape[3] % 8, 0, -planes.shape[2] % 8), "reflect"
    )
    gauged = float(
        np.clip(float(pooled(module.gauge(planes))[0, 0]), 1 / TRUST / span, TRUST / span)
    )
    cleaned = denoised(module, planes, gauged)[: y.shape[0], : y.shape[1], 0] / 255
    plane = values[..., 0]
    result = plane - balance(plane - camera.restore(cleaned * span + low))
    reach = float(truth.max() - truth.min())
    scale = np.float32(255 / reach)
    bias = abs(float(result.mean() - truth.mean())) / reach * 100
    return psnr(truth * scale, result[..., None] * scale), bias
