"""The options that commands share, once, with the words of their help.

A command takes a whole bundle as one parameter, and the command line shows its fields:

    def command(options: FileOptions, strength: Annotated[float, Option("--strength")] = 1) -> int:
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, get_type_hints

from typer import Argument, Option

from imgconv.errors import InputError, UsageError

from . import complete

if TYPE_CHECKING:
    from imgconv.images import WriteOptions


Files = Annotated[
    list[str] | None,
    Argument(
        metavar="FILE...",
        show_default=False,
        help="Images, folders, 'quoted patterns', or - for standard input.",
    ),
]
Recursive = Annotated[
    bool, Option("-r", "--recursive", help="Look into the folders of folders too.")
]
FilesFrom = Annotated[
    str | None,
    Option(
        "--files-from",
        metavar="LIST",
        help="Read file names from LIST (- is standard input), one a line or null-separated.",
    ),
]
FailFast = Annotated[
    bool, Option("--fail-fast", help="Begin nothing more after the first failure.")
]
Jobs = Annotated[
    int | None,
    Option("-j", "--jobs", min=1, metavar="N", help="Files at once. [default: as many as CPUs]"),
]
Threads = Annotated[
    int | None,
    Option("--threads", min=1, metavar="N", help="Threads to compute. [default: as many as CPUs]"),
]
MaxPixels = Annotated[
    int | None,
    Option(
        "--max-pixels",
        min=1,
        metavar="N",
        help="Refuse images with more pixels a plane. [default: a billion]",
    ),
]
AllowTruncated = Annotated[
    bool, Option("--allow-truncated", help="Take what is readable of a file that ends early.")
]
Palette = Annotated[
    Literal["auto", "numbers", "colours"],
    Option(
        "--palette",
        help="What an image of numbers with a colour table is: a measurement (the numbers), or a "
        "picture (its colours). auto: numbers in ImageJ's and OME's files and under a smooth ramp.",
    ),
]
Channels = Annotated[
    Literal["grey", "greya", "rgb", "rgba"] | None,
    Option(
        "--channels",
        help="What the channels of a .npy are: the last of greya and rgba is alpha. "
        "[default: data, without alpha]",
    ),
]
Profile = Annotated[
    str | None,
    Option(
        "--profile",
        metavar="FILE",
        help="The ICC profile by which CMYK is converted to sRGB. [default: the image's own]",
    ),
]
Cluster = Annotated[
    str | None,
    Option(
        "--cluster",
        metavar="ADDRESS",
        help="Work on a Dask cluster that sees the same files: tcp://HOST:8786, a scheduler file, "
        "or local:N processes here. As many files at once as its workers have threads.",
    ),
]
Json = Annotated[bool, Option("--json", help="Print one JSON object a file on standard output.")]
Quiet = Annotated[
    bool, Option("-q", "--quiet", help="No notes, progress or summary; errors are shown.")
]
Verbose = Annotated[
    bool, Option("-v", "--verbose", help="Say how long each file took, and where bugs are.")
]
Output = Annotated[
    str | None,
    Option(
        "-o",
        "--output",
        metavar="PATH",
        help="A file, a folder, - for standard output, or a template with {stem} {suffix} "
        "{parent} {index} {page}. [default: STEM-COMMAND.EXT beside the input]",
    ),
]
Force = Annotated[bool, Option("-f", "--force", help="Overwrite existing files (never an input).")]
SkipExisting = Annotated[
    bool, Option("--skip-existing", help="Leave outputs that exist, and say so.")
]
DryRun = Annotated[bool, Option("-n", "--dry-run", help="Show what would be written, and stop.")]
Format = Annotated[
    str | None,
    Option(
        "--format",
        metavar="NAME",
        autocompletion=complete.formats,
        help="png, jpeg, tiff, webp, avif, heif, jpegxl, bmp, gif, pnm (ppm, pgm, pbm), pam, pfm, "
        "npy, zarr (OME-Zarr). [default: as the input]",
    ),
]
Depth = Annotated[
    int | None,
    Option("--depth", metavar="8|16|32", help="Bits a sample; 32 is float. [default: kept]"),
]
Quality = Annotated[
    int | None,
    Option(
        "--quality",
        min=1,
        max=100,
        metavar="1-100",
        help="Of JPEG and WebP. [default: JPEG the input's own, else 92; WebP 92, of what was "
        "lossless 100]",
    ),
]
COMPRESSIONS = ("none", "lzw", "deflate", "zip", "packbits", "zstd", "jpeg", *"0123456789")


def compressions(incomplete: str) -> list[str]:
    """For the shell's completion."""
    return complete.begin(COMPRESSIONS, incomplete)


Compression = Annotated[
    str | None,
    Option(
        "--compression",
        metavar="NAME",
        autocompletion=compressions,
        help="TIFF: none, lzw, deflate, packbits, zstd, jpeg; PNG: 0 to 9. [default: kept]",
    ),
]
Background = Annotated[
    str | None,
    Option(
        "--background",
        metavar="COLOUR",
        help="Under transparency where the output has none: white, #rrggbb.",
    ),
]
ToSrgb = Annotated[
    bool, Option("--to-srgb", help="Convert to sRGB first; else colour profiles are kept.")
]
Report = Annotated[
    bool, Option("--report", help="A page to look at all results in a browser too: report.html.")
]
PreserveTimes = Annotated[
    bool,
    Option("--preserve-times", help="Outputs get the modification time of their input."),
]
Linear = Annotated[
    bool,
    Option(
        "--linear",
        help="Mix light: colours are decoded by the image's profile (else as sRGB), and encoded "
        "again at the end. The default mixes the values as they are stored.",
    ),
]


@dataclass(frozen=True, eq=False, repr=False)
class InputOptions:
    """What a command that reads images takes.

    `values` is open_image's: who makes no picture of a picture is after the numbers in it.
    """

    values: ClassVar[str] = "measured"
    files: Files = None
    recursive: Recursive = False
    files_from: FilesFrom = None
    fail_fast: FailFast = False
    jobs: Jobs = None
    threads: Threads = None
    max_pixels: MaxPixels = None
    allow_truncated: AllowTruncated = False
    palette: Palette = "auto"
    channels: Channels = None
    profile: Profile = None
    cluster: Cluster = None
    json: Json = False
    quiet: Quiet = False
    verbose: Verbose = False

    def __post_init__(self) -> None:
        if self.profile is not None:
            from imgconv.images.colour import read_inks

            try:
                read_inks(self.profile)
            except InputError as error:
                raise UsageError(f"--profile {error}") from None

    @property
    def reading(self) -> dict[str, Any]:
        """Arguments for open_image."""
        limit = {} if self.max_pixels is None else {"max_pixels": self.max_pixels}
        return {
            "allow_truncated": self.allow_truncated,
            "values": self.values,
            "palette": self.palette,
            "channels": self.channels or "",
            "profile": self.profile,
            **limit,
        }


@dataclass(frozen=True, eq=False, repr=False)
class FileOptions(InputOptions):
    """What a command that reads images and writes images takes."""

    values: ClassVar[str] = "shown"
    output: Output = None
    force: Force = False
    skip_existing: SkipExisting = False
    dry_run: DryRun = False
    format: Format = None
    depth: Depth = None
    quality: Quality = None
    compression: Compression = None
    background: Background = None
    to_srgb: ToSrgb = False
    preserve_times: PreserveTimes = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.depth not in (None, 8, 16, 32):
            raise UsageError(f"--depth {self.depth}: allowed are 8, 16 and 32 (float)")
        if self.compression not in (None, *COMPRESSIONS):
            near = get_close_matches(self.compression, COMPRESSIONS, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise UsageError(
                f"--compression {self.compression}: {hint}allowed are "
                f"{', '.join(COMPRESSIONS[:-10])} (TIFF) and 0 to 9 (PNG)"
            )

    @property
    def writing(self) -> WriteOptions:
        """Options for write_image."""
        from imgconv.images import WriteOptions

        return WriteOptions(
            format=self.format,
            quality=self.quality,
            compression=self.compression,
            depth=self.depth,
            background=self.background,
        )

    @property
    def access(self) -> dict[str, Any]:
        """How a step reads and writes: arguments for FileStep.

        What a worker had written before it was lost is written over by who does it again; the
        plan has refused what was there before.
        """
        return {
            "reading": self.reading,
            "writing": self.writing,
            "force": self.force or bool(self.cluster),
            "skip_existing": self.skip_existing,
            "to_srgb": self.to_srgb,
        }


def flatten_options(command: Callable[..., int]) -> Callable[..., int]:
    """`command` with the fields of its bundle (a dataclass parameter) as its own parameters.

    Arguments come first, then the command's own options, then the bundle's, then --config.
    """
    from .presets import Config

    parameters = inspect.signature(command, eval_str=True).parameters
    bundle = next((p for p in parameters.values() if dataclasses.is_dataclass(p.annotation)), None)
    shared = _fields(bundle.annotation) if bundle else []
    own = [p.replace(kind=p.KEYWORD_ONLY) for p in parameters.values() if p is not bundle]
    config = inspect.Parameter(
        "config", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Config
    )

    @functools.wraps(command)
    def call(**given: Any) -> int:
        given.pop("config", None)  # its callback has read it
        options = {p.name: given.pop(p.name) for p in shared}
        for name, value in given.items():  # nan and inf pass Typer's min and max
            if isinstance(value, float) and not math.isfinite(value):
                raise UsageError(f"--{name.replace('_', '-')} {value}: must be a number")
        return command(**given, **({bundle.name: bundle.annotation(**options)} if bundle else {}))

    everything = [*shared[:1], *own, *shared[1:], config]
    call.__signature__ = inspect.Signature(everything)  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in everything}
    del call.__wrapped__
    return call


def _fields(bundle: type) -> list[inspect.Parameter]:
    hints = get_type_hints(bundle, include_extras=True)
    return [
        inspect.Parameter(
            f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=hints[f.name]
        )
        for f in dataclasses.fields(bundle)
    ]
