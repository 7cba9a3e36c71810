"""How good `imgconv denoise` is, on any folder or zip of clean images, and how long it takes.

    python benchmarks/denoise.py photo set12/ [--sigma 15 25 50] [--grey] [--model FILE] [--best]
    python benchmarks/denoise.py camera photos/ [--model FILE]
    python benchmarks/denoise.py micro micrographs/ [--photons 5 20 100 500]
    python benchmarks/denoise.py crosshair photos/
    python benchmarks/denoise.py speed

photo: white noise is added to floats, seed 0 for each image, nothing is clipped; PSNR is on the
range 0 to 255, results clipped to it. The network finds the level ("blind") or is told; the
classical methods are always told. camera: noise as a camera's files have it, correlated and
compressed, see `developed`; everything is blind. micro: shot and read noise of a 16-bit camera,
everything is blind; PSNR is on the range of the image without noise. crosshair: overlays.py over
every image; OpenCV's inpainting is given the true mask. speed: the times that the models must keep.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from imgconv.errors import ImgconvError
from imgconv.images import open_image
from imgconv.ops.alpha import white
from imgconv.tasks.denoise import Cleaning, network
from imgconv.tasks.denoise.classical import Classical
from imgconv.tasks.denoise.methods import METHODS
from imgconv.tasks.denoise.orientations import Orientations
from imgconv.tasks.load import load
from training.denoising.overlays import drawn, laid

GAIN, READ, OFFSET = 2.0, 2.0, 100.0  # of the camera of micro: per photon, in photons, in counts
CURVE = 2.2
ELECTRONS = (4000, 1000, 250)  # at white: low, middling and high ISO
Figures = dict[str, list[float]]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("task", choices=("photo", "camera", "micro", "crosshair", "speed"))
    parser.add_argument("images", nargs="?", help="a folder, or a zip file")
    parser.add_argument("--model", help="a .safetensors file, instead of the bundled one")
    parser.add_argument("--sigma", type=float, nargs="+", default=[15, 25, 50])
    parser.add_argument("--photons", type=float, nargs="+", default=[5, 20, 100, 500])
    parser.add_argument("--grey", action="store_true", help="photos as grey (BT.601)")
    parser.add_argument("--best", action="store_true", help="the mean over eight orientations")
    parser.add_argument("--limit", type=int, default=0, help="images at most")
    parser.add_argument("--methods", nargs="*", default=list(METHODS), help="classical ones")
    return parser.parse_args()


def pictures(source: str, limit: int) -> Iterator[np.ndarray]:
    """The first plane (H, W, C) of every image of a folder or a zip, by name."""
    given = source
    with tempfile.TemporaryDirectory() as folder:
        if zipfile.is_zipfile(source):
            with zipfile.ZipFile(source) as archive:
                archive.extractall(folder)
            source = folder
        found = 0
        for path in sorted(p for p in Path(source).rglob("*") if p.is_file()):
            try:
                with open_image(path) as image:
                    yield next(image.planes())
            except ImgconvError:
                continue
            found += 1
            if found == limit:
                return
    if not found:
        sys.exit(f"{given}: no image in there")


def grey(pixels: np.ndarray) -> np.ndarray:
    if pixels.shape[2] < 3:
        return pixels[..., :1]
    return pixels[..., :3] @ np.array([[0.299], [0.587], [0.114]], np.float32)


def psnr(clean: np.ndarray, other: np.ndarray, top: float) -> float:
    error = float(np.mean((clean.astype(np.float64) - other) ** 2))
    return 10 * np.log10(top**2 / max(error, 1e-12))


def timed(work: Callable[[], np.ndarray]) -> tuple[np.ndarray, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def photo(options: argparse.Namespace) -> None:
    """Table: PSNR at each level, what it gains in the mean, and its time."""
    figures: Figures = {}
    spent: dict[str, list[float]] = {}
    cleanings = {sigma: ways(options, sigma) for sigma in options.sigma}
    for pixels in pictures(options.images, options.limit):
        clean = grey(pixels) if options.grey or pixels.shape[2] < 3 else pixels[..., :3]
        clean = clean.astype(np.float32) * np.float32(255 / white(pixels.dtype))
        for sigma in options.sigma:
            noise = np.random.default_rng(0).standard_normal(clean.shape, np.float32)
            noisy = (clean + noise * np.float32(sigma)) / np.float32(255)
            figures.setdefault(f"noisy {sigma:g}", []).append(psnr(clean, noisy * 255, 255))
            for name, cleaning in cleanings[sigma]:
                result, seconds = timed(lambda c=cleaning, n=noisy: c(n).pixels)
                shown = np.clip(result * 255, 0, 255)
                figures.setdefault(f"{name} {sigma:g}", []).append(psnr(clean, shown, 255))
                spent.setdefault(name, []).append(seconds / (clean[..., 0].size / 1e6))
    table([f"sigma {sigma:g}" for sigma in options.sigma], options.sigma, figures, spent)


def ways(options: argparse.Namespace, sigma: float) -> list[tuple[str, Cleaning]]:
    name = options.model or "photo"
    found = [("photo, blind", Cleaning(network(*load(name, "denoise"))))]
    found += [("photo, told", Cleaning(network(*load(name, "denoise"), sigma)))]
    if options.best:
        best = Orientations(network(*load(name, "denoise")))
        found += [("photo, blind, --best", Cleaning(best))]
    for _, cleaning in found:  # a network is made ready for work when it is first used
        cleaning(np.zeros((64, 64, 1), np.float32))
    return found + [(method, Cleaning(Classical(method, sigma))) for method in options.methods]


def table(
    heads: Sequence[str], levels: Sequence[float], figures: Figures, spent: dict[str, list[float]]
) -> None:
    print(f"| method | {' | '.join(heads)} | gain dB | s per megapixel |")
    print(f"|---|{'---:|' * (len(heads) + 2)}")
    for name in ("noisy", *spent):
        means = [float(np.mean(figures[f"{name} {level:g}"])) for level in levels]
        before = [float(np.mean(figures[f"noisy {level:g}"])) for level in levels]
        gain = np.mean(np.subtract(means, before))
        seconds = f"{np.median(spent[name]):.2f}" if name in spent else ""
        print(f"| {name} | {' | '.join(f'{m:.2f}' for m in means)} | {gain:.2f} | {seconds} |")


def camera(options: argparse.Namespace) -> None:
    """Table: PSNR by electrons at white; how many images came out worse than they went in."""
    figures: Figures = {}
    worse, spent = 0, []
    cleaning = Cleaning(network(*load(options.model or "photo", "denoise")))
    for pixels in pictures(options.images, options.limit):
        if pixels.shape[2] < 3 or pixels.dtype != np.uint8:
            continue
        for electrons in ELECTRONS:
            truth, seen = (developed(pixels[..., :3], n) for n in (0, electrons))
            result, seconds = timed(lambda s=seen: cleaning(s).pixels)
            before, after = psnr(truth, seen, 255), psnr(truth, result, 255)
            figures.setdefault(f"noisy {electrons:g}", []).append(before)
            figures.setdefault(f"photo, blind {electrons:g}", []).append(after)
            worse += after < before
            spent.append(seconds / (truth[..., 0].size / 1e6))
    heads = [f"{n} electrons" for n in ELECTRONS]
    table(heads, ELECTRONS, figures, {"photo, blind": spent})
    print(f"\n{worse} of {len(spent)} came out worse")


def developed(pixels: np.ndarray, electrons: float) -> np.ndarray:
    """A photograph (H, W, 3) as a camera of so many electrons at white would have written it: shot
    and read noise in light, on a Bayer mosaic, which is filled in; a curve; JPEG of quality 92.
    0: without noise."""
    import cv2

    rng = np.random.default_rng(0)
    light = (pixels / 255) ** CURVE
    mosaic = np.empty(light.shape[:2])
    for (y, x), channel in zip(np.ndindex(2, 2), (0, 1, 1, 2), strict=True):
        mosaic[y::2, x::2] = light[y::2, x::2, channel]
    if electrons:
        counts = rng.poisson(mosaic * electrons) + rng.normal(0, READ, mosaic.shape)
        mosaic = counts / electrons
    raw = np.clip(np.rint(mosaic * 60000 + 1000), 0, 65535).astype(np.uint16)
    colours = cv2.cvtColor(raw, cv2.COLOR_BayerRGGB2RGB_EA)
    shown = np.clip((colours - 1000.0) / 60000, 0, 1) ** (1 / CURVE)
    found = np.rint(shown * 255).astype(np.uint8)
    encoded = cv2.imencode(".jpg", found[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])[1]
    return np.ascontiguousarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1])


def micro(options: argparse.Namespace) -> None:
    """Table: PSNR at each number of photons; then the largest bias of a mean."""
    figures: Figures = {}
    spent: dict[str, list[float]] = {}
    bias: list[float] = []
    micro = network(*load(options.model or "micro", "denoise"))
    cleanings = [("micro", Cleaning(micro))]
    if options.best:
        cleanings += [("micro, --best", Cleaning(Orientations(micro)))]
    cleanings += [(method, Cleaning(Classical(method))) for method in options.methods]
    for pixels in pictures(options.images, options.limit):
        for photons in options.photons:
            values, truth = exposed(pixels[..., :1], photons)
            top = float(np.ptp(truth))
            figures.setdefault(f"noisy {photons:g}", []).append(psnr(truth, values, top))
            for name, cleaning in cleanings:
                result, seconds = timed(lambda c=cleaning, v=values: c(v).pixels)
                figures.setdefault(f"{name} {photons:g}", []).append(psnr(truth, result, top))
                spent.setdefault(name, []).append(seconds / (truth.size / 1e6))
                if name == "micro":
                    bias.append(abs(result.mean() / values.mean() - 1))
    table([f"{p:g} photons" for p in options.photons], options.photons, figures, spent)
    print(f"\nbias of the mean: {100 * np.mean(bias):.3f} %, at most {100 * max(bias):.3f} %")


def exposed(pixels: np.ndarray, photons: float) -> tuple[np.ndarray, np.ndarray]:
    """uint16 values of a camera, and the same without noise."""
    rng = np.random.default_rng(0)
    low, high = np.percentile(pixels, [0.5, 99.9])
    light = photons * (np.clip((pixels - low) / max(high - low, 1e-6), 0, None) + 0.05)
    seen = rng.poisson(light) + rng.normal(0, READ, light.shape)
    values = np.clip(np.rint(GAIN * seen + OFFSET), 0, 65535).astype(np.uint16)
    return values, GAIN * light + OFFSET


def crosshair(options: argparse.Namespace) -> None:
    """Recall and precision within a pixel, dB on the overlay's pixels, clean images left alone."""
    cleaning = Cleaning(network(*load(options.model or "crosshair", "denoise")))
    rows, alone = [], []
    for number, pixels in enumerate(pictures(options.images, options.limit)):
        image = pixels[..., : 3 if pixels.shape[2] >= 3 else 1]
        if image.dtype != np.uint8:
            low, high = np.percentile(image, [0.1, 99.9])
            image = np.clip((image - low) * (255 / max(high - low, 1e-6)), 0, 255).astype(np.uint8)
        rng = np.random.default_rng(number)
        marked, mask = laid(rng, image, drawn(rng, *image.shape[:2]))
        alone.append(np.array_equal(cleaning(image).pixels, image))
        if mask.any():
            rows.append(judged(cleaning, image, marked, mask))
    recall, precision, *levels = np.nanmean(np.array(rows), 0)
    names = ("imgconv", "Telea, true mask", "Navier-Stokes, true mask")
    print(f"recall {recall:.3f}, precision {precision:.3f} of {len(rows)} overlays")
    print(", ".join(f"{n} {v:.2f} dB" for n, v in zip(names, levels, strict=True)))
    print(f"{100 * np.mean(alone):.1f} % of {len(alone)} clean images come back to the bit")


def judged(
    cleaning: Cleaning, image: np.ndarray, marked: np.ndarray, mask: np.ndarray
) -> tuple[float, ...]:
    import cv2

    result = cleaning(marked)
    found = (result.removed != 0).any(2)
    near_true, near_found = (
        cv2.dilate(m.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0 for m in (mask, found)
    )
    recall = (mask & near_found).sum() / mask.sum()
    precision = (found & near_true).sum() / found.sum() if found.any() else np.nan
    flat = np.ascontiguousarray(marked if marked.shape[2] == 3 else marked[..., 0])
    ways = (cv2.INPAINT_TELEA, cv2.INPAINT_NS)
    filled = [cv2.inpaint(flat, mask.astype(np.uint8), 3, w).reshape(image.shape) for w in ways]
    levels = [psnr(image[mask], other[mask], 255) for other in (result.pixels, *filled)]
    return (recall, precision, *levels)


def speed(options: argparse.Namespace) -> None:
    """512x512 grey (at most 1 s) and 12 megapixels of colour (at most 60 s), with photo."""
    cleaning = Cleaning(network(*load(options.model or "photo", "denoise")))
    for words, shape in (("512x512 grey", (512, 512, 1)), ("12 megapixels, RGB", (3000, 4000, 3))):
        pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
        cleaning(pixels[:64, :64])
        print(f"{words}: {timed(lambda p=pixels: cleaning(p).pixels)[1]:.2f} s")


def main() -> None:
    options = arguments()
    if options.task != "speed" and not options.images:
        sys.exit(f"{options.task} needs images: a folder, or a zip file")
    tasks = {
        "photo": photo,
        "camera": camera,
        "micro": micro,
        "crosshair": crosshair,
        "speed": speed,
    }
    try:
        tasks[options.task](options)
    except ImgconvError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
