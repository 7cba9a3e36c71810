"""`imgconv --version`: our version and those of the libraries, without importing them."""

from __future__ import annotations

import platform
from importlib import metadata

from imgconv import __version__

LIBRARIES = (
    "numpy", "numba", "llvmlite", "pillow", "tifffile", "imagecodecs", "isal", "typer", "rich",
)  # fmt: skip


def lines() -> list[str]:
    ours = f"imgconv {__version__} (Python {platform.python_version()}, {platform.machine()})"
    return [ours, *(f"  {name} {_version(name)}" for name in LIBRARIES)]


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
