"""Damaged files of every format: an image or one line, never anything else."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent / "fuzz" / "mutate.py"


def test_damaged_files_by_the_hundred_are_read_or_refused_in_one_line(request):
    """In a process of its own, so that a decoder's crash is seen as one."""
    cases = 6000 if request.config.option.long else 1000
    command = [sys.executable, str(SCRIPT), "--cases", str(cases), "--first", "20"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {word: int(count) for count, word in re.findall(r"(\d+) ([a-z:]+)", done.stdout)}
    assert found.pop("files:") == cases
    assert min(found["read"], found["refused"]) > cases // 8  # neither mild nor total
    assert min(found["safetensors:refused"], found["onnx:refused"]) > cases // 100
