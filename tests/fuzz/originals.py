"""Small files of every kind that is read: images of every format, model files and ONNX files."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

from imgconv.images import Info, WriteOptions, write_image

KINDS = Path(__file__).parents[1] / "kinds"
LARGEST = 30_000  # bytes of a file; longer ones are hit too seldom where it matters


@dataclass(frozen=True)
class Sample:
    """Bytes; the name of the file that they lie in, and of what is opened to read it."""

    data: bytes
    name: str = "case"
    opened: str = "case"


def make_samples(folder: Path) -> list[Sample]:
    """All of them. Those that consist of several files lie in the folder, whole."""
    rng = np.random.default_rng(1)
    images = [*_written(folder), *_by_pillow(rng), *_tiffs(rng), *_packed(rng), *_kinds()]
    images += [*_microscopes(folder, rng)]
    models = [Sample(data, "case.safetensors", "case.safetensors") for data in _models(folder)]
    models += [Sample(data, "case.onnx", "case.onnx") for data in _onnx()]
    return [*map(Sample, images), *_omezarr(folder, rng), *models]


def _written(folder: Path) -> Iterator[bytes]:
    """By imgconv itself."""
    rng = np.random.default_rng(1)
    cases = [
        ("png", "u1", 3), ("png", "u2", 4), ("png", "u1", 1), ("jpeg", "u1", 3), ("jpeg", "u1", 1),
        ("tiff", "u1", 3), ("tiff", "u2", 1), ("tiff", "f4", 2), ("webp", "u1", 3),
        ("webp", "u1", 4), ("bmp", "u1", 3), ("bmp", "u1", 1), ("gif", "u1", 3), ("pnm", "u2", 3),
        ("pnm", "u1", 1), ("pfm", "f4", 3), ("avif", "u1", 3), ("npy", "f4", 3), ("npy", "u2", 1),
    ]  # fmt: skip
    for number, (kind, dtype, channels) in enumerate(cases):
        plane = (rng.random((19, 23, channels)) * (1 if dtype == "f4" else 200)).astype(dtype)
        alpha = "straight" if channels in (2, 4) else "none"
        info = Info(kind, plane.dtype, *plane.shape, alpha=alpha, text=(("Title", "Grüße ✓"),))
        path = folder / f"{number}"
        write_image(path, [plane], info, WriteOptions(format=kind))
        yield path.read_bytes()


def _by_pillow(rng: np.random.Generator) -> Iterator[bytes]:
    from PIL import Image

    grey = Image.fromarray((rng.random((19, 23)) * 255).astype("u1"))
    colour = Image.merge("RGB", [grey] * 3)
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind, image, options in [
        ("PNG", colour.quantize(9), {"transparency": 3}), ("PNG", grey.convert("1"), {}),
        ("PNG", colour, {"exif": exif.tobytes(), "dpi": (72, 72)}),
        ("JPEG", colour, {"progressive": True, "exif": exif.tobytes(), "comment": "hello"}),
        ("JPEG", colour.convert("CMYK"), {}),
        ("GIF", colour.quantize(9), {"save_all": True, "append_images": [colour.quantize(4)]}),
        ("WEBP", colour, {"save_all": True, "append_images": [grey.convert("RGB")]}),
        ("BMP", grey.convert("1"), {}), ("PPM", grey.convert("1"), {}),
        ("TIFF", grey, {"compression": "tiff_lzw"}),
        ("TIFF", grey.convert("1"), {"compression": "group4"}),
    ]:  # fmt: skip
        file = io.BytesIO()
        image.save(file, kind, **options)
        yield file.getvalue()
    plain = " ".join(map(str, np.asarray(grey).ravel())).encode()
    yield b"P2\n23 19\n255\n" + plain
    yield b"P7\nWIDTH 2\nHEIGHT 2\nDEPTH 4\nMAXVAL 255\nENDHDR\n" + b"x" * 16


def _tiffs(rng: np.random.Generator) -> Iterator[bytes]:
    import tifffile

    stack = rng.integers(0, 65536, (3, 2, 12, 17), dtype=np.uint16)
    table = np.zeros((3, 256), "u2")
    for array, options in [
        (stack, {"imagej": True, "metadata": {"axes": "TZYX"}}),
        (stack, {"ome": True, "metadata": {"axes": "TZYX"}}),
        (stack, {"metadata": {"axes": "TZYX"}, "compression": "zlib", "predictor": 2}),
        (stack[0, 0], {"tile": (16, 16), "bigtiff": True, "compression": "zstd"}),
        (stack, {"truncate": True, "imagej": True, "metadata": {"axes": "TZYX"}}),
        (stack[:, 0].astype("u1"), {"photometric": "rgb", "planarconfig": "separate"}),
        (np.zeros((64, 64, 3), "u1"), {"photometric": "rgb", "compression": "jpeg"}),
        (stack[0, 0].astype("u1"), {"photometric": "palette", "colormap": table}),
        (stack[0, 0] > 9999, {"photometric": "minisblack"}),
        (stack[0, 0].astype("f2"), {"compression": "lzw", "byteorder": ">"}),
        (stack[0, 0].astype("u1"), {"compression": "packbits", "rowsperstrip": 3}),
    ]:  # fmt: skip
        file = io.BytesIO()
        tifffile.imwrite(file, array, **options)
        yield file.getvalue()


def _packed(rng: np.random.Generator) -> Iterator[bytes]:
    """What needs a library of the extras: HEIF, JPEG XL, and TIFFs packed by them."""
    import imagecodecs
    import tifffile

    plane = rng.integers(0, 255, (32, 32, 3), np.uint8)
    for container in (False, True):
        yield imagecodecs.jpegxl_encode(plane, usecontainer=container)
    for compression in ("jpeg2000", "lerc", "webp", "jpegxl", "png", "lzma"):
        file = io.BytesIO()
        options = {"compression": compression, "photometric": "rgb", "rowsperstrip": 16}
        tifffile.imwrite(file, plane, **options)
        yield file.getvalue()
    with contextlib.suppress(ImportError):
        import pillow_heif

        file = io.BytesIO()
        pillow_heif.from_bytes("RGB", (32, 32), plane.tobytes()).save(file, quality=60)
        yield file.getvalue()


def _kinds() -> Iterator[bytes]:
    """The small files of tests/kinds, each of which once was read wrongly."""
    for path in sorted(KINDS.iterdir()):
        if path.is_file() and path.stat().st_size <= LARGEST:
            yield path.read_bytes()


def _microscopes(folder: Path, rng: np.random.Generator) -> Iterator[bytes]:
    from test_images_microscopes import leica, nikon

    yield leica({"a": rng.integers(0, 999, (2, 2, 8, 10), np.uint16)})
    yield nikon(rng.integers(0, 999, (1, 2, 1, 2, 8, 10), np.uint16))
    with contextlib.suppress(ImportError):
        from pylibCZIrw import czi

        with czi.create_czi(str(folder / "made.czi")) as file:
            for c in range(2):
                file.write(rng.integers(0, 999, (9, 12, 1), np.uint16), plane={"C": c})
        yield (folder / "made.czi").read_bytes()


def _omezarr(folder: Path, rng: np.random.Generator) -> Iterator[Sample]:
    """One sample for each file of an OME-Zarr folder."""
    plane = rng.integers(0, 999, (40, 40, 1), np.uint16)
    info = Info("ome-zarr", plane.dtype, *plane.shape)
    write_image(folder / "made.ome.zarr", [plane], info, WriteOptions(format="ome-zarr"))
    for path in sorted((folder / "made.ome.zarr").rglob("*")):
        if path.is_file() and path.stat().st_size <= LARGEST:
            yield Sample(path.read_bytes(), str(path.relative_to(folder)), "made.ome.zarr")


def _models(folder: Path) -> Iterator[bytes]:
    """One of each task, and some of none."""
    import colorize_standin
    import denoise_standin
    import networks_of_tests as networks
    import standin

    made = [standin.model(folder / "a.safetensors"), denoise_standin.photo(folder)]
    made += [str(colorize_standin.model(folder / "b.safetensors"))]
    for number, make in enumerate((networks.convolver, networks.classifier, networks.halver)):
        made.append(make(str(folder / f"{number}.safetensors")))
    for path in made:
        if Path(path).stat().st_size <= LARGEST:
            yield Path(path).read_bytes()


def _onnx() -> Iterator[bytes]:
    """The small networks that the package onnx is tested with."""
    import onnx

    data = Path(onnx.__file__).parent / "backend" / "test" / "data"
    for kind in ("pytorch-operator", "pytorch-converted", "simple"):
        for path in sorted(data.glob(f"{kind}/*/model.onnx"))[::12]:
            if path.stat().st_size <= LARGEST:
                yield path.read_bytes()
