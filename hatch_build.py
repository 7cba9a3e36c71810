"""What the sdist holds: the files that Git tracks, and none of what lies beside them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDERS = ("imgconv", "tests", "training", "weights", "samples", "benchmarks", "docs")


class TrackedFiles(BuildHookInterface):
    """Hatch itself would pack whatever .gitignore does not name."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        for name in tracked(root) or unpacked(root):
            if (root / name).is_file():
                build_data["force_include"][str(root / name)] = name


def tracked(root: Path) -> list[str]:
    """Nothing where this is no repository of Git's: an unpacked sdist, a download."""
    command = ["git", "-C", str(root), "ls-files", "-z"]
    try:
        done = subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return [name for name in done.stdout.decode().split("\0") if name]


def unpacked(root: Path) -> Iterable[str]:
    files = (path for folder in FOLDERS for path in sorted((root / folder).rglob("*")))
    return [path.relative_to(root).as_posix() for path in files if "__pycache__" not in path.parts]
