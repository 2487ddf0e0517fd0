"""The live list: server-sent events of flows and of what becomes of findings."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Literal

import msgspec
from starlette.responses import Response, StreamingResponse

from observer.collector.api.operations import Call, Fault
from observer.collector.api.parameters import Severity, Words
from observer.collector.live import Listener, Live
from observer.collector.rows import FlowRow, rank

HEARTBEAT_S = 15
"""Proxies close what is silent for longer."""

MEDIA = "text/event-stream"


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which of what happens; flows only where they match, findings always."""

    kind: Annotated[tuple[Literal["flow", "finding"], ...], msgspec.Meta(max_length=2)] = ("finding", "flow")
    path: Words = ()
    verdict: Words = ()
    node: Words = ()
    severity: Severity | None = None

    def flow(self, row: FlowRow) -> bool:
        """Whether a flow is wanted."""
        return (
            "flow" in self.kind
            and (not self.path or row.path in self.path)
            and (not self.verdict or row.verdict in self.verdict)
            and (not self.node or row.node in self.node)
            and row.severity >= rank(self.severity or "unknown")
        )


class Stream:
    """The operation that goes on."""

    def __init__(self, live: Live) -> None:
        self._live = live

    async def stream(self, call: Call) -> Response:
        """Events until the client leaves or the collector stops."""
        query: Wanted = call.query
        listener = self._live.join(query.flow)
        if listener is None:
            raise Fault(503, "too many listen already", {"Retry-After": "30"})
        return StreamingResponse(self._told(listener, query), media_type=MEDIA, headers={"Cache-Control": "no-store"})

    async def _told(self, listener: Listener, query: Wanted) -> AsyncIterator[bytes]:
        try:
            yield b": listening\n\n"
            while True:
                if listener.missed:
                    yield b'event: missed\ndata: {"messages":%d}\n\n' % listener.missed
                    listener.missed = 0
                try:
                    message = await asyncio.wait_for(listener.queue.get(), HEARTBEAT_S)
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                if message is None:
                    return
                kind, content = message
                if kind in query.kind:
                    yield b"event: %s\ndata: %s\n\n" % (kind.encode(), content)
        finally:
            self._live.leave(listener)
