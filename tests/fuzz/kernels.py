"""Random work for every compiled loop, between guard pages.

    python tests/fuzz/kernels.py --cases 100000 --first 0

Whatever a kernel is given lies between pages that nobody may touch, so that reading or writing
beyond it is a crash. The work: filters, pools, resizing, layers, training's convolutions, and
networks as tests/fuzz/graphs.py makes them. The same without guard pages has to give the same.
Prints the kernels that no case has called.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import cases
import graphs
from guard import guard_kernels, guarded
from works import WORK, Work, image, named_work, some

from imgconv import kernels, threads
from imgconv.errors import ImgconvError

SECONDS = 30  # of the processor


def prepare(seen: Counter[str]) -> cases.Case:
    np.seterr(all="ignore")

    def called(name: str) -> None:
        seen[name] += 1

    def case(number: int, folder: Path) -> str:
        threads.use(1 + number % 3)
        rng = np.random.default_rng((2, number))
        named = named_work(number, rng)
        if named is None and rng.random() < 0.1:
            with guard_kernels(number % 4 == 0, called):
                return graphs.run_case(number, folder)
        work, pixels = named or (some(rng, WORK)(rng), image(rng))
        plain, problem = attempt(work, pixels)
        with guard_kernels(number % 4 == 0, called):
            found, said = attempt(work, guarded(pixels, number % 4 == 0))
        assert said == problem, said
        np.testing.assert_array_equal(found, plain)
        return "refused" if problem else "run"

    return case


def attempt(work: Work, pixels: np.ndarray) -> tuple[np.ndarray | None, str]:
    """The result, or why there is none."""
    try:
        return work(pixels), ""
    except ImgconvError as error:
        return None, str(error)


def report(seen: Counter[str]) -> str:
    every = {f"{one.module}.{one.name}" for one in kernels.every()}
    left = sorted(every - set(seen))
    calls = sum(seen[name] for name in every)
    return (
        f"{seen['run'] + seen['refused']} cases: {seen['run']} run, {seen['refused']} refused; "
        f"{calls} calls of {len(every) - len(left)} of {len(every)} kernels; "
        f"not called: {' '.join(left) or 'none'}"
    )


if __name__ == "__main__":
    sys.exit(cases.main(__doc__, prepare, report, batch=400, seconds=SECONDS))
