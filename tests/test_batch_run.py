"""Carrying out a plan: order, threads, failures, interrupts, memory."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import pytest

from imgconv import memory as memory_module
from imgconv.batch import Done, Item, run
from imgconv.errors import InputError
from imgconv.memory import share

ITEMS = [Item(f"{n}.png", number=n) for n in range(1, 61)]


def quick(item: Item) -> Done:
    time.sleep(random.random() / 500)
    return Done((f"out{item.number}",))


def failing_at(*numbers: int):
    def step(item: Item) -> Done:
        if item.number in numbers:
            raise InputError(f"{item.source}: broken")
        return quick(item)

    return step


@pytest.mark.parametrize("jobs", [1, 2, 7, 100])
def test_outcomes_come_in_the_order_of_the_plan_for_any_number_of_jobs(jobs: int) -> None:
    assert [o.done.written for o in run(ITEMS, quick, jobs=jobs)] == [
        (f"out{n}",) for n in range(1, 61)
    ]


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_bad_file_does_not_stop_the_others(jobs: int) -> None:
    outcomes = list(run(ITEMS, failing_at(2, 5), jobs=jobs))
    assert [o.item.number for o in outcomes if o.status == "failed"] == [2, 5]
    assert outcomes[1].message == "2.png: broken"
    assert sum(o.status == "written" for o in outcomes) == 58


@pytest.mark.parametrize("jobs", [1, 3])
def test_fail_fast_begins_nothing_more_and_reports_all_that_was_done(jobs: int) -> None:
    done: list[int] = []

    def step(item: Item) -> Done:
        result = failing_at(4)(item)
        done.append(item.number)
        return result

    outcomes = list(run(ITEMS, step, jobs=jobs, fail_fast=True))
    assert sorted(done) == [o.item.number for o in outcomes if o.status == "written"]
    assert len(outcomes) < 4 + 2 * jobs


def test_several_files_are_worked_on_at_once_and_never_more_than_jobs() -> None:
    together, most, lock = 0, 0, threading.Lock()

    def step(item: Item) -> Done:
        nonlocal together, most
        with lock:
            together += 1
            most = max(most, together)
        time.sleep(0.005)
        with lock:
            together -= 1
        return Done()

    list(run(ITEMS, step, jobs=3))
    assert most == 3


def test_closing_ends_the_threads_and_begins_nothing_more() -> None:
    begun: list[int] = []

    def step(item: Item) -> Done:
        begun.append(item.number)
        time.sleep(0.01)
        return Done()

    outcomes = run(ITEMS, step, jobs=2)
    next(outcomes)
    outcomes.close()
    count = len(begun)
    time.sleep(0.05)
    assert len(begun) == count < 60
    assert not [t for t in threading.enumerate() if t.name.startswith("imgconv-job")]


def test_skipped_and_impossible_items_are_reported_without_calling_the_step() -> None:
    items = [Item("a", skip="b exists"), Item("c", error="no file matches this pattern")]
    skipped, failed = run(items, lambda item: pytest.fail("called"))
    assert (skipped.status, skipped.message) == ("skipped", "b exists")
    assert (failed.status, failed.message) == ("failed", "c: no file matches this pattern")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "a.png: not enough memory"),
        (OSError(28, "No space left on device", "out/a.png"), "out/a.png: No space left on device"),
        (OSError(5, "Input/output error"), "a.png: Input/output error"),
        (KeyError("what"), "a.png: unexpected KeyError: 'what'"),
        (ValueError("two\nlines"), "a.png: unexpected ValueError: two"),
    ],
)
def test_any_exception_becomes_the_failure_of_its_file(error: Exception, message: str) -> None:
    def step(item: Item) -> Done:
        raise error

    (outcome,) = run([Item("a.png")], step)
    assert outcome.status == "failed"
    assert outcome.message.startswith(message)


def test_an_error_that_names_no_file_gets_the_name_of_its_input() -> None:
    def step(item: Item) -> Done:
        raise InputError("what is this")

    (outcome,) = run([Item("a.png", "b.png")], step)
    assert outcome.message == "a.png: what is this"


def test_a_bug_keeps_its_traceback() -> None:
    (outcome,) = run([Item("a.png")], lambda item: Done(({}["x"],)))
    assert "Traceback" in outcome.trace


def test_the_folder_of_an_output_is_made(tmp_path: Path) -> None:
    (outcome,) = run([Item("a", str(tmp_path / "x/y/a.png"))], lambda item: Done())
    assert outcome.status == "written"
    assert (tmp_path / "x/y").is_dir()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("a file")
    (outcome,) = run([Item("a", str(tmp_path / "x/y/a.png"))], lambda item: pytest.fail("called"))
    assert "cannot make this folder" in outcome.message


def test_large_files_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_module, "budget", lambda: 100)
    used, most, lock = 0, 0, threading.Lock()

    def step(item: Item) -> Done:
        nonlocal used, most
        with share(40):
            with lock:
                used += 40
                most = max(most, used)
            time.sleep(0.002)
            with lock:
                used -= 40
        return Done()

    list(run(ITEMS, step, jobs=8))
    assert most == 80


def test_a_file_larger_than_the_budget_is_done_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_module, "budget", lambda: 100)
    with share(1000):
        pass
    with share(1000):
        pass
