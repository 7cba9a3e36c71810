"""XMP packets: what no longer holds is corrected where it stands, the rest stays as it is.

Namespaces are those of the XMP specification part 2, of Adobe's gain maps, and of Google's and
Apple's cameras; a packet may give them any prefix.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from imgconv.images.resolution import Resolution

TIFF, EXIF = b"http://ns.adobe.com/tiff/1.0/", b"http://ns.adobe.com/exif/1.0/"
USUAL = {TIFF: [b"tiff"], EXIF: [b"exif"]}
ANY = rb"[\w.-]+"
GONE = {  # what announces things that do not come along: whole namespaces, and names of others
    b"http://ns.adobe.com/hdr-gain-map/1.0/": ANY,
    b"http://ns.apple.com/HDRGainMap/1.0/": ANY,
    b"http://ns.google.com/photos/1.0/container/": ANY,
    b"http://ns.google.com/photos/1.0/container/item/": ANY,
    b"http://ns.google.com/photos/1.0/camera/": rb"(?:MotionPhoto|MicroVideo)\w*",
    b"http://ns.adobe.com/xmp/note/": rb"HasExtendedXMP",
    b"http://ns.adobe.com/xap/1.0/": rb"Thumbnails",
}


def orientation(packet: bytes) -> int | None:
    """1 to 8, None where nothing is said."""
    found = next(_values(packet, TIFF, b"Orientation"), None)
    digit = found and re.fullmatch(rb"[1-8]", found[2])
    return int(digit[0]) if digit else None


def deliver(packet: bytes) -> bytes:
    """The packet of pixels that are turned upright and come alone."""
    if orientation(packet) not in (None, 1):
        packet = _put(packet, TIFF, b"Orientation", b"1")
    for space, names in GONE.items():
        packet = _without(packet, space, names)
    return packet


def update(packet: bytes, height: int, width: int, known: Resolution | None) -> bytes:
    """The packet with this size, and this resolution where it names one."""
    sizes = {b"ImageWidth": width, b"ImageLength": height}
    for name, size in sizes.items():
        packet = _put(packet, TIFF, name, b"%d" % size)
    for name, size in {b"PixelXDimension": width, b"PixelYDimension": height}.items():
        packet = _put(packet, EXIF, name, b"%d" % size)
    ratio = known and (known if known.unit in ("inch", "cm") else known.per("inch"))
    if ratio is None:
        return packet
    for name, value in {b"XResolution": ratio.x, b"YResolution": ratio.y}.items():
        if any(_fraction(found[2]) != value for found in _values(packet, TIFF, name)):
            value = value.limit_denominator(10_000)
            packet = _put(packet, TIFF, name, b"%d/%d" % (value.numerator, value.denominator))
            packet = _put(packet, TIFF, b"ResolutionUnit", b"2" if ratio.unit == "inch" else b"3")
    return packet


def _prefixes(packet: bytes, space: bytes) -> list[bytes]:
    """What stands for a namespace in this packet; the usual where that is not declared."""
    found = re.findall(rb"xmlns:([\w.-]+)\s*=\s*[\"']" + re.escape(space) + rb"[\"']", packet)
    return list(dict.fromkeys(found)) or USUAL.get(space, [])


def _property(prefix: bytes, name: bytes) -> bytes:
    """As an attribute or an element; group 2 is its value."""
    return (
        rb"(?<![/\w.:-])("
        + prefix
        + rb":"
        + name
        + rb"""(?:\s*=\s*["']|\s*>\s*))([^"'<]*?)(?=\s*["'<])"""
    )


def _values(packet: bytes, space: bytes, name: bytes) -> Iterator[re.Match[bytes]]:
    for prefix in _prefixes(packet, space):
        yield from re.finditer(_property(prefix, name), packet)


def _put(packet: bytes, space: bytes, name: bytes, value: bytes) -> bytes:
    """The packet with another value of a property, where it has one."""
    for prefix in _prefixes(packet, space):
        packet = re.sub(_property(prefix, name), rb"\g<1>" + value, packet)
    return packet


def _without(packet: bytes, space: bytes, names: bytes) -> bytes:
    """The packet without properties, and without the namespace if all of it goes."""
    for prefix in _prefixes(packet, space):
        head = prefix + rb":(" + names + rb")"
        packet = re.sub(rb"<" + head + rb"(?:\s[^>]*)?/>", b"", packet)
        packet = re.sub(
            rb"(?s)<" + head + rb"(?:\s[^>]*)?>.*?</" + prefix + rb":\1\s*>", b"", packet
        )
        packet = re.sub(rb"\s+" + head + rb"""\s*=\s*(?:"[^"]*"|'[^']*')""", b"", packet)
        if names == ANY:
            declared = rb"\s+xmlns:" + prefix + rb"\s*=\s*[\"']" + re.escape(space) + rb"[\"']"
            packet = re.sub(declared, b"", packet)
    return packet


def _fraction(text: bytes) -> Fraction | None:
    try:
        return Fraction(text.decode("ascii", "replace"))
    except (ValueError, ZeroDivisionError):
        return None
