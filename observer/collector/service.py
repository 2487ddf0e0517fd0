"""Puts a collector together from its settings: store, ingest, interface. Knows every part; none of them knows it."""

import importlib.metadata
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.responses import Response

from observer.collector.api import openapi
from observer.collector.api.application import application
from observer.collector.api.authentication import Authentication
from observer.collector.api.events import Bounds
from observer.collector.api.findings import shown
from observer.collector.api.operations import Call, Operation, encoded
from observer.collector.api.table import operations
from observer.collector.ingest import Ingest
from observer.collector.keeper import Change, Keeper, KeeperThread
from observer.collector.lifecycle import Policy
from observer.collector.live import Live
from observer.collector.review import Cluster, TokenReview
from observer.collector.rows import Rows
from observer.collector.store import Store
from observer.collector.store.clickhouse import ClickHouse, embedded
from observer.collector.store.schema import Placement, Retention
from observer.collector.tokens import Scope, TokenFile, utc_now

Clock = Callable[[], int]
Told = Callable[[Change], None]


def _nobody(_: Change) -> None:
    """Nobody is told."""


@dataclass(frozen=True)
class Settings:
    """What a collector needs to know."""

    data: Path
    tokens: Path
    store: str | None = None
    cluster: str | None = None
    retention: Retention = field(default_factory=Retention)
    sync: bool = True
    bounds: Bounds = field(default_factory=Bounds)
    policy: Policy = field(default_factory=Policy)
    keeps_findings: bool = True
    cluster_tokens: Cluster | None = None


@dataclass(frozen=True)
class Running:
    """A collector at work: what answers requests, and what ends the requests that go on by themselves."""

    application: Starlette
    stop_streams: Callable[[], None]


@contextmanager
def running(settings: Settings, told: Told = _nobody, clock_ns: Clock = time.time_ns) -> Iterator[Running]:
    """A collector, until the context ends; `told` hears what becomes of findings."""
    with ExitStack() as stack:
        tokens = TokenFile(settings.tokens)
        store = stack.enter_context(closing(_opened(settings)))
        live = Live()
        keepers = list(_keepers(settings, store, live, told, clock_ns))
        for keeper in keepers:
            stack.callback(keeper.close)

        def committed(rows: Rows) -> None:
            live.committed(rows)
            for keeper in keepers:
                keeper.heard(rows)

        ingest = stack.enter_context(closing(Ingest(store, committed, settings.bounds.limits)))
        table = _described(operations(store, ingest, live, settings.bounds, clock_ns))
        checked = Authentication(tokens, _reviewer(settings, clock_ns), utc_now)
        yield Running(application(table, checked, store.alive), live.close)


def _opened(settings: Settings) -> ClickHouse:
    if settings.store is None:
        return embedded(settings.data, settings.retention, sync=settings.sync)
    return ClickHouse(settings.store, Placement(settings.cluster, settings.sync), settings.retention)


def _reviewer(settings: Settings, clock_ns: Clock) -> TokenReview | None:
    return TokenReview(settings.cluster_tokens, clock_ns) if settings.cluster_tokens else None


def _keepers(settings: Settings, store: Store, live: Live, told: Told, clock_ns: Clock) -> Iterator[KeeperThread]:
    """The keeper of the findings; of several collectors on one store, one alone may have it."""

    def change(one: Change) -> None:
        told(one)
        document = {"turn": one.turn, **shown(one.state, [], clock_ns()), "silenced": one.silenced}
        live.tell("finding", orjson.dumps(document))

    if settings.keeps_findings:
        yield KeeperThread(Keeper(store, change, settings.policy, clock_ns))


def _described(table: list[Operation]) -> list[Operation]:
    """The operations, and one that tells of them."""

    async def described(_: Call) -> Response:
        return encoded(told)

    itself = Operation("GET", "/api/v1/openapi.json", Scope.READ, described, "This document", dict[str, Any])
    told = openapi.document([*table, itself], importlib.metadata.version("observer"))
    return [*table, itself]
