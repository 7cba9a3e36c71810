"""Tables as CSV (RFC 4180, UTF-8): measurements of an image, the summary of a folder."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

FORMULA = re.compile(r"'*[=+\-@\t\r]")  # what a spreadsheet runs, and what looks quoted already


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """The rows under their columns; None is an empty field, numbers have nine digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(format_field, columns))
    writer.writerows([format_field(row.get(column)) for column in columns] for row in rows)
    return text.getvalue()


def format_field(value: Any) -> str:
    """A field: integers exactly, others to nine digits, which tell every float32 apart.

    A text that a spreadsheet would run as a formula has an apostrophe before it, which `read_csv`
    takes off: https://owasp.org/www-community/attacks/CSV_Injection
    """
    if value is None:
        return ""
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) < 1e15
        return str(int(value)) if whole else "" if math.isnan(value) else f"{value:.9g}"
    text = str(value)
    return f"'{text}" if FORMULA.match(text) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def read_csv(text: str) -> tuple[list[str], list[dict[str, str]]]:
    """The columns and the rows of a table."""
    reader = csv.DictReader(io.StringIO(text))
    rows = [{_bare(name): _bare(field) for name, field in row.items()} for row in reader]
    return [_bare(name) for name in reader.fieldnames or []], rows


def _bare(field: Any) -> Any:
    """Without the apostrophe of `format_field`; what rows of another length hold, as it is."""
    quoted = isinstance(field, str) and field[:1] == "'" and FORMULA.match(field)
    return field[1:] if quoted else field
