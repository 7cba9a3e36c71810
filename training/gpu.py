"""A quarter of an hour of a large GPU, prepared: its data in one small file, and its settings.

    python -m training.gpu pack segmentation --data nuclei-dsb2018.zip nuclei-more.zip \\
        --hold-out deepcell,gbm40 --out pack.zip
    python -m training.gpu train segmentation --data pack.zip --start nuclei --state results

`pack` needs no GPU and writes 25 MiB at most: for segmentation crops at the size at which the
network sees them, lossless; for denoising whole files as they are. `train` is the usual training
with the settings below, to which any of its options can be added; `results` then holds
weights.safetensors, float16, written every two minutes, which --start and the export of the
task take, and log.jsonl. Seconds per step are on standard error.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile

from imgconv.tasks.segment.card import READ
from imgconv.threads import available

from .denoising.pictures import names
from .files import Files
from .segmentation.augment import weights
from .segmentation.data import Example, load, numbered
from .segmentation.train import SHARES

TASKS = ("segmentation", "denoising")
SIDE = 320  # pixels of a packed crop: a turned crop of 192 has room in it
BATCH, RATE, MINUTES, WRITTEN, REPEAT = 128, 3e-3, 13, 2, 4
OTHER_LENGTHS = ("--minutes", "--steps", "--pixels")

RESERVE = 2**10  # bytes of a zip for each file, beside what is in it

Group = tuple[list[tuple[str, bytes]], dict[str, Any]]  # files by name, and their row of the index


def arguments(argv: list[str] | None = None) -> tuple[argparse.Namespace, list[str]]:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("what", choices=("pack", "train"))
    made.add_argument("task", choices=TASKS)
    options, rest = made.parse_known_args(argv)
    if options.what == "train":
        return options, rest
    made.add_argument("--data", required=True, action="extend", nargs="+", help="folders or zips")
    made.add_argument("--hold-out", type=lambda text: text.split(","), default=[])
    made.add_argument("--out", type=Path, required=True, help="the zip file to write")
    made.add_argument("--mib", type=float, default=25, help="its largest size (25)")
    made.add_argument("--seed", type=int, default=1)
    return made.parse_args(argv), []


def pack(options: argparse.Namespace) -> None:
    """Write a zip of crops or files, until it is full or there are no more."""
    if options.task == "segmentation":
        entries = crops(load(options.data, "train", options.hold_out), options.seed)
    else:
        entries = files(options.data, options.seed)
    left, rows = options.mib * 2**20 - RESERVE, []
    with zipfile.ZipFile(options.out, "w", zipfile.ZIP_STORED) as archive:
        for group, row in entries:
            left -= sum(len(data) + RESERVE for _, data in group)
            if left < 0:
                break
            rows.append(row)
            for name, data in group:
                archive.writestr(name, data)
        if options.task == "segmentation":
            archive.writestr("index.json", json.dumps(rows), zipfile.ZIP_DEFLATED)
    print(f"{len(rows)} in {options.out.stat().st_size / 2**20:.1f} MiB", file=sys.stderr)
    print(options.out)


def crops(examples: list[Example], seed: int) -> Iterator[Group]:
    """Image, labels and row of the index of each crop; images come as often as the training
    draws them, each crop of them once."""
    rng = np.random.default_rng(seed)
    waiting = [[*map(tuple, rng.permutation([*windows(one)]))] for one in examples]
    owner = [place for place, own in enumerate(waiting) for _ in own]
    share = weights(examples, SHARES)[owner]
    drawn = np.argsort(rng.exponential(size=len(owner)) / share)  # without putting back
    for number, place in enumerate(drawn):
        yield packed(examples[owner[place]], waiting[owner[place]].pop(), number)


def windows(item: Example) -> Iterator[tuple[int, int, int]]:
    """Top, left and side of crops that cover an image; they are SIDE across once it is reduced so
    that its objects have the usual size. What is small already is not enlarged."""
    side = round(SIDE * max(1.0, item.diameter / READ["usual"]))
    H, W = item.labels.shape
    for top in range(0, max(1, H - side // 2), side):
        for left in range(0, max(1, W - side // 2), side):
            yield max(0, min(top, H - side)), max(0, min(left, W - side)), side


def packed(item: Example, window: tuple[int, int, int], number: int) -> Group:
    top, left, side = (int(v) for v in window)
    part = np.s_[top : top + side, left : left + side]
    pixels, labels = item.pixels[part], item.labels[part]
    if side > SIDE:
        size = [max(1, round(n * SIDE / side)) for n in labels.shape[::-1]]
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        labels = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)
    row = {
        "id": f"{number:05}", "kind": item.kind, "source": item.source, "field": item.field,
        "labels": "manual" if item.manual else "model", "split": "train",
        "levels": item.range, "diameter": item.diameter * min(1.0, SIDE / side),
    }  # fmt: skip
    suffix = {"uint8": ".webp", "uint16": ".png"}.get(str(pixels.dtype), ".tif")
    labels = labels if labels.dtype == np.uint16 else numbered(labels)
    return [
        (f"train/images/{number:05}{suffix}", encoded(np.squeeze(pixels), suffix)),
        (f"train/labels/{number:05}.png", encoded(labels, ".png")),
    ], row


def encoded(pixels: np.ndarray, suffix: str) -> bytes:
    """Lossless."""
    if suffix == ".tif":
        stream = io.BytesIO()
        tifffile.imwrite(stream, pixels, compression="zlib")
        return stream.getvalue()
    how = {".webp": [cv2.IMWRITE_WEBP_QUALITY, 101], ".png": [cv2.IMWRITE_PNG_COMPRESSION, 9]}
    bgr = pixels[..., ::-1] if pixels.ndim == 3 else pixels
    _, data = cv2.imencode(suffix, np.ascontiguousarray(bgr), how[suffix])
    return data.tobytes()


def files(sources: list[str], seed: int) -> Iterator[Group]:
    """Image files as they are, in random order."""
    every = [(one, name) for one in map(Files, sources) for name in names(one)]
    for place in np.random.default_rng(seed).permutation(len(every)):
        source, name = every[place]
        yield [(f"{source.root.stem}/{name}", source.read(name))], {}


def train(task: str, given: list[str]) -> None:
    """The task's training with settings for a large GPU, which those given go before."""
    settings = [
        "--batch", BATCH, "--rate", RATE, "--repeat", REPEAT, "--nice", 0,
        "--workers", max(1, available() - 1), "--save-every", 0, "--validate-every", 0,
        "--write-every", WRITTEN,
    ]  # fmt: skip
    if not any(one.split("=")[0] in OTHER_LENGTHS for one in given):
        settings += ["--minutes", MINUTES]
    module = importlib.import_module(f".{task}.train", __package__)
    module.main(module.arguments([*map(str, settings), *given]))


def main(options: argparse.Namespace, given: list[str]) -> None:
    if options.what == "pack":
        pack(options)
    else:
        train(options.task, given)


if __name__ == "__main__":
    main(*arguments())
