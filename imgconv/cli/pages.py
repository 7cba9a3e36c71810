"""--report of commands that have no ledger: a page for each folder, of what one call did."""

# ruff: noqa: PTH118, PTH120
# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from imgconv.errors import UsageError

from .console import ExitCode, command_line
from .presets import effective_options

if TYPE_CHECKING:
    from imgconv.batch import Item, Outcome


def refuse_written(folders: Iterable[str], force: bool) -> None:
    """Before anything is begun: a page that is there is written over if that is asked for."""
    from imgconv.images import show_name
    from imgconv.report.document import NAME

    for path in (os.path.join(folder, NAME) for folder in folders):
        if os.path.lexists(path) and not force:
            raise UsageError(f"--report: {show_name(path)} exists already: --force overwrites")


def folder_of(item: Item) -> str:
    """Where the results of an item go."""
    return os.path.dirname(item.target) or os.curdir


def by_folder(outcomes: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    """Those that can be shown, by the folder of their results."""
    found: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.item.target not in ("", "-"):
            found.setdefault(folder_of(outcome.item), []).append(outcome)
    return found


def ended(code: int) -> bool:
    """Whether a batch came to its end, so that there is something to show."""
    return code in (ExitCode.OK, ExitCode.FAILED)


def told() -> dict[str, Any]:
    """What every page says of the call: arguments of `write_report`."""
    return {"command": command_line(), "parameters": effective_options()}
