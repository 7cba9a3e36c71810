"""What every test of a command checks besides: advice names options that the command has, and notes
give advice. And the flag for the tests that take long."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from try_as_newcomer import advises, unknown

from imgconv import cli
from imgconv.cli.console import Console

LONGEST = (
    "pages", "report", "training_export", "native", "integrations", "batch_imports", "api",
    "training_commands", "training_denoising", "correlation", "engine_onnx_networks", "cli_segment",
    "training_architectures", "engine_onnx_conformance", "cli_interrupt", "training_installed",
    "imagej", "images_fuzz", "training_fast", "tasks_colorize", "training_colorizing", "cluster",
    "tasks_denoise", "cli_files", "bands", "engine_hostile", "cli_cache",
)  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Hundreds of programs are started: each would compile what the first has compiled."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.hookimpl(optionalhook=True)  # where xdist is there
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than CPUs: some tests wait for other programs."""
    return (
        len(os.sched_getaffinity(0) if sys.platform == "linux" else range(os.cpu_count() or 1)) + 1
    )


def pytest_sessionstart(session: pytest.Session) -> None:
    """Before all tests: kernels are compiled side by side, not one by one in their midst."""
    whole = session.config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if whole and not hasattr(session.config, "workerinput"):
        subprocess.run([sys.executable, "-m", "imgconv", "warmup", "-q"], check=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also the tests that take long")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Longest files first, so that no worker ends long after the others. Without `--long`, tests
    marked as long are left out, unless they are asked for by name."""
    rank = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.stem.removeprefix("test_"), len(rank)))
    if config.option.long or any("::" in argument for argument in config.args):
        return
    left_out = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


@pytest.fixture(autouse=True)
def advice(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a command line that is run in this process says of errors and notes."""
    said: list[tuple[Sequence[str], str, str]] = []
    running: list[Sequence[str]] = []
    run, say = cli._run, Console.say

    def run_and_remember(argv: Sequence[str] | None) -> int:
        running.append(list(map(str, argv or ())))
        return run(argv)

    def say_and_remember(self: Console, line: str, kind: Any = "") -> None:
        if kind and running:
            said.append((running[-1], kind, line))
        say(self, line, kind)

    monkeypatch.setattr(cli, "_run", run_and_remember)
    monkeypatch.setattr(Console, "say", say_and_remember)
    yield
    for words, kind, line in said:
        assert kind != "note" or advises(line), f"imgconv {words}: no advice: {line}"
        command = next((word for word in words if word in cli.COMMANDS), "")
        if command:
            assert not list(unknown([line], words, command)), f"imgconv {words}: {line}"
