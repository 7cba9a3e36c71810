"""The kernel loader: fast, and never a crash whatever lies in its cache."""

from __future__ import annotations

import hashlib
import os
import stat
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from imgconv import kernels
from imgconv.kernels import ahead, cache, elf, host, levels, native

PROGRAM = """
import hashlib, sys
import numpy as np
from imgconv import kernels
rows = np.random.default_rng(0).integers(0, 256, (41, 153)).astype(np.uint8)
out = np.empty((40, 151), np.uint8)
kernels.png_filter_rows(rows, out, 40, 150, 3)
print(hashlib.sha256(out.tobytes()).hexdigest(), "numba" in sys.modules)
"""

CORRELATION = """
import hashlib, sys
import numpy as np
from imgconv.ops.correlation import correlate
from imgconv.ops.kernel_text import parse
pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)
found = [correlate(pixels, *parse(text)) for text in TEXTS]
print(hashlib.sha256(b"".join(f.tobytes() for f in found)).hexdigest(), "numba" in sys.modules)
"""
EVERY = ["sharpen", "unsharp", "gaussian:1"]


def expected() -> str:
    rows = np.random.default_rng(0).integers(0, 256, (41, 153)).astype(np.uint8)
    out = np.empty((40, 151), np.uint8)
    kernels.png_filter_rows(rows, out, 40, 150, 3)
    return hashlib.sha256(out.tobytes()).hexdigest()


def start(folder: Path, program: str = PROGRAM, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env=os.environ | {"IMGCONV_CACHE": str(folder)} | environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def run(folder: Path, program: str = PROGRAM, **environment: str) -> tuple[str, bool, str]:
    """The result's hash, whether Numba was imported, and what was said on stderr."""
    process = start(folder, program, **environment)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    digest, numba = out.split()
    return digest, numba == "True", err


@pytest.fixture(scope="module")
def warm(tmp_path_factory) -> Path:
    """A cache folder that holds the one kernel, made by two processes at the same moment."""
    folder = tmp_path_factory.mktemp("cache")
    both = [start(folder) for _ in range(2)]
    said = [process.communicate(timeout=120)[1] for process in both]
    assert all(process.returncode == 0 for process in both), said
    assert sum("compiling" in text for text in said) == 1, said
    return folder


def default() -> Path:
    """The cache that this process uses."""
    return cache.folder().parent


def entry(folder: Path) -> Path:
    (found,) = (folder / "kernels").glob("*.bin")
    return found


def test_two_processes_compile_once_and_the_third_needs_no_numba(warm):
    assert run(warm) == (expected(), False, "")


def test_a_damaged_entry_is_never_loaded(tmp_path):
    path = tmp_path / "kernels" / "kernel.bin"
    cache._write(path, "key", cache.Entry("symbol", "i64", b"machine code" * 50))
    good = path.read_bytes()
    for damaged in [good[:-1], good[: len(good) // 2], b"", b"\n\n", good + b"x"]:
        path.write_bytes(damaged)
        assert cache._read(path, "key") is None
    for at in range(len(good)):
        path.write_bytes(good[:at] + bytes([good[at] ^ 255]) + good[at + 1 :])
        assert cache._read(path, "key") is None


def test_a_damaged_entry_is_compiled_again(warm):
    path = entry(warm)
    path.write_bytes(path.read_bytes()[:-100])
    digest, numba, said = run(warm)
    assert (digest, numba) == (expected(), True) and "compiling" in said
    assert run(warm) == (expected(), False, "")


def test_an_entry_that_others_can_write_is_not_loaded(warm):
    entry(warm).chmod(0o666)
    assert run(warm)[1]
    mine = 0o644 if os.geteuid() == 0 else 0o600  # root's serves every user
    assert entry(warm).stat().st_mode & 0o777 == mine


def test_an_entry_of_another_user_is_not_loaded(tmp_path, monkeypatch):
    path = tmp_path / "kernels" / "kernel.bin"
    cache._write(path, "key", cache.Entry("symbol", "i64", b"code"))
    assert cache._read(path, "key") == cache.Entry("symbol", "i64", b"code")
    if path.stat().st_uid == 0:
        os.chown(path, 12345, -1)
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    assert cache._read(path, "key") is None


def test_an_entry_under_another_key_is_not_loaded(tmp_path):
    path = tmp_path / "kernels" / "kernel.bin"
    cache._write(path, "key", cache.Entry("symbol", "i64", b"code"))
    assert cache._read(path, "other key") is None


ENTRY = cache.Entry("symbol", "i64", b"code")


@pytest.mark.skipif(os.name != "posix", reason="owners and modes as POSIX has them")
@pytest.mark.parametrize("which", [".", "kernels"])
def test_an_entry_in_a_folder_that_others_can_write_is_not_loaded(tmp_path, which):
    path = tmp_path / "kernels" / "kernel.bin"
    cache._write(path, "key", ENTRY)
    (tmp_path / which).chmod(0o777)
    assert cache._read(path, "key") is None
    other = path.with_name("other.bin")
    cache._write(other, "key", ENTRY)  # ours: closed again
    assert cache._read(other, "key") == ENTRY
    assert cache._read(path, "key") is None  # whatever lay there meanwhile


@pytest.mark.skipif(os.name != "posix", reason="owners and modes as POSIX has them")
def test_a_folder_that_is_named_stays_as_it_is(tmp_path, monkeypatch):
    """It may be /tmp, or a device: root must not close them to all others."""
    monkeypatch.setenv("IMGCONV_CACHE", str(tmp_path))
    tmp_path.chmod(0o1777)
    assert not cache.keeps()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777
    tmp_path.chmod(0o700)
    assert cache.keeps()
    file = tmp_path / "file"
    file.touch(0o666)
    file.chmod(0o666)
    monkeypatch.setenv("IMGCONV_CACHE", str(file))
    assert not cache.keeps()
    assert stat.S_IMODE(file.stat().st_mode) == 0o666


@pytest.mark.skipif(os.name != "posix", reason="links as POSIX has them")
def test_links_below_the_root_are_not_followed(tmp_path):
    path = tmp_path / "kernels" / "kernel.bin"
    cache._write(path, "key", ENTRY)
    moved = path.rename(tmp_path / "moved.bin")
    path.symlink_to(moved)
    assert cache._read(path, "key") is None
    path.unlink()
    moved.rename(path)
    path.parent.rename(tmp_path / "elsewhere")
    path.parent.symlink_to(tmp_path / "elsewhere")
    assert cache._read(path, "key") is None


def test_an_entry_made_in_another_cache_is_not_loaded(tmp_path):
    one, other = (tmp_path / name / "kernels" / "kernel.bin" for name in ("a", "b"))
    for path in (one, other):
        path.parent.parent.mkdir()
        cache._write(path, "key", ENTRY)
    other.write_bytes(one.read_bytes())
    assert cache._read(one, "key") == ENTRY
    assert cache._read(other, "key") is None


@pytest.mark.skipif(os.name != "posix", reason="modes as POSIX has them")
def test_folders_are_closed_to_others_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        cache._write(tmp_path / "above" / "root" / "kernels" / "kernel.bin", "key", ENTRY)
    finally:
        os.umask(before)
    for path in (tmp_path / "above", *(tmp_path / "above").rglob("*")):
        assert not path.stat().st_mode & 0o022, path


@pytest.mark.skipif(os.name != "posix", reason="owners as POSIX has them")
def test_of_the_cache_for_all_only_what_is_roots_is_loaded(tmp_path, monkeypatch):
    monkeypatch.delenv("IMGCONV_CACHE", raising=False)
    monkeypatch.setattr(cache, "SYSTEM", {sys.platform: str(tmp_path)})
    path = tmp_path / "imgconv" / "kernels" / "kernel.bin"
    monkeypatch.setattr(cache, "_is_root", lambda: True)
    before = os.umask(0o077)
    try:
        cache._write(path, "key", ENTRY)
    finally:
        os.umask(before)
    assert all(one.stat().st_mode & 0o444 == 0o444 for one in (path, path.parent))
    root = path.parent.parent
    status = os.fstat

    def owned_by(user: int):
        def stat(number):
            found = list(status(number))
            found[4] = user
            return os.stat_result(found)

        return stat

    monkeypatch.setattr(os, "fstat", owned_by(0))
    assert cache._read(path, "key") == ENTRY
    monkeypatch.setattr(os, "fstat", owned_by(54321))
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    assert cache._read(path, "key") is None  # ours, but not root's
    assert (root / "key").exists()


def test_whoever_waits_for_a_compiler_says_for_whom_and_gives_up(tmp_path, monkeypatch):
    path = tmp_path / "kernels" / "kernel.bin"
    monkeypatch.setattr(cache, "PATIENCE", (0.05, 0.2))
    said: list[str] = []
    with cache._lock(path, said.append), cache._lock(path, said.append):
        assert f"waiting for process {os.getpid()}" in said[0]
        assert "compiling it here too" in said[1]
    assert len(said) == 2
    with cache._lock(path, said.append):
        assert len(said) == 2


def test_without_a_writable_cache_it_compiles_in_memory(tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert run(tmp_path / "file")[:2] == (expected(), True)


def test_where_the_loader_cannot_work_numba_computes_the_same(tmp_path):
    broken = (
        "from imgconv.kernels import native\n"
        "def load(entry): raise RuntimeError('no loader on this platform')\n"
        "native._load = load\n"
    )
    digest, numba, said = run(tmp_path, broken + PROGRAM)
    assert (digest, numba) == (expected(), True) and "no loader on this platform" in said


@pytest.mark.skipif("+avx2" not in host.cpu()[1], reason="other widths of x86 only")
@pytest.mark.parametrize(
    ("cpu", "features", "texts"),
    [
        pytest.param("x86-64", "+sse2", EVERY, marks=pytest.mark.long),
        pytest.param("sandybridge", "+sse4.2,+avx", EVERY, marks=pytest.mark.long),
        pytest.param("haswell", "+avx,+avx2,+fma", EVERY, marks=pytest.mark.long),
        ("haswell", "+avx,+avx2,+fma", ["gaussian:1"]),
        ("generic", None, ["box:3"]),  # without any features, as Numba means it
    ],
)
def test_narrower_vectors_give_the_same_result(tmp_path, cpu, features, texts):
    forced = {"NUMBA_CPU_NAME": cpu} | ({"NUMBA_CPU_FEATURES": features} if features else {})
    program = f"TEXTS = {texts}{CORRELATION}"
    assert run(tmp_path, program, **forced)[0] == run(default(), program)[0]


@pytest.mark.skipif(not elf.works_here(), reason="LLVM loads kernels there")
def test_a_warm_process_does_without_llvm_and_llvm_would_give_the_same(warm):
    last = "print(hashlib.sha256(out.tobytes()).hexdigest(), 'llvmlite' in sys.modules)"
    program = PROGRAM.rsplit("print", 1)[0] + last
    assert run(warm, program)[:2] == (expected(), False)
    by_llvm = "from imgconv.kernels import elf\nelf.works_here = lambda: False\n"
    assert run(warm, by_llvm + program)[:2] == (expected(), True)


@pytest.mark.skipif(not elf.works_here(), reason="LLVM loads kernels there")
def test_an_object_that_needs_more_than_the_loader_knows_is_left_to_llvm(warm):
    path = entry(warm)
    data = path.read_bytes().split(b"\n", 2)[2]
    with pytest.raises(elf.Unsupported, match="not an x86-64"):
        elf.load(b"\x7fELF\x01" + data[5:], "x", frozenset())
    calls = [k for k in kernels.every() if b"memset" in native._entry(k.module, k.name).object]
    for kernel in calls:
        made = native._entry(kernel.module, kernel.name)
        with pytest.raises(elf.Unsupported, match="memset"):
            elf.load(made.object, made.symbol, frozenset())


def test_a_kernel_that_could_raise_or_allocate_is_refused():
    from imgconv.kernels.compiler import compile_function
    from imgconv.kernels.dialect import kernel

    @kernel("f32* i64")
    def raises(values, count):
        if count < 0:
            raise ValueError
        values[0] = 1

    @kernel("f32* i64")
    def allocates(values, count):
        values[0] = np.empty(count).sum()

    for function in (raises, allocates):
        with pytest.raises(TypeError, match="may raise or allocate"):
            compile_function(function, function.__name__)


@pytest.mark.skipif(sys.platform != "linux", reason="reads ELF symbol tables")
@pytest.mark.parametrize("kernel", kernels.every(), ids=lambda k: f"{k.module}-{k.name}")
def test_no_object_needs_a_symbol_that_might_be_missing(kernel):
    made = native._entry(kernel.module, kernel.name)
    assert undefined_symbols(made.object) <= host.LIBC | host.LIBM


def undefined_symbols(elf: bytes) -> set[str]:
    """Names in the symbol table of a 64-bit ELF object that no section defines."""
    table, _, _, _, _, size, count, _ = struct.unpack_from("<QIHHHHHH", elf, 40)
    sections = [struct.unpack_from("<IIQQQQIIQQ", elf, table + size * i) for i in range(count)]
    (symbols,) = (s for s in sections if s[1] == 2)
    texts = sections[symbols[6]]
    found = set()
    for at in range(symbols[4] + 24, symbols[4] + symbols[5], 24):
        name, _, _, section = struct.unpack_from("<IBBH", elf, at)
        if section == 0:
            text = elf[texts[4] + name :]
            found.add(text[: text.index(b"\0")].decode())
    return found - {"_GLOBAL_OFFSET_TABLE_", ""}


def test_wrong_arrays_are_refused_before_they_reach_machine_code():
    kernel = kernels.png_filter_rows
    count = len(kernel.function[1])
    with pytest.raises(TypeError, match=f"takes {count} arguments"):
        kernel(np.zeros(3, np.uint8))
    wrong = [np.zeros(4, np.float64) for _ in range(count)]
    with pytest.raises(TypeError, match="contiguous"):
        kernel(*wrong)


@pytest.fixture(scope="module")
def brought_along(tmp_path_factory) -> Path:
    """A folder of kernels as a wheel brings it: one kernel, for a level that this CPU runs."""
    if not levels.known():
        pytest.skip("no level of CPUs is known here")
    folder = tmp_path_factory.mktemp("compiled")
    subprocess.run(
        [sys.executable, "-m", "imgconv.kernels.compile_ahead", levels.known()[0],
         str(folder / levels.known()[0]), "png.filter_rows"], check=True,
    )  # fmt: skip
    return folder


def test_kernels_are_compiled_for_aarch64_anywhere(tmp_path):
    """183 is ELF's number of it; try_aarch64.py runs them."""
    words = ["-m", "imgconv.kernels.compile_ahead", "aarch64", str(tmp_path), "png.filter_rows"]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
    made = ahead.unpack((tmp_path / "png.filter_rows.bin").read_bytes(), ahead.sources())
    assert (made.object[:4], made.object[18]) == (b"\x7fELF", 183) and done.stderr == ""


def test_a_kernel_that_came_along_runs_without_numba_or_a_cache(brought_along, tmp_path):
    program = f"""
from pathlib import Path
from imgconv.kernels import ahead
ahead.FOLDER = Path({str(brought_along)!r})
{PROGRAM}"""
    assert run(tmp_path / "cache", program) == (expected(), False, "")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("change", ["damaged", "of other sources", "for another CPU"])
def test_a_kernel_that_came_along_is_left_if_it_does_not_fit(
    brought_along, tmp_path, monkeypatch, change
):
    level = levels.known()[0]
    file = tmp_path / level / "png.filter_rows.bin"
    file.parent.mkdir()
    data = bytearray((brought_along / level / file.name).read_bytes())
    monkeypatch.setattr(ahead, "FOLDER", tmp_path)
    ahead.brought.cache_clear()
    file.write_bytes(data)
    assert ahead.entry("png.filter_rows") is not None
    if change == "damaged":
        data[-100] ^= 1
        file.write_bytes(data)
    elif change == "of other sources":
        monkeypatch.setattr(ahead, "sources", lambda: b"others")
    else:
        monkeypatch.setenv("NUMBA_CPU_NAME", "haswell")
        ahead.brought.cache_clear()
    assert ahead.entry("png.filter_rows") is None
    ahead.brought.cache_clear()


def test_a_kernel_is_compiled_beside_where_the_cache_lacks_it(tmp_path, monkeypatch):
    monkeypatch.setenv("IMGCONV_CACHE", str(tmp_path))
    monkeypatch.setattr(native.doing, "alone", True)
    monkeypatch.setattr("imgconv.threads.available", lambda: 2)
    begun: list = []
    monkeypatch.setattr(native, "_begun", begun)
    one = native.Kernel("png", "filter_rows")
    one.warm_beside()
    assert begun[0].wait(300) == 0
    assert cache.holds("png.filter_rows", native.key("png", "filter_rows"))
    one.warm_beside()
    assert len(begun) == 1, "it was in the cache"
