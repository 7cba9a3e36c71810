"""`python -m imgconv.kernels.compile_ahead LEVEL FOLDER [MODULE.NAME ...]`: for ahead.py.

Compiles all kernels, or those named, for a level of CPUs (levels.py) into a folder. Which CPU
this one is does not matter, but that ARM does not compile for x86.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from . import ahead, every, host, levels


def main(level: str, folder: Path, names: list[str]) -> None:
    """Before anything imports Numba, which looks at the CPU once."""
    if level not in levels.LEVELS:
        sys.exit(f"{level!r} is no level of CPUs: choose from {', '.join(levels.LEVELS)}")
    os.environ.update(zip(ahead.FORCED, levels.target(level), strict=True))
    if triple := levels.other_family(level):
        host.cpu()  # remembers them: Numba makes code for this CPU too, which nobody runs
        for word in ahead.FORCED:
            del os.environ[word]
    from .compiler import compile_object

    folder.mkdir(parents=True, exist_ok=True)
    for name in names or [f"{kernel.module}.{kernel.name}" for kernel in every()]:
        module, _, function = name.partition(".")
        entry = compile_object(module, function, triple)
        data = ahead.pack(entry, ahead.sources())
        (folder / f"{name}.bin").write_bytes(data)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
