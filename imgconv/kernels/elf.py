"""A kernel's object file made callable without LLVM, on 64-bit x86 Linux.

LLVM's library is 100 MB: importing it takes longer than filtering a photo. An object that our
compiler has made is simple, though: one function, constants, no variables, and the addresses
of constants and of the C library filled in as whole 64-bit numbers. Whatever needs more is
refused here, and LLVM loads it. Source: System V ABI with its AMD64 supplement.
"""

from __future__ import annotations

import ctypes
import mmap
import platform
import struct
import sys
from typing import NamedTuple

PROGBITS, SYMTAB, RELA, NOBITS = 1, 2, 4, 8  # kinds of sections
WRITE, ALLOC = 1, 2  # flags of sections
R_X86_64_64 = 1  # a relocation: the 64-bit address of a symbol, plus a number
READ, EXECUTE = 1, 4  # of mprotect

_mapped: list[mmap.mmap] = []  # machine code lives as long as the process


class Unsupported(Exception):
    """Not an object that this loader understands."""


class Section(NamedTuple):
    """The fields of a section header that matter here."""

    kind: int
    flags: int
    offset: int
    size: int
    link: int
    info: int
    align: int


def works_here() -> bool:
    """Whether this process can run such objects."""
    return sys.platform == "linux" and sys.maxsize > 2**32 and platform.machine() == "x86_64"


def load(elf: bytes, name: str, needed: frozenset[str]) -> int:
    """The address of function `name` of an object file, mapped and relocated.

    needed: the functions of the C library that it may call. Raises Unsupported, or OSError
    where memory cannot be made executable.
    """
    if elf[:6] != b"\x7fELF\x02\x01" or struct.unpack_from("<HH", elf, 16) != (1, 62):
        raise Unsupported("not an x86-64 object file")
    sections = _sections(elf)
    places, size = _places(sections)
    memory = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for number, place in places.items():
        part = sections[number]
        memory[place : place + part.size] = elf[part.offset : part.offset + part.size]
    symbols = _symbols(elf, sections, {n: base + place for n, place in places.items()})
    for place, symbol, addend in _relocations(elf, sections, places):
        struct.pack_into("<Q", memory, place, _address(*symbols[symbol], needed) + addend)
    _make_executable(base, size)
    _mapped.append(memory)
    return next(_address(n, at, frozenset()) for n, at in symbols if n == name)


def _sections(elf: bytes) -> list[Section]:
    (table,) = struct.unpack_from("<Q", elf, 40)
    size, count = struct.unpack_from("<HH", elf, 58)
    headers = (struct.unpack_from("<IIQQQQIIQQ", elf, table + n * size) for n in range(count))
    return [Section(h[1], h[2], h[4], h[5], h[6], h[7], h[8]) for h in headers]


def _places(sections: list[Section]) -> tuple[dict[int, int], int]:
    """Where in memory the sections of code and constants go, and how much they take."""
    places, at = {}, 0
    for number, part in enumerate(sections):
        if not part.flags & ALLOC or not part.size:
            continue
        if part.kind != PROGBITS or part.flags & WRITE:
            raise Unsupported("it has variables")
        at = -(-at // part.align) * part.align
        places[number] = at
        at += part.size
    return places, at


def _symbols(
    elf: bytes, sections: list[Section], bases: dict[int, int]
) -> list[tuple[str, int | None]]:
    """Name and address of each symbol; None where it is defined elsewhere."""
    table = next(part for part in sections if part.kind == SYMTAB)
    texts = sections[table.link].offset
    found = []
    for at in range(table.offset, table.offset + table.size, 24):
        text, _, _, section, value, _ = struct.unpack_from("<IBBHQQ", elf, at)
        name = elf[texts + text : elf.index(b"\0", texts + text)].decode()
        found.append((name, bases[section] + value if section in bases else None))
    return found


def _relocations(
    elf: bytes, sections: list[Section], places: dict[int, int]
) -> list[tuple[int, int, int]]:
    """Where to write, the symbol's number, what to add to its address."""
    found = []
    for part in sections:
        if part.kind == RELA and part.info in places:
            for at in range(part.offset, part.offset + part.size, 24):
                offset, info, addend = struct.unpack_from("<QQq", elf, at)
                if info & 0xFFFFFFFF != R_X86_64_64:
                    raise Unsupported(f"relocation {info & 0xFFFFFFFF}")
                found.append((places[part.info] + offset, info >> 32, addend))
    return found


def _address(name: str, known: int | None, needed: frozenset[str]) -> int:
    """The symbol's own address, or that of a function of the C library."""
    if known is not None:
        return known
    if name not in needed:
        raise Unsupported(f"it needs {name}")
    for library in (None, "libm.so.6"):
        try:
            function = getattr(ctypes.CDLL(library), name)
        except (OSError, AttributeError):
            continue
        return ctypes.cast(function, ctypes.c_void_p).value or 0
    raise Unsupported(f"{name} is not in this C library")


def _make_executable(base: int, size: int) -> None:
    """Executable and no longer writable."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    if libc.mprotect(base, size, READ | EXECUTE):
        raise OSError(ctypes.get_errno(), "memory cannot be made executable")
