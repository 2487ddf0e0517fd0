"""The file in which alerting keeps its state: opens or makes it, and sets aside one that is damaged.

SQLite with a write-ahead log, every transaction on disk before it returns.
"""

import os
import sqlite3
from pathlib import Path
from typing import NamedTuple

from observer.errors import ConfigurationError

VERSION = 1
BUSY_MS = 5_000

# `state` of a delivery is waiting, dead (given up) or superseded (given up, and a later message of its group arrived).
# `ready` has of each group the oldest: a message that ends an incident must not overtake the one that opens it.
SCHEMA = """
CREATE TABLE IF NOT EXISTS delivery (
  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, receiver TEXT NOT NULL, grouping TEXT NOT NULL,
  message BLOB NOT NULL, created_ns INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0, next_ns INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting', outcome TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS delivery_by_group ON delivery (state, receiver, grouping, number);
CREATE VIEW IF NOT EXISTS entry AS
  SELECT number, id, receiver, message, created_ns, tries, next_ns, outcome, state FROM delivery;
CREATE VIEW IF NOT EXISTS ready AS
  SELECT * FROM entry
  WHERE number IN (SELECT min(number) FROM delivery WHERE state = 'waiting' GROUP BY receiver, grouping);
CREATE TABLE IF NOT EXISTS grouping (id TEXT PRIMARY KEY, state BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS held (
  grouping TEXT NOT NULL, key TEXT NOT NULL, state BLOB NOT NULL, PRIMARY KEY (grouping, key)) WITHOUT ROWID;
"""


class Opened(NamedTuple):
    """The connection, and whether an earlier file was damaged and set aside for it."""

    connection: sqlite3.Connection
    set_aside: bool


def opened(file: str) -> Opened:
    """Open or make the file. ConfigurationError where it cannot be used."""
    try:
        return Opened(_connected(file), set_aside=False)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise ConfigurationError(f"{file}: cannot be used as queue: {error}") from error
        _move_aside(file)
        return Opened(_connected(file), set_aside=True)
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be used as queue: {error.strerror}") from error


def _connected(file: str) -> sqlite3.Connection:
    path = Path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Findings tell where a cluster is weak: for the owner alone.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(file, timeout=BUSY_MS / 1000, check_same_thread=False)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, VERSION):
        connection.close()
        raise ConfigurationError(f"{file}: is a queue of version {version}, and this program knows {VERSION}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.executescript(SCHEMA)
    connection.execute(f"PRAGMA user_version = {VERSION}")
    return connection


def _move_aside(file: str) -> None:
    for suffix in ("", "-wal", "-shm"):
        part = Path(file + suffix)
        if part.exists():
            part.replace(f"{file}.damaged{suffix}")
