"""`imgconv diff`: two images beside each other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from typer import Argument, Option

from imgconv.errors import UsageError

from .console import ExitCode
from .options import Force, InputOptions

if TYPE_CHECKING:
    from imgconv.batch import Outcome
    from imgconv.steps.diff import Difference

Two = Annotated[
    list[str] | None,
    Argument(metavar="A B", show_default=False, help="Two images; one may be - (a pipe)."),
]
Picture = Annotated[
    str | None,
    Option(
        "-o",
        "--output",
        metavar="FILE",
        help="A picture of where: the first image, pale, and in orange to red what differs by "
        "more than --tolerance. Of several planes the one that differs most.",
    ),
]


@dataclass(frozen=True, eq=False, repr=False)
class TwoImages(InputOptions):
    """What compares two images."""

    values: ClassVar[str] = "shown"
    files: Two = None
    recursive: Annotated[bool, Option("--recursive", hidden=True)] = False
    files_from: Annotated[str | None, Option("--files-from", hidden=True)] = None
    fail_fast: Annotated[bool, Option("--fail-fast", hidden=True)] = False
    jobs: Annotated[int | None, Option("--jobs", hidden=True)] = None
    output: Picture = None
    force: Force = False


def command(
    options: TwoImages,
    tolerance: Annotated[
        float,
        Option(
            "--tolerance",
            min=0,
            metavar="N",
            help="Differences up to this are none; in levels of the first image (of floats in "
            "their own numbers).",
        ),
    ] = 0,
    metadata: Annotated[
        bool, Option("--metadata", help="Metadata that differs counts too; else it is only shown.")
    ] = False,
) -> int:
    """Compare two images: largest and mean difference, PSNR, SSIM, metadata that differs.

    imgconv diff before.png after.png

    imgconv diff a.tif b.tif --tolerance 1 -o where.png

    The exit code is 0 if nothing differs by more than --tolerance, else 1. Images of other sizes,
    channels, types or numbers of planes differ, whatever the tolerance; what they have in common
    is compared, 8 and 16 bit and floats as light from black to white.
    """
    from imgconv.batch import Item, Plan
    from imgconv.steps.diff import CompareFiles

    from .files import carry_out

    one, two = _two(options)
    _check_output(options)
    step = CompareFiles(options.reading, tolerance, metadata, options.force)
    found: list[Difference] = []

    def gather(outcome: Outcome) -> None:
        if outcome.done.value is not None:
            found.append(outcome.done.value)

    plan = Plan((Item(one, options.output or "", also=(two,)),))
    code = carry_out(plan, options, step, show=as_text, fold=gather)
    return code or (ExitCode.OK if all(one.same for one in found) else ExitCode.FAILED)


def _two(options: TwoImages) -> tuple[str, str]:
    given = options.files or []
    if len(given) != 2:
        raise UsageError(f"diff needs two images, A and B; found are {len(given)}")
    if given == ["-", "-"]:
        raise UsageError("standard input is one image: name the other")
    return given[0], given[1]


def _check_output(options: TwoImages) -> None:
    from pathlib import Path

    if not options.output:
        return
    if options.output == "-" and options.json:
        raise UsageError("the picture and --json both want standard output: give -o FILE")
    if Path(options.output).is_file() and not options.force:
        raise UsageError(f"-o {options.output} exists already: --force overwrites")


def as_text(outcome: Outcome) -> str:
    """The difference as a paragraph for people; nothing where the picture goes to the pipe."""
    from imgconv.images import show_name

    if outcome.item.target == "-":
        return ""
    found: Difference = outcome.done.value
    names = f"{show_name(outcome.item.source)} and {show_name(outcome.item.also[0])}"
    return "\n".join([f"{names}: {_headline(found)}", *_rows(found)]) + "\n"


def _headline(found: Difference) -> str:
    if found.largest == 0 and not found.shapes:
        return "the pixels are the same"
    return "within the tolerance" if found.same else "different"


def _rows(found: Difference) -> Iterator[str]:
    yield from (f"  {words}" for words in found.shapes)
    if found.largest > 0:
        several = len(found.planes) > 1
        label = "plane, channel" if several else "channel"
        yield f"  {label:16}{'largest':>10}{'mean':>10}{'PSNR dB':>9}{'SSIM':>8}{'differ':>9}"
        for number, plane in enumerate(found.planes, 1):
            for one in plane:
                name = f"{number}, {one.name}" if several else one.name
                yield f"  {name:16}{one.largest:>10.5g}{one.mean:>10.4g}" + _quality(one)
    for name, (mine, theirs) in found.metadata.items():
        yield f"  {name}: {_short(mine)} and {_short(theirs)}"


def _quality(one: Any) -> str:
    psnr = "-" if one.psnr is None else "same" if math.isinf(one.psnr) else f"{one.psnr:.2f}"
    ssim = "-" if one.ssim is None else f"{one.ssim:.4f}"
    return f"{psnr:>9}{ssim:>8}{one.share:>9.2%}"


def _short(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list):
        value = " x ".join(f"{one:g}" if isinstance(one, float) else str(one) for one in value)
    if isinstance(value, dict):  # of a pixel
        value = "{x:g} x {y:g} {unit}".format(**value)
    text = " ".join(str(value).split())
    return text if len(text) <= 50 else text[:47] + "..."
