"""All benchmarks, or those named: python benchmarks/run.py [kernels] [commands] [--anyway]

Each compares imgconv with peers in the same run and prints one table of medians.
"""

from __future__ import annotations

import importlib
import sys

from timing import refuse_a_busy_machine, show

from imgconv import threads

GROUPS = (
    "kernels", "blurs", "layers", "stacks", "resample", "networks", "encoders", "commands",
    "batch", "colorize", "training",
)  # fmt: skip
MODULES = {"training": "training_steps"}  # `training` is the package that it times


def main() -> None:
    chosen = [word for word in sys.argv[1:] if not word.startswith("-")] or GROUPS
    refuse_a_busy_machine()
    print(f"{threads.count()} threads")
    for name in chosen:
        if name not in GROUPS:
            sys.exit(f"no benchmark is called '{name}': choose from {', '.join(GROUPS)}")
        module = importlib.import_module(MODULES.get(name, name))
        show(module.rows(), (module.__doc__ or "").strip())
        if hasattr(module, "first_run"):
            module.first_run()


main()
