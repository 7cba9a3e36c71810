"""`imgconv measure`: a table of labels that the user has, on any number of images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from typer import Argument, Option

from imgconv.errors import UsageError

from .options import DryRun, Force, InputOptions, PreserveTimes, SkipExisting

if TYPE_CHECKING:
    from imgconv.batch import Plan
    from imgconv.tasks.plate.names import NamePattern

FOLDER = "measured"
Given = Annotated[
    list[str] | None,
    Argument(
        metavar="LABELS IMAGE...",
        show_default=False,
        help="A label image and the images that it lies on; or folders of them, labels first.",
    ),
]
Output = Annotated[
    str | None,
    Option(
        "-o",
        "--output",
        metavar="PATH",
        help="A .csv, a folder, or - for standard output. "
        "[default: measured/STEM.csv beside the labels]",
    ),
]
NoList = Annotated[str | None, Option("--files-from", hidden=True)]


@dataclass(frozen=True, eq=False, repr=False)
class MeasureOptions(InputOptions):
    """What reads labels and images and writes a table."""

    values: ClassVar[str] = "labels"
    files: Given = None
    files_from: NoList = None
    output: Output = None
    force: Force = False
    skip_existing: SkipExisting = False
    dry_run: DryRun = False
    preserve_times: PreserveTimes = False


def command(
    options: MeasureOptions,
    cells: Annotated[
        str | None,
        Option(
            "--cells",
            metavar="PATH",
            help="Labels of the cells, if LABELS are their nuclei: which cell each belongs to, "
            "and the intensities of cell and cytoplasm. A folder if LABELS are one.",
        ),
    ] = None,
    features: Annotated[
        str | None,
        Option(
            "--features",
            metavar="LIST",
            help="shape,intensity (the table of segment), form, spread, background (intensities "
            "above it), texture (Haralick), granularity, neighbours; or all. "
            "[default: shape,intensity]",
        ),
    ] = None,
    expand: Annotated[
        str | None,
        Option(
            "--expand",
            metavar="PX|UM",
            help="Measure also the objects grown by so much (5, 2um), which do not overlap.",
        ),
    ] = None,
    ring: Annotated[
        str | None,
        Option(
            "--ring",
            metavar="A-B",
            help="Measure also what lies from A to B outside each object, nearer to it than to "
            "others: 0-5, 1-3um.",
        ),
    ] = None,
    names: Annotated[
        str | None,
        Option(
            "--names",
            metavar="LIST",
            help="What the channels of all images are called in the columns: DAPI,GFP. "
            "[default: c1, c2 ...; no name for a single one]",
        ),
    ] = None,
    axes: Annotated[
        str | None,
        Option("--axes", metavar="LETTERS", help="What the axes of the images are, as in segment."),
    ] = None,
    name_pattern: Annotated[
        str | None,
        Option(
            "--name-pattern",
            metavar="PATTERN",
            help="Read well, site and channel from the images' names, as in segment.",
        ),
    ] = None,
    channels_from_names: Annotated[
        bool,
        Option(
            "--channels-from-names",
            help="Measure also the files beside each image that are its other channels by name.",
        ),
    ] = False,
    pixel_size: Annotated[
        str | None,
        Option(
            "--pixel-size",
            metavar="X[,Y]",
            help="Width (and height) of a pixel in micrometres. [default: as OME or ImageJ say of "
            "the first image]",
        ),
    ] = None,
) -> int:
    """Measure labels of any tool: shape, intensity, texture, rings, neighbours, as CSV.

    imgconv measure cells-labels.tif cells.tif -o cells.csv

    imgconv measure nuclei.tif dapi.tif gfp.tif --ring 1-5 --names DAPI,GFP --features all

    imgconv measure labels/ images/ --cells cells/ -o tables/

    imgconv measure segmented/ plate/ --channels-from-names -o tables/

    Files in folders belong together by their names: a-labels.tif, a_masks.png and a.tif are all
    about a. Columns are those of `imgconv segment`, and are defined in docs/measurements.md.
    """
    from imgconv.steps.measure import MeasureFile, settings_of
    from imgconv.tasks.plate.names import name_pattern as pattern_of

    from .files import carry_out
    from .report import show_plan

    settings = settings_of(
        features=features, expand=expand, ring=ring, names=names, axes=axes, pixel_size=pixel_size
    )
    if len(options.files or ()) < 2:
        raise UsageError("measure needs labels and at least one image: LABELS IMAGE...")
    planned, images, beside = _plan(options, cells)
    pattern: NamePattern | None = None
    if name_pattern is not None or channels_from_names:
        pattern = pattern_of(name_pattern or "auto")
        planned, images = by_names(planned, images, pattern, channels_from_names)
    if options.json and any(item.target == "-" for item in planned.items):
        raise UsageError("the table and --json both want standard output: give -o FILE")
    if options.dry_run:
        return show_plan(planned, options)
    force = options.force or options.skip_existing
    step = MeasureFile(settings, images, beside, options.reading, force, pattern)
    return carry_out(planned, options, step)


def _plan(
    options: MeasureOptions, cells: str | None
) -> tuple[Plan, dict[str, tuple[str, ...]], dict[str, str]]:
    """The plan; the images of each label file; the labels of its cells."""
    from imgconv.batch import Plan, plan
    from imgconv.tasks.labels.truth import sets

    labels, *images = options.files or ("",)
    found = sets([labels, *images, *([cells] if cells else [])], options.recursive)
    planned = plan(
        [one.labels for one in found],
        command="measure",
        output=options.output,
        force=options.force,
        skip_existing=options.skip_existing,
        suffix=_csv,
        folder=FOLDER,
        ahead=None,
    )
    wrong = {one.labels: one.error for one in found}
    items = [item._replace(error=item.error or wrong[item.source]) for item in planned.items]
    right = [one for one in found if not one.error]
    beside = {one.labels: one.others[-1] for one in right} if cells else {}
    count = len(images)
    return Plan(tuple(items)), {one.labels: one.others[:count] for one in right}, beside


def by_names(
    planned: Plan, images: dict[str, tuple[str, ...]], names: NamePattern, join: bool
) -> tuple[Plan, dict[str, tuple[str, ...]]]:
    """The plan in which images whose names do not fit have failed; with `join` each with all the
    files of its channels."""
    from imgconv.batch import Plan
    from imgconv.errors import InputError
    from imgconv.tasks.labels.truth import names_beside
    from imgconv.tasks.plate.names import channel_files

    items, found = [], dict(images)
    for item in planned.items:
        given = images.get(item.source, ())
        try:
            for path in given:
                names(path)
            if join and len(given) == 1:
                found[item.source] = channel_files(given[0], names_beside(given[0]), names)
        except InputError as error:
            item = item._replace(error=item.error or str(error))
        items.append(item)
    return Plan(tuple(items)), found


def _csv(found: str) -> str:
    """A table is a CSV, whatever the labels were."""
    return ".csv"
