"""Output names: beside the input, in a folder, one file, or a template."""

# ruff: noqa: PTH110, PTH113, PTH112, PTH118, PTH120, PTH122
# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import difflib
import os
import string
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from imgconv.errors import UsageError
from imgconv.images import find_format, folder_format, of_suffix, show_name
from imgconv.images.formats import suffixes

from .inputs import Found
from .item import Item

FIELDS = ("stem", "suffix", "parent", "page", "index")

Suffix = Callable[[str], str]
"""From the input's suffix (".jpg", "" when it has none) to the output's."""


def suffix_of(format: str | None, usual: Suffix | None = None) -> Suffix:
    """The `usual` suffix (the input's own), unless `format` ("png", ...) needs another."""

    def suffix(found: str) -> str:
        plain = usual(found) if usual else found
        if format is None or of_suffix(plain) == find_format(format):
            return plain
        return find_format(format).suffix

    return suffix


@dataclass(frozen=True, eq=False, repr=False)
class Naming:
    """How output names follow from input names: `output` is what -o says, None without."""

    command: str
    output: str | None
    suffix: Suffix
    several: bool  # more than one input, or inputs that a folder or a pattern was asked for
    format_given: bool = False
    folder: str = ""  # without -o: a folder beside the input instead of a name with the command
    inputs: tuple[str, ...] = ()  # the first of them, to be named

    def __post_init__(self) -> None:
        if self.is_template:
            self._check_template()
        elif self.output not in (None, "-") and not self.is_folder:
            self._check_file()

    @property
    def _given(self) -> str:
        return f"`output={show_name(self.output or '')!r}`"

    @cached_property
    def is_template(self) -> bool:
        return self.output is not None and "{" in self.output and not os.path.isdir(self.output)

    @cached_property
    def is_paged(self) -> bool:
        return self.is_template and "page" in _fields(self.output or "")

    @cached_property
    def is_folder(self) -> bool:
        """-o names a folder: it is one, ends like one, or has no suffix that names a format."""
        output = self.output
        if output is None or output == "-" or self.is_template or folder_format(output):
            return False
        if os.path.exists(output) and not os.path.isfile(output) and not os.path.isdir(output):
            return False  # a device, a named pipe
        ends = output.endswith(("/", os.sep)) or os.path.isdir(output)
        return ends or not (os.path.splitext(output)[1] or (self.format_given and not self.several))

    def target(self, found: Found, index: int) -> str:
        """The name for one input; with {page} still open (and braces doubled) if is_paged."""
        if self.output is None:
            return self._beside(found)
        if self.is_template:
            return self._fill(found, index)
        if self.is_folder:
            _, stem, suffix = self._parts(found)
            return os.path.join(self.output, os.path.dirname(found.below), stem + suffix)
        return self.output

    def _beside(self, found: Found) -> str:
        if found.path == "-":
            return "-"
        folder, stem, suffix = self._parts(found)
        name = stem + suffix if self.folder else f"{stem}-{self.command}{suffix}"
        return os.path.join(folder, self.folder, name)

    def _parts(self, found: Found, *, named: bool = True) -> tuple[str, str, str]:
        """Folder, stem and the output's suffix; `named`: the suffix is part of the name."""
        path = "stdin" if found.path == "-" else found.path
        folder, name = os.path.split(path)
        stem, suffix = os.path.splitext(name)
        suffix = self.suffix(suffix)
        if found.path == "-" and named and not suffix:
            raise UsageError(
                "standard input has no name to make an output name of: give `output` or `format`"
            )
        return folder, stem, suffix

    def _fill(self, found: Found, index: int) -> str:
        assert self.output is not None
        folder, stem, suffix = self._parts(found, named="suffix" in _fields(self.output))
        values = {"stem": stem, "suffix": suffix, "parent": folder or os.curdir, "index": index}
        if not self.is_paged:
            return self.output.format(**values)
        parts = string.Formatter().parse(self.output)
        return "".join(_escape(text) + _filled(name, spec, values) for text, name, spec, _ in parts)

    def _check_template(self) -> None:
        assert self.output is not None
        for name in _fields(self.output):
            if name not in FIELDS:
                near = difflib.get_close_matches(name, FIELDS, n=1)
                hint = f"did you mean {{{near[0]}}}? " if near else ""
                allowed = " ".join(f"{{{field}}}" for field in FIELDS)
                raise UsageError(f"{self._given}: unknown {{{name}}}; {hint}allowed are {allowed}")
        try:
            Item("", self._fill(Found("a.png"), 1), paged=self.is_paged).page(1)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise UsageError(f"{self._given}: {error}") from None
        if not self.output.endswith("{suffix}"):
            self._check_suffix()

    def _check_file(self) -> None:
        if self.several:
            named = ", ".join(show_name(one) for one in self.inputs)
            raise UsageError(
                f"{self._given} is one file for several inputs{named and f' ({named})'}: "
                "give a folder (`output='out/'`) or a template (`output='out/{stem}{suffix}'`)"
            )
        self._check_suffix()

    def _check_suffix(self) -> None:
        output, own = self.output or "", self.suffix("")  # ".csv", where results are tables
        named = self.format_given or is_known(output) or output == os.devnull
        if not named and not (own and output.endswith(own)):
            raise UsageError(
                f"{self._given}: the name must end in a format's suffix "
                f"({suffixes()}), or give `format`; "
                "a folder that is not there yet ends in /"
            )


def is_known(name: str) -> bool:
    """Whether the suffix names a format that can be written."""
    return of_suffix(os.path.splitext(name)[1]) is not None


def _filled(name: str | None, spec: str | None, values: dict[str, object]) -> str:
    """One field of a template, ready to be formatted once more with the page."""
    if name == "page":
        return f"{{page:{spec}}}" if spec else "{page}"
    return "" if name is None else _escape(format(values[name], spec or ""))


def _escape(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _fields(template: str) -> list[str]:
    try:
        return [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise UsageError(
            f"`output={show_name(template)!r}`: {error}; write {{{{ for a brace"
        ) from None
