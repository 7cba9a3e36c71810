"""One step of training (forward, loss, backward, AdamW) on our kernels and on PyTorch's.

Each side is a process of its own with the settings that suit it: freed memory kept, threads that
wait asleep (ours) or in a loop (PyTorch's, which is quicker so), channels last or first,
whichever is quicker.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

from timing import Row

from imgconv import threads

ROOT = Path(__file__).parent.parent
CASES = (
    ("U-Net of nuclei, 4 crops of 192", "nuclei", 7),
    ("the same, twice as wide", "wide", 3),
    ("denoiser of photo, 8 crops of 96", "photo", 7),
)
GOAL = 0.6
SIDES = ("kernels", "last", "first")
WORKER = """
import sys, time
import training, torch
from torch import nn
name, side, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
torch.manual_seed(0)
if name == "photo":
    from training.denoising.photo import loss, network
    module, images, wanted = network(), torch.rand(8, 5, 96, 96), 0.1 * torch.randn(8, 3, 96, 96)
else:
    from training.architectures.unet import UNet
    from training.segmentation.losses import loss
    module = UNet([(2 if name == "wide" else 1) * w for w in (16, 32, 64, 128, 192)])
    images, wanted = torch.rand(4, 4, 192, 192), torch.rand(4, 5, 192, 192)
if side != "first":
    module = module.to(memory_format=torch.channels_last)
    images = images.contiguous(memory_format=torch.channels_last)
if side == "kernels":
    from training.fast import use_kernels
    use_kernels(module)
module.train()
optimiser = torch.optim.AdamW(module.parameters(), 1e-3, fused=True)
for _ in sys.stdin:
    start = time.perf_counter()
    value = loss(module(images), wanted)
    optimiser.zero_grad(set_to_none=True)
    value.backward()
    nn.utils.clip_grad_norm_(module.parameters(), 5.0)
    optimiser.step()
    print(time.perf_counter() - start, flush=True)
"""


def rows() -> list[Row]:
    try:
        import torch  # noqa: F401
    except ImportError:
        print("torch is not installed: pip install 'imgconv[train]'")
        return []
    return [row(*case) for case in CASES]


def row(work: str, name: str, rounds: int) -> Row:
    """All sides in turn, A B C A B C ..., after one step of each that does not count."""
    workers = [worker(name, side) for side in SIDES]
    try:
        times = [[step(one) for one in workers] for _ in range(rounds + 1)][1:]
    finally:
        for one in workers:
            one.communicate()
    ours, *theirs = (statistics.median(column) for column in zip(*times, strict=True))
    quickest = min(theirs)
    peer = f"PyTorch, channels {SIDES[1 + theirs.index(quickest)]}"
    return Row(work, peer, ours, quickest, GOAL)


def worker(name: str, side: str) -> subprocess.Popen[str]:
    """A process that makes a step for every line it is given."""
    waiting = {} if side == "kernels" else {"OMP_WAIT_POLICY": "ACTIVE", "GOMP_SPINCOUNT": "300000"}
    environment = {**os.environ, **waiting, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, name, side, str(threads.count())],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip


def step(one: subprocess.Popen[str]) -> float:
    """Seconds of one step."""
    assert one.stdin and one.stdout
    one.stdin.write("\n")
    one.stdin.flush()
    return float(one.stdout.readline())
