"""Tables as CSV (RFC 4180, UTF-8): measurements of an image, the summary of a folder."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """The rows under their columns; None is an empty field, numbers have nine digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([format_field(row.get(column)) for column in columns] for row in rows)
    return text.getvalue()


def format_field(value: Any) -> str:
    """A field: integers exactly, others to nine digits, which tell every float32 apart."""
    if value is None:
        return ""
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) < 1e15
        return str(int(value)) if whole else "" if math.isnan(value) else f"{value:.9g}"
    return str(value)


def read_csv(text: str) -> tuple[list[str], list[dict[str, str]]]:
    """The columns and the rows of a table."""
    reader = csv.DictReader(io.StringIO(text))
    rows = list(reader)
    return list(reader.fieldnames or []), rows
