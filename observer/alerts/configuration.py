"""What the alert configuration says: who is told, of what, how often, and in which form. Reading it is in `reading`."""

from enum import StrEnum
from typing import Annotated

import msgspec

from observer.alerts.duration import Duration
from observer.model import Severity


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the file: every key is known."""


class Body(StrEnum):
    """The forms of a message."""

    GENERIC = "generic"
    ALERTMANAGER = "alertmanager"
    SLACK = "slack"
    PAGERDUTY = "pagerduty"
    CLOUDEVENTS = "cloudevents"


class Label(StrEnum):
    """What findings may be grouped by."""

    RULE = "rule"
    PATH = "path"
    SEVERITY = "severity"
    NAMESPACE = "namespace"
    CLUSTER = "cluster"
    CLIENT = "client"
    SERVER = "server"
    FINDING = "finding"
    """One message for each finding: the key."""


class Secret(Part, frozen=True):
    """Where a secret stands: in a file or in an environment variable, never in the configuration itself."""

    file: str | None = None
    env: str | None = None


class Receiver(Part, frozen=True):
    """Who is told. `secrets` sign; several of them sign side by side while one replaces another."""

    url: str | None = None
    url_from: Secret | None = None
    body: Body = Body.GENERIC
    secrets: tuple[Secret, ...] = ()
    bearer_token: Secret | None = None
    routing_key: Secret | None = None
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    plaintext_allowed: bool = False
    timeout: Duration = Duration("10s")
    give_up_after: Duration = Duration("1d")


class RateLimit(Part, frozen=True):
    """At most so many messages of a route in so much time; what is more waits and is told together."""

    messages: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 20
    per: Duration = Duration("1m")


class Route(Part, frozen=True):
    """Which findings a receiver is told of; an empty list is every one, `*` stands for any text in names."""

    name: str
    receiver: str
    severity: Severity = Severity.INFO
    paths: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    group_by: tuple[Label, ...] = (Label.RULE, Label.CLUSTER)
    group_wait: Duration = Duration("30s")
    group_interval: Duration = Duration("5m")
    repeat_interval: Duration = Duration("1d")
    rate_limit: RateLimit = RateLimit()
    resolved: bool = True
    go_on: bool = False
    """Whether later routes are asked, too."""


class Configuration(Part, frozen=True):
    """The whole file. `queue` keeps what is not delivered yet; `resolve_after` is for an agent without a collector."""

    receivers: dict[str, Receiver]
    routes: tuple[Route, ...]
    queue: str = "/var/lib/observer/alerts.sqlite"
    link: str | None = None
    """Where people find the page of the collector."""
    resolve_after: Duration = Duration("1h")
