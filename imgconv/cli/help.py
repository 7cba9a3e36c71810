"""How help looks: options in groups, summaries whole, words whole on narrow terminals."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Any

from typer._click.core import Context as ClickContext
from typer._click.formatting import HelpFormatter
from typer.core import TyperCommand, TyperGroup

WIDEST = 100  # columns; longer lines are hard to read
GROUPS = {
    "Input": (
        "recursive", "files_from", "max_pixels", "allow_truncated", "palette", "channels",
    ),
    "Output": (
        "output", "force", "skip_existing", "dry_run", "format", "depth", "quality",
        "compression", "background", "to_srgb",
    ),
    "Batch and reports": (
        "fail_fast", "jobs", "threads", "json", "quiet", "verbose", "config",
    ),
}  # fmt: skip
"""Heading -> options that many commands share; all others are the command's own."""
HYPHEN = "\ue000"  # stands for one while lines are broken: names of options and files stay whole
FEW = 12  # options that need no groups


class Formatter(HelpFormatter):
    """Click's, for terminals of any width: the first column takes less than a third of it."""

    def __init__(self, width: int | None = None, max_width: int | None = None) -> None:
        columns = min(shutil.get_terminal_size().columns, max_width or WIDEST)
        super().__init__(width=width or max(columns - 2, 20))

    def write_dl(
        self, rows: Sequence[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        rows = [(name, text.replace("-", HYPHEN)) for name, text in rows]
        super().write_dl(rows, min(col_max, self.width // 3 - 3), col_spacing)

    def write_text(self, text: str) -> None:
        super().write_text(text.replace("-", HYPHEN))

    def getvalue(self) -> str:
        return super().getvalue().replace(HYPHEN, "-")


class Context(ClickContext):
    formatter_class = Formatter


class Command(TyperCommand):
    """A command whose help has its own options first, then the shared ones under headings."""

    context_class = Context

    def format_options(self, ctx: Any, formatter: Any) -> None:
        parameters = [p for p in self.get_params(ctx) if p.get_help_record(ctx)]
        given = [p for p in parameters if p.param_type_name == "argument"]
        options = [p for p in parameters if p.param_type_name == "option"]
        _write(ctx, formatter, "Arguments", given)
        shared = {name for names in GROUPS.values() for name in names}
        if len(options) <= FEW:
            _write(ctx, formatter, "Options", options)
            return
        _write(ctx, formatter, "Options", [p for p in options if p.name not in shared])
        for heading, names in GROUPS.items():
            _write(ctx, formatter, heading, [p for p in options if p.name in names])


def _write(ctx: Any, formatter: Any, heading: str, parameters: Sequence[Any]) -> None:
    if parameters:
        with formatter.section(heading):
            formatter.write_dl([p.get_help_record(ctx) for p in parameters])


class Group(TyperGroup):
    """Commands with whole summaries."""

    context_class = Context

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        rows = [(name, self.commands[name].get_short_help_str(1000)) for name in self.commands]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
