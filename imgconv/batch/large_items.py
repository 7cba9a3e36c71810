"""Large images of a batch on a cluster: workers make their blocks, one thread here writes files."""

# ruff: noqa: PTH112, PTH202
# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from imgconv import threads
from imgconv.errors import InputError

from .item import Done, Item, Outcome, Step
from .running import attempt

if TYPE_CHECKING:
    from .cluster import Cluster

LARGE = 8 << 20  # bytes of a file, from which on it is asked whether its planes are large
AHEAD = 2  # blocks of each worker's thread that are made before they are written


class LargeItems:
    """Those items of a batch whose step can do them in blocks (`in_blocks`). A context manager."""

    def __init__(self, cluster: Cluster, step: Step) -> None:
        self.cluster, self.step = cluster, step
        self.abandon = threading.Event()
        self.thread = ThreadPoolExecutor(
            1, "imgconv-blocks", initializer=threads.abandon_with, initargs=(self.abandon,)
        )

    def __enter__(self) -> LargeItems:
        return self

    def __exit__(self, *error: object) -> None:
        self.abandon.set()
        self.thread.shutdown(wait=True, cancel_futures=True)

    def hold(self, item: Item) -> bool:
        """Whether the item may be one of them: a look at its size alone."""
        if not hasattr(self.step, "in_blocks"):
            return False
        try:
            return os.path.isdir(item.source) or os.path.getsize(item.source) >= LARGE
        except OSError:
            return False

    def begin(self, item: Item) -> Future[list[Outcome]]:
        return self.thread.submit(self._do, item)

    def _do(self, item: Item) -> list[Outcome]:
        step: Any = self.step
        found: list[Done | None] = []

        def do(item: Item) -> Done:
            found.append(step.in_blocks(item, self._blocks))
            return found[0] or Done()

        outcome = attempt(do, item)
        if found == [None]:  # its planes are not that large
            return self.cluster.submit_whole([item]).result()
        return [outcome._replace(where="in blocks")]

    def _blocks(self, blocks: Sequence[Any], folder: str) -> Iterator[Any]:
        """What workers make of each block, in order."""
        from .worker import make_block

        client, name = self.cluster.client, self.cluster.name
        every = max(1, int(sum(client.nthreads().values())))
        waiting: deque[Any] = deque()
        try:
            for block in blocks:
                waiting.append(client.submit(make_block, name, block, folder, pure=False))
                if len(waiting) > AHEAD * every:
                    yield self._result(waiting)
            while waiting:
                yield self._result(waiting)
        finally:
            for task in waiting:
                task.cancel()

    def _result(self, waiting: deque[Any]) -> Any:
        from distributed import KilledWorker

        task = waiting.popleft()
        while True:
            try:
                return task.result(timeout=1)
            except TimeoutError:
                threads.check_abandoned()
            except KilledWorker:
                raise InputError(
                    "lost a worker each time that a block of it was tried, perhaps for want of "
                    "memory"
                ) from None
