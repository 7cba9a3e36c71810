"""The page of a report: what was found, as a document of plain data, beside what shows it.

Everything is in the one file: style, script, the charts' library (Chart.js, MIT) with its licence,
pictures, and the data, compressed as browsers unpack it. Nothing is fetched when it is opened.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
import math
from collections.abc import Iterable
from importlib.resources import files
from itertools import chain
from typing import Any

HERE = files("imgconv.report")


Picture = tuple[bytes, list[list[Any]]]
"""A JPEG, and [label, path] or [label, path, kind] of each object in it."""


def page(document: dict[str, Any], pictures: Iterable[Picture]) -> Iterable[bytes]:
    """The file in parts: `document` as report.js reads it, and pictures by their place in it."""
    document, columns = apart(document)
    parts = {
        "title": html.escape(document["title"]).encode("utf-8", "replace"),
        "style": _read("report.css"),
        "licence": html.escape(_read("chart_js/LICENSE.txt").decode()).encode(),
        "charts": _read("chart_js/chart.umd.min.js"),
        "script": _read("report.js") + _read("viewer.js") + _read("charts.js"),
        "data": pack(document),
    }
    template = _read("report.html").decode()
    head, *pieces = template.split("{{")
    yield head.encode()
    for piece in pieces:
        name, _, rest = piece.partition("}}")
        if name == "columns":
            yield from (_aside(b"c%d" % number, pack(one)) for number, one in enumerate(columns))
        elif name == "pictures":
            for number, (picture, outlines) in enumerate(pictures):
                yield _aside(b"p%d" % number, base64.b64encode(picture))
                if outlines:
                    yield _aside(b"o%d" % number, pack(outlines))
        else:
            yield parts[name]
        yield rest.encode()


def apart(document: dict[str, Any]) -> tuple[dict[str, Any], list[list[Any]]]:
    """The document without its rows' tables of objects, and the columns of these, each a list for
    each row. `objects` names them and says which hold numbers: a page reads few when it opens."""
    tables = [row.get("objects") or {} for row in document["rows"]]
    rows = [{key: row[key] for key in row if key != "objects"} for row in document["rows"]]
    names = list(dict.fromkeys(name for table in tables for name in table))
    columns = [[table.get(name) for table in tables] for name in names]
    kinds = [any(map(_is_number, chain.from_iterable(filter(None, one)))) for one in columns]
    return document | {"rows": rows, "objects": list(zip(names, kinds, strict=True))}, columns


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def pack(value: Any) -> bytes:
    """JSON, compressed, in letters."""
    text = json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode("utf-8", "replace"), 6, mtime=0))


def _aside(name: bytes, text: bytes) -> bytes:
    """What the page reads only when it is looked at."""
    return b'<script type="text/plain" id="%s">%s</script>\n' % (name, text)


def plain(value: Any) -> Any:
    """As JSON holds it: numbers to five digits, none that are no numbers."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) < 1e15 else float(f"{value:.5g}")
    return value


def _read(name: str) -> bytes:
    return HERE.joinpath(name).read_bytes()
