"""Feature maps into files: pages of a TIFF, a .npy array, or a sheet to look at."""

# ruff: noqa: PTH119
# Names stay the text that was typed: pathlib would turn ./-x.png into -x.png.
from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from imgconv import doing
from imgconv.atomic import output
from imgconv.batch import Done, Item
from imgconv.batch.targets import is_known
from imgconv.errors import OutputError, UsageError
from imgconv.images import (
    Image,
    Info,
    Source,
    bands,
    format_for,
    open_image,
    show_name,
    write_image,
    write_images,
)  # fmt: skip
from imgconv.images.bands import BandedPlane, RowReader
from imgconv.images.image import frames, join_infos
from imgconv.images.info import TiffLayout
from imgconv.images.target import takes_bands
from imgconv.memory import share
from imgconv.ops.bank import bank
from imgconv.ops.convolve import Activation, Layer, times
from imgconv.text import Fact
from imgconv.threads import check_abandoned

from .bands import MEMORY, is_large
from .map_sheets import large_sheets
from .planes import FileStep
from .values import Kernel, Number, Pair, fraction, kernels, pair

LABELLED = 4096  # pages that ImageJ is told the names of, at most
COLOURS = ("red", "green", "blue")


@dataclass(frozen=True, eq=False)
class FeatureMaps(FileStep):
    """The step of `convolve`: every plane of the item's source through the layer.

    A TIFF gets each map as a page (axis C, named for ImageJ), .npy one array (K, H, W) or, of a
    stack, (N, K, H, W); every other format a contact sheet.
    """

    layer: Layer

    @property
    def imports(self) -> tuple[str, ...]:
        """What it imports when it works."""
        from imgconv.ops.sheet import IMPORTS

        return (*IMPORTS, "tifffile", *super().imports)

    def suffix(self, found: str) -> str:
        """Without -o, maps of an array are an array, all others a TIFF."""
        return found if found.lower() == ".npy" else ".tif"

    def __call__(self, item: Item) -> Done:
        notes: list[str] = []
        with open_image(item.source, **self.reading) as source:
            images = self.images(source)
            with share(max(map(self._bytes_needed, images))):
                if item.paged:
                    written = self._pages(item, images, notes)
                else:
                    notes += self._write(item, item.target, images)
                    written = [item.target]
            said = [note for image in images for note in self._notes_of(image.info)]
            notes = [*source.notes, *notes, *said]
        info = images[0].info
        maps, parameters = len(self._labels(info)), self.layer.parameters(self._seen(info))[1]
        record = {"maps": maps, "parameters": parameters}
        return Done(tuple(written), tuple(dict.fromkeys(notes)), record)

    def _pages(self, item: Item, images: Sequence[Image], notes: list[str]) -> list[str]:
        """The maps of each page in a file of their own."""
        written: list[str] = []
        for target, (plane, info) in self.pages(item, frames(images), notes):
            notes += self._write(item, target, [Image.of(info.one_plane(), [plane])])
            written.append(target)
        return written

    def layer_inputs(self, source: Source) -> Iterator[np.ndarray]:
        """What the layer sees of each plane."""
        for image in self.images(source):
            yield from self._inputs(image)

    def _inputs(self, image: Image) -> Iterator[np.ndarray]:
        channels = self._seen(image.info)
        doing.say("computing")
        planes = doing.count("plane", image.planes(), image.info.planes)
        return (plane[..., :channels] for plane in planes)

    def _seen(self, info: Info) -> int:
        """Channels: all but alpha, which counts only if the bank has weights for it."""
        bank = self.layer.bank
        wanted = not bank.shared and bank.weights.shape[1] == info.channels
        return info.channels - (info.alpha != "none" and not wanted)

    def _write(self, item: Item, target: str, images: Sequence[Image]) -> list[str]:
        named = self.writing.format or is_known(target)
        kind = format_for(target, self.writing.format, "tiff").name if named else "tiff"
        source = "input" if item.source == "-" else show_name(item.source)
        if kind in ("tiff", "pfm"):
            large = kind == "tiff" and self._pass_in_bands(images, target)
            maps = [self._maps(image, large) for image in images]
            if len(maps) > 1:  # of which ImageJ's text would describe the first alone
                maps = [replace(one, info=replace(one.info, tiff=TiffLayout())) for one in maps]
            return write_images(target, maps, self.writing, force=self.force)
        from imgconv.ops.sheet import map_sheet

        inputs = (plane for image in images for plane in self._inputs(image))
        layered = self._layer(inputs)
        if kind == "npy":
            info = join_infos([image.info for image in images])
            if self._pass_in_bands(images):
                return self._write_large_array(target, images, info)
            return self._write_array(target, (maps for _, maps in layered), info)
        labels, name = self._labels(images[0].info), os.path.basename(source)
        sheets: Iterator[np.ndarray]
        if self._pass_in_bands(images):
            sheets = itertools.chain.from_iterable(
                large_sheets(image, self._seen(image.info), self._banded(image), name, labels)
                for image in images
            )
        else:
            sheets = (map_sheet(plane, maps, name, labels) for plane, maps in layered)
        return self._write_sheets(target, sheets, kind)

    def _pass_in_bands(self, images: Sequence[Image], target: str = "") -> bool:
        """Whether maps are made band by band, one after the other, and may be written so."""
        sizes = {self.layer.place(image.info.height, image.info.width)[1] for image in images}
        fits = all(
            takes_bands(target, like, self._maps(image).info, replace(self.writing, format="tiff"))
            for image in images if target
            for like in [np.broadcast_to(np.float32(0), (1, 1, 1))]
        )  # fmt: skip
        return fits and len(sizes) == 1 and all(map(is_large, images))

    def _banded(self, image: Image) -> Iterator[Any]:
        """The maps of an image, one after the other; the image is read for each."""
        info = image.info
        size = self.layer.place(info.height, info.width)[1]
        for number in range(info.planes):
            for layer, channels in self.layer.alone(self._seen(info)):
                rows = _rows_of_map(image, number, layer, channels)
                yield BandedPlane((*size, 1), np.dtype(np.float32), rows)

    def _write_large_array(self, target: str, images: Sequence[Image], info: Info) -> list[str]:
        size = self.layer.place(info.height, info.width)[1]
        stack = (info.planes,) if info.stack_axes else ()
        shape = (*stack, len(self._labels(info)), *size)
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        with output(target, force=self.force, seekable=False) as file:
            np.lib.format.write_array_header_1_0(file, header)
            for image in images:
                for plane in self._banded(image):
                    for band in plane.bands:
                        file.write(np.ascontiguousarray(band, "<f4").data)
        return []

    def _maps(self, image: Image, large: bool = False) -> Image:
        """The maps of an image as pages."""
        info, labels = image.info, self._labels(image.info)
        size = self.layer.place(info.height, info.width)[1]
        record = maps_info(info, (len(labels), *size), labels, self.layer.stride)
        return Image(record, lambda: self._banded(image) if large else self._map_pages(image))

    def _map_pages(self, image: Image) -> Iterator[np.ndarray]:
        for _, maps in self._layer(self._inputs(image)):
            for one in maps:
                yield one[..., None]

    def _layer(self, planes: Iterator[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Each plane and its maps; the maps are in the same memory every time."""
        maps: np.ndarray | None = None
        for plane in planes:
            maps = self.layer(plane, maps)
            yield plane, maps

    def _write_array(self, target: str, every: Iterator[np.ndarray], info: Info) -> list[str]:
        first = next(every)
        shape = (info.planes, *first.shape) if info.stack_axes else first.shape
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        with output(target, force=self.force, seekable=False) as file:
            np.lib.format.write_array_header_1_0(file, header)
            for maps in itertools.chain([first], every):
                if maps.shape != first.shape:
                    raise OutputError(
                        f"{show_name(target)}: NPY holds maps of one size, found "
                        f"{times(first.shape[1:])} and {times(maps.shape[1:])}; write TIFF"
                    )
                file.write(maps.astype("<f4", copy=False).data)
        return []

    def _write_sheets(self, target: str, sheets: Iterator[np.ndarray], kind: str) -> list[str]:
        first = next(sheets)
        info = Info(kind, first.dtype, *first.shape)
        return write_image(
            target, itertools.chain([first], sheets), info, self.writing, force=self.force
        )

    def _labels(self, info: Info) -> list[str]:
        """One for each map."""
        labels = self.layer.bank.labels
        count = self._seen(info)
        if not self.layer.per_channel or count == 1:
            return list(labels)
        names = COLOURS if count == 3 else tuple(f"channel {c}" for c in range(count))
        return [f"{label} {name}" for label in labels for name in names]

    def _notes_of(self, info: Info) -> list[str]:
        """What the user should hear: alpha left out, how many maps and parameters."""
        channels = self._seen(info)
        notes = [Fact("alpha is left out: a layer sees colours")] * (channels < info.channels)
        _, size = self.layer.place(info.height, info.width)
        words, parameters = self.layer.parameters(channels)
        maps = len(self._labels(info))
        count = f"{maps} map{'' if maps == 1 else 's'} of {times(size)}"
        return [*notes, Fact(f"{count}; {words} = {parameters} parameters")]

    def _bytes_needed(self, image: Image) -> int:
        """Bytes of one plane as read and of its maps."""
        if is_large(image):
            return MEMORY
        info = image.info
        _, size = self.layer.place(info.height, info.width)
        maps = len(self._labels(info)) * size[0] * size[1] * 4
        return 2 * info.height * info.width * info.channels * info.dtype.itemsize + maps


def _rows_of_map(image: Image, number: int, layer: Layer, channels: slice) -> Iterator[np.ndarray]:
    """(h, W, 1) after (h, W, 1) of a map that a layer makes alone."""
    height, width = layer.place(image.info.height, image.info.width)[1]
    step = max(1, bands.BAND // (4 * width * max(1, layer.stride[0])))
    doing.say("computing")
    with RowReader(image, number) as reader:
        for begin in range(0, height, step):
            check_abandoned()
            end = min(begin + step, height)
            top, bottom = layer.reads(begin, end, image.info.height)
            rows = reader.rows(top, bottom)[..., channels]
            yield layer.rows(rows, top, begin, end, image.info.height)[0][..., None]


def layer_of(
    kernel: Kernel | Sequence[Kernel],
    *,
    bias: Number | Sequence[Number] | None,
    scale: Number,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    activation: Activation,
    per_channel: bool,
    flip: bool,
) -> Layer:
    """The layer that these settings describe. Raises UsageError."""
    every = kernels(kernel)
    if not every:
        raise UsageError(
            "convolve needs `kernel`: names such as sobel-x, matrices or a bank in a file "
            "(`imgconv kernels` lists the names); repeat it for more maps"
        )
    words = [bias] if isinstance(bias, (str, int, float, Fraction)) else bias or ()
    word = padding.lower() if isinstance(padding, str) and padding[:1].isalpha() else None
    return Layer(
        bank(every, [str(word) for word in words], fraction("scale", scale)),
        stride=pair("stride", stride),
        padding=word or pair("padding", padding),
        dilation=pair("dilation", dilation),
        activation=activation,
        per_channel=per_channel,
        flip=flip,
    )


def maps_info(
    info: Info, shape: tuple[int, ...], labels: list[str], stride: tuple[int, int]
) -> Info:
    """The record of maps (K, H, W) of every plane, as pages of an ImageJ hyperstack.

    Axes of the stack stay; the maps are its channels (after any channels there were). Where
    that is none of ImageJ's orders, pages follow each other as they come. Pixels are `stride`
    times as large.
    """
    import tifffile

    count, height, width = shape
    stack = dict(zip(info.stack_axes, info.stack_shape, strict=True))
    others = info.stack_axes.removesuffix("C")
    if others in ("", "T", "Z", "TZ"):
        axes = others + "C"
        sizes = (*(stack[a] for a in others), stack.get("C", 1) * count)
    else:
        axes, sizes = "Z", (info.planes * count,)
    resolution = info.scale(1 / stride[0], 1 / stride[1]).resolution
    unit = {"unit": {"µm": "micron"}.get(resolution.unit, resolution.unit)} if resolution else {}
    text = tifffile.imagej_description((*sizes, height, width), axes=axes + "YX", **unit)
    names = labels * info.planes
    tags = tifffile.imagej_metadata_tag({"Labels": names[:LABELLED]}, "<")
    layout = TiffLayout(
        kind="imagej", description=text, bigtiff=bool(info.tiff and info.tiff.bigtiff),
        tags=tuple(tag[:4] for tag in tags),
    )  # fmt: skip
    return Info(
        "tiff", np.dtype(np.float32), height, width, 1, axes=axes + "YX",
        shape=(*sizes, height, width), resolution=resolution, tiff=layout,
    )  # fmt: skip
