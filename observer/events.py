"""The wire format, version 1: whole events, and of flows the fragments that the core puts between a flow's own numbers.

Of a flow's event head, addresses, times and counters are the core's; everything a shape shares is written here, once.
Judges nothing.
"""

from typing import Any

import msgspec
import orjson

from observer import iana
from observer.classify import Classified
from observer.model import Alert, Certificate, ChainSource, Finding, Protocol, Shape, SshFacts, TlsFacts
from observer.results import SCHEMA

ONLY_IN_SUMMARY = frozenset({"check", "certainty", "reasons"})

Fragments = tuple[bytes, bytes, bytes, bytes, str, bool]
"""Members of client and server, members before and after `http`, the verdict's state, whether there are findings."""

Event = dict[str, Any]


class Observer(msgspec.Struct, frozen=True):
    """Who saw what an event tells: stands in every event of an agent. `backend` is the rung of the capture's ladder."""

    cluster: str
    node: str
    backend: str
    version: str


def line(kind: str, observer: Observer, event: Event) -> bytes:
    """An event of an agent that is no flow's, as a line."""
    return orjson.dumps({"schema": SCHEMA, "kind": kind, "observer": msgspec.to_builtins(observer), **event}) + b"\n"


def fragments(shape: Shape, judged: Classified, observer: Observer | None = None) -> Fragments:
    """What all flows of a shape have in common, as the core takes it; `observer` where an agent sees them."""
    attribution, verdict = judged.attribution, judged.verdict
    before: dict[str, Any] = {
        **({"observer": msgspec.to_builtins(observer)} if observer else {}),
        "protocol": None if shape.protocol is Protocol.NONE else shape.protocol,
        "tls": None if shape.tls is None else _tls(shape.tls, judged),
        "ssh": None if shape.ssh is None else _ssh(shape.ssh),
    }
    after: dict[str, Any] = {
        "path": {
            "id": attribution.path,
            "documented": attribution.documented,
            "reference": attribution.reference,
            "confidence": attribution.confidence,
            "via": attribution.via,
            "reasons": attribution.reasons,
        },
        "verdict": {"state": verdict.state, "certainty": verdict.certainty, "reasons": verdict.reasons},
        "findings": [_finding(finding) for finding in judged.findings],
    }
    client, server = {"role": attribution.client_role}, {"role": attribution.server_role}
    state = verdict.state.value
    return _members(client), _members(server), _members(before), _members(after), state, bool(judged.findings)


def _members(fields: dict[str, Any]) -> bytes:
    return orjson.dumps(fields)[1:-1]


def _tls(tls: TlsFacts, judged: Classified) -> dict[str, Any]:
    source = judged.certificate_source
    return {
        "version": tls.version,
        "cipher": None if tls.cipher is None else iana.cipher_suite(tls.cipher),
        "group": None if tls.group is None else iana.group(tls.group),
        "next_protocol": tls.next_protocol,
        "resumed": tls.resumed,
        "established": tls.established,
        "outcome": tls.outcome,
        "hello_retry": tls.hello_retry,
        "early_data": tls.early_data,
        "decrypted": tls.decrypted,
        "client": {
            "server_name": tls.server_name,
            "ja3": tls.ja3,
            "ja4": tls.ja4,
            "offered_protocols": tls.offered_protocols,
            "certificate": tls.client_certificate,
            "certificates": [_certificate(certificate) for certificate in judged.client_certificates],
        },
        "server": {
            "ja3s": tls.ja3s,
            "certificates_source": None if source is ChainSource.UNKNOWN else source,
            "certificates": [_certificate(certificate) for certificate in judged.certificates],
        },
        "alert": None if tls.alert is None else _alert(tls.alert),
    }


def _alert(alert: Alert) -> dict[str, Any]:
    return {
        "side": alert.side,
        "level": {1: "warning", 2: "fatal"}.get(alert.level or 0),
        "description": None if alert.description is None else iana.alert(alert.description),
        "encrypted": alert.encrypted,
    }


def _certificate(certificate: Certificate) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(certificate)
    return fields


def _ssh(ssh: SshFacts) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(ssh)
    return fields


def _finding(finding: Finding) -> dict[str, Any]:
    """What every flow says of its finding; the rest stands once, in the summary."""
    fields: dict[str, Any] = msgspec.to_builtins(finding)
    return {name: value for name, value in fields.items() if name not in ONLY_IN_SUMMARY}
