"""What is written is opened by ExifTool, libvips and ImageMagick: sizes, values, nothing to say.

Each is skipped where the program (Debian's libimage-exiftool-perl, libvips-tools, imagemagick) is
missing. ImageJ is in test_imagej.py, napari in test_napari.py.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from imgconv.images import Info, WriteOptions, write_image
from imgconv.images.formats import ALL

HEIGHT, WIDTH = 36, 48
NOT_THEIRS = {"npy"}
OPAQUE = {"exiftool": {"pam", "pfm"}, "vips": {"pam"}, "identify": {"jpeg-xl", "jpegxl"}}
QUIET = {**os.environ, "VIPS_WARNING": "0"}  # libvips tells of each profile that it ignores
LOSSY = 1.5  # of 255, in the mean


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, np.ndarray]:
    """A file of every format, with each depth, channels and TIFF compression that it holds."""
    folder = tmp_path_factory.mktemp("written")
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    smooth = np.stack([x / WIDTH, y / HEIGHT, (x + y) / (WIDTH + HEIGHT), 0.5 + x / WIDTH / 2], 2)
    made = {}
    for kind in ALL:
        if kind.name in NOT_THEIRS:
            continue
        for bits in kind.depths:
            for channels in (*kind.colours, 4) if kind.alpha else kind.colours:
                dtype, top = {8: ("u1", 255), 16: ("u2", 65535), 32: ("f4", 1)}[bits]
                plane = (smooth[..., :channels] * top).astype(dtype)
                plane = plane // 128 * 255 if kind.name == "pbm" else plane
                for compression in ("none", "lzw", "deflate") if kind.name == "tiff" else ("",):
                    path = folder / f"{kind.name}-{bits}-{channels}{compression}{kind.suffix}"
                    alpha = "straight" if channels == 4 else "none"
                    info = Info("png", plane.dtype, *plane.shape, alpha=alpha)
                    options = WriteOptions(compression=compression or None, format=kind.name)
                    write_image(path, [plane], info, options)
                    made[path] = plane
    return made


def known_to(program: str, files: dict[Path, np.ndarray]) -> dict[Path, np.ndarray]:
    if not shutil.which(program):
        pytest.skip(f"no {program} here")
    strange = OPAQUE[program]
    return {path: p for path, p in files.items() if path.name.partition("-")[0] not in strange}


def said_by(*words: str, files: Sequence[Path] = ()) -> str:
    done = subprocess.run([*words, *files], capture_output=True, text=True, env=QUIET)
    assert done.returncode == 0 and not done.stderr.strip(), done.stderr
    return done.stdout


def test_exiftool_finds_nothing_wrong(files: dict[Path, np.ndarray]) -> None:
    known = known_to("exiftool", files)
    words = ("exiftool", "-q", "-json", "-validate", "-warning", "-error", "-imagesize")
    for found in json.loads(said_by(*words, files=list(known))):
        if ".heic" not in found["SourceFile"]:  # whose blocks are cut by a box of its own
            assert found["ImageSize"] == f"{WIDTH}x{HEIGHT}", found
        deflate = "Invalid value for IFD0 tag 0x0103 Compression"  # newer than its list
        assert found.get("Warning", deflate) == deflate and "Error" not in found, found


def test_vips_reads_the_same_mean(files: dict[Path, np.ndarray]) -> None:
    for path, plane in known_to("vips", files).items():
        if path.name.startswith("gif-8-4") or (plane.shape[2] == 1 and "tiff" not in path.name):
            continue  # what is half covered is left out; each call takes a while
        top = 1 if plane.dtype.kind == "f" else np.iinfo(plane.dtype).max
        mean = float(said_by("vips", "avg", str(path)))
        assert abs(mean / top - plane.mean() / top) < LOSSY / 255, path.name


def test_imagemagick_reads_the_same_mean(files: dict[Path, np.ndarray]) -> None:
    known = known_to("identify", files)
    said = said_by("identify", "-format", "%f %w %h %[fx:mean.r]\n", files=list(known))
    found = {words[0]: words[1:] for words in map(str.split, said.splitlines())}
    for path, plane in known.items():
        top = 1 if plane.dtype.kind == "f" else np.iinfo(plane.dtype).max
        width, height, red = found[path.name]
        assert (int(width), int(height)) == (WIDTH, HEIGHT)
        assert abs(float(red) - plane[..., 0].mean() / top) < LOSSY / 255, path.name
