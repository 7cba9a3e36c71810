"""The door to the models of a task."""

from __future__ import annotations

import os

from imgconv import engine
from imgconv.engine import Model
from imgconv.errors import ImgconvError, InputError

from .card import Card, Task
from .classify.card import CLASSIFY
from .colorize.card import COLORIZE
from .denoise.card import DENOISE
from .segment.card import SEGMENT

TASKS: dict[str, Task] = {task.name: task for task in (SEGMENT, DENOISE, COLORIZE, CLASSIFY)}


def load(name: str | os.PathLike[str] | Model, task: str) -> tuple[Model, Card]:
    """The model of a task by its short name ("photo"), its full one, or its path; and its card.

    Raises InputError or UsageError, one line, where there is none or it was made for another task.
    """
    what, text = TASKS[task], name.path if isinstance(name, Model) else os.fspath(name)
    model = name if isinstance(name, Model) else engine.load(what.models.get(text, name), task)
    if model.card.get("task") != task:
        raise InputError(f"{text}: its card does not say what it is made for; {task} needs its own")
    try:
        card = what.card(*(_rules(model, key) for key in ("prepare", "read")))
        what.check(model, card)
    except ImgconvError as error:
        raise type(error)(f"{text}: {error}") from None
    return model, card


def _rules(model: Model, key: str) -> dict[str, object]:
    found = model.card.get(key) or {}
    if not isinstance(found, dict):
        raise InputError(f"'{key}' of its card is {type(found).__name__}, not an object")
    return found
