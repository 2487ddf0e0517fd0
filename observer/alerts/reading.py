"""Reads the alert configuration strictly: every fault at once, with its file, line, column and field."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from observer import yaml
from observer.alerts import credentials
from observer.alerts.configuration import Body, Configuration, Receiver, Route, Secret
from observer.alerts.duration import Duration
from observer.alerts.post import tls_context
from observer.errors import ConfigurationError
from observer.model import Severity
from observer.yaml import Where

PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"
LONGEST_TIMEOUT = Duration("5m")

Fault = tuple[Where, str]


def load(file: Path) -> Configuration:
    """The configuration with its files' names made absolute, or ConfigurationError with all that is wrong."""
    document = yaml.load(file, Configuration)
    faults = [document.problem(where, message) for where, message in _faults(document.value)]
    if faults:
        raise ConfigurationError.of(faults)
    settled = _settled(document.value, file.absolute().parent)
    unusable = [document.problem(where, message) for where, message in _unusable(settled)]
    if unusable:
        raise ConfigurationError.of(unusable)
    return settled


def _faults(configuration: Configuration) -> Iterator[Fault]:
    for name, receiver in configuration.receivers.items():
        yield from ((("receivers", name, *where), message) for where, message in _of_receiver(receiver))
    yield from _of_routes(configuration)
    if configuration.resolve_after.ns == 0:
        yield ("resolve_after",), "must be longer than nothing"


def _of_receiver(receiver: Receiver) -> Iterator[Fault]:
    yield from _of_url(receiver)
    if receiver.body is Body.GENERIC and not receiver.secrets:
        yield (), "lacks `secrets`: a generic message is signed"
    if (receiver.body is Body.PAGERDUTY) != (receiver.routing_key is not None):
        yield (), "`routing_key` belongs to `body: pagerduty`, and only there"
    if (receiver.certificate is None) != (receiver.key is None):
        yield (), "`certificate` and `key` belong together"
    if not 0 < receiver.timeout.ns <= LONGEST_TIMEOUT.ns:
        yield ("timeout",), f"must be more than 0s and at most {LONGEST_TIMEOUT}"
    if receiver.give_up_after.ns == 0:
        yield ("give_up_after",), "must be longer than nothing"
    for where, secret in _secrets(receiver):
        if (secret.file is None) == (secret.env is None):
            yield where, "give `file` or `env`"


def _of_url(receiver: Receiver) -> Iterator[Fault]:
    if receiver.url is not None and receiver.url_from is not None:
        yield ("url_from",), "give `url` or `url_from`, not both"
    if receiver.url is None and receiver.url_from is None and receiver.body is not Body.PAGERDUTY:
        yield (), "lacks `url` or `url_from`"
    if receiver.url is not None:
        yield from ((("url",), message) for message in url_faults(receiver.url, receiver))


def url_faults(url: str, receiver: Receiver) -> Iterator[str]:
    """What keeps a URL from being used; the URL itself is not told, for it may be a secret."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        yield "is no URL"
        return
    if parts.scheme not in ("https", "http") or not host or any(ord(character) < 33 for character in url):
        yield "is no https URL"
    elif parts.scheme == "http" and not receiver.plaintext_allowed:
        yield "is not https; `plaintext_allowed: true` allows it"
    if parts.username is not None or parts.fragment:
        yield "must have neither user nor fragment"


def _of_routes(configuration: Configuration) -> Iterator[Fault]:
    if not configuration.routes:
        yield ("routes",), "has no route, so nobody is told anything"
    names: set[str] = set()
    for index, route in enumerate(configuration.routes):
        if route.name in names:
            yield ("routes", index, "name"), f"{route.name} is the name of an earlier route"
        names.add(route.name)
        if route.receiver not in configuration.receivers:
            yield ("routes", index, "receiver"), f"no receiver is called {route.receiver}"
        yield from ((("routes", index, *where), message) for where, message in _of_route(route))


def _of_route(route: Route) -> Iterator[Fault]:
    if route.severity is Severity.UNKNOWN:
        yield ("severity",), "is no severity of a finding"
    for where, duration in (
        (("group_interval",), route.group_interval),
        (("repeat_interval",), route.repeat_interval),
        (("rate_limit", "per"), route.rate_limit.per),
    ):
        if duration.ns == 0:
            yield where, "must be longer than nothing"


def _secrets(receiver: Receiver) -> Iterator[tuple[Where, Secret]]:
    for index, secret in enumerate(receiver.secrets):
        yield ("secrets", index), secret
    for field in ("url_from", "bearer_token", "routing_key"):
        secret = getattr(receiver, field)
        if secret is not None:
            yield (field,), secret


def _settled(configuration: Configuration, folder: Path) -> Configuration:
    """The same with absolute names of files and the usual URL."""
    receivers = {name: _settled_receiver(receiver, folder) for name, receiver in configuration.receivers.items()}
    return msgspec.structs.replace(configuration, receivers=receivers, queue=str(folder / configuration.queue))


def _settled_receiver(receiver: Receiver, folder: Path) -> Receiver:
    def at(name: str | None) -> str | None:
        return None if name is None else str(folder / name)

    def of(secret: Secret | None) -> Secret | None:
        return secret and msgspec.structs.replace(secret, file=at(secret.file))

    usual = PAGERDUTY_URL if receiver.body is Body.PAGERDUTY and receiver.url_from is None else None
    return msgspec.structs.replace(
        receiver,
        url=receiver.url or usual,
        url_from=of(receiver.url_from),
        secrets=tuple(msgspec.structs.replace(secret, file=at(secret.file)) for secret in receiver.secrets),
        bearer_token=of(receiver.bearer_token),
        routing_key=of(receiver.routing_key),
        ca=at(receiver.ca),
        certificate=at(receiver.certificate),
        key=at(receiver.key),
    )


def _unusable(configuration: Configuration) -> Iterator[Fault]:
    """Secrets and certificates that cannot be read, told before anybody waits for an alert."""
    for name, receiver in configuration.receivers.items():
        try:
            tls_context(receiver.ca, receiver.certificate, receiver.key)
        except OSError as error:
            field = "ca" if receiver.ca else "certificate"
            yield ("receivers", name, field), f"cannot be used: {error.strerror or error}"
        for where, secret in _secrets(receiver):
            try:
                text = credentials.read(secret)
                if where[0] == "secrets":
                    credentials.signing_key(text)
            except credentials.UnusableError as error:
                yield ("receivers", name, *where), str(error)
                continue
            if where[0] == "url_from":
                yield from ((("receivers", name, *where), message) for message in url_faults(text, receiver))
