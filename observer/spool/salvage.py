"""Replaces a damaged file by a new one with all that can still be read of it; the damaged one is set aside."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from observer.model import EventClass
from observer.spool import rows
from observer.spool.batch import Batch
from observer.spool.database import opened, transaction
from observer.spool.rows import Count, Fate, Header

KEPT = 3
"""Damaged files that are kept to be looked at; more of them would fill the disk."""

COMPANIONS = ("", "-wal", "-shm")


def replace(file: Path, event_class: EventClass) -> None:
    """Put a sound file in the place of a damaged one. Until that is ready the damaged one stays where it is."""
    fresh = file.with_suffix(".new")
    _remove(fresh)
    with closing(opened(fresh, durable=True)) as target, transaction(target):
        _rescue(file, target, event_class)
    _set_aside(file)
    _rename(fresh, file)


def _rescue(file: Path, target: sqlite3.Connection, event_class: EventClass) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as source:
        rescued = Count()
        for batch in _readable(source, event_class):
            rows.insert(target, batch)
            rescued = Count(rescued.batches + 1, rescued.events + batch.events, rescued.bytes + len(batch.body))
        _carry_tally(source, target, rescued)
        with suppress(sqlite3.DatabaseError):
            target.executemany("INSERT INTO refused VALUES (?, ?, ?, ?, ?)", source.execute("SELECT * FROM refused"))


def _readable(source: sqlite3.Connection, event_class: EventClass) -> Iterator[Batch]:
    """Every batch that can be reached from either end and is what was written."""
    seen: set[int] = set()
    for down in (False, True):
        for header in _reachable(source, down=down):
            if header.sequence in seen:
                break
            seen.add(header.sequence)
            with suppress(sqlite3.DatabaseError):
                if batch := rows.read(source, header, event_class):
                    yield batch


def _reachable(source: sqlite3.Connection, *, down: bool) -> Iterator[Header]:
    with suppress(sqlite3.DatabaseError, TypeError):
        yield from rows.headers(source, down=down)


def _carry_tally(source: sqlite3.Connection, target: sqlite3.Connection, rescued: Count) -> None:
    """The tally, with what is missing counted as damaged; where it cannot be read, only what was rescued is known."""
    try:
        lost, fates = rows.waiting(source).minus(rescued), rows.tally(source)
    except sqlite3.DatabaseError:
        lost, fates = Count(), {Fate.APPENDED: rescued}
    for fate, count in fates.items():
        rows.count(target, fate, count)
    rows.count(target, Fate.DAMAGED, lost)


def _set_aside(file: Path) -> None:
    number = 1 + max((_number(old) for old in _aside(file)), default=0)
    _rename(file, file.with_name(f"{file.name}.damaged-{number}"))
    for old in sorted(_aside(file), key=_number)[:-KEPT]:
        _remove(old)


def _aside(file: Path) -> list[Path]:
    return [path for path in file.parent.glob(f"{file.name}.damaged-*") if _number(path)]


def _number(path: Path) -> int:
    number = path.name.rpartition("-")[2]
    return int(number) if number.isdigit() else 0


def _rename(old: Path, new: Path) -> None:
    for ending in COMPANIONS:
        with suppress(FileNotFoundError):
            Path(f"{old}{ending}").rename(f"{new}{ending}")


def _remove(file: Path) -> None:
    for ending in COMPANIONS:
        Path(f"{file}{ending}").unlink(missing_ok=True)
