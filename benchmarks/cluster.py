"""Many small files on one and two workers of one thread, against none; what a message costs.

python benchmarks/cluster.py --files 20000
"""

from __future__ import annotations

import argparse
import pickle
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from distributed import LocalCluster
from PIL import Image

from imgconv import batch, threads
from imgconv.batch.cluster import Cluster, connect
from imgconv.steps.filter import filter_plane
from imgconv.steps.planes import EachPlane


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--side", type=int, default=256, help="pixels")
    parser.add_argument("--rounds", type=int, default=3, help="of all three, in turn")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_files(folder / "in", given.files, given.side)
        planned, seconds = plan(folder)
        print(f"planning: {1e6 * seconds / given.files:.0f} µs a file")
        threads.use(1)
        list(batch.run(planned.items[:20], step()))  # what is done once
        alone, one, two = [], [], []
        with workers(1) as first, workers(2) as second:
            for cluster in (first, second):
                list(cluster.run(planned.items[:40], step(), threads=1))
            for _ in range(given.rounds):
                alone.append(timed(batch.run(planned.items, step())))
                one.append(timed(first.run(planned.items, step(), threads=1), first))
                two.append(timed(second.run(planned.items, step(), threads=1), second))
        report(alone, one, two)
        weigh(planned)
    print(f"a task of one item that does nothing: {1e3 * time_task(2000):.2f} ms")


def report(alone: list[Cost], one: list[Cost], two: list[Cost]) -> None:
    """The least of all rounds; CPU time where other work makes the clock useless."""
    for what, costs in (("no cluster", alone), ("one worker", one), ("two workers", two)):
        wall, here, there = (min(column) for column in zip(*costs, strict=True))
        print(f"{what}: {wall:.1f} s; CPU {here:.1f} s here, {there:.1f} s in workers")
    base = min(cost.here for cost in alone)
    extra = min(cost.here + cost.there for cost in one) / base
    print(f"one worker: {least(one) / least(alone):.2f} of no cluster (goal 1.10), CPU {extra:.2f}")
    print(f"two workers: {least(one) / least(two):.2f} times as fast as one (goal 1.8)")


def least(costs: list[Cost]) -> float:
    return min(cost.wall for cost in costs)


@contextmanager
def workers(count: int) -> Iterator[Cluster]:
    machines = LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None)
    with machines, connect(machines.scheduler_address) as cluster:
        yield cluster


def time_task(count: int) -> float:
    """Seconds of CPU time that the scheduler and we take for a task, one item each."""
    items = [batch.Item(f"{n}.png", number=n) for n in range(count)]
    with workers(1) as cluster:
        return timed(cluster.run(items, Nothing(), fail_fast=True), cluster).here / count


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


class Cost(NamedTuple):
    """Seconds: by the clock, of CPU time here (with the scheduler), and in the workers."""

    wall: float
    here: float
    there: float


def timed(outcomes: Any, cluster: Cluster | None = None) -> Cost:
    def worked() -> float:
        return sum(cluster.client.run(time.process_time).values()) if cluster else 0.0

    there, here, start = worked(), time.process_time(), time.perf_counter()
    assert {one.status for one in outcomes} == {"written"}
    wall, mine = time.perf_counter() - start, time.process_time() - here
    return Cost(wall, mine, worked() - there)


def weigh(planned: batch.Plan) -> None:
    """What travels for an item."""
    group = planned.items[:64]
    outcomes = list(batch.run(group, step()))
    sent, back = (len(pickle.dumps(one)) / len(group) for one in (group, outcomes))
    print(f"an item's message: {sent:.0f} bytes there, {back:.0f} bytes back")
    print(f"the step, once a worker: {len(pickle.dumps(step())):,} bytes")


if __name__ == "__main__":
    main()
