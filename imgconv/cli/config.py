"""`imgconv config`: where the values of options come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated, Any

import typer
from typer import Argument, Option

from imgconv.errors import UsageError

from .console import current
from .help import Group
from .presets import ORIGINS, command_presets, read_presets, sources

ABOUT = """Show where the values of options come from.

Flags win, then the environment (IMGCONV_SEGMENT_DIAMETER=9um), then a file, then defaults. The
file is --config FILE, else the one that $IMGCONV_CONFIG names, else imgconv.toml in the working
folder. It has a table for each command; what stands above them is for all commands that have such
an option:

\b
  jobs = 2

\b
  [segment]
  diameter = "9um"
  rois = true
"""
Row = tuple[str, str, Any, str]
"""A command, an option's name, its value, and where that comes from."""


def show_config(
    context: typer.Context,
    line: Annotated[
        list[str] | None,
        Argument(
            metavar="[COMMAND [ARGUMENT...]]",
            show_default=False,
            help="A command, with its options if you like: all its options are shown. [default: "
            "what is set of all commands]",
        ),
    ] = None,
    json: Annotated[
        bool, Option("--json", help="Print one JSON object an option; stands before COMMAND.")
    ] = False,
) -> int:
    """Show options, their values, and where each value comes from.

    imgconv config show

    imgconv config show segment --diameter 30

    imgconv config show --config lab.toml filter
    """
    words = list(line or ())
    path = context.params.get("config")
    rows = list(_of_command(words, path) if words else _of_all(path))
    if json:
        from json import dumps

        keys = ("command", "option", "value", "from")
        current().out("".join(dumps(dict(zip(keys, row, strict=True))) + "\n" for row in rows))
    elif rows:
        current().show(_table(rows))
    else:
        current().show("nothing is set: all options are at their defaults\n")
    return 0


def _of_all(path: str | None) -> Iterator[Row]:
    """What the environment and the file set, of every command; the whole file is checked."""
    from . import COMMANDS

    for name in COMMANDS:
        for command, context in _members(name):
            yield from (row for row in _rows(command, context, [], path) if row[3])


def _of_command(words: list[str], path: str | None) -> Iterator[Row]:
    """Every option of a command, with the arguments that follow its name."""
    from . import COMMANDS
    from .meant import suggest_command

    name, *rest = words
    if name not in COMMANDS:
        hint = suggest_command(name, COMMANDS)
        raise UsageError(f"no such command: {name}; {hint}".rstrip("; "))
    members = {command.name: (command, context) for command, context in _members(name)}
    word = name if name in members else rest.pop(0) if rest else ""
    if word not in members:
        names = ", ".join(f"{name} {one}" for one in members)
        raise UsageError(f"{name} is a family of commands: name one of {names}")
    yield from _rows(*members[word], rest, path)


def _members(name: str) -> Iterator[tuple[Any, Any]]:
    """The command of this name, or those of its family; each with the context that it is in."""
    from typer.main import get_command

    from . import application, load

    root, loaded = get_command(application()), load(name)
    outer = root.make_context("imgconv", [], resilient_parsing=True)
    if isinstance(loaded, Group):
        context = loaded.context_class(loaded, parent=outer, info_name=name)
        yield from ((member, context) for member in loaded.commands.values())
    else:
        yield loaded, outer


def _rows(command: Any, outer: Any, rest: list[str], path: str | None) -> Iterator[Row]:
    context = _context(command, outer, rest, path)
    places, words = sources(context), " ".join(context.command_path.split()[1:])
    for parameter in command.params:
        if parameter.param_type_name == "option" and parameter.name != "config":
            name = max(parameter.opts, key=len).lstrip("-")
            yield words, name, context.params.get(parameter.name), places[parameter.name]


def _context(command: Any, outer: Any, rest: list[str], path: str | None) -> Any:
    """The command line as the command would see it; without arguments, whatever it needs."""
    make = partial(command.make_context, command.name, parent=outer)
    if rest:
        return make(rest if path is None else ["--config", path, *rest], resilient_parsing=False)
    bare, presets = make([], resilient_parsing=True), read_presets(path)
    words = tuple(bare.command_path.split()[1:])
    values = command_presets(presets, words, bare) if presets else {}
    defaults = {name: value for name, (value, _) in values.items()}
    context = make([], resilient_parsing=True, default_map=defaults)
    context.meta[ORIGINS] = {name: place for name, (_, place) in values.items()}
    return context


def _table(rows: list[Row]) -> str:
    """Columns: the option with its command, the value, where it comes from."""
    from .model_facts import columns

    one = len({command for command, *_ in rows}) == 1
    named = [f"--{name}" if one else f"{command} --{name}" for command, name, *_ in rows]
    cells = [
        (option, _show(value), place or "default")
        for option, (_, _, value, place) in zip(named, rows, strict=True)
    ]
    return columns(cells) + "\n"


def _show(value: Any) -> str:
    """As one would type it; what is not set, or decided for each image, is a dash."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "-"
    return "-" if value is None else str(value)


CONTEXT = {"allow_interspersed_args": False}  # what follows COMMAND is that command's
FAMILY: dict[str, Callable[..., int]] = {"show": show_config}
