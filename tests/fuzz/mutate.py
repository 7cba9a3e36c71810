"""Damaged images: sample files of every format, made on the fly, and ways to break them.

    python tests/fuzz/mutate.py --cases 100000 --seed 7

reads that many damaged files through the door. What may come out is an image or an ImgconvError
of one line, within a second or so and without the memory of a small machine. The first other
outcome ends the run with the case's number and leaves its bytes in a file.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import resource
import signal
import struct
import sys
import tempfile
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from imgconv.errors import ImgconvError
from imgconv.images import Info, WriteOptions, is_ours, open_image, write_image

SECONDS = 10  # a file of a few kilobytes that takes longer hangs
MEGABYTES = 1500  # of resident memory, interpreter and libraries included
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 60000)


def samples(folder: Path) -> list[bytes]:
    """One small file of each kind that the door knows."""
    from PIL import Image

    rng = np.random.default_rng(1)
    files: list[bytes] = []
    cases = [
        ("png", "u1", 3), ("png", "u2", 4), ("png", "u1", 1), ("jpeg", "u1", 3), ("jpeg", "u1", 1),
        ("tiff", "u1", 3), ("tiff", "u2", 1), ("tiff", "f4", 2), ("webp", "u1", 3),
        ("webp", "u1", 4), ("bmp", "u1", 3), ("bmp", "u1", 1), ("gif", "u1", 3), ("pnm", "u2", 3),
        ("pnm", "u1", 1), ("pfm", "f4", 3), ("npy", "f4", 3), ("npy", "u2", 1),
    ]  # fmt: skip
    for number, (kind, dtype, channels) in enumerate(cases):
        plane = (rng.random((19, 23, channels)) * (1 if dtype == "f4" else 200)).astype(dtype)
        alpha = "straight" if channels in (2, 4) else "none"
        info = Info(kind, plane.dtype, *plane.shape, alpha=alpha, text=(("Title", "Grüße ✓"),))
        path = folder / f"{number}"
        write_image(path, [plane], info, WriteOptions(format=kind))
        files.append(path.read_bytes())
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
        files.append(file.getvalue())
    plain = " ".join(map(str, np.asarray(grey).ravel())).encode()
    files += [
        b"P2\n23 19\n255\n" + plain,
        b"P7\nWIDTH 2\nHEIGHT 2\nDEPTH 4\nMAXVAL 255\nENDHDR\n" + b"x" * 16,
    ]
    return files + list(_tiffs(rng))


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


def mutated(files: list[bytes], rng: np.random.Generator) -> bytes:
    """One of the files with one to four things done to it."""
    data = bytearray(files[rng.integers(len(files))])
    for _ in range(rng.integers(1, 5)):
        if not data:
            break
        at = int(rng.integers(min(len(data), 300) if rng.random() < 0.6 else len(data)))
        what = rng.integers(8)
        if what == 0:
            data[at] ^= 1 << int(rng.integers(8))
        elif what == 1:
            data[at] = int(rng.integers(256))
        elif what in (2, 3):
            size = int(rng.choice([1, 2, 4]))
            value = int(rng.choice(EXTREMES)) & ((1 << 8 * size) - 1)
            order = "little" if rng.random() < 0.5 else "big"
            data[at : at + size] = value.to_bytes(size, order)
        elif what == 4:
            del data[at:]
        elif what == 5:
            del data[at : at + int(rng.integers(1, 40))]
        elif what == 6:
            data[at:at] = rng.bytes(int(rng.integers(1, 40)))
        else:
            other = files[rng.integers(len(files))]
            data[at : at + 40] = other[at : at + 40]
    return _checksummed(bytes(data)) if rng.random() < 0.5 else bytes(data)


def _checksummed(data: bytes) -> bytes:
    """A PNG with the checksums its damaged chunks should have, so that more of it is read."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    out, at = bytearray(data), 8
    while at + 12 <= len(out):
        (length,) = struct.unpack_from(">I", out, at)
        if at + 12 + length > len(out):
            break
        crc = zlib.crc32(out[at + 4 : at + 8 + length])
        struct.pack_into(">I", out, at + 8 + length, crc)
        at += 12 + length
    return bytes(out)


def read(path: Path, rng: np.random.Generator) -> None:
    """Read all that the door delivers, and check it against what it announced."""
    is_ours(path)
    with open_image(path, max_pixels=4_000_000, allow_truncated=rng.random() < 0.3) as source:
        for number, plane in enumerate(source.planes()):
            assert plane.ndim == 3 and plane.size, plane.shape
            assert plane.dtype in (np.uint8, np.uint16, np.float32), plane.dtype
            if number >= 50:
                break


def run(cases: int, seed: int, only: int | None = None) -> tuple[int, int]:
    """Read `cases` damaged files; how many were images still, and how many were refused.

    Raises or exits at the first that is not handled well.
    """
    images = refused = 0
    warnings.simplefilter("error")
    logging.raiseExceptions = True
    signal.signal(signal.SIGALRM, _hang)
    with tempfile.TemporaryDirectory() as folder, _caught_stderr() as err:
        files = samples(Path(folder))
        path = Path(folder) / "case"
        for case in range(cases) if only is None else [only]:
            rng = np.random.default_rng((seed, case))
            data = mutated(files, rng)
            path.write_bytes(data)
            try:
                signal.alarm(SECONDS)
                read(path, rng)
                images += 1
            except ImgconvError as error:
                refused += 1
                text = str(error)
                if "\n" in text or len(text) > 500:
                    _report(seed, case, data, f"a message of more than a line: {text!r}")
                    raise SystemExit(1) from error
            except BaseException as error:
                _report(seed, case, data, repr(error))
                raise
            finally:
                signal.alarm(0)
            if said := _stderr(err):
                _report(seed, case, data, f"a library said {said!r}")
                raise SystemExit(1)
            used = _peak()
            if used > MEGABYTES:
                _report(seed, case, data, f"{used} MB of memory")
                raise SystemExit(1)
    return images, refused


@contextlib.contextmanager
def _caught_stderr() -> Iterator[BinaryIO]:
    """What C libraries write to the process's standard error goes into a file."""
    with tempfile.TemporaryFile() as file:
        before = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield file
        finally:
            os.dup2(before, 2)
            os.close(before)


def _stderr(file: BinaryIO) -> bytes:
    """What has been written there since the last case."""
    end = os.fstat(file.fileno()).st_size
    said = os.pread(file.fileno(), 300, 0) if end else b""
    os.ftruncate(file.fileno(), 0)
    return said


def _hang(number: int, frame: object) -> None:
    raise TimeoutError(f"not done after {SECONDS} s")


def _peak() -> int:
    """Megabytes this process has used at most; the kernel's other figure, of getrusage, begins
    with what the parent had when it forked."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


def _report(seed: int, case: int, data: bytes, what: str) -> None:
    kept = Path(tempfile.gettempdir()) / f"imgconv-fuzz-{seed}-{case}"
    kept.write_bytes(data)
    print(f"seed {seed} case {case}: {what}; the file is kept as {kept}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="run this case alone")
    chosen = parser.parse_args()
    counts = run(chosen.cases, chosen.seed, chosen.only)
    print(f"{counts[0]} images, {counts[1]} refused")
