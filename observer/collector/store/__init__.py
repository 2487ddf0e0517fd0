"""What the collector asks of a store: take rows durably, answer a dozen questions. `clickhouse` is one."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Protocol

import msgspec

from observer.collector.rows import Rows

Limit = Annotated[int, msgspec.Meta(ge=1, le=1000)]


class StoreUnavailable(Exception):  # noqa: N818 - says what is the matter
    """The store cannot answer or commit now; trying again later may help."""


class StoreRefused(Exception):  # noqa: N818
    """The store can never take these rows; the message says why."""


class Span(msgspec.Struct, frozen=True):
    """A time from (inclusive) and to (exclusive), in nanoseconds since 1970."""

    since_ns: int | None = None
    until_ns: int | None = None


class FlowFilter(msgspec.Struct, frozen=True):
    """Which flows; several values of one field mean any of them, several fields mean all. Empty means no matter."""

    span: Span = Span()
    path: tuple[str, ...] = ()
    verdict: tuple[str, ...] = ()
    certainty: tuple[str, ...] = ()
    protocol: tuple[str, ...] = ()
    finding: tuple[str, ...] = ()
    node: tuple[str, ...] = ()
    cluster: tuple[str, ...] = ()
    namespace: tuple[str, ...] = ()
    address: tuple[str, ...] = ()
    port: tuple[int, ...] = ()
    certificate: tuple[str, ...] = ()
    community_id: tuple[str, ...] = ()
    id: tuple[str, ...] = ()
    severity: int = 0
    text: str = ""


class Position(msgspec.Struct, frozen=True, array_like=True):
    """Where a page ended: the sorting time in nanoseconds, and the name that tells equal times apart."""

    time_ns: int
    name: str


class Page(msgspec.Struct, frozen=True):
    """Which page: at most `limit` after `after`."""

    limit: int = 100
    after: Position | None = None


class Found(msgspec.Struct, frozen=True):
    """An event as it came, with its place in the order and what names it."""

    position: Position
    event: bytes


class Sum(msgspec.Struct, frozen=True):
    """Flows with equal values of the fields asked for."""

    values: tuple[str, ...]
    flows: int
    packets: int
    bytes: int
    first_ns: int
    last_ns: int


class DeadLetter(msgspec.Struct, frozen=True):
    """A batch that was refused; `body` is base64 of what came, its start where `truncated`."""

    id: str
    received: str
    node: str
    principal: str
    batch: str
    class_: str = msgspec.field(name="class")
    status: int
    reason: str
    bytes: int
    truncated: bool
    encoding: str
    body: str


class Store(Protocol):
    """Commits rows and answers questions. Safe for several threads; every call may raise `StoreUnavailable`."""

    def insert(self, rows: Iterable[Rows]) -> None:
        """Commit the rows of some batches; what was stored before stays once. Raises `StoreRefused` for bad rows."""

    def keep_dead_letter(self, letter: DeadLetter) -> None:
        """Commit a refused batch."""

    def flows(self, wanted: FlowFilter, page: Page) -> list[Found]:
        """Flows, the newest first."""

    def export(self, wanted: FlowFilter) -> Iterator[bytes]:
        """Every flow that is wanted as lines of JSON, in pieces of any size."""

    def sums(self, wanted: FlowFilter, by: tuple[str, ...], limit: int) -> list[Sum]:
        """Flows counted by fields, the most frequent first."""

    def alive(self) -> bool:
        """Whether the store answers."""

    def close(self) -> None:
        """Let go of the store."""
