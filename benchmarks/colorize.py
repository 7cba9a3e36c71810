"""Colour for grey photos: how near to the truth, and how long it takes.

    python benchmarks/colorize.py FOLDER [--model colorize-photo] [--most 200] [--write RESULTS]

takes the colour photos of any folder, makes them grey (Rec. 601, as scanners and convert('L')),
colours them and compares, beside the grey picture itself. A folder's sub-folders are shown one
by one. Timings of whole processes: python benchmarks/run.py colorize
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from timing import Row, command, pair

from imgconv.engine import bundled_models
from imgconv.errors import ImgconvError
from imgconv.images import Info, of_suffix
from imgconv.tasks.colorize.run import Colorizer
from imgconv.tasks.colorize.scores import Score, score, summary
from imgconv.tasks.colorize.toned import colour_of
from imgconv.tasks.load import load

LAKE = Path(__file__).parent.parent / "samples" / "lake.png"
SIZES = (
    ("512x512 PNG (goal 1 s)", (512, 512), ".png"),
    ("12 MP JPEG (goal 5 s)", (4000, 3000), ".jpg"),
)
COLUMNS = (("PSNR dB", "psnr", ".2f"), ("CIEDE2000", "ciede2000", ".2f"),
           ("colourfulness", "colourfulness", ".0%"), ("AuC", "auc", ".4f"))  # fmt: skip


def rows() -> list[Row]:
    """Whole processes, beside one that reads, filters and writes the same picture."""
    if not any(path.stem == "colorize-photo" for path in bundled_models()):
        print("no weights/colorize-photo.safetensors yet: nothing to time")
        return []
    found = []
    with tempfile.TemporaryDirectory() as name:
        for work, size, suffix in SIZES:
            source, out = Path(name) / f"grey{suffix}", Path(name) / f"out{suffix}"
            Image.open(LAKE).convert("L").resize(size).save(source)
            start = [sys.executable, "-m", "imgconv"]
            ours = command(*start, "colorize", "-qf", source, "-o", out)
            peer = command(*start, "filter", "-qf", "-k", "sharpen", source, "-o", out)
            found.append(pair(f"colorize, {work}", "imgconv filter", ours, peer, None, 5))
    return found


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="colorize-photo", help="a name or a .safetensors file")
    parser.add_argument("--saturation", type=float, default=1.0)
    parser.add_argument("--list", type=Path, help="a file of paths in the folder: only these")
    parser.add_argument("--most", type=int, help="about so many photos, spread over the folder")
    parser.add_argument("--write", type=Path, help="folder for pictures: true, grey, coloured")
    return parser.parse_args()


def photos(options: argparse.Namespace) -> Iterator[tuple[Path, np.ndarray]]:
    """Name in the folder and RGB (H, W, 3) uint8 of all that have colour."""
    names = sorted(p for p in options.folder.rglob("*") if of_suffix(p.suffix))
    if options.list:
        wanted = set(options.list.read_text().splitlines())
        names = [p for p in names if p.relative_to(options.folder).as_posix() in wanted]
        if len(names) < len(wanted):
            print(f"{len(wanted) - len(names)} of {options.list} are not there", file=sys.stderr)
    step = max(1, len(names) // options.most) if options.most else 1
    for path in names[::step]:
        try:
            with Image.open(path) as image:
                pixels = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        except OSError as error:
            print(f"{path}: left out, {error}", file=sys.stderr)
            continue
        if colour_of(pixels) == "colour":  # a sepia print has no true colours to compare with
            yield path.relative_to(options.folder), pixels


def compare(work: Colorizer, name: Path, true: np.ndarray, write: Path | None) -> list[Score]:
    """Of the grey picture and of the coloured one."""
    grey = np.asarray(Image.fromarray(true).convert("L"))[..., None]
    found = work(grey, Info("png", grey.dtype, *grey.shape))
    flat = np.repeat(grey, 3, 2)
    if write:
        write.mkdir(parents=True, exist_ok=True)
        beside = np.concatenate([true, flat, found], 1)
        Image.fromarray(beside).save(write / f"{'-'.join(name.parts)}.png")
    return [score(flat, true), score(found, true)]


def show(groups: dict[str, list[list[Score]]]) -> None:
    print("| photos | | " + " | ".join(title for title, _, _ in COLUMNS) + " |")
    print("|---|---|" + "---:|" * len(COLUMNS))
    for group, pairs in groups.items():
        for kind, scores in zip(("grey", "coloured"), zip(*pairs, strict=True), strict=True):
            means = summary(scores)
            cells = " | ".join(f"{means[key]:{form}}" for _, key, form in COLUMNS)
            print(f"| {group} ({len(pairs)}) | {kind} | {cells} |")


def main(options: argparse.Namespace) -> None:
    try:
        model, card = load(options.model, "colorize")
    except ImgconvError as error:
        sys.exit(str(error))
    work = Colorizer(model, options.saturation, card=card)
    groups: dict[str, list[list[Score]]] = {}
    for name, true in photos(options):
        group = name.parts[0] if len(name.parts) > 1 else "."
        groups.setdefault(group, []).append(compare(work, name, true, options.write))
    if not groups:
        sys.exit(f"{options.folder}: no colour photos in it")
    every = [one for pairs in groups.values() for one in pairs]
    show({**(groups if len(groups) > 1 else {}), "all": every})


if __name__ == "__main__":
    main(arguments())
