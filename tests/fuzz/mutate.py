"""Damaged files: small ones of every format and kind of model, and ways to break them.

    python tests/fuzz/mutate.py --cases 100000 --first 0

reads that many damaged files through the door; models are loaded, and run on a small image. What
may come out is a result or an ImgconvError of one line, within a second or so and without the
memory of a small machine. A file that fails is kept.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import resource
import struct
import sys
import tempfile
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import cases
from originals import Sample, make_samples

from imgconv import engine
from imgconv.engine.onnx import import_file
from imgconv.errors import ImgconvError
from imgconv.images import is_ours, open_image
from imgconv.steps.describe import describe
from imgconv.tasks import load as tasks

SECONDS = 10  # of the processor; a file of a few kilobytes that takes longer hangs
MEGABYTES = 1500  # of resident memory, interpreter and libraries included
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 60000)


def mutated(whole: bytes, others: list[Sample], rng: np.random.Generator) -> bytes:
    """The file with one to four things done to it."""
    data = bytearray(whole)
    for _ in range(rng.integers(1, 5)):
        if not data:
            break
        at = int(rng.integers(min(len(data), 300) if rng.random() < 0.6 else len(data)))
        what = rng.integers(10)
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
        elif what in (7, 8):
            if found := re.search(rb"[0-9]+", data[at : at + 400]):
                digits = rng.choice([b"9", b"0", b"2", b"1"], found.end() - found.start())
                data[at + found.start() : at + found.end()] = b"".join(digits)
        else:
            other = others[rng.integers(len(others))].data
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
    """All that can be had of the file."""
    if path.suffix == ".safetensors":
        run_model(path, rng)
    elif path.suffix == ".onnx":
        import_file(path)
    else:
        read_image(path, rng)


def read_image(path: Path, rng: np.random.Generator) -> None:
    """Read all that the door delivers, check it against what it announced, and describe it."""
    is_ours(path)
    with open_image(path, max_pixels=4_000_000, allow_truncated=rng.random() < 0.3) as source:
        for image in source.images[:50]:
            json.dumps(describe(image.info))
        for number, plane in enumerate(source.planes()):
            assert plane.ndim == 3 and plane.size, plane.shape
            assert plane.dtype in (np.uint8, np.uint16, np.float32), plane.dtype
            if number >= 50:
                break


def run_model(path: Path, rng: np.random.Generator) -> None:
    """Load it, compare its card with what its task needs, and run it."""
    model = engine.load(path)
    if model.card.get("task") in tasks.TASKS:
        tasks.load(path, model.card["task"])
    name, shape = next(iter(model.graph.inputs.items()))
    image = rng.random((shape[1] or 1, 16, 16), np.float32)
    engine.run(model, {name: image}, memory=64 << 20)


def prepare(seen: Counter[str]) -> cases.Case:
    """A case is the file of its number: an image or a network still, or refused."""
    warnings.simplefilter("error")
    logging.raiseExceptions = True
    place = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    samples = make_samples(Path(place.name))

    def case(number: int, _: Path) -> str:
        rng = np.random.default_rng((1, number))
        sample = samples[rng.integers(len(samples))]
        data = mutated(sample.data, samples, rng)
        path = Path(place.name, sample.name)
        path.write_bytes(data)
        try:
            return read_or_refuse(Path(place.name, sample.opened), rng)
        except BaseException as error:
            kept = Path(tempfile.gettempdir()) / f"imgconv-fuzz-{number}-{path.name}"
            kept.write_bytes(data)
            error.add_note(f"the file is kept as {kept}")
            raise
        finally:
            path.write_bytes(sample.data)  # of a folder the next case damages another file

    return case


def read_or_refuse(path: Path, rng: np.random.Generator) -> str:
    """What came of it. Raises Failure if it was not handled well."""
    with _caught_stderr() as err:
        try:
            read(path, rng)
            word = "read"
        except ImgconvError as error:
            word = "refused"
            if "\n" in str(error) or len(str(error)) > 500:
                raise cases.Failure(f"a message of more than a line: {str(error)!r}") from error
        said = _said(err)
    if said:
        raise cases.Failure(f"a library said {said!r}")
    if (used := _peak()) > MEGABYTES:
        raise cases.Failure(f"{used} MB of memory")
    kind = path.suffix.removeprefix(".")
    return f"{kind}:{word}" if kind in ("safetensors", "onnx") else word


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


def _said(file: BinaryIO) -> bytes:
    """What has been written there since the last case."""
    end = os.fstat(file.fileno()).st_size
    said = os.pread(file.fileno(), 300, 0) if end else b""
    os.ftruncate(file.fileno(), 0)
    return said


def _peak() -> int:
    """Megabytes this process has used at most; the kernel's other figure, of getrusage, begins
    with what the parent had when it forked."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


def report(seen: Counter[str]) -> str:
    return f"{sum(seen.values())} files: " + ", ".join(f"{n} {word}" for word, n in seen.items())


if __name__ == "__main__":
    sys.exit(cases.main(__doc__, prepare, report, batch=5000, seconds=SECONDS))
