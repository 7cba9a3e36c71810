"""What the shell is offered for a word that has been begun: names that we know.

Files are left to the shell, which offers them where nothing here fits. A completion never fails:
where names cannot be found, there are none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress

from typer import Context

from imgconv.errors import ImgconvError


def kernels(incomplete: str) -> list[str]:
    """Names of kernels, and of families, which a number follows."""
    from imgconv.ops.catalogue import ALIASES, FAMILIES, NAMED
    from imgconv.ops.rank import MEANINGS

    names = [*NAMED, *ALIASES, *(f"{name}:" for name in (*FAMILIES, *MEANINGS))]
    return begin(names, incomplete)


def models(task: str = "") -> Callable[[str], list[str]]:
    """Names of bundled models, of a task if one is given."""

    def complete(incomplete: str) -> list[str]:
        from imgconv import engine

        paths = engine.bundled_models()
        if not task:
            return begin((path.stem for path in paths), incomplete)
        from imgconv.tasks.load import TASKS

        short = TASKS[task].models
        loaded = ((path.stem, engine.load(path).card.get("task")) for path in paths)
        return begin(short or [name for name, made_for in loaded if made_for == task], incomplete)

    return complete


def model_first(context: Context, incomplete: str) -> list[str]:
    """A model where it stands before the files."""
    return [] if context.params.get("files") else models()(incomplete)


def formats(incomplete: str) -> list[str]:
    """Names of formats that can be written."""
    from imgconv.images.formats import ALL

    return begin((one.name for one in ALL), incomplete)


def layers(incomplete: str) -> list[str]:
    """The layers of the model that stands first."""
    from imgconv import engine
    from imgconv.tasks.inspect.views import layers as layers_of

    with suppress(ImgconvError, OSError):
        return begin([*layers_of(engine.load(_first_word()).graph), "all"], incomplete)
    return []


def results(incomplete: str) -> list[str]:
    """The outputs of the model that stands first."""
    from imgconv import engine

    with suppress(ImgconvError, OSError):
        return begin(engine.load(_first_word()).graph.outputs, incomplete)
    return []


def _first_word() -> str:
    """What follows the command. While an option has no value yet, its context knows no words
    before it; bash gives the line by one name, Typer's other scripts by the other."""
    line = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or ""
    return next(iter(line.split()[2:]), "")


def architectures(incomplete: str) -> list[str]:
    """Names of the lecture's networks."""
    from imgconv.engine.architectures import ARCHITECTURES

    return begin(ARCHITECTURES, incomplete)


def begin(names: Iterable[str], incomplete: str) -> list[str]:
    """The names that begin so."""
    return [name for name in names if name.startswith(incomplete)]
