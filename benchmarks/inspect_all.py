"""Every view of `inspect` on every bundled model and every architecture: seconds, and what failed.

    python benchmarks/inspect_all.py IMAGE [--only NAME,NAME] [--cells 3]

Architectures have random weights and are made in a temporary folder. A view that a network cannot
give (a class activation map without a global mean) is refused in a line, which is no failure.
--cells: how many a side are covered at least; 5 is what users get.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
import time
from pathlib import Path

from imgconv import cli
from imgconv.cli.inspect import SHOW
from imgconv.engine import bundled_models
from imgconv.engine.architectures import ARCHITECTURES
from imgconv.tasks.inspect import regions

REFUSED = ("a class activation map needs", "sees all of the image", "reads the means")


def main() -> None:
    options = arguments()
    regions.FEWEST, regions.FINEST = options.cells, max(options.cells, 12)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in options.only or [f.stem for f in bundled_models()] + list(ARCHITECTURES):
            model = name
            if name in ARCHITECTURES:
                model = f"{folder}/{name}.safetensors"
                run("models", "new", name, "-o", model, "--half")
            failed += sum(not view(model, name, show, options.image, folder) for show in SHOW)
            Path(f"{folder}/{name}.safetensors").unlink(missing_ok=True)
    print(f"{failed} failed")
    raise SystemExit(failed > 0)


def view(model: str, name: str, show: str, image: str, folder: str) -> bool:
    """Whether it was shown, or refused for a reason."""
    images = [] if show in ("layers", "graph", "filters") else [image]
    begin = time.perf_counter()
    code, said = run(
        "inspect", model, *images, "--show", show, "-o", f"{folder}/{show}{SHOW[show]}", "-f"
    )
    refused = any(words in said for words in REFUSED)
    word = "refused" if refused else "ok" if code == 0 else f"FAILED: {said}"
    print(f"{name:20} {show:10} {time.perf_counter() - begin:7.2f} s  {word}", flush=True)
    return refused or code == 0


def run(*words: str) -> tuple[int, str]:
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = cli.main(list(words))
    return code, said.getvalue().strip()


def arguments() -> argparse.Namespace:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("image")
    made.add_argument("--only", type=lambda text: text.split(","), help="some of them")
    made.add_argument("--cells", type=int, default=regions.FEWEST)
    return made.parse_args()


if __name__ == "__main__":
    main()
