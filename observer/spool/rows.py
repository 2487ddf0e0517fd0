"""The statements of a shelf's table of batches, and of its tally; each runs inside the caller's transaction."""

import sqlite3
from collections.abc import Collection, Iterator
from enum import StrEnum

import msgspec

from observer.model import EventClass
from observer.spool.batch import Batch

# CAST: a damaged row may hold values of other types.
OLDEST = """SELECT sequence, CAST(id AS TEXT), CAST(made_ns AS INTEGER), CAST(events AS INTEGER),
  CAST(checksum AS INTEGER), COALESCE(LENGTH(body), 0) FROM batch WHERE sequence > ? ORDER BY sequence LIMIT 1"""
YOUNGEST = OLDEST.replace("sequence > ? ORDER BY sequence", "sequence < ? ORDER BY sequence DESC")

COUNT = """INSERT INTO tally VALUES (?, ?, ?, ?) ON CONFLICT (fate) DO UPDATE SET
  batches = batches + excluded.batches, events = events + excluded.events, bytes = bytes + excluded.bytes"""

TRIM_REFUSED = """DELETE FROM refused WHERE rowid IN (SELECT rowid FROM
  (SELECT rowid, SUM(LENGTH(body)) OVER (ORDER BY rowid DESC) AS size FROM refused) WHERE size > ?)"""

REFUSED_BYTES = 16 * 1024 * 1024
"""Refused batches are kept to be looked at; a receiver that refuses everything must not fill the disk with them."""


class Fate(StrEnum):
    """What became of a batch."""

    APPENDED = "appended"
    SENT = "sent"
    SHED = "shed"
    REFUSED = "refused"
    DAMAGED = "damaged"


class Count(msgspec.Struct, frozen=True):
    """How much of it."""

    batches: int = 0
    events: int = 0
    bytes: int = 0

    def minus(self, other: "Count") -> "Count":
        """The difference."""
        return Count(self.batches - other.batches, self.events - other.events, self.bytes - other.bytes)


class Header(msgspec.Struct, frozen=True):
    """A batch without its body; it can be read even where the body cannot."""

    sequence: int
    id: str
    made_ns: int
    events: int
    checksum: int
    size: int


def insert(db: sqlite3.Connection, batch: Batch) -> None:
    """Add a batch."""
    values = (batch.sequence, batch.id, batch.made_ns, batch.events, batch.checksum(), batch.body)
    db.execute("INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?)", values)


def headers(db: sqlite3.Connection, *, down: bool = False) -> Iterator[Header]:
    """The batches from the oldest on, or from the youngest back. The table may change meanwhile."""
    at, statement = ((1 << 63) - 1, YOUNGEST) if down else (0, OLDEST)
    while row := db.execute(statement, (at,)).fetchone():
        at = row[0]
        yield Header(*row)


def read(db: sqlite3.Connection, header: Header, event_class: EventClass) -> Batch | None:
    """The batch behind a header; None if it is not what was written."""
    row = db.execute("SELECT body FROM batch WHERE sequence = ?", (header.sequence,)).fetchone()
    if row is None or not isinstance(row[0], bytes):
        return None
    batch = Batch(header.sequence, header.id, event_class, header.made_ns, header.events, row[0])
    return batch if batch.checksum() == header.checksum else None


def take(db: sqlite3.Connection, header: Header, fate: Fate) -> None:
    """Remove a batch and say what became of it."""
    if db.execute("DELETE FROM batch WHERE sequence = ?", (header.sequence,)).rowcount:
        count(db, fate, Count(1, header.events, header.size))


def refuse(db: sqlite3.Connection, batch: Batch, reason: str, now_ns: int) -> None:
    """Move a batch to those that will never be accepted."""
    values = (batch.id, reason, now_ns, batch.events, batch.body)
    db.execute("INSERT INTO refused VALUES (?, ?, ?, ?, ?)", values)
    db.execute(TRIM_REFUSED, (REFUSED_BYTES,))
    take(db, header_of(batch), Fate.REFUSED)


def replace(db: sqlite3.Connection, batch: Batch, parts: Collection[Batch]) -> None:
    """Put the parts of a batch in its place."""
    db.execute("DELETE FROM batch WHERE sequence = ?", (batch.sequence,))
    for part in parts:
        insert(db, part)
    growth = sum(len(part.body) for part in parts) - len(batch.body)
    count(db, Fate.APPENDED, Count(len(parts) - 1, 0, growth))


def header_of(batch: Batch) -> Header:
    """What stands before its body."""
    return Header(batch.sequence, batch.id, batch.made_ns, batch.events, batch.checksum(), len(batch.body))


def count(db: sqlite3.Connection, fate: Fate, more: Count) -> None:
    """Add to the tally."""
    db.execute(COUNT, (fate, more.batches, more.events, more.bytes))


def tally(db: sqlite3.Connection) -> dict[Fate, Count]:
    """What became of all batches so far."""
    told = {fate: Count(*counts) for fate, *counts in db.execute("SELECT fate, batches, events, bytes FROM tally")}
    return {fate: told.get(fate, Count()) for fate in Fate}


def waiting(db: sqlite3.Connection) -> Count:
    """What was appended and has no fate yet, by the tally."""
    fates = tally(db)
    left = fates.pop(Fate.APPENDED)
    for gone in fates.values():
        left = left.minus(gone)
    return left


def reconcile(db: sqlite3.Connection) -> None:
    """Where nothing waits, count what should as damaged: a damaged header may have told wrong numbers."""
    missing = waiting(db)
    if missing != Count() and next(headers(db), None) is None:
        count(db, Fate.DAMAGED, missing)
