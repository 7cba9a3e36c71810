"""ONNX files to graphs, with the package onnx (an extra of this one)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from imgconv.engine.graph import Graph
from imgconv.errors import InputError
from imgconv.text import show_name, show_text


def import_file(path: str | os.PathLike[str], shapes: Any = None, size: Any = None) -> Graph:
    """The graph of an ONNX file; see convert. Raises InputError, one line with the file's name."""
    from .convert import convert
    from .source import first_line, open_model

    model, name = open_model(path), show_name(Path(path).name)
    try:
        return convert(model, shapes or {}, size)
    except InputError as problem:
        raise InputError(f"{name}: {show_text(str(problem))}") from None
    except Exception as problem:  # what a damaged file brings up inside the package onnx
        said = first_line(problem)
        raise InputError(
            f"{name}: damaged, or not as expected ({type(problem).__name__}: {said})"
        ) from problem
