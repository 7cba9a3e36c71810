"""`imgconv man`: the manual page, made from the help of every command."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

from imgconv import __version__

from .console import current

EXIT_STATUS = """\
0 if everything was written, 1 if at least one file failed (the others are done),
2 if the command line is wrong (nothing was done), 130 if interrupted."""

ENVIRONMENT = {
    "IMGCONV_CACHE": "Folder for compiled kernels, instead of the user's cache folder.",
    "IMGCONV_DEBUG": "If set, a mistake of imgconv itself is shown with all its lines.",
    "IMGCONV_CONFIG": "A TOML file with defaults of options, instead of ./imgconv.toml: see "
    "imgconv config --help.",
    "IMGCONV_COMMAND_OPTION": "The default of an option, as IMGCONV_SEGMENT_DIAMETER=9um; "
    "several values one a line. Flags win, then these, then the file.",
    "NO_COLOR": "If set, nothing is printed in colour.",
    "COLUMNS": "Width of the terminal, where the terminal does not say it.",
}


def command() -> int:
    """Print the manual page (imgconv man | man -l -)."""
    current().out(page())
    return 0


def page() -> str:
    """The page in roff, section 1."""
    from . import COMMANDS, about, load

    paragraphs = [" ".join(p.split()) for p in (about.__doc__ or "").split("\n\n")]
    lines = [f'.TH IMGCONV 1 "{datetime.date.today()}" "imgconv {__version__}" "User Commands"']
    lines += [".SH NAME", f"imgconv \\- {_text(paragraphs[0].rstrip('.').lower())}"]
    lines += [".SH SYNOPSIS", ".B imgconv", r".I COMMAND", r"[\fIOPTIONS\fR] [\fIFILE\fR ...]"]
    lines += [".SH DESCRIPTION", *(f"{_text(p)}\n.PP" for p in paragraphs[1:])]
    lines.append(".SH COMMANDS")
    for name in COMMANDS:
        loaded = load(name)
        lines += _command(name, loaded)
        for word, member in getattr(loaded, "commands", {}).items():
            lines += _command(f"{name} {word}", member)
    lines.append(".SH ENVIRONMENT")
    for name, meaning in ENVIRONMENT.items():
        lines += [".TP", f"\\fB{name}\\fR", _text(meaning)]
    lines += [".SH EXAMPLES", *(f".PP\n.EX\n{_text(line)}\n.EE" for line in examples())]
    return "\n".join([*lines, ".SH EXIT STATUS", _text(EXIT_STATUS)]) + "\n"


def examples() -> list[str]:
    """The commands of the first help's examples."""
    from . import EXAMPLES

    lines = map(str.strip, EXAMPLES.partition("Go on")[0].splitlines())
    return [line for line in lines if line.startswith("imgconv ")]


def _command(name: str, loaded: Any) -> Iterator[str]:
    context = loaded.make_context(f"imgconv {name}", [], resilient_parsing=True)
    usage = " ".join(loaded.collect_usage_pieces(context))
    yield f".SS imgconv {name} {_text(usage)}"
    for paragraph in (loaded.help or "").split("\n\n"):
        yield from (".PP", _text(paragraph.replace("\b", "").strip()))
    records = (p.get_help_record(context) for p in loaded.get_params(context))
    for names, help in filter(None, records):
        yield from (".TP", f"\\fB{_text(names)}\\fR", _text(" ".join(help.split())))


def _text(text: str) -> str:
    """Plain text as roff: hyphens stay hyphens, no line begins a request."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(
        "\\&" + line if line[:1] in ".'" else line for line in map(str.strip, escaped.splitlines())
    )
