"""Types what people type on their first day, half of it wrong, and checks what they are told.

    python tests/try_as_newcomer.py

For every line: the exit code, that results are on standard output and words on standard error,
that a refusal is one line beginning with "error:", that every command and option that a message
names exists, and that every note says what to do.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from imgconv import cli
from imgconv.cli.console import Console

CHART = Path(__file__).parent.parent / "samples" / "chart.png"
RIGHT = """\
help
version
-V
--version
-h
kernels
models
models list
models show nuclei
models architectures
info a.png
info a.png --header
info --json a.png
filter -k sharpen a.png
filter -k gaussian:2 a.png
filter -k median:3 a.png
filter -k '0 -1 0; -1 5 -1; 0 -1 0' a.png
filter -k laplacian --range abs a.png
filter -k blur a.png -o b.jpg
filter -k blur a.png -o out/
filter -k blur a.png -o /dev/null
filter -k blur a.png -n
filter sharpen a.png
sharpen a.png
blur a.png
emboss a.png
Sobel a.png
pool a.png
upsample a.png --scale 2
upsample a.png --scale 2 --method nearest
convolve -k sobel-x a.png
diff a.png a.png
kernels --json
models list --json
man
cache
cache show --json
cache verify
models verify
models architectures lenet5 --no-time
filter -k box:5x3 a.png --border wrap
filter -k gaussian:2 a.png --linear
filter -k laplacian a.png
filter -k '1 1 1; 1 1 1; 1 1 1' a.png
filter -k sharpen -k blur a.png -o twice.png
filter -k sharpen a.png --depth 16
convolve -k sobel-x -k sobel-y a.png -o maps.tif
pool -m min --size 3 a.png
upsample --scale 1.5 -m bilinear a.png
info .
"""
WRONG = """\
inof a.png
resize a.png
smooth a.png
convert a.png
compare a.png b.png
count a.png
sharpn a.png
frobnicate a.png
help frobnicate
a.png
filter a.png
filter -k sharp a.png
filter -k smooth a.png
filter -k median a.png
filter -k '1 2; x' a.png
filter -k '1 2; 3' a.png
filter -k none.csv a.png
filter -k sharpen
filter -k sharpen *.gif
filter -k
filter --sigma 2 a.png
filter --kernal sharpen a.png
filter --out b.png -k blur a.png
filter -k blur a.png -o b.xyz
filter -k blur a.png -o x.png --format jpeg
filter -k blur a.png --format jpgg
filter -k blur a.png --depth 12
filter -k blur a.png --quality 200
filter -k blur a.png --compression zip9
filter -k blur a.png --border mirror
filter -k blur a.png --jobs 0
filter -k blur a.png --jobs many
filter -k blur a.png --force --skip-existing
filter -k blur a.png --scale big
pool a.png --size 0
pool a.png --overwrite
upsample a.png --scale 0
upsample a.png --factor 2
convolve a.png
denoise a.png --sigma -1
denoise a.png --model foto
denoise a.png --method gauss
segment a.png --threshold 2
segment a.png --diameter big
segment a.png -o a.png
segment a.png -o x.png
diff a.png
diff a.png a.png a.png
models shw
models show
kernels -o x.png
run a.png
classify a.png --model none
filter -k 1e400 a.png
filter -k '1e999999999 1' a.png
filter -k box:1e9 a.png
filter -k gaussian:-1 a.png
filter -k gaussian:many a.png
filter -k median:0 a.png
filter -k blur a.png -o {stm}.png
filter -k blur a.png missing.png -o one.png
filter -k blur *.png -o one.png --bias x
filter -k blur a.png --format
filter -k blur a.png -o .
filter -k blur nowhere/
filter -k blur a.png --luma --linear
filter -k blur a.png --channels cmyk
filter -k blur - -o
info --header
upsample a.png -m lanczos
upsample a.png --scale 1/0
convolve -k sobel-x a.png --stride 0
convolve -k sobel-x a.png --padding big
colorize a.png --hint 1,2
colorize a.png --saturation lots
evaluate a.png
evaluate a.png nowhere
measure a.png
plate nowhere.csv
inspect nothing
inspect digits --show everything
models show nothing
models import a.png
models new resnet19
cache clean
cache show a.png
warmup now
man filter
info --jobs
"""


def lines() -> Iterator[tuple[str, bool]]:
    """Each line, and whether it is right."""
    yield from ((line, True) for line in RIGHT.splitlines())
    yield from ((line, False) for line in WRONG.splitlines())
    for name in cli.COMMANDS:
        yield from ((f"help {name}", True), (f"{name} -h", True), (f"{name} --frobnicate", False))
        if any(p.name == "files" for p in cli.load(name).params):
            yield f"{name} missing.png --quiet", False


REMEDY = re.compile(
    r"--\w|`\w+|(^| )-k |imgconv \w+ |pip install"
    r"|[;:,(] ?(or )?(do|give|import|keep|look|say|save|take|try|turn|type|use|write)\b"
    r"|; [A-Z]\w+( \w+)* (have|has|keep|keeps|take|takes)\b|[a-z]\w+ takes [^;]* (out|apart)"
)  # an option, a setting, a command, what to do, or who can do it


def advises(note: str) -> bool:
    """Whether it says what to do, and not only what is so."""
    return bool(REMEDY.search(note))


def options_of(command: object) -> set[str]:
    members = getattr(command, "commands", {}).values()
    found = {option for p in getattr(command, "params", ()) for option in p.opts}
    return found.union(*map(options_of, members))


def check(line: str, right: bool) -> list[str]:
    """What is wrong with the answer to a line."""
    words = [re.sub("^'|'$", "", w) for w in re.findall(r"'[^']*'|\S+", line)]
    out, err = StringIO(), StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = int(cli.main(words, Console(sys.stdin, out, err)))
    said = [one for one in err.getvalue().splitlines() if "compiling" not in one]
    found = []
    if code not in ((0,) if right else (1, 2)):
        found.append(f"exit code {code}")
    if right and any(one.startswith("error: ") for one in said):
        found.append("an error")
    if not right and (out.getvalue() or sum(one.startswith("error: ") for one in said) != 1):
        found.append("not one error, or results")
    notes = (one.removeprefix("note: ") for one in said if one.startswith("note: "))
    found += [f"without advice: {note}" for note in notes if not advises(note)]
    command = next((word for word in words if word in cli.COMMANDS), "filter")
    return found + [f"names {name}, which does not exist" for name in unknown(said, words, command)]


def unknown(said: list[str], words: list[str], command: str) -> Iterator[str]:
    """Commands and options of messages that are not there; but for what was typed."""
    text = " ".join(said)
    every = {*options_of(cli.load(command)), "--help", "--version"}
    for option in re.findall(r"(?<![\w-])--?[a-z][\w-]*", text):
        if option not in every and option not in words and f"-k {option}" not in text:
            elsewhere = re.search(rf"imgconv (\w+)[^?;]*{option}", text)
            if not elsewhere or option not in options_of(cli.load(elsewhere[1])):
                yield option
    for name in re.findall(r"imgconv ([a-z]\w*)", text):
        if name not in cli.COMMANDS and name != "itself":  # written by imgconv itself
            yield f"imgconv {name}"


def main() -> int:
    wrong = 0
    every = list(lines())
    for line, right in every:
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            shutil.copy(CHART, "a.png")
            for problem in check(line, right):
                wrong += 1
                print(f"imgconv {line}: {problem}")
    print(f"{len(every)} lines, {sum(not right for _, right in every)} of them wrong, {wrong} bad")
    return int(wrong > 0)


if __name__ == "__main__":
    os.environ.setdefault("COLUMNS", "80")
    raise SystemExit(main())
