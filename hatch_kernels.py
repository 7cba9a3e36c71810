"""Wheels that bring their kernels along, so that nothing is compiled on the user's machine.

    IMGCONV_KERNELS=x86-64-v2,x86-64-v3,x86-64-v4 python -m build --wheel
    IMGCONV_KERNELS=aarch64 python -m build --wheel

Without the variable the wheel is for every platform, and kernels are compiled at their first use.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

OPTION = "IMGCONV_KERNELS"  # levels, with commas between (imgconv/kernels/levels.py)
NEEDED = ["numba>=0.61", "numpy>=2.0", "filelock>=3.12"]


def wanted() -> list[str]:
    return [level.strip() for level in os.environ.get(OPTION, "").split(",") if level.strip()]


class KernelsAhead(BuildHookInterface):
    """Compiles all kernels for each level, in processes of their own."""

    folder = ""

    def dependencies(self) -> list[str]:
        return NEEDED if wanted() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if not wanted() or version == "editable":
            return
        machines = {"aarch64" if level == "aarch64" else "x86_64" for level in wanted()}
        if len(machines) > 1:
            raise SystemExit(f"{OPTION}: a wheel is for one family of CPUs, aarch64 or x86-64")
        folder = self.folder = tempfile.mkdtemp(prefix="imgconv-kernels-")
        for level in wanted():
            compile_for(level, Path(folder) / level, Path(self.root))
        build_data["force_include"][folder] = "imgconv/kernels/compiled"
        build_data["pure_python"] = False
        # The objects need the C library's memcpy, memset and rounding alone: of any version.
        build_data["tag"] = f"py3-none-manylinux2014_{machines.pop()}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if self.folder:
            shutil.rmtree(self.folder)


def compile_for(level: str, folder: Path, root: Path) -> None:
    command = [sys.executable, "-m", "imgconv.kernels.compile_ahead", level, str(folder)]
    done = subprocess.run(command, cwd=root)
    if done.returncode:
        raise SystemExit(f"{OPTION}: kernels for {level} could not be compiled")
