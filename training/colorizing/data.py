"""Colour photos of a folder or a zip file, kept in memory, and which of them are for validation.

The class of a photo is its folder (CLASS/NAME.jpg); photos at the top are of no class. One in
twelve of each class is for validation, always the same ones: those whose path has a CRC-32 that
leaves 0 when divided by 12. `validation.txt` lists those of the packs the network was trained on.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from imgconv.tasks.colorize.oklab import lab_of
from imgconv.tasks.colorize.toned import colour_of

from ..files import Files

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
PART = 12  # one in so many is for validation
LONGEST = 200  # pixels of the shorter side; larger photos are reduced to it
PALE = 0.01  # mean OKLab chroma below which a photo has no colour to learn
TWINS = frozenset(  # photos of Caltech-101 that show, mirrored or cropped, what an unseen one does
    f"{kind}/image_{number:04}.jpg"
    for kind, numbers in {
        "Leopards": (73, 90, 93, 105, 192), "stop_sign": (5,), "platypus": (22,), "Faces": (181,),
    }.items()
    for number in numbers
)  # fmt: skip


@dataclass(frozen=True)
class Photo:
    name: str
    pack: str  # stem of the folder or zip
    kind: str  # its class, "" for none
    pixels: np.ndarray  # (H, W, 3) uint8 RGB


def is_unseen(name: str) -> bool:
    """Whether the photo CLASS/NAME is for validation."""
    return zlib.crc32(name.encode()) % PART == 0


def decoded(data: bytes) -> np.ndarray | None:
    """RGB (H, W, 3), reduced; None where it is no picture or has no colours to learn."""
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if found is None or min(found.shape[:2]) < 32:
        return None
    scale = LONGEST / min(found.shape[:2])
    if scale < 1:
        size = [round(n * scale) for n in found.shape[1::-1]]
        found = cv2.resize(found, size, interpolation=cv2.INTER_AREA)
    pixels = np.ascontiguousarray(found[:, :, ::-1])
    return pixels if is_coloured(pixels) else None


def is_coloured(pixels: np.ndarray) -> bool:
    """False for black and white photos stored as RGB, and for sepia prints, which teach brown."""
    some = pixels[::4, ::4]
    chroma = lab_of(some / np.float32(255))[..., 1:]
    return bool(np.hypot(*np.moveaxis(chroma, 2, 0)).mean() > PALE) and colour_of(some) == "colour"


def load(source: str | Path, unseen: bool, most: int | None = None) -> list[Photo]:
    """The photos of one part, in the order of their names; `most`: about so many, of all kinds."""
    files, pack = Files(source), Path(source).stem
    names = [
        name
        for name in files.names
        if PurePosixPath(name).suffix.lower() in SUFFIXES
        and is_unseen(name) == unseen
        and name not in TWINS
    ]
    step = max(1, len(names) // most) if most else 1
    read = ((name, decoded(files.read(name))) for name in names[::step])
    return [Photo(name, pack, kind(pack, name), p) for name, p in read if p is not None]


def kind(pack: str, name: str) -> str:
    """The class of a photo CLASS/NAME, with that of its pack; "" at the top."""
    folder = PurePosixPath(name).parent.name
    return f"{pack}/{folder}" if folder else ""


def classes(photos: Sequence[Photo]) -> dict[str, int]:
    """A number for each class."""
    return {kind: n for n, kind in enumerate(sorted({p.kind for p in photos if p.kind}))}
