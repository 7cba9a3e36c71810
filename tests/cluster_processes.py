"""A scheduler and workers in processes of their own, for tests: one start of Python for all.

python cluster_processes.py WORKERS prints the scheduler's address and the workers' process ids.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from distributed import Scheduler, Worker

import imgconv.batch.worker
import imgconv.steps.filter
import imgconv.steps.segment  # noqa: F401 (imported once for all)


async def schedule(told: int) -> None:
    async with Scheduler(host="127.0.0.1", port=0, dashboard=False) as scheduler:
        os.write(told, f"{scheduler.address}\n".encode())
        await scheduler.finished()


async def work(address: str) -> None:
    async with Worker(address, host="127.0.0.1", nthreads=1, dashboard=False) as worker:
        await worker.finished()


def fork(task: Callable[[], Coroutine[Any, Any, None]]) -> int:
    process = os.fork()
    if not process:
        logging.disable(logging.CRITICAL)
        asyncio.run(task())
        os._exit(0)
    return process


def main(workers: int) -> None:
    answer, told = os.pipe()
    children = [fork(lambda: schedule(told))]
    address = os.read(answer, 200).decode().strip()
    children += [fork(lambda: work(address)) for _ in range(workers)]
    print(address, *children[1:], flush=True)
    sys.stdin.read()  # until whoever started us has gone
    for process in children:
        os.kill(process, signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]))
