"""One class of waiting batches in one SQLite file that outlives a killed process, a full disk and damage to itself.

Every batch that was ever appended is waiting or stands in the tally: sent, shed, refused or damaged.
"""

import sqlite3
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from observer.model import EventClass
from observer.spool import rows, salvage
from observer.spool.batch import Batch
from observer.spool.database import damaged, disk_trouble, opened, transaction, vacuum
from observer.spool.reserve import Reserve
from observer.spool.rows import Count, Fate, Header

T = TypeVar("T")

IDLE_PAGES = 1024
"""Free pages that a file keeps for the next batches; more go back to the disk."""


class DiskError(OSError):
    """The disk is full or fails. What was asked for has not happened and may be asked for again."""


class Limits(msgspec.Struct, frozen=True):
    """How much may wait."""

    bytes: int
    age_s: float | None = None
    """None: however old."""


class Shelf:
    """The batches of one class, oldest first. One thread at a time may use it."""

    def __init__(self, file: Path, event_class: EventClass, limits: Limits) -> None:
        self.file, self.event_class, self.limits = file, event_class, limits
        self.files_set_aside = 0
        self._is_closed = False
        self.held: int | None = None
        """The sequence of a batch that is being sent: it is not shed meanwhile."""
        self._db: sqlite3.Connection | None = None
        self._reserve = Reserve(file.with_name(f"{file.name}.reserve"))
        self._change(lambda _: None)

    def append(self, batch: Batch) -> None:
        """Keep a batch, and shed the oldest ones that have no more room. On return it outlives the process."""
        if not self._reserve.held:
            self._tidy()
        if not self._reserve.held:
            raise DiskError(f"{self.file}: the disk is full")

        def append(db: sqlite3.Connection) -> None:
            self._make_room(db, len(batch.body))
            rows.insert(db, batch)
            rows.count(db, Fate.APPENDED, Count(1, batch.events, len(batch.body)))

        self._commit(append)

    def next(self, skipped: Collection[int] = ()) -> Batch | None:
        """The oldest batch but those `skipped`. One that is not what was written is counted as damaged and removed."""
        while (header := self._run(partial(_first, skipped=skipped))) is not None:
            batch = self._run(partial(rows.read, header=header, event_class=self.event_class))
            if batch is not None:
                return batch
            self._change(partial(rows.take, header=header, fate=Fate.DAMAGED))
        if not skipped:
            self._run(rows.reconcile)
        return None

    def sent(self, batch: Batch) -> None:
        """Forget a batch: the receiver has it."""
        self._change(lambda db: rows.take(db, rows.header_of(batch), Fate.SENT))

    def refuse(self, batch: Batch, reason: str, now_ns: int) -> None:
        """Set a batch that will never be accepted aside, with the receiver's reason."""
        self._change(lambda db: rows.refuse(db, batch, reason, now_ns))

    def replace(self, batch: Batch, parts: Collection[Batch]) -> None:
        """Put the parts of a batch in its place."""
        self._change(lambda db: rows.replace(db, batch, parts))

    def expire(self, now_ns: int) -> None:
        """Shed what is older than the limit."""
        if self.limits.age_s is None:
            return
        before_ns = now_ns - int(self.limits.age_s * 1e9)

        def expire(db: sqlite3.Connection) -> None:
            for header in rows.headers(db):
                if header.made_ns >= before_ns:
                    break
                if header.sequence != self.held:
                    rows.take(db, header, Fate.SHED)

        self._change(expire)

    def oldest_ns(self) -> int | None:
        """When the oldest batch was made; None if none waits."""
        header = self._run(lambda db: next(rows.headers(db), None))
        return header.made_ns if header else None

    def waiting(self) -> Count:
        """How much waits."""
        return self._run(rows.waiting)

    def tally(self) -> dict[Fate, Count]:
        """What became of all batches since the file was made."""
        return self._run(rows.tally)

    def refused(self) -> list[tuple[str, str, bytes]]:
        """Id, reason and body of the refused batches that are kept."""
        return self._run(lambda db: db.execute("SELECT id, reason, body FROM refused ORDER BY rowid").fetchall())

    def last_sequence(self) -> int:
        """The highest sequence that waits; 0 if none does."""
        header = self._run(lambda db: next(rows.headers(db, down=True), None))
        return header.sequence if header else 0

    def close(self) -> None:
        """Put everything into the file. The shelf is not to be used any more."""
        self._disconnect()
        self._is_closed = True

    def _make_room(self, db: sqlite3.Connection, size: int) -> None:
        room = self.limits.bytes - rows.waiting(db).bytes - size
        for header in rows.headers(db):
            if room >= 0:
                break
            if header.sequence != self.held:
                rows.take(db, header, Fate.SHED)
                room += header.size

    def _change(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Remove something, on a full disk too."""
        try:
            result = self._commit(operation)
        except DiskError:
            self._reserve.release()
            result = self._commit(operation)
        self._tidy()
        return result

    def _commit(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        def commit(db: sqlite3.Connection) -> T:
            with transaction(db):
                return operation(db)

        return self._run(commit)

    def _tidy(self) -> None:
        """Give free pages back to the disk: all of them while it is full, else those that are too many."""
        with suppress(DiskError):  # what was removed stays removed
            self._run(partial(vacuum, keep=IDLE_PAGES if self._reserve.held else 0))
        self._reserve.hold()

    def _run(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Do it; where the file turns out to be damaged, save what can be saved and do it then."""
        try:
            return operation(self._open())
        except sqlite3.DatabaseError as error:
            if disk_trouble(error):
                raise DiskError(f"{self.file}: {error}") from error
            if not damaged(error):
                raise
        self._mend()
        return operation(self._open())

    def _open(self) -> sqlite3.Connection:
        if self._is_closed:
            raise ValueError(f"{self.file} is closed")
        if self._db is None:
            self._db = opened(self.file, durable=self.event_class is EventClass.FINDING)
        return self._db

    def _disconnect(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _mend(self) -> None:
        self._disconnect()
        try:
            salvage.replace(self.file, self.event_class)
        except (sqlite3.DatabaseError, OSError) as error:
            raise DiskError(f"{self.file} is damaged and cannot be replaced yet: {error}") from error
        self.files_set_aside += 1


def _first(db: sqlite3.Connection, skipped: Collection[int]) -> Header | None:
    return next((header for header in rows.headers(db) if header.sequence not in skipped), None)
