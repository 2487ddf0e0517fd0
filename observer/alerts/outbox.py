"""What is to be delivered, and what receivers know, on disk: nothing that was taken is lost with the process.

Each method is one transaction. Neither URLs nor secrets are stored.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Any, NamedTuple, TypeVar

import msgspec

from observer.alerts.database import opened
from observer.alerts.group import Group, Held
from observer.alerts.message import Message, Reason

T = TypeVar("T")
Unsaved = Mapping[str, tuple[Group | None, set[str]]]

MOST_DEAD = 10_000
"""Dead letters kept, the youngest; at most 100 findings each."""


class Entry(NamedTuple):
    """A message that is not delivered: tried so often, next at `next_ns`, last with that outcome."""

    number: int
    id: str
    receiver: str
    message: bytes
    created_ns: int
    tries: int
    next_ns: int
    outcome: str
    state: str

    def read(self) -> Message:
        """The message; msgspec.MsgspecError where another version wrote it."""
        return msgspec.json.decode(self.message, type=Message)


class Outbox:
    """The queue in one file, for several threads and processes."""

    def __init__(self, file: str) -> None:
        """Open or make the file; `set_aside`: there was a damaged one. ConfigurationError where it cannot be used."""
        self._lock = Lock()
        self._connection, self.set_aside = opened(file)

    def keep(self, messages: Iterable[Message], unsaved: Unsaved) -> None:
        """Queue messages, and note what their receivers know by them."""
        with self._lock, self._connection as transaction:
            for message in messages:
                _queue(transaction, message)
            for name, (group, keys) in unsaved.items():
                _save(transaction, name, group, keys)

    def groups(self) -> list[Group]:
        """The groups as they were kept, without what another version wrote."""
        groups = self._rows("SELECT id, state FROM grouping")
        read = {name: group for name, state in groups if (group := _decoded(state, Group))}
        for name, key, state in self._rows("SELECT grouping, key, state FROM held"):
            if name in read and (held := _decoded(state, Held)):
                read[name].held[key] = held
        return [group for group in read.values() if group.held]

    def ready(self, receiver: str, now_ns: int) -> list[Entry]:
        """What may be sent to a receiver now: of each group the oldest."""
        query = "SELECT * FROM ready WHERE receiver = ? AND next_ns <= ? ORDER BY number"
        return [Entry(*row) for row in self._rows(query, receiver, now_ns)]

    def next_ns(self, receiver: str) -> int | None:
        """When something may be sent to a receiver; null where nothing waits."""
        time: int | None = self._rows("SELECT min(next_ns) FROM ready WHERE receiver = ?", receiver)[0][0]
        return time

    def delivered(self, entry: Entry) -> None:
        """Forget what was delivered. It told all that stood, so what its group was not told before is superseded."""
        with self._lock, self._connection as transaction:
            transaction.execute(
                "UPDATE delivery SET state = 'superseded' WHERE state = 'dead' AND number < :number"
                " AND (receiver, grouping) = (SELECT receiver, grouping FROM delivery WHERE number = :number)",
                {"number": entry.number},
            )
            transaction.execute("DELETE FROM delivery WHERE number = ?", (entry.number,))

    def postpone(self, entry: Entry, until_ns: int, outcome: str) -> None:
        """Try again later."""
        change = "UPDATE delivery SET tries = tries + 1, next_ns = ?, outcome = ? WHERE number = ?"
        self._run(change, until_ns, outcome, entry.number)

    def bury(self, entry: Entry, outcome: str) -> None:
        """Give up, until a person asks for another try; the oldest dead letters make room."""
        self._run(
            "UPDATE delivery SET state = 'dead', tries = tries + 1, outcome = ? WHERE number = ?", outcome, entry.number
        )
        self._run(
            "DELETE FROM delivery WHERE number IN (SELECT number FROM delivery WHERE state <> 'waiting'"
            " ORDER BY number DESC LIMIT -1 OFFSET ?)",
            MOST_DEAD,
        )

    def bury_strangers(self, receivers: Iterable[str]) -> int:
        """Give up what waits for receivers that are none any more; answers how many those were."""
        known = set(receivers)
        waiting = (Entry(*row) for row in self._rows("SELECT * FROM entry WHERE state = 'waiting'"))
        strangers = [entry for entry in waiting if entry.receiver not in known]
        for entry in strangers:
            self.bury(entry, f"no receiver is called {entry.receiver} any more")
        return len(strangers)

    def dead_letters(self) -> list[Entry]:
        """What was given up and is not superseded, the oldest first."""
        return [Entry(*row) for row in self._rows("SELECT * FROM entry WHERE state = 'dead' ORDER BY number")]

    def revive(self, ids: Iterable[str], now_ns: int) -> int:
        """Queue dead letters again; answers how many there were."""
        change = "UPDATE delivery SET state = 'waiting', tries = 0, created_ns = ?, next_ns = ?"
        return sum(self._run(f"{change} WHERE state = 'dead' AND id = ?", now_ns, now_ns, name) for name in ids)

    def counts(self) -> dict[str, int]:
        """How many messages are `waiting` and how many are `dead`."""
        numbers = dict(self._rows("SELECT state, count(*) FROM delivery GROUP BY state"))
        return {"waiting": numbers.get("waiting", 0), "dead": numbers.get("dead", 0)}

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def _run(self, change: str, *values: object) -> int:
        with self._lock, self._connection as transaction:
            return transaction.execute(change, values).rowcount


def _decoded(state: bytes, wanted: type[T]) -> T | None:
    try:
        return msgspec.json.decode(state, type=wanted)
    except msgspec.MsgspecError:
        return None


def _queue(transaction: sqlite3.Connection, message: Message) -> None:
    """A repeat is left out as long as the group's last message waits: it would say the same."""
    waiting = "SELECT 1 FROM delivery WHERE state = 'waiting' AND receiver = ? AND grouping = ?"
    place = (message.receiver, message.group)
    if message.reason is Reason.REPEAT and transaction.execute(waiting, place).fetchone():
        return
    transaction.execute(
        "INSERT OR IGNORE INTO delivery (id, receiver, grouping, message, created_ns, next_ns)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (message.id, *place, msgspec.json.encode(message), message.created_ns, message.created_ns),
    )


def _save(transaction: sqlite3.Connection, name: str, group: Group | None, keys: set[str]) -> None:
    if group is None:
        transaction.execute("DELETE FROM grouping WHERE id = ?", (name,))
        transaction.execute("DELETE FROM held WHERE grouping = ?", (name,))
        return
    bare = msgspec.json.encode(msgspec.structs.replace(group, held={}))
    transaction.execute("INSERT OR REPLACE INTO grouping VALUES (?, ?)", (name, bare))
    for key in sorted(keys):
        if key in group.held:
            state = msgspec.json.encode(group.held[key])
            transaction.execute("INSERT OR REPLACE INTO held VALUES (?, ?, ?)", (name, key, state))
        else:
            transaction.execute("DELETE FROM held WHERE grouping = ? AND key = ?", (name, key))
