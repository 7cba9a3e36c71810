"""Make the pictures of pages again by running their commands: python docs/make_pictures.py

Every ```sh block of lecture.md, colours.md, examples.md, light.md and lab.md is run, in turn, in a
folder of the page's own beside the samples. What a page shows as pictures/NAME is what its commands
have written as out/PAGE/NAME. A ```text block says what the block before it prints;
tests/test_pages.py compares the two.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

DOCS = Path(__file__).parent
PAGES = tuple(DOCS / f"{name}.md" for name in ("lecture", "colours", "examples", "light", "lab"))
WIDEST = 1280  # pixels of a picture on the page
QUALITY = 85  # of a JPEG


def blocks(page: str) -> list[tuple[str, str | None]]:
    """Each sh block and the text block that follows it at once, if one does."""
    found = re.findall(r"```sh\n(.*?)```\n(?:\n```text\n(.*?)```)?", page, re.S)
    return [(code, text or None) for code, text in found]


def shell(folder: Path, code: str) -> str:
    """Run a block as a student would; what it prints. CalledProcessError where it fails."""
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(DOCS.parent)}
    done = subprocess.run(
        ["sh", "-ec", code], cwd=folder, env=environment, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if not line.startswith("imgconv: compil")]
    if done.returncode:
        raise RuntimeError("\n".join([code, *lines]))
    return "\n".join(lines)


def prepare(folder: Path) -> None:
    """The samples, and `imgconv` and `python` as this interpreter has them."""
    if not (folder / "samples").exists():
        (folder / "samples").symlink_to(DOCS.parent / "samples")
    (folder / "bin").mkdir()
    for name, words in (("imgconv", "-m imgconv "), ("python", "")):
        program = folder / "bin" / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words}"$@"\n')
        program.chmod(0o755)


def pictures(page: str) -> list[str]:
    return re.findall(r"\]\(pictures/([^)]+)\)", page)


def written(folder: Path, page: Path, picture: str) -> Path:
    """Where the commands of a page have left what it shows."""
    return folder / "out" / page.stem / picture


def reduce(source: Path, target: Path) -> None:
    if source.suffix == ".svg":
        shutil.copy(source, target)
        return
    with Image.open(source) as opened:
        picture = opened.convert("RGB")
    if picture.width > WIDEST:
        height = round(picture.height * WIDEST / picture.width)
        picture = picture.resize((WIDEST, height), Image.Resampling.LANCZOS)
    picture.save(target, optimize=True, quality=QUALITY, subsampling=0)


def make(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        for code, _ in blocks(page):
            print(shell(folder, code))
        for picture in dict.fromkeys(pictures(page)):
            target = DOCS / "pictures" / picture
            reduce(written(folder, path, picture), target)
            print(f"{target}: {target.stat().st_size >> 10} KiB")


def main() -> None:
    for path in PAGES:
        make(path)


if __name__ == "__main__":
    main()
