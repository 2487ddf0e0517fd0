"""Takes events in: the bounds of a request, then the batch itself."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
from starlette.responses import Response

from observer.collector.api.operations import Call, Fault, encoded
from observer.collector.batch import Limits, Refused
from observer.collector.ingest import Delivery, Ingest
from observer.collector.rate import Buckets, Rate
from observer.collector.times import milliseconds
from observer.collector.wire import SCHEMA

MOST_AT_ONCE = 8
"""Requests whose bodies are held at once: eight of 8 MiB packed and 64 MiB unpacked."""

CONTENT_TYPE = "application/x-ndjson"
NAME_LENGTH = 128


@dataclass(frozen=True)
class Bounds:
    """How large a request and how fast a sender may be."""

    limits: Limits = field(default_factory=Limits)
    rate: Rate = field(default_factory=Rate)
    body_timeout_s: float = 30
    """A batch of some hundred kilobytes takes less over any line that is worth using."""


class Events:
    """The operation that takes events."""

    def __init__(self, ingest: Ingest, bounds: Bounds, clock_ns: Callable[[], int]) -> None:
        self._ingest, self._bounds, self._clock_ns = ingest, bounds, clock_ns
        self._threads = anyio.CapacityLimiter(MOST_AT_ONCE)
        self._buckets = Buckets(bounds.rate)
        self._held = 0

    async def take(self, call: Call) -> Response:
        """Answer 200 only after the commit."""
        node = _checked(call)
        if self._held >= MOST_AT_ONCE * 4:
            raise Fault(503, "too many batches at once", {"Retry-After": "1"})
        self._held += 1
        try:
            body = await self._body(call)
            wait_s = self._buckets.wait_s(f"{call.principal.name} {node}", len(body), self._clock_ns())
            if wait_s:
                raise Fault(429, "more than this sender may deliver", {"Retry-After": str(math.ceil(wait_s))})
            return await self._answer(call, body, node)
        finally:
            self._held -= 1

    async def _answer(self, call: Call, body: bytes, node: str) -> Response:
        headers = call.request.headers
        delivery = Delivery(
            body=body,
            encoding=headers.get("content-encoding", ""),
            batch=headers.get("observer-batch", ""),
            node=node,
            class_=headers.get("observer-class", ""),
            principal=call.principal.name,
            received=milliseconds(self._clock_ns()),
            bound=call.principal.node,
        )
        try:
            return encoded(await anyio.to_thread.run_sync(self._ingest.take, delivery, limiter=self._threads))
        except Refused as refused:
            raise Fault(refused.status, refused.reason) from refused

    async def _body(self, call: Call) -> bytes:
        most, timeout_s = self._bounds.limits.compressed_bytes, self._bounds.body_timeout_s
        declared = call.request.headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared) > most:
            raise Fault(413, f"more than {most} bytes", {"Connection": "close"})
        parts, length = [], 0
        try:
            with anyio.fail_after(timeout_s):
                async for part in call.request.stream():
                    length += len(part)
                    if length > most:
                        raise Fault(413, f"more than {most} bytes", {"Connection": "close"})
                    parts.append(part)
        except TimeoutError as error:
            raise Fault(408, f"the body took more than {timeout_s} s", {"Connection": "close"}) from error
        return b"".join(parts)


def _checked(call: Call) -> str:
    """What the headers must say before a body is read; answers with the node that sends."""
    headers = call.request.headers
    if headers.get("content-type", "").partition(";")[0].strip() != CONTENT_TYPE:
        raise Fault(415, f"send {CONTENT_TYPE}", {"Observer-Accept": SCHEMA})
    if headers.get("observer-schema", SCHEMA) != SCHEMA:
        raise Fault(415, f"this collector takes {SCHEMA}", {"Observer-Accept": SCHEMA})
    node = headers.get("observer-node", "")
    if max(len(node), len(headers.get("observer-batch", "")), len(headers.get("observer-class", ""))) > NAME_LENGTH:
        raise Fault(400, f"a header is longer than {NAME_LENGTH}")
    if call.principal.node is not None and node != call.principal.node:
        raise Fault(403, f"{call.principal.name} speaks for node {call.principal.node} alone")
    return node
