"""The experiment's pictures: the loss while they learn, gradients by layer, the loss around."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("agg")
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

Found = dict[tuple[str, int], dict[str, np.ndarray]]
COLOURS = {"plain": "#c0392b", "residual": "#1f5fa8"}
LINES = {20: "--", 56: "-"}
SMOOTH = 25  # steps of which a point of the curve is the mean


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
        axes.semilogy(np.arange(len(means)) + SMOOTH, means, **style(*one))
    axes.set(xlabel="step", ylabel="training loss", title="Deeper is worse, but not with shortcuts")
    axes.legend(frameon=False)
    return figure


def gradients(found: Found) -> Figure:
    """The gradient's norm by the weights' norm, layer by layer, in the first ten steps."""
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for one, values in found.items():
        norms = values["gradients"][:10].mean(0)
        axes.semilogy(np.linspace(0, 1, len(norms)), norms, **style(*one))
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
    top = max(float(np.log10(v["surface"]).max()) for v in found.values())
    low = min(float(np.log10(v["surface"]).min()) for v in found.values())
    for axes, ((kind, depth), values) in zip(row, found.items(), strict=True):
        hill(axes, values, (low, top))
        axes.set_title(f"{kind}, {depth} layers")
    return figure


def hill(axes: Any, values: dict[str, np.ndarray], ends: tuple[float, float]) -> None:
    x, y = np.meshgrid(values["places"], values["places"])
    axes.plot_surface(x, y, np.log10(values["surface"]), cmap="viridis", vmin=ends[0], vmax=ends[1],
                      rstride=1, cstride=1, linewidth=0.2, edgecolor="#00000040")  # fmt: skip
    axes.set(zlim=ends, xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    axes.set_zlabel("log10 of loss", fontsize=10)
    axes.tick_params(labelsize=9)
    axes.view_init(28, -55)


def style(kind: str, depth: int) -> dict[str, Any]:
    return {
        "color": COLOURS[kind],
        "linestyle": LINES.get(depth, ":"),
        "label": f"{kind}, {depth} layers",
    }
