"""Does this platform do what the others do? The cookbook's recipes with the `imgconv` of this
interpreter, in a new folder, and a digest of the pixels and tables that each has written:

    python tests/try_recipes.py > here.txt      # on two machines; then: diff here.txt there.txt

Networks compute with floats, so that another CPU may differ in a last bit; filters may not.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main() -> int:
    page = (ROOT / "docs" / "cookbook.md").read_text("utf-8")
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "samples").symlink_to(ROOT / "samples")
        for number, recipe in enumerate(re.findall(r"```sh\n(.*?)\n```", page, re.S), 1):
            begin = time.perf_counter()
            words = [sys.executable, "-m", "imgconv", *shlex.split(recipe)[1:]]
            done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
            print(f"{number:2} {'ok' if done.returncode == 0 else 'FAILED'} {digest(folder, done)}")
            print(f"{number:2} {time.perf_counter() - begin:.1f} s {recipe}", file=sys.stderr)
            if done.returncode:
                failed += 1
                print(done.stderr, file=sys.stderr)
    return int(bool(failed))


def digest(folder: Path, done: subprocess.CompletedProcess[str]) -> str:
    """Of what was printed or written, without what says when and where."""
    found = hashlib.sha256()
    for line in done.stdout.splitlines():
        path = folder / line
        there = os.path.exists(path)  # noqa: PTH110 (a line may be longer than a name can be)
        if line.endswith((".png", ".tif", ".jpg")) and there:
            found.update(pixels(path))
        elif line.endswith(".csv") and there:
            found.update(path.read_bytes())
        elif not there:
            found.update(re.sub(r'"seconds": [0-9.]+', "", line).encode())
    return found.hexdigest()[:16]


def pixels(path: Path) -> bytes:
    import imgconv

    image = imgconv.open(path)
    return str((image.shape, image.dtype)).encode() + image.pixels.tobytes()


if __name__ == "__main__":
    sys.exit(main())
