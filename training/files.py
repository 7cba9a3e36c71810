"""Files of a folder or a zip, and pictures out of them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

TIFF = (".tif", ".tiff")
SUFFIXES = (".png", *TIFF, ".webp", ".jpg", ".jpeg", ".bmp")


class Files:
    """The files of a folder or a zip, by name relative to its top."""

    def __init__(self, source: str | Path) -> None:
        self.root = Path(source)
        if not self.root.exists():
            raise SystemExit(f"{source}: no such folder or zip file")
        self.archive = zipfile.ZipFile(source) if zipfile.is_zipfile(source) else None
        if not self.archive and not self.root.is_dir():
            raise SystemExit(f"{source}: neither a folder nor a zip file")
        self.names = sorted(self.archive.namelist() if self.archive else self._walk())

    def _walk(self) -> list[str]:
        return [p.relative_to(self.root).as_posix() for p in self.root.rglob("*") if p.is_file()]

    def read(self, name: str) -> bytes:
        return self.archive.read(name) if self.archive else (self.root / name).read_bytes()

    def stems(self, folder: str) -> dict[str, str]:
        """stem -> name of every image file directly in `folder` ("" is the top)."""
        paths = (PurePosixPath(name) for name in self.names)
        return {
            path.stem: str(path)
            for path in paths
            if str(path.parent) == (folder or ".") and path.suffix.lower() in SUFFIXES
        }


def decoded(files: Files, name: str) -> np.ndarray:
    """(H, W), or (H, W, 3) RGB without alpha, in the file's own dtype."""
    data = files.read(name)
    if PurePosixPath(name).suffix.lower() in TIFF:
        pixels = _tiff(data)
    else:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if pixels is not None and pixels.ndim == 3:
            pixels = pixels[:, :, 2::-1] if pixels.shape[2] > 2 else pixels[:, :, 0]
    if pixels is None:
        raise SystemExit(f"{name}: not an image that can be read")
    if not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (3, 4))):
        raise SystemExit(
            f"{name}: found an array of {pixels.shape}, allowed is one plane (H, W) or RGB "
            "(H, W, 3): save the plane to learn from on its own"
        )
    return np.ascontiguousarray(pixels[..., :3] if pixels.ndim == 3 else pixels)


def _tiff(data: bytes) -> np.ndarray | None:
    import tifffile

    try:
        return np.squeeze(tifffile.imread(io.BytesIO(data)))
    except (ValueError, tifffile.TiffFileError):
        return None


def picture(files: Files, name: str) -> np.ndarray:
    """(H, W, 1) or (H, W, 3) RGB; a colour file whose channels are equal is grey."""
    pixels = decoded(files, name)
    if pixels.ndim == 2:
        return pixels[:, :, None]
    return np.ascontiguousarray(pixels[:, :, :1]) if is_grey(pixels) else pixels


def is_grey(pixels: np.ndarray) -> bool:
    return bool((pixels == pixels[:, :, :1]).all())
