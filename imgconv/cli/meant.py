"""What people type before they have read anything, and what they mean by it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

MEANT: dict[str, tuple[str, ...]] = {
    "smooth": ("filter -k gaussian:2",), "soften": ("filter -k gaussian:2",),
    "dilate": ("filter -k max:3",), "erode": ("filter -k min:3",),
    "despeckle": ("filter -k median:3", "denoise"), "edges": ("filter -k outline",),
    "resize": ("upsample", "pool"), "scale": ("upsample", "pool"), "rescale": ("upsample", "pool"),
    "enlarge": ("upsample",), "upscale": ("upsample",), "zoom": ("upsample",),
    "shrink": ("pool",), "reduce": ("pool",), "downsample": ("pool",), "downscale": ("pool",),
    "thumbnail": ("pool",), "bin": ("pool",),
    "count": ("segment",), "cells": ("segment",), "nuclei": ("segment",), "find": ("segment",),
    "track": ("segment --track",), "labels": ("segment", "measure"),
    "table": ("measure",), "quantify": ("measure",), "features": ("measure", "convolve"),
    "identify": ("info",), "metadata": ("info",), "exif": ("info",), "show": ("info",),
    "stat": ("info",), "size": ("info",),
    "compare": ("diff",), "psnr": ("diff",), "ssim": ("diff",), "difference": ("diff",),
    "convert": ("filter -k identity --format png",), "kernel": ("kernels", "filter -k sharpen"),
    "noise": ("denoise",), "clean": ("denoise",), "crosshair": ("denoise --model crosshair",),
    "colourize": ("colorize",), "colourise": ("colorize",), "colorise": ("colorize",),
    "recognise": ("classify",), "recognize": ("classify",), "predict": ("classify", "run"),
    "label": ("classify", "segment"), "digits": ("classify",), "ocr": ("classify",),
    "infer": ("run",), "inference": ("run",), "onnx": ("models import", "run"),
    "import": ("models import",), "visualise": ("inspect",), "visualize": ("inspect",),
    "score": ("evaluate",), "accuracy": ("evaluate",), "compile": ("warmup",),
    "list": ("models list", "kernels"), "manual": ("man",),
    "conv": ("convolve", "filter -k sharpen"), "model": ("models",),
    "train": ("models architectures",), "watershed": ("segment",),
    "invert": ("filter -k identity --scale -1 --bias 255",),
    "negate": ("filter -k identity --scale -1 --bias 255",),
    "normalize": ("filter -k identity --range rescale",),
    "normalise": ("filter -k identity --range rescale",),
    "stretch": ("filter -k identity --range rescale",),
    "morphology": ("filter -k max:3", "filter -k min:3"),
    "opening": ("filter -k min:3 -k max:3",), "closing": ("filter -k max:3 -k min:3",),
    "deconvolve": ("filter -k unsharp",), "deblur": ("filter -k unsharp",),
    "view": ("info",), "open": ("info",), "batch": ("filter -k sharpen -r",),
}  # fmt: skip
"""A word -> what to type after `imgconv`."""

ALIKE = 0.7  # of the letters of two words, from which on one may be the other mistyped
OTHERS = {
    "crop", "trim", "rotate", "flip", "flop", "mirror", "transpose", "threshold", "binarize",
    "binarise", "brightness", "contrast", "gamma", "levels", "blend", "merge", "montage", "append",
    "draw", "annotate", "watermark", "quantize", "grayscale", "greyscale", "sepia", "equalize",
    "equalise", "histogram", "hist", "stitch", "tile",
}  # fmt: skip
"""What people look for here, and another program does."""

OF_A_KERNEL = {
    "--sigma": "-k gaussian:2, a blur of sigma 2", "--blur": "-k gaussian:2, a blur of sigma 2",
    "--radius": "-k box:5, a mean of 5 x 5 pixels", "--size": "-k box:5, a mean of 5 x 5 pixels",
    "--ksize": "-k box:5, a mean of 5 x 5 pixels", "--sharpen": "-k sharpen",
    "--angle": "-k motion:15:30, a blur of 15 pixels at 30 degrees",
}  # fmt: skip
"""An option that `filter` has not, and the kernel with that number in its name."""

SAME = (
    ("--kernel", "--filter", "--stencil", "--matrix", "--name"),
    ("--output", "--out", "--outfile", "--output-dir", "--outdir", "--dest", "--to"),
    ("--force", "--overwrite", "--yes", "--replace"),
    ("--skip-existing", "--no-clobber", "--resume", "--continue"),
    ("--dry-run", "--simulate", "--plan"),
    ("--jobs", "--workers", "--parallel", "--processes"),
    ("--scale", "--factor", "--zoom", "--times", "--ratio"),
    ("--size", "--window", "--ksize", "--kernel-size"),
    ("--border", "--padding", "--pad", "--mode", "--edge"),
    ("--format", "--type", "--ext", "--extension"),
    ("--recursive", "--recurse"),
    ("--strength", "--amount", "--level", "--intensity"),
    ("--method", "--algorithm", "--interpolation", "--mode"),
    ("--model", "--network", "--weights", "--net"),
    ("--quiet", "--silent"),
    ("--json", "--as-json", "--machine"),
    ("--luma", "--luminance", "--brightness", "--grayscale", "--greyscale"),
    ("--diameter", "--radius", "--cell-size", "--size"),
    ("--depth", "--bits", "--dtype", "--bit-depth"),
    ("--background", "--bg", "--fill"),
    ("--range", "--clip", "--normalize", "--normalise", "--abs"),
    ("--metadata", "--exif"),
)  # fmt: skip
"""An option, and other words for it; those of a command are told from what it has."""


def rewrite(arguments: Sequence[str], commands: Iterable[str]) -> tuple[list[str], str]:
    """A command line that says the same in our words, and a note of what was understood, if any.

    `help`, `version` and a kernel's name where a command's should be.
    """
    first, *rest = arguments
    if first == "help":
        return [*rest, "--help"], ""
    if first == "version":
        return ["--version", *rest], ""
    if first.startswith("-") or first in commands or first.lower() not in kernel_names():
        return list(arguments), ""
    return ["filter", "-k", first, *rest], f"taken for imgconv filter -k {first}"


def kernel_names() -> set[str]:
    """Names that are a kernel without a number."""
    from imgconv.ops.catalogue import ALIASES, NAMED

    return {*NAMED, *ALIASES}


def take_kernel(kernel: list[str] | None, files: list[str] | None) -> tuple[Any, Any, str]:
    """A kernel that stands before the files, `filter sharpen a.png`, moved to where it belongs,
    with a note; else all as it was."""
    first = (files or [""])[0]
    if kernel or not files or Path(first).exists() or first.lower() not in kernel_names():
        return kernel, files, ""
    return [first], files[1:], f"taken for -k {first}"


def suggest_command(word: str, commands: Iterable[str], family: str = "") -> str:
    """A question that leads to a command, or to one of a family's; or nothing."""
    if not family and Path(word).is_file():
        from shlex import quote

        return f"before a file stands what to do with it: imgconv filter -k sharpen {quote(word)} "
    word = word.lower()
    known: dict[str, tuple[str, ...]] = {n: (f"{family} {n}".strip(),) for n in commands}
    if not family:
        known |= MEANT | {name: (f"filter -k {name}",) for name in kernel_names()}
    if not family and word in ("completion", "completions"):
        return "did you mean imgconv --install-completion? "
    if not family and word in OTHERS:
        return "ImageMagick does that "
    near = next(iter(get_close_matches(word, known, n=1, cutoff=ALIKE)), "")
    if not near:
        return ""
    return f"did you mean {' or '.join(f'imgconv {one}' for one in known[near])}? "


def suggest_option(word: str, command: str, options: Sequence[str]) -> str:
    """A question that leads to an option that the command has, or nothing."""
    if command == "filter" and word in OF_A_KERNEL:
        return f"did you mean {OF_A_KERNEL[word]}? "
    same = [group[0] for group in SAME if word in group]
    near = [one for one in same if one in options][:1]
    if not same:
        near = get_close_matches(word, options, n=2)
    return f"did you mean {' or '.join(near)}? " if near else ""
