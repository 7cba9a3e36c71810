"""Our PNG writer against imagecodecs.png_encode, at the level whose file is about as large."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from timing import Row, pair

from imgconv.images import Info, WriteOptions, open_image, write_image

MEMORY = Path("/dev/shm")  # a file system in memory: no disk is timed
SAMPLES = Path(__file__).parent.parent / "samples"


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        return compared(folder)


def compared(folder: str) -> list[Row]:
    try:
        import imagecodecs
    except ImportError:
        print("imagecodecs is not installed: no encoders are compared")
        return []
    found = []
    for name in ("lake.png", "leaf.png", "chart.png"):
        with open_image(SAMPLES / name) as source:
            plane, info = next(iter(source.planes())), source.info
        plane = np.ascontiguousarray(np.tile(plane, (3, 3, 1)))
        info = Info("png", plane.dtype, *plane.shape, alpha=info.alpha)
        levels = {level: imagecodecs.png_encode(plane, level=level) for level in range(1, 10)}
        path = Path(folder) / "ours.png"
        ours(plane, info, path)
        size = path.stat().st_size
        level = min(levels, key=lambda n: abs(len(levels[n]) - size))
        work = (
            f"{name} three by three, {plane.shape[1]}x{plane.shape[0]}: {size / 1e6:.2f} MB, "
            f"theirs {len(levels[level]) / 1e6:.2f}"
        )
        peer = f"imagecodecs.png_encode, level {level}"
        found.append(
            pair(
                work, peer, partial(ours, plane, info, path),
                partial(theirs, plane, level, path.with_name("theirs.png")), None, 7,
            )
        )  # fmt: skip
    return found


def theirs(plane: np.ndarray, level: int, path: Path) -> None:
    import imagecodecs

    path.write_bytes(imagecodecs.png_encode(plane, level=level))


def ours(plane: np.ndarray, info: Info, path: Path) -> None:
    write_image(path, [plane], info, WriteOptions(format="png"), force=True)
