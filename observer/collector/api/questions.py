"""Answers questions about flows: lists, sums, exports."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import anyio
import msgspec
import orjson
from starlette.responses import Response, StreamingResponse

from observer.collector.api import cursors
from observer.collector.api.operations import Call, encoded
from observer.collector.api.parameters import Aggregate, FlowPage, Flows, page
from observer.collector.rows import SEVERITIES
from observer.collector.store import Found, Store, Sum
from observer.collector.times import rfc3339

NDJSON = "application/x-ndjson"
T = TypeVar("T")


class Events(msgspec.Struct, frozen=True):
    """A page of events, each as docs/events.md has it; `next` is the cursor of the page after, null on the last."""

    items: tuple[dict[str, Any], ...]
    next: str | None


class Group(msgspec.Struct, frozen=True):
    """Flows with equal values."""

    values: dict[str, str]
    flows: int
    packets: int
    bytes: int
    first: str
    last: str


class Groups(msgspec.Struct, frozen=True):
    """Sums over flows, the most frequent first."""

    items: tuple[Group, ...]


class Questions:
    """The operations that read flows."""

    def __init__(self, store: Store, clock_ns: Callable[[], int]) -> None:
        self._store, self._clock_ns = store, clock_ns

    async def flows(self, call: Call) -> Response:
        """A page of flows."""
        query: FlowPage = call.query
        wanted = page(query.limit, query.cursor)
        found = await anyio.to_thread.run_sync(self._store.flows, query.filter(self._clock_ns()), wanted)
        return listed(found, query.limit)

    async def sums(self, call: Call) -> Response:
        """Flows counted."""
        query: Aggregate = call.query
        wanted = query.filter(self._clock_ns())
        sums = await anyio.to_thread.run_sync(self._store.sums, wanted, query.by, query.limit)
        return encoded(Groups(tuple(_group(query.by, one) for one in sums)))

    async def export(self, call: Call) -> Response:
        """All flows that are wanted, as lines."""
        query: Flows = call.query
        pieces = self._store.export(query.filter(self._clock_ns()))
        first = await anyio.to_thread.run_sync(next, pieces, b"")
        return StreamingResponse(_with(first, pieces), media_type=NDJSON, headers={"Cache-Control": "no-store"})


def listed(found: list[Found], limit: int) -> Response:
    """A page of events as JSON; the events go through as they came."""
    following = cursors.written(found[-1].position) if len(found) == limit else None
    return encoded({"items": [orjson.Fragment(one.event) for one in found], "next": following})


def _group(by: tuple[str, ...], total: Sum) -> Group:
    values = dict(zip(by, total.values, strict=True))
    if "severity" in values:
        values["severity"] = SEVERITIES[int(values["severity"])]
    return Group(values, total.flows, total.packets, total.bytes, rfc3339(total.first_ns), rfc3339(total.last_ns))


def _with(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    """The first piece was read before the answer began, so that a fault can still be told by the status."""
    yield first
    yield from rest
