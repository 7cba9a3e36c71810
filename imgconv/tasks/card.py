"""What a model's card says of its use: one type for all tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from imgconv.engine import Model


@dataclass(frozen=True)
class Card:
    """How a model of a task is used; every value is there, the card's own or the task's usual.

    prepare: how an image becomes the network's input. read: how its output is understood.
    """

    task: str
    prepare: Mapping[str, Any]
    read: Mapping[str, Any]
    kind: str = ""  # which of the task's kinds of model, where it has several: photo, micro ...


@dataclass(frozen=True)
class Task:
    """What networks can be made for, beside the command of the same name.

    prepare, read: the usual values. models: the short names of bundled models. check: raises
    InputError, without the model's name, where a network cannot do the task.
    """

    name: str
    check: Callable[[Model, Card], None]
    prepare: Mapping[str, Any] = field(default_factory=dict)
    read: Mapping[str, Any] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)

    def card(
        self, prepare: Mapping[str, Any] | None = None, read: Mapping[str, Any] | None = None
    ) -> Card:
        """The card with these values, and the usual ones for all others."""
        given = dict(prepare or {})
        kind = str(given.pop("kind", ""))
        return Card(self.name, {**self.prepare, **given}, {**self.read, **(read or {})}, kind)
