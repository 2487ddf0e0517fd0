"""Answers questions about findings, and takes silences."""

import secrets
from collections.abc import Callable
from typing import Annotated, Any

import anyio
import msgspec
import orjson
from starlette.responses import Response

from observer.collector.api import cursors
from observer.collector.api.operations import Call, Fault, encoded
from observer.collector.api.parameters import FindingList, Listed, page
from observer.collector.api.questions import listed
from observer.collector.lifecycle import State
from observer.collector.rows import SEVERITIES
from observer.collector.silences import Matcher, Silence
from observer.collector.store import FindingFilter, Page, Store
from observer.collector.times import nanoseconds, rfc3339

SHOWN = ("client", "server", "path", "verdict", "finding", "flows", "coverage")
"""What is shown of a finding's latest event."""

BODY_BYTES = 64 * 1024
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]


class Finding(msgspec.Struct, frozen=True):
    """A finding as it stands; `silenced` is the silence that holds, and the last members are of its latest event."""

    key: str
    status: str
    resolution: str | None
    changed: str
    episode: int
    severity: str
    events: int
    count: int
    first_seen: str
    last_seen: str
    cluster: str
    nodes: tuple[str, ...]
    silenced: dict[str, Any] | None
    client: dict[str, Any] | None = None
    server: dict[str, Any] | None = None
    path: dict[str, Any] | None = None
    verdict: dict[str, Any] | None = None
    finding: dict[str, Any] | None = None
    flows: list[str] | None = None
    coverage: dict[str, Any] | None = None


class Findings(msgspec.Struct, frozen=True):
    """A page of findings; `next` is the cursor of the page after, null on the last."""

    items: tuple[Finding, ...]
    next: str | None


class NewSilence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to be silent about, who says so and why; times are RFC 3339, `starts` is now unless given."""

    owner: Text
    comment: Text
    matcher: Matcher
    ends: Annotated[str, msgspec.Meta(max_length=40)]
    starts: Annotated[str, msgspec.Meta(max_length=40)] | None = None


class ShownSilence(msgspec.Struct, frozen=True):
    """A silence; `active` says whether it holds now."""

    id: str
    owner: str
    comment: str
    matcher: Matcher
    created: str
    starts: str
    ends: str
    active: bool


class Silences(msgspec.Struct, frozen=True):
    """All silences, the ended ones included."""

    items: tuple[ShownSilence, ...]


_new_silence = msgspec.json.Decoder(NewSilence)


class FindingQuestions:
    """The operations on findings and silences."""

    def __init__(self, store: Store, clock_ns: Callable[[], int]) -> None:
        self._store, self._clock_ns = store, clock_ns

    async def findings(self, call: Call) -> Response:
        """A page of findings."""
        query: FindingList = call.query
        now_ns = self._clock_ns()
        wanted, which = query.filter(now_ns), page(query.limit, query.cursor)
        found = await anyio.to_thread.run_sync(self._store.findings, wanted, which)
        silences = await anyio.to_thread.run_sync(self._store.silences)
        following = cursors.written(found[-1][0]) if len(found) == query.limit else None
        return encoded({"items": [shown(state, silences, now_ns) for _, state in found], "next": following})

    async def finding(self, call: Call) -> Response:
        """One finding."""
        wanted = FindingFilter(key=(call.path["key"],))
        found = await anyio.to_thread.run_sync(self._store.findings, wanted, Page(1))
        if not found:
            raise Fault(404, "there is no finding with this key")
        silences = await anyio.to_thread.run_sync(self._store.silences)
        return encoded(shown(found[0][1], silences, self._clock_ns()))

    async def events(self, call: Call) -> Response:
        """The events of a finding."""
        query: Listed = call.query
        which = page(query.limit, query.cursor)
        return listed(await anyio.to_thread.run_sync(self._store.finding_events, call.path["key"], which), query.limit)

    async def silences(self, _: Call) -> Response:
        """All silences."""
        silences = await anyio.to_thread.run_sync(self._store.silences)
        now_ns = self._clock_ns()
        return encoded(Silences(tuple(_silence(one, now_ns) for one in silences)))

    async def silence(self, call: Call) -> Response:
        """Take a silence."""
        now_ns = self._clock_ns()
        made = _made(await _body(call), now_ns)
        await anyio.to_thread.run_sync(lambda: self._store.keep_silence(made, revision=now_ns))
        return encoded(_silence(made, now_ns))

    async def end_silence(self, call: Call) -> Response:
        """End a silence now."""
        now_ns = self._clock_ns()
        known = {one.id: one for one in await anyio.to_thread.run_sync(self._store.silences)}
        old = known.get(call.path["id"])
        if old is None:
            raise Fault(404, "there is no silence with this id")
        ended = msgspec.structs.replace(old, ends_ns=min(old.ends_ns, now_ns))
        await anyio.to_thread.run_sync(lambda: self._store.keep_silence(ended, revision=now_ns))
        return encoded(_silence(ended, now_ns))


def shown(state: State, silences: list[Silence], now_ns: int) -> dict[str, Any]:
    """A finding as the interface and the live list show it."""
    seen = state.seen
    event = orjson.loads(seen.event)
    holding = next((one for one in silences if one.holds(seen, now_ns)), None)
    told: dict[str, Any] = {
        "key": seen.key,
        "status": state.status.value,
        "resolution": state.resolution.value or None,
        "changed": rfc3339(state.changed_ns),
        "episode": state.episode,
        "severity": SEVERITIES[seen.severity],
        "events": seen.events,
        "count": seen.count,
        "first_seen": rfc3339(seen.first_ns),
        "last_seen": rfc3339(seen.last_ns),
        "cluster": seen.cluster,
        "nodes": seen.nodes,
        "silenced": holding and {"id": holding.id, "owner": holding.owner, "ends": rfc3339(holding.ends_ns)},
    }
    return told | {name: event.get(name) for name in SHOWN}


async def _body(call: Call) -> bytes:
    parts, length = [], 0
    async for part in call.request.stream():
        length += len(part)
        if length > BODY_BYTES:
            raise Fault(413, f"more than {BODY_BYTES} bytes", {"Connection": "close"})
        parts.append(part)
    return b"".join(parts)


def _made(body: bytes, now_ns: int) -> Silence:
    try:
        told = _new_silence.decode(body)
        starts_ns = now_ns if told.starts is None else nanoseconds(told.starts, now_ns)
        ends_ns = nanoseconds(told.ends, now_ns)
    except (msgspec.DecodeError, ValueError, OverflowError) as error:
        raise Fault(400, str(error)) from error
    if not told.matcher.fields:
        raise Fault(400, "a matcher without fields would silence everything")
    if ends_ns <= max(starts_ns, now_ns):
        raise Fault(400, "a silence must end after it starts, and after now")
    return Silence(secrets.token_hex(8), told.owner, told.comment, told.matcher, now_ns, starts_ns, ends_ns)


def _silence(one: Silence, now_ns: int) -> ShownSilence:
    active = one.starts_ns <= now_ns < one.ends_ns
    created, starts, ends = map(rfc3339, (one.created_ns, one.starts_ns, one.ends_ns))
    return ShownSilence(one.id, one.owner, one.comment, one.matcher, created, starts, ends, active)
