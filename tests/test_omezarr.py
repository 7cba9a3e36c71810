"""OME-Zarr in and out, beside ome-zarr-models, which validates, and ome-zarr-py, which opens."""

from __future__ import annotations

import functools
import http.server
import io
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import standin
import tifffile

from imgconv import cli
from imgconv.cli.console import Console
from imgconv.images import Info, WriteOptions, bands, open_image, write_image

zarr = pytest.importorskip("zarr")
models = pytest.importorskip("ome_zarr_models")
pytestmark = pytest.mark.filterwarnings("ignore")  # of these libraries' own


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(line: str, code: int = 0) -> tuple[str, str]:
    console = Console(io.StringIO(), io.StringIO(), io.StringIO())
    assert cli.main(line.split(), console) == code, console.stderr.getvalue()
    return console.stdout.getvalue(), console.stderr.getvalue()


def values(shape: tuple[int, ...], dtype: Any = np.uint16) -> np.ndarray:
    top = np.iinfo(dtype).max
    return np.random.default_rng(2).integers(0, top, shape, dtype, endpoint=True)


def make(
    path: str, array: np.ndarray, version: str = "0.5", axes: str = "tczyx", **more: Any
) -> None:
    """An image as others write it: two levels, lengths, channels."""
    types = {"t": "time", "c": "channel"}
    units = {"t": "second", "z": "micrometer", "y": "micrometer", "x": "micrometer"}
    scale = [{"t": 3.0, "z": 2.0, "y": 0.5, "x": 0.25}.get(axis, 1.0) for axis in axes]
    smaller = array[..., ::2, ::2]
    datasets = [
        {
            "path": name,
            "coordinateTransformations": [
                {"type": "scale", "scale": [*scale[:-2], *(factor * n for n in scale[-2:])]}
            ],
        }
        for name, factor in (("s0", 1), ("s1", 2))
    ]
    named = [
        {"name": axis, "type": types.get(axis, "space")}
        | ({"unit": units[axis]} if axis in units else {})
        for axis in axes
    ]
    one = {"axes": named, "datasets": datasets, "name": "made"}
    channels = [
        {"label": f"dye {n}", "color": "00FF00", "active": True,
         "window": {"min": 0, "max": 65535, "start": 0, "end": 900}}
        for n in range(array.shape[axes.index("c")] if "c" in axes else 0)
    ]  # fmt: skip
    told: dict[str, Any] = {"multiscales": [one]}
    told |= {"omero": {"channels": channels}} if channels else {}
    root = zarr.open_group(path, mode="w", zarr_format=3 if version == "0.5" else 2)
    for name, level in (("s0", array), ("s1", smaller)):
        how = dict(more)
        if version == "0.5":
            how["dimension_names"] = list(axes)
        else:
            how["chunk_key_encoding"] = {"name": "v2", "separator": "/"}
        made = root.create_array(name, shape=level.shape, dtype=level.dtype, **how)
        made[...] = level
    if version == "0.5":
        root.attrs.update({"ome": {"version": "0.5", **told}})
    else:
        one["version"] = "0.4"
        root.attrs.update(told)


def check(path: str, version: str) -> Any:
    """It is what the standard says, and ome-zarr-py opens it; its arrays, the largest first."""
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    found = models.open_ome_zarr(zarr.open_group(path, mode="r"), version=version)
    assert type(found).__name__ == "Image" and found.ome_zarr_version == version
    (node, *_) = Reader(parse_url(path))()
    root = zarr.open_group(path, mode="r")
    told = dict(root.attrs).get("ome", dict(root.attrs))
    arrays = [root[one["path"]] for one in told["multiscales"][0]["datasets"]]
    np.testing.assert_array_equal(np.asarray(node.data[0]), arrays[0][...])
    return arrays, told


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_axes_channels_lengths_levels_and_chunks_are_kept(folder: Path, version: str) -> None:
    array = values((2, 3, 1, 70, 90))
    make("a.zarr", array, version, chunks=(1, 1, 1, 32, 32))
    run("filter -k max:3 a.zarr -o b.zarr")
    arrays, told = check("b.zarr", version)
    for index in np.ndindex(2, 3, 1):
        wanted = scipy.ndimage.maximum_filter(array[index], 3, mode="mirror")
        np.testing.assert_array_equal(arrays[0][index], wanted)
    assert [one.shape for one in arrays] == [(2, 3, 1, 70, 90), (2, 3, 1, 35, 45)]
    assert arrays[0].chunks == (1, 1, 1, 32, 32)
    before = zarr.open_group("a.zarr").attrs.asdict()
    before = before.get("ome", before)
    assert told["omero"] == before["omero"]
    one, former = told["multiscales"][0], before["multiscales"][0]
    assert one["axes"] == former["axes"]
    for level, wanted in zip(one["datasets"], former["datasets"], strict=True):
        assert level["coordinateTransformations"] == wanted["coordinateTransformations"]


def test_the_smaller_images_are_means_and_lengths_follow_the_operation(folder: Path) -> None:
    make("a.zarr", values((64, 80)), axes="yx", chunks=(32, 32))
    run("pool --size 2 -m average a.zarr -o b.zarr")
    (first, second), told = check("b.zarr", "0.5")
    means = first[...].reshape(16, 2, 20, 2).mean((1, 3))
    assert np.abs(second[...] - means).max() <= 0.5
    scales = [
        d["coordinateTransformations"][0]["scale"] for d in told["multiscales"][0]["datasets"]
    ]
    assert scales == [[1.0, 0.5], [2.0, 1.0]]


def test_stacks_of_other_orders_come_out_in_the_order_of_the_standard(folder: Path) -> None:
    array = values((2, 3, 4, 40, 50))
    metadata = {
        "axes": "TZCYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5, "PhysicalSizeZ": 2,
        "Channel": {"Name": ["DAPI", "b", "c", "d"]},
    }  # fmt: skip
    tifffile.imwrite("a.ome.tif", array, metadata=metadata)
    run("filter -k identity a.ome.tif -o b.zarr")
    arrays, told = check("b.zarr", "0.5")
    np.testing.assert_array_equal(arrays[0][...], array.transpose(0, 2, 1, 3, 4))
    assert [one["label"] for one in told["omero"]["channels"]] == ["DAPI", "b", "c", "d"]
    first = told["multiscales"][0]["datasets"][0]["coordinateTransformations"][0]
    assert first["scale"] == [1.0, 1.0, 2.0, 0.5, 0.5]
    run("filter -k identity b.zarr -o c.ome.tif")
    with tifffile.TiffFile("c.ome.tif") as tiff:
        assert tiff.series[0].axes == "TCZYX" and 'Name="DAPI"' in tiff.ome_metadata
        np.testing.assert_array_equal(tiff.asarray(), array.transpose(0, 2, 1, 3, 4))


def test_colours_stay_colours_and_floats_floats(folder: Path) -> None:
    tifffile.imwrite("rgb.tif", values((30, 40, 3), np.uint8), photometric="rgb")
    run("filter -k identity rgb.tif -o a.zarr")
    assert check("a.zarr", "0.5")[0][0].shape == (3, 30, 40)
    run("filter -k identity a.zarr -o b.tif")
    with tifffile.TiffFile("b.tif") as tiff:
        assert tiff.pages.first.photometric.name == "RGB"
        np.testing.assert_array_equal(tiff.asarray(), values((30, 40, 3), np.uint8))
    run("filter -k sobel-x --range float a.zarr -o c.zarr")
    assert check("c.zarr", "0.5")[0][0].dtype == np.float32


def test_bands_are_those_of_the_whole_and_shards_are_written_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("a.zarr", values((2, 150, 130)), axes="cyx", chunks=(1, 32, 32), shards=(1, 64, 64))
    run("filter -k gaussian:1.5 a.zarr -o whole.zarr")
    monkeypatch.setattr(bands, "LARGE", 0)
    monkeypatch.setattr(bands, "BAND", 9000)
    written: list[tuple[int, int]] = []
    put = zarr.Array.__setitem__

    def watched(self: Any, place: Any, what: Any) -> None:
        if self.shards:
            written.append((place[-2].start % 64, place[-2].stop))
        put(self, place, what)

    monkeypatch.setattr(zarr.Array, "__setitem__", watched)
    run("filter -k gaussian:1.5 a.zarr -o bands.zarr")
    assert len(written) == 2 * (3 + 2) and {start for start, _ in written} == {0}
    for whole, banded in zip(
        *(check(f"{n}.zarr", "0.5")[0] for n in ("whole", "bands")), strict=True
    ):
        assert whole.shards == banded.shards == (1, 64, 64)
        np.testing.assert_array_equal(whole[...], banded[...])


def plate(path: str, version: str) -> None:
    for well in ("A/1", "B/2"):
        for field in range(2):
            make(f"{path}/{well}/{field}", values((2, 20, 24)), version, "cyx", chunks=(1, 20, 24))
    told: dict[str, Any] = {"plate": {
        "name": "test", "field_count": 2,
        "rows": [{"name": "A"}, {"name": "B"}], "columns": [{"name": "1"}, {"name": "2"}],
        "wells": [{"path": "A/1", "rowIndex": 0, "columnIndex": 0},
                  {"path": "B/2", "rowIndex": 1, "columnIndex": 1}],
    }}  # fmt: skip
    wells = {"well": {"images": [{"path": "0"}, {"path": "1"}]}}
    if version == "0.5":
        told, wells = ({"ome": {"version": "0.5", **one}} for one in (told, wells))
    else:
        told["plate"]["version"] = wells["well"]["version"] = "0.4"  # type: ignore[assignment]
    form = 3 if version == "0.5" else 2
    zarr.open_group(path, mode="a", zarr_format=form).attrs.update(told)
    for row in "AB":
        zarr.open_group(f"{path}/{row}", mode="a", zarr_format=form)
    for well in ("A/1", "B/2"):
        zarr.open_group(f"{path}/{well}", mode="a", zarr_format=form).attrs.update(wells)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_plate_gives_its_fields_by_well_and_stays_a_plate(folder: Path, version: str) -> None:
    plate("p.zarr", version)
    with open_image("p.zarr") as source:
        names = [image.info.name for image in source.images]
    assert names == ["A/1/0", "A/1/1", "B/2/0", "B/2/1"]
    run("filter -k identity p.zarr -o q.zarr")
    found = models.open_ome_zarr(zarr.open_group("q.zarr", mode="r"), version=version)
    assert type(found).__name__ == "HCS"
    np.testing.assert_array_equal(zarr.open_group("q.zarr")["B/2/1/0"][...], values((2, 20, 24)))


@pytest.mark.parametrize("name", ["a.zarr", "b.zarr"])
def test_regions_are_parts_of_planes(folder: Path, name: str) -> None:
    array = values((2, 3, 40, 50), np.uint8)
    make(name, array, "0.4" if name == "b.zarr" else "0.5", "tcyx", chunks=(1, 2, 16, 16))
    with open_image(name) as source:
        (image,) = source.images
        assert image.info.axes == "TCYX" and image.info.planes == 6
        for number, plane in enumerate(image.planes()):
            np.testing.assert_array_equal(plane[..., 0], array.reshape(6, 40, 50)[number])
            part = image.region(slice(3, 29), slice(10, 50), number)
            np.testing.assert_array_equal(part, plane[3:29, 10:50])


def test_a_folder_of_them_is_a_folder_of_images(folder: Path) -> None:
    for name in ("in/a.zarr", "in/deep/b.zarr"):
        make(name, values((20, 20)), axes="yx", chunks=(20, 20))
    tifffile.imwrite("in/c.tif", values((20, 20)))
    assert run("filter -k identity -r in -o out/")[0].split() == [
        "out/a.zarr", "out/c.tif", "out/deep/b.zarr",
    ]  # fmt: skip
    told = run("filter -k identity out/a.zarr -o out/deep/b.zarr", 2)[1]
    assert "exists already" in told
    run("filter -k blur out/a.zarr -o out/deep/b.zarr --force")
    run("filter -k identity in/a.zarr out/a.zarr")  # what is ours is left out
    assert Path("in/a-filter.zarr").is_dir() and not Path("out/a-filter.zarr").exists()
    assert not list(folder.rglob(".imgconv*"))


def test_what_is_served_over_http_is_read(folder: Path) -> None:
    pytest.importorskip("aiohttp")
    make("a.zarr", values((40, 50)), axes="yx", chunks=(16, 16))
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(quiet)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/a.zarr"
        run(f"filter -k identity {url} -o b.tif")
        server.shutdown()
    np.testing.assert_array_equal(tifffile.imread("b.tif"), values((40, 50)))


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({}, "without an image that OME's metadata tell of"),
        ({"ome": {"version": "0.5", "multiscales": [{"axes": []}]}}, "metadata are damaged"),
    ],
)
def test_what_is_no_ome_zarr_is_one_line(folder: Path, attributes: Any, words: str) -> None:
    zarr.open_group("a.zarr", mode="w").attrs.update(attributes)
    told = run("filter -k blur a.zarr", 1)[1]
    assert told.startswith("error: a.zarr: ") and words in told and told.count("\n") == 1


def test_a_chunk_that_is_damaged_leaves_nothing(folder: Path) -> None:
    make("a.zarr", values((64, 64)), axes="yx", chunks=(32, 32))
    Path("a.zarr/s0/c/1/1").write_bytes(b"no chunk")
    assert run("filter -k blur a.zarr", 1)[1].startswith("error: a.zarr: ")
    assert [path.name for path in folder.iterdir()] == ["a.zarr"]


def test_more_axes_than_the_standard_has_are_refused_by_name(folder: Path) -> None:
    info = Info("tiff", np.dtype(np.uint8), 8, 8, 1, axes="QCYX", shape=(2, 2, 8, 8))
    with pytest.raises(Exception, match="has the axes t, c, z, y and x, the image has QCYX"):
        write_image("a.zarr", iter(values((4, 8, 8, 1), np.uint8)), info, WriteOptions())
    assert not Path("a.zarr").exists()


def spots(shape: tuple[int, ...]) -> np.ndarray:
    field = np.full(shape, 100, np.uint16)
    field[..., 5:14, 6:15] = field[..., 30:39, 20:29] = 1000
    return field


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_labels_go_into_the_images_own_group(folder: Path, version: str) -> None:
    array = np.stack([spots((1, 48, 64)), np.full((1, 48, 64), 7, np.uint16)], axis=1)
    make("a.zarr", array, version, "tcyx", chunks=(1, 1, 32, 32))
    name = standin.model(folder / "m.safetensors")
    line = f"segment --model {name} --channel 1 --zarr-labels a.zarr"
    run(line)
    root = zarr.open_group("a.zarr", mode="r")
    found = (models.v05 if version == "0.5" else models.v04).ImageLabel.from_zarr(root["labels/m"])
    assert found.ome_zarr_version == version
    image = models.open_ome_zarr(root, version=version)
    assert image.labels is not None
    wanted = tifffile.imread("segmented/a-labels.tif")
    first, second = (root[f"labels/m/{level}"][...] for level in "01")
    np.testing.assert_array_equal(first[0, 0], wanted)
    np.testing.assert_array_equal(second[0, 0], wanted[::2, ::2])
    assert first.dtype.kind == "u" and set(np.unique(first)) == {0, 1, 2}
    assert "exists already" in run(f"{line} -o again/", 1)[1]
    run(f"{line} --force")
    run("filter -k identity a.zarr -o b.zarr")  # labels do not stand in the way


def test_labels_whose_writer_stops_half_way_are_not_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("a.zarr", spots((48, 64)), "0.5", "yx", chunks=(32, 32))
    line = f"segment --model {standin.model(folder / 'm.safetensors')} --zarr-labels a.zarr"
    run(line)
    before = zarr.open_group("a.zarr", mode="r")["labels/m/0"][...]

    def stop(*given: object) -> None:
        raise OSError("full")

    with monkeypatch.context() as patched:
        patched.setattr("imgconv.images.formats.omezarr.write._put", stop)
        run(f"{line} --force", 1)
    labels = zarr.open_group("a.zarr", mode="r")["labels"]
    np.testing.assert_array_equal(labels["m/0"][...], before)
    assert labels.attrs["ome"]["labels"] == ["m"]
    assert not list(Path("a.zarr").rglob("*.part"))


def test_labels_of_a_plate_go_to_each_field(folder: Path) -> None:
    plate("p.zarr", "0.5")
    for path in Path("p.zarr").glob("*/*/*"):
        if path.is_dir():
            make(str(path), spots((2, 48, 64)), axes="cyx", chunks=(1, 48, 64))
    name = standin.model(folder / "m.safetensors")
    run(f"segment --model {name} --channel 1 --zarr-labels p.zarr")
    for field in ("A/1/0", "B/2/1"):
        labels = zarr.open_group("p.zarr", mode="r")[f"{field}/labels/m/0"][...]
        assert labels.shape == (1, 48, 64) and labels.max() == 2


def test_labels_into_what_is_no_ome_zarr_are_refused(folder: Path) -> None:
    tifffile.imwrite("a.tif", spots((48, 64)))
    name = standin.model(folder / "m.safetensors")
    told = run(f"segment --model {name} --zarr-labels a.tif", 1)[1]
    assert "a.tif: is no OME-Zarr folder: leave out --zarr-labels" in told
