"""Networks with random weights against onnxruntime and PyTorch: time and memory."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from timing import Row, command, pair

from imgconv import threads

CASES = (
    ("U-Net, 32 channels, 4 levels, 512x512", "UNet", (1, 1, 512, 512), 0.75, 7),
    ("denoiser, 17 layers of 64, 512x512", "denoiser", (1, 1, 512, 512), 0.8, 5),
    ("ResNet-50, 224x224", "resnet50", (1, 3, 224, 224), 1.1, 15),
)
OURS = """
import sys
import numpy as np
from imgconv import engine
x = np.load("x.npy")
y = next(iter(engine.run(engine.load("net.safetensors"), {"x": x[0]}).values()))
np.save("y.npy", y)
print(next(line.split()[1] for line in open("/proc/self/status") if "VmHWM" in line))
"""
THEIRS = """
import sys
import numpy as np, onnxruntime
x = np.load("x.npy")
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(sys.argv[1])
y = onnxruntime.InferenceSession("net.onnx", options).run(None, {"x": x})[0]
np.save("y.npy", y)
print(next(line.split()[1] for line in open("/proc/self/status") if "VmHWM" in line))
"""


def rows() -> list[Row]:
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import torch  # noqa: F401
    except ImportError as missing:
        print(f"{missing.name} is not installed: pip install 'imgconv[bench]'")
        return []
    import nets

    found = []
    with tempfile.TemporaryDirectory() as folder:
        for work, name, shape, goal, rounds in CASES:
            forms = nets.trio(getattr(nets, name)(), shape, Path(folder))
            found += [
                pair(work, "onnxruntime", forms.ours, forms.onnxruntime, goal, rounds),
                pair(work, "PyTorch", forms.ours, forms.pytorch, None, rounds),
            ]
        found += processes(Path(folder))
    return found


def processes(folder: Path) -> list[Row]:
    """Whole processes: a model loaded, one image run; then their peaks of memory."""
    import nets
    import numpy as np

    def made(size: int) -> list[list[str]]:
        shape = (1, 1, size, size)
        nets.save(nets.UNet(), shape, folder)
        np.save(folder / "x.npy", np.random.default_rng(0).random(shape, np.float32))
        granted = str(threads.count())
        return [[sys.executable, "-c", program, granted] for program in (OURS, THEIRS)]

    ours, theirs = (_in(folder, line) for line in made(256))
    row = pair("a process, U-Net, 256x256", "onnxruntime", command(*ours), command(*theirs), 1.0)
    peaks = [int(subprocess.check_output(_in(folder, line))) for line in made(512)]
    print(f"\npeak memory, U-Net at 512x512: {peaks[0] / 1024:.0f} MB, onnxruntime "
          f"{peaks[1] / 1024:.0f} MB, ratio {peaks[0] / peaks[1]:.2f} (goal 1.0)")  # fmt: skip
    return [row]


def _in(folder: Path, line: list[str]) -> list[str]:
    """The command, run in a folder."""
    return ["env", "-C", str(folder), *line]
