"""What stands beside a file that is being written, who removes it; one at a time in a folder."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from imgconv import atomic
from imgconv.steps.alone import alone

OLD = time.time() - 2 * atomic.ABANDONED


@pytest.fixture(autouse=True)
def forget():
    """A folder is swept once a process."""
    atomic._sweep.cache_clear()


def planted(path, age=OLD):
    path.write_bytes(b"half")
    os.utime(path, (age, age))
    return path


def write(path, data=b"whole", force=False):
    with atomic.output(path, force=force, seekable=False) as file:
        file.write(data)


def test_what_is_old_and_nobody_writes_is_swept_away_all_else_stays(tmp_path):
    stale = planted(tmp_path / ".imgconv-00.part")
    fresh = planted(tmp_path / ".imgconv-01.part", time.time())
    other = planted(tmp_path / ".other-02.part")
    write(tmp_path / "a.bin")
    assert not stale.exists() and fresh.exists() and other.exists()
    assert (tmp_path / "a.bin").read_bytes() == b"whole"


def test_a_file_that_takes_long_is_not_swept_away_by_another_writer(tmp_path):
    pytest.importorskip("fcntl")
    with atomic.output(tmp_path / "slow.bin", force=False, seekable=False) as file:
        file.write(b"sl")
        (part,) = tmp_path.glob(".imgconv-*.part")
        os.utime(part, (OLD, OLD))
        atomic._sweep.cache_clear()
        write(tmp_path / "quick.bin")
        file.write(b"ow")
    assert (tmp_path / "slow.bin").read_bytes() == b"slow"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["quick.bin", "slow.bin"]


@pytest.mark.skipif(os.name != "posix", reason="links and pipes as POSIX has them")
def test_planted_names_break_nothing(tmp_path):
    (tmp_path / ".imgconv-folder.part").mkdir()
    (tmp_path / ".imgconv-link.part").symlink_to(planted(tmp_path / "mine.txt"))
    os.mkfifo(tmp_path / ".imgconv-pipe.part")
    for path in tmp_path.iterdir():
        os.utime(path, (OLD, OLD), follow_symlinks=False)
    write(tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == b"whole"
    assert (tmp_path / "mine.txt").read_bytes() == b"half"


def test_two_writers_of_one_name_never_share_a_part(tmp_path, monkeypatch):
    """Also where their process numbers and host names are the same, as in containers."""
    monkeypatch.setattr(os, "getpid", lambda: 7)
    target = tmp_path / "a.bin"
    with atomic.output(target, force=True, seekable=False) as one:
        with atomic.output(target, force=True, seekable=False) as other:
            one.write(b"one")
            other.write(b"other")
            assert len(list(tmp_path.glob(".imgconv-*.part"))) == 2
        assert target.read_bytes() == b"other"
    assert target.read_bytes() == b"one"


def age(folder):
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (OLD, OLD))


def test_a_folder_that_a_killed_writer_left_is_swept_away_one_in_work_stays(tmp_path):
    pytest.importorskip("fcntl")
    left, young = tmp_path / ".imgconv-00.part", tmp_path / ".imgconv-01.part"
    for folder in (left, young):
        (folder / "0" / "c").mkdir(parents=True)
        planted(folder / "0" / "c" / "chunk")
        age(folder)
    os.utime(young / "0", None)  # got a file just now
    with atomic.output_folder(tmp_path / "a.zarr", force=False) as part:
        age(tmp_path / Path(part).name)
        atomic._sweep.cache_clear()
        write(tmp_path / "a.bin")
        assert Path(part).is_dir()
    assert not left.exists() and young.exists()
    assert (tmp_path / "a.zarr").is_dir()


@pytest.mark.skipif(os.name != "posix", reason="folders are locked as POSIX has it")
def test_one_works_in_a_folder_at_a_time_and_leaves_nothing(tmp_path: Path) -> None:
    with alone(str(tmp_path), 0), pytest.raises(TimeoutError), alone(str(tmp_path), 0.1):
        pass
    with alone(str(tmp_path), 0):
        assert list(tmp_path.iterdir()) == []


def test_where_folders_cannot_be_locked_a_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgconv.steps.alone._open", lambda folder: None)
    with alone(str(tmp_path), 0):
        with pytest.raises(TimeoutError), alone(str(tmp_path), 0.1):
            pass
        assert [path.name for path in tmp_path.iterdir()] == [".imgconv-run.lock"]
