"""Modules that run when something of them is first asked for."""

from __future__ import annotations

import importlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgconv import later

SLOW = """
import time
COUNT.append(1)
time.sleep(0.2)
value = 7
def twice(): return 2 * value
"""


@pytest.fixture
def waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a module that is slow, on a path where it waits."""
    (tmp_path / "slow_module.py").write_text(SLOW.replace("COUNT", "__import__('sys').slow_runs"))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(later, "WAITING", {"slow_module", "missing_module"})
    monkeypatch.setattr(sys, "slow_runs", [], raising=False)
    monkeypatch.setattr(sys, "meta_path", [later.Finder(), *sys.meta_path])
    yield "slow_module"
    sys.modules.pop("slow_module", None)


def test_it_runs_once_however_many_threads_ask(waiting: str) -> None:
    module = importlib.import_module(waiting)
    assert sys.slow_runs == []  # type: ignore[attr-defined]
    found: list[int] = []
    asking = [threading.Thread(target=lambda: found.append(module.twice())) for _ in range(4)]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    assert found == [14] * 4
    assert len(sys.slow_runs) == 1  # type: ignore[attr-defined]
    assert type(module) is type(sys)
    with pytest.raises(AttributeError):
        module.nothing  # noqa: B018


def test_names_are_imported_from_it_and_a_missing_one_is_missing(waiting: str) -> None:
    from slow_module import value  # type: ignore[import-not-found]

    assert value == 7
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("missing_module")


def test_a_process_can_use_each_of_them() -> None:
    code = (
        "from imgconv.later import WAITING, Waiting, wait_for_use; wait_for_use(); import sys\n"
        "import importlib, numpy as np, pickle, subprocess, linecache, textwrap\n"
        "assert isinstance(sys.modules['numpy._core._add_newdocs'], Waiting)\n"
        "assert pickle.loads(pickle.dumps(np.arange(3))).sum() == 3\n"
        "assert np.dtype('i4,f8').itemsize == 12 and np.arange(3).ctypes.data\n"
        "subprocess.run([sys.executable, '-c', ''], check=True)\n"
        "for name in sorted(WAITING):\n"
        "    if name != 'shellingham': dir(importlib.import_module(name).__name__)\n"
        "import numpy._core._add_newdocs as docs; docs.add_newdoc\n"
        "assert 'shape' in np.reshape.__doc__ and np.ndarray.sum.__doc__\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
