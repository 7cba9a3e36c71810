"""The path that every file command takes: plan, run, report. A whole command:

    def command(options: FileOptions, amount: Annotated[float, Option("--amount")] = 1) -> int:
        "Sharpen images."
        return run_planes("sharpen", options, Sharpen(amount))

where Sharpen is an Operation: a frozen dataclass whose __call__(plane, info) returns a Result.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from imgconv.errors import OutputError, UsageError

from .console import ExitCode, current
from .options import FileOptions, InputOptions

if TYPE_CHECKING:
    from imgconv.batch import Item, Outcome, Plan, Step
    from imgconv.batch.targets import Suffix
    from imgconv.steps.operation import Operation

    from .report import Show


def run_planes(command: str, options: FileOptions, operation: Operation) -> ExitCode:
    """Every plane of every file through the operation."""
    from imgconv.steps.planes import EachPlane

    step = EachPlane(operation, **options.access)
    return run_files(command, options, step, suffix=operation.suffix)


def run_files(
    command: str,
    options: FileOptions,
    step: Step,
    *,
    suffix: Suffix | None = None,
    also: Sequence[str] = (),
    folder: str = "",
) -> ExitCode:
    """Plan the outputs, run `step` on every item, print what was written; the exit code."""
    planned = plan_files(command, options, suffix=suffix, also=also, folder=folder)
    if options.dry_run:
        from .report import show_plan

        return show_plan(planned, options)
    return carry_out(planned, options, step)


def plan_files(
    command: str,
    options: FileOptions,
    *,
    suffix: Suffix | None = None,
    also: Sequence[str] = (),
    folder: str = "",
    whole: bool = False,
) -> Plan:
    """The inputs and the names of their outputs; with `whole` all before anything begins.

    `suffix` maps the input's suffix to the output's where results need another format,
    `also` are endings of further files that the step writes beside the target, `folder` is
    where results go without -o (default: beside the input as STEM-COMMAND.EXT).
    """
    from imgconv.batch import FIRST, plan

    planned = plan(
        options.files or (),
        command=command,
        output=options.output,
        recursive=options.recursive,
        files_from=options.files_from,
        force=options.force,
        skip_existing=options.skip_existing,
        format=_format(options.format),
        suffix=suffix,
        also=also,
        folder=folder,
        ahead=None if whole else FIRST,
    )
    _refuse_two_on_stdout(options)
    _refuse_two_formats(planned.items, options)
    return planned


def carry_out(
    planned: Plan,
    options: InputOptions,
    step: Step,
    *,
    show: Show | None = None,
    fold: Callable[[Outcome], object] | None = None,
) -> ExitCode:
    """Run a plan and report each outcome.

    `show` turns an outcome into lines for standard output, `fold` gathers all of them.
    """
    from imgconv import threads

    from .report import Report, spoken, written_paths

    if getattr(options, "preserve_times", False):
        from imgconv.steps.times import PreserveTimes

        step = PreserveTimes(step)

    told = fold and (lambda outcome: fold(spoken(outcome)))
    report = Report(options, planned, show or written_paths, current())
    with outcomes_of(planned, options, step, told) as outcomes:
        try:
            return report.follow(outcomes)
        except KeyboardInterrupt:
            outcomes.close()
            return report.report_interruption()
        except BrokenPipeError:
            outcomes.close()
            return report.pipe_closed()
        finally:
            threads.use(None)


@contextmanager
def outcomes_of(
    planned: Plan, options: InputOptions, step: Step, fold: Callable[[Outcome], object] | None
) -> Iterator[Generator[Outcome]]:
    """How the items end, one after the other: done here, or on a cluster while the block lasts."""
    from imgconv.batch import run

    how: Any = {"fail_fast": options.fail_fast, "fold": fold}
    if options.cluster is None:
        files = len(planned.todo) if planned.is_whole else len(planned.items)
        yield run(planned, step, jobs=share_threads(options, files), **how)
        return
    from imgconv.batch.cluster import connect

    with connect(options.cluster, current().note) as cluster:
        yield cluster.run(planned, step, threads=options.threads, **how)


def share_threads(options: InputOptions, files: int) -> int:
    """How many files to do at once; each computes with its share of the threads."""
    from imgconv import threads

    granted = options.threads or threads.available()
    jobs = max(1, min(options.jobs or granted, files))
    threads.use(granted, jobs)
    return jobs


def _format(name: str | None) -> str | None:
    """The format that --format means; a wrong one is a wrong command line."""
    if name is None:
        return None
    from imgconv.images import find_format

    try:
        return find_format(name).name
    except OutputError as error:
        raise UsageError(f"--format: {error}") from None


def _refuse_two_formats(items: Iterable[Item], options: FileOptions) -> None:
    """Where the name that -o gives says another format than --format."""
    if options.format is None or options.output is None:
        return
    from imgconv.images import find_format, of_suffix, show_name
    from imgconv.text import suffix

    for item in items:
        named = of_suffix(suffix(item.target))
        if named is not None and named != find_format(options.format):
            raise UsageError(
                f"-o {show_name(item.target)} is a {named.name} by its name, --format says "
                f"{options.format}: leave out --format, or change the name"
            )


def _refuse_two_on_stdout(options: FileOptions) -> None:
    piped = options.output is None and "-" in (options.files or ())
    if options.json and (piped or options.output == "-"):
        raise UsageError("the image and --json both want standard output: give -o FILE")
