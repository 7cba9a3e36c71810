"""A batch on a Dask cluster: the same plan, steps and outcomes; paths travel, not pixels.

What Dask does well is left to it: which worker does what, and doing again what a lost worker had.
"""

# ruff: noqa: PTH100, PTH107, PTH109, PTH112, PTH113, PTH118, PTH120, PTH202
# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import logging
import os
import pickle
import re
import threading
import time
import warnings
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgconv import __version__, threads
from imgconv.errors import InputError, UsageError
from imgconv.images import show_name

from .item import FIRST, RETRIES, Item, Outcome, Step
from .large_items import LargeItems
from .running import Fold, Group, begin_here, explain_loss, gather

if TYPE_CHECKING:
    from distributed import Client

    from .worker import Witness

LOCAL = re.compile(r"local:([1-9]\d{0,3})")
SCHEDULER = re.compile(r"(tcp|tls|ws|wss|ucx)://.+:\d+")
ANSWER, WORKERS = 10, 60  # seconds that a scheduler has to answer, and its workers to come
GROUP, MOST = 1.0, 1024  # seconds and items that a task has: it costs about 10 ms beside its work
AHEAD = 4  # tasks of each worker's thread that are sent before it asks for them
LOOKS = 100  # folders whose files are looked for on the workers before anything begins
QUIET = 30  # seconds without a worker until that is said

Tell = Callable[[str], object]


@contextmanager
def connect(address: str, tell: Tell = print) -> Iterator[Cluster]:
    """The cluster of a scheduler (tcp://host:8786, or its file), or `local:N` worker processes.

    `tell` hears what a waiting user should know. UsageError for an address that is none,
    InputError where nobody answers or no worker comes.
    """
    with ExitStack() as opened:
        yield Cluster(opened.enter_context(_client(address)), address, tell)


@contextmanager
def _client(address: str) -> Iterator[Client]:
    local = LOCAL.fullmatch(address)
    if not local and not SCHEDULER.fullmatch(address) and not os.path.isfile(address):
        raise UsageError(
            f"`cluster={address!r}`: found neither a scheduler nor a file; allowed are "
            "tcp://HOST:8786, the scheduler file that `dask scheduler` writes, and local:N for N "
            "processes on this machine"
        )
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError:
        raise UsageError(
            f"`cluster={address!r}` needs Dask: pip install 'imgconv[cluster]'"
        ) from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters, we say
    with ExitStack() as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # versions are compared below
        where: dict[str, Any] = {"address": address}
        if local:
            opened.enter_context(
                dask.config.set({"distributed.scheduler.allowed-failures": RETRIES})
            )
            with threads.deafen_children():
                workers = LocalCluster(
                    n_workers=int(local[1]), threads_per_worker=1, dashboard_address=None,
                    silence_logs=logging.CRITICAL,
                )  # fmt: skip
            where = {"address": opened.enter_context(workers)}
        elif os.path.isfile(address):
            where = {"scheduler_file": address}
        try:
            client = Client(**where, timeout=ANSWER, set_as_default=False)
        except (OSError, ValueError, LookupError) as error:
            raise InputError(
                f"{show_name(address)}: no scheduler answers there "
                f"({' '.join(str(error).split()) or type(error).__name__}); "
                "`dask scheduler` starts one and says its address"
            ) from None
        yield opened.enter_context(client)


class Cluster:
    """A scheduler and its workers, for one batch after the other."""

    def __init__(self, client: Client, address: str, tell: Tell) -> None:
        self.client, self.address, self.tell = client, address, tell
        self.name = f"imgconv-{os.urandom(8).hex()}"
        self.seconds, self.items = 0.0, 0  # of all that was done
        self.stopped = False
        self.plugin: Any = None

    def run(
        self,
        items: Iterable[Item],
        step: Step,
        *,
        threads: int | None = None,
        fail_fast: bool = False,
        fold: Fold | None = None,
    ) -> Generator[Outcome]:
        """As `batch.run`, on the cluster's workers, of which each computes on `threads`.

        A lost worker's items are tried again, twice. Closing the generator lets end what is under
        way between two planes, and what was finished is whole.
        """
        from .worker import BatchPlugin

        rest = iter(items)
        first = list(islice(rest, FIRST))
        self._wait_for_workers()
        self._check_versions()
        with _witnesses(first) as seen:
            crowd = Counter(map(_host, self.client.nthreads()))
            self.plugin = BatchPlugin(
                self.name, pickle.dumps(step), os.getcwd(), threads, crowd, seen
            )
            self.client.register_plugin(self.plugin)
            try:
                self._check_workers()
                every = int(sum(self.client.nthreads().values()))
                with LargeItems(self, step) as large:
                    yield from gather(
                        self._groups(
                            chain(first, rest), step, 1 if fail_fast else MOST, every, large
                        ),
                        lambda group: self._begin(step, group, large),
                        lambda: AHEAD * every * self._size(MOST),
                        fail_fast,
                        fold,
                        large.abandon,
                    )
            finally:
                with suppress(Exception):  # the scheduler may have gone
                    self.client.unregister_worker_plugin(self.name)

    def _wait_for_workers(self) -> None:
        if not self.client.nthreads():
            self.tell(f"{self.address} has no workers yet: waiting for one")
        try:
            self.client.wait_for_workers(1, timeout=WORKERS)
        except TimeoutError:
            raise InputError(
                f"{self.address}: no worker has come within {WORKERS} s; "
                "`dask worker ADDRESS` starts one"
            ) from None

    def _check_versions(self) -> None:
        """The same imgconv everywhere, or results would depend on where they are made."""
        found = self.client.run(_version_there())
        others = {worker: one for worker, one in found.items() if one != __version__}
        for worker, version in others.items():
            what = f"has imgconv {version}" if version else "cannot import imgconv"
            more = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
            raise InputError(
                f"worker {worker}{more} {what}, here is {__version__}: install the same version "
                "in the environment that workers are started in"
            )

    def _check_workers(self) -> None:
        from .worker import find_problem

        found = self.client.run(find_problem, self.name)
        wrong = {worker: problem for worker, problem in found.items() if problem}
        for worker, problem in wrong.items():
            more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
            raise InputError(f"worker {worker}{more}: {problem}")

    def _groups(
        self, items: Iterator[Item], step: Step, most: int, every: int, large: LargeItems
    ) -> Iterator[Group]:
        """Some items a task: few while it is not known how long one takes, and at the end."""
        near, least = deque[Item](), min(most, getattr(step, "together", 1))
        while True:
            size = max(self._size(most), least)
            near.extend(islice(items, max(0, 2 * every * size - len(near))))
            if not near:
                return
            size = max(1, min(size, -(-len(near) // (2 * every))))
            group = [near.popleft()]
            while len(group) < size and _is_small(group[-1], large) and _is_small(near[0], large):
                group.append(near.popleft())
            yield group

    def _size(self, most: int) -> int:
        if not self.items:
            return 1
        return max(1, min(most, int(GROUP * self.items / max(self.seconds, 1e-6))))

    def _begin(self, step: Step, group: Group, large: LargeItems) -> Any:
        if not _travels(group[0]):
            return begin_here(step, group)
        return large.begin(group[0]) if large.hold(group[0]) else self.submit_whole(group)

    def submit_whole(self, group: Group) -> Remote:
        """Items that a worker does, each as a whole."""
        return Remote(self, group)

    def submit(self, group: Group) -> Any:
        from .worker import do

        return self.client.submit(do, self.name, group, pure=False)

    def learn(self, outcomes: Sequence[Outcome]) -> None:
        """How long items take."""
        self.items += len(outcomes)
        self.seconds += sum(outcome.seconds for outcome in outcomes)

    def stop(self) -> None:
        """Begin nothing more: tasks that wait end at once, others after their plane."""
        from .worker import stop

        if not self.stopped:
            self.stopped = True
            with suppress(Exception):  # workers that are lost now have stopped
                self.client.run(stop, self.name, on_error="ignore")
            self.plugin.has_stopped = True
            with suppress(Exception):  # and those that come in their place begin nothing
                self.client.register_plugin(self.plugin)


def _version_there() -> Callable[[], str | None]:
    """A function within one is sent as its code: where imgconv lacks too, it can be called."""

    def version() -> str | None:
        try:
            from imgconv import __version__
        except ImportError:
            return None
        return __version__

    return version


def _travels(item: Item) -> bool:
    """Whether there is anything to do that another machine can: our pipes are here."""
    return not (item.skip or item.error or "-" in (item.source, item.target))


def _is_small(item: Item, large: LargeItems) -> bool:
    """Whether it may be sent together with others."""
    return _travels(item) and not large.hold(item)


def _host(address: str) -> str:
    from .worker import host

    return host(address)


class Remote(Future[list[Outcome]]):
    """A group of items on its way: a future of Dask's in the form of Python's own."""

    def __init__(self, cluster: Cluster, group: Group) -> None:
        super().__init__()
        self.cluster, self.group = cluster, group
        self.task, self.asking = cluster.submit(group), threading.Lock()

    def cancel(self) -> bool:
        self.cluster.stop()  # Dask would forget what is under way, which goes on all the same
        return False

    def add_done_callback(self, fn: Callable[[Future[list[Outcome]]], object]) -> None:
        self.task.add_done_callback(lambda _: fn(self))

    def exception(self, timeout: float | None = None) -> BaseException | None:
        try:
            self.result()
        except Exception as error:
            return error
        return None

    def result(self, timeout: float | None = None) -> list[Outcome]:
        with self.asking:
            if not self.done():
                self._finish()
        return super().result()

    def _finish(self) -> None:
        try:
            outcomes = self._outcomes()
        except Exception as error:
            self.set_exception(error)
        else:
            self.cluster.learn(outcomes)
            self.set_result(outcomes)

    def _outcomes(self) -> list[Outcome]:
        from distributed import KilledWorker

        try:
            return self._wait()
        except KilledWorker as error:
            return self._again(error)
        except CancelledError:
            raise InputError(
                f"{self.cluster.address}: the scheduler has gone, and what it knew of this item"
            ) from None

    def _wait(self) -> list[Outcome]:
        since = time.monotonic()
        while True:
            try:
                found: list[Outcome] = self.task.result(timeout=QUIET)
                return found
            except TimeoutError:
                if self.cluster.stopped and not self.cluster.client.nthreads():
                    return []  # who could say that it was not begun has gone
                if not self.cluster.client.nthreads() and time.monotonic() - since >= QUIET:
                    self.cluster.tell(f"{self.cluster.address} has no workers any more: waiting")
                    since = float("inf")

    def _again(self, error: Any) -> list[Outcome]:
        """Of several items one may have killed the workers: each alone; one alone as often as the
        scheduler has not tried it."""
        if self.cluster.stopped:
            return []
        if len(self.group) > 1:
            single = [Remote(self.cluster, [item]) for item in self.group]
            return [one for each in single for one in each.result()]
        for _ in range(RETRIES - int(error.allowed_failures)):
            self.task = self.cluster.submit(self.group)
            with suppress(type(error)):
                return self._wait()
        return [explain_loss(item, max(RETRIES, error.allowed_failures)) for item in self.group]


@contextmanager
def _witnesses(items: Sequence[Item]) -> Iterator[tuple[Witness, ...]]:
    """A file of each folder that is read, and a mark in each that is written to, while it lasts:
    a worker that does not see them works on another file system."""
    found: dict[str, Witness] = {}
    folders: set[str] = set()
    for item in items:
        if not _travels(item):
            continue
        if len(found) < LOOKS and os.path.isfile(item.source):
            key = os.path.dirname(item.source)
            if key not in found:
                found[key] = (os.path.abspath(item.source), os.path.getsize(item.source))
        if item.target and len(folders) < LOOKS:
            folders.add(_there(os.path.dirname(item.target)))
    marks = [
        os.path.join(os.path.abspath(folder), f".imgconv-{os.urandom(16).hex()}.part")
        for folder in folders
    ]
    try:
        kept = [mark for mark in marks if _make(mark)]
        yield (*found.values(), *((mark, 0) for mark in kept))
    finally:
        for mark in marks:
            with suppress(OSError):
                os.remove(mark)


def _there(folder: str) -> str:
    """The folder, or the nearest above it that is there."""
    while folder and not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder or os.curdir


def _make(path: str) -> bool:
    try:
        Path(path).touch()
    except OSError:  # each item says so itself
        return False
    return True
