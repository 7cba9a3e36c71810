"""GIF: transparency, palettes, comments and disposal, against Pillow."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as PillowImage

from imgconv.images import Info, WriteOptions, open_image, write_image, write_images

RNG = np.random.default_rng(41)


def image_of(colours, hidden):
    """(H, W, 4) of so many colours, some of it transparent."""
    table = RNG.integers(0, 256, (colours, 3), np.uint8)
    plane = np.full((24, 30, 4), 255, np.uint8)
    plane[..., :3] = table[RNG.integers(0, colours, (24, 30))]
    plane[hidden] = 0
    return plane


def stored(plane, format="png"):
    return Info(format, plane.dtype, *plane.shape, alpha="straight")


@pytest.mark.parametrize("colours", [2, 16, 255])
def test_transparency_stays_and_needs_no_background(tmp_path, colours):
    plane = image_of(colours, RNG.random((24, 30)) < 0.3)
    assert write_image(tmp_path / "a.gif", [plane], stored(plane)) == []
    with open_image(tmp_path / "a.gif") as source:
        write_images(tmp_path / "b.gif", source.images)
    for name in ("a.gif", "b.gif"):
        with PillowImage.open(tmp_path / name) as image:
            np.testing.assert_array_equal(np.asarray(image.convert("RGBA")), plane)


def test_half_transparency_is_said_and_a_background_is_laid_under(tmp_path):
    plane = image_of(5, np.zeros((24, 30), bool))
    plane[..., 3] = 77
    assert any("half" in note for note in write_image(tmp_path / "a.gif", [plane], stored(plane)))
    white = WriteOptions(background="white")
    assert write_image(tmp_path / "b.gif", [plane], stored(plane), white) == []
    with PillowImage.open(tmp_path / "b.gif") as image:
        assert "transparency" not in image.info


def test_a_hole_shows_nothing_of_the_frame_before(tmp_path):
    frames = [image_of(4, RNG.random((24, 30)) < share) for share in (0.1, 0.6, 0.3)]
    images = []
    from imgconv.images import Image

    for plane in frames:
        info = Info("gif", plane.dtype, *plane.shape, alpha="straight", duration=50.0)
        images.append(Image.of(info, [plane]))
    write_images(tmp_path / "a.gif", images)
    with open_image(tmp_path / "a.gif") as source:
        np.testing.assert_array_equal(list(source.planes()), frames)


@pytest.mark.parametrize("comment", [b"taken by me", "Zürich".encode("latin-1")])
def test_comments_stay(tmp_path, comment):
    file = io.BytesIO()
    PillowImage.fromarray(RNG.integers(0, 9, (4, 5), np.uint8)).save(file, "GIF", comment=comment)
    (tmp_path / "a.gif").write_bytes(file.getvalue())
    for source, target in (("a", "b"), ("b", "c")):
        with open_image(tmp_path / f"{source}.gif") as opened:
            assert opened.info.comments == (comment,)
            assert write_images(tmp_path / f"{target}.gif", opened.images) == []


def test_frames_beyond_the_screen_enlarge_it_for_all(tmp_path):
    frames = [PillowImage.fromarray(RNG.integers(0, 256, (h, 12), np.uint8)) for h in (20, 20)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    data = bytearray(file.getvalue())
    data[6:10] = b"\x0c\0\x05\0"  # 12 x 5
    (tmp_path / "in.gif").write_bytes(data)
    with open_image(tmp_path / "in.gif") as source:
        assert source.info.shape == (2, 20, 12, 3)
        np.testing.assert_array_equal([p[..., 0] for p in source.planes()], frames)
