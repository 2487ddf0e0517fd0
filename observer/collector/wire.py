"""What the collector must know of an event, version 1, to keep and find it. The rest of an event stays as it came.

Fields that are not named here are checked to be JSON and kept; none is required but those that name the event.
"""

from typing import Annotated, Any

import msgspec

SCHEMA = "observer/1"

Word = Annotated[str, msgspec.Meta(max_length=256)]
Text = Annotated[str, msgspec.Meta(max_length=8192)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Time = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(19[7-9]|20\d|21\d)\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?Z$"
    ),
]
"""RFC 3339 in UTC, as events have it; years that a nanosecond clock of 64 bits can hold."""


class Observer(msgspec.Struct, frozen=True):
    """Who saw it."""

    cluster: Word | None = None
    node: Word | None = None
    backend: Word | None = None
    version: Word | None = None


class Kubernetes(msgspec.Struct, frozen=True):
    """What of an endpoint's place in the cluster can be asked for."""

    namespace: Word | None = None


class End(msgspec.Struct, frozen=True):
    """One end of a flow."""

    address: Word
    port: Port | None = None
    role: Word = "unknown"
    name: Word | None = None
    kubernetes: Kubernetes | None = None

    @property
    def namespace(self) -> str:
        """The namespace, empty where there is none."""
        return (self.kubernetes and self.kubernetes.namespace) or ""


class Network(msgspec.Struct, frozen=True):
    """Names a flow the same way wherever it is seen."""

    community_id: Word | None = None


class Counters(msgspec.Struct, frozen=True):
    """A flow's times and sizes."""

    start: Time
    end: Time
    client_packets: Count = 0
    client_bytes: Count = 0
    server_packets: Count = 0
    server_bytes: Count = 0


class Certificate(msgspec.Struct, frozen=True):
    """What the memory of endpoints keeps of a certificate."""

    sha256: Word
    subject: Text | None = None
    issuer: Text | None = None
    not_before: Time | None = None
    not_after: Time | None = None


class TlsServer(msgspec.Struct, frozen=True):
    """What the server showed, the first certificate its own."""

    certificates: tuple[Certificate, ...] = ()


class TlsClient(msgspec.Struct, frozen=True):
    """What the client asked for."""

    server_name: Word | None = None


class Tls(msgspec.Struct, frozen=True):
    """A TLS conversation."""

    server: TlsServer = TlsServer()
    client: TlsClient = TlsClient()


class Path(msgspec.Struct, frozen=True):
    """The path a flow is on."""

    id: Word
    documented: bool = False


class Verdict(msgspec.Struct, frozen=True):
    """How safe a flow is."""

    state: Word
    certainty: Word = "unknown"


class Found(msgspec.Struct, frozen=True):
    """A rule that held."""

    id: Word
    severity: Word = "unknown"
    title: Text = ""
    explanation: Text = ""
    remediation: Text = ""
    reference: Text | None = None


class Flow(msgspec.Struct, frozen=True, tag="flow", tag_field="kind"):
    """A connection: reported when its facts are known, and again, under the same id, when it ends."""

    schema: str
    id: Word
    client: End
    server: End
    flow: Counters
    path: Path
    verdict: Verdict
    observer: Observer = Observer()
    final: bool = True
    network: Network = Network()
    protocol: Word | None = None
    tls: Tls | None = None
    findings: tuple[Found, ...] = ()


class Finding(msgspec.Struct, frozen=True, tag="finding", tag_field="kind"):
    """A fault seen again: `count` flows since the last event of the same key from the same observer."""

    schema: str
    id: Word
    key: Word
    time: Time
    client: End
    server: End
    path: Path
    finding: Found
    first_seen: Time
    last_seen: Time
    count: Count = 1
    observer: Observer = Observer()
    verdict: Verdict | None = None


class Report(msgspec.Struct, frozen=True):
    """An event about the observer itself (`loss`, `summary`), or of a kind that came after this collector."""

    schema: str
    kind: Word
    time: Time
    id: Word | None = None
    observer: Observer = Observer()
    counters: dict[str, Any] = {}
    lost: dict[str, Any] = {}


Known = Flow | Finding
Event = Known | Report
