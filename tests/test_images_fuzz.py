"""Damaged files of every format: an image or one line, never anything else."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent / "fuzz" / "mutate.py"


def test_thousands_of_damaged_files_are_read_or_refused_in_one_line():
    """In a process of its own, so that a decoder's crash is seen as one."""
    command = [sys.executable, str(SCRIPT), "--cases", "6000", "--seed", "20"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"(\d+) images, (\d+) refused", done.stdout)
    assert found is not None
    images, refused = map(int, found.groups())
    assert images + refused == 6000
    assert min(images, refused) > 1000  # the damage is neither mild nor total
