"""XMP above the 64 KB of a JPEG segment: split into a packet that fits and an extension, and
joined again. XMP specification part 3, "Embedding XMP in JPEG", "ExtendedXMP"."""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET

HEADER = b"http://ns.adobe.com/xmp/extension/\0"
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
NOTE = "{http://ns.adobe.com/xmp/note/}"
LIMIT, ROOM = 65502, 60000  # bytes of a packet that fits; of one that is given its link yet
PART = 65400  # bytes of the extension in one segment
BEGIN = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'.encode()
END = b'<?xpacket end="w"?>'
DECLARED = re.compile(rb"""xmlns:([\w.-]+)\s*=\s*["']([^"']+)["']""")


def join(packet: bytes, parts: list[bytes]) -> bytes | None:
    """The packet with what its extension says; None where that is not whole."""
    found = re.search(rb"""HasExtendedXMP(?:\s*=\s*["']|>\s*)([0-9A-Fa-f]{32})""", packet)
    pieces = [p[32:] for p in parts if found and p[:32].upper() == found[1].upper()]
    pieces = sorted((p for p in pieces if len(p) > 8), key=lambda p: struct.unpack_from(">I", p, 4))
    extension = b"".join(piece[8:] for piece in pieces)
    if not found or digest(extension) != found[1].upper():
        return None
    inner = re.search(rb"(?s)<(\w+):RDF\b[^>]*>(.*)</\1:RDF>", extension)
    end = re.search(rb"</\w+:RDF>", packet)
    if inner is None or end is None:
        return None
    # Prefixes that the extension declares further out have to be known where it goes.
    outer = dict(DECLARED.findall(extension[: inner.start(2)]))
    known = b"".join(b' xmlns:%s="%s"' % pair for pair in outer.items())
    content = re.sub(rb"(<\w+:Description\b)", rb"\g<1>" + known, inner[2])
    return packet[: end.start()] + _once(content) + packet[end.start() :]


def _once(content: bytes) -> bytes:
    """Start tags without what they declare twice."""

    def tag(found: re.Match[bytes]) -> bytes:
        seen: set[bytes] = set()

        def keep(one: re.Match[bytes]) -> bytes:
            again = one[1] in seen
            seen.add(one[1])
            return b"" if again else one[0]

        return re.sub(rb"""\s+xmlns:([\w.-]+)\s*=\s*["'][^"']+["']""", keep, found[0])

    return re.sub(rb"<\w+:Description\b[^>]*>", tag, content)


def split(packet: bytes) -> tuple[bytes, bytes] | None:
    """A packet that fits a segment, and the extension that holds its longest properties.

    None where it is no XML, or cannot be made to fit.
    """
    import xml.etree.ElementTree as ET

    try:
        root = ET.fromstring(packet.decode("utf-8"))
    except (ET.ParseError, UnicodeDecodeError, ValueError):
        return None
    for prefix, space in DECLARED.findall(packet):
        if not re.fullmatch(rb"ns\d+", prefix):
            ET.register_namespace(prefix.decode(), space.decode())
    rdf = root if root.tag == RDF + "RDF" else root.find(f".//{RDF}RDF")
    if rdf is None:
        return None
    moved = ET.Element(RDF + "RDF")
    _move(rdf, moved, len(ET.tostring(root, "utf-8")) - ROOM)
    extension = ET.tostring(moved, "utf-8")
    said = {RDF + "about": "", NOTE + "HasExtendedXMP": digest(extension).decode()}
    ET.SubElement(rdf, RDF + "Description", said)
    main = BEGIN + ET.tostring(root, "utf-8") + END
    return (main, extension) if len(main) <= LIMIT else None


def segments(extension: bytes) -> Iterator[bytes]:
    """The extension as the content of segments: digest, length of all, place of the part."""
    head = HEADER + digest(extension)
    for at in range(0, len(extension), PART):
        yield head + struct.pack(">II", len(extension), at) + extension[at : at + PART]


def digest(extension: bytes) -> bytes:
    """What the packet and the extension know each other by."""
    return hashlib.md5(extension, usedforsecurity=False).hexdigest().upper().encode()


def _move(rdf: ET.Element, moved: ET.Element, size: int) -> None:
    """The longest properties, of `size` bytes or more in all, from one to the other."""
    for length, owner, part in sorted(_properties(rdf), key=lambda one: -one[0]):
        if size <= 0:
            return
        room = moved.makeelement(RDF + "Description", {RDF + "about": ""})
        moved.append(room)
        if isinstance(part, str):
            room.set(part, owner.attrib.pop(part))
        else:
            room.append(part)
            owner.remove(part)
        size -= length


def _properties(rdf: ET.Element) -> Iterator[tuple[int, ET.Element, ET.Element | str]]:
    """Bytes, owner, and the element or the name of the attribute."""
    import xml.etree.ElementTree as ET

    for owner in rdf:
        for part in owner:
            yield len(ET.tostring(part, "utf-8")), owner, part
        for name, value in owner.attrib.items():
            if not name.startswith(RDF):
                yield len(value.encode("utf-8")), owner, name
