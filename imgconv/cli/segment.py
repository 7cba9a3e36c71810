"""`imgconv segment`: cells and nuclei, counted and measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from . import complete
from .console import ExitCode, command_line, current
from .options import DryRun, Force, InputOptions, PreserveTimes, Report, SkipExisting
from .presets import given_options

if TYPE_CHECKING:
    from imgconv.steps.ledger import Ledger
    from imgconv.steps.segment import SegmentFile
    from imgconv.tasks.plate.names import NamePattern

USUAL = ("overlay", "table")  # beside the labels
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
    preserve_times: PreserveTimes = False


def command(
    options: SegmentOptions,
    model: Annotated[
        str,
        Option(
            "--model",
            metavar="NAME|FILE",
            autocompletion=complete.models("segment"),
            help="nuclei, cells (whole cells in phase contrast), or a .safetensors file "
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
    name_pattern: Annotated[
        str | None,
        Option(
            "--name-pattern",
            metavar="PATTERN",
            help="Read well, site, channel, time and plane from file names: auto, imagexpress, "
            "opera, cellvoyager, scanr, incucyte, micromanager, or your own: {well}_{site}.tif.",
        ),
    ] = None,
    channels_from_names: Annotated[
        bool,
        Option(
            "--channels-from-names",
            help="Files of one place that differ in the channel are one image; --channel says "
            "which is looked at, all are measured.",
        ),
    ] = False,
    match_axes: Annotated[
        bool,
        Option(
            "--match-axes",
            help="Labels with all axes of the image, repeated for each channel: for viewers that "
            "line axes up by their place (napari).",
        ),
    ] = False,
    report: Report = False,
    rois: Annotated[
        bool, Option("--rois", help="Outlines for ImageJ's ROI manager too: STEM-rois.zip.")
    ] = False,
    geojson: Annotated[
        bool, Option("--geojson", help="Outlines for QuPath too: STEM.geojson.")
    ] = False,
    probability: Annotated[
        bool, Option("--probability", help="The probability maps too: STEM-probability.tif.")
    ] = False,
    zarr_labels: Annotated[
        bool,
        Option(
            "--zarr-labels",
            help="Of an OME-Zarr: the labels into its own folder too, as labels/MODEL.",
        ),
    ] = False,
) -> int:
    """Find nuclei or cells: labels, a picture to look at, and a table of measurements.

    imgconv segment plate/*.tif

    imgconv segment --channel DAPI --rois stack.ome.tif -o results/

    imgconv segment --model cells --pixel-size 0.65 'phase/*.png'

    imgconv segment --channel 1 --track --spots 2 film.ome.tif

    Of each image: STEM-labels.tif (0 is background; opens in Fiji), STEM-overlay.png (outlines
    and numbers), STEM.csv (measurements, in pixels and micrometres). Of each folder: summary.csv
    (counts), objects.csv (all measurements) and imgconv-run.json, which says exactly what was run.
    """
    from imgconv.batch import Plan
    from imgconv.engine.bundled import RENAMED
    from imgconv.steps.ledger import Ledger
    from imgconv.steps.segment import segmentation_of
    from imgconv.steps.segment_network import facts
    from imgconv.steps.segment_settings import settings_of
    from imgconv.tasks.plate.names import name_pattern as pattern_of

    from .files import carry_out
    from .report import show_written
    from .segment_plan import by_names, one_folder, plan_images, show_all

    settings = settings_of(
        diameter=diameter, channel=channel, axes=axes, pixel_size=pixel_size,
        min_area=min_area, max_area=max_area, exclude_border=exclude_border, position=position,
        track=track, max_step=max_step, max_gap=max_gap, link_z=link_z, z_step=z_step,
        spots=spots, spot_size=spot_size, spot_contrast=spot_contrast,
        match_axes=match_axes,
    )  # fmt: skip
    wanted = {
        "tracks": track, "volumes": link_z, "spots": spots is not None,
        "rois": rois, "geojson": geojson, "probability": probability,
    }  # fmt: skip
    kinds = (*USUAL, *(kind for kind, asked in wanted.items() if asked))
    names: NamePattern | None = None
    channels: dict[str, tuple[str, ...]] = {}
    planned = plan_images(options, kinds)
    if name_pattern is not None or channels_from_names:
        names = pattern_of(name_pattern or "auto")
        planned, channels = by_names(planned, names, channels_from_names)
    root = one_folder(options, planned)
    ledger = Ledger(planned.items, root, force=options.force)
    if options.dry_run:
        return show_all(planned, options, ledger)
    if name := RENAMED.get(model):
        current().note(f"the model {model} is called {name} now: say --model {name}")
    step = replace(
        segmentation_of(model, settings, threshold),
        kinds=kinds,
        names=names,
        channels=channels,
        reading=options.reading,
        force=options.force or options.skip_existing or bool(options.cluster),
        leave_note=True,
    )
    if zarr_labels:
        step = replace(step, zarr_labels=Path(step.network.model.path).stem)
    ledger.head = {
        "command": "segment",
        "model": facts(step.network.model),
        "parameters": _parameters(step, options),
        "options": given_options(),
    }
    if options.skip_existing:
        ledger.take_over()
    planned = Plan(ledger.with_former(planned.items))
    code = carry_out(planned, options, step, fold=ledger.add)
    written = ledger.finish()
    if report and code in (ExitCode.OK, ExitCode.FAILED):
        written += _write_reports(ledger, step)
    if code in (ExitCode.OK, ExitCode.FAILED):
        show_written(written, options.json)
    if not options.quiet:
        _say_left(ledger)
    return code


def _write_reports(ledger: Ledger, step: SegmentFile) -> list[str]:
    """report.html of every folder that has results; their names."""
    import os

    from imgconv.report.segment import write_report
    from imgconv.tasks.segment.run_record import NAME

    there = {ledger.folder(item) for item in ledger.items if item.target not in ("", "-")}
    known = [folder for folder in sorted(there) if os.path.exists(os.path.join(folder, NAME))]  # noqa: PTH110, PTH118
    return [write_report(folder, step, command_line()) for folder in known]


def _say_left(ledger: Ledger) -> None:
    from imgconv.images import show_name

    for folder, count in ledger.gone.items():
        line = f"objects.csv lacks {count} images, whose tables are gone; --force makes them again"
        current().note(f"{show_name(folder)}: {line}")
    for folder, (lacking, others) in ledger.count_left().items():
        for count, how, what in (
            (lacking, "are not in the summary, their run was killed", "does them again"),
            (others, "are of other images or were made in another way", "makes them again"),
        ):
            if count:
                line = f"{count} of the skipped results {how}; --force {what}"
                current().note(f"{show_name(folder)}: {line}")


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
        "name_pattern": step.names.words if step.names else None,
        "channels_from_names": bool(step.channels),
        "track": settings.links.track,
        "max_step": settings.max_step.words if settings.max_step else None,
        "max_gap": settings.links.gap,
        "link_z": settings.links.link_z,
        "z_step_um": settings.z_step,
        "spots": settings.spots,
        "spot_size": settings.spot_size.words if settings.spot_size else None,
        "spot_contrast": settings.spot_contrast,
        "match_axes": settings.match_axes,
        "pixel_size_um": list(settings.size) if settings.size else None,
        "threshold": card.read["foreground"],
        "prepare": dict(card.prepare),
        "read": dict(card.read),
        "outputs": ["labels", *step.kinds],
        "allow_truncated": options.allow_truncated,
        "max_pixels": options.max_pixels,
    }
