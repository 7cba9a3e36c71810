"""`imgconv models`: the networks there are, what they are, and ONNX files made into them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from typer import Argument, Option

from . import complete
from .architectures import list_architectures, new_model
from .console import current
from .model_import import import_model
from .model_show import show_model

Names = Annotated[
    list[str] | None,
    Argument(
        metavar="NAME|FILE...",
        show_default=False,
        autocompletion=complete.models(),
        help="Names of bundled models, or .safetensors files. [default: all that are bundled]",
    ),
]


ABOUT = """List, show, verify, import and make networks.

A model is a .safetensors file that holds a network's weights, its graph and a card: what it is
for, how it was trained, under which licence. imgconv run takes any of them.
"""


def list_models(
    names: Names = None,
    json: Annotated[bool, Option("--json", help="Print one JSON object a model.")] = False,
) -> int:
    """List models: name, task, size, parameters, licence, description.

    imgconv models list

    imgconv models list my/*.safetensors
    """
    import json as json_module

    from .model_facts import each, record, table

    found, failed = each(names)
    records = [record(model) for model in found]
    if json:
        for one in records:
            current().out(json_module.dumps(one) + "\n")
    elif records:
        current().show(table(records) + "\n")
    return failed


def verify_models(names: Names = None) -> int:
    """Check that model files are whole: their SHA-256, and a graph that can run.

    imgconv models verify

    imgconv models verify net.safetensors

    The hashes are those of the list SHA256SUMS in the file's folder, which sha256sum reads and
    writes too. Of a file without a list its own hash is shown.
    """
    from .model_facts import verify

    return verify(names)


FAMILY: dict[str, Callable[..., int]] = {
    "list": list_models,
    "show": show_model,
    "verify": verify_models,
    "import": import_model,
    "architectures": list_architectures,
    "new": new_model,
}
