"""What stands beside a file that is being written."""

from __future__ import annotations

import os
import subprocess
import sys

from imgconv import atomic


def test_a_dead_processes_leftovers_are_swept_away_a_living_ones_are_not(tmp_path):

    ended = subprocess.Popen([sys.executable, "-c", "pass"])
    ended.wait()
    stale = tmp_path / f".imgconv-{atomic._host()}-{ended.pid}-0.part"
    alive = tmp_path / f".imgconv-{atomic._host()}-{os.getppid()}-0.part"
    other = tmp_path / f".imgconv-00000000-{ended.pid}-0.part"
    for path in (stale, alive, other):
        path.write_bytes(b"half")
    with atomic.output(tmp_path / "a.bin", force=False, seekable=False) as file:
        file.write(b"whole")
    assert not stale.exists() and alive.exists() and other.exists()
