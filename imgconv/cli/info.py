"""`imgconv info`: what a file holds, for people and as JSON for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from typer import Option

from imgconv.text import show_text

from .console import ExitCode, current
from .options import InputOptions

if TYPE_CHECKING:
    from imgconv.batch import Outcome

WIDTH = 13  # of the column of names
SHOWN = 20  # images of a file


@dataclass(frozen=True, eq=False, repr=False)
class InfoOptions(InputOptions):
    """What describes images, as the commands see them that make others of them."""

    values: ClassVar[str] = "described"


def command(
    options: InfoOptions,
    header: Annotated[
        bool, Option("--header", help="Read headers only: no value range, much faster.")
    ] = False,
    schema: Annotated[
        bool, Option("--schema", help="Print the JSON Schema of what --json prints, and stop.")
    ] = False,
) -> int:
    """Show what an image file holds: size, type, axes, range, metadata, and what is odd.

    imgconv info photo.jpg

    imgconv info --json 'cells/*.tif'

    Of a file with several images each is shown, with what is other than in the one before.
    """
    if schema:
        current().out(Path(__file__).with_suffix(".schema.json").read_text(encoding="utf-8"))
        return ExitCode.OK
    from imgconv.batch import plan_inputs
    from imgconv.steps.info import DescribeFile

    from .files import carry_out

    planned = plan_inputs(
        options.files or (), recursive=options.recursive, files_from=options.files_from
    )
    step = DescribeFile(options.reading, values=not header)
    return carry_out(planned, options, step, show=as_text)


def as_text(outcome: Outcome) -> str:
    from imgconv.images import show_name

    return lines(show_name(outcome.item.source), dict(outcome.done.record))


def lines(name: str, record: dict[str, Any]) -> str:
    """The record as an indented paragraph under the file's name; of several images the first, and
    of each further one what is other than in the one before."""
    found, before = [name], dict[str, str]()
    for number, each in enumerate(record.get("images", [record]), 1):
        if number > SHOWN:
            found.append(f"  and {len(record['images']) - SHOWN} more (--json shows all)")
            break
        rows = {show_text(label): show_text(text) for label, text in _rows(each) if text}
        changed = [
            f"  {label:{WIDTH}} {rows.get(label, 'none')}"
            for label in rows | before
            if rows.get(label) != before.get(label)
        ]
        found += [f"  image {number}"] if "images" in record else []
        found += changed
        before = rows
    found += [f"  {'odd':{WIDTH}} {words}" for words in record.get("odd", ())]
    return "\n".join(found) + "\n"


def _rows(r: dict[str, Any]) -> Iterator[tuple[str, str]]:
    kind = r.get("tiff", {}).get("kind", "plain")
    packed = f", {r['compression']}" if "compression" in r else ""
    yield "format", r["format"].upper() + (f" ({kind})" if kind != "plain" else "") + packed
    yield "size", f"{r['width']} x {r['height']} pixels"
    yield "channels", f"{r['channels']}" + (f", {r['alpha']} alpha" if "alpha" in r else "")
    yield "type", r["dtype"] + (f" (from {r['source_dtype']})" if "source_dtype" in r else "")
    yield "axes", f"{r['axes']} {tuple(r['shape'])}"
    yield "name", r.get("name", "")
    yield "values", _values(r)
    yield "pixel size", _size_text(r.get("pixel_size"))
    yield "resolution", "{:g} x {:g} dpi".format(*r["dpi"]) if "dpi" in r else ""
    yield "software", r.get("software", "")
    yield "colour", r.get("icc", "")
    yield "XMP", f"{r['xmp_bytes']} bytes" if "xmp_bytes" in r else ""
    if "duration_ms" in r:
        times = f", {r['loops']} times" if r["loops"] else ", for ever"
        yield "shown", f"{r['duration_ms']:g} ms{times}"
    if "lut" in r:
        yield "table", "{entries} colours from {first} to {last}".format(**r["lut"])
    yield "background", " ".join(map(str, r.get("background", ())))
    for group in ("jpeg", "exif", "iptc", "text", "png_colour", "tiff"):
        for key, value in r.get(group, {}).items():
            if (group, key) != ("tiff", "kind"):
                yield f"{LABELS.get(group, group)} {key}", _short(value)


LABELS = {"png_colour": "colour"}


def _values(r: dict[str, Any]) -> str:
    if "min" not in r:
        return "none finite" if "not_finite" in r else ""
    odd = f", {r['not_finite']} not finite" if "not_finite" in r else ""
    low, high = (f"{end}" if isinstance(end, int) else f"{end:g}" for end in (r["min"], r["max"]))
    return f"{low} to {high}{odd}"


def _size_text(size: dict[str, Any] | None) -> str:
    return "{x:g} x {y:g} {unit}".format(**size) if size else ""


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 70 else text[:67] + "..."
