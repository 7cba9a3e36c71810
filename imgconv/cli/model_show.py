"""`imgconv models show`: the card, and the graph as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from imgconv.errors import InputError
from imgconv.text import show_text

from . import complete
from .console import current

if TYPE_CHECKING:
    from imgconv.engine import Model

SIDE = 256  # pixels of an open side, made a multiple of what the network needs
FIRST = (
    "description",
    "task",
    "licence",
    "metrics",
    "failures",
    "version",
    "architecture",
    "data",
    "training",
)  # of a card's keys; files keep them sorted by letters
RUNS = 3  # timed, after one that makes everything ready


def show_model(
    name: Annotated[
        str,
        Argument(
            metavar="NAME|FILE",
            help="A bundled model or a .safetensors.",
            autocompletion=complete.models(),
        ),
    ],
    size: Annotated[
        str | None,
        Option(
            "--size",
            metavar="N|HxW",
            help="Of the input, where the network takes any. [default: about 256]",
        ),
    ] = None,
    profile: Annotated[
        bool, Option("--profile", help="Run it, and show each layer's share of the time.")
    ] = False,
    threads: Annotated[
        int | None,
        Option("--threads", min=1, metavar="N", help="For --profile. [default: all CPUs]"),
    ] = None,
    json: Annotated[bool, Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Show a model: its card, and the graph as a table.

    imgconv models show net.safetensors

    imgconv models show net.safetensors --size 512 --profile

    For each layer: output shape, parameters, multiply-adds, and with --profile its share of the
    time (layers that the engine has merged into the one before them have none of their own).
    """
    import json as json_module

    from imgconv import engine
    from imgconv.steps.values import pair

    model = engine.load(name)
    shapes = input_shapes(model, pair("size", size) if size else None)
    seconds, facts = time_layers(model, shapes, threads) if profile else ({}, {})
    found = describe(model, shapes, seconds) | facts
    if json:
        current().out(json_module.dumps(found) + "\n")
    else:
        current().show(
            "\n\n".join([card_text(model, found), layers_text(found, bool(seconds))]) + "\n"
        )
    return 0


def input_shapes(model: Model, size: tuple[int, int] | None) -> dict[str, tuple[int, ...]]:
    """The shape to show for every input: open sizes filled in. InputError where they are not."""
    step, more = int(model.card.get("multiple") or 1), int(model.card.get("offset") or 0)
    side = more + -(-(SIDE - more) // step) * step
    return {
        name: fill_shape(name, shape, size or (side, side), given=size is not None)
        for name, shape in model.graph.inputs.items()
    }


def fill_shape(
    name: str, shape: tuple[int | None, ...], size: tuple[int, int], given: bool
) -> tuple[int, ...]:
    if len(shape) != 4:
        return tuple(n or 1 for n in shape)
    height, width = shape[2] or size[0], shape[3] or size[1]
    if given and (height, width) != size:
        raise InputError(
            f"--size {size[0]}x{size[1]}: the input '{name}' is always {shape[2]}x{shape[3]}"
        )
    return (shape[0] or 1, shape[1] or 1, height, width)


def describe(
    model: Model, shapes: dict[str, tuple[int, ...]], seconds: dict[str, float]
) -> dict[str, Any]:
    """All that is shown, as JSON's types."""
    from imgconv.engine.shapes import costs

    from .model_facts import parameters

    total = sum(seconds.values())
    layers = []
    for cost in costs(model.graph, shapes):
        one: dict[str, Any] = {
            "name": cost.node.name or cost.node.outputs[0],
            "operator": cost.node.operator,
            "shape": list(cost.shape),
            "parameters": cost.parameters,
            "multiply_adds": cost.multiply_adds,
        }
        own = [seconds[name] for name in cost.node.outputs if name in seconds]
        layers.append(one | ({"share": sum(own) / total} if own else {}))
    others = {n: s for n, s in seconds.items() if n in ("to blocks", "to planes")}
    return {
        "path": model.path,
        "sha256": model.sha256,
        "card": model.card,
        "inputs": {name: list(shape) for name, shape in model.graph.inputs.items()},
        "shown_at": {name: list(shape) for name, shape in shapes.items()},
        "outputs": list(model.graph.outputs),
        "parameters": parameters(model),
        "multiply_adds": sum(layer["multiply_adds"] for layer in layers),
        "layers": layers,
        **({"other_shares": {n: s / total for n, s in others.items()}} if others else {}),
    }


def time_layers(
    model: Model, shapes: dict[str, tuple[int, ...]], granted: int | None
) -> tuple[dict[str, float], dict[str, Any]]:
    """Seconds by layer, the fastest of a few runs each; and the whole run's facts."""
    import time

    import numpy as np

    from imgconv import threads
    from imgconv.engine import Network

    threads.use(granted)
    rng = np.random.default_rng(0)
    inputs = {name: rng.random(shape, np.float32) for name, shape in shapes.items()}
    network = Network(model.graph)
    network(inputs)
    best: dict[str, float] = {}
    whole = float("inf")
    for _ in range(RUNS):
        network.seconds = {}
        start = time.perf_counter()
        network(inputs)
        whole = min(whole, time.perf_counter() - start)
        best = {n: min(s, best.get(n, s)) for n, s in network.seconds.items()}
    peak = network.plan(shapes).peak
    return best, {"seconds": whole, "peak_bytes": peak, "threads": granted or threads.available()}


def card_text(model: Model, found: dict[str, Any]) -> str:
    """The card in lines, then the file's own facts."""
    from imgconv.images import show_name

    from .model_facts import name_of

    card = {k: v for k, v in found["card"].items() if v not in ("", None, [], {}) and k != "name"}
    first = {key: card.pop(key) for key in FIRST if key in card}
    if isinstance(quality := first.get("metrics"), dict) and "export" in quality:
        how = {key: value for key, value in quality.items() if key != "export"}
        first["metrics"] = {**how, "export": quality["export"]}  # whoever chooses reads it last
    rows: dict[str, Any] = {
        **first,
        **card,
        "file": show_name(model.path),
        "sha256": found["sha256"],
    }
    rows["input"] = ", ".join(f"{n} {sizes(s)}" for n, s in found["inputs"].items())
    rows["output"] = ", ".join(found["outputs"])
    lines = [show_text(name_of(model))]
    for key, value in rows.items():
        lines += entry(key.replace("_", " "), value, "  ")
    return "\n".join(lines)


def entry(key: str, value: Any, indent: str) -> list[str]:
    """One entry of a card: a line, or lines below it where it holds several."""
    key = show_text(key)
    if isinstance(value, dict):
        inner = [line for k, v in value.items() for line in entry(str(k), v, indent + "  ")]
        return [f"{indent}{key}:", *inner]
    if isinstance(value, list) and any(isinstance(one, dict | list) for one in value):
        inner = []
        for one in value:
            words = one.items() if isinstance(one, dict) else enumerate(one)
            inner.append(f"{indent}  - " + ", ".join(f"{k}: {plain(v)}" for k, v in words))
        return [f"{indent}{key}:", *inner]
    if isinstance(value, list) and any(" " in str(one) for one in value):  # sentences
        return [f"{indent}{key}:", *(f"{indent}  - {plain(one)}" for one in value)]
    return [f"{indent}{key}: {plain(value)}"]


def plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(plain, value))
    said = f"{value:.6g}" if isinstance(value, float) else " ".join(str(value).split())
    return show_text(said)


def sizes(shape: list[int | None] | list[int]) -> str:
    return "x".join("?" if n is None else str(n) for n in shape) or "number"


def layers_text(found: dict[str, Any], timed: bool) -> str:
    """The table of layers with its totals."""
    from .model_facts import columns, format_count

    at = ", ".join(f"{name} {sizes(shape)}" for name, shape in found["shown_at"].items())
    rows = [("layer", "operator", "shape", "parameters", "mult-adds", "time")]
    for one in found["layers"]:
        share = f"{100 * one['share']:.1f} %" if "share" in one else ""
        numbers = [str(one["parameters"] or ""), format_count(one["multiply_adds"] or 0).strip()]
        words = (short(one["name"]), one["operator"], sizes(one["shape"]))
        rows.append((*words, numbers[0], numbers[1] if one["multiply_adds"] else "", share))
    for name, share in found.get("other_shares", {}).items():
        rows.append((f"({name})", "", "", "", "", f"{100 * share:.1f} %"))
    total = format_count(found["multiply_adds"]).strip()
    rows.append(("total", "", "", str(found["parameters"]), total, ""))
    lines = columns([row if timed else row[:5] for row in rows], right=(3, 4, 5))
    return "\n".join([f"at {at}:", lines, *facts(found)])


def facts(found: dict[str, Any]) -> list[str]:
    if "seconds" not in found:
        return []
    milliseconds, megabytes = 1000 * found["seconds"], found["peak_bytes"] / 1e6
    return [
        f"{milliseconds:.1f} ms with {found['threads']} threads; values take {megabytes:.1f} MB "
        "at most"
    ]


def short(name: str, most: int = 40) -> str:
    line = "".join(c if c.isprintable() else "?" for c in name)
    return line if len(line) <= most else "…" + line[1 - most :]
