"""What others wrote never steers a terminal, and a table never runs in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgconv.cli import main
from imgconv.tasks.csv_table import csv_text, read_csv
from imgconv.text import show_name, show_text

EVIL = "a\x1b]0;owned\x07\x1b[2J\x9b31m\r\n  size  9 x 9\u202e"


def is_harmless(text):
    return all(c.isprintable() or c == "\n" for c in text)


def chunk(kind, content):
    whole = kind + content
    return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))


@pytest.fixture
def evil_png(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0))
        + chunk(b"iTXt", b"Software\0\0\0\0\0" + EVIL.encode())
        + chunk(b"iTXt", b"Title\x1b[1m\0\0\0\0\0" + EVIL.encode())
        + chunk(b"IDAT", zlib.compress(bytes(72)))
        + chunk(b"IEND", b"")
    )
    return str(path)


@pytest.fixture
def evil_model(tmp_path):
    node = {"operator": "relu", "name": EVIL, "inputs": ["x"], "outputs": ["y"], "attributes": {}}
    graph = {"inputs": [{"name": "x", "shape": [1, 1, None, None]}], "outputs": ["y"]}
    words = ("name", "description", "task", "licence", "architecture", EVIL)
    card = dict.fromkeys(words, EVIL) | {"data": [{EVIL: EVIL}], "metrics": {EVIL: [EVIL]}}
    said = {"format": 1, "card": card, "graph": graph | {"nodes": [node]}}
    header = json.dumps({"__metadata__": {"imgconv": json.dumps(said)}}).encode()
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    return str(path)


def test_metadata(evil_png, capfd):
    assert main(["info", "-v", evil_png]) == 0
    out, err = capfd.readouterr()
    assert "owned" in out
    assert is_harmless(out + err)
    assert sum(line.split()[:1] == ["size"] for line in out.splitlines()) == 1
    assert main(["info", "--json", evil_png]) == 0
    assert json.loads(capfd.readouterr().out)["software"] == EVIL


@pytest.mark.parametrize("argv", [["list"], ["show"], ["verify"]])
def test_cards_and_layers(evil_model, capfd, argv):
    assert main(["models", *argv, evil_model]) == 0
    out, err = capfd.readouterr()
    assert argv == ["verify"] or "owned" in out
    assert is_harmless(out + err)


def test_what_the_card_says_is_exact_in_json(evil_model, capfd):
    assert main(["models", "show", "--json", evil_model]) == 0
    out, _ = capfd.readouterr()
    assert json.loads(out)["card"]["name"] == EVIL
    assert is_harmless(out)


@pytest.mark.parametrize("argv", [["filter", "-k", EVIL], [EVIL], ["models", "show", EVIL]])
def test_what_was_typed_comes_back_harmless(evil_png, capfd, argv):
    assert main([*argv, evil_png]) == 2 or "models" in argv
    out, err = capfd.readouterr()
    assert is_harmless(out + err)


@given(st.text())
@settings(deadline=None, max_examples=50)
def test_any_text(text):
    assert show_text(text).isprintable()
    assert is_harmless(show_text(text, lines=True))
    assert show_text(text, lines=True).count("\n") == text.count("\n")


def test_printable_text_stays():
    assert show_text("Grüße ✓ -3 'x'") == "Grüße ✓ -3 'x'"
    assert show_name("a\x1bb.png") == r"a\x1bb.png"


FIELDS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"), max_size=8),
    st.sampled_from(["=1+1", "+x", "-x", "@SUM(A1)", "'=x", "''-x", "\t=x", "'", "-1.5"]),
)


@given(st.lists(FIELDS, min_size=1, max_size=3), FIELDS)
@settings(deadline=None, max_examples=100)
def test_no_cell_is_a_formula_and_all_come_back(fields, name):
    columns = [f"{name}{n}" for n in range(len(fields))]
    text = csv_text(columns, [dict(zip(columns, fields, strict=True))])
    for row in csv.reader(io.StringIO(text)):
        for cell in row:
            assert cell[:1] not in tuple("=+-@\t\r") or float(cell) is not None
    found, (row,) = read_csv(text)
    assert found == columns
    assert [row[column] for column in columns] == fields
