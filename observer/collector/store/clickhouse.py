"""A store in ClickHouse, in this process (chDB) or on a server, with the same SQL and the same client."""

import queue
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import clickhouse_connect
import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from observer.collector.rows import Rows
from observer.collector.store import (
    DeadLetter,
    FlowFilter,
    Found,
    Page,
    Position,
    StoreRefused,
    StoreUnavailable,
    Sum,
    conditions,
)
from observer.collector.store.schema import Placement, Retention, definitions

EMBEDDED = "chdb://"

READERS = 4
"""Questions answered at once; more wait. The engine uses every core for each."""

DATA_FAULTS = frozenset({6, 25, 26, 27, 38, 41, 53, 69, 70, 72, 117, 321, 407, 467})
"""ClickHouse's error codes that say that a row is wrong; with these, trying again cannot help."""

INSERT_SETTINGS = {"date_time_input_format": "best_effort", "throw_on_max_partitions_per_insert_block": "0"}
"""The second: one agent's wrong clock must not hold up a batch that others share."""

QUERY_SETTINGS = {
    "max_execution_time": "60",
    "max_memory_usage": str(2 * 1024**3),
    # Rows of one sorting key are in one partition, because the partition follows from the key.
    "do_not_merge_across_partitions_select_final": "1",
}

GROUPED = {
    "path": "path",
    "verdict": "verdict",
    "certainty": "certainty",
    "protocol": "protocol",
    "node": "node",
    "cluster": "cluster",
    "client": "if(client_name != '', client_name, client_address)",
    "server": "if(server_name != '', server_name, server_address)",
    "port": "toString(server_port)",
    "severity": "toString(severity)",
    "namespace": "if(server_namespace != '', server_namespace, client_namespace)",
    "hour": "formatDateTime(toStartOfHour(start), '%Y-%m-%dT%H:%i:%SZ')",
    "minute": "formatDateTime(toStartOfMinute(start), '%Y-%m-%dT%H:%i:%SZ')",
}
"""What flows can be counted by."""

_encode = msgspec.json.Encoder().encode_lines


def embedded(folder: Path, retention: Retention, *, sync: bool = True) -> "ClickHouse":
    """A store in a folder, for this process alone."""
    temporary = folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    # clickhouse-connect hands batches to chDB through temporary files: the root file system may be read-only.
    tempfile.tempdir = str(temporary)
    return ClickHouse(f"{EMBEDDED}{folder.resolve() / 'events'}", Placement(sync=sync), retention)


class ClickHouse:
    """The tables of one database. Opening it makes what is missing."""

    def __init__(self, address: str, placement: Placement, retention: Retention) -> None:
        """`address` is a DSN of clickhouse-connect: `chdb:///folder`, `https://user:password@host:8443/database`."""
        self._address = address
        self._writer = self._connected()
        self._readers: queue.Queue[Client] = queue.Queue()
        for statement in definitions(placement, retention):
            with _faults():
                self._writer.command(statement)
        for _ in range(READERS):
            self._readers.put(self._connected())

    def insert(self, rows: Iterable[Rows]) -> None:
        """Commit rows. Findings last: what says that something is wrong comes after what it rests on."""
        batches = tuple(rows)
        self._insert("flows", [row for batch in batches for row in batch.flows])
        self._insert("reports", [row for batch in batches for row in batch.reports])
        self._insert("finding_events", [row for batch in batches for row in batch.findings])

    def keep_dead_letter(self, letter: DeadLetter) -> None:
        """Commit a refused batch."""
        self._insert("dead_letters", [letter])

    def flows(self, wanted: FlowFilter, page: Page) -> list[Found]:
        """Flows, the newest first."""
        clause, values = conditions.of_flows(wanted, page)
        rows = self._rows(
            "SELECT toUnixTimestamp64Nano(start), id, event FROM flows FINAL "  # noqa: S608 - of this module's own text
            f"{clause} ORDER BY start DESC, id DESC LIMIT {{limit:UInt32}}",
            {**values, "limit": page.limit},
        )
        return [Found(Position(time, name), event.encode()) for time, name, event in rows]

    def export(self, wanted: FlowFilter) -> Iterator[bytes]:
        """Every flow as a line; pages of the list, so that no answer is held whole."""
        page = Page(limit=5000)
        while found := self.flows(wanted, page):
            yield b"".join(one.event + b"\n" for one in found)
            page = Page(page.limit, found[-1].position)

    def sums(self, wanted: FlowFilter, by: tuple[str, ...], limit: int) -> list[Sum]:
        """Flows counted by the fields of `GROUPED`."""
        clause, values = conditions.of_flows(wanted)
        groups = ", ".join(GROUPED[name] for name in by)
        rows = self._rows(
            f"SELECT [{groups}] AS groups, count(), sum(packets), sum(bytes), toUnixTimestamp64Nano(min(start)), "  # noqa: S608
            f"toUnixTimestamp64Nano(max(end)) FROM flows FINAL {clause} "
            "GROUP BY groups ORDER BY count() DESC, groups LIMIT {limit:UInt32}",
            {**values, "limit": limit},
        )
        return [Sum(tuple(groups), *counted) for groups, *counted in rows]

    def alive(self) -> bool:
        """Whether the store answers."""
        try:
            return self._rows("SELECT 1", {}) == [(1,)]
        except StoreUnavailable:
            return False

    def close(self) -> None:
        """Wait for questions that are being answered, then close."""
        for _ in range(READERS):
            self._readers.get().close()
        self._writer.close()

    def _connected(self) -> Client:
        with _faults():
            if self._address.startswith(EMBEDDED):
                return clickhouse_connect.get_client(dsn=self._address)
            # Without a session a client may be used by several threads.
            return clickhouse_connect.get_client(dsn=self._address, autogenerate_session_id=False)

    def _insert(self, table: str, rows: Sequence[msgspec.Struct]) -> None:
        if rows:
            with _faults():
                self._writer.raw_insert(table, insert_block=_encode(rows), fmt="JSONEachRow", settings=INSERT_SETTINGS)

    def _rows(self, sql: str, values: dict[str, Any]) -> Sequence[Sequence[Any]]:
        with self._reader() as client, _faults():
            return client.query(sql, parameters=values, settings=QUERY_SETTINGS).result_rows

    @contextmanager
    def _reader(self) -> Iterator[Client]:
        client = self._readers.get()
        try:
            yield client
        finally:
            self._readers.put(client)


@contextmanager
def _faults() -> Iterator[None]:
    """The client's errors as the two that matter: never, or not now."""
    try:
        yield
    except ClickHouseError as error:
        code = getattr(error, "code", None)
        told = str(error).splitlines()[0][:500] if str(error) else type(error).__name__
        if code in DATA_FAULTS:
            raise StoreRefused(told) from error
        raise StoreUnavailable(told) from error
    except OSError as error:
        raise StoreUnavailable(str(error)) from error
