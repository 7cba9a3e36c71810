"""Output names are planned before anything is read, and every clash is refused."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imgconv.batch import Item, plan
from imgconv.batch.digests import Digests
from imgconv.batch.inputs import Found
from imgconv.batch.targets import Naming, suffix_of
from imgconv.errors import UsageError
from imgconv.images import SOFTWARE


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((2, 2), np.uint8)).save(name)


def make_ours(*names: str) -> None:
    from PIL.PngImagePlugin import PngInfo

    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        mark = PngInfo()
        mark.add_text("Software", SOFTWARE)
        Image.fromarray(np.zeros((2, 2), np.uint8)).save(name, pnginfo=mark)


def targets(*inputs: str, **options: Any) -> list[str]:
    return [item.target for item in plan(inputs, command="filter", **options).items]


def test_without_output_the_result_lies_beside_the_input() -> None:
    make("photos/a.png")
    assert targets("photos/a.png") == ["photos/a-filter.png"]


def test_a_command_may_ask_for_a_folder_beside_the_input() -> None:
    make("cells/a.png")
    assert targets("cells/a.png", folder="segmented") == ["cells/segmented/a.png"]


def test_a_folder_as_output_keeps_the_names_and_the_tree() -> None:
    make("in/a.png", "in/sub/b.png")
    assert targets("in", recursive=True, output="out/") == ["out/a.png", "out/sub/b.png"]
    assert targets("in/**/*.png", output="out") == ["out/a.png", "out/sub/b.png"]


def test_a_single_input_may_name_its_output_file() -> None:
    make("a.png")
    assert targets("a.png", output="x/y.tif") == ["x/y.tif"]


def test_an_output_without_a_suffix_is_a_folder() -> None:
    make("a.png")
    assert targets("a.png", output="results") == ["results/a.png"]


def test_a_template_has_stem_suffix_parent_and_index() -> None:
    make("in/a.png", "in/b.png")
    template = "{parent}/{index:03d}_{stem}-x{suffix}"
    assert targets("in", output=template) == ["in/001_a-x.png", "in/002_b-x.png"]


def test_the_index_counts_what_is_planned_whatever_is_left_out() -> None:
    make("b.png", "d.png")
    make_ours("a.png", "c.png")
    items = plan(["*.png"], command="filter", output="out/{index}.png").items
    assert [item.target for item in items if not item.skip] == ["out/1.png", "out/2.png"]
    assert [item.number for item in items] == [1, 2, 3, 4]


def test_pages_stay_open_until_they_are_counted_and_braces_survive() -> None:
    make("{a}.tif")
    (item,) = plan(["{a}.tif"], command="filter", output="{stem}_{{p}}{page:02d}.png").items
    assert item.page(7) == "{a}_{p}07.png"


def test_format_changes_the_suffix_only_where_it_has_to() -> None:
    make("a.jpeg", "b.png")
    assert targets("a.jpeg", "b.png", format="jpeg") == ["a-filter.jpeg", "b-filter.jpg"]


def test_a_command_may_change_the_suffix_but_format_wins() -> None:
    make("a.png")
    assert targets("a.png", suffix=lambda found: ".tif") == ["a-filter.tif"]
    assert targets("a.png", suffix=lambda found: ".tif", format="npy") == ["a-filter.npy"]


def test_further_files_share_the_stem() -> None:
    make("a.png")
    (item,) = plan(["a.png"], command="segment", also=["-labels.tif", ".csv"]).items
    assert item.also == ("a-segment-labels.tif", "a-segment.csv")


def test_standard_input_goes_to_standard_output_or_to_the_named_file() -> None:
    assert targets("-") == ["-"]
    assert targets("-", output="x.png") == ["x.png"]
    assert targets("-", output="out/", format="png") == ["out/stdin.png"]
    with pytest.raises(UsageError, match="standard input has no name"):
        targets("-", output="out/")


@pytest.mark.parametrize(
    ("inputs", "options", "words"),
    [
        ((), {}, "no input"),
        (("x/a.png", "y/a.png"), {"output": "o.png"}, "several inputs (x/a.png, y/a.png)"),
        (("x/a.png", "y/a.png"), {"output": "-"}, "one standard output"),
        (("x/a.png",), {"output": "x/a.png"}, "over the input x/a.png"),
        (("x/a.png",), {"output": "x/a.png", "force": True}, "over the input"),
        (("x/a.png",), {"output": "x/../x/"}, "over the input"),
        (("x/a.png",), {"output": "o.xyz"}, "must end in a format's suffix"),
        (("x/a.png",), {"output": "{stm}.png"}, "unknown {stm}; did you mean {stem}?"),
        (("x/a.png",), {"output": ""}, "the name after `output` is empty"),
        (("x/a.png",), {"output": "{stem:d}.png"}, "Unknown format code"),
        (("x/a.png",), {"output": "{stem.png"}, "`output='{stem.png'`"),
        (("x/a.png",), {"force": True, "skip_existing": True}, "exclude each other"),
        (("-",), {"files_from": "-"}, "either an image"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_read(
    inputs: tuple[str, ...], options: dict[str, Any], words: str
) -> None:
    make("x/a.png", "y/a.png")
    with pytest.raises(UsageError) as error:
        targets(*inputs, **options)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_an_output_over_another_input_is_refused_even_through_a_link() -> None:
    make("a.png", "real.png")
    Path("out").mkdir()
    Path("out/a.png").symlink_to(Path("real.png").resolve())
    with pytest.raises(UsageError, match=r"over the input real\.png"):
        targets("a.png", "real.png", output="out/", force=True)


def test_existing_outputs_are_refused_counted_and_named() -> None:
    make("a.png", "b.png", "out/a.png", "out/b.png")
    with pytest.raises(UsageError, match=r"out/a.png exists already \(and 1 more\)"):
        targets("a.png", "b.png", output="out/")
    assert targets("a.png", "b.png", output="out/", force=True) == ["out/a.png", "out/b.png"]


def test_skip_existing_says_what_it_leaves() -> None:
    make("a.png", "b.png", "out/a.png")
    first, second = plan(["a.png", "b.png"], command="f", output="out/", skip_existing=True).items
    assert first.skip == "out/a.png exists"
    assert not second.skip


def test_an_item_that_lacks_one_of_its_files_is_done_again() -> None:
    make("a.png", "a-f.png")
    (item,) = plan(["a.png"], command="f", also=[".csv"], skip_existing=True).items
    assert not item.skip


def test_our_own_outputs_among_other_inputs_are_left_out() -> None:
    make("a.png")
    make_ours("a-filter.png", "old.png")
    items = plan(["a-filter.png", "a.png", "old.png"], command="filter", force=True).items
    assert [bool(item.skip) for item in items] == [True, False, True]
    assert "written by imgconv" in items[0].skip


def test_our_own_outputs_alone_are_what_the_user_means() -> None:
    make_ours("sharp/a.png", "sharp/b.png")
    assert [item.skip for item in plan(["sharp"], command="pool").items] == ["", ""]


def test_a_pattern_can_be_run_twice() -> None:
    make("a.png", "b.png")
    make_ours("a-filter.png", "b-filter.png")
    items = plan(["*.png"], command="filter", skip_existing=True).items
    assert all(item.skip for item in items)


def test_items_are_plain_data() -> None:
    make("a.png")
    items = plan(["a.png"], command="filter").items
    assert pickle.loads(pickle.dumps(items)) == items


names = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=12
).filter(lambda name: name not in (".", ".."))


@given(names, st.integers(1, 10**6), st.sampled_from(["", "d/", "d/{e}/"]))
def test_any_name_survives_a_template(name: str, page: int, parent: str) -> None:
    found = Found(parent + name + ".png")
    naming = Naming("f", "{parent}/{stem}@{page}{suffix}", suffix_of(None), False)
    item = Item(found.path, naming.target(found, 1), paged=True)
    folder = parent.rstrip("/") or os.curdir
    stem, suffix = os.path.splitext(name + ".png")  # noqa: PTH122 (a stem may end in dots)
    assert item.page(page) == f"{folder}/{stem}@{page}{suffix}"


def later(*inputs: str, ahead: int = 2, **options: Any) -> list[Item]:
    """The items of a plan of which only the first are known before anything begins."""
    return list(plan(inputs, command="f", ahead=ahead, **options))


def test_what_is_planned_later_is_planned_alike() -> None:
    make("in/a.png", "in/c.png", "in/d.png", "in/sub/e.png", "f.png")
    make_ours("in/b.png")
    options: dict[str, Any] = {"output": "out/{index}{suffix}", "recursive": True}
    whole = plan(["in", "f.png", "in/a.png"], command="f", **options)
    planned = plan(["in", "f.png", "in/a.png"], command="f", ahead=2, **options)
    assert whole.is_whole and not planned.is_whole
    assert len(planned.items) == 2 and planned.count <= len(whole.items)
    assert tuple(planned) == whole.items
    assert planned.is_whole and planned.count == len(whole.items) == 6


def test_two_to_one_is_found_later_too() -> None:
    make(*(f"{folder}/{name}.png" for folder in "xy" for name in "abc"))
    items = later("x", "y", output="out/")
    assert ["would both be written" in item.error for item in items] == [False] * 3 + [True] * 3


def test_what_exists_is_left_alone_later_too() -> None:
    make("a.png", "b.png", "c.png", "d.png", "out/d.png")
    inputs = ("a.png", "b.png", "c.png", "d.png")
    assert "out/d.png exists already" in later(*inputs, output="out/")[3].error
    assert later(*inputs, output="out/", skip_existing=True)[3].skip == "out/d.png exists"
    assert later(*inputs, output="out/", force=True)[3] == Item("d.png", "out/d.png", 4)


def test_an_input_that_has_not_had_its_turn_is_not_written_over() -> None:
    make("a.png", "b.png", "c.png", "out/c.png", "out/d.png")
    items = later("a.png", "b.png", "c.png", "out", output="out/", force=True, ahead=2)
    assert "over the input out/c.png" in items[2].error
    assert "over the input" in items[4].error


def test_what_the_batch_itself_has_written_is_no_input() -> None:
    make("a.png", "b.png", "z/a.png")
    planned = plan([".", "z"], command="f", output="z/y/", recursive=True, ahead=1)
    items = []
    for item in planned:
        items.append(item.source)
        if not (item.error or item.skip):
            make(item.target)
    assert items == [
        "./a.png",
        "./b.png",
        "./z/a.png",
        "./z/y/a.png",
        "./z/y/b.png",
        "./z/y/z/a.png",
    ]


@given(st.sets(st.text("ab", min_size=1, max_size=12), max_size=300))
def test_digests_are_a_set(words: set[str]) -> None:
    digests = Digests()
    assert all(digests.add(word) for word in words)
    assert not any(digests.add(word) for word in words)
    assert all(word in digests for word in words) and "c" not in digests


def test_a_set_of_digests_grows() -> None:
    digests = Digests()
    assert sum(digests.add(str(n % 5000)) for n in range(9000)) == 5000
