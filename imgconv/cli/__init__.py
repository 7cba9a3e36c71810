"""The command line: `main(argv)` returns the exit code, 0, 1, 2 or 130.

A command is a function `command` in a module of this package that is named like it ("kernels" in
kernels.py), and one line in COMMANDS. The module is imported when the command is used; what is
heavy is imported inside the function. See `info.py` for a short one. A family of commands is a
module with FAMILY, its functions by name, and ABOUT, their common help.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from imgconv.errors import ImgconvError, UsageError

from .console import Console, ExitCode, current, in_options, using

COMMANDS: dict[str, str] = {
    "filter": "Filter images with a kernel: sharpen, blur, find edges, or any matrix of yours.",
    "convolve": "Make feature maps: the layer of a network with stencils of yours.",
    "pool": "Pool images: every window becomes its max, average, L2, min or median.",
    "upsample": "Enlarge images: nearest, bilinear, bicubic, or a transposed convolution.",
    "denoise": "Take out noise, or crosshairs and hairlines, by a network or classically.",
    "segment": "Find nuclei or cells: labels, a picture to look at, a table of measurements.",
    "measure": "Measure labels of any tool on their images: shape, intensity, texture, rings.",
    "plate": "Sum up a plate: counts, means, medians of each well, with the plate's map.",
    "colorize": "Colour grey photos: plausible colours, brightness kept; hints of yours.",
    "evaluate": "Score label images against the truth: AP, F1, count error, Jaccard index.",
    "classify": "Say what pictures show; read the digits of scans.",
    "run": "Run any network: an image becomes an image, an array an array.",
    "inspect": "Look inside a network: filters, maps, fields, what decides, its graph.",
    "models": "List, show, verify and import networks.",
    "kernels": "List the named kernels, or show an image under all of them.",
    "warmup": "Compile all kernels for this machine ahead of their first use.",
    "diff": "Compare two images: differences, PSNR, SSIM, metadata, a picture of where.",
    "info": "Show what an image file holds: size, type, axes, range, metadata.",
    "man": "Print the manual page (imgconv man | man -l -).",
}

SETTINGS: Any = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Commands(TyperGroup):
    """Shows its commands from the table; a command's own module is imported to run it."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, load(name) if command and name else None, rest


def load(name: str) -> Any:
    """The real command behind a name in COMMANDS."""
    from importlib import import_module

    from .options import flatten_options

    module = import_module(f"{__name__}.{name.replace('-', '_')}")
    alone = typer.Typer(rich_markup_mode=None, add_completion=False, context_settings=SETTINGS)
    if family := getattr(module, "FAMILY", None):
        alone.callback(invoke_without_command=True, help=module.ABOUT)(help_alone)
    for word, command in (family or {name: module.command}).items():
        alone.command(word)(flatten_options(command))
    return get_command(alone)


def help_alone(context: typer.Context) -> None:
    """A family without one of its commands shows what they are."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def show_version(asked: bool) -> None:
    if asked:
        from .version import lines

        typer.echo("\n".join(lines()))
        raise typer.Exit


def about(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=show_version, is_eager=True, help="Show versions and exit."
        ),
    ] = False,
) -> None:
    """Convolutional image tools for the shell.

    Files come first, results go beside them or where -o says; - is a pipe.
    Written paths are printed on standard output, everything for people on standard error.
    """


def application() -> typer.Typer:
    """The commands by name and help, without their modules."""
    app = typer.Typer(cls=Commands, rich_markup_mode=None, context_settings=SETTINGS)
    app.callback()(about)
    for name, help in COMMANDS.items():
        app.command(name, help=help)(lambda: None)
    return app


def main(argv: Sequence[str] | None = None, console: Console | None = None) -> int:
    """Run one command line (by default the process's own) and return its exit code."""
    with using(console):
        return _run(argv)


def _run(argv: Sequence[str] | None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    try:
        code = application()(args=arguments, prog_name="imgconv", standalone_mode=False)
    except typer.TyperException as error:
        return _fail(_usage(error), error.exit_code)
    except UsageError as error:
        return _fail(f"imgconv: {error}", ExitCode.USAGE)
    except ImgconvError as error:
        return _fail(f"imgconv: {error}", ExitCode.FAILED)
    except typer.Abort:
        return ExitCode.INTERRUPTED
    except SystemExit as done:  # completion has answered, or the reader of the help has gone
        return int(done.code or 0)
    return code or ExitCode.OK


def _usage(error: typer.TyperException) -> str:
    """One line: which command, what is wrong, where to look."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "imgconv"
    text = _describe_range(error) or " ".join(error.format_message().split())
    return f"{path}: {text} ({_hint_of_file(text)}see {path} --help)"


def _hint_of_file(text: str) -> str:
    """For an option that is the name of a file."""
    from pathlib import Path

    name = text.removeprefix("No such option: ").split(" ")[0]
    return f"the file of this name is ./{name}; " if name != text and Path(name).exists() else ""


def _describe_range(error: typer.TyperException) -> str:
    """What was found and what is allowed, for an option with a range; else nothing."""
    option: Any = getattr(error, "param", None)
    kind: Any = getattr(option, "type", None)
    low, high = getattr(kind, "min", None), getattr(kind, "max", None)
    found, wrong, _ = getattr(error, "message", "").partition(" is not ")
    if low is None or not wrong:
        return ""
    number = "a whole number" if kind.name.startswith("int") else "a number"
    span = f"from {low:g} to {high:g}" if high is not None else f"of {low:g} or more"
    name, value = max(option.opts, key=len), found.strip("'")
    return f"{name} {value}: must be {number} {span}"


def _fail(line: str, code: int) -> int:
    current().say(in_options(line))
    return code
