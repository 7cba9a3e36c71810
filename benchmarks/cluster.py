"""Many small files on one and two workers of one thread, against none; what a message costs.

python benchmarks/cluster.py --files 20000
"""

from __future__ import annotations

import argparse
import pickle
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from distributed import LocalCluster
from PIL import Image

from imgconv import batch, threads
from imgconv.batch.cluster import connect
from imgconv.steps.filter import filter_plane
from imgconv.steps.planes import EachPlane


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--side", type=int, default=256, help="pixels")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_files(folder / "in", given.files, given.side)
        planned, seconds = plan(folder)
        print(f"planning: {1e6 * seconds / given.files:.0f} µs a file")
        alone = run_here(planned)
        print(f"no cluster, one thread: {alone:.1f} s")
        first = run_there(planned, folder, 1)
        print(f"one worker: {first:.1f} s, {first / alone:.2f} of no cluster (goal: at most 1.10)")
        second = run_there(planned, folder, 2)
        print(f"two workers: {second:.1f} s, {first / second:.2f} times as fast (goal: 1.8)")
        weigh(planned)
    print(f"a task of one item that does nothing: {1e3 * time_task(2000):.2f} ms")


def time_task(count: int) -> float:
    """Seconds that the scheduler and we take for a task, one item each."""
    items = [batch.Item(f"{n}.png", number=n) for n in range(count)]
    machines = LocalCluster(1, threads_per_worker=1, dashboard_address=None)
    with machines, connect(machines.scheduler_address) as cluster:
        return timed(cluster.run(items, Nothing(), fail_fast=True)) / count


@dataclass(frozen=True)
class Nothing:
    def __call__(self, item: batch.Item) -> batch.Done:
        return batch.Done()


def make_files(folder: Path, count: int, side: int) -> None:
    """Noise with structure: crops of one picture, each another one."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: side + 101, : side + 103]
    whole = 128 + 60 * np.sin(x / 9) * np.cos(y / 11) + rng.normal(0, 4, x.shape)
    whole = whole.clip(0, 255).astype(np.uint8)
    for n in range(count):
        top, left = n % 101, n % 103
        crop = np.ascontiguousarray(whole[top : top + side, left : left + side])
        Image.fromarray(crop).save(folder / f"{n:06}.png", compress_level=1)


def plan(folder: Path) -> tuple[batch.Plan, float]:
    start = time.perf_counter()
    planned = batch.plan([str(folder / "in")], command="filter", output=f"{folder}/out/")
    return planned, time.perf_counter() - start


def step() -> EachPlane:
    operation = filter_plane(
        "gaussian:2", border="reflect", range="clip", scale=1, bias=0, luma=False, flip=False
    )
    return EachPlane(operation, force=True)


def run_here(planned: batch.Plan) -> float:
    threads.use(1)
    list(batch.run(planned.items[:20], step()))  # what is done once
    return timed(batch.run(planned.items, step()))


def run_there(planned: batch.Plan, folder: Path, workers: int) -> float:
    shutil.rmtree(folder / "out")
    machines = LocalCluster(workers, threads_per_worker=1, dashboard_address=None)
    with machines, connect(machines.scheduler_address) as cluster:
        list(cluster.run(planned.items[:40], step(), threads=1))
        return timed(cluster.run(planned.items, step(), threads=1))


def timed(outcomes: Any) -> float:
    start = time.perf_counter()
    assert {one.status for one in outcomes} == {"written"}
    return time.perf_counter() - start


def weigh(planned: batch.Plan) -> None:
    """What travels for an item."""
    group = planned.items[:64]
    outcomes = list(batch.run(group, step()))
    sent, back = (len(pickle.dumps(one)) / len(group) for one in (group, outcomes))
    print(f"an item's message: {sent:.0f} bytes there, {back:.0f} bytes back")
    print(f"the step, once a worker: {len(pickle.dumps(step())):,} bytes")


if __name__ == "__main__":
    main()
