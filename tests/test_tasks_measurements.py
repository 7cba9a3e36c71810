"""Measurements against slow, obvious computations; labels, sizes and quantities."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import tifffile
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.measure import regionprops

from imgconv.errors import InputError, UsageError
from imgconv.images import Info, open_image
from imgconv.images.info import TiffLayout
from imgconv.images.pixelsize import depth_and_interval, pixel_size
from imgconv.images.resolution import Resolution
from imgconv.tasks.csv_table import csv_text, read_csv
from imgconv.tasks.labels.measure import columns, hull_area, measure
from imgconv.tasks.labels.select import LabelStack, Selection, labels_info, write_labels
from imgconv.tasks.quantities import pixel_sides, quantity

LABELS = hnp.arrays(np.int32, st.tuples(st.integers(1, 12), st.integers(1, 12)),
                    elements=st.sampled_from([0, 0, 1, 2, 5]))  # fmt: skip


def only(labels: np.ndarray, pixels: np.ndarray | None = None, **more: object) -> dict:
    image = np.zeros((*labels.shape, 1), np.uint8) if pixels is None else pixels
    (row,) = measure(labels, image, ("",), **more)  # type: ignore[arg-type]
    return row


def disc(radius: float, side: int = 101) -> np.ndarray:
    y, x = np.indices((side, side)) - side // 2
    return (x * x + y * y <= radius * radius).astype(int)


@settings(max_examples=60, deadline=None)
@given(LABELS, st.integers(0, 2**32 - 1))
def test_numbers_are_those_of_a_loop_over_the_pixels(labels, seed):
    pixels = np.random.default_rng(seed).integers(0, 65536, (*labels.shape, 2)).astype(np.uint16)
    rows = {row["label"]: row for row in measure(labels, pixels, ("c1", "c2"))}
    assert list(rows) == [n for n in (1, 2, 5) if (labels == n).any()]
    for label, row in rows.items():
        points = [(y, x) for y, x in np.ndindex(labels.shape) if labels[y, x] == label]
        ys, xs = [y for y, _ in points], [x for _, x in points]
        assert row["area_px"] == len(points)
        assert row["centroid_x_px"] == pytest.approx(sum(xs) / len(xs) + 0.5)
        assert row["centroid_y_px"] == pytest.approx(sum(ys) / len(ys) + 0.5)
        assert (row["bbox_x_px"], row["bbox_y_px"]) == (min(xs), min(ys))
        assert row["bbox_width_px"] == max(xs) - min(xs) + 1
        assert row["bbox_height_px"] == max(ys) - min(ys) + 1
        assert row["equivalent_diameter_px"] == pytest.approx(math.sqrt(4 * len(points) / math.pi))
        for c in (0, 1):
            values = [int(pixels[y, x, c]) for y, x in points]
            assert row[f"intensity_integrated_c{c + 1}"] == sum(values)
            assert row[f"intensity_mean_c{c + 1}"] == pytest.approx(sum(values) / len(values))
            assert row[f"intensity_min_c{c + 1}"] == min(values)
            assert row[f"intensity_max_c{c + 1}"] == max(values)
        assert 0 < row["solidity"] <= 1 and 0 <= row["eccentricity"] <= 1
        assert 0 <= row["orientation_deg"] < 180


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.int32, (9, 11), elements=st.sampled_from([0, 1, 1, 1])))
def test_shapes_have_scikit_images_numbers(labels):
    assume(labels.any())
    (region,) = regionprops(labels)
    row = only(labels)
    assert row["area_px"] == region.area and row["perimeter_px"] == region.perimeter
    assert row["eccentricity"] == pytest.approx(region.eccentricity, abs=1e-6)
    if region.eccentricity > 0.01:
        turned = row["orientation_deg"] - 90 - math.degrees(region.orientation)
        assert abs((turned + 90) % 180 - 90) < 1e-3


def test_integrated_intensity_of_a_bright_object_is_exact():
    labels = np.ones((400, 400), int)
    pixels = np.full((400, 400, 1), 65535, np.uint16)
    assert only(labels, pixels)["intensity_integrated"] == 400 * 400 * 65535
    floats = np.full((400, 400, 1), 0.1, np.float32)
    total = only(labels, floats)["intensity_integrated"]
    assert total == pytest.approx(160_000 * float(np.float32(0.1)), rel=1e-12)


@pytest.mark.parametrize("angle", [0, 30, 45, 90, 120, 170])
def test_the_orientation_is_counterclockwise_from_the_x_axis(angle):
    y, x = 50 - np.indices((101, 101))[0], np.indices((101, 101))[1] - 50  # y upwards
    turn = math.radians(angle)
    along = x * math.cos(turn) + y * math.sin(turn)
    across = -x * math.sin(turn) + y * math.cos(turn)
    row = only(((along / 40) ** 2 + (across / 15) ** 2 <= 1).astype(int))
    assert abs((row["orientation_deg"] - angle + 90) % 180 - 90) < 0.5
    assert row["eccentricity"] == pytest.approx(math.sqrt(1 - (15 / 40) ** 2), abs=0.01)


def test_round_objects_have_the_orientation_0():
    for shape in ((1, 1), (6, 6)):
        row = only(np.ones(shape, int))
        assert row["orientation_deg"] == row["eccentricity"] == 0


def test_a_value_that_is_no_number_empties_the_intensities_of_its_object_alone():
    labels = np.repeat([[1, 2]], 3, axis=0)
    pixels = np.array([[np.nan, 1], [2, 3], [4, 5]], np.float32)[..., None]
    names = columns([""], None)
    lost, kept = csv_text(names, measure(labels, pixels, [""])).splitlines()[1:]
    assert lost.endswith(",90,,,,")
    assert kept.endswith(",3,1,5,9")


def test_a_disc_has_the_measures_of_a_circle():
    row = only(disc(40))
    assert row["area_px"] == pytest.approx(math.pi * 40**2, rel=0.01)
    assert row["equivalent_diameter_px"] == pytest.approx(80, rel=0.01)
    assert row["perimeter_px"] == pytest.approx(2 * math.pi * 40, rel=0.06)
    assert row["centroid_x_px"] == pytest.approx(50.5)
    assert row["solidity"] > 0.97


def test_solidity_is_one_for_rectangles_and_the_share_of_the_hull_for_others():
    assert only(np.ones((3, 7), int))["solidity"] == 1
    assert only(np.ones((1, 1), int))["solidity"] == 1
    corner = np.ones((10, 10), int)
    corner[:5, :5] = 0
    # The hull of the L cuts off the triangle before the missing square.
    assert hull_area(corner > 0) == pytest.approx(100 - 12.5)
    assert only(corner)["solidity"] == pytest.approx(75 / 87.5)


def test_micrometres_follow_from_square_pixels_and_only_areas_from_others():
    labels = np.zeros((20, 20), int)
    labels[5:9, 10:16] = 1
    row = only(labels, size=(0.5, 0.5))
    assert row["area_um2"] == 24 * 0.25
    assert row["perimeter_um"] == row["perimeter_px"] / 2
    assert (row["centroid_x_um"], row["centroid_y_um"]) == (6.5, 3.5)
    other = only(labels, size=(0.5, 0.25))
    assert other["area_um2"] == 24 * 0.125
    assert not [name for name in other if name.endswith("_um")]
    assert list(other) == columns(("",), (0.5, 0.25))


def test_objects_are_selected_by_area_and_border_and_numbered_anew():
    labels = np.zeros((12, 12), np.int32)
    labels[0:2, 4:6], labels[4:6, 4:6], labels[7:11, 3:7], labels[3, 9] = 1, 2, 3, 4
    assert np.array_equal(Selection()(labels), labels)
    kept = Selection(min_area=2, max_area=10, exclude_border=True)(labels)
    assert np.array_equal(kept, np.where(labels == 2, 1, 0))
    assert Selection(exclude_border=True)(labels).max() == 3
    assert Selection(min_area=99)(labels).max() == 0
    assert Selection()(np.zeros((3, 3), np.int32)).max() == 0


def info(kind: str, description: str, x: float = 1, unit: str = "inch") -> Info:
    from fractions import Fraction

    resolution = Resolution(Fraction(x), Fraction(x), unit)
    layout = TiffLayout(kind=kind, description=description)
    return Info("tiff", np.dtype(np.uint8), 4, 4, 1, resolution=resolution, tiff=layout)


@pytest.mark.parametrize(
    "unit", ["um", "micron", "microns", "µm", "μm", "\\u00B5m", "\\u00b5m", "Âµm", "micrometer"]
)
def test_imagejs_micrometre_is_known_in_every_spelling_of_the_wild(unit):
    assert pixel_size(info("imagej", f"ImageJ=1.53t\nunit={unit}\n", 4)) == (0.25, 0.25)


@pytest.mark.parametrize(("unit", "size"), [("nm", 0.00025), ("mm", 250.0)])
def test_imagejs_other_lengths_are_converted(unit, size):
    assert pixel_size(info("imagej", f"ImageJ=1.53t\nunit={unit}\n", 4)) == (size, size)


@pytest.mark.parametrize("unit", ["inch", "cm", "pixel", "pixels", "", "sec", "fortnight"])
def test_a_unit_that_is_no_length_or_comes_from_dpi_is_no_pixel_size(unit):
    assert pixel_size(info("imagej", f"ImageJ=1.53t\nunit={unit}\n", 300)) is None


def test_dpi_alone_is_no_pixel_size():
    assert pixel_size(info("imagej", "ImageJ=1.53t\n", 300)) is None
    assert pixel_size(info("plain", "", 300)) is None
    assert pixel_size(Info("png", np.dtype(np.uint8), 4, 4, 1)) is None


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('PhysicalSizeX="0.5" PhysicalSizeY="0.25"', (0.5, 0.25)),
        ('PhysicalSizeX="500" PhysicalSizeXUnit="nm" PhysicalSizeY="0.25"', (0.5, 0.25)),
        ('PhysicalSizeX="5e-1" PhysicalSizeXUnit="&#181;m" PhysicalSizeY="0.5" '
         'PhysicalSizeYUnit="µm"', (0.5, 0.5)),
        ("PhysicalSizeX='0.5' PhysicalSizeY='0.5'", (0.5, 0.5)),
        ('PhysicalSizeX="0.5"', None),
        ('PhysicalSizeX="0" PhysicalSizeY="0"', None),
        ('PhysicalSizeX="1" PhysicalSizeXUnit="pixel" PhysicalSizeY="1" '
         'PhysicalSizeYUnit="pixel"', None),
        ('PhysicalSizeX="nan" PhysicalSizeY="1"', None),
    ],
)  # fmt: skip
def test_the_pixel_size_of_ome_has_units_of_its_own(attributes, size):
    xml = f"<OME><Image><Pixels {attributes}/></Image></OME>"
    assert pixel_size(info("ome", xml, 300)) == size


@pytest.mark.parametrize(
    ("unit", "micrometres"),
    [
        ("cm", 10_000), ("dm", 100_000), ("in", 25_400), ("thou", 25.4), ("pt", 25_400 / 72),
        ("pm", 1e-6), ("Å", 1e-4), ("\u212b", 1e-4), ("A\u030a", 1e-4), ("&#197;", 1e-4),
        ("reference frame", None), ("", None),
    ],
)  # fmt: skip
def test_omes_lengths_are_known(unit, micrometres):
    sides = " ".join(f'PhysicalSize{a}="2" PhysicalSize{a}Unit="{unit}"' for a in "XY")
    found = pixel_size(info("ome", f"<OME><Image><Pixels {sides}/></Image></OME>", 300))
    assert found == (micrometres and (pytest.approx(2 * micrometres),) * 2)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [((0.5, 0.5), (0.5, 0.5)), ((0.5, 0.25), None), ((0.5, None), None)],
)
def test_the_images_of_an_ome_file_have_to_agree_about_the_pixel_size(tmp_path, sizes, expected):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif") as file:
        for size in sizes:
            known = {"PhysicalSizeX": size, "PhysicalSizeY": size} if size else {}
            file.write(np.zeros((8, 9), np.uint8), metadata={"axes": "YX", **known})
    with open_image(tmp_path / "a.ome.tif") as source:
        assert source.info.planes == 2 and pixel_size(source.info) == expected


def test_imagejs_y_may_have_a_unit_of_its_own():
    text = "ImageJ=1.53t\nunit=um\nyunit=nm\n"
    assert pixel_size(info("imagej", text, 4)) == (0.25, 0.00025)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("unit=micron\nspacing=0.3\n", {"spacing": 0.3}),
        ("unit=nm\nspacing=300.0\n", {"spacing": 0.3}),
        ("unit=nm\nzunit=mm\nspacing=2\n", {"spacing": 2000}),
        ("unit=pixel\nspacing=2\n", {}),
        ("unit=inch\nspacing=2\n", {}),
        ("spacing=2\n", {}),
        ("unit=um\nspacing=-.\n", {}),
        ("unit=um\nspacing=1e999\n", {}),
        ("finterval=1.5\n", {"finterval": 1.5}),
        ("finterval=2\ntunit=min\n", {"finterval": 120}),
        ("finterval=2\ntunit=day or so\n", {}),
    ],
)
def test_the_steps_in_z_and_time_are_in_micrometres_and_seconds(text, expected):
    found = depth_and_interval(info("imagej", f"ImageJ=1.53t\n{text}", 4))
    assert found == pytest.approx(expected)


def test_the_depth_of_a_pixel_in_ome_needs_no_agreement_about_its_sides():
    first, second = (
        f'<Image><Pixels PhysicalSizeX="{x}" PhysicalSizeY="1" PhysicalSizeZ="300" '
        'PhysicalSizeZUnit="nm"/></Image>'
        for x in (1, 2)
    )
    assert depth_and_interval(info("ome", f"<OME>{first}{second}</OME>")) == {"spacing": 0.3}


def test_quantities_are_pixels_or_micrometres():
    assert quantity("diameter", None, 1) is None
    assert quantity("diameter", "30", 1).pixels(None) == 30
    assert quantity("diameter", "9um", 1).pixels((0.5, 0.5)) == 18
    assert quantity("min_area", "20 µm²", 2).pixels((0.5, 0.25)) == 160
    assert quantity("min_area", "20um^2", 2).pixels((0.5, 0.5)) == 80
    with pytest.raises(InputError, match=r"`diameter='9um'` needs the pixel size.*`pixel_size`"):
        quantity("diameter", "9um", 1).pixels(None)


@pytest.mark.parametrize("text", ["", "-3", "0", "1e999", "3 cm", "x", "5um2"])
def test_a_wrong_quantity_is_refused_with_what_is_allowed(text):
    with pytest.raises(UsageError, match=r"`diameter=.*give a number of pixels above 0"):
        quantity("diameter", text, 1)


def test_the_sides_of_a_pixel_are_one_number_or_two():
    assert pixel_sides("0.5") == (0.5, 0.5)
    assert pixel_sides("0.5,0.25um") == (0.5, 0.25)
    for wrong in ("0", "a", "1,2,3", "1,", "inf"):
        with pytest.raises(UsageError, match="`pixel_size="):
            pixel_sides(wrong)


def written(stack: LabelStack, axes: str, sizes: tuple[int, ...], **more: object) -> io.BytesIO:
    source = info("imagej", "ImageJ=1.53t\nunit=um\nspacing=0.7\nfinterval=60\n", 4, "µm")
    height, width = next(stack.planes()).shape
    plane = Info("tiff", source.dtype, height, width, 1, tiff=source.tiff)
    record = labels_info(plane, axes, sizes, (0.25, 0.25), stack.dtype, stack.largest)
    file = io.BytesIO()
    write_labels(file, map(stack.written, range(len(stack))), record)
    file.seek(0)
    return file


def test_a_stack_of_labels_is_an_imagej_hyperstack_of_sixteen_bits():
    planes = np.random.default_rng(0).integers(0, 300, (6, 9, 11))
    stack = LabelStack()
    for plane in planes:
        stack.add(plane)
    with tifffile.TiffFile(written(stack, "TZ", (3, 2))) as file:
        assert file.is_imagej and file.series[0].axes == "TZYX"
        known = file.imagej_metadata
        assert (known["frames"], known["slices"], known["unit"]) == (3, 2, "micron")
        assert (known["spacing"], known["finterval"], known["max"]) == (0.7, 60, planes.max())
        found = file.asarray()
        page = file.pages.first
        assert page.compression == tifffile.COMPRESSION.ADOBE_DEFLATE and page.predictor == 1
        assert page.tags["XResolution"].value == (4, 1)
    assert found.dtype == np.uint16 and np.array_equal(found.reshape(planes.shape), planes)


def test_a_step_in_z_without_its_unit_is_not_written():
    source = info("imagej", "ImageJ=1.53t\nunit=um\nspacing=0.7\nfinterval=60\n")
    for size, expected in ((None, None), ((0.25, 0.25), 0.7)):
        text = labels_info(source, "Z", (2,), size, np.dtype(np.uint16), 3).tiff.description
        found = tifffile.tifffile.imagej_description_metadata(text)
        assert found.get("spacing") == expected and found["finterval"] == 60


def test_one_number_past_sixteen_bits_makes_all_planes_uint32_and_a_plain_tiff():
    stack = LabelStack()
    stack.add(np.full((3, 4), 7))
    stack.add(np.full((3, 4), 65536))
    with tifffile.TiffFile(written(stack, "T", (2,))) as file:
        assert not file.is_imagej and file.series[0].axes == "TYX"
        assert file.asarray().dtype == np.uint32
        assert file.asarray()[:, 0, 0].tolist() == [7, 65536]


def test_tables_keep_integers_exact_and_floats_to_nine_digits():
    text = csv_text(
        ["image", "n", "v", "none"],
        [{"image": 'a "b", c.tif', "n": 10**15 + 1, "v": float(np.float32(0.1))}],
    )
    assert text.splitlines()[1] == '"a ""b"", c.tif",1000000000000001,0.100000001,'
    names, (row,) = read_csv(text)
    assert names == ["image", "n", "v", "none"] and row["image"] == 'a "b", c.tif'
