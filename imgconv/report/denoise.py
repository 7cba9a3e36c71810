"""The report of images without noise: before and after side by side, and what was found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from imgconv.batch import Outcome
from imgconv.images import show_name
from imgconv.steps.denoise import Cleaned, CleanPlane

from .document import describe, document, failures_of, links, write
from .page import Picture

MOST = 500_000  # bytes of the pictures of a row: grain takes many


def write_report(
    folder: str, outcomes: Sequence[Outcome], operation: CleanPlane,
    *, command: str, parameters: dict[str, Any],
) -> str:  # fmt: skip
    """The report of the outcomes of one folder; its path."""
    model = getattr(operation.work.clean, "model", None)
    done = [outcome for outcome in outcomes if outcome.status == "written"]
    found = document(
        "Images without noise",
        list(_rows(folder, done, operation.show)),
        command=command,
        parameters=parameters,
        model=describe(model) if model else None,
        failed=failures_of(outcomes),
        better=["psnr_after", "ssim_after"],
    )
    return write(folder, found, _pictures(done))


def _planes(outcomes: Sequence[Outcome]) -> Iterator[tuple[Outcome, int, Cleaned]]:
    for outcome in outcomes:
        for number, plane in enumerate(outcome.done.value or (), 1):
            yield outcome, number, plane


def _rows(folder: str, outcomes: Sequence[Outcome], show: str) -> Iterator[dict[str, Any]]:
    for at, (outcome, number, plane) in enumerate(_planes(outcomes)):
        source, several = outcome.item.source, len(outcome.done.value) > 1
        left, top, width, height = plane.pictures.box
        written = outcome.done.written[min(number, len(outcome.done.written)) - 1]
        yield {
            "name": show_name(source),
            "place": {"plane": str(number)} if several else {},
            "numbers": numbers(plane.facts),
            "files": links(folder, original=source, **{show: written}),
            "thumb": 3 * at, "picture": 3 * at + 1, "after": 3 * at + 2,
            "hint": f"{width} x {height} pixels from {left}, {top} on, as they are. "
            "Drag the line, or move it with the arrow keys.",
        }  # fmt: skip


def numbers(facts: Any) -> dict[str, float]:
    """The numbers of a plane's facts, those of before and after by their own names."""
    found = {k: float(v) for k, v in facts.items() if isinstance(v, (int, float))}
    for when in ("before", "after"):
        found |= {f"{name}_{when}": float(v) for name, v in facts.get(when, {}).items()}
    return found


def _pictures(outcomes: Sequence[Outcome]) -> Iterator[Picture]:
    for _, _, plane in _planes(outcomes):
        yield from ((jpeg, []) for jpeg in plane.pictures[:3])
