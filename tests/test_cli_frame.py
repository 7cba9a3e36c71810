"""What every command shares: help, versions, usage errors, completion, the manual."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest

from imgconv import cli


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
        (("inof",), "imgconv: No such command 'inof'. Did you mean 'info'?"),
        (("info", "--jsn", "x"), "imgconv info: No such option: --jsn"),
        (("info", "--jsn", "x"), "--json"),
        (("info", "x", "--jobs", "many"), "--jobs "),
        (("info", "x", "--jobs", "0"), "--jobs "),
        (("info", "x", "--jobs"), "requires an argument"),
        (("info",), "imgconv: no input: name files"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_exit_code_two(
    capfd: pytest.CaptureFixture[str], argv: tuple[str, ...], words: str
) -> None:
    code, out, err = run(capfd, *argv)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def complete(*words: str) -> list[str]:
    """What bash is offered for the last word."""
    line = {"COMP_WORDS": " ".join(["imgconv", *words]), "COMP_CWORD": str(len(words))}
    done = subprocess.run(
        [sys.executable, "-m", "imgconv"],
        env=os.environ | line | {"_IMGCONV_COMPLETE": "complete_bash"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_the_shell_completes_commands_and_options() -> None:
    assert complete("inf") == ["info"]
    assert "--files-from" in complete("info", "--fi")


def test_the_shell_completes_kernel_names() -> None:
    assert "sharpen" in complete("filter", "--kernel", "sh")


def test_file_names_are_left_to_the_shell() -> None:
    assert complete("info", "x") == []


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


@pytest.mark.skipif(not shutil.which("groff"), reason="groff is not installed")
def test_the_manual_is_set_without_a_warning(capfd: pytest.CaptureFixture[str]) -> None:
    _, page, _ = run(capfd, "man")
    done = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8"], input=page, capture_output=True, text=True
    )
    assert done.stderr == ""
    assert "EXIT STATUS" in re.sub(".\x08", "", done.stdout)  # bold is struck over
