"""The words every stage shares: what the core saw, which path it is, how safe, and what to say about it."""

from enum import StrEnum

import msgspec


class Protocol(StrEnum):
    """What the bytes are, by content and never by port."""

    TLS = "tls"
    SSH = "ssh"
    HTTP = "http"
    NONE = "none"
    UNKNOWN = "unknown"


class State(StrEnum):
    """How far the server of a flow was verified by its client."""

    PLAINTEXT = "plaintext"
    ABORTED = "aborted"
    VERIFIED = "verified"
    VERIFIABLE = "verifiable"
    UNVERIFIED = "unverified"
    RESUMED = "resumed"
    UNKNOWN = "unknown"


class Certainty(StrEnum):
    """Proven: the flow itself or its client shows it. Inferred: documentation, configuration or likelihood say it."""

    PROVEN = "proven"
    INFERRED = "inferred"
    UNKNOWN = "unknown"


class Confidence(StrEnum):
    """How sure the path of a flow is."""

    CERTAIN = "certain"
    LIKELY = "likely"
    TENTATIVE = "tentative"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """How much a finding matters, in rising order."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


class Role(StrEnum):
    """What sits at an address."""

    APISERVER = "apiserver"
    NODE = "node"
    POD = "pod"
    SERVICE = "service"
    KONNECTIVITY_SERVER = "konnectivity-server"
    ETCD = "etcd"
    EXTERNAL = "external"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """How a TLS handshake ended, as far as the capture shows."""

    CARRIED_ON = "carried-on"
    FINISHED_NO_DATA = "finished-no-data"
    CLIENT_REFUSED = "client-refused"
    SERVER_REFUSED = "server-refused"
    NO_SERVER_HELLO = "no-server-hello"
    PLAINTEXT_ANSWER = "plaintext-answer"
    INCOMPLETE = "incomplete"
    MIDSTREAM = "midstream"
    UNKNOWN = "unknown"


class Presence(StrEnum):
    """Whether the client showed a certificate of its own."""

    SENT = "sent"
    NONE = "none"
    UNKNOWN = "unknown"


class Listener(StrEnum):
    """What listens on a port of a place."""

    APISERVER = "apiserver"
    APISERVER_INSECURE = "apiserver-insecure"
    CONTROLPLANE_METRICS = "controlplane-metrics"
    KUBELET = "kubelet"
    KUBELET_READONLY = "kubelet-readonly"
    ETCD_CLIENT = "etcd-client"
    ETCD_PEER = "etcd-peer"
    KONNECTIVITY_SERVER = "konnectivity-server"
    KONNECTIVITY_AGENT = "konnectivity-agent"
    KONNECTIVITY_ADMIN = "konnectivity-admin"
    KONNECTIVITY_HEALTH = "konnectivity-health"
    UNKNOWN = "unknown"


class Purpose(StrEnum):
    """What a certificate is for, by the names Kubernetes puts into it."""

    APISERVER = "apiserver"
    APISERVER_KUBELET_CLIENT = "apiserver-kubelet-client"
    APISERVER_ETCD_CLIENT = "apiserver-etcd-client"
    FRONT_PROXY_CLIENT = "front-proxy-client"
    NODE = "node"
    SELF_GENERATED = "self-generated"
    """Made by a component at its start, from a CA it threw away: `host@epoch` signed by `host-ca@epoch`."""
    CONTROLPLANE = "controlplane"
    KONNECTIVITY = "konnectivity"
    ETCD = "etcd"
    ADMINISTRATOR = "administrator"
    KUBE_PROXY = "kube-proxy"
    AUTHORITY = "authority"
    """Signs certificates, and none of the above."""
    UNKNOWN = "unknown"


class AnchorRole(StrEnum):
    """Whose trust anchors some are."""

    CLUSTER = "cluster"
    """Of clients of API servers: `ca.crt` of kubeconfigs and service accounts."""
    KUBELET_SERVING = "kubelet-serving"
    """Of clients of kubelets: `--kubelet-certificate-authority`."""
    FRONT_PROXY = "front-proxy"
    """Of aggregated API servers, which hold the API server's client certificate against it."""
    KONNECTIVITY = "konnectivity"
    """Of Konnectivity agents and of API servers towards the Konnectivity server."""
    ETCD = "etcd"
    """Of API servers towards etcd and of etcd's members: `--etcd-cafile`, `--peer-trusted-ca-file`."""


class Fault(StrEnum):
    """What is wrong with a certificate by RFC 5280, RFC 6125 or the state of the art; then with those that sign it."""

    NO_NAMES = "no-alternative-names"
    ADDRESS_AS_NAME = "address-as-dns-name"
    ODD_NAME = "odd-dns-name"
    NAMES_NOT_CRITICAL = "empty-subject-names-not-critical"
    NO_AUTHORITY_KEY_ID = "no-authority-key-id"
    AUTHORITY_AS_SERVER = "authority-as-server"
    KEY_USAGE = "key-usage-without-signing"
    OLD_VERSION = "old-version"
    WEAK_SIGNATURE = "weak-signature"
    SHORT_KEY = "short-key"
    UNKNOWN_CRITICAL = "unknown-critical-extension"
    KEY_IDS_DIFFER = "key-ids-differ"
    NO_KEY_ID = "authority-without-key-id"
    NO_CONSTRAINTS = "authority-without-basic-constraints"
    CONSTRAINTS_NOT_CRITICAL = "authority-basic-constraints-not-critical"
    NO_KEY_USAGE = "authority-without-key-usage"
    NOT_AN_AUTHORITY = "signed-by-no-authority"
    PATH_TOO_LONG = "path-too-long"
    AUTHORITY_USAGE = "authority-not-for-servers"
    NAMES_CONSTRAINED = "authority-constrains-names"
    AUTHORITY_EXPIRED = "authority-expired"
    AUTHORITY_NOT_YET_VALID = "authority-not-yet-valid"


class EventClass(StrEnum):
    """What goes first when there is no room for all; a sink never gives up a finding for a flow."""

    FINDING = "finding"
    """Findings, and the few events that say how complete they are: `loss` and `summary`."""
    FLOW = "flow"


class Forwarded(StrEnum):
    """What the path in X-Forwarded-Uri names; unknown where no request head was read whole.

    `shared`: a service, on a connection of which not all is known to an endpoint that is asked as a pod, too.
    """

    NODE = "node"
    POD = "pod"
    SERVICE = "service"
    SHARED = "shared"
    OTHER = "other"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class ChainSource(StrEnum):
    """How the certificates of a handshake are known."""

    CLEAR = "clear"
    DECRYPTED = "decrypted"
    REMEMBERED = "remembered"
    """Another flow of these captures showed them."""
    PROBED = "probed"
    EARLIER = "earlier"
    """An earlier run saw them."""
    UNKNOWN = "unknown"

    @property
    def bound(self) -> bool:
        """Whether only their length and their endpoint bind them to this handshake."""
        return self in (ChainSource.REMEMBERED, ChainSource.PROBED, ChainSource.EARLIER)


class Doubt(StrEnum):
    """Why a hidden certificate is not known, though some of its endpoint are."""

    NONE_FITS = "none-fits"
    AMBIGUOUS = "ambiguous"
    TOO_MANY = "too-many"
    UNKNOWN = "unknown"


class When(StrEnum):
    """When an endpoint showed another chain, held against when it showed the one in question."""

    BEFORE = "before"
    MEANWHILE = "meanwhile"
    AFTER = "after"
    UNKNOWN = "unknown"


class OtherChain(msgspec.Struct, frozen=True):
    """Another chain of an endpoint, by the core's number."""

    when: When
    chain: int
    source: ChainSource


class Alert(msgspec.Struct, frozen=True):
    """A TLS alert; level and description are null where it is encrypted and was not decrypted."""

    side: str
    level: int | None
    description: int | None
    encrypted: bool


class TlsFacts(msgspec.Struct, frozen=True):
    """What the wire shows of a TLS conversation; numbers are IANA's.

    `decrypted`: a key log opened the handshake, so that alert, protocol and certificates are exact; `chain_source`
    says whether the chains were `clear` or `decrypted`, null without one.
    """

    version: str | None = None
    cipher: int | None = None
    group: int | None = None
    next_protocol: str | None = None
    offered_protocols: tuple[str, ...] = ()
    server_name: str | None = None
    resumed: bool | None = None
    hello_retry: bool = False
    early_data: bool = False
    outcome: Outcome = Outcome.UNKNOWN
    established: bool | None = None
    client_certificate: Presence = Presence.UNKNOWN
    certificate_requested: bool | None = None
    server_chain: int | None = None
    client_chain: int | None = None
    chain_source: ChainSource | None = None
    decrypted: bool = False
    certificate_length: int | None = None
    ja3: str | None = None
    ja3s: str | None = None
    ja4: str | None = None
    alert: Alert | None = None


class SshFacts(msgspec.Struct, frozen=True):
    """What the wire shows of an SSH conversation; algorithms are the agreed ones."""

    client_version: str | None = None
    server_version: str | None = None
    key_exchange: str | None = None
    host_key: str | None = None
    cipher: str | None = None
    mac: str | None = None
    negotiation: str = "incomplete"
    encrypted: bool = False


class HttpFacts(msgspec.Struct, frozen=True):
    """What the rules may see of readable HTTP; tokens and paths stay in the core."""

    version: str | None = None
    method: str | None = None
    status: int | None = None
    upgrade: str | None = None
    websocket_protocol: str | None = None
    credentials: str | None = None
    forwarded: Forwarded = Forwarded.UNKNOWN
    agent: str | None = None
    content_type: str | None = None
    grpc: bool = False
    request_seen: bool = False


class Shape(msgspec.Struct, frozen=True):
    """Everything the rules can see of a flow; flows with equal shapes are judged once.

    Places are indices into the table of `inventory.places`; `time` is in nanoseconds since 1970. `readable`: an
    unrecognised conversation began with text. `shared_proxy`: the same client was seen to forward requests for pods
    to the same port. `remembered_chain`: the chain that a TLS 1.3 handshake which hides its own must have shown, since
    no other that is known of this endpoint and name has its length; `remembered_source` says how that is known,
    `remembered_doubt` why there is none. `others`: what else the endpoint showed for this name.
    """

    protocol: Protocol
    client_place: int = 0
    server_place: int = 0
    client_address: str | None = None
    server_address: str | None = None
    server_port: int = 0
    same_address: bool = False
    same_node: bool = False
    midstream: bool = False
    shared_proxy: bool = False
    readable: bool = False
    client_spoke: bool = True
    server_spoke: bool = True
    time: int = 0
    earlier: tuple[State, ...] = ()
    remembered_chain: int | None = None
    remembered_source: ChainSource | None = None
    remembered_doubt: Doubt | None = None
    others: tuple[OtherChain, ...] = ()
    tls: TlsFacts | None = None
    ssh: SshFacts | None = None
    http: HttpFacts | None = None


class HttpSeen(msgspec.Struct, frozen=True):
    """What one packet after another tells of readable HTTP."""

    version: str | None = None
    method: str | None = None
    status: int | None = None
    upgrade: str | None = None
    credentials: str | None = None


class Learnt(msgspec.Struct, frozen=True):
    """What is known of a conversation so far."""

    protocol: Protocol = Protocol.UNKNOWN
    tls: TlsFacts | None = None
    ssh: SshFacts | None = None
    http: HttpSeen | None = None


class TracedPacket(msgspec.Struct, frozen=True):
    """One packet of a flow by its number in the capture, which begins at 1; `learnt` where it told something new."""

    number: int
    time_ns: int
    from_client: bool
    flags: int
    payload: int
    copy: bool = False
    learnt: Learnt | None = None


class Attribution(msgspec.Struct, frozen=True):
    """The path a flow is on. `via` names the tunnel whose last hop this is, else null."""

    path: str
    documented: bool
    reference: str | None
    confidence: Confidence
    reasons: tuple[str, ...]
    client_role: Role
    server_role: Role
    via: str | None = None


class Evidence(msgspec.Struct, frozen=True):
    """One observed fact: who says so, what, its value, and where it was seen."""

    source: str
    fact: str
    value: str
    where: str

    def __str__(self) -> str:
        return f"{self.source}: {self.fact} {self.value} ({self.where})"


class Verdict(msgspec.Struct, frozen=True):
    """How safe a flow is; every reason names its evidence."""

    state: State
    certainty: Certainty
    reasons: tuple[str, ...]


class Finding(msgspec.Struct, frozen=True):
    """A finding rule that holds for a flow.

    `cause` tells apart what one rule may find between the same two ends, and is the same in every capture of it;
    `reasons` are what the rule rests on, and `certainty` is how sure they make it.
    """

    id: str
    severity: Severity
    title: str
    remediation: str
    reference: str | None
    explanation: str
    cis: str | None = None
    check: str | None = None
    cause: str = ""
    certainty: Certainty = Certainty.UNKNOWN
    reasons: tuple[str, ...] = ()


class Certificate(msgspec.Struct, frozen=True):
    """One certificate as events show it; `error` says why it was not read.

    Times are RFC 3339 in UTC, names RFC 4514, key ids hexadecimal. `key_usage`, `extended_key_usage` and `authority`
    (whether it may sign certificates, through at most `path_length` others) are null where it does not say.
    """

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
    purpose: Purpose = Purpose.UNKNOWN
    error: str | None = None
    version: int | None = None
    key_usage: tuple[str, ...] | None = None
    extended_key_usage: tuple[str, ...] | None = None
    authority: bool | None = None
    path_length: int | None = None
    key_id: str | None = None
    authority_key_id: str | None = None
