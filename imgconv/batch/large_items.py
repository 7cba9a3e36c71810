"""Large images of a batch on a cluster: workers make their blocks, one thread here writes files."""

# ruff: noqa: PTH112, PTH202
# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from imgconv import threads
from imgconv.errors import InputError

from .item import RETRIES, Done, Item, Outcome, Step
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
        waiting: deque[Block] = deque()

        def submit(block: Any) -> Any:
            return client.submit(make_block, name, block, folder, pure=False)

        try:
            for block in blocks:
                waiting.append(Block(partial(submit, block)))
                if len(waiting) > AHEAD * every:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.task.cancel()


class Block:
    """A block on its way, sent by `submit`."""

    def __init__(self, submit: Callable[[], Any]) -> None:
        self.submit, self.task = submit, submit()

    def result(self) -> Any:
        """What a worker made of it; tried again as often as other items, where the scheduler does
        not do that by itself."""
        from distributed import KilledWorker

        for left in reversed(range(1 + RETRIES)):
            try:
                return self._wait()
            except KilledWorker as error:
                if not left or error.allowed_failures >= RETRIES:
                    break
                self.task = self.submit()
            except CancelledError:
                raise InputError("the scheduler has gone, and what it knew of its blocks") from None
        raise InputError(
            "lost a worker each time that a block of it was tried, perhaps for want of memory"
        )

    def _wait(self) -> Any:
        while True:
            try:
                return self.task.result(timeout=1)
            except TimeoutError:
                threads.check_abandoned()
