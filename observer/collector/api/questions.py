"""Answers questions about flows: lists, sums, exports."""

from collections.abc import Callable, Iterator
from typing import Any

import anyio
import msgspec
import orjson
from starlette.responses import Response, StreamingResponse

from observer.collector.api import cursors
from observer.collector.api.operations import Call, encoded
from observer.collector.api.parameters import Aggregate, Conversations, FlowPage, Flows, page, span
from observer.collector.conversations import Conversation, View, conversation, joined, view_of
from observer.collector.rows import SEVERITIES
from observer.collector.store import FlowFilter, Found, Store, Sum
from observer.collector.times import rfc3339

NDJSON = "application/x-ndjson"

REACH_NS = 3600 * 1_000_000_000
"""How much earlier or later another node may have begun to see the same conversation (an agent that started midway)."""


class Events(msgspec.Struct, frozen=True):
    """A page of events, each as docs/events.md has it; `next` is the cursor of the page after, null on the last."""

    items: tuple[dict[str, Any], ...]
    next: str | None


class ConversationPage(msgspec.Struct, frozen=True):
    """A page of conversations, often shorter than its limit; `next` is the cursor of the page after or null."""

    items: tuple[Conversation, ...]
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

    async def conversations(self, call: Call) -> Response:
        """A page of conversations, each once, whoever saw it."""
        query: Conversations = call.query
        wanted = FlowFilter(
            span=span(query.since, query.until, self._clock_ns()),
            path=query.path,
            community_id=query.community_id,
            address=query.address,
        )
        found = await anyio.to_thread.run_sync(self._store.flows, wanted, page(query.limit, query.cursor))
        told = await anyio.to_thread.run_sync(self._joined, found, wanted)
        following = cursors.written(found[-1].position) if len(found) == query.limit else None
        return encoded({"items": told, "next": following})

    def _joined(self, found: list[Found], wanted: FlowFilter) -> list[Conversation]:
        """The conversations whose earliest view of those that are wanted is on this page, the newest first."""
        if not found:
            return []
        own = [_view(one) for one in found]
        communities = tuple({view.community for view in own if view.community})
        times = [view.start_ns for view in own]
        around = self._store.seen_ends(communities, max(0, min(times) - REACH_NS), max(times) + REACH_NS)
        views = {(view.node, view.id): view for view in (*own, *map(_view, around))}
        here = {(view.node, view.id) for view in own}
        groups = [
            group
            for group in joined(views.values())
            if (first := next((view for view in group if _meant(view, wanted)), None))
            and (first.node, first.id) in here
        ]
        return [conversation(group) for group in sorted(groups, key=lambda one: (-one[0].start_ns, one[0].id))]

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


def _view(one: Found) -> View:
    return view_of(one.event, one.position.time_ns, one.position.name)


def _meant(view: View, wanted: FlowFilter) -> bool:
    """Whether the filter would have found a view; its ends are those of the others."""
    since_ns, until_ns = wanted.span.since_ns or 0, wanted.span.until_ns
    began = since_ns <= view.start_ns and (until_ns is None or view.start_ns < until_ns)
    return began and (not wanted.path or view.event["path"]["id"] in wanted.path)


def _group(by: tuple[str, ...], total: Sum) -> Group:
    values = dict(zip(by, total.values, strict=True))
    if "severity" in values:
        values["severity"] = SEVERITIES[int(values["severity"])]
    return Group(values, total.flows, total.packets, total.bytes, rfc3339(total.first_ns), rfc3339(total.last_ns))


def _with(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    """The first piece was read before the answer began, so that a fault can still be told by the status."""
    yield first
    yield from rest
