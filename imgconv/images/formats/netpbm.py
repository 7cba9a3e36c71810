"""PBM, PGM, PPM, PAM and PFM, in and out; 16 bit too, which Pillow cuts.

https://netpbm.sourceforge.net/doc/ and https://www.pauldebevec.com/Research/HDR/PFM/
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

import numpy as np

from imgconv.errors import InputError, OutputError
from imgconv.images import colour
from imgconv.images.bands import BandedPlane, Plane, bands_of
from imgconv.images.image import Image, one_plane, one_row
from imgconv.images.info import Info
from imgconv.images.limits import Limits
from imgconv.images.notes import BITS, TRUNCATED
from imgconv.images.options import WriteOptions
from imgconv.text import SOFTWARE, Detail

from .content import Content
from .record import Format, Reader, begins

SPACE = rb"(?:\s|#[^\n]*\n)+"
PAM_END = re.compile(rb"^ENDHDR[ \t]*\r?\n", re.M)
PAM_HEADER = 1 << 20  # bytes, for comments
MARGIN = 1 << 10  # bytes between two pictures
PLAIN, GREY, COLOUR = b"123", b"25", b"36"


class Netpbm:
    """One PNM, PAM or PFM file; its header is text, its pixels follow."""

    def __init__(self, data: Content, name: str, limits: Limits) -> None:
        self.head = data[:PAM_HEADER]
        self.data, self.name, self.limits = data, name, limits
        self.notes: list[str] = []
        self.tuples = ""  # what a PAM says that its samples are
        self.kind = self.head[1:2]
        read = {b"7": self._pam, b"F": self._pfm, b"f": self._pfm}.get(self.kind, self._pnm)
        height, width, self.channels = read()
        limits.check(name, height, width)
        self.shape = (height, width, self.channels)
        self.inks = self.tuples.startswith("CMYK")
        delivered = self.channels - self.inks
        deep = self.top > 255
        float_kind = self.kind in (b"F", b"f")
        self.full = self.top if limits.stored else 65535 if deep else 255
        if not float_kind and self.full != self.top:
            said = Detail(f"values up to {self.top} scaled to {'16' if deep else '8'} bit")
            self.notes.append(said if self.top > 1 else BITS)
        self._check_length()
        if self.inks:
            self.notes.append(colour.note_of_inks(None))
        if self.data[self.end : self.end + MARGIN].lstrip()[:1] == b"P":
            self.notes.append(
                "only the first of its several pictures is read; Netpbm's pamsplit takes them apart"
            )
        names = {b"F": "pfm", b"f": "pfm", b"7": "pam"}
        info = Info(
            format=names.get(self.kind, "pnm"), height=height, width=width,
            dtype=np.dtype(np.float32 if float_kind else np.uint16 if deep else np.uint8),
            channels=delivered, alpha="straight" if self._has_alpha() else "none",
            source_dtype="uint1" if self.top == 1 else "", compression="none",
        )  # fmt: skip
        region = self._region if self._is_raw else None
        self.images = [Image(info, self._planes, region, one_row)]

    def _has_alpha(self) -> bool:
        """As a PAM says; where it says nothing, of 2 or 4 samples the last."""
        if self.tuples and self.tuples not in ("GRAYSCALE", "RGB", "BLACKANDWHITE"):
            return self.tuples.endswith("_ALPHA") or self.tuples == "CMYKA"
        return self.channels in (2, 4)

    def _planes(self) -> Iterator[np.ndarray]:
        if self.kind in (b"F", b"f"):
            yield self._samples("f4")[::-1].astype(np.float32)
        elif self.kind in (b"1", b"2", b"3"):
            yield self._scale(self._plain())
        elif self.kind == b"4":
            bits = np.frombuffer(self._body(self.stride * self.shape[0]), np.uint8)
            rows = np.unpackbits(bits.reshape(self.shape[0], -1), axis=1)[:, : self.shape[1]]
            yield ((1 - rows) * np.uint8(self.full))[..., None]
        else:
            samples = self._scale(self._samples("u2" if self.top > 255 else "u1"))
            yield colour.rgb_of_inks(samples, None) if self.inks else samples

    def _pnm(self) -> tuple[int, int, int]:
        numbers = 2 if self.kind in (b"1", b"4") else 3
        found = re.match(rb"P\d" + (SPACE + rb"(\d{1,9})") * numbers + rb"\s", self.head)
        if found is None:
            raise InputError(f"{self.name}: damaged PNM header")
        width, height, *top = map(int, found.groups())
        self.top = top[0] if top else 1
        self._check_top()
        self.start, self.order = found.end(), ">"
        self.stride = (width + 7) // 8
        return height, width, 3 if self.kind in (b"3", b"6") else 1

    def _pam(self) -> tuple[int, int, int]:
        end = PAM_END.search(self.head)
        if end is None:
            raise InputError(f"{self.name}: damaged PAM header (it has no end, the line ENDHDR)")
        head = self.head[: end.start()]
        fields = dict(re.findall(rb"^(WIDTH|HEIGHT|DEPTH|MAXVAL)\s+(\d{1,9})\s*$", head, re.M))
        if len(fields) != 4:
            raise InputError(f"{self.name}: damaged PAM header")
        words = re.findall(rb"^TUPLTYPE\s+(.*?)\s*$", head, re.M)
        self.tuples = b" ".join(words).decode("ascii", "replace").upper()
        self.top = int(fields[b"MAXVAL"])
        self._check_top()
        depth = int(fields[b"DEPTH"])
        most = 5 if self.tuples == "CMYKA" else 4
        if not 1 <= depth <= most:
            raise InputError(f"{self.name}: a PAM of {depth} channels; allowed are 1 to {most}")
        if self.tuples.startswith("CMYK") and depth != 4 + self.tuples.endswith("A"):
            raise InputError(f"{self.name}: damaged PAM header ({depth} samples of {self.tuples})")
        self.start, self.order = end.end(), ">"
        return int(fields[b"HEIGHT"]), int(fields[b"WIDTH"]), depth

    def _pfm(self) -> tuple[int, int, int]:
        found = re.match(rb"P[Ff]\s+(\d{1,9})\s+(\d{1,9})\s+(-?[\d.eE+-]{1,30})\s", self.head)
        try:
            scale = float(found[3]) if found else 0.0
        except ValueError:
            scale = 0.0
        if found is None or not scale:
            raise InputError(f"{self.name}: damaged PFM header")
        self.top, self.start = 0, found.end()
        self.order = "<" if scale < 0 else ">"
        return int(found[2]), int(found[1]), 3 if self.kind == b"F" else 1

    def _check_top(self) -> None:
        if not 1 <= self.top <= 65535:
            raise InputError(
                f"{self.name}: the largest value is {self.top}; allowed are 1 to 65535"
            )

    def _check_length(self) -> None:
        held = len(self.data) - self.start
        samples = self.shape[0] * self.shape[1] * self.channels
        size = {b"F": 4, b"f": 4}.get(self.kind, 2 if self.top > 255 else 1)
        needed = {b"4": self.stride * self.shape[0] if self.kind == b"4" else 0}.get(
            self.kind, samples * (1 if self.kind in (b"1", b"2", b"3") else size)
        )
        plain = self.kind in (b"1", b"2", b"3")
        self.end = len(self.data) if plain else self.start + needed
        if self.limits.check_held(self.name, "PNM", needed, held):
            self.notes.append(TRUNCATED)

    def _body(self, size: int) -> bytes:
        return self.data[self.start : self.start + size].ljust(size, b"\0")

    @property
    def _is_raw(self) -> bool:
        """Whether every sample has its place: neither text nor bits."""
        return self.kind not in (b"1", b"2", b"3", b"4") and not self.inks

    def _region(self, rows: slice, columns: slice, plane: int) -> np.ndarray:
        """Only the rows asked for are read; of PFM the last row comes first."""
        height = self.shape[0]
        if self.kind in (b"F", b"f"):
            turned = slice(height - rows.stop, height - rows.start)
            return self._rows("f4", turned)[::-1][:, columns].astype(np.float32)
        return self._scale(self._rows("u2" if self.top > 255 else "u1", rows)[:, columns])

    def _rows(self, kind: str, rows: slice) -> np.ndarray:
        dtype = np.dtype(self.order + kind)
        _, width, channels = self.shape
        size = width * channels * dtype.itemsize
        begin = self.start + rows.start * size
        count = rows.stop - rows.start
        data = self.data[begin : begin + count * size].ljust(count * size, b"\0")
        return np.frombuffer(data, dtype).reshape(count, width, channels)

    def _samples(self, kind: str) -> np.ndarray:
        dtype = np.dtype(self.order + kind)
        size = int(np.prod(self.shape, dtype=np.int64)) * dtype.itemsize
        return np.frombuffer(self._body(size), dtype).reshape(self.shape)

    def _plain(self) -> np.ndarray:
        """Samples written as text; those of a plain PBM need no space between them."""
        text = re.sub(rb"#[^\n]*", b"", self.data[self.start :])
        count = int(np.prod(self.shape, dtype=np.int64))
        values = np.zeros(count, np.uint16)
        read = self._numbers(text)[:count]
        if len(read) < count:
            self.limits.refuse_truncated(self.name, "PNM")
        values[: len(read)] = read
        values = values.reshape(self.shape)
        return 1 - values if self.kind == b"1" else values

    def _numbers(self, text: bytes) -> np.ndarray:
        """Those before the first word that is no sample: what is behind it is not there."""
        if self.kind == b"1":
            text = re.sub(rb"([01])(?=[01])", rb"\1 ", text)
        wrong = re.search(rb"[^\d\s]", text)
        if wrong:
            self.limits.refuse_truncated(self.name, "PNM")
            text = text[: wrong.start()]
        found = np.fromstring(text, np.float64, sep=" ") if text.strip() else np.zeros(0)
        beyond = np.flatnonzero(found > self.top)
        if len(beyond) and not self.limits.allow_truncated:
            raise InputError(
                f"{self.name}: damaged PNM: the sample {found[beyond[0]]:.0f} is above the largest "
                f"value {self.top}; take what stands before it with `allow_truncated=True`"
            )
        return found[: beyond[0]] if len(beyond) else found

    def _scale(self, samples: np.ndarray) -> np.ndarray:
        """To the full range of 8 or 16 bit, rounded, unless stored values are wanted."""
        full = self.full
        samples = np.minimum(samples, self.top)
        if self.top != full:
            samples = (samples.astype(np.uint32) * full + self.top // 2) // self.top
        return samples.astype(np.uint16 if self.top > 255 else np.uint8)


def _open(file: BinaryIO, name: str, limits: Limits) -> Reader:
    return Netpbm(Content(file), name, limits)


def _write_pnm(file: BinaryIO, images: Sequence[Image], options: WriteOptions) -> None:
    """Write one plane (H, W, 1 or 3) of uint8 or uint16 as PGM or PPM."""
    plane = one_plane(images[0])
    _write_samples(file, plane, f"P{5 if plane.shape[2] == 1 else 6}")


def _write_ppm(file: BinaryIO, images: Sequence[Image], options: WriteOptions) -> None:
    """The same, grey as RGB too."""
    plane: Plane = one_plane(images[0])
    if plane.shape[2] == 1:
        coloured = (band.repeat(3, axis=2) for band in bands_of(plane))
        plane = BandedPlane((*plane.shape[:2], 3), plane.dtype, coloured)
    _write_samples(file, plane, "P6")


def _write_pbm(file: BinaryIO, images: Sequence[Image], options: WriteOptions) -> None:
    """Write one plane (H, W, 1) of black and white."""
    plane = one_plane(images[0])
    if not np.isin(plane, (0, 255)).all():
        raise OutputError("PBM holds black and white, the image has greys; write PGM or PNG")
    height, width, _ = plane.shape
    file.write(f"P4\n# {SOFTWARE}\n{width} {height}\n".encode("ascii"))
    file.write(np.packbits(plane[..., 0] == 0, axis=1).tobytes())


def _write_pam(file: BinaryIO, images: Sequence[Image], options: WriteOptions) -> None:
    """Write one plane (H, W, 1 to 4) of uint8 or uint16."""
    plane = one_plane(images[0])
    height, width, channels = plane.shape
    words = ("GRAYSCALE", "GRAYSCALE_ALPHA", "RGB", "RGB_ALPHA")[channels - 1]
    fields = {"WIDTH": width, "HEIGHT": height, "DEPTH": channels,
              "MAXVAL": np.iinfo(plane.dtype).max, "TUPLTYPE": words}  # fmt: skip
    lines = "".join(f"{name} {value}\n" for name, value in fields.items())
    file.write(f"P7\n# {SOFTWARE}\n{lines}ENDHDR\n".encode("ascii"))
    for band in bands_of(plane):
        file.write(band.astype(band.dtype.newbyteorder(">"), copy=False).tobytes())


def _write_samples(file: BinaryIO, plane: Plane, magic: str) -> None:
    height, width, _ = plane.shape
    top = np.iinfo(plane.dtype).max
    file.write(f"{magic}\n# {SOFTWARE}\n{width} {height}\n{top}\n".encode("ascii"))
    for band in bands_of(plane):
        file.write(band.astype(band.dtype.newbyteorder(">"), copy=False).tobytes())


def _write_pfm(file: BinaryIO, images: Sequence[Image], options: WriteOptions) -> None:
    """Write one plane (H, W, 1 or 3) of float32."""
    (image,) = images
    plane = one_plane(image)
    height, width, channels = plane.shape
    magic = "Pf" if channels == 1 else "PF"
    file.write(f"{magic}\n{width} {height}\n-1.0\n".encode("ascii"))
    file.write(plane[::-1].astype("<f4").tobytes())


def _read_mark(path: str | os.PathLike[str], head: bytes) -> str:
    """Our name in the header's comment."""
    found = re.match(rb"P\d\n# (imgconv [^\n]*)\n", head)
    return found[1].decode("ascii", "replace") if found else ""


def _recognises(head: bytes) -> bool:
    return head[:1] == b"P" and head[1:2] in b"123456" and head[2:3] in b" \t\r\n#"


def _never(head: bytes) -> bool:
    """Files of these names are all read as PNM."""
    return False


def _alike(
    name: str,
    writer: Callable[[BinaryIO, Sequence[Image], WriteOptions], None],
    colours: tuple[int, ...],
    depths: tuple[int, ...] = (8, 16),
    streams: bool = False,
) -> Format:
    """A format that is one of PNM's, by the name that says which."""
    return Format(
        name,
        (f".{name}",),
        _never,
        _open,
        writer,
        depths=depths,
        colours=colours,
        streams=streams,
        mark=_read_mark,
    )


PNM = Format(
    "pnm", (".pnm",), _recognises, _open, _write_pnm, depths=(8, 16), regions=True, streams=True,
    mark=_read_mark,
)  # fmt: skip
PGM = _alike("pgm", _write_pnm, (1,), streams=True)
PPM = _alike("ppm", _write_ppm, (1, 3), streams=True)
PBM = _alike("pbm", _write_pbm, (1,), (8,))
PAM = Format(
    "pam", (".pam",), begins(b"P7\n", b"P7\r\n", b"P7 "), _open, _write_pam, depths=(8, 16),
    alpha=True, regions=True, streams=True, mark=_read_mark,
)  # fmt: skip
PFM = Format(
    "pfm", (".pfm",), begins(b"PF\n", b"Pf\n", b"PF\r\n", b"Pf\r\n"), _open, _write_pfm,
    depths=(32,), regions=True,
)  # fmt: skip
