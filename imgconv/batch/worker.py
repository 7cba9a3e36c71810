"""A batch on a cluster's worker: the step, the folder it works in, what has to be there.

A plugin of Dask's: the scheduler gives it to all workers, also to those that come later.
"""

# ruff: noqa: PTH116
from __future__ import annotations

import functools
import os
import pickle
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from distributed import Worker, WorkerPlugin, get_worker

from imgconv import threads
from imgconv.errors import ImgconvError, InputError
from imgconv.text import show_name

from .imports import import_ahead
from .item import Outcome, Step
from .running import Group, attempt, attempt_each

Witness = tuple[str, int | None]  # a file or folder that must be here, and its size

_folder = threading.Condition()
_work: dict[str, Any] = {"folder": "", "tasks": 0}  # where this process is, for how many tasks
_importing = threading.Lock()


class BatchPlugin(WorkerPlugin):  # type: ignore[misc]
    """What a worker knows of one batch."""

    def __init__(
        self,
        name: str,
        step: bytes,
        folder: str,
        granted: int | None,
        crowd: Mapping[str, int],
        witnesses: tuple[Witness, ...],
    ) -> None:
        """`granted` threads a worker, else those of its machine among its `crowd` of workers."""
        self.name, self.pickled, self.folder = name, step, folder
        self.granted, self.crowd, self.witnesses = granted, dict(crowd), witnesses
        self.has_stopped = False  # before this worker came

    def setup(self, worker: Worker) -> None:
        self.stopped = threading.Event()
        if self.has_stopped:
            self.stopped.set()
        self.loading = threading.Lock()
        self.place = _place(worker)
        self.jobs = worker.state.nthreads
        sharing = self.crowd.get(host(worker.address), 1)
        self.threads = self.granted or max(1, threads.available() // sharing)

    @functools.cached_property
    def problem(self) -> str:
        """Why nothing of the batch can be done here: one line, "" if it can."""
        try:
            for path, size in ((self.folder, None), *self.witnesses):
                _look_for(path, size)
            self.step  # noqa: B018 (a model's file is read and compared)
        except ImgconvError as error:
            return str(error)
        return ""

    @functools.cached_property
    def step(self) -> Step:
        step: Step = pickle.loads(self.pickled)
        return step

    def do(self, group: Group) -> list[Outcome]:
        """What became of each item; of none that was not begun when the batch was stopped."""
        with self.loading:
            if self.problem:
                raise InputError(f"worker {self.place}: {self.problem}")
        threads.use(self.threads, self.jobs)
        with working_in(self.folder), threads.stop_with(self.stopped):
            if self.jobs > 1:  # a single one imports as it goes, and opens no file for that
                with _importing:
                    import_ahead(self.step, group)
            return [one._replace(where=self.place) for one in self._attempt(group)]

    def make(self, block: Any, folder: str) -> Any:
        """A block of one item, as the step makes it."""
        with self.loading:
            if self.problem:
                raise InputError(f"worker {self.place}: {self.problem}")
        threads.use(self.threads, self.jobs)
        step: Any = self.step
        with working_in(self.folder), threads.stop_with(self.stopped):
            return step.block(block, folder)

    def _attempt(self, group: Group) -> Iterator[Outcome]:
        if self.stopped.is_set():
            return
        if getattr(self.step, "together", 1) > 1:
            yield from attempt_each(self.step, group)
            return
        for item in group:
            if self.stopped.is_set():
                return
            yield attempt(self.step, item)


def _place(worker: Worker) -> str:
    return worker.address if worker.name == worker.address else f"{worker.name} {worker.address}"


def host(address: str) -> str:
    """The machine of a worker's address, tcp://HOST:PORT."""
    return address.rpartition("://")[2].rpartition(":")[0]


def _look_for(path: str, size: int | None) -> None:
    try:
        found = os.stat(path)
    except OSError as error:
        raise InputError(
            f"does not see {show_name(path)} ({error.strerror}): a cluster's machines need one "
            "file system, with the same paths"
        ) from None
    if size is not None and found.st_size != size:
        raise InputError(
            f"sees another file {show_name(path)}, of {found.st_size:,} bytes instead of {size:,}"
        )


@contextmanager
def working_in(folder: str) -> Iterator[None]:
    """The process in this folder, so that names mean what they mean to who typed them.

    A folder is the whole process's: tasks of batches from other folders wait.
    """
    with _folder:
        _folder.wait_for(lambda: not _work["tasks"] or _work["folder"] == folder)
        if not _work["tasks"]:
            os.chdir(folder)
            _work["folder"] = folder
        _work["tasks"] += 1
    try:
        yield
    finally:
        with _folder:
            _work["tasks"] -= 1
            _folder.notify_all()


def do(name: str, group: Group) -> list[Outcome]:
    """A task: some items of the batch of this name."""
    plugin: BatchPlugin = get_worker().plugins[name]
    return plugin.do(group)


def make_block(name: str, block: Any, folder: str) -> Any:
    """A task: a block of one item of the batch of this name."""
    plugin: BatchPlugin = get_worker().plugins[name]
    return plugin.make(block, folder)


def find_problem(name: str, dask_worker: Worker) -> str:
    """What hinders a worker."""
    plugin: BatchPlugin = dask_worker.plugins[name]
    return plugin.problem


def stop(name: str, dask_worker: Worker) -> None:
    """Begin nothing more of a batch, and end what is under way between two planes."""
    if plugin := dask_worker.plugins.get(name):
        plugin.stopped.set()
