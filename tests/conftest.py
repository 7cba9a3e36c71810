"""What every test of a command checks besides: advice names options that the command has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from try_as_newcomer import unknown

from imgconv import cli
from imgconv.cli.console import Console


@pytest.fixture(autouse=True)
def advice(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a command line that is run in this process says of errors and notes."""
    said: list[tuple[Sequence[str], str]] = []
    running: list[Sequence[str]] = []
    run, say = cli._run, Console.say

    def run_and_remember(argv: Sequence[str] | None) -> int:
        running.append(list(map(str, argv or ())))
        return run(argv)

    def say_and_remember(self: Console, line: str, kind: Any = "") -> None:
        if kind and running:
            said.append((running[-1], line))
        say(self, line, kind)

    monkeypatch.setattr(cli, "_run", run_and_remember)
    monkeypatch.setattr(Console, "say", say_and_remember)
    yield
    for words, line in said:
        command = next((word for word in words if word in cli.COMMANDS), "")
        if command:
            assert not list(unknown([line], words, command)), f"imgconv {words}: {line}"
