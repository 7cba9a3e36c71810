"""`imgconv kernels`: the named stencils, as a list or as a sheet of pictures."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from imgconv.errors import UsageError

from .console import current

if TYPE_CHECKING:
    from imgconv.ops.catalogue import Named
    from imgconv.ops.stencil import Stencil


def command(
    preview: Annotated[
        str | None,
        Option("--preview", metavar="IMAGE", help="Show IMAGE under every kernel, labelled."),
    ] = None,
    output: Annotated[
        str | None,
        Option("-o", "--output", metavar="PATH", help="Where the preview goes, e.g. sheet.png."),
    ] = None,
    force: Annotated[bool, Option("-f", "--force", help="Overwrite an existing file.")] = False,
    json: Annotated[bool, Option("--json", help="Print one JSON object a kernel.")] = False,
) -> int:
    """List the named kernels: matrix, meaning, source. Or show an image under all of them.

    imgconv kernels

    imgconv kernels --preview photo.png -o sheet.png
    """
    from imgconv.ops.catalogue import NAMED

    if preview is not None:
        return write_preview(preview, output, force)
    if output is not None:
        raise UsageError("-o goes with --preview: imgconv kernels --preview photo.png -o sheet.png")
    if json:
        for entry in NAMED.values():
            current().out(json_module.dumps(record(entry), ensure_ascii=False) + "\n")
    else:
        current().out("\n\n".join([*map(describe, NAMED.values()), families()]) + "\n")
    return 0


def record(entry: Named) -> dict[str, Any]:
    """One kernel as JSON's types; weights are numerators over the denominator."""
    from imgconv.ops.catalogue import ALIASES

    stencils = entry.stencils()
    return {
        "name": entry.name,
        "also": [alias for alias, name in ALIASES.items() if name == entry.name],
        "meaning": entry.meaning,
        "source": entry.source,
        "matrices": [s.numerators.tolist() for s in stencils if s.numerators is not None],
        "divisor": stencils[0].denominator,
    }


def describe(entry: Named) -> str:
    """Name and meaning, then the matrix, the two of a gradient side by side."""
    facts = record(entry)
    also = f" (or {', '.join(facts['also'])})" if facts["also"] else ""
    head = f"{entry.name}{also}: {entry.meaning} [{entry.source}]"
    blocks = [matrix_lines(stencil) for stencil in entry.stencils()]
    return "\n".join(
        [head, *("    " + "      ".join(parts) for parts in zip(*blocks, strict=True))]
    )


def matrix_lines(stencil: Stencil) -> list[str]:
    """The matrix in columns, its divisor before the middle row."""
    rows = [[str(n) for n in row] for row in stencil.numerators.tolist()]  # type: ignore[union-attr]
    wide = max(len(word) for row in rows for word in row)
    factor = f"1/{stencil.denominator} " if stencil.denominator > 1 else ""
    middle = len(rows) // 2
    return [
        (factor if i == middle else " " * len(factor)) + " ".join(word.rjust(wide) for word in row)
        for i, row in enumerate(rows)
    ]


def families() -> str:
    from imgconv.ops.catalogue import FAMILIES
    from imgconv.ops.rank import MEANINGS

    lines = [f"    {f.example.ljust(26)} {f.meaning}" for f in FAMILIES.values()]
    ranks = [f"    {f'{name}:3 or {name}:3x9'.ljust(26)} {what}" for name, what in MEANINGS.items()]
    own = "    '0 -1 0; -1 5 -1; 0 -1 0'  or any matrix; or a .txt, .csv or .npy file"
    return "\n".join(["made to measure:", *lines, own, "without weights, for filter:", *ranks])


def write_preview(source: str, target: str | None, force: bool) -> int:
    """The sheet as an image file; its path on standard output."""
    from imgconv.images import Info, open_image, write_image
    from imgconv.ops.kernel_sheet import SIDE, kernel_sheet
    from imgconv.ops.sheet import thumbnail

    if target is None:
        raise UsageError(
            "the preview needs a name: imgconv kernels --preview photo.png -o sheet.png"
        )
    if Path(target).exists() and not force:
        raise UsageError(f"{target} exists: add -f to overwrite it, or choose another -o")
    with open_image(source) as image:
        small = thumbnail(next(image.planes()), SIDE)
    picture = kernel_sheet(small)
    info = Info("png", picture.dtype, picture.shape[0], picture.shape[1], 3)
    write_image(target, iter((picture,)), info, force=force)
    current().out(target + "\n")
    return 0
