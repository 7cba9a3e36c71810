"""Which channel is meant, and what ImageJ makes of the planes."""

from __future__ import annotations

import numpy as np
import pytest

from imgconv.errors import InputError
from imgconv.images import Info
from imgconv.images.info import TiffLayout
from imgconv.tasks.fields_of_view import stack_of


def ome(*names: str) -> Info:
    """Channels of these names in planes of their own."""
    tags = "".join(f'<Channel Name="{name}"/>' for name in names)
    layout = TiffLayout("ome", f"<OME><Image><Pixels>{tags}</Pixels></Image></OME>")
    shape = (len(names), 4, 5)
    return Info("tiff", np.dtype(np.uint8), 4, 5, 1, axes="CYX", shape=shape, tiff=layout)


def chosen(info: Info, channel: str) -> int:
    """From 1."""
    (seen,) = stack_of(info, "a.tif", channel=channel).seen
    return seen + 1


@pytest.mark.parametrize(
    ("names", "channel", "expected"),
    [
        (("DAPI", "GFP", "RFP"), "2", 2),
        (("DAPI", "GFP", "RFP"), "rfp", 3),
        (("DAPI", "GFP", "RFP"), "c3", 3),
        (("1", "2", "3"), "2", 2),
        (("0", "1", "2"), "3", 3),  # no other has that name
        (("0", "1", "2"), "0", 1),  # no other has that place
        (("0", "1", "2"), "c2", 2),
        (("C0", "C1", "C2"), "c1", 2),
        (("405", "488", "561"), "488", 2),
    ],
)
def test_a_channel_is_found_by_its_number_or_name(names, channel, expected):
    assert chosen(ome(*names), channel) == expected


@pytest.mark.parametrize(
    ("names", "channel", "words"),
    [
        (("0", "1", "2"), "2", r"give c2 \(named 1\) or c3 \(named 2\)"),
        (("2", "1"), "2", r"give c1 \(named 2\) or c2 \(named 1\)"),
        (("2", "2", "x"), "2", r"give c1 \(named 2\) or c2 \(named 2\)"),
        (("DAPI", "x", "dapi"), "dapi", r"give c1 \(named DAPI\) or c3 \(named dapi\)"),
    ],
)
def test_a_channel_that_may_be_several_is_not_guessed(names, channel, words):
    with pytest.raises(InputError, match=rf"`channel='{channel}'` may mean several.*{words}$"):
        chosen(ome(*names), channel)


@pytest.mark.parametrize("channel", ["4", "c4", "0", "²", "-1", "c", "1.0"])
def test_a_channel_that_is_not_there_is_refused_with_those_that_are(channel):
    with pytest.raises(InputError, match=f"no channel {channel}; allowed are 1 to 3 or a, b, d$"):
        chosen(ome("a", "b", "d"), channel)


@pytest.mark.parametrize(
    ("axes", "shape", "expected"),
    [
        ("YX", (), False),
        ("ZYX", (5,), False),
        ("TZYX", (2, 5), True),
        ("TZYX", (1, 5), False),  # an axis of one plane is none
        ("CYX", (2,), False),
        ("ZCYX", (5, 2), True),
        ("CTYX", (2, 5), True),
    ],
)
def test_imagej_needs_two_axes_for_a_hyperstack(axes, shape, expected):
    info = Info("tiff", np.dtype(np.uint8), 4, 5, 1, axes=axes, shape=(*shape, 4, 5))
    channel = "1" if "C" in axes else None
    assert stack_of(info, "a.tif", channel=channel).is_hyperstack == expected


def test_the_colours_of_a_pixel_are_no_axis_but_other_samples_are():
    rgb = Info("tiff", np.dtype(np.uint8), 4, 5, 3, axes="TYXS", shape=(6, 4, 5, 3))
    assert not stack_of(rgb, "a.tif").is_hyperstack
    two = Info("tiff", np.dtype(np.uint8), 4, 5, 2, axes="TYXS", shape=(6, 4, 5, 2))
    assert stack_of(two, "a.tif", channel="1").is_hyperstack
