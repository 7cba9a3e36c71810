"""Where options get their values: flags win, then the environment, then a file, then defaults.

The environment names an option after its command (IMGCONV_SEGMENT_DIAMETER); Click reads it. The
file, imgconv.toml, has a table for each command and, above the tables, what is for all:

    jobs = 2

    [segment]
    diameter = "9um"

    [models.list]
    json = true
"""

from __future__ import annotations

import os
from copy import copy
from typing import Annotated, Any, NamedTuple

import typer
from typer import Option

from imgconv.errors import UsageError

from .console import current
from .help import GROUPS
from .help import Command as PlainCommand

FILE = "imgconv.toml"
VARIABLE = "IMGCONV_CONFIG"
ORIGINS = "imgconv.presets"  # of values from the file, in a context's meta: option -> "FILE:LINE"
FOR_ALL = [name.replace("_", "-") for names in GROUPS.values() for name in names]
NEVER = {
    "force": "whoever overwrites says so on the command line or in the environment",
    "dry-run": "it is for one call",
    "config": "a file cannot name another",
    "help": "it is for one call",
}

OF_A_CALL = {
    *GROUPS["Batch and reports"], "recursive", "files_from", "output", "force", "skip_existing",
    "dry_run",
}  # fmt: skip
"""Options that say where and how it is done, not what."""


SAID_ELSEWHERE = {*OF_A_CALL, "cluster", "csv", "help", "preserve_times", "report"}
"""Options that a report of what was done does not list beside its command line."""


class Presets(NamedTuple):
    """A file of presets: what it says, and in which line."""

    path: str
    text: str
    table: dict[str, Any]

    def place(self, *keys: str) -> str:
        """FILE:LINE of a key: the first lines that make TOML with it end where its value does."""
        import tomllib

        lines, begin = self.text.splitlines(), 0
        for end in range(1, len(lines) + 1):
            try:
                found: Any = tomllib.loads("\n".join(lines[:end]))
            except tomllib.TOMLDecodeError:  # inside a value of several lines
                continue
            for key in keys:
                found = found.get(key) if isinstance(found, dict) else None
            if found is not None:
                break
            begin = end
        return f"{self.path}:{begin + 1}"

    def error(self, keys: tuple[str, ...], text: str) -> UsageError:
        return UsageError(f"{self.place(*keys)}: {text}")


def use_presets(context: typer.Context, path: str | None) -> str | None:
    """The callback of --config: options that nobody gives get their values from the file."""
    if not context.resilient_parsing and (presets := read_presets(path)):
        words = tuple(context.command_path.split()[1:])
        values = command_presets(presets, words, context)
        context.default_map = {name: value for name, (value, _) in values.items()}
        context.meta[ORIGINS] = {name: place for name, (_, place) in values.items()}
    return path


Config = Annotated[
    str | None,
    Option(
        "--config",
        metavar="FILE",
        envvar=VARIABLE,
        is_eager=True,
        callback=use_presets,
        help="Read defaults of options from a TOML file. [default: ./imgconv.toml if it exists]",
    ),
]


def read_presets(path: str | None) -> Presets | None:
    """The file, checked as far as no command need be known; none where there is no file to read."""
    name = path or FILE
    if path is None and not os.path.isfile(FILE):  # noqa: PTH113 (half the time of pathlib)
        return None
    import tomllib

    try:
        with open(name, encoding="utf-8-sig") as file:  # noqa: PTH123
            text = file.read()
        return Presets(name, text, tomllib.loads(text))
    except OSError as error:
        raise UsageError(f"{name}: cannot be read ({error.strerror or error})") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{name}: is no TOML: {error}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{name}: is no TOML: not in UTF-8") from None


def command_presets(
    presets: Presets, command: tuple[str, ...], context: Any
) -> dict[str, tuple[Any, str]]:
    """What the file says of a command: parameter -> (value, FILE:LINE). Raises UsageError."""
    _check_tables(presets, list(getattr(context.find_root().command, "commands", ())))
    options = {
        max(p.opts, key=len).lstrip("-"): p
        for p in context.command.params
        if p.param_type_name == "option" and not p.hidden
    }
    own: Any = presets.table
    for depth, word in enumerate(command):
        _check_family(presets, command[:depth], context)
        own = own.get(word, {})
    given = {(k,): v for k, v in presets.table.items() if k.replace("_", "-") in options}
    given |= {(*command, k): v for k, v in own.items()} if command else {}
    found = {}
    for keys, value in given.items():
        parameter = _option(presets, keys, options)
        found[parameter.name] = (_value(presets, keys, value, parameter, context), keys)
    return {name: (value, presets.place(*keys)) for name, (value, keys) in found.items()}


def _check_tables(presets: Presets, commands: list[str]) -> None:
    """Tables are commands; what stands above them is an option that commands share."""
    for key, value in presets.table.items():
        table = isinstance(value, dict)
        known, what = (commands, "command") if table else (FOR_ALL, "option for all commands")
        name = key if table else key.replace("_", "-")
        if not table and name in NEVER:
            raise presets.error((key,), f"{key} cannot be set here: {NEVER[name]}")
        if name not in known:
            shown = f"[{key}]" if table else f"{key}"
            raise presets.error((key,), f"no such {what}: {shown}{_near(name, known)}")


def _check_family(presets: Presets, words: tuple[str, ...], context: Any) -> None:
    """The table of a family holds tables of its commands."""
    table: Any = presets.table
    for word in words:
        table = table.get(word, {})
    if not words or not table:
        return
    known = list(context.parent.command.commands)
    for key, value in table.items():
        if key not in known or not isinstance(value, dict):
            tables = ", ".join(f"[{words[0]}.{name}]" for name in known)
            raise presets.error((*words, key), f"{key}: [{words[0]}] has the tables {tables}")


def _option(presets: Presets, keys: tuple[str, ...], options: dict[str, Any]) -> Any:
    name, command = keys[-1].replace("_", "-"), " ".join(keys[:-1])
    if name in NEVER:
        raise presets.error(keys, f"{keys[-1]} cannot be set here: {NEVER[name]}")
    if name not in options:
        near = _near(name, [one for one in options if one not in NEVER])
        raise presets.error(keys, f"{command} has no option {keys[-1]}{near}")
    return options[name]


def _value(
    presets: Presets, keys: tuple[str, ...], value: Any, parameter: Any, context: Any
) -> Any:
    """As the command line would give it: a text or a number, true of a flag, a list of several."""
    every = value if parameter.multiple and isinstance(value, list) else [value]
    flag = getattr(parameter, "is_flag", False)
    kinds, needed = ((bool,), "true or false") if flag else ((str, int, float), "text or a number")
    if parameter.multiple:
        needed += ", or a list of such"
    if not all(isinstance(one, kinds) and (flag or not isinstance(one, bool)) for one in every):
        shown = str(value).lower() if isinstance(value, bool) else value
        raise presets.error(keys, f"{keys[-1]} = {shown}: must be {needed}")
    given = every if parameter.multiple else value
    try:
        parameter.type_cast_value(context, given)
    except typer.BadParameter as error:
        from .usage import explain

        raise presets.error(keys, explain(error)) from None
    return given


def _near(name: str, known: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def sources(context: Any) -> dict[str, str]:
    """Where each parameter's value came from: "" (the default), "command line", "$VARIABLE" or
    "FILE:LINE"."""
    places = context.meta.get(ORIGINS, {})
    found = {}
    for parameter in context.command.params:
        kind = getattr(context.get_parameter_source(parameter.name), "name", "DEFAULT")
        variable = parameter.envvar or f"{context.auto_envvar_prefix}_{parameter.name.upper()}"
        words = {"COMMANDLINE": "command line", "ENVIRONMENT": f"${variable}"}
        found[parameter.name] = words.get(kind, places.get(parameter.name, ""))
        if kind == "DEFAULT":
            found[parameter.name] = ""
    return found


def _note_presets(context: Any) -> None:
    """Say which options are set where nobody sees it on the command line."""
    if context.params.get("quiet") or context.params.get("config") == os.devnull:
        return
    by_place: dict[str, list[str]] = {}
    for name, place in sources(context).items():
        if place not in ("", "command line") and name != "config":
            kept = place if place.startswith("$") else place.rpartition(":")[0]
            by_place.setdefault(kept, []).append(name.replace("_", "-"))
    for place, names in by_place.items():
        current().say(f"{place} sets {', '.join(names)}")


def _blame(error: UsageError, context: Any) -> UsageError:
    """The error with where the option came from that it speaks of, if not from a flag."""
    for name, place in sources(context).items():
        option = f"--{name.replace('_', '-')}"
        if place not in ("", "command line") and str(error).startswith(f"{option} "):
            return UsageError(f"{error} (set in {place})")
    return error


class Command(PlainCommand):
    """A command that says which options are set where nobody sees it."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        for parameter in self.params:
            if hasattr(parameter, "show_envvar"):  # said once, in `imgconv config --help`
                parameter.show_envvar = False
            if getattr(parameter, "multiple", False):  # one a line: matrices have spaces
                kind: Any = copy(parameter.type)
                kind.envvar_list_splitter = "\n"
                parameter.type = kind

    def invoke(self, ctx: Any) -> Any:
        _note_presets(ctx)
        try:
            return super().invoke(ctx)
        except UsageError as error:
            raise _blame(error, ctx) from None


def given_options() -> dict[str, Any]:
    """What a record needs to be run again: the options of the command that is being run which are
    not at their defaults, whoever set them."""
    from typer._click.globals import get_current_context

    context: Any = get_current_context(silent=True)
    set_by = sources(context) if context else {}
    return {
        p.name: context.params[p.name]
        for p in (context.command.params if context else ())
        if p.param_type_name == "option" and set_by[p.name] and p.name not in OF_A_CALL
    }


def effective_options() -> dict[str, Any]:
    """Every option of the command that is being run that says what is done, and its value, whoever
    set it; None where it is found for each image."""
    from typer._click.globals import get_current_context

    context: Any = get_current_context(silent=True)
    return {
        p.name: context.params[p.name]
        for p in (context.command.params if context else ())
        if p.param_type_name == "option" and not p.hidden and p.name not in SAID_ELSEWHERE
    }
