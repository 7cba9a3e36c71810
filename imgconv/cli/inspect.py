"""`imgconv inspect`: what a network has learnt, and what it looks at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from imgconv.errors import UsageError

from . import complete

if TYPE_CHECKING:
    import numpy as np

    from imgconv.engine import Model
    from imgconv.tasks.inspect.probe import Probe

SHOW = {
    "layers": ".csv", "graph": ".svg", "filters": ".png", "maps": ".png", "field": ".png",
    "occlusion": ".png", "cam": ".png", "patches": ".png",
}  # fmt: skip


def shown_views(incomplete: str) -> list[str]:
    """For the shell's completion."""
    return complete.begin(SHOW, incomplete)


def command(
    model: Annotated[
        str,
        Argument(
            metavar="MODEL",
            help="A model: its name, or a .safetensors.",
            autocompletion=complete.models(),
        ),
    ],
    images: Annotated[
        list[str] | None,
        Argument(metavar="IMAGE", show_default=False, help="What it looks at; for patches many."),
    ] = None,
    show: Annotated[
        str,
        Option(
            "--show",
            metavar="WHAT",
            autocompletion=shown_views,
            help="layers (a table), graph (SVG), filters, maps, field (what a unit sees), "
            "occlusion (what decides), cam (class activation map), patches.",
        ),
    ] = "maps",
    layer: Annotated[
        str,
        Option(
            "--layer",
            metavar="NAME",
            autocompletion=complete.layers,
            help="Of maps, field and patches; all of maps. [default: the first, of field the last]",
        ),
    ] = "",
    at: Annotated[
        str | None,
        Option("--at", metavar="X,Y", help="The unit of field. [default: in the middle]"),
    ] = None,
    channel: Annotated[
        int, Option("--channel", min=0, metavar="N", help="The map of patches, from 0.")
    ] = 0,
    output: Annotated[
        str | None,
        Option("-o", "--output", metavar="PATH", help="The file. [default: MODEL-WHAT.png]"),
    ] = None,
    force: Annotated[bool, Option("-f", "--force", help="Overwrite an existing file.")] = False,
) -> int:
    """Look inside a network: filters, maps, receptive fields, what decides, its graph.

    imgconv inspect digits --show filters -o filters.png

    imgconv inspect digits scan.png --layer c3 -o maps.png

    imgconv inspect digits scan.png --layer all -o all.png

    imgconv inspect resnet.safetensors photo.jpg --show occlusion -o why.png

    Maps go to .png as a labelled sheet (negative is blue), to .npy as an array (K, H, W), to
    .tif as float pages; those of all layers to .png or .npz. layers is the table of
    models show, as CSV.
    """
    from imgconv import engine

    from .console import current

    if show not in SHOW:
        raise UsageError(f"--show {show}: allowed are {', '.join(SHOW)}")
    loaded = engine.load(model)
    target = Path(output or f"{Path(model).stem}-{show}{SHOW[show]}")
    if target.exists() and not force:
        raise UsageError(f"{target} exists already: -f overwrites, -o writes elsewhere")
    if show in ("layers", "graph"):
        said = _describe(loaded, show, target, force)
    else:
        said = _seen(loaded, images or [], show, target, layer=layer, at=at, channel=channel)
    current().out(f"{target}\n")
    if said:
        current().say(f"{target}: {said}")
    return 0


def _describe(model: Model, show: str, target: Path, force: bool) -> str:
    from imgconv.atomic import output
    from imgconv.engine.shapes import costs, infer
    from imgconv.tasks.csv_table import csv_text
    from imgconv.tasks.inspect.drawing import drawing

    from .model_show import input_shapes, time_layers

    shapes = input_shapes(model, None)
    if show == "graph":
        text = drawing(model.graph, infer(model.graph, shapes))
    else:
        seconds, _ = time_layers(model, shapes, None)
        rows = [_row(cost, seconds) for cost in costs(model.graph, shapes)]
        text = csv_text(list(rows[0]), rows)
    with output(target, force=force, seekable=False) as file:
        file.write(text.encode())
    return f"{len(model.graph.nodes)} layers"


def _row(cost: Any, seconds: dict[str, float]) -> dict[str, Any]:
    import math

    own = [seconds[name] for name in cost.node.outputs if name in seconds]
    return {
        "layer": cost.node.name or cost.node.outputs[0],
        "operator": cost.node.operator,
        "shape": "x".join(map(str, cost.shape)),
        "parameters": cost.parameters,
        "multiply_adds": cost.multiply_adds,
        "bytes": 4 * math.prod(cost.shape),
        "seconds": sum(own) if own else None,
    }


def _seen(model: Model, images: list[str], show: str, target: Path, **how: Any) -> str:
    """Pictures of what the network sees; what is said of them."""
    from imgconv.tasks.inspect import regions, views

    if show == "filters":
        _write(target, views.filters(model.graph))
        return ""
    probes = _probes(model, images)
    if not probes:
        raise UsageError(f"--show {show} needs an image: imgconv inspect MODEL IMAGE")
    first = probes[0][1]
    if show == "maps" and how["layer"] == "all":
        return _all_maps(first, target)
    value = first.layer(how["layer"]) if how["layer"] else _usual_layer(first, show)
    if show == "maps":
        return _maps(first, value, target)
    if show == "patches":
        _write(target, regions.patches(probes, value, how["channel"], 24))
        return ""
    if show == "field":
        picture, said = regions.field(first, value, _unit(how["at"]))
    else:
        work = {"occlusion": regions.occlusion, "cam": regions.activation_map}[show]
        picture, said = work(first)
    _write(target, picture)
    return said


def _probes(model: Model, images: list[str]) -> list[tuple[str, Probe]]:
    from imgconv.batch import plan_inputs
    from imgconv.images import open_image
    from imgconv.tasks.inspect.probe import probe

    found = []
    for item in plan_inputs(images, recursive=False, files_from=None) if images else ():
        with open_image(item.source, values="shown") as source:
            found.append((item.source, probe(model, next(iter(source.planes())), source.info)))
    return found


def _usual_layer(probe: Probe, show: str) -> str:
    """The first convolution; of a field the last layer whose units do not see everything."""
    from imgconv.engine.fields import last_local

    nodes = probe.model.graph.nodes
    if show == "field" and (last := last_local(probe.model.graph, probe.size)):
        return last
    return next((n for n in nodes if n.operator == "conv"), nodes[0]).outputs[0]


def _unit(text: str | None) -> tuple[int, int] | None:
    """ "X,Y" as (row, column)."""
    if text is None:
        return None
    try:
        x, y = (int(word) for word in text.split(","))
    except ValueError:
        raise UsageError(f"--at {text}: write X,Y, such as 12,7") from None
    return y, x


def _maps(probe: Probe, value: str, target: Path) -> str:
    from imgconv.tasks.inspect import views

    (found,) = probe.values([value])
    found = found[0]
    suffix = target.suffix.lower()
    if suffix == ".npy":
        import numpy as np

        from imgconv.atomic import output

        with output(target, force=True, seekable=False) as file:
            np.lib.format.write_array(file, np.ascontiguousarray(found), allow_pickle=False)
    elif suffix in (".tif", ".tiff") and found.ndim == 3:
        import tifffile

        tifffile.imwrite(target, found, imagej=True, metadata={"axes": "CYX"})
    else:
        named = {n.outputs[0]: views.title(n) for n in probe.model.graph.nodes}
        _write(target, views.maps(found, named.get(value) or value))
    return f"{'x'.join(map(str, found.shape))}, from {found.min():.3g} to {found.max():.3g}"


def _all_maps(probe: Probe, target: Path) -> str:
    """Every layer's maps: a sheet of rows, or an .npz by the layers' names."""
    from imgconv.atomic import output
    from imgconv.tasks.inspect import views

    known = views.layers(probe.model.graph)
    if target.suffix.lower() == ".npz":
        import numpy as np

        found = dict(zip(known, probe.values(list(known.values())), strict=True))
        with output(target, force=True, seekable=True) as file:
            np.savez(file, **{name: value[0] for name, value in found.items()})
    elif target.suffix.lower() in (".npy", ".tif", ".tiff"):
        raise UsageError(
            f"-o {target}: all layers go to a picture, or to .npz; --layer chooses one"
        )
    else:
        _write(target, views.every_layer(probe))
    return f"{len(known)} layers"


def _write(target: Path, picture: np.ndarray) -> None:
    from imgconv.images import Info, WriteOptions, write_image

    info = Info("png", picture.dtype, *picture.shape)
    write_image(str(target), iter((picture,)), info, WriteOptions(), force=True)
