"""The model files that come with imgconv: whole, small, and honest about themselves."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from imgconv.engine import load

FOLDER = Path(__file__).parent.parent / "weights"
FILES = sorted(FOLDER.glob("*.safetensors"))
SAID = {"name", "task", "description", "licence", "data", "architecture", "training", "metrics",
        "failures"}  # fmt: skip


def test_all_weights_together_stay_below_48_megabytes():
    assert sum(file.stat().st_size for file in FILES) < 48e6


def test_the_list_of_hashes_names_every_file_and_is_right():
    found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in FILES}
    lines = (FOLDER / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    assert found == {name: digest for digest, name in (line.split("  ") for line in lines)}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_card_says_what_users_have_to_know(file):
    card = load(file).card
    assert card.keys() >= SAID
    assert all(card[key] for key in SAID - {"task"})
    assert all({"name", "terms"} <= part.keys() for part in card["data"])
