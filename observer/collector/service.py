"""Puts a collector together from its settings: store, ingest, interface. Knows every part; none of them knows it."""

import importlib.metadata
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from starlette.applications import Starlette
from starlette.responses import Response

from observer.collector.api import openapi, parameters, questions
from observer.collector.api.application import application
from observer.collector.api.authentication import Authentication, Reviewer
from observer.collector.api.events import Events
from observer.collector.api.operations import Call, Operation, encoded
from observer.collector.batch import Limits
from observer.collector.ingest import Answer, Ingest
from observer.collector.rows import Rows
from observer.collector.store import Store
from observer.collector.store.clickhouse import ClickHouse, embedded
from observer.collector.store.schema import Placement, Retention
from observer.collector.tokens import Scope, TokenFile, utc_now

Clock = Callable[[], int]


@dataclass(frozen=True)
class Settings:
    """What a collector needs to know."""

    data: Path
    tokens: Path
    store: str | None = None
    cluster: str | None = None
    retention: Retention = field(default_factory=Retention)
    sync: bool = True
    limits: Limits = field(default_factory=Limits)


@contextmanager
def running(settings: Settings, clock_ns: Clock = time.time_ns) -> Iterator[Starlette]:
    """The application of a collector, until the context ends."""
    tokens = TokenFile(settings.tokens)
    store = _opened(settings)
    try:
        ingest = Ingest(store, _heard, settings.limits)
        try:
            yield _application(store, ingest, tokens, None, settings, clock_ns)
        finally:
            ingest.close()
    finally:
        store.close()


def _heard(_: Rows) -> None:
    pass


def _opened(settings: Settings) -> ClickHouse:
    if settings.store is None:
        return embedded(settings.data, settings.retention, sync=settings.sync)
    return ClickHouse(settings.store, Placement(settings.cluster, settings.sync), settings.retention)


def _application(
    store: Store,
    ingest: Ingest,
    tokens: TokenFile,
    reviewer: Reviewer | None,
    settings: Settings,
    clock_ns: Clock,
) -> Starlette:
    table = operations(store, ingest, settings.limits, clock_ns)
    told = openapi.document(table, importlib.metadata.version("observer"))

    async def described(_: Call) -> Response:
        return encoded(told)

    table.append(Operation("GET", "/api/v1/openapi.json", Scope.READ, described, "This document"))
    return application(table, Authentication(tokens, reviewer, utc_now), store.alive)


def operations(store: Store, ingest: Ingest, limits: Limits, clock_ns: Clock) -> list[Operation]:
    """The interface."""
    events = Events(ingest, limits, clock_ns)
    asked = questions.Questions(store, clock_ns)
    return [
        Operation(
            "POST", "/api/v1/events", Scope.WRITE, events.take, "Deliver events", Answer,
            faults=(400, 408, 413, 415, 422, 429),
        ),
        Operation(
            "GET", "/api/v1/flows", Scope.READ, asked.flows, "Flows, the newest first", questions.Events,
            parameters.FlowPage,
        ),
        Operation(
            "GET", "/api/v1/flows/sums", Scope.READ, asked.sums, "Flows counted", questions.Groups,
            parameters.Aggregate,
        ),
        Operation(
            "GET", "/api/v1/flows/export", Scope.READ, asked.export, "Flows as lines of JSON", None,
            parameters.Flows, media=questions.NDJSON,
        ),
    ]  # fmt: skip
