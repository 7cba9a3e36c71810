"""`imgconv rerun`: a recorded run again, and what differs from it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, NoReturn

from typer import Argument, Option

from imgconv.errors import ImgconvError, InputError, UsageError

from .console import ExitCode, current
from .options import Force, Quiet
from .presets import OF_A_CALL

RECORDING = ("segment",)  # commands that write a record
Record = Annotated[
    str, Argument(metavar="RECORD", show_default=False, help="An imgconv-run.json, or its folder.")
]
Output = Annotated[
    str,
    Option("-o", "--output", metavar="FOLDER", help="For the results. [default: the record's own]"),
]
Differences = Annotated[bool, Option("-n", "--dry-run", help="Only say what differs, and stop.")]


def command(
    record: Record,
    output: Output = "",
    force: Force = False,
    dry_run: Differences = False,
    quiet: Quiet = False,
) -> int:
    """Do a recorded run again on the same images, and say what differs.

    imgconv rerun segmented/imgconv-run.json -o again/

    imgconv rerun segmented/ --dry-run

    Only the record's options count, not those of imgconv.toml or of the environment. A folder that
    several runs filled is done again run by run. What may differ: versions, the model, the images,
    and in the end the counts. The exit code is 1 if an image fails.
    """
    path = Path(record) / "imgconv-run.json" if Path(record).is_dir() else Path(record)
    runs, folder, code = _read(path), output or str(path.parent), 0
    for run in reversed(runs):  # the last is the one on top again
        differences = list(_differences(run))
        if dry_run:
            differences = differences or ["nothing differs from the recorded run"]
        if dry_run or not quiet:
            _say(differences)
        if dry_run:
            continue
        code = max(code, _repeat(run, folder, force=force, quiet=quiet))
        if code in (ExitCode.OK, ExitCode.FAILED) and not quiet:
            _say(_changed_counts(run, folder))
    return code


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        current().say(line)


def _read(path: Path) -> list[dict[str, Any]]:
    """The runs of a record, the last first. Raises InputError."""
    import json

    try:
        last = json.loads(path.read_text("utf-8"))
        runs: list[dict[str, Any]] = [last, *last.get("earlier", ())]
        for run in runs:
            if run["command"] not in RECORDING:
                _refuse(path, f"is of the command {run['command']}")
            _use_all(run)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    except KeyError as error:
        _refuse(path, f"says nothing of {error}")
    except (ValueError, TypeError, AttributeError):
        _refuse(path, "is no run record")
    return runs


def _use_all(run: dict[str, Any]) -> None:
    """Look at all that will be needed. Raises KeyError, TypeError or AttributeError."""
    _arguments(run), _sources(run), run["versions"].items()
    run["imgconv"] + run["model"]["name"] + run["model"]["sha256"]
    sum(sum(image["count"]) for image in run["images"])


def _refuse(path: Path, why: str) -> NoReturn:
    raise InputError(
        f"{path}: {why}; rerun takes an imgconv-run.json that imgconv segment of this version wrote"
    )


def _arguments(run: dict[str, Any]) -> list[str]:
    """The run's options as one would type them. Raises KeyError, TypeError, AttributeError."""
    words: list[str] = []
    for name, value in run["options"].items():
        if name not in OF_A_CALL:
            option = "--" + name.replace("_", "-")
            every = value if isinstance(value, list) else [value]
            words += [option] if value is True else [f"{option}={one}" for one in every]
    return words


def _sources(run: dict[str, Any]) -> list[str]:
    """The files that the run read, and those that it could not read."""
    found: dict[str, None] = {}
    for image in (*run["images"], *run["failed"]):
        found |= dict.fromkeys(image.get("channels_from") or [image["source"]])
    return list(found)


def _repeat(run: dict[str, Any], folder: str, *, force: bool, quiet: bool) -> int:
    from . import load

    sources = _sources(run)
    if "-" in sources:
        raise UsageError(
            "an image of this run came from standard input, which cannot be read again"
        )
    flags = {"--force": force, "--quiet": quiet}
    words = [*_arguments(run), *(flag for flag, on in flags.items() if on)]
    words += ["--config", os.devnull, "--output", folder.rstrip("/") + "/", "--", *sources]
    again = load(run["command"])
    done: int | None = again(args=words, prog_name="imgconv rerun", standalone_mode=False)
    return done or 0


def _differences(run: dict[str, Any]) -> Iterator[str]:
    """What is not as it was: versions, the model, images. One line each."""
    from imgconv import __version__
    from imgconv.tasks.segment.run_record import library_versions

    was, now = {"imgconv": run["imgconv"], **run["versions"]}, library_versions()
    for name, version in {"imgconv": __version__, **now}.items():
        if name in was and was[name] != version:
            yield f"version of {name}: {version}; the recorded run had {was[name]}"
    yield from _other_model(run)
    yield from _other_images(run)


def _other_model(run: dict[str, Any]) -> Iterator[str]:
    from imgconv.tasks.load import load

    try:
        model, _ = load(run["options"].get("model", run["model"]["name"]), run["command"])
    except ImgconvError:  # the run itself will say it
        return
    if model.sha256 != run["model"]["sha256"]:
        yield (
            f"{model.path} is another model than the recorded one: its SHA-256 is "
            f"{model.sha256[:12]}..., not {run['model']['sha256'][:12]}..."
        )


def _other_images(run: dict[str, Any]) -> Iterator[str]:
    from imgconv.images import show_name
    from imgconv.tasks.segment.run_record import sha256

    for image in run["images"]:
        files = image.get("channels_from") or {image["source"]: image["sha256"]}
        for name, known in files.items():
            if known and (now := sha256(name)) != known:
                yield f"{show_name(name)}: {'has changed' if now else 'is not there any more'}"


def _changed_counts(run: dict[str, Any], folder: str) -> Iterator[str]:
    """What the new record counts in the same images."""
    import json

    from imgconv.images import show_name

    try:
        new = json.loads((Path(folder) / "imgconv-run.json").read_text("utf-8"))
    except (OSError, ValueError):  # nothing could be written, and that has been said
        return
    counts = {image["source"]: image["count"] for image in new["images"]}
    same = 0
    for image in run["images"]:
        now = counts.get(image["source"])
        same += now == image["count"]
        if now is not None and now != image["count"]:
            name = show_name(image["source"])
            yield f"{name}: {sum(now):,} objects; the recorded run had {sum(image['count']):,}"
    yield f"{same} of {len(run['images'])} images have the recorded counts"
