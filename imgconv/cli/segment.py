"""`imgconv segment`: cells and nuclei, counted and measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from imgconv.errors import UsageError

from .console import ExitCode, current
from .options import DryRun, Force, InputOptions, SkipExisting

if TYPE_CHECKING:
    from imgconv.batch import Item, Plan
    from imgconv.steps.ledger import Ledger
    from imgconv.steps.segment import SegmentFile

FOLDER = "segmented"
USUAL = ("overlay", "table")  # beside the labels
OPTIONS = {"tracks": "track", "volumes": "link-z"}  # that ask for such a file
TIFF = (".tif", ".tiff", ".btf", ".tf8")
Output = Annotated[
    str | None,
    Option(
        "-o",
        "--output",
        metavar="PATH",
        help="A folder, a .tif for the labels (the other files go beside it), - for labels on "
        "standard output, or a template with {stem} {suffix} {parent} {index}. "
        "[default: segmented/STEM-labels.tif beside the input]",
    ),
]


@dataclass(frozen=True, eq=False, repr=False)
class SegmentOptions(InputOptions):
    """What reads images and writes several files of each."""

    output: Output = None
    force: Force = False
    skip_existing: SkipExisting = False
    dry_run: DryRun = False


def command(
    options: SegmentOptions,
    model: Annotated[
        str,
        Option(
            "--model",
            metavar="NAME|FILE",
            help="nuclei, cells-phase (whole cells in phase contrast), or a .safetensors file "
            "that training made.",
        ),
    ] = "nuclei",
    diameter: Annotated[
        str | None,
        Option(
            "--diameter",
            metavar="PX|UM",
            help="Of a typical object, in pixels (30) or micrometres (9um). "
            "[default: found in the image, and said]",
        ),
    ] = None,
    channel: Annotated[
        str | None,
        Option(
            "--channel",
            metavar="N|NAME",
            help="The channel that shows the objects: a number from 1 (or c1), a name (DAPI), or "
            "rgb if three channels are colours. Needed where channels are no colours.",
        ),
    ] = None,
    axes: Annotated[
        str | None,
        Option(
            "--axes",
            metavar="LETTERS",
            help="What the axes of a stack are if its file does not say it: ZYX (depth), TYX "
            "(time), CYX (channels), or T3Z4YX of 12 pages, the slowest first. Each plane is "
            "segmented on its own.",
        ),
    ] = None,
    position: Annotated[
        str | None,
        Option(
            "--position",
            metavar="N|NAME",
            help="One of the images that a file holds (a position, a scene, a slide's macro), by "
            "number from 1 or by name. [default: all positions]",
        ),
    ] = None,
    pixel_size: Annotated[
        str | None,
        Option(
            "--pixel-size",
            metavar="X[,Y]",
            help="Width (and height) of a pixel in micrometres. [default: as OME or ImageJ say; "
            "never from DPI]",
        ),
    ] = None,
    min_area: Annotated[
        str | None,
        Option("--min-area", metavar="PX|UM2", help="Drop smaller objects: 50 pixels, or 20um2."),
    ] = None,
    max_area: Annotated[
        str | None, Option("--max-area", metavar="PX|UM2", help="Drop larger objects.")
    ] = None,
    exclude_border: Annotated[
        bool, Option("--exclude-border", help="Drop objects that touch the border of the image.")
    ] = False,
    threshold: Annotated[
        float | None,
        Option(
            "--threshold",
            min=0.01,
            max=0.99,
            metavar="0-1",
            help="Probability from which a pixel is inside an object: less finds more and "
            "larger objects. [default: the model's]",
        ),
    ] = None,
    track: Annotated[
        bool,
        Option(
            "--track",
            help="Link objects over time: they keep their number, STEM-tracks.csv opens in "
            "TrackMate and napari.",
        ),
    ] = False,
    max_step: Annotated[
        str | None,
        Option(
            "--max-step",
            metavar="PX|UM",
            help="With --track: how far an object moves from one time to the next, at most. "
            "[default: 1.5 diameters]",
        ),
    ] = None,
    max_gap: Annotated[
        int,
        Option("--max-gap", min=0, metavar="N", help="With --track: times it may be missed."),
    ] = 2,
    link_z: Annotated[
        bool,
        Option(
            "--link-z",
            help="Join the planes of a stack into objects in space, measured in STEM-volumes.csv.",
        ),
    ] = False,
    z_step: Annotated[
        float | None,
        Option(
            "--z-step",
            min=1e-6,
            metavar="UM",
            help="Micrometres from plane to plane. [default: as OME or ImageJ say]",
        ),
    ] = None,
    spots: Annotated[
        str | None,
        Option(
            "--spots",
            metavar="N|NAME",
            help="Find spots (foci) of this channel in each object: counts in the table, each in "
            "STEM-spots.csv.",
        ),
    ] = None,
    spot_size: Annotated[
        str | None,
        Option("--spot-size", metavar="PX|UM", help="Diameter of a spot. [default: 4 pixels]"),
    ] = None,
    spot_contrast: Annotated[
        float,
        Option(
            "--spot-contrast",
            min=0.1,
            metavar="N",
            help="How far a spot stands out of its object, in its standard deviations.",
        ),
    ] = 4.0,
    rois: Annotated[
        bool, Option("--rois", help="Outlines for ImageJ's ROI manager too: STEM-rois.zip.")
    ] = False,
    geojson: Annotated[
        bool, Option("--geojson", help="Outlines for QuPath too: STEM.geojson.")
    ] = False,
    probability: Annotated[
        bool, Option("--probability", help="The probability maps too: STEM-probability.tif.")
    ] = False,
) -> int:
    """Find nuclei or cells: labels, a picture to look at, and a table of measurements.

    imgconv segment plate/*.tif

    imgconv segment --channel DAPI --rois stack.ome.tif -o results/

    imgconv segment --model cells-phase --pixel-size 0.65 'phase/*.png'

    imgconv segment --channel 1 --track --spots 2 film.ome.tif

    Of each image: STEM-labels.tif (0 is background; opens in Fiji), STEM-overlay.png (outlines
    and numbers), STEM.csv (measurements, in pixels and micrometres). Of each folder: summary.csv
    and imgconv-run.json, which says exactly what was run.
    """
    from imgconv.batch import Plan
    from imgconv.steps.ledger import Ledger
    from imgconv.steps.segment import segmentation_of, settings_of
    from imgconv.steps.segment_network import facts

    from .files import carry_out

    settings = settings_of(
        diameter=diameter, channel=channel, axes=axes, pixel_size=pixel_size,
        min_area=min_area, max_area=max_area, exclude_border=exclude_border, position=position,
        track=track, max_step=max_step, max_gap=max_gap, link_z=link_z, z_step=z_step,
        spots=spots, spot_size=spot_size, spot_contrast=spot_contrast,
    )  # fmt: skip
    wanted = {
        "tracks": track, "volumes": link_z, "spots": spots is not None,
        "rois": rois, "geojson": geojson, "probability": probability,
    }  # fmt: skip
    kinds = (*USUAL, *(kind for kind, asked in wanted.items() if asked))
    planned = _plan(options, kinds)
    root = _root(options, planned)
    ledger = Ledger(planned.items, root, force=options.force)
    if options.dry_run:
        return _show(planned, options, ledger)
    step = replace(
        segmentation_of(model, settings, threshold),
        kinds=kinds,
        reading=options.reading,
        force=options.force or options.skip_existing,
    )
    ledger.head = {
        "command": "segment",
        "model": facts(step.network.model),
        "parameters": _parameters(step, options),
    }
    planned = Plan(ledger.with_former(planned.items))
    code = carry_out(planned, options, step, fold=ledger.add)
    written = ledger.write()
    if not options.json and code in (ExitCode.OK, ExitCode.FAILED):
        current().out("".join(f"{path}\n" for path in written))
    if not options.quiet:
        _say_left(ledger)
    return code


def _say_left(ledger: Ledger) -> None:
    from imgconv.images import show_name

    for folder, (lacking, others) in ledger.count_left().items():
        for count, how, what in (
            (lacking, "are not in the summary, their run was killed", "does them again"),
            (others, "are of other images or were made in another way", "makes them again"),
        ):
            if count:
                line = f"{count} of the skipped results {how}; --force {what}"
                current().say(f"{show_name(folder)}: {line}")


def _plan(options: SegmentOptions, kinds: tuple[str, ...]) -> Plan:
    from imgconv.batch import plan
    from imgconv.steps.segment import endings

    planned = plan(
        options.files or (),
        command="segment",
        output=options.output,
        recursive=options.recursive,
        files_from=options.files_from,
        force=options.force,
        skip_existing=options.skip_existing,
        suffix=_labels_suffix,
        also=endings(kinds),
        folder=FOLDER,
    )
    for item in planned.items:
        _check(item, options, kinds)
    return planned


def _labels_suffix(found: str) -> str:
    """Labels are a TIFF, whatever the image was."""
    return "-labels.tif"


def _check(item: Item, options: SegmentOptions, kinds: tuple[str, ...]) -> None:
    from pathlib import Path

    from imgconv.tasks.segment.run_record import NAME, SUMMARY_NAME

    if item.paged:
        raise UsageError(
            "-o: {page} has no meaning here, a stack's labels are one file; leave it out"
        )
    if item.target == "-" and len(kinds) > len(USUAL):
        option = OPTIONS.get(kinds[-1], kinds[-1])
        raise UsageError(
            f"--{option} writes a file, and on standard output there are the labels alone: "
            "give -o FOLDER/"
        )
    if item.target == "-" and options.json:
        raise UsageError("the labels and --json both want standard output: give -o FOLDER/")
    taken = {Path(path).name for path in item.also} & {SUMMARY_NAME, NAME}
    if taken:
        raise UsageError(
            f"{item.source}: its table would be {taken.pop()}, which is that of all images: "
            "give another name with -o"
        )
    if item.target not in ("", "-") and not item.target.lower().endswith(TIFF):
        raise UsageError(
            f"-o {item.target}: labels are a TIFF: let the name end in .tif, or give a folder"
        )


def _root(options: SegmentOptions, planned: Plan) -> str | None:
    """The one folder that -o names, if it does."""
    from imgconv.batch.targets import Naming

    several = len(planned.items) > 1
    if options.output in (None, "-"):
        return None
    naming = Naming("segment", options.output, _labels_suffix, several)
    return options.output if naming.is_folder else None


def _show(planned: Plan, options: SegmentOptions, ledger: Ledger) -> int:
    """--dry-run: each image's files, then each folder's."""
    import os

    from imgconv.tasks.segment.run_record import NAME, SUMMARY_NAME

    from .report import show_plan, show_target

    code = show_plan(planned.items, options)
    if not options.json:
        for folder in ledger.folders:
            names = (os.path.join(folder, name) for name in (SUMMARY_NAME, NAME))  # noqa: PTH118
            current().out(f"all of them -> {', '.join(show_target(name) for name in names)}\n")
    return code


def _parameters(step: SegmentFile, options: SegmentOptions) -> dict[str, Any]:
    """Every option in effect, given or not."""
    settings, card = step.settings, step.card
    given = (settings.diameter, settings.min_area, settings.max_area)
    lengths = [one.words if one else None for one in given]
    return {
        **dict(zip(("diameter", "min_area", "max_area"), lengths, strict=True)),
        "exclude_border": settings.exclude_border,
        "channel": settings.channel,
        "axes": settings.axes,
        "position": settings.position,
        "track": settings.links.track,
        "max_step": settings.max_step.words if settings.max_step else None,
        "max_gap": settings.links.gap,
        "link_z": settings.links.link_z,
        "z_step_um": settings.z_step,
        "spots": settings.spots,
        "spot_size": settings.spot_size.words if settings.spot_size else None,
        "spot_contrast": settings.spot_contrast,
        "pixel_size_um": list(settings.size) if settings.size else None,
        "threshold": card.read["foreground"],
        "prepare": dict(card.prepare),
        "read": dict(card.read),
        "outputs": ["labels", *step.kinds],
        "allow_truncated": options.allow_truncated,
        "max_pixels": options.max_pixels,
    }
