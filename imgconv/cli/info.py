"""`imgconv info`: what a file holds, for people and as JSON for scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from typer import Option

from .options import InputOptions

if TYPE_CHECKING:
    from imgconv.batch import Done, Item, Outcome


@dataclass(frozen=True, eq=False, repr=False)
class InfoOptions(InputOptions):
    """What describes images, as the commands see them that make others of them."""

    values: ClassVar[str] = "shown"


def command(
    options: InfoOptions,
    header: Annotated[
        bool, Option("--header", help="Read headers only: no value range, much faster.")
    ] = False,
) -> int:
    """Show what an image file holds: size, type, axes, range, metadata.

    imgconv info photo.jpg

    imgconv info --json 'cells/*.tif'
    """
    from imgconv.batch import plan_inputs

    from .files import carry_out

    planned = plan_inputs(
        options.files or (), recursive=options.recursive, files_from=options.files_from
    )
    step = Describe(options.reading, values=not header)
    return carry_out(planned, options, step, show=as_text)


@dataclass(frozen=True)
class Describe:
    """The step: read the file, return its record."""

    imports: ClassVar = ("imgconv.cli.facts", "PIL.ExifTags", "PIL.ImageCms")  # when it works
    reading: dict[str, Any]
    values: bool

    def __call__(self, item: Item) -> Done:
        from imgconv.batch import Done
        from imgconv.images import open_image

        from .facts import describe, value_range

        with open_image(item.source, **self.reading) as source:
            record = describe(source.info)
            if self.values:
                record |= value_range(source.planes())
            return Done(notes=tuple(source.notes), record=record)


def as_text(outcome: Outcome) -> str:
    from imgconv.images import shown

    from .facts import lines

    return lines(shown(outcome.item.source), dict(outcome.done.record))
