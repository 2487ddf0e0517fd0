"""Opens the sinks that the settings ask for. What a destination needs is imported only where it is asked for."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from observer.config import STANDARD_OUTPUT, Settings
from observer.errors import ConfigurationError
from observer.formats.format import Format
from observer.sinks import Sink
from observer.sinks.file import File, Rotation
from observer.sinks.formatted import Formatted
from observer.sinks.queue import Queued
from observer.sinks.several import Several
from observer.sinks.stdout import Stream

if TYPE_CHECKING:
    from observer.sinks.transport import Transport

MIB = 1024 * 1024
FOR_THE_REST_S = 1.0
"""Of the time an end may take, kept for what comes after delivery."""

Complain = Callable[[str, str | None], None]


def opened(chosen: Settings, node: str, complain: Complain) -> Several:
    """Every destination behind its queue. ConfigurationError says which cannot be opened."""
    return Several([Queued(sink, complain) for sink in list(_sinks(chosen, node, complain))])


def _sinks(chosen: Settings, node: str, complain: Complain) -> Iterator[Sink]:
    if chosen.collector:
        yield _spooled(chosen, _collector(chosen, node), complain)
    if chosen.otlp:
        yield _spooled(chosen, _otlp(chosen, node), complain)
    if chosen.alerts:
        yield _alerting(chosen.alerts, complain)
    if chosen.output:
        yield _formatted(chosen, _file(chosen, chosen.output))
    elif not chosen.collector and not chosen.otlp:
        yield _formatted(chosen, Stream(sys.stdout.buffer))


def _formatted(chosen: Settings, sink: Sink) -> Sink:
    return sink if chosen.output_format is Format.NATIVE else Formatted(sink, chosen.output_format)


def _file(chosen: Settings, path: str) -> Sink:
    if path == STANDARD_OUTPUT:
        return Stream(sys.stdout.buffer)
    try:
        return File(Path(path), Rotation(chosen.rotate_size_mib * MIB, chosen.rotate_every_s, chosen.rotate_keep))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror or error}") from error


class _Complaints:
    """Undelivered alerts as complaints of their sink."""

    def __init__(self, complain: Complain) -> None:
        self._complain = complain

    def warning(self, event: str, **fields: Any) -> None:
        self._complain("alerts", " ".join([event, *(f"{name}={value}" for name, value in fields.items())]))

    error = warning


def _alerting(file: str, complain: Complain) -> Sink:
    from observer.alerts import reading
    from observer.alerts.service import Alerts
    from observer.sinks.alerting import Alerting

    configuration = reading.load(Path(file))
    return Alerting(Alerts(configuration, _Complaints(complain)).start(), configuration.resolve_after.ns)


def _collector(chosen: Settings, node: str) -> "Transport":
    from observer.sinks.collector import CollectorTransport
    from observer.sinks.credentials import Credentials

    credentials = Credentials(
        ca_file=chosen.collector_ca,
        certificate_file=chosen.collector_cert,
        key_file=chosen.collector_key,
        server_name=chosen.collector_name or None,
        token=chosen.collector_token,
        token_file=chosen.collector_token_file,
    )
    return CollectorTransport(chosen.collector, node, credentials)


def _otlp(chosen: Settings, node: str) -> "Transport":
    from observer.sinks.credentials import Credentials

    try:
        from observer.sinks.otlp import OtlpTransport
    except ImportError as error:
        raise ConfigurationError(f"otlp: the extra `otel` is not installed: {error}") from None
    return OtlpTransport(chosen.otlp, node, Credentials(chosen.otlp_ca, token_file=chosen.otlp_token_file))


def _spooled(chosen: Settings, transport: "Transport", complain: Complain) -> Sink:
    from observer.sinks.spooled import Batching, Spooled
    from observer.spool.shelf import Limits
    from observer.spool.spool import Spool, SpoolLimits

    if chosen.spool is None:
        raise ConfigurationError(f"{transport.name}: say with --spool DIR where events wait until they are delivered")
    limits = SpoolLimits(
        findings=Limits(chosen.spool_findings_mib * MIB),
        flows=Limits(chosen.spool_flows_mib * MIB, chosen.spool_flows_age_s or None),
    )
    spool = Spool(Path(chosen.spool) / transport.name, limits)
    batching = Batching(drain_s=max(0.0, chosen.drain_timeout_s - FOR_THE_REST_S))
    return Spooled(spool, transport, batching, complain=complain)
