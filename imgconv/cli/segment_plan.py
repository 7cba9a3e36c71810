"""What `imgconv segment` will write, before the first image is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgconv.errors import UsageError

from .console import current

if TYPE_CHECKING:
    from imgconv.batch import Item, Plan
    from imgconv.steps.ledger import Ledger
    from imgconv.tasks.plate.names import NamePattern

    from .segment import SegmentOptions

FOLDER = "segmented"
USUAL = ("overlay", "table")  # beside the labels
OPTIONS = {"tracks": "track", "volumes": "link-z"}  # that ask for such a file
TIFF = (".tif", ".tiff", ".btf", ".tf8")


def plan_images(options: SegmentOptions, kinds: tuple[str, ...]) -> Plan:
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
        ahead=None,
    )
    for item in planned.items:
        _check(item, options, kinds)
    return planned


def by_names(
    planned: Plan, names: NamePattern, join: bool
) -> tuple[Plan, dict[str, tuple[str, ...]]]:
    """The plan in which names that do not fit have failed; with `join` an item for each image, and
    the files of its channels."""
    from imgconv.batch import Plan
    from imgconv.errors import InputError
    from imgconv.tasks.plate.names import groups

    items = []
    for item in planned.items:
        try:
            names(item.source)
        except InputError as error:
            item = item._replace(error=item.error or str(error))
        items.append(item)
    if not join:
        return Plan(tuple(items)), {}
    found = groups([item.source for item in items if not item.error], names)
    kept = [item for item in items if item.error or item.source in found]
    return Plan(tuple(kept)), found


def _labels_suffix(found: str) -> str:
    """Labels are a TIFF, whatever the image was."""
    return "-labels.tif"


def _check(item: Item, options: SegmentOptions, kinds: tuple[str, ...]) -> None:
    from pathlib import Path

    from imgconv.tasks.segment.run_record import NAME, OBJECTS_NAME, SUMMARY_NAME

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
    taken = {Path(path).name for path in item.also} & {SUMMARY_NAME, OBJECTS_NAME, NAME}
    if taken:
        raise UsageError(
            f"{item.source}: its table would be {taken.pop()}, which is that of all images: "
            "give another name with -o"
        )
    if item.target not in ("", "-") and not item.target.lower().endswith(TIFF):
        raise UsageError(
            f"-o {item.target}: labels are a TIFF: let the name end in .tif, or give a folder"
        )


def one_folder(options: SegmentOptions, planned: Plan) -> str | None:
    """The one folder that -o names, if it does."""
    from imgconv.batch.targets import Naming

    several = len(planned.items) > 1
    if options.output in (None, "-"):
        return None
    naming = Naming("segment", options.output, _labels_suffix, several)
    return options.output if naming.is_folder else None


def show_all(planned: Plan, options: SegmentOptions, ledger: Ledger) -> int:
    """--dry-run: each image's files, then each folder's."""
    import os

    from imgconv.tasks.segment.run_record import NAME, OBJECTS_NAME, SUMMARY_NAME

    from .report import show_plan, show_target

    code = show_plan(planned, options)
    if not options.json:
        every = (SUMMARY_NAME, NAME, OBJECTS_NAME)
        for folder in ledger.folders:
            names = (os.path.join(folder, name) for name in every)  # noqa: PTH118
            current().out(f"all of them -> {', '.join(show_target(name) for name in names)}\n")
    return code
