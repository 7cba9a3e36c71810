"""What is wrong with a command line, in one line."""

from __future__ import annotations

import re
from typing import Any

import typer

from .meant import suggest_command, suggest_option


def explain(error: typer.TyperException) -> str:
    """What is wrong with an option or a word, without where to look."""
    context = getattr(error, "ctx", None)
    text = _describe_range(error) or _describe_unknown(error, context)
    return text or " ".join(error.format_message().split())


def _describe_unknown(error: typer.TyperException, context: Any) -> str:
    """A word that is no command or option of ours, and what may be meant; else nothing."""
    if hasattr(error, "possibilities") and (word := getattr(error, "option_name", "")):
        options = [name for p in context.command.params for name in p.opts if name[:2] == "--"]
        hint = suggest_option(word, context.info_name, options)
        return f"no such option: {word}; {hint}".rstrip("; ")
    missing = re.match(r"No such command '(.*)'\.", getattr(error, "message", ""))
    if not missing:
        return ""
    family = context.info_name if context.parent else ""
    hint = suggest_command(missing[1], context.command.commands, family)
    return f"no such command: {missing[1]}; {hint}".rstrip("; ")


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
