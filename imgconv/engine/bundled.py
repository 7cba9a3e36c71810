"""Which models there are: those that come with imgconv, and files of one's own."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from imgconv.errors import UsageError

from .model_file import Model
from .model_file import load as load_file

SUFFIX = ".safetensors"
RENAMED = {"cells-phase": "cells"}  # former names, which go on working


@cache
def folder() -> Path:
    """Where the bundled weights lie: inside an installed package, or beside the source."""
    package = Path(__file__).parent.parent
    inside = package / "weights"
    return inside if inside.is_dir() else package.parent / "weights"


def bundled_models() -> list[Path]:
    """The bundled model files, by name."""
    return sorted(folder().glob(f"*{SUFFIX}"))


def _names(task: str) -> str:
    """The bundled models' names, for a message: of a task, if given."""
    every = [
        file for file in bundled_models() if not task or load_file(file).card.get("task") == task
    ]
    return ", ".join(file.name.removesuffix(SUFFIX) for file in every) or "none"


def path(name: str | os.PathLike[str], task: str = "") -> Path:
    """The file of a bundled model's name, or of a path. UsageError names what there is."""
    text = os.fspath(name)
    if text.lower().endswith(".onnx"):
        raise UsageError(f"{text} is an ONNX file: imgconv models import makes a {SUFFIX} of it")
    if text.endswith(SUFFIX) or os.sep in text:
        return Path(text)
    found = folder() / f"{RENAMED.get(text, text)}{SUFFIX}"
    if found.is_file():
        return found
    meant = _meant(text)
    raise UsageError(
        f"there is no model '{text}'{f' (did you mean {meant}?)' if meant else ''}; bundled are "
        f"{_names(task)}; give a path ending in {SUFFIX} for a file of your own"
    )


def _meant(text: str) -> str:
    """The bundled models whose names have this as a part, or the one most like it, or ""."""
    from difflib import get_close_matches

    names = [file.name.removesuffix(SUFFIX) for file in bundled_models()]
    parts = [name for name in names if text and text.lower() in name.split("-")]
    return " or ".join(parts or get_close_matches(text.lower(), names, 1))


def load(name: str | os.PathLike[str], task: str = "") -> Model:
    """A bundled model by its name, or a model file by its path; of a certain task, if given."""
    model = load_file(path(name, task))
    found = model.card.get("task", "")
    if task and found and found != task:
        raise UsageError(
            f"{os.fspath(name)}: made to {found}, not to {task}; bundled for that are "
            f"{_names(task)}"
        )
    return model
