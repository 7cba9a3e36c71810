"""`imgconv cache`: where compiled kernels lie, how many, and whether they can be trusted."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from imgconv.errors import OutputError
from imgconv.text import show_name

from .console import current

if TYPE_CHECKING:
    from imgconv.kernels.cache_state import State

ABOUT = """Show, clear or verify the compiled kernels that are kept for this machine.

The first command of each kind compiles the kernels it needs; they are kept in the user's cache
folder, or in $IMGCONV_CACHE. Root can keep one for all users: imgconv warmup --system.
"""
System = Annotated[bool, Option("--system", help="The cache that root made for all users.")]


def show_caches(
    json: Annotated[bool, Option("--json", help="Print one JSON object a cache.")] = False,
) -> int:
    """Show where each cache lies, how large it is, whose, and whether it can be written.

    imgconv cache show --json
    """
    import json as json_module

    for name, kernels in caches().items():
        if json:
            current().out(json_module.dumps(_record(name, kernels)) + "\n")
        else:
            current().show("\n".join(_lines(name, kernels)) + "\n")
    return 0


def clear_cache(system: System = False) -> int:
    """Remove all compiled kernels; they are compiled again when they are needed.

    imgconv cache clear
    """
    from imgconv.kernels import cache_state

    kernels = _choose(system)
    try:
        count, size = cache_state.clear(kernels)
    except OSError as error:
        where = error.filename or kernels
        raise OutputError(f"{show_name(where)}: cannot be removed ({error.strerror})") from None
    current().say(f"{count} entries removed, {_bytes(size)}: {show_name(kernels)}")
    return 0


def verify_cache(system: System = False) -> int:
    """Check that every compiled kernel is whole and was made in this cache; 1 if one is not.

    imgconv cache verify

    What is not is never loaded: it is compiled again at its next use.
    """
    from imgconv.kernels import cache_state, every

    kernels = _choose(system)
    state = cache_state.look(kernels)
    if state is None:
        make = "imgconv warmup makes it" if _can_be_made(kernels) else f"cannot be made; {ADVICE}"
        current().show(f"{show_name(kernels)}: not there yet; {make}\n")
        return 0
    for name, why in state.refused.items():
        current().error(f"{name}: {why}; it is compiled again at its next use")
    if state.problem:
        current().error(f"{show_name(kernels)}: {state.problem}; nothing in it is used")
    count = len(every())
    current().show(
        f"{state.ready} of {count} kernels whole, {len(state.refused)} refused, "
        f"{count - state.ready - len(state.refused)} not compiled yet\n"
    )
    return int(bool(state.refused or state.problem))


FAMILY: dict[str, Callable[..., int]] = {
    "show": show_caches,
    "clear": clear_cache,
    "verify": verify_cache,
}
ALONE = show_caches


def caches() -> dict[str, Path]:
    """The folders of entries: the user's own (or $IMGCONV_CACHE's), and root's for all."""
    from imgconv.kernels import cache

    found = {"own": own_folder()}
    shared = cache.system_folder()
    return found | ({"system": shared} if shared else {})


def own_folder() -> Path:
    """Raises OutputError where there is no home folder."""
    from imgconv.kernels import cache

    try:
        return cache.folder()
    except RuntimeError as error:
        raise OutputError(f"no kernel can be kept: {error}; {ADVICE}") from None


ADVICE = "set IMGCONV_CACHE to a folder that only you can write"


def _choose(system: bool) -> Path:
    found = caches()
    if system and "system" not in found:
        raise OutputError("there is no cache for all users here: IMGCONV_CACHE names the only one")
    return found["system" if system else "own"]


def _lines(name: str, kernels: Path) -> list[str]:
    """For people; the first word of each line says what it is."""
    from imgconv.kernels import cache_state, every

    title = {"own": "your cache", "system": "for all users"}[name]
    lines = [f"{title:14}{show_name(kernels)}"]
    state = cache_state.look(kernels)
    if state is None and name == "own" and not _can_be_made(kernels):
        return [*lines, f"  {'writable':12}no: kernels are compiled in memory each time; {ADVICE}"]
    if state is None:
        make = "imgconv warmup" + " --system, as root," * (name == "system")
        return [*lines, f"  {'entries':12}none yet: {make} makes them"]
    return [*lines, *(f"  {word:12}{text}" for word, text in _facts(state, len(every())))]


def _can_be_made(folder: Path) -> bool:
    """As far as permissions say."""
    above = next(path for path in folder.parents if path.exists())
    return above.is_dir() and os.access(above, os.W_OK)


def _facts(state: State, count: int) -> list[tuple[str, str]]:
    other = f", {state.other} of other versions or CPUs" if state.other else ""
    refused = f", {len(state.refused)} refused: imgconv cache verify" if state.refused else ""
    return [
        ("entries", f"{state.ready} of {count} kernels ready{other}{refused}"),
        ("size", _bytes(state.bytes)),
        ("owner", state.owner),
        ("writable", "yes" if state.writable else f"no: what is missing is not kept; {ADVICE}"),
        ("trusted", f"no, {state.problem}" if state.problem else "yes"),
    ]


def _record(name: str, kernels: Path) -> dict[str, Any]:
    from imgconv.kernels import cache_state, every

    state = cache_state.look(kernels)
    facts = {} if state is None else state._asdict()
    return {"cache": name, "place": str(kernels), "kernels": len(every())} | facts


def _bytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
