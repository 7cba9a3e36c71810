"""Outcomes for people and scripts: paths or JSON on stdout, everything else on stderr."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from imgconv.batch import Item, Outcome, Plan
from imgconv.images import show_name
from imgconv.text import Detail, Fact, show_text

from .console import Console, ExitCode, Kind, current, in_options
from .options import InputOptions
from .progress import Progress
from .signals import check_interrupt

SCREEN = 20  # lines that are still seen at the end of a batch
Show = Callable[[Outcome], str]
"""An outcome -> text for standard output, "" for none; --json is not its concern."""


def written_paths(outcome: Outcome) -> str:
    """One path a line, as it is: bytes that are no UTF-8 come out as they went in."""
    return "".join(f"{path}\n" for path in outcome.done.written if path != "-")


class Report:
    """Follows the outcomes of a plan, and keeps the count."""

    def __init__(self, options: InputOptions, planned: Plan, show: Show, console: Console) -> None:
        self.options, self.planned, self.show, self.console = options, planned, show, console
        self.counts: Counter[str] = Counter()
        self.failures: list[str] = []  # the first of them
        self.begin = time.perf_counter()
        self.progress = Progress(planned.count, console, shown=not options.quiet)

    def follow(self, outcomes: Iterable[Outcome]) -> ExitCode:
        """Report each outcome as it comes; the exit code."""
        with self.progress:
            for outcome in map(spoken, outcomes):
                self.counts[outcome.status] += 1
                self._one(outcome)
                self.progress.total = self.planned.count
                self.progress.advance()
                check_interrupt()
        self._summary()
        return ExitCode.FAILED if self.counts["failed"] else ExitCode.OK

    def _one(self, outcome: Outcome) -> None:
        if self.options.json:
            import json

            self._out(json.dumps(strict(as_record(outcome)), allow_nan=False) + "\n")
        elif outcome.status == "written":
            said = self.show(outcome)
            self._out(said if self.show is written_paths else show_text(said, lines=True))
        self._notes(outcome)

    def _notes(self, outcome: Outcome) -> None:
        name = show_name(outcome.item.source)
        if outcome.status == "failed":
            if len(self.failures) < SCREEN:
                self.failures.append(outcome.message)
            self._say(outcome.message, "error")
            if outcome.trace and self.options.verbose:
                self.console.stderr.write(outcome.trace)
        elif not self.options.quiet:
            if outcome.status == "skipped":
                self._say(f"{name}: skipped, {outcome.message}")
            for note in outcome.done.notes:
                if self.options.verbose or not isinstance(note, Detail):
                    self._say(f"{name}: {note}", "" if isinstance(note, Fact) else "note")
            if self.options.verbose and outcome.status == "written":
                where = f" on {outcome.where}" if outcome.where else ""
                self._say(f"{name}: {outcome.seconds:.3f} s{where}")

    def _summary(self) -> None:
        """The count, when there is more to count than one success."""
        total = self.planned.count
        left = total - self.counts.total()
        if self.options.quiet or (total == 1 and (self.counts["written"] or not left)):
            return
        parts = [f"{self.counts[s]} {word}" for s, word in WORDS.items() if self.counts[s]]
        parts += [f"{self._left()} not begun"] if left else []
        self._say(f"{', '.join(parts)} in {time.perf_counter() - self.begin:.1f} s")
        if total > SCREEN:
            self._repeat_failures()

    def _repeat_failures(self) -> None:
        """What failed long ago has left the screen."""
        for line in self.failures:
            self._say(f"  failed: {line}")
        if (more := self.counts["failed"] - SCREEN) > 0:
            self._say(f"  and {more} more")

    def _left(self) -> str:
        """How many have not ended; of names that nobody has looked at, some may be no images."""
        about = "" if self.planned.is_whole else "about "
        return f"{about}{self.planned.count - self.counts.total()}"

    def report_interruption(self) -> ExitCode:
        force = getattr(self.options, "force", False)
        again = "--force starts again" if force else "go on with --skip-existing"
        self._say(
            f"interrupted: {self.counts['written']} done, {self._left()} not; "
            f"what was finished is whole, {again}"
        )
        return ExitCode.INTERRUPTED

    def pipe_closed(self) -> ExitCode:
        """Whoever read our output has gone: end without a word, as `head` expects."""
        self.console.hush()
        return ExitCode.PIPE_CLOSED

    def _say(self, line: str, kind: Kind = "") -> None:
        self.progress.say(line, kind)

    def _out(self, text: str) -> None:
        if text:
            self.progress.out(text)


def spoken(outcome: Outcome) -> Outcome:
    """The outcome with the settings in its messages as the command line has them."""
    notes = tuple(map(in_options, outcome.done.notes))
    done = outcome.done._replace(notes=notes)
    return outcome._replace(message=in_options(outcome.message), done=done)


WORDS = {"written": "done", "skipped": "skipped", "failed": "failed"}


def as_record(outcome: Outcome) -> dict[str, Any]:
    """What --json says of one file. Undecodable bytes of names are lone surrogates (\\udcXX)."""
    done = outcome.done
    record: dict[str, Any] = {"source": outcome.item.source, "status": outcome.status}
    record |= {"written": list(done.written)} if outcome.item.target else {}
    record |= {"message": outcome.message} if outcome.message else {}
    record |= {"notes": list(done.notes)} if done.notes else {}
    record |= {"worker": outcome.where} if outcome.where else {}
    return record | {"seconds": round(outcome.seconds, 4)} | dict(done.record)


def show_written(paths: Sequence[str], json: bool) -> None:
    """The files that were made of all images together: lines, or one record."""
    if json and paths:
        from json import dumps

        current().out(dumps({"status": "summary", "written": list(paths)}) + "\n")
    else:
        current().out("".join(f"{path}\n" for path in paths))


def strict(value: Any) -> Any:
    """As JSON can hold it: what is not finite is null."""
    if isinstance(value, Mapping):
        return {key: strict(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def show_plan(items: Iterable[Item], options: InputOptions) -> ExitCode:
    """--dry-run: what would be read and written."""
    code = ExitCode.OK
    for item in items:
        code = ExitCode.FAILED if item.error else code
        state = "failed" if item.error else "skipped" if item.skip else "planned"
        reason = in_options(item.error or item.skip)
        targets = [t for t in (item.target, *item.also) if t]
        if options.json:
            record: dict[str, Any] = {"source": item.source, "status": state, "written": targets}
            import json

            text = json.dumps(record | ({"message": reason} if reason else {}))
        elif reason:
            text = f"{show_name(item.source)}: {state}, {reason}"
        else:
            text = f"{show_name(item.source)} -> {', '.join(show_target(t) for t in targets)}"
        current().out(text + "\n")
    return code


def show_target(name: str) -> str:
    return "standard output" if name == "-" else show_name(name)
