"""`imgconv denoise`: noise out, crosshairs out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Option

from imgconv.errors import UsageError

from . import complete
from .options import FileOptions, Report

if TYPE_CHECKING:
    from imgconv.batch import Outcome, Plan
    from imgconv.steps.denoise import Denoise

Method = Literal["nlm", "bilateral", "tv", "wavelet", "median"]


def command(
    options: FileOptions,
    model: Annotated[
        str | None,
        Option(
            "--model",
            metavar="NAME|FILE",
            autocompletion=complete.models("denoise"),
            help="photo (photographs and scans), micro (micrographs; the mean is kept), "
            "crosshair (crosshairs, reticles, hairlines and scale ticks go, nothing else "
            "changes), or a .safetensors file that training made. [default: photo]",
        ),
    ] = None,
    method: Annotated[
        Method | None,
        Option(
            "--method",
            help="Without a network, by scikit-image, to compare: non-local means, bilateral, "
            "total variation, wavelet shrinkage, or a median.",
        ),
    ] = None,
    sigma: Annotated[
        float | None,
        Option(
            "--sigma",
            min=0.0,
            max=255.0,
            metavar="0-255",
            help="The noise's standard deviation, in 1/255 of full scale (which is 1 for "
            "floats). [default: found in the image, and said]",
        ),
    ] = None,
    strength: Annotated[
        float,
        Option("--strength", min=0.0, max=1.0, metavar="0-1", help="How much of it is taken out."),
    ] = 1.0,
    luma: Annotated[
        float | None,
        Option(
            "--luma",
            min=0.0,
            max=1.0,
            metavar="0-1",
            help="The same, for the brightness (R + G + B) / 3, instead of --strength.",
        ),
    ] = None,
    chroma: Annotated[
        float | None,
        Option(
            "--chroma",
            min=0.0,
            max=1.0,
            metavar="0-1",
            help="The same, for the colour around that, instead of --strength.",
        ),
    ] = None,
    best: Annotated[
        bool,
        Option(
            "--best",
            help="The mean over the image's eight orientations: a tenth of a dB better, in eight "
            "times the time (photo, micro).",
        ),
    ] = False,
    residual: Annotated[
        bool,
        Option(
            "--residual",
            help="Write what would be removed, stretched on middle grey, to look at: "
            "STEM-denoise-removed.png.",
        ),
    ] = False,
    compare: Annotated[
        bool,
        Option(
            "--compare",
            help="Write before | after | removed in one picture (of large images a detail): "
            "STEM-denoise-compare.png.",
        ),
    ] = False,
    reference: Annotated[
        str | None,
        Option(
            "--reference",
            metavar="FILE|FOLDER",
            help="The image without noise (or a folder with files of the same names): PSNR and "
            "SSIM before and after are said, and go into --json and --compare.",
        ),
    ] = None,
    report: Report = False,
) -> int:
    """Take noise out of photographs, scans and micrographs, or crosshairs and hairlines.

    imgconv denoise photo.jpg

    imgconv denoise --model micro -o clean/ stack.ome.tif

    imgconv denoise --model crosshair 'scope/*.png'

    imgconv denoise --sigma 25 --compare --reference clean.png noisy.png

    imgconv denoise --compare --report photos/ -o compared/

    8, 16 bit and float, alpha and metadata stay what they are; floats keep values beyond 0 and 1.
    Stacks go plane by plane. `--strength 0.7` leaves some grain, `--chroma 1 --luma 0.3` takes the
    colour noise and leaves most of the brightness.
    """
    from imgconv.steps.denoise import Denoise, Show, clean_plane
    from imgconv.steps.reference import Reference

    from .files import carry_out, plan_files
    from .report import show_plan

    if residual and compare:
        raise UsageError("--residual does not go with --compare, which shows it: leave one out")
    show: Show = "removed" if residual else "compare" if compare else "image"
    operation = clean_plane(
        model=model, method=method, sigma=sigma, strength=strength, luma=luma, chroma=chroma,
        best=best, show=show,
    )  # fmt: skip
    # a network uses all threads for one image; more images at once would only take memory
    rest = replace(options, jobs=options.jobs or (None if method else 1))
    truth = None
    if reference is not None:
        truth = Reference.beside(reference, options.files or (), options.files_from is not None)
    step = Denoise(operation, truth, **rest.access)
    command = "denoise" if show == "image" else f"denoise-{show}"
    planned = plan_files(command, rest, suffix=operation.suffix, whole=report)
    if options.dry_run:
        return show_plan(planned, options)
    return _with_report(planned, rest, step) if report else carry_out(planned, rest, step)


def _with_report(planned: Plan, options: FileOptions, step: Denoise) -> int:
    from imgconv.report.denoise import MOST, write_report
    from imgconv.report.document import room

    from .files import carry_out
    from .pages import by_folder, ended, folder_of, refuse_written, told
    from .report import show_written

    if options.skip_existing:
        raise UsageError("--report shows what one call did, so it does not go with --skip-existing")
    shown = [item for item in planned.items if item.target not in ("", "-")]
    refuse_written({folder_of(item) for item in shown}, options.force)
    outcomes: list[Outcome] = []
    step = replace(step, sketched=room(len(shown), MOST))
    code = carry_out(planned, options, step, fold=outcomes.append)
    if ended(code):
        pages = [
            write_report(folder, mine, step.operation, **told())
            for folder, mine in by_folder(outcomes).items()
        ]
        show_written(pages, options.json)
    return code
