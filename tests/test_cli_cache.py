"""imgconv cache and warmup: what is kept, whose it is, whether it is whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from imgconv import cli, kernels
from imgconv.kernels import cache, cache_state

ALL = len(kernels.every())


@pytest.fixture
def filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with two kernels of this version, one of another."""
    from imgconv.kernels import native

    monkeypatch.setenv("IMGCONV_CACHE", str(tmp_path))
    for kernel in kernels.every()[:2]:
        key = native.key(kernel.module, kernel.name)
        path = cache.folder() / cache_state.file_name(kernel)
        cache._write(path, key, cache.Entry("symbol", "i64", b"code"))
    (cache.folder() / "old-0123.bin").write_bytes(b"x" * 1000)
    return cache.folder()


def run(capfd: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    return cli.main(["cache", *argv]), *capfd.readouterr()


def test_the_cache_is_shown(filled: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capfd)
    assert (code, err) == (0, "")
    assert str(filled) in out and f"2 of {ALL} kernels ready, 1 of other versions" in out
    assert filled.owner() in out and "trusted     yes" in out
    (line,) = run(capfd, "show", "--json")[1].splitlines()
    record = json.loads(line)
    assert (record["ready"], record["other"], record["refused"]) == (2, 1, {})
    assert record["bytes"] == sum(path.stat().st_size for path in filled.glob("*.bin"))


def test_damaged_and_foreign_entries_are_found(
    filled: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(capfd, "verify")[0] == 0
    first, second = (filled / cache_state.file_name(one) for one in kernels.every()[:2])
    first.write_bytes(first.read_bytes()[:-1])
    second.chmod(0o666)
    code, out, err = run(capfd, "verify")
    assert (code, err.count("error: ")) == (1, 2)
    assert "its seal is not" in err and "others can write" in err
    assert out.startswith(f"0 of {ALL} kernels whole, 2 refused")
    filled.parent.chmod(0o777)
    assert "nothing in it is used" in run(capfd, "verify")[2]


def test_a_cleared_cache_holds_no_entry_and_keeps_its_key(
    filled: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.lock", "tmpabc"):
        (filled / name).touch()
    code, _, err = run(capfd, "clear")
    assert code == 0 and err.startswith("3 entries removed, 0.0 MB")
    assert list(filled.iterdir()) == [] and (filled.parent / "key").exists()
    assert f"0 of {ALL} kernels ready" in run(capfd)[1]


def test_without_a_cache_it_is_said_how_one_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IMGCONV_CACHE", str(tmp_path / "none"))
    assert "imgconv warmup" in run(capfd)[1]
    assert run(capfd, "verify")[0] == run(capfd, "clear")[0] == 0
    assert run(capfd, "clear", "--system")[0] == 1


def test_a_cache_that_cannot_be_made_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("IMGCONV_CACHE", str(tmp_path / "file" / "below"))
    code, out, _ = run(capfd)
    assert code == 0 and "compiled in memory each time; set IMGCONV_CACHE to a folder" in out


def test_a_cache_for_all_is_root_s_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IMGCONV_CACHE", str(tmp_path))
    assert cli.main(["warmup", "--system"]) == 1
    assert "IMGCONV_CACHE" in capfd.readouterr().err
    monkeypatch.delenv("IMGCONV_CACHE")
    monkeypatch.setattr(cache, "SYSTEM", {sys.platform: str(tmp_path)})
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    assert cli.main(["warmup", "--system"]) == 1
    assert "run it as root" in capfd.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_an_interrupted_warmup_ends_without_a_word_and_leaves_nobody_behind(
    tmp_path: Path,
) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "imgconv", "warmup", "-q"],
        env=os.environ | {"IMGCONV_CACHE": str(tmp_path)},
        stderr=subprocess.PIPE, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    kept = tmp_path / "kernels"
    while not any(kept.glob("*.lock")):  # the workers are at work
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does it: to all of them
    assert running.communicate(timeout=120)[1] == b""
    assert running.returncode == 130
    with pytest.raises(ProcessLookupError):
        while True:  # Python's own tracker of what is shared ends a moment later
            os.killpg(running.pid, 0)
            time.sleep(0.05)
