"""Threads: how many, and what they share."""

from __future__ import annotations

import os
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest

from imgconv import threads


@pytest.mark.parametrize("granted", [1, 2, 5])
@pytest.mark.parametrize("rows", [0, 1, 15, 16, 17, 1000])
def test_bands_cover_every_row_once(granted, rows):
    threads.use(granted)
    seen = []
    lock = threading.Lock()

    def band(begin: int, end: int) -> None:
        with lock:
            seen.extend(range(begin, end))

    threads.run(band, rows, smallest=16)
    threads.use(None)
    assert sorted(seen) == list(range(rows))


def test_an_error_in_a_band_is_raised_after_the_others_have_ended():
    threads.use(2)
    ended = []

    def band(begin: int, end: int) -> None:
        if begin == 0:
            raise ValueError("row 0")
        ended.append(begin)

    with pytest.raises(ValueError, match="row 0"):
        threads.run(band, 64, smallest=8)
    threads.use(None)
    assert sorted(ended) == list(range(8, 64, 8))


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "max 100000"}, 8),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ({}, 8),
    ],
)
def test_a_containers_quota_is_respected(tmp_path, monkeypatch, files, cpus):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    monkeypatch.setattr(threads, "Path", lambda _: tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert threads.available.__wrapped__() == cpus
    assert isinstance(tmp_path, Path)


def test_work_that_waits_in_vain_is_let_go() -> None:
    """A helper that is busy elsewhere does not hold what it was asked to work on."""
    held = np.zeros(9)
    gone = weakref.ref(held)
    busy, free = threading.Event(), threading.Event()

    def wait(begin: int, end: int) -> None:
        busy.set()
        free.wait(60)

    def use(begin: int, end: int, held: np.ndarray = held) -> None:
        held[begin] = 1

    before = threads.chosen_count()
    threads.use(2)
    try:
        one = threading.Thread(target=threads.run, args=(wait, 2))
        one.start()
        assert busy.wait(60)
        threads.run(use, 2)
        del use, held
        assert gone() is None
    finally:
        free.set()
        one.join()
        threads.use(before)
