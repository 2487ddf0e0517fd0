"""Reads what an earlier run wrote (`-o json`, `-o ndjson`): its findings, and its flows one by one. Judges nothing."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from observer.analysis import CaptureNote, FindingGroup, Party
from observer.errors import InputError
from observer.keys import Named, name_of
from observer.model import Certainty, Presence, Role, Severity, State

SCHEMA = "observer/1"
STANDARD_INPUT = "-"
NS_PER_S = 1_000_000_000


class Endpoint(Named, frozen=True):
    """One end of a saved flow."""

    address: str = ""
    port: int = 0
    role: Role = Role.UNKNOWN


class Times(msgspec.Struct, frozen=True):
    """A saved flow's numbers."""

    start: str
    end: str
    state: str = ""
    client_packets: int = 0
    client_bytes: int = 0
    server_packets: int = 0
    server_bytes: int = 0
    midstream: bool = False
    gaps: int = 0


class ShownCertificate(msgspec.Struct, frozen=True):
    """A certificate as events show it."""

    sha256: str
    subject: str | None = None
    issuer: str | None = None
    serial: str | None = None
    not_before: str | None = None
    not_after: str | None = None
    san: tuple[str, ...] = ()
    self_signed: bool | None = None
    key: str | None = None
    signature_algorithm: str | None = None
    purpose: str | None = None
    error: str | None = None


class TlsServer(msgspec.Struct, frozen=True):
    """What the server showed."""

    certificates: tuple[ShownCertificate, ...] = ()


class TlsClient(TlsServer, frozen=True):
    """What the client sent."""

    server_name: str | None = None
    certificate: Presence = Presence.UNKNOWN


class Tls(msgspec.Struct, frozen=True):
    """The TLS part of a saved flow, as far as an explanation needs it."""

    version: str | None = None
    cipher: str | None = None
    group: str | None = None
    next_protocol: str | None = None
    resumed: bool | None = None
    outcome: str | None = None
    client: TlsClient = TlsClient()
    server: TlsServer = TlsServer()


class OnPath(msgspec.Struct, frozen=True):
    """The path of a saved flow."""

    id: str
    confidence: str
    reasons: tuple[str, ...] = ()
    reference: str | None = None


class Judged(msgspec.Struct, frozen=True):
    """The verdict of a saved flow."""

    state: State
    certainty: Certainty
    reasons: tuple[str, ...] = ()


class FindingOfFlow(msgspec.Struct, frozen=True):
    """A finding as a flow bears it."""

    id: str
    severity: Severity
    title: str
    cause: str = ""


class Flow(msgspec.Struct, frozen=True):
    """A saved flow event."""

    id: str
    client: Endpoint
    server: Endpoint
    flow: Times
    path: OnPath
    verdict: Judged
    protocol: str | None = None
    tls: Tls | None = None
    findings: tuple[FindingOfFlow, ...] = ()


class SavedFinding(msgspec.Struct, frozen=True):
    """A finding of a saved summary."""

    id: str
    severity: Severity
    title: str
    explanation: str
    remediation: str
    path: str
    client: Party
    server: Party
    certainty: Certainty
    reasons: tuple[str, ...]
    flows: int
    key: str
    start: str | None = None
    end: str | None = None
    reference: str | None = None
    cis: str | None = None
    cause: str = ""
    check: str | None = None

    def group(self) -> FindingGroup:
        """The same as an analysis holds it."""
        fields: dict[str, Any] = {name: getattr(self, name) for name in self.__struct_fields__}
        first_ns, last_ns = nanoseconds(fields.pop("start")), nanoseconds(fields.pop("end"))
        return FindingGroup(**fields, first_ns=first_ns, last_ns=last_ns)


class Summary(msgspec.Struct, frozen=True):
    """The end of a saved result."""

    captures: tuple[CaptureNote, ...]
    findings: tuple[SavedFinding, ...]
    flows: int = 0
    inventory: str | None = None


class Result(msgspec.Struct, frozen=True):
    """An earlier run: the captures it read and what it found."""

    captures: tuple[CaptureNote, ...]
    findings: tuple[FindingGroup, ...]

    def keys(self) -> frozenset[str]:
        """The keys of all findings."""
        return frozenset(finding.key for finding in self.findings)


class _Kind(msgspec.Struct, frozen=True):
    kind: str = ""
    schema: str = ""


class _Document(msgspec.Struct, frozen=True):
    summary: Summary
    flows: tuple[msgspec.Raw, ...] = ()


Visit = Callable[[Flow], None]


def read(file: str, visit: Visit | None = None) -> Result:
    """The result in a file (`-`: standard input); `visit` gets each of its flows. InputError says what is wrong."""
    name = "standard input" if file == STANDARD_INPUT else file
    try:
        with _open(file) as source:
            summary = _read(source, visit)
    except OSError as error:
        raise InputError(f"{name}: {error.strerror or error}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(f"{name}: is no result of `observer analyze -o json` or `-o ndjson`: {error}") from None
    except EOFError:
        raise InputError(f"{name}: ends without a summary, so the run that wrote it did not finish") from None
    return Result(summary.captures, tuple(finding.group() for finding in summary.findings))


def nanoseconds(time: str | None) -> int:
    """RFC 3339 in UTC, as events have it, in nanoseconds since 1970; 0 where it is none."""
    if time is None:
        return 0
    try:
        whole = datetime.fromisoformat(time[:19]).replace(tzinfo=UTC)
        return int(whole.timestamp()) * NS_PER_S + int(time[19:].strip(".Z").ljust(9, "0") or 0)
    except ValueError:
        raise msgspec.ValidationError(f"{time!r} is no time") from None


def party(endpoint: Endpoint, *, server: bool) -> Party:
    """An end of a flow as findings name it."""
    return Party(endpoint.address, endpoint.role, name_of(endpoint), endpoint.port if server else None)


@contextmanager
def _open(file: str) -> Iterator[BinaryIO]:
    if file == STANDARD_INPUT:
        yield sys.stdin.buffer
        return
    with Path(file).open("rb") as source:
        yield source


def _read(source: BinaryIO, visit: Visit | None) -> Summary:
    first = source.readline()
    if not first.strip():
        raise msgspec.DecodeError("it is empty")
    if _kind(first) in ("flow", "summary"):
        return _lines(first, source, visit)
    whole = first + source.read()
    _known(msgspec.json.decode(whole, type=_Kind).schema)
    document = msgspec.json.decode(whole, type=_Document)
    for flow in document.flows if visit else ():
        _visit(flow, visit)
    return document.summary


def _lines(first: bytes, source: BinaryIO, visit: Visit | None) -> Summary:
    line = first
    while line:
        kind = _kind(line)
        if kind == "summary":
            _known(msgspec.json.decode(line, type=_Kind).schema)
            return msgspec.json.decode(line, type=Summary)
        if kind == "flow":
            _visit(line, visit)
        line = source.readline()
    raise EOFError


def _visit(flow: bytes | msgspec.Raw, visit: Visit | None) -> None:
    if visit:
        visit(msgspec.json.decode(flow, type=Flow))


def _kind(line: bytes) -> str:
    """What a line is; empty where it is only the first line of a document."""
    try:
        return msgspec.json.decode(line, type=_Kind).kind
    except msgspec.DecodeError:
        return ""


def _known(schema: str) -> None:
    if schema != SCHEMA:
        raise msgspec.ValidationError(f"its schema is {schema!r}, not {SCHEMA!r}")
