"""A store in ClickHouse, in this process (chDB) or on a server, with the same SQL and the same client."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

from observer.collector.rows import Rows
from observer.collector.store import StoreUnavailable
from observer.collector.store.connection import EMBEDDED, Connection
from observer.collector.store.endpoints import Endpoints
from observer.collector.store.findings import Findings
from observer.collector.store.flows import Flows
from observer.collector.store.letters import Letters
from observer.collector.store.nodes import Nodes
from observer.collector.store.schema import Placement, Retention, definitions


def embedded(folder: Path, retention: Retention, *, sync: bool = True) -> "ClickHouse":
    """A store in a folder, for this process alone."""
    temporary = folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    # clickhouse-connect hands batches to chDB through temporary files: the root file system may be read-only.
    tempfile.tempdir = str(temporary)
    return ClickHouse(f"{EMBEDDED}{folder.resolve() / 'events'}", Placement(sync=sync), retention)


class ClickHouse(Flows, Findings, Endpoints, Nodes, Letters):
    """The tables of one database, a base for each subject. Opening it makes what is missing."""

    def __init__(self, address: str, placement: Placement, retention: Retention) -> None:
        """`address` is a DSN as `Connection` takes it."""
        self._connection = Connection(address)
        for statement in definitions(placement, retention):
            self._connection.command(statement)

    def insert(self, rows: Iterable[Rows]) -> None:
        """Commit rows. Findings last: what says that something is wrong comes after what it rests on."""
        batches = tuple(rows)
        self._connection.insert("flows", [row for batch in batches for row in batch.flows])
        self._connection.insert("reports", [row for batch in batches for row in batch.reports])
        self._connection.insert("finding_events", [row for batch in batches for row in batch.findings])

    def alive(self) -> bool:
        """Whether the store answers."""
        try:
            return [tuple(row) for row in self._connection.rows("SELECT 1", {})] == [(1,)]
        except StoreUnavailable:
            return False

    def close(self) -> None:
        """Let go of the store."""
        self._connection.close()
