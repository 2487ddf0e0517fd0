"""The connection to ClickHouse that every question goes through; makes the client's errors the two that matter."""

import queue
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import clickhouse_connect
import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from observer.collector.store import StoreRefused, StoreUnavailable

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

_encode = msgspec.json.Encoder().encode_lines


class Connection:
    """One client that writes, several that read. Safe for several threads."""

    def __init__(self, address: str) -> None:
        """`address` is a DSN of clickhouse-connect: `chdb:///folder`, `https://user:password@host:8443/database`."""
        self._address = address
        self._writer = self._connected()
        self._readers: queue.Queue[Client] = queue.Queue()
        for _ in range(READERS):
            self._readers.put(self._connected())

    def command(self, statement: str) -> None:
        """Run a statement that answers nothing."""
        with _faults():
            self._writer.command(statement)

    def insert(self, table: str, rows: Sequence[msgspec.Struct]) -> None:
        """Commit rows whose fields are the table's columns."""
        if rows:
            with _faults():
                self._writer.raw_insert(table, insert_block=_encode(rows), fmt="JSONEachRow", settings=INSERT_SETTINGS)

    def rows(self, sql: str, values: dict[str, Any]) -> Sequence[Sequence[Any]]:
        """The rows that answer a question; `values` are its parameters."""
        with self._reader() as client, _faults():
            answer: Sequence[Sequence[Any]] = client.query(sql, parameters=values, settings=QUERY_SETTINGS).result_rows
            return answer

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

    @contextmanager
    def _reader(self) -> Iterator[Client]:
        client = self._readers.get()
        try:
            yield client
        finally:
            self._readers.put(client)


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except ClickHouseError as error:
        told = str(error).splitlines()[0][:500] if str(error) else type(error).__name__
        if getattr(error, "code", None) in DATA_FAULTS:
            raise StoreRefused(told) from error
        raise StoreUnavailable(told) from error
    except OSError as error:
        raise StoreUnavailable(str(error)) from error
