"""The path every file command takes, tried with a small command that inverts images."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import cli_invert
import numpy as np
import pytest
from PIL import Image, ImageCms

from imgconv import cli

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Kernels compiled, which says so on stderr, before words on stderr are counted."""
    photo = str(tmp_path_factory.mktemp("warm") / "a.png")
    make(photo)
    process(photo)


@pytest.fixture(autouse=True)
def folder(warm: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "COMMANDS", dict(cli.COMMANDS))
    cli_invert.install()
    return tmp_path


def make(*names: str | bytes, size: tuple[int, int] = (6, 8)) -> None:
    for name in map(os.fsdecode, names):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(len(name)).integers(0, 256, (*size, 3), dtype=np.uint8)
        with Path(name).open("wb") as file:
            Image.fromarray(pixels).save(file, "PNG")


def names_in(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def pixels(name: str | os.PathLike[str]) -> np.ndarray:
    return np.asarray(Image.open(name))


def run(capfd: pytest.CaptureFixture[str], *argv: str) -> tuple[int, list[str], list[str]]:
    code = cli.main(["invert", *argv])
    out, err = capfd.readouterr()
    return code, out.splitlines(), err.splitlines()


def process(*argv: str | bytes, **more: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, str(HERE / "cli_invert.py"), "invert", *argv]
    return subprocess.run(command, capture_output=True, **more)  # type: ignore[call-overload]


def test_one_file_gives_one_path_and_no_words(capfd: pytest.CaptureFixture[str]) -> None:
    make("a.png")
    assert run(capfd, "a.png") == (0, ["a-invert.png"], [])
    assert (pixels("a-invert.png") == 255 - pixels("a.png")).all()


def test_a_batch_prints_paths_in_order_and_a_summary(capfd: pytest.CaptureFixture[str]) -> None:
    make(*(f"in/{n}.png" for n in range(9)))
    code, out, err = run(capfd, "in", "-o", "out/", "-j", "3")
    assert (code, out) == (0, [f"out/{n}.png" for n in range(9)])
    assert len(err) == 1
    assert err[0].startswith("9 done in ")


def test_quiet_leaves_the_paths_and_the_errors(capfd: pytest.CaptureFixture[str]) -> None:
    make("a.png", "b.png")
    Path("c.png").write_text("no image")
    code, out, err = run(capfd, "a.png", "b.png", "c.png", "-q")
    assert (code, out) == (1, ["a-invert.png", "b-invert.png"])
    assert len(err) == 1
    assert err[0].startswith("error: c.png: not an image")


def test_verbose_says_how_long_each_file_took(capfd: pytest.CaptureFixture[str]) -> None:
    make("a.png")
    _, _, err = run(capfd, "a.png", "-v")
    assert err[0].startswith("a.png: 0.0")


def test_every_kind_of_bad_file_is_one_line_and_the_rest_is_done(
    capfd: pytest.CaptureFixture[str],
) -> None:
    make("a.png", "z.png")
    Path("empty.png").touch()
    Path("text.png").write_text("not an image")
    whole = Path("a.png").read_bytes()
    Path("half.png").write_bytes(whole[: len(whole) // 2])
    Path("self.png").symlink_to("self.png")
    Path("gone.png").symlink_to("nowhere.png")
    Path("folder.png").mkdir()
    names = ["a.png", "empty.png", "text.png", "half.png", "self.png", "gone.png", "missing.png"]
    code, out, err = run(capfd, *names, "folder.png", "*.webp", "z.png", "-o", "out/")
    assert (code, out) == (1, ["out/a.png", "out/z.png"])
    for name in (*names[1:], "folder.png", "*.webp"):
        assert sum(line.startswith(f"error: {name}: ") for line in err) == 1
    assert err[-1].startswith("2 done, 8 failed in ")
    assert names_in("out") == ["a.png", "z.png"]


@pytest.mark.parametrize(
    "name", [b"two words.png", b"new\nline.png", b"caf\xe9.png", b"-dash.png", "ünï.png".encode()]
)
def test_odd_names_go_in_and_come_out_byte_for_byte(name: bytes) -> None:
    make(name)
    done = process("--", name)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == name.replace(b".png", b"-invert.png") + b"\n"
    assert Path(os.fsdecode(done.stdout[:-1])).exists()


@pytest.mark.parametrize("name", [b"new\nline.png", b"caf\xe9.png", b"\x1b[31mred.png"])
def test_odd_names_are_shown_on_one_harmless_line(name: bytes) -> None:
    Path(os.fsdecode(name)).write_text("no image")
    done = process(name)
    assert done.returncode == 1
    line = done.stderr.decode("ascii")
    assert line.count("\n") == 1
    assert "\x1b" not in line


def test_json_is_one_object_a_file_whatever_became_of_it(
    capfd: pytest.CaptureFixture[str],
) -> None:
    make("a.png", "b.png", "b-invert.png")
    Path("bad.png").write_text("no image")
    code, out, err = run(capfd, "a.png", "b.png", "bad.png", "--json", "--skip-existing")
    records = [json.loads(line) for line in out]
    assert code == 1
    assert [r["source"] for r in records] == ["a.png", "b.png", "bad.png"]
    assert [r["status"] for r in records] == ["written", "skipped", "failed"]
    assert records[0]["written"] == ["a-invert.png"]
    assert f"error: {records[2]['message']}" in err


def test_dry_run_writes_nothing_and_says_what_would_be(capfd: pytest.CaptureFixture[str]) -> None:
    make("in/a.png", "in/sub/b.png")
    code, out, _ = run(capfd, "in", "-r", "-n", "-o", "out")
    assert (code, out) == (0, ["in/a.png -> out/a.png", "in/sub/b.png -> out/sub/b.png"])
    assert not Path("out").exists()


def test_running_a_pattern_twice_does_no_harm(capfd: pytest.CaptureFixture[str]) -> None:
    make("a.png", "b.png")
    assert run(capfd, "*.png")[0] == 0
    before = names_in(".")
    code, out, err = run(capfd, "*.png", "--skip-existing")
    assert (code, out, names_in(".")) == (0, [], before)
    assert "a-invert.png: skipped, written by imgconv itself; name it alone to process it" in err
    assert "a.png: skipped, a-invert.png exists" in err


def test_an_existing_file_is_kept_without_force(capfd: pytest.CaptureFixture[str]) -> None:
    make("a.png")
    Path("a-invert.png").write_text("precious")
    code, _, err = run(capfd, "a.png")
    assert (code, len(err)) == (2, 1)
    assert "--force" in err[0]
    assert Path("a-invert.png").read_text() == "precious"
    assert run(capfd, "a.png", "--force")[0] == 0
    assert (pixels("a-invert.png") == 255 - pixels("a.png")).all()


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--depth", "12"), "--depth 12: allowed are 8, 16 and 32"),
        (("--compression", "deflat"), "did you mean deflate?"),
        (("--format", "pngg"), "did you mean png?"),
        (("--quality", "0"), "--quality"),
    ],
)
def test_a_wrong_wish_for_the_output_is_refused_before_anything_is_read(
    capfd: pytest.CaptureFixture[str], option: tuple[str, str], words: str
) -> None:
    code, out, err = run(capfd, "nowhere.png", *option)
    assert (code, out, len(err)) == (2, [], 1)
    assert words in err[0]


def test_fail_fast_leaves_the_rest_and_says_how_much(capfd: pytest.CaptureFixture[str]) -> None:
    make("b.png", "c.png")
    Path("a.png").write_text("no image")
    code, out, err = run(capfd, "a.png", "b.png", "c.png", "--fail-fast", "-j", "1")
    assert (code, out) == (1, [])
    assert "1 failed, 2 not begun" in err[-1]


def test_names_come_from_a_list_on_standard_input() -> None:
    make("a.png", b"new\nline.png")
    done = process("--files-from", "-", "-o", "out", input=b"a.png\0new\nline.png\0")
    assert done.stdout == b"out/a.png\nout/new\nline.png\n"


def test_pages_go_into_files_of_their_own(capfd: pytest.CaptureFixture[str]) -> None:
    import tifffile

    stack = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
    tifffile.imwrite("s.tif", stack, photometric="minisblack")
    code, out, _ = run(capfd, "s.tif", "-o", "pages/{stem}_{page:02d}.png")
    assert (code, out) == (0, [f"pages/s_0{n}.png" for n in (1, 2, 3)])  # fmt: skip
    assert all((pixels(name) == 255 - page).all() for name, page in zip(out, stack, strict=True))


def test_page_files_that_exist_are_left_with_a_note(capfd: pytest.CaptureFixture[str]) -> None:
    import tifffile

    tifffile.imwrite("s.tif", np.zeros((2, 4, 5), np.uint8), photometric="minisblack")
    Path("s1.png").write_text("precious")
    code, out, err = run(capfd, "s.tif", "-o", "{stem}{page}.png", "--skip-existing")
    assert (code, out) == (0, ["s2.png"])
    assert "page 1 skipped, s1.png exists" in err[0]
    assert Path("s1.png").read_text() == "precious"


def test_a_pipe_carries_the_image_and_nothing_else() -> None:
    make("a.png")
    done = process("-", input=Path("a.png").read_bytes())
    assert (done.returncode, done.stderr) == (0, b"")
    assert (np.asarray(Image.open(io.BytesIO(done.stdout))) == 255 - pixels("a.png")).all()


def test_json_and_the_image_cannot_both_have_standard_output(
    capfd: pytest.CaptureFixture[str],
) -> None:
    code, _, err = run(capfd, "-", "--json")
    assert code == 2
    assert "both want standard output" in err[0]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_reader_that_goes_away_ends_the_command_silently(jobs: str) -> None:
    make(*(f"in/{n}.png" for n in range(30)))
    command = f"'{sys.executable}' '{HERE}/cli_invert.py' invert in -o out -j {jobs} --pause 0.01"
    script = f"set -o pipefail; {command} | head -n 1"
    done = subprocess.run(["bash", "-c", script], capture_output=True)
    assert (done.returncode, done.stderr) == (141, b"")
    assert done.stdout == b"out/0.png\n"
    assert not [name for name in names_in("out") if name.endswith(".part")]


def test_a_reader_of_the_image_that_goes_away_is_no_error() -> None:
    make("a.png", size=(600, 600))
    command = f"'{sys.executable}' '{HERE}/cli_invert.py' invert - < a.png"
    done = subprocess.run(["bash", "-c", f"{command} | head -c 10"], capture_output=True)
    assert (len(done.stdout), done.stderr) == (10, b"")


def test_failures_of_a_long_batch_are_said_again_at_the_end(
    capfd: pytest.CaptureFixture[str],
) -> None:
    names = [f"{number:02}.png" for number in range(22)]
    make(*names)
    Path(names[1]).write_text("no image")
    _, _, err = run(capfd, *names)
    assert err[0].startswith("error: 01.png: not an image")
    assert err[1].startswith("21 done, 1 failed") and err[2:] == [f"  failed: {err[0][7:]}"]


def test_a_bug_is_one_line_and_verbose_shows_where() -> None:
    make("a.png", "b.png")
    env = os.environ | {"INVERT_BUG": "1"}
    done = process("a.png", env=env)
    assert done.returncode == 1
    said = b"error: a.png: unexpected KeyError: 'a mistake of ours'; --verbose shows"
    assert done.stderr.startswith(said)
    assert b"Traceback" not in done.stderr
    assert b"Traceback" in process("a.png", "-v", env=env).stderr


def test_a_full_disk_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    make("a.png", size=(200, 200))
    code, out, err = run(capfd, "a.png", "-o", "/dev/full", "--format", "png")
    assert (code, out) == (1, [])
    assert "No space left on device" in err[0]


def test_a_folder_that_cannot_be_written_to_is_one_line_per_file(
    capfd: pytest.CaptureFixture[str],
) -> None:
    make("a.png", "b.png")
    code, out, err = run(capfd, "a.png", "b.png", "-o", "/proc/here/")
    assert (code, out, len(err)) == (1, [], 3)
    assert "/proc/here: cannot make this folder" in err[0]


def test_the_same_plan_gives_the_same_bytes_for_any_number_of_jobs(
    capfd: pytest.CaptureFixture[str],
) -> None:
    make(*(f"in/{n}.png" for n in range(12)))
    results = []
    for jobs in ("1", "2", "5"):
        run(capfd, "in", "-o", f"out{jobs}/", "-j", jobs)
        results.append({p.name: p.read_bytes() for p in Path(f"out{jobs}").iterdir()})
    assert results[0] == results[1] == results[2]
    assert len(results[0]) == 12


def on_a_terminal(*argv: str, **env: str) -> tuple[bytes, bytes]:
    """Standard output, and what a terminal on standard error is sent."""
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, str(HERE / "cli_invert.py"), "invert", *argv]
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=theirs, env=os.environ | {"TERM": "xterm"} | env
    )
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):  # the terminal's end, as Linux reports it
        while chunk := os.read(ours, 4096):
            seen += chunk
    os.close(ours)
    out, _ = running.communicate(timeout=20)
    return out, seen


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_a_long_batch_shows_its_progress_on_a_terminal() -> None:
    make(*(f"in/{n:02}.png" for n in range(20)))
    out, seen = on_a_terminal("in", "-o", "out", "--pause", "0.1", "-j", "1")
    assert out.splitlines() == [b"out/%02d.png" % n for n in range(20)]
    assert b"of 20 files" in seen
    assert b"left" in seen
    assert b"20 done in" in seen.splitlines()[-1]


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_progress_has_no_colours_where_none_are_wanted() -> None:
    make(*(f"in/{n:02}.png" for n in range(20)))
    _, seen = on_a_terminal("in", "-o", "out", "--pause", "0.1", "-j", "1", NO_COLOR="1")
    assert b"of 20 files" in seen
    assert not re.search(rb"\x1b\[[0-9;]*3[0-7]", seen)


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_a_quiet_or_short_batch_shows_no_progress() -> None:
    make(*(f"in/{n:02}.png" for n in range(8)))
    assert on_a_terminal("in", "-o", "quiet", "--pause", "0.15", "-j", "1", "-q")[1] == b""
    assert b"left" not in on_a_terminal("in", "-o", "short")[1]


def test_colours_are_converted_to_srgb_before_the_command_sees_them(
    capfd: pytest.CaptureFixture[str],
) -> None:
    make("plain.png")
    plain, swapped = pixels("plain.png"), swapped_profile()
    Image.fromarray(plain).save("a.png", icc_profile=swapped)
    assert run(capfd, "a.png", "--to-srgb")[0] == 0
    assert run(capfd, "a.png", "-o", "kept.png")[0] == 0
    expected = 255 - plain[..., ::-1].astype(int)
    assert abs(pixels("a-invert.png").astype(int) - expected).max() <= 2
    with Image.open("a-invert.png") as converted, Image.open("kept.png") as kept:
        assert "icc_profile" not in converted.info
        assert kept.info["icc_profile"] == swapped


def swapped_profile() -> bytes:
    """sRGB with the names of red and blue exchanged, so that conversion swaps the channels."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    head, table = data[:128], data[128:]
    for a, b in ((b"rXYZ", b"bXYZ"), (b"rTRC", b"bTRC")):
        table = table.replace(a, b"@@@@").replace(b, a).replace(b"@@@@", b)
    return head + table
