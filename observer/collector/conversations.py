"""Joins what several nodes saw of one conversation: the same ends by community id, at overlapping times.

Pure and without memory: the same events give the same conversations, in whatever order they came.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import orjson

from observer.collector.times import nanoseconds

CLOCK_SLACK_NS = 2_000_000_000
"""How far the clocks of two nodes may differ; a pair of ends is not used again so soon (RFC 9293 3.4.1: 2 MSL)."""

CERTAINTIES = ("proven", "inferred")
"""The surest first; anything else is no claim."""

EVASIVE = frozenset({"unknown", "resumed"})
"""States that say less than any other."""


class View(msgspec.Struct, frozen=True):
    """What one node saw of a flow."""

    community: str
    node: str
    start_ns: int
    end_ns: int
    id: str
    event: dict[str, Any]


class Conversation(msgspec.Struct, frozen=True):
    """A flow once, as all who saw it tell it together; `views` are their events, the earliest first."""

    id: str
    community_id: str
    nodes: tuple[str, ...]
    path: str
    verdict: dict[str, Any]
    views: tuple[dict[str, Any], ...]


def joined(views: Iterable[View]) -> Iterator[tuple[View, ...]]:
    """Views of one conversation together. A node sees a conversation once: its next view begins another."""
    by_community: dict[str, list[View]] = {}
    alone = 0
    for view in sorted(views, key=lambda one: (one.start_ns, one.node, one.id)):
        alone += not view.community
        by_community.setdefault(view.community or f"\0{alone}", []).append(view)
    for several in by_community.values():
        yield from _split(several)


def _split(views: Sequence[View]) -> Iterator[tuple[View, ...]]:
    together: list[View] = []
    for view in views:
        nodes = {one.node for one in together}
        end_ns = max((one.end_ns for one in together), default=0)
        if together and (view.node in nodes or view.start_ns > end_ns + CLOCK_SLACK_NS):
            yield tuple(together)
            together = []
        together.append(view)
    if together:
        yield tuple(together)


def conversation(views: Sequence[View]) -> Conversation:
    """One account of a conversation; its id is that of the earliest view."""
    first = views[0]
    paths = {view.event["path"]["id"] for view in views} - {"unattributed"}
    return Conversation(
        id=first.id,
        community_id=first.community,
        nodes=tuple(sorted({view.node for view in views})),
        path=paths.pop() if len(paths) == 1 else first.event["path"]["id"],
        verdict=verdict([(view.node, view.event["verdict"]) for view in views]),
        views=tuple(view.event for view in views),
    )


def verdict(told: Sequence[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """The surest of some verdicts; where equally sure ones differ, unknown, and why."""
    for certainty in CERTAINTIES:
        sure = [(node, one) for node, one in told if one["state"] not in EVASIVE and one.get("certainty") == certainty]
        if not sure:
            continue
        if len({one["state"] for _, one in sure}) == 1:
            return sure[0][1]
        differing = ", ".join(f"{node} {one['state']}" for node, one in sure)
        return {"state": "unknown", "certainty": "unknown", "reasons": [f"nodes-disagree: {differing} ({certainty})"]}
    return told[0][1]


def view_of(event: bytes, start_ns: int, name: str) -> View:
    """A stored event as a view."""
    read = orjson.loads(event)
    end_ns = nanoseconds(read["flow"]["end"], 0)
    network, observer = read.get("network") or {}, read.get("observer") or {}
    return View(network.get("community_id") or "", observer.get("node") or "", start_ns, end_ns, name, read)
