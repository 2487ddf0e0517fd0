"""The SQLite file of a shelf: how it is opened, how it changes, and what its errors mean."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TABLES = """
CREATE TABLE IF NOT EXISTS batch (
  sequence INTEGER PRIMARY KEY, id TEXT NOT NULL, made_ns INTEGER NOT NULL, events INTEGER NOT NULL,
  checksum INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS refused (
  id TEXT NOT NULL, reason TEXT NOT NULL, at_ns INTEGER NOT NULL, events INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS tally (
  fate TEXT PRIMARY KEY, batches INTEGER NOT NULL, events INTEGER NOT NULL, bytes INTEGER NOT NULL);
"""

BUSY_S = 5.0
"""Nobody else opens the file but a person who looks into it."""

LOG_PAGES = 256
"""One MiB; the log stays as large as it once was, and it lies on the same disk."""

DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
DAMAGE_EXTENDED = {sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_READONLY_DBMOVED}
TROUBLE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
}


def opened(file: Path, *, durable: bool) -> sqlite3.Connection:
    """The file with its tables, checked. `durable`: what is committed survives a power cut too, not only kill -9."""
    db = sqlite3.connect(file, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    db.text_factory = _text
    try:
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        db.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
        db.executescript(TABLES)
        _check(db)
    except BaseException:
        db.close()
        raise
    return db


def _text(content: bytes) -> str:
    return content.decode(errors="replace")


def _check(db: sqlite3.Connection) -> None:
    verdict = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        error = sqlite3.DatabaseError(verdict)
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def vacuum(db: sqlite3.Connection, keep: int) -> None:
    """Give pages back to the disk if more than `keep` are free."""
    if db.execute("PRAGMA freelist_count").fetchone()[0] > keep:
        db.execute("PRAGMA incremental_vacuum").fetchall()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def damaged(error: sqlite3.DatabaseError) -> bool:
    """Whether the file holds something else than was written."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in DAMAGE or code in DAMAGE_EXTENDED


def disk_trouble(error: sqlite3.DatabaseError) -> bool:
    """Whether the disk is full, gone or fails."""
    return not damaged(error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in TROUBLE
