"""Model files: what is saved comes back, and damaged or hostile files get one line."""

from __future__ import annotations

import json
import pickle
import struct
import subprocess
import sys
import time
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from imgconv.engine import model_file
from imgconv.engine.float16 import halve, widen
from imgconv.engine.graph import Graph, Node, canonical, to_json
from imgconv.engine.model_file import KEY, Model, load, save
from imgconv.errors import ImgconvError, InputError, OutputError

CARD = {"name": "tiny", "version": 1, "licence": "MIT", "metrics": {"psnr": 31.5}}


def network(seed: int = 0) -> Graph:
    rng = np.random.default_rng(seed)
    tensors = {
        "w": rng.normal(0, 0.1, (4, 3, 3, 3)).astype(np.float32),
        "b": rng.normal(0, 0.1, 4).astype(np.float32),
        "s": np.array([1, -1], np.int64),
        "number": np.array(2.5, np.float32),
    }
    nodes = (
        Node("conv", ("image", "w", "b"), ("a",), {"pads": (1, 1, 1, 1)}, "conv1"),
        Node("reshape", ("a", "s"), ("flat",)),
    )
    return Graph({"image": (1, 3, None, None)}, ("flat",), nodes, tensors)


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "tiny.safetensors"
    save(path, network(), CARD)
    return path


def rewritten(path, change):
    """The same file with another header (its length adjusted) in front of the same data."""
    raw = path.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8 : 8 + length])
    header = change(header) or header
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + raw[8 + length :])
    return path


def graph_rewritten(path, change):
    def inside(header):
        data = json.loads(header["__metadata__"][KEY])
        data = change(data) or data
        header["__metadata__"][KEY] = data if isinstance(data, str) else json.dumps(data)

    return rewritten(path, inside)


def message(path) -> str:
    with pytest.raises(InputError) as caught:
        load(path)
    text = str(caught.value)
    assert text.startswith(str(path)) and "\n" not in text and len(text) < 500 + len(str(path))
    return text.removeprefix(str(path)).removeprefix(": ")


@pytest.mark.parametrize("half", [False, True])
def test_what_is_saved_comes_back(tmp_path, half):
    path, made = tmp_path / "m.safetensors", network()
    model = save(path, made, CARD, half=half)
    for found in (model, load(path), load(str(path))):
        assert found.card == CARD
        assert found.graph.nodes == made.nodes
        assert found.graph.inputs == made.inputs and found.graph.outputs == made.outputs
        for name, tensor in made.tensors.items():
            rounded = half and name == "w"
            wanted = tensor.astype(np.float16).astype(np.float32) if rounded else tensor
            np.testing.assert_array_equal(found.graph.tensors[name], wanted, strict=True)
            assert found.graph.tensors[name].dtype == tensor.dtype
    assert model.path == str(path)
    kinds = {name: tensor.dtype.name for name, tensor in load_file(path).items()}
    assert kinds == {
        "w": "float16" if half else "float32",
        "b": "float32",
        "s": "int64",
        "number": "float32",
    }


def test_the_same_model_makes_the_same_bytes(tmp_path):
    first = save(tmp_path / "a.safetensors", network(), CARD)
    second = save(tmp_path / "b.safetensors", network(), dict(reversed(CARD.items())))
    assert first.sha256 == second.sha256 and len(first.sha256) == 64
    assert first.sha256 != save(tmp_path / "c.safetensors", network(1), CARD).sha256


def test_arrays_in_any_memory_order_are_stored_rightly(tmp_path):
    made = network()
    made.tensors["w"] = np.asfortranarray(made.tensors["w"])
    made.tensors["b"] = np.repeat(made.tensors["b"], 2)[::2]
    found = save(tmp_path / "m.safetensors", made, CARD, half=False).graph
    for name, tensor in made.tensors.items():
        np.testing.assert_array_equal(found.tensors[name], tensor)


def test_a_card_that_is_no_json_is_refused_and_nothing_is_left(tmp_path):
    for card in ({"a": float("nan")}, {"a": {1, 2}}):
        with pytest.raises(OutputError, match="not plain JSON"):
            save(tmp_path / "m.safetensors", network(), card)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file_and_no_other(saved, monkeypatch):
    before = saved.read_bytes()
    monkeypatch.setattr(model_file, "load", lambda path: Model(network(2), CARD, str(path)))
    with pytest.raises(OutputError, match="reads back differently"):
        save(saved, network(1), CARD)
    assert saved.read_bytes() == before and list(saved.parent.iterdir()) == [saved]


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(ImgconvError, match="cannot be written"):
        save(tmp_path / "none" / "m.safetensors", network(), CARD)


def test_only_weights_that_survive_it_are_halved():
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 0.05, (8, 8, 3, 3)).astype(np.float32)
    assert halve(weights).dtype == np.float16
    for kept in (weights.ravel(), weights * 1e6, weights * 1e-7, weights + np.float32("inf")):
        assert halve(kept) is kept
    mixed = weights.copy()
    mixed[0] *= 1e5
    assert halve(mixed).dtype == np.float16 or np.abs(mixed).max() >= 60000


def test_every_half_becomes_the_float_that_numpy_makes_of_it():
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)]
    for half in (finite, every, finite[:0], finite.reshape(-1, 8)):
        np.testing.assert_array_equal(widen(half), half.astype(np.float32))
        assert widen(half).dtype == np.float32


def test_a_file_that_is_not_there_or_no_file_is_said(tmp_path):
    assert message(tmp_path / "none.safetensors") == "no such file"
    assert "cannot be read" in message(tmp_path) or "damaged" in message(tmp_path)


def test_weights_without_a_graph_are_named_as_such(tmp_path):
    path = tmp_path / "torch.safetensors"
    save_file({"conv1.weight": np.zeros((4, 3, 3, 3), np.float32)}, path, {"format": "pt"})
    assert message(path).startswith("1 tensors without a graph, such as PyTorch weights: export")


def test_a_file_of_a_later_version_is_named_as_such(saved):
    graph_rewritten(saved, lambda data: {**data, "format": 2, "graph": {"anything": "else"}})
    assert message(saved) == "found a model of format 2, allowed up to 1: update imgconv"


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 100])
def test_a_truncated_file_is_damaged(saved, length):
    saved.write_bytes(saved.read_bytes()[:length])
    assert message(saved).startswith(("damaged", "cannot be read"))


def test_a_file_cut_at_its_end_or_with_more_behind_is_damaged(saved):
    raw = saved.read_bytes()
    saved.write_bytes(raw[:-1])
    assert message(saved).startswith("damaged")
    saved.write_bytes(raw + b"x")
    assert message(saved).startswith("damaged")


def changed(name, **values):
    return lambda header: header[name].update(values)


@pytest.mark.parametrize(
    "change",
    [
        changed("w", shape=[1 << 40, 1 << 40]),
        changed("w", shape=[4, 3, 3]),
        changed("w", shape=[-4, 3, 3, 3]),
        changed("w", data_offsets=[0, 1 << 60]),
        changed("w", data_offsets=[-5, 7]),
        changed("w", data_offsets=[0, 0]),
        changed("w", dtype="F99"),
        changed("w", dtype="F64"),
        lambda header: header.pop("w") and None,
        lambda header: [1, 2],
        lambda header: {**header, "__metadata__": {KEY: 3}},
        lambda header: {**header, "extra": {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}},
    ],
)
def test_a_header_that_does_not_fit_the_data_is_refused(saved, change):
    assert message(rewritten(saved, change)).startswith("damaged")


def test_numbers_of_other_types_are_refused_by_tensor(tmp_path):
    path = tmp_path / "m.safetensors"
    text = '{"format":1,"graph":{},"card":{}}'
    save_file({"w": np.zeros(3, np.float64)}, path, {KEY: text})
    assert message(path).startswith("tensor 'w' holds F64, allowed F16, F32, I64")


def without(*path):
    def change(data):
        place = data
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]

    return change


def attribute(name, value):
    return lambda data: data["graph"]["nodes"][0]["attributes"].update({name: value})


HOSTILE = [
    (lambda data: "no json", "damaged graph ("),
    (lambda data: "[" * 200_000, "damaged graph ("),
    (lambda data: '{"a":' * 200_000, "damaged graph ("),
    (lambda data: "NaN", "damaged graph ("),
    (lambda data: json.dumps(data).replace('"pads": [1', '"pads": [NaN'), "damaged graph (NaN is"),
    (lambda data: json.dumps(data).replace("31.5", "1e999"), "damaged graph (1e999 is no finite"),
    (lambda data: "9" * 100_000, "damaged graph ("),
    (lambda data: [data], "damaged graph (found no format"),
    (lambda data: {**data, "format": "1"}, "damaged graph (found no format"),
    (lambda data: {**data, "format": 0}, "damaged graph (found no format"),
    (without("card"), "damaged graph (no card or no graph)"),
    (without("graph"), "damaged graph (no card or no graph)"),
    (without("graph", "nodes"), "the graph is an object without 'nodes'"),
    (lambda data: data["graph"]["nodes"].reverse(), "layer 'flat' (reshape) reads 'a' before"),
    (lambda data: data["graph"]["nodes"][0].update(operator="__import__"), "layer 'conv1'"),
    (lambda data: data["graph"]["nodes"][0].update(inputs=["image", "none"]),
     "layer 'conv1' (conv) reads 'none'"),
    (attribute("pads", [1 << 40] * 4), "layer 'conv1' (conv) has pads = "),
    (attribute("strides", [0, 0]), "layer 'conv1' (conv) has strides = "),
    (attribute("groups", 1.5), "layer 'conv1' (conv) has groups = 1.5"),
    (attribute("code", "import os"), "layer 'conv1' (conv) has the attribute 'code'"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "start"), HOSTILE)
def test_a_hostile_graph_gets_one_line(saved, change, start):
    assert message(graph_rewritten(saved, change)).startswith(start)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 1 << 30), st.integers(0, 255), st.integers(0, 1 << 30))
def test_any_changed_byte_makes_one_line_or_a_sound_model(saved, place, value, other):
    whole = saved.with_name("whole.safetensors")
    if not whole.exists():
        whole.write_bytes(saved.read_bytes())
    raw = bytearray(whole.read_bytes())
    raw[place % len(raw)] = value
    raw[other % min(1200, len(raw))] = value
    saved.write_bytes(raw)
    try:
        load(saved)
    except InputError as problem:
        assert "\n" not in str(problem)


def test_a_small_file_that_promises_much_costs_no_memory(saved):
    rewritten(saved, changed("w", shape=[1 << 20, 1 << 20], data_offsets=[0, 1 << 41]))
    tracemalloc.start()
    message(saved)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_loading_takes_no_more_memory_than_the_weights_as_float32(tmp_path):
    made = network()
    made.tensors["w"] = np.ones((256, 3, 64, 64), np.float32)
    path = tmp_path / "m.safetensors"
    save(path, made, CARD)
    load(path)
    tracemalloc.start()
    load(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2.2 * 2 * path.stat().st_size


def test_fifteen_megabytes_of_float16_load_in_forty_milliseconds(tmp_path):
    made = network()
    made.tensors["w"] = np.full((256, 3, 99, 99), 0.25, np.float32)
    path = tmp_path / "m.safetensors"
    save(path, made, CARD)
    assert path.stat().st_size > 15_000_000
    times = []
    for _ in range(5):
        start = time.thread_time()
        load(path)
        times.append(time.thread_time() - start)
    assert min(times) < 0.040


def test_loading_imports_no_pickle_machinery_and_no_compiler(saved):
    code = (
        "import sys; from imgconv.engine.model_file import load; load(sys.argv[1]);"
        "print([m for m in ('torch', 'onnx', 'numba', 'scipy') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code, saved], capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stderr


def test_a_loaded_model_is_pickled_as_its_path_and_hash(saved):
    model = load(saved)
    text = pickle.dumps(replace(model, card={**model.card, "more": 1}))
    assert len(text) < 2000 + len(str(model.card))
    again, other = pickle.loads(text), pickle.loads(text)
    assert again.graph is other.graph and again.card["more"] == 1
    assert again.path == model.path and again.sha256 == model.sha256
    assert canonical(to_json(again.graph)) == canonical(to_json(model.graph))


def test_a_pickled_model_whose_file_has_changed_is_refused(saved):
    model = load(saved)
    text = pickle.dumps(model)
    save(saved, network(7), CARD)
    with pytest.raises(InputError, match="is another model than"):
        pickle.loads(text)
    with pytest.raises(InputError, match="has been changed since it was loaded"):
        pickle.dumps(replace(model))  # its hash was never asked for


@pytest.mark.parametrize("part", [False, True])
def test_a_model_made_in_memory_is_pickled_as_its_graph(saved, part):
    model = Model(network(), CARD, "")
    if part:  # of a loaded one, with another graph than lies in the file
        model = replace(load(saved), graph=network(3))
    again = pickle.loads(pickle.dumps(model))
    assert canonical(to_json(again.graph)) == canonical(to_json(model.graph))
    for name, tensor in model.graph.tensors.items():
        np.testing.assert_array_equal(again.graph.tensors[name], tensor)
