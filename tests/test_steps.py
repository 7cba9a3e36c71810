"""Steps can be sent to another process, and do the same there."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import re
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import colorize_standin
import denoise_standin
import networks_of_tests
import numpy as np
import pytest
import standin
import tifffile
from PIL import Image

from imgconv import batch, cli
from imgconv.batch import Done, Item, Outcome
from imgconv.errors import InputError

LINES = [
    "filter -k gaussian:2 -k sobel --range float a.png b.tif {out}",
    "filter -k sharpen a.png b.tif -o {out_}page-{{page}}-{{stem}}.png",
    "filter -k box:5 --to-srgb --luma a.png b.png {out}",
    "convolve -k scharr-x -k box a.png b.tif {out}",
    "convolve -k sobel-x a.png b.png -o {out_}{{stem}}.png",
    "pool -m median --size 3 a.png b.tif {out}",
    "upsample -m bicubic --scale 1.5 a.png b.tif {out}",
    "upsample -k box:4 a.png b.png {out}",
    "upsample --compare a.png b.png {out}",
    "denoise --model photo.safetensors a.png b.tif {out}",
    "denoise --model micro.safetensors b.tif {out}",
    "denoise --model crosshair.safetensors a.png b.png {out}",
    "denoise --method median --compare --reference . a.png b.png {out}",
    "denoise --method tv --residual a.png b.tif {out}",
    "colorize --model colorize.safetensors --hint 3,4,#b01510 a.png b.png {out}",
    "colorize --model colorize.safetensors --hint hint.png a.png {out}",
    "segment --model standin.safetensors --rois --geojson --probability a.png g.tif {out}",
    "evaluate found truth",
    "diff a.png b.png --tolerance 255",
    "measure found truth --features all --ring 0-2 {out}",
    "classify a.png b.tif",
    "run net.safetensors a.png b.png {out}",
    "run net.safetensors a.png b.png -o {out_}{{stem}}.npy",
    "run net.safetensors numbers.npy {out}",
    "info a.png b.tif g.tif",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images and networks of every kind, small."""
    folder = tmp_path_factory.mktemp("steps")
    rng = np.random.default_rng(1)
    for name in "ab":
        pixels = rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    tifffile.imwrite(folder / "b.tif", rng.integers(0, 60000, (2, 40, 48), dtype=np.uint16))
    field = np.full((48, 64), 100, np.uint16)
    field[5:14, 6:15] = field[30:39, 20:29] = 1000
    tifffile.imwrite(folder / "g.tif", field)
    hint = np.zeros((40, 48, 4), np.uint8)
    hint[10:14, 20:24] = 200, 30, 30, 255
    Image.fromarray(hint).save(folder / "hint.png")
    for where in ("found", "truth"):
        (folder / where).mkdir()
        for name in "ab":
            labels = np.zeros((32, 32), np.uint8)
            labels[4:12, 5:13], labels[20:28, 6 : 12 + (where == "found")] = 1, 2
            Image.fromarray(labels).save(folder / where / f"{name}.png")
    np.save(folder / "numbers.npy", rng.normal(size=(1, 16, 16)).astype(np.float32))
    standin.model(folder / "standin.safetensors")
    colorize_standin.model(folder / "colorize.safetensors")
    denoise_standin.photo(folder)
    denoise_standin.photo(folder, kind="micro")
    denoise_standin.crosshair(folder)
    networks_of_tests.convolver(str(folder / "net.safetensors"))
    return folder


@pytest.fixture(scope="module")
def forkserver() -> Iterator[Executor]:
    with ProcessPoolExecutor(1, mp_context=get_context("forkserver")) as pool:
        yield pool


@pytest.fixture(scope="module")
def spawn() -> Iterator[Executor]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield pool


class Batch:
    """`imgconv.batch.run`, with the executor that is wanted; keeps what came of it."""

    def __init__(self, executor: Executor | None) -> None:
        self.executor, self.outcomes, self.step = executor, [], None

    def __call__(self, items: Any, step: Any, **how: Any) -> Iterator[Outcome]:
        self.step = step
        if self.executor is None:
            how["jobs"] = 2
        for outcome in RUN(items, step, executor=self.executor, **how):
            self.outcomes.append(outcome)
            yield outcome


RUN = batch.run


def carried_out(
    line: str, folder: Path, monkeypatch: pytest.MonkeyPatch, executor: Executor | None
) -> tuple[Batch, dict[str, Any]]:
    """A command line done: its batch, and the files it wrote."""
    out = "of-threads" if executor is None else "of-processes"
    words = line.format(out=f"-o {out}/", out_=f"{out}/").replace("{{", "{").replace("}}", "}")
    work = Batch(executor)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(batch, "run", work)
    assert cli.main(words.split()) == 0
    files = {path.name: content(path) for path in sorted(Path(out).glob("*"))}
    shutil.rmtree(out, ignore_errors=True)
    return work, files


def content(path: Path) -> Any:
    """A file's bytes; of a record, all but the times."""
    if path.name != "imgconv-run.json":
        return path.read_bytes()
    record = json.loads(path.read_text())
    for image in record["images"]:
        assert image.pop("seconds") >= 0
    return {key: value for key, value in record.items() if key not in ("started", "finished")}


def told(work: Batch) -> list[Any]:
    """What the batch said of its items, in words that can be compared."""
    said = [(one.item.source, one.status, one.message, one.done.notes) for one in work.outcomes]
    found = [(repr(dict(one.done.record)), repr(one.done.value)) for one in work.outcomes]
    return [*zip(said, found, strict=True)]


def same(line: str, folder: Path, monkeypatch: pytest.MonkeyPatch, executor: Executor) -> Batch:
    here, there = (carried_out(line, folder, monkeypatch, one) for one in (None, executor))
    assert here[1].keys() == there[1].keys()
    assert [name for name in here[1] if here[1][name] != there[1][name]] == []
    assert [str(one).replace("of-threads", "of-processes") for one in told(here[0])] == [
        str(one) for one in told(there[0])
    ]
    return here[0]


@pytest.mark.parametrize("line", LINES)
def test_every_command_writes_the_same_through_another_process(
    line: str, folder: Path, monkeypatch: pytest.MonkeyPatch, forkserver: Executor
) -> None:
    work = same(line, folder, monkeypatch, forkserver)
    again = pickle.loads(pickle.dumps(work.step))
    assert type(again) is type(work.step)
    assert dataclasses.is_dataclass(again)
    with pytest.raises(dataclasses.FrozenInstanceError):
        again.reading = {}


@pytest.mark.parametrize("line", [LINES[0], next(x for x in LINES if "segment" in x)])
def test_spawned_processes_do_the_same(
    line: str, folder: Path, monkeypatch: pytest.MonkeyPatch, spawn: Executor
) -> None:
    same(line, folder, monkeypatch, spawn)


def test_every_command_that_takes_a_batch_is_tried() -> None:
    takes = {
        path.stem
        for path in Path(cli.__file__).parent.glob("*.py")
        if path.stem in cli.COMMANDS
        and re.search("carry_out|run_files|run_planes", path.read_text())
    }
    assert takes == {line.split()[0] for line in LINES}


@dataclasses.dataclass(frozen=True)
class Odd:
    """A step whose third item fails, and whose item number `last` ends its process."""

    last: int = 5

    def __call__(self, item: Item) -> Done:
        if item.number == 3:
            raise InputError(f"{item.source}: broken")
        if item.number == self.last:
            os._exit(1)
        return Done(notes=(str(os.getpid()),), value=item.number)


def items(count: int) -> list[Item]:
    return [Item(f"{n}.png", number=n) for n in range(1, count + 1)]


def test_a_failure_in_another_process_is_that_items_and_outcomes_are_in_order() -> None:
    gathered: list[Outcome] = []
    with ProcessPoolExecutor(2, mp_context=get_context("forkserver")) as pool:
        found = list(batch.run(items(4), Odd(), executor=pool, fold=gathered.append))
    assert [one.status for one in found] == ["written", "written", "failed", "written"]
    assert found[2].message == "3.png: broken"
    assert [one.done.value for one in gathered] == [1, 2, None, 4]
    assert str(os.getpid()) not in {note for one in found for note in one.done.notes}


def test_a_process_that_dies_is_a_failure_and_not_the_end() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("forkserver")) as pool:
        found = list(batch.run(items(6), Odd(), executor=pool))
    assert len(found) == 6 and {one.status for one in found[4:]} == {"failed"}
    assert found[4].message.startswith("5.png: ")


def test_what_cannot_be_sent_is_a_failure_that_says_so() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("forkserver")) as pool:
        (found,) = batch.run(items(1), lambda item: Done(), executor=pool)
    assert found.status == "failed"
    assert any(words in found.message for words in ("pickle", "local object"))  # of 3.11, of 3.13


def test_fail_fast_begins_little_more_in_other_processes() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("forkserver")) as pool:
        found = list(batch.run(items(100), Odd(last=0), executor=pool, fail_fast=True))
    assert found[2].status == "failed" and len(found) < 10


def test_outcomes_that_come_after_an_interrupt_are_gathered_all_the_same() -> None:
    gathered: list[int] = []
    begun = threading.Event()

    def slow(item: Item) -> Done:
        begun.set()
        time.sleep(0.05)
        return Done(value=item.number)

    outcomes = batch.run(items(20), slow, jobs=2, fold=lambda one: gathered.append(one.item.number))
    next(outcomes)
    outcomes.close()
    assert gathered == list(range(1, len(gathered) + 1)) and 1 < len(gathered) < 20
