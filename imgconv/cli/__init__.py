"""The command line: `main(argv)` returns the exit code, 0, 1, 2 or 130.

A command is a function `command` in a module of this package that is named like it ("kernels" in
kernels.py), and one line in COMMANDS. The module is imported when the command is used; what is
heavy is imported inside the function. See `info.py` for a short one. A family of commands is a
module with FAMILY, its functions by name, and ABOUT, their common help.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperOption
from typer.main import get_command

from imgconv.errors import ImgconvError, UsageError
from imgconv.text import show_name

from .console import Console, ExitCode, current, in_options, typed, using
from .help import WIDEST, Group
from .meant import rewrite
from .signals import interruptible

COMMANDS: dict[str, str] = {
    "filter": "Sharpen, blur, find edges: any kernel, or a matrix of yours.",
    "convolve": "Make feature maps: a network's layer with stencils of yours.",
    "pool": "Shrink images: each window to its max, mean, min or median.",
    "upsample": "Enlarge images: nearest, bilinear, bicubic, transposed.",
    "denoise": "Take out noise, or crosshairs and hairlines.",
    "segment": "Find nuclei or cells: labels, a picture, a table.",
    "measure": "Measure labels of any tool: shape, intensity, texture.",
    "plate": "Sum up a plate: each well's counts, means, medians, a map.",
    "colorize": "Colour grey photos; hints of yours are kept.",
    "evaluate": "Score label images against the truth: AP, F1, count error.",
    "classify": "Say what pictures show; read the digits of scans.",
    "run": "Run any network: images to images, arrays to arrays.",
    "inspect": "Look inside a network: filters, maps, what decides.",
    "models": "List, show, verify, import and make networks.",
    "kernels": "List the named kernels, or show an image under all.",
    "rerun": "Do a recorded run again, and say what differs.",
    "config": "Show where the values of options come from.",
    "warmup": "Compile all kernels for this machine ahead of first use.",
    "cache": "Show, clear or verify the compiled kernels.",
    "diff": "Compare two images: differences, PSNR, SSIM, metadata.",
    "info": "Show what a file holds: size, type, axes, range, metadata.",
    "man": "Print the manual page.",
}
EXAMPLES = """\
\b
Examples:
  imgconv filter -k sharpen photo.png
  imgconv denoise scans/*.jpg -o clean/
  imgconv segment cells.tif

\b
Go on with:
  imgconv COMMAND --help   its options
  imgconv kernels          their names
  imgconv models list      the networks
  imgconv man              all of it
"""

SETTINGS: Any = {"help_option_names": ["-h", "--help"], "max_content_width": WIDEST}


class Commands(Group):
    """Shows its commands from the table; a command's own module is imported to run it."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Those of completion are Typer's; no variable sets them for good."""
        params: list[Any] = list(super().get_params(ctx))
        for parameter in params:
            if isinstance(parameter, TyperOption):
                parameter.allow_from_autoenv = parameter.show_envvar = False
        return params

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        args, note = rewrite(args, self.commands)
        if note and not (ctx.resilient_parsing or {"-q", "--quiet"} & set(args)):
            current().note(note)
        name, command, rest = super().resolve_command(ctx, args)
        return name, load(name) if command and name else None, rest


def load(name: str) -> Any:
    """The real command behind a name in COMMANDS."""
    from importlib import import_module

    from .options import flatten_options
    from .presets import Command

    module = import_module(f"{__name__}.{name.replace('-', '_')}")
    alone = typer.Typer(
        cls=Group, rich_markup_mode=None, add_completion=False, context_settings=SETTINGS
    )
    if family := getattr(module, "FAMILY", None):
        shown = getattr(module, "ALONE", None)
        first = show_alone(shown) if shown else help_alone
        alone.callback(invoke_without_command=True, help=module.ABOUT)(first)
    settings = getattr(module, "CONTEXT", None)
    for word, command in (family or {name: module.command}).items():
        alone.command(word, cls=Command, context_settings=settings)(flatten_options(command))
    return get_command(alone)


def help_alone(context: typer.Context) -> None:
    """A family without one of its commands shows what they are."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def show_alone(command: Callable[[], int]) -> Callable[[typer.Context], None]:
    """A family of which one command is meant where none is named."""

    def alone(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            command()

    return alone


def show_version(asked: bool) -> None:
    if asked:
        from .version import lines

        typer.echo("\n".join(lines()))
        raise typer.Exit


def about(
    version: Annotated[
        bool,
        typer.Option(
            "-V",
            "--version",
            callback=show_version,
            is_eager=True,
            help="Show versions and exit.",
            allow_from_autoenv=False,  # a container may have an IMGCONV_VERSION
        ),
    ] = False,
) -> None:
    """Convolutional image tools for the shell.

    Results go beside the files or where -o says; - is a pipe. Written paths are printed on
    standard output, everything for people on standard error.
    """


def application() -> typer.Typer:
    """The commands by name and help, without their modules."""
    settings = SETTINGS | {"auto_envvar_prefix": "IMGCONV"}
    app = typer.Typer(cls=Commands, rich_markup_mode=None, context_settings=settings)
    app.callback(epilog=EXAMPLES)(about)
    for name, help in COMMANDS.items():
        app.command(name, help=help)(lambda: None)
    return app


def main(argv: Sequence[str] | None = None, console: Console | None = None) -> int:
    """Run one command line (by default the process's own) and return its exit code."""
    with using(console), interruptible():
        return _run(argv)


def _run(argv: Sequence[str] | None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    typed[:] = arguments
    try:
        code = application()(args=arguments, prog_name="imgconv", standalone_mode=False)
    except typer.TyperException as error:
        return _fail(_usage(error), error.exit_code)
    except UsageError as error:
        return _fail(str(error), ExitCode.USAGE)
    except ImgconvError as error:
        return _fail(str(error), ExitCode.FAILED)
    except typer.Abort:
        return ExitCode.INTERRUPTED
    except OSError as error:
        if error.filename is not None:
            return _fail(f"{show_name(error.filename)}: {error.strerror}", ExitCode.FAILED)
        if isinstance(error, FileNotFoundError):  # of os.getcwd
            return _fail("the working folder is gone: change to another", ExitCode.FAILED)
        current().hush()
        reason = error.strerror or error
        return _fail(f"standard output: cannot be written ({reason})", ExitCode.FAILED)
    except Exception as error:
        return _bug(error)
    except SystemExit as done:  # completion has answered, or the reader has gone
        if isinstance(done.__context__, BrokenPipeError):
            current().hush()
            return ExitCode.PIPE_CLOSED
        return int(done.code or 0)
    return code or ExitCode.OK


def _bug(error: Exception) -> int:
    """One line for what nobody foresaw, or all of it for whoever looks for it."""
    if os.environ.get("IMGCONV_DEBUG"):
        raise error
    said = f"{type(error).__name__}: {error}".strip(": ")
    line = f"unexpected {said}; a mistake of imgconv, IMGCONV_DEBUG=1 shows where"
    return _fail(line, ExitCode.FAILED)


def _usage(error: typer.TyperException) -> str:
    """One line: what is wrong, where to look."""
    from .usage import explain

    context = getattr(error, "ctx", None)
    path = context.command_path if context else "imgconv"
    hints = f"{_place_of(error)}{_hint_of_file(error)}{_hint_of_order(error)}"
    return f"{explain(error)} ({hints}see {path} --help)"


def _place_of(error: typer.TyperException) -> str:
    """For an option that was not set on the command line."""
    from .presets import sources

    context, option = getattr(error, "ctx", None), getattr(error, "param", None)
    place = sources(context).get(option.name, "") if context and option else ""
    return "" if place in ("", "command line") else f"set in {place}; "


def _hint_of_file(error: typer.TyperException) -> str:
    """For an option that is the name of a file."""
    from pathlib import Path

    name = getattr(error, "option_name", "")
    return f"the file of this name is ./{name}; " if name and Path(name).exists() else ""


def _hint_of_order(error: typer.TyperException) -> str:
    """For an option of a command that stands before it."""
    name, context = getattr(error, "option_name", ""), getattr(error, "ctx", None)
    if not name or context is None or context.parent is not None:
        return ""
    return f"options stand behind their command: imgconv COMMAND {name}; "


def _fail(line: str, code: int) -> int:
    current().error(in_options(line))
    return code
