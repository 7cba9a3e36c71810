"""The loop all trainings run through: learn, save, judge, say how it goes, stop when asked."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import torch
from filelock import FileLock, Timeout
from safetensors.torch import save_file
from torch import Tensor, nn

from . import curve, machine
from .batches import Batches, Sampler, last, made, repeated
from .learner import Learner
from .log import Figures, Log, with_mean
from .options import budget, sizes
from .schedule import Schedule

Pair = tuple[Any, Any]
SPOKEN, FIRST_SPOKEN = 60.0, 5.0  # seconds between two lines on how it goes, and to the first
LONGEST_STEP = 20.0  # seconds; a stopped process wakes up with a long step, which is no training


def as_it_is(batch: tuple[Tensor, ...], generator: torch.Generator) -> Pair:
    """A batch of inputs and targets."""
    inputs, targets = batch
    return inputs, targets


@dataclass(frozen=True)
class Task:
    """What is learnt, from what, and how it is judged.

    sampler: draws one example, arrays or numbers. loss: of the network's output and the target.
    judge: figures of each source, of an averaged network in evaluation; on a part of the images
    unless `whole`. pair: makes a batch on its device into the network's input and the target.
    identity: what must be the same for a checkpoint to be gone on from.
    """

    name: str
    module: nn.Module
    sampler: Sampler
    loss: Callable[[Any, Any], Tensor]
    judge: Callable[[nn.Module, bool], Figures] | None = None
    pair: Callable[[tuple[Tensor, ...], torch.Generator], Pair] = as_it_is
    identity: dict[str, Any] = field(default_factory=dict)


@dataclass
class Due:
    """True every so many seconds of training."""

    every: float
    last: float

    def __call__(self, seconds: float) -> bool:
        if self.every <= 0 or seconds - self.last < self.every:
            return False
        self.last = seconds
        return True


def prepare(options: argparse.Namespace) -> None:
    """Settings of the process, before anything is loaded and any thread starts."""
    machine.give_way(options.nice)
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(options.seed)
    if options.plot:
        curve.check(options.plot)


@contextmanager
def alone(folder: Path) -> Iterator[Path]:
    """The folder, which no other run may use meanwhile."""
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise SystemExit(f"{folder}: a run is under way there; allowed is one: --state") from None
    try:
        yield folder
    finally:
        lock.release()


def state_folder(options: argparse.Namespace, name: str) -> Path:
    """Where checkpoint and log lie, outside of any checkout."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    folder = options.state or Path(home) / "imgconv" / "training" / name
    folder.mkdir(parents=True, exist_ok=True)
    return Path(folder)


def train(task: Task, options: argparse.Namespace) -> nn.Module:
    """Learn until the budget is used up; the averaged network, on the CPU.

    Goes on from the checkpoint in the state folder. SystemExit with 128 + signal when asked to
    stop, after saving.
    """
    with alone(state_folder(options, task.name)) as folder, machine.stoppable() as stop:
        run = Run(task, options, folder)
        run.learn(stop)
        run.finish(stop.signal)
    return machine.take_back(run.learner.average)


class Run:
    """A training under way."""

    def __init__(self, task: Task, options: argparse.Namespace, folder: Path) -> None:
        self.task, self.options = task, options
        self.file, self.log = folder / "checkpoint.pt", Log(folder / "log.jsonl")
        if options.anew:
            for file in (self.file, self.log.file):
                file.unlink(missing_ok=True)
        self.device = machine.device(options.device)
        machine.place(task.module, self.device, options.kernels)
        self.learner = Learner(task.module, Schedule(options.rate, budget(options)))
        if self.file.exists():
            self.learner.resume(self.file, task.identity)
        multiple = getattr(task.module, "multiple", 1)
        if any(side < 1 or side % multiple for side in sizes(options)):
            raise SystemExit(f"--size {options.size}: allowed are multiples of {multiple}")
        self.log.write("run", options={k: str(v) for k, v in vars(options).items()})
        self.log.note(f"checkpoint and log in {folder}; process {os.getpid()}")
        self.log.resumed(self.learner)

    def learn(self, stop: machine.Stop) -> None:
        options, learner = self.options, self.learner
        if learner.step == 0 and options.validate_every:
            self.judge()  # what it begins with
        batches = Batches(
            self.task.sampler, options.batch, self._size(), options.seed, learner.step
        )
        sent = (self._sent(batch) for batch in made(batches, options.workers))
        source = repeated(sent, options.repeat)
        now = learner.seconds
        due = {
            "say": Due(SPOKEN, now - SPOKEN + FIRST_SPOKEN),
            "save": Due(60 * options.save_every, now),
            "judge": Due(60 * options.validate_every, now),
            "write": Due(60 * options.write_every, now),
        }  # fmt: skip
        while not learner.is_done() and not stop.signal:
            batches.set_size(self._size())
            self._step(source)
            for what in (name for name, one in due.items() if one(learner.seconds)):
                getattr(self, what)()

    def _size(self) -> int:
        """Of the crops, in pixels: each of --size for an equal part of the run."""
        given, learner = sizes(self.options), self.learner
        total = learner.schedule.budget.total
        place = int(learner.done()[learner.schedule.budget.unit] / total * len(given))
        return given[min(place, len(given) - 1)]

    def _step(self, source: Iterator[tuple[Tensor, ...]]) -> None:
        begin = time.monotonic()
        batch = next(source)
        generator = torch.Generator().manual_seed(self.options.seed * 1_000_003 + self.learner.step)
        inputs, targets = self.task.pair(batch, generator)
        self.learner.learn(inputs, targets, self.task.loss)
        self.learner.pixels += inputs.shape[0] * inputs.shape[-2] * inputs.shape[-1]
        self.learner.seconds += min(time.monotonic() - begin, LONGEST_STEP)

    def _sent(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """To the device, channels last as the module is."""
        return tuple(last(part).to(self.device, non_blocking=True) for part in batch)

    def say(self) -> None:
        self.log.step(self.learner)

    def save(self) -> None:
        if self.options.save_every:
            self.learner.save(self.file, self.task.identity)
        if self.options.plot:
            curve.draw(self.log.file, self.options.plot)

    def judge(self, whole: bool = False) -> None:
        if self.task.judge:
            found = with_mean(self.task.judge(self.learner.average, whole))
            self.log.figures(self.learner, found, whole)

    def write(self) -> None:
        """The averaged weights alone, as float16: what --start takes."""
        tensors = {
            name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous().cpu()
            for name, tensor in self.learner.average.state_dict().items()
        }
        part = self.file.with_name("weights.part")
        save_file(tensors, part)
        part.replace(self.file.with_name("weights.safetensors"))

    def finish(self, signal: int) -> None:
        self.say()
        self.save()
        if self.options.write_every:
            self.write()
        if signal:
            self.log.note("stopped: the same command goes on from here")
            raise SystemExit(128 + signal)
        if self.options.validate_every:
            self.judge(whole=True)
        if self.options.plot:
            curve.draw(self.log.file, self.options.plot)
        self.log.note("done; more --steps, --minutes or --pixels go on from here")
