"""Draw how a run went: python -m training.curve LOG.jsonl curve.png"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def check(target: Path) -> None:
    """Import what draws, and refuse a name it cannot write."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
    except ImportError:
        raise SystemExit('--plot draws with matplotlib: pip install "imgconv[train]"') from None
    kinds = FigureCanvasAgg.get_supported_filetypes()
    if target.suffix[1:] not in kinds:
        raise SystemExit(f"--plot {target}: allowed are names ending in .{', .'.join(kinds)}")


def rows(log: Path, kind: str) -> list[dict[str, Any]]:
    lines = (json.loads(line) for line in log.read_text().splitlines())
    return [line for line in lines if line["kind"] == kind]


def draw(log: Path, target: Path) -> None:
    """The loss, and below it the first figure of each source, against the pixels seen."""
    from matplotlib.figure import Figure

    steps, judged = rows(log, "step"), rows(log, "figures")
    sheet = Figure(figsize=(8, 9 if judged else 4.5), layout="constrained")
    axes = sheet.subplots(2 if judged else 1, 1, sharex=True, squeeze=False)[:, 0]
    axes[0].plot([r["pixels"] for r in steps], [r["loss"] for r in steps], label="loss")
    axes[0].set(yscale="log", ylabel="loss (mean of 100 steps)")
    rates = axes[0].twinx()
    rates.plot([r["pixels"] for r in steps], [r["rate"] for r in steps], color="0.7", lw=1)
    rates.set_ylabel("learning rate (grey)")
    if judged:
        name = _draw_figures(axes[1], judged)
        axes[1].set(ylabel=name)
    axes[-1].set_xlabel("pixels seen")
    target.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(target, dpi=120)


def _draw_figures(axes: Any, judged: list[dict[str, Any]]) -> str:
    """A line for each source, of what was judged alike all along; the mean is thick. Stars: what
    the end gives on all images."""
    name = next(iter(judged[0]["figures"]["mean"]))
    for source in dict.fromkeys(s for row in judged for s in row["figures"]):
        rows = [row for row in judged if name in row["figures"].get(source, {})]
        width, colour = (3, "black") if source == "mean" else (1, None)
        for whole, style in ((False, ".-"), (True, "*")):
            found = [(r["pixels"], r["figures"][source][name]) for r in rows if r["whole"] == whole]
            if found:
                (line,) = axes.plot(*zip(*found, strict=True), style, lw=width, color=colour)
                colour = line.get_color()
        axes.plot([], [], color=colour, lw=width, label=source)
    axes.legend(fontsize=7)
    return name


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
