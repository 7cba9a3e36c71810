"""What every command shares: help, versions, usage errors, completion, the manual."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from imgconv import cli
from imgconv.cli import meant
from imgconv.cli.console import Console


def run(capfd: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = cli.main(argv)
    return code, *capfd.readouterr()


@pytest.mark.parametrize("argv", [("--help",), ("-h",), ()])
def test_help_lists_every_command(capfd: pytest.CaptureFixture[str], argv: tuple[str, ...]) -> None:
    code, out, err = run(capfd, *argv)
    assert (code, err) == (0, "")
    for name, help in cli.COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(help[:30])}", out, re.MULTILINE)


@pytest.mark.parametrize("name", cli.COMMANDS)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_has_help(capfd: pytest.CaptureFixture[str], name: str, option: str) -> None:
    code, out, _ = run(capfd, name, option)
    assert code == 0
    assert out.startswith(f"Usage: imgconv {name} ")
    assert "\b" not in out


def test_version_tells_ours_and_that_of_every_library(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capfd, "--version")
    assert code == 0
    assert out.startswith("imgconv ")
    for library in ("numpy", "numba", "llvmlite", "pillow", "tifffile", "imagecodecs", "isal"):
        assert re.search(rf"^  {library} \d", out, re.MULTILINE)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (
            ("inof",),
            "error: no such command: inof; did you mean imgconv info? (see imgconv --help)",
        ),
        (("-k", "blur", "x.png"), "no such option: -k (options stand behind their command: "),
        (("info", "--jsn", "x"), "error: no such option: --jsn; did you mean --json"),
        (("info", "--jsn", "x"), "--json"),
        (("info", "x", "--jobs", "many"), "--jobs "),
        (("info", "x", "--jobs", "0"), "--jobs "),
        (("info", "x", "--jobs"), "requires an argument"),
        (("info",), "error: no input: name files"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_exit_code_two(
    capfd: pytest.CaptureFixture[str], argv: tuple[str, ...], words: str
) -> None:
    code, out, err = run(capfd, *argv)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_errors_and_notes_begin_with_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    colour, none, pipe = Terminal(), Terminal(), io.StringIO()
    Console(None, None, colour).error("it is broken")
    Console(None, None, pipe).note("so it is")
    monkeypatch.setenv("NO_COLOR", "1")
    Console(None, None, none).error("it is broken")
    assert re.fullmatch("\x1b\\[[0-9;]+merror:\x1b\\[0m it is broken\n", colour.getvalue())
    assert (none.getvalue(), pipe.getvalue()) == ("error: it is broken\n", "note: so it is\n")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("help", "--help"),
        ("help filter", "filter --help"),
        ("help models show", "models show --help"),
        ("version", "--version"),
        ("-V", "--version"),
    ],
)
def test_what_is_typed_first_works(
    capfd: pytest.CaptureFixture[str], typed: str, meant: str
) -> None:
    first = run(capfd, *typed.split())
    assert first == run(capfd, *meant.split())
    assert first[0] == 0


@pytest.mark.parametrize("typed", ["sharpen a.png -n", "filter sharpen a.png -n"])
def test_a_kernel_in_the_place_of_a_command_or_file_is_one(
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.png").touch()
    code, out, err = run(capfd, *typed.split())
    assert (code, out) == (0, "a.png -> a-filter.png\n")
    assert err.startswith("note: taken for ") and "-k sharpen" in err
    assert run(capfd, *typed.split(), "-q") == (0, out, "")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("resize a.png", "imgconv upsample or imgconv pool?"),
        ("Smooth a.png", "imgconv filter -k gaussian:2?"),
        ("completion bash", "did you mean imgconv --install-completion?"),
        ("sharpn a.png", "imgconv filter -k sharpen?"),
        ("filter --sigma 2 a.png", "-k gaussian:2"),
        ("filter -k sharp a.png", "did you mean 'sharpen'?"),
        ("filter -k smooth a.png", "did you mean 'gaussian'?"),
        ("filter --out b.png a.png", "did you mean --output?"),
        ("pool --overwrite a.png", "did you mean --force?"),
        ("info --overwrite a.png", "no such option: --overwrite (see"),
    ],
)
def test_advice_goes_by_what_a_word_means(
    capfd: pytest.CaptureFixture[str], typed: str, words: str
) -> None:
    code, out, err = run(capfd, *typed.split())
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err


def test_a_file_in_the_place_of_a_command_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my photo.png").touch()
    code, _, err = run(capfd, "my photo.png")
    assert code == 2 and "imgconv filter -k sharpen 'my photo.png'" in err
    assert err.count("\n") == 1


def test_a_working_folder_that_is_gone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    code, out, err = run(capfd, "info", "a.png")
    assert (code, out, err) == (1, "", "error: the working folder is gone: change to another\n")


def test_all_that_is_meant_exists() -> None:
    from imgconv.ops.catalogue import MEANT
    from imgconv.ops.kernel_text import parse_operator

    for line in {line for lines in meant.MEANT.values() for line in lines}:
        name, *rest = line.split()
        command = cli.load(name)
        if rest and not rest[0].startswith("-"):
            command = command.commands[rest.pop(0)]
        options = {option for p in command.params for option in p.opts}
        assert {word for word in rest if re.match("--?[a-z]", word)} <= options
        if "-k" in rest:
            parse_operator(rest[1])
    for kernel in MEANT.values():
        parse_operator(kernel)
    every = {option for name in cli.COMMANDS for p in cli.load(name).params for option in p.opts}
    assert {group[0] for group in meant.SAME} <= every


def test_help_fits_eighty_columns_and_breaks_no_words_in_forty(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    whole = run(capfd, "--help")[1]
    assert "..." not in re.sub(r"\[ARGS]\.\.\.", "", whole)
    assert max(map(len, whole.splitlines())) <= 80
    for name in ("filter", "segment", "models"):
        monkeypatch.setenv("COLUMNS", "100")
        wide = run(capfd, name, "--help")[1].split()
        monkeypatch.setenv("COLUMNS", "40")
        assert run(capfd, name, "--help")[1].split() == wide


def complete(*words: str, shell: str = "bash") -> list[str]:
    """What the shell's script is told for the last word."""
    line = " ".join(["imgconv", *words])
    words_of = {"COMP_WORDS": line, "COMP_CWORD": str(len(words)), "_TYPER_COMPLETE_ARGS": line,
                "_TYPER_COMPLETE_FISH_ACTION": "get-args"}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "imgconv"],
        env=os.environ | words_of | {"_IMGCONV_COMPLETE": f"complete_{shell}"},
        capture_output=True,
        text=True,
        check=True,
    )
    return re.findall(r"[\w.:-]+", done.stdout)


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("inf", {"info"}),
        ("info --fi", {"--files-from"}),
        ("filter --kernel sh", {"sharpen"}),
        ("filter --border re", {"reflect"}),
        ("filter --format j", {"jpeg", "jpegxl"}),
        ("filter --compression z", {"zip", "zstd"}),
        ("denoise --model mi", {"micro"}),
        ("segment --model nu", {"nuclei"}),
        ("run dig", {"digits"}),
        ("models show nu", {"nuclei"}),
        ("models new resnet3", {"resnet34"}),
        ("inspect digits --layer c", {"c1", "c3", "c5"}),
        ("inspect digits --show fie", {"field"}),
        ("cache v", {"verify"}),
        ("info x", set()),
    ],
)
def test_the_shell_completes_names(line: str, offered: set[str]) -> None:
    assert set(complete(*line.split())) == offered


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_told_the_same(shell: str) -> None:
    found = complete("inspect", "digits", "--layer", "c", shell=shell)
    assert set(found) >= {"c1", "c3", "c5"}
    assert "--files-from" in complete("info", "--fi", shell=shell)


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
def test_bash_itself_completes(tmp_path: Path) -> None:
    """Its script, and the function that it calls when the tabulator is pressed."""
    command = tmp_path / "imgconv"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m imgconv "$@"\n')
    command.chmod(0o755)
    script = (
        'eval "$(_IMGCONV_COMPLETE=source_bash imgconv)"; COMP_WORDS=(imgconv filter -k emb); '
        'COMP_CWORD=3; _imgconv_completion imgconv; printf "%s " "${COMPREPLY[@]}"'
    )
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script], env=os.environ | path, capture_output=True, text=True, check=True
    )
    assert (done.stdout.split(), done.stderr) == (["emboss"], "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_a_completion_script_for_each_shell(shell: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "imgconv"],
        env=os.environ | {"_IMGCONV_COMPLETE": f"source_{shell}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "_IMGCONV_COMPLETE" in done.stdout


def test_the_manual_holds_every_command_and_option(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capfd, "man")
    assert code == 0
    for name in cli.COMMANDS:
        assert f"imgconv {name} " in out
    assert r"\fB\-\-skip\-existing\fR" in out


def test_the_manual_that_is_installed_has_examples_and_every_command() -> None:
    page = (Path(cli.__file__).parents[2] / "docs" / "imgconv.1").read_text()
    assert ".SH EXAMPLES" in page and r"\fBIMGCONV_CACHE\fR" in page
    assert all(f".SS imgconv {name}" in page for name in cli.COMMANDS)


@pytest.mark.skipif(not shutil.which("groff"), reason="groff is not installed")
def test_the_manual_is_set_without_a_warning(capfd: pytest.CaptureFixture[str]) -> None:
    _, page, _ = run(capfd, "man")
    done = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8"], input=page, capture_output=True, text=True
    )
    assert done.stderr == ""
    assert "EXIT STATUS" in re.sub(".\x08", "", done.stdout)  # bold is struck over
