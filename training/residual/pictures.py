"""The experiment's pictures: the loss while they learn, gradients by layer, the loss around.

    python -m training.residual.pictures FOLDER [results.json]

draws those of the run that the lecture shows, or of another.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("agg")
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

Found = dict[str, dict[str, Any]]  # "plain 56": what experiment.kept keeps
OURS = Path(__file__).with_name("results.json")
COLOURS = {"plain": "#c0392b", "residual": "#1f5fa8"}
LINES = {20: "--", 56: "-"}
STRIDE, SMOOTH = 10, 5  # steps from point to point; points of which the curve shows the mean


def table(found: Found) -> str:
    """A line for each network, as in docs/lecture.md."""
    lines = ["| network | loss at the end | error % | first / last gradient | loss around |",
             "|---|---|---|---|---|"]  # fmt: skip
    for name, one in found.items():
        end, around = np.mean(one["losses"][-10:]), np.median(one["surface"])
        ratio = one["gradients"][0] / one["gradients"][-1]
        lines.append(f"| {name} | {end:.3f} | {one['error']:.2f} | {ratio:.3g} | {around:.2g} |")
    return "\n".join(lines)


def draw(found: Found, out: Path) -> None:
    plt.rcParams.update({"font.size": 13, "axes.spines.top": False, "axes.spines.right": False})
    for name, make in (("loss", curves), ("gradients", gradients), ("surface", surfaces)):
        figure = make(found)
        figure.savefig(out / f"residual-{name}.png", dpi=110)
        plt.close(figure)


def curves(found: Found) -> Figure:
    """The training loss."""
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for one, values in found.items():
        means = np.convolve(values["losses"], np.ones(SMOOTH) / SMOOTH, "valid")
        axes.semilogy(STRIDE * (np.arange(len(means)) + SMOOTH / 2), means, **style(one))
    axes.set(xlabel="step", ylabel="training loss", title="Deeper is worse, but not with shortcuts")
    axes.legend(frameon=False)
    return figure


def gradients(found: Found) -> Figure:
    """The gradient's norm by the weights' norm, layer by layer, in the first ten steps."""
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for one, values in found.items():
        norms = values["gradients"]
        axes.semilogy(np.linspace(0, 1, len(norms)), norms, **style(one))
    axes.set(
        xlabel="layer, from the image (0) to the output (1)", ylabel="gradient / weights",
        title="What reaches each layer in the first ten steps",
    )  # fmt: skip
    axes.legend(frameon=False)
    return figure


def surfaces(found: Found) -> Figure:
    """The loss around what was learnt, as hills, all to one scale."""
    figure, row = plt.subplots(
        1, len(found), figsize=(3.6 * len(found), 4.2), layout="constrained",
        subplot_kw={"projection": "3d"},
    )  # fmt: skip
    logs = [np.log10(v["surface"]) for v in found.values()]
    ends = min(float(one.min()) for one in logs), max(float(one.max()) for one in logs)
    for axes, (name, values) in zip(row, found.items(), strict=True):
        hill(axes, values, ends)
        axes.set_title(f"{name} layers")
    return figure


def hill(axes: Any, values: dict[str, Any], ends: tuple[float, float]) -> None:
    x, y = np.meshgrid(values["places"], values["places"])
    axes.plot_surface(x, y, np.log10(values["surface"]), cmap="viridis", vmin=ends[0], vmax=ends[1],
                      rstride=1, cstride=1, linewidth=0.2, edgecolor="#00000040")  # fmt: skip
    axes.set(zlim=ends, xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    axes.set_zlabel("log10 of loss", fontsize=10)
    axes.tick_params(labelsize=9)
    axes.view_init(28, -55)


def style(name: str) -> dict[str, Any]:
    kind, depth = name.split()
    line = LINES.get(int(depth), ":")
    return {"color": COLOURS[kind], "linestyle": line, "label": f"{name} layers"}


if __name__ == "__main__":
    folder, *results = map(Path, sys.argv[1:])
    known = json.loads((results or [OURS])[0].read_text())
    draw(known, folder)
    print(table(known))
