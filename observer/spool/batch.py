"""A batch: events as they travel and wait, under an id that stays the same however often they are sent."""

import secrets
import sys
import zlib

import msgspec

from observer.model import EventClass

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LEVEL = 3
"""Higher levels cost three times the work for a tenth of the size."""


class Batch(msgspec.Struct, frozen=True):
    """Events of one class, as NDJSON under zstd."""

    sequence: int
    id: str
    event_class: EventClass
    made_ns: int
    events: int
    body: bytes

    def checksum(self) -> int:
        """Of everything that is sent: the disk may give back other bytes than it was given."""
        head = f"{self.sequence} {self.id} {self.made_ns} {self.events} "
        return zlib.crc32(self.body, zlib.crc32(head.encode()))

    def lines(self) -> list[bytes]:
        """The events, each with its line end."""
        return unpacked(self.body).splitlines(keepends=True)


def new_id() -> str:
    """An id that no other batch of any agent has."""
    return secrets.token_hex(16)


def packed(lines: bytes) -> bytes:
    """Lines as a batch holds them."""
    return zstd.compress(lines, LEVEL)


def unpacked(body: bytes) -> bytes:
    """The lines that were packed; only for bodies of our own making, whose size was bounded when they were made."""
    return zstd.decompress(body)
