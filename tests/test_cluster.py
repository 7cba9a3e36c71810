"""Batches on a real scheduler with worker processes do what they do here."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import standin
import tifffile
from PIL import Image

from imgconv import cli
from imgconv.batch import Done, Item, Outcome, cluster, large_items
from imgconv.cli import report
from imgconv.cli.console import Console
from imgconv.errors import InputError, UsageError
from imgconv.images import bands

pytestmark = pytest.mark.filterwarnings("ignore")  # of Dask's and its libraries' own
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def machines() -> Iterator[list[str]]:
    """The scheduler's address, and the process ids of four workers."""
    path = os.pathsep.join([str(HERE), str(HERE.parent)])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, str(HERE / "cluster_processes.py"), "4"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    ) as processes:
        assert processes.stdout and processes.stdin
        yield processes.stdout.readline().split()
        processes.stdin.close()


@pytest.fixture(scope="module")
def connected(machines: list[str]) -> Iterator[cluster.Cluster]:
    with cluster.connect(machines[0]) as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    Path("in/below").mkdir(parents=True)
    for n in range(30):
        pixels = rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(f"in/{'below/' * (n > 20)}{n:02}.png")
    Path("in/07.png").write_bytes(Path("in/07.png").read_bytes()[:200])
    return tmp_path


def contents(folder: str) -> dict[str, bytes]:
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def run(line: str) -> tuple[int, str, str]:
    console = Console(io.StringIO(), io.StringIO(), io.StringIO())
    code = cli.main(line.split(), console)
    return code, console.stdout.getvalue(), console.stderr.getvalue()


def test_outputs_messages_and_exit_code_are_those_of_one_machine(
    folder: Path, machines: list[str]
) -> None:
    line = "filter -k gaussian:1 -r in -o out/ --verbose"
    here, files = run(line), contents("out")
    shutil.rmtree("out")
    there = run(f"{line} --cluster {machines[0]}")
    assert here[0] == there[0] == 1 and here[1] == there[1]
    assert contents("out") == files and len(files) == 29
    assert "in/07.png: " in there[2] and "29 done, 1 failed" in there[2]
    assert "s on tcp://127.0.0.1" in there[2]
    assert not list(folder.glob("**/.imgconv*"))


@pytest.fixture
def narrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every image is large, and passes in narrow bands."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(large_items, "LARGE", 0)
    monkeypatch.setattr(bands, "LARGE", 0)
    monkeypatch.setattr(bands, "BAND", 90 * 40)
    pixels = np.random.default_rng(2).integers(0, 256, (2, 333, 90), dtype=np.uint8)
    tifffile.imwrite("a.tif", pixels, tile=(32, 32), compression="zlib")


@pytest.mark.parametrize(
    "words",
    ["filter -k gaussian:1 --border wrap", "filter -k sharpen --bias 7", "pool --size 3 --stride 2",
     "upsample --method bilinear"],
)  # fmt: skip
def test_a_large_image_is_done_in_blocks_and_is_that_of_one_machine(
    words: str, tmp_path: Path, machines: list[str], narrow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, said = run(f"{words} a.tif -o there.tif -v --cluster {machines[0]}")
    assert code == 0 and "on in blocks" in said, said
    monkeypatch.setattr(bands, "LARGE", 1 << 40)
    assert run(f"{words} a.tif -o here.tif")[0] == 0
    assert Path("here.tif").read_bytes() == Path("there.tif").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif", "here.tif", "there.tif"]


def test_a_large_image_that_is_damaged_is_one_line(
    tmp_path: Path, machines: list[str], narrow: None
) -> None:
    with tifffile.TiffFile("a.tif") as file:
        place = file.pages[0].dataoffsets[20]
    with Path("a.tif").open("r+b") as file:
        file.seek(place)
        file.write(b"damaged!")
    code, _, said = run(f"filter -k sharpen a.tif -o b.tif --cluster {machines[0]}")
    assert code == 1 and "a.tif: " in said and "Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_the_record_says_which_worker_did_each_image(folder: Path, machines: list[str]) -> None:
    field = np.full((48, 64), 100, np.uint16)
    field[5:14, 6:15] = field[30:39, 20:29] = 1000
    for name in ("a", "b"):
        tifffile.imwrite(f"{name}.tif", field)
    standin.model(Path("m.safetensors"))
    line = "segment --model m.safetensors a.tif b.tif --quiet"
    assert run(f"{line} -o here")[0] == 0
    assert run(f"{line} -o there --cluster {machines[0]}")[0] == 0
    here, there = contents("here"), contents("there")
    assert here.keys() == there.keys()
    assert {name for name in here if here[name] != there[name]} == {"imgconv-run.json"}
    images = json.loads(there["imgconv-run.json"])["images"]
    assert all(image["worker"].startswith("tcp://127.0.0.1:") for image in images)


def test_json_names_the_worker_and_quick_items_go_several_at_a_time(
    folder: Path, machines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    submit = cluster.Cluster.submit

    def counted(self: cluster.Cluster, group: Any) -> Any:
        sent.append(len(group))
        return submit(self, group)

    monkeypatch.setattr(cluster.Cluster, "submit", counted)
    code, out, _ = run(f"pool -r in -o out/ --json --cluster {machines[0]}")
    records = [json.loads(line) for line in out.splitlines()]
    assert code == 1 and len(records) == 30 == sum(sent)
    assert max(sent) > 1
    assert sum("worker" in record for record in records) == 30


@dataclass(frozen=True)
class Slow:
    """Takes its time, and writes a file that tells what it was made of."""

    def __call__(self, item: Item) -> Done:
        time.sleep(0.02)
        Path(item.target).write_text(item.source)
        return Done((item.target,))


def items(folder: Path, count: int) -> list[Item]:
    (folder / "slow").mkdir()
    return [Item(f"{n}.png", f"slow/{n}.txt", n) for n in range(1, count + 1)]


def test_closing_begins_no_more_and_waits_for_what_is_under_way(
    folder: Path, machines: list[str]
) -> None:
    gathered: list[Outcome] = []
    with cluster.connect(machines[0]) as found:
        outcomes = found.run(items(folder, 400), Slow(), fold=gathered.append)
        next(outcomes)
        outcomes.close()
    written = sorted(int(path.stem) for path in Path("slow").glob("*.txt"))
    assert written == [one.item.number for one in gathered if one.status == "written"]
    assert 1 <= len(written) < 400


def test_a_worker_of_another_version_is_one_line(
    folder: Path, connected: cluster.Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "__version__", "99.0")
    with pytest.raises(InputError, match=r"\(and 3 more\) has imgconv .*, here is 99.0: install"):
        list(connected.run(items(folder, 1), Slow()))


@dataclass(frozen=True)
class Changed(Slow):
    """A step with a model that is another one where it is unpickled."""

    def __reduce__(self) -> Any:
        return _refuse, ()


def _refuse() -> Any:
    raise InputError("m.safetensors: is another model than the one that was sent here")


def test_workers_that_have_another_model_or_other_files_are_one_line(
    folder: Path, connected: cluster.Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    todo = items(folder, 1)
    with pytest.raises(InputError, match=r"worker tcp://\S+ \(and 3 more\): m.safetensors: is an"):
        list(connected.run(todo, Changed()))
    hidden = [("/nowhere/a.png", 3), (str(folder / "in/00.png"), 3)]
    for witness, words in zip(hidden, ("does not see /nowhere/a.png", "sees another"), strict=True):
        monkeypatch.setattr(cluster, "_witnesses", lambda _, one=witness: nullcontext((one,)))
        with pytest.raises(InputError, match=words):
            list(connected.run(todo, Slow()))
    assert not list(Path("slow").iterdir())


@pytest.mark.parametrize("address", ["tcp://nowhere", "no-such-file.json", "local:0", "8786"])
def test_an_address_that_is_none_says_what_is_allowed(address: str, folder: Path) -> None:
    with pytest.raises(UsageError, match="allowed are tcp://HOST:8786"), cluster.connect(address):
        pass


def test_a_scheduler_that_does_not_answer_is_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "ANSWER", 0.2)
    code, _, told = run("filter -k blur in/00.png --cluster tcp://127.0.0.1:9")
    assert code == 1 and "no scheduler answers there" in told and told.count("\n") == 1


class Deadly:
    """A cluster whose workers are lost whenever they meet item 3; `allowed` times by itself."""

    stopped, client, address = False, None, "deadly"

    def __init__(self, allowed: int) -> None:
        self.allowed, self.sent = allowed, []

    def submit(self, group: list[Item]) -> Any:
        self.sent.append([item.number for item in group])
        self.group = group
        return type("Task", (), {"result": lambda task, timeout, group=group: self.answer(group)})()

    def answer(self, group: list[Item]) -> list[Outcome]:
        from distributed import KilledWorker

        if any(item.number == 3 for item in group):
            raise KilledWorker("task", None, self.allowed)
        return [Outcome(item, "written") for item in group]

    def learn(self, outcomes: list[Outcome]) -> None:
        pass


@pytest.mark.parametrize(("allowed", "alone"), [(0, 3), (1, 2), (2, 1), (3, 1)])
def test_of_items_sent_together_only_the_one_that_ends_its_worker_fails(
    allowed: int, alone: int
) -> None:
    deadly: Any = Deadly(allowed)
    group = [Item(f"{n}.png", number=n) for n in (2, 3, 4)]
    found = cluster.Remote(deadly, group).result()
    assert [one.status for one in found] == ["written", "failed", "written"]
    assert found[1].message.startswith("3.png: tried ") and "worker" in found[1].message
    assert deadly.sent.count([3]) == alone


def test_what_was_stopped_and_has_no_worker_any_more_was_not_begun() -> None:
    deadly: Any = Deadly(2)
    deadly.stopped, deadly.client = True, SimpleNamespace(nthreads=dict)
    remote = cluster.Remote(deadly, [Item("1.png")])

    def late(timeout: float) -> None:
        raise TimeoutError

    remote.task = SimpleNamespace(result=late)
    assert remote.result() == []


@pytest.mark.parametrize(("allowed", "times"), [(0, 3), (1, 3), (2, 1)])
def test_a_block_whose_workers_are_lost_is_tried_three_times(allowed: int, times: int) -> None:
    from distributed import KilledWorker

    def lose(timeout: float) -> Any:
        raise KilledWorker("task", None, allowed)

    sent: list[Any] = []

    def send() -> Any:
        sent.append(SimpleNamespace(result=lose))
        return sent[-1]

    block = large_items.Block(send)
    with pytest.raises(InputError, match="lost a worker each time"):
        block.result()
    assert len(sent) == times


def test_the_blocks_of_a_lost_worker_are_made_by_another(
    tmp_path: Path, machines: list[str], narrow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    results, seen = large_items.Block.result, []

    def result(self: large_items.Block) -> Any:
        seen.append(self)
        if len(seen) == 3:
            os.kill(int(machines[1]), signal.SIGKILL)
        return results(self)

    monkeypatch.setattr(large_items.Block, "result", result)
    line = "upsample --scale 3 --method bilinear a.tif"
    code, _, said = run(f"{line} -o there.tif -v --cluster {machines[0]}")
    assert code == 0 and "on in blocks" in said and len(seen) > 6, said
    monkeypatch.setattr(bands, "LARGE", 1 << 40)
    assert run(f"{line} -o here.tif")[0] == 0
    assert Path("here.tif").read_bytes() == Path("there.tif").read_bytes()


def test_a_batch_that_loses_two_of_three_workers_is_complete(
    folder: Path, machines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(200):
        shutil.copy(f"in/{n % 7:02}.png", f"in/{n + 100}.png")
    Path("in/07.png").unlink()
    line = "filter -k gaussian:1 -r in -o out/"
    assert run(line)[0] == 0
    files, told = contents("out"), []
    shutil.rmtree("out")

    def show(outcome: Outcome) -> str:
        told.append(outcome)
        if len(told) == 3:
            for process in machines[2:4]:
                os.kill(int(process), signal.SIGKILL)
        return ""

    monkeypatch.setattr(report, "written_paths", show)
    code, _, said = run(f"{line} --cluster {machines[0]}")
    assert code == 0 and len(told) == 229, said
    whole = {name: data for name, data in contents("out").items() if not name.endswith(".part")}
    assert whole == files  # a part of a killed process may be left, for a later run to sweep


def test_a_step_is_sent_as_plain_data() -> None:
    assert pickle.loads(pickle.dumps(Slow())) == Slow()
