"""How other libraries read an image, brought to what imgconv delivers: light from black to white,
upright, palettes looked up, straight alpha. Each reader gives every plane (H, W, C) in turn.

What a library gives is often not yet that: tifffile gives the samples as they stand, Pillow 12 bits
in 16. The rules of the formats (TIFF 6.0, PNG, ...) are written here a second time, in plain NumPy
and without a look at imgconv.
"""

from __future__ import annotations

import io
import logging
import re
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import standards

STANDARD = "the standard"
SECONDS = 20  # some files make decoders go round in circles
Planes = Iterator[np.ndarray]
Reader = Callable[[Path], Planes]


def planes_of(array: np.ndarray) -> np.ndarray:
    """(H, W) as (H, W, 1); booleans as 0 and 255."""
    array = np.asarray(array)
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    return array[..., None] if array.ndim == 2 else array


# Pillow


def by_pillow(path: Path) -> Planes:
    from PIL import Image, ImageOps

    with suppress(ImportError):  # an extra
        from pillow_heif import register_heif_opener

        register_heif_opener()
    Image.MAX_IMAGE_PIXELS = None
    with Image.open(path) as image:
        size = image.size
        beside = bool(getattr(image, "default_image", False))  # no part of a PNG's animation
        for number in range(beside, getattr(image, "n_frames", 1)):
            image.seek(number)
            image.load()
            if image.format == "GIF" and image.size != size:
                raise ValueError("a canvas that grows from frame to frame")
            bits = image.tag_v2.get(258, (8,))[0] if image.format == "TIFF" else 0
            way = image.getexif().get(274, 1)
            if isinstance(way, bytes):  # which Pillow does not turn by
                yield turned(planes_of(_samples(image, image.info, bits)), way[0])
                continue
            upright = ImageOps.exif_transpose(image.copy())
            yield planes_of(_samples(upright, image.info, bits))


def _samples(image: Any, known: dict[str, Any], bits: int) -> np.ndarray:
    """The pixels in a mode that NumPy knows as light."""
    if image.mode == "CMYK":
        return _inks(image, known.get("icc_profile"))
    if image.mode in ("P", "PA") or "transparency" in image.info:
        clear = "transparency" in image.info or image.mode == "PA"
        if image.mode.startswith("I"):  # Pillow cannot make 16 bit transparent
            grey = np.asarray(image).astype(np.uint16)
            alpha = (grey != image.info["transparency"]) * np.uint16(65535)
            return np.stack([grey, alpha.astype(np.uint16)], axis=2)
        image = image.convert("RGBA" if clear else "RGB")
    if image.mode in ("RGBa", "La"):
        image = image.convert(image.mode[:-1] + "A")
    if image.mode == "LAB":
        return rgb_of_lab(*coordinates(np.asarray(image), "cielab"), np.uint8)
    if image.mode in ("YCbCr", "HSV", "RGBX"):
        image = image.convert("RGB")
    array = np.asarray(image)
    if image.mode.startswith("I;16"):
        array = array.astype(np.uint16)
        top = (1 << bits) - 1 if bits in (12,) else 65535
        return np.rint(array * (65535 / top)).astype(np.uint16)
    return array


def _inks(image: Any, profile: bytes | None) -> np.ndarray:
    """CMYK by its profile, else by the plain formula."""
    from PIL import ImageCms

    if profile and profile[16:20] == b"CMYK":
        try:
            own, srgb = io.BytesIO(profile), ImageCms.createProfile("sRGB")
            return np.asarray(ImageCms.profileToProfile(image, own, srgb, outputMode="RGB"))
        except ImageCms.PyCMSError:
            pass
    white = 255 - np.asarray(image).astype(np.float64)
    return np.rint(white[..., :3] * white[..., 3:] / 255).astype(np.uint8)


# tifffile


def by_tifffile(path: Path) -> Planes:
    """Page by page; where one page stands for a stack (ImageJ), the series."""
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)
    with tifffile.TiffFile(path, _multifile=False) as tiff:
        pages = [page.aspage() for page in tiff.pages]
        pages = [page for page in pages if page is pages[0] or not page.is_reduced]
        series = tiff.series[0]
        whole = len(tiff.series) == 1 and len(pages) == 1 and series.size > pages[0].size
        for page in pages:
            if page.dtype.kind == "c" or not page.dataoffsets:
                raise ValueError("no light: complex numbers, or nothing at all")
            samples = series.asarray() if whole else page.asarray()
            counted = len(tiff.series) == 1 and "S" not in series.axes and page.samplesperpixel > 1
            for plane in _split(samples, page):
                parts = np.moveaxis(plane, 2, 0)[..., None] if counted else [plane]
                way = page.tags.valueof(274, default=1)
                yield from (turned(light(part, page), way) for part in parts)


def _split(samples: np.ndarray, page: Any) -> Iterator[np.ndarray]:
    """(H, W, S) of whatever stands in front of rows and columns."""
    apart, _, height, width, together = page.shaped
    for plane in samples.reshape(-1, apart, height, width, together):
        yield np.moveaxis(plane, 0, 2).reshape(height, width, apart * together)


def light(samples: np.ndarray, page: Any) -> np.ndarray:
    """TIFF 6.0, sections 3 to 8, 16, 18 and 20: samples as light."""
    samples = samples.astype(np.float32) if samples.dtype == np.float16 else samples
    photometric = getattr(page.photometric, "name", str(page.photometric)).lower()
    photometric = "miniswhite" if photometric == "0" else photometric
    bits, dtype = page.bitspersample, samples.dtype
    if samples.dtype == bool:
        samples = samples.astype(np.uint8)
    if photometric == "palette" and not _is_measurement(page):
        return _looked_up(samples, page)
    integers = dtype.kind in "ub" and bits <= 16
    if photometric == "miniswhite" and integers:
        samples = samples.copy()
        samples[..., 0] = (1 << bits) - 1 - samples[..., 0]
    if integers and bits not in (8, 16):
        full = 255 if bits < 8 else 65535
        wide = samples.astype(np.float64) * full / ((1 << bits) - 1)
        samples = np.floor(wide + 0.5).astype(np.uint8 if bits < 8 else np.uint16)
    if photometric == "separated" and page.tags.valueof(332, default=1) == 1:
        samples = _inks_of_tiff(samples, page)
    if photometric in ("cielab", "icclab", "itulab"):
        rgb = rgb_of_lab(*coordinates(samples, photometric), samples.dtype)
        samples = np.concatenate([rgb, samples[..., 3:]], axis=2)
    if photometric == "ycbcr" and page.compression.name not in ("JPEG", "OJPEG"):
        samples = _rgb_of_ycbcr(samples, page)
    numbers = samples.dtype.kind in "iu" and samples.dtype not in (np.uint8, np.uint16)
    if 1 in page.extrasamples[-1:] and samples.shape[2] in (2, 4) and not numbers:
        samples = _straight(samples)
    return samples


def _is_measurement(page: Any) -> bool:
    """A pseudo-colour table: ImageJ's or OME's, or a ramp."""
    if page.is_imagej or page.is_ome:
        return True
    table = np.asarray(page.colormap).astype(int)
    steps = np.diff(table, axis=1)
    one_way = ((steps >= 0).all(axis=1) | (steps <= 0).all(axis=1)).all()
    return bool(table.shape[1] >= 256 and one_way and np.abs(steps).max() < table.max() / 16)


def _looked_up(samples: np.ndarray, page: Any) -> np.ndarray:
    table = np.asarray(page.colormap)
    if table.max() > 255 or table.dtype == np.uint8:
        table = table if table.dtype == np.uint8 else table >> 8
    rgb = table.astype(np.uint8)[:, samples[..., 0]]
    return np.concatenate([np.moveaxis(rgb, 0, -1), samples[..., 1:]], axis=2)


def _inks_of_tiff(samples: np.ndarray, page: Any) -> np.ndarray:
    from PIL import Image

    if samples.dtype == np.uint8:
        image = Image.fromarray(np.ascontiguousarray(samples[..., :4]), "CMYK")
        rgb = _inks(image, page.tags.valueof(34675))
    else:
        top = np.iinfo(samples.dtype).max
        white = top - samples.astype(np.float64)
        rgb = np.rint(white[..., :3] * white[..., 3:4] / top).astype(samples.dtype)
    return np.concatenate([rgb, samples[..., 4:]], axis=2)


def _rgb_of_ycbcr(samples: np.ndarray, page: Any) -> np.ndarray:
    known = page.tags.valueof(532) or (0, 1, 255, 1, 128, 1, 255, 1, 128, 1, 255, 1)
    low, high = known[0::4], known[2::4]  # of which each second number divides by 1
    y = (samples[..., 0].astype(float) - low[0]) * 255 / (high[0] - low[0])
    cb, cr = ((samples[..., n].astype(float) - low[n]) * 127 / (high[n] - low[n]) for n in (1, 2))
    rgb = np.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], axis=2)
    return np.rint(rgb).clip(0, 255).astype(np.uint8)


def coordinates(samples: np.ndarray, coding: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """L* from 0 to 100, a* and b*, of 8 or 16 bit."""
    light, a, b = (samples[..., n].astype(np.float64) for n in range(3))
    unit = 1 if samples.dtype == np.uint8 else 256
    if coding == "icclab":
        return light / (2.55 * unit), a / unit - 128, b / unit - 128
    top = 256 * unit - 1
    if coding == "itulab":
        return light * 100 / top, a * 170 / top - 85, b * 200 / top - 75
    a, b = ((n / unit + 128) % 256 - 128 for n in (a, b))  # two's complement
    return light * 100 / top, a, b


def rgb_of_lab(light: np.ndarray, a: np.ndarray, b: np.ndarray, dtype: Any) -> np.ndarray:
    """CIE 15: L*a*b* to XYZ under D50; Bradford's matrix to sRGB under D65; IEC 61966-2-1."""
    y = (light + 16) / 116
    cubes = (
        np.where(f > 6 / 29, f**3, (f - 4 / 29) * 108 / 841) for f in (y + a / 500, y, y - b / 200)
    )
    xyz = np.stack(
        [whole * white for whole, white in zip(cubes, (0.96422, 1, 0.82521), strict=True)], -1
    )
    rows = [[3.1338561, -1.6168667, -0.4906146], [-0.9787684, 1.9161415, 0.0334540],
            [0.0719453, -0.2289914, 1.4052427]]  # fmt: skip
    linear = (xyz @ np.array(rows).T).clip(0, 1)
    shown = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(shown * np.iinfo(dtype).max).astype(dtype)


def _straight(samples: np.ndarray) -> np.ndarray:
    top = 1 if samples.dtype.kind == "f" else np.iinfo(samples.dtype).max
    alpha = samples[..., -1:].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        colour = np.where(alpha > 0, samples[..., :-1] * (top / alpha), 0)
    colour = colour if top == 1 else np.rint(colour).clip(0, top)
    return np.concatenate([colour, alpha], axis=2).astype(samples.dtype)


def turned(plane: np.ndarray, way: int) -> np.ndarray:
    """The orientation tag: rows and columns as the eye has them."""
    plane = plane.swapaxes(0, 1) if way >= 5 else plane
    return plane[:: -1 if way in (3, 4, 7, 8) else 1, :: -1 if way in (2, 3, 6, 7) else 1]


# imagecodecs, OpenCV, NumPy


def by_imagecodecs(path: Path) -> Planes:
    import imagecodecs

    data = path.read_bytes()
    suffix = _kind(data)
    if suffix is None:
        raise ValueError("imagecodecs is not asked about this format")
    decode = getattr(imagecodecs, f"{suffix}_decode")
    array = decode(data)
    frames = array if suffix in ("gif", "webp", "avif", "apng") and array.ndim == 4 else [array]
    frames = frames[is_beside_animation(data) :] if len(frames) > 1 else frames
    if suffix == "jpeg8":
        frames = [_light_of_jpeg(planes_of(array), data)]
    yield from (_exif_turned(planes_of(frame), path) for frame in frames)


_MAGIC = (
    ("apng", 0, b"\x89PNG"), ("jpeg8", 0, b"\xff\xd8\xff"), ("webp", 8, b"WEBP"),
    ("gif", 0, b"GIF8"), ("bmp", 0, b"BM"), ("avif", 4, b"ftypavif"), ("jpegxl", 0, b"\xff\x0a"),
    ("jpegxl", 4, b"JXL "), ("heif", 4, b"ftyphei"), ("heif", 4, b"ftypmif1"),
)  # fmt: skip


def _light_of_jpeg(samples: np.ndarray, data: bytes) -> np.ndarray:
    """Of 2 to 16 bits, by their own white; four components are inks, which Adobe inverts."""
    frame = re.search(rb"\xff[\xc0-\xc3\xc9-\xcb]..([\x02-\x10])", data, re.DOTALL)
    top = (1 << frame[1][0]) - 1 if frame else 255
    if samples.shape[2] == 4:
        light = (samples if b"Adobe" in data else top - samples).astype(np.float64)
        samples = light[..., :3] * light[..., 3:] / top
    full = 255 if top < 256 else 65535
    return np.rint(samples * (full / top)).astype(np.uint8 if full == 255 else np.uint16)


def is_beside_animation(data: bytes) -> bool:
    """Whether a PNG's first image is no frame: no fcTL stands before it (PNG 3, section 11.3.6)."""
    begin = data.find(b"fcTL")
    return data.startswith(b"\x89PNG") and b"acTL" in data and not 0 < begin < data.find(b"IDAT")


def _kind(data: bytes) -> str | None:
    return next((name for name, at, magic in _MAGIC if data[at:].startswith(magic)), None)


def _exif_turned(plane: np.ndarray, path: Path) -> np.ndarray:
    """As EXIF says; Pillow reads that for both."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            way = (
                image.getexif().get(274, 1) if image.format in ("JPEG", "MPO", "PNG", "WEBP") else 1
            )
    except Exception:
        way = 1
    return turned(plane, way[0] if isinstance(way, bytes) else way)


def by_opencv(path: Path) -> Planes:
    import cv2

    cv2.setLogLevel(0)
    found, frames = cv2.imreadmulti(str(path), flags=cv2.IMREAD_UNCHANGED)
    if not found:
        raise ValueError("OpenCV reads nothing")
    for frame in frames:
        plane = planes_of(frame)
        order = {3: [2, 1, 0], 4: [2, 1, 0, 3]}.get(plane.shape[2])
        yield _exif_turned(plane[..., order] if order else plane, path)


def by_numpy(path: Path) -> Planes:
    array = np.load(path, allow_pickle=False)
    if array.ndim <= 3 and not (array.ndim == 3 and array.shape[2] > 4):
        yield planes_of(array)
    else:
        last = array.shape[-3:] if array.shape[-1] <= 4 else (*array.shape[-2:], 1)
        yield from array.reshape(-1, *last)


def readers(path: Path) -> dict[str, Reader]:
    """Who is asked about a file, the one who knows the format best first."""
    with path.open("rb") as file:
        head = file.read(16)
    if head.startswith(b"\x93NUMPY"):
        return {"NumPy": by_numpy}
    own = {"tifffile": by_tifffile} if head[:3] in (b"II*", b"II+", b"MM\0") else {}
    standard = standards.reader_for(path)
    own |= {STANDARD: standard} if standard else {}
    return own | {"Pillow": by_pillow, "imagecodecs": by_imagecodecs, "OpenCV": by_opencv}


class TooLong(BaseException):
    """Nothing about a file, so nobody's business but the test's."""


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """TooLong in what takes longer, in a process's main thread."""

    def stop(number: int, frame: Any) -> None:
        raise TooLong(f"took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def read(reader: Reader, path: Path) -> list[np.ndarray] | str:
    """All planes, or why there are none."""
    try:
        with within(SECONDS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [np.asarray(plane) for plane in reader(path)] or "no image in it"
    except (Exception, TooLong) as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())[:100]}"
