"""Which of millions of names were there before, in 16 to 32 bytes a name."""

from __future__ import annotations

from array import array

FEW = 1 << 10  # slots at the beginning


class Digests:
    """A set of names that keeps of each its 64-bit hash alone, in a table of open addressing.

    That one of a million new names is taken for another happens once in 30 million such batches:
    n^2 / 2^65, as Python salts its hashes anew for every process.
    """

    def __init__(self) -> None:
        self._slots, self._count = array("q", bytes(8 * FEW)), 0

    def add(self, name: str) -> bool:
        """Whether the name is new."""
        digest = hash(name) or 1  # 0 marks a free slot
        slot = self._find(digest)
        if self._slots[slot]:
            return False
        self._slots[slot] = digest
        self._count += 1
        if 2 * self._count > len(self._slots):
            self._grow()
        return True

    def __contains__(self, name: str) -> bool:
        return bool(self._slots[self._find(hash(name) or 1)])

    def _find(self, digest: int) -> int:
        """The slot that holds the digest, or the free one where it would be."""
        slots, last = self._slots, len(self._slots) - 1
        slot = digest & last
        while slots[slot] not in (0, digest):
            slot = (slot + 1) & last
        return slot

    def _grow(self) -> None:
        former = self._slots
        self._slots = array("q", bytes(16 * len(former)))
        for digest in former:
            if digest:
                self._slots[self._find(digest)] = digest
