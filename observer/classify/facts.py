"""Turns a shape into the flat facts that path rules ask for; says what each value means. Judges nothing.

Every fact of `ruleset.PathConditions` is always there; `unknown` stands where the wire, or the protocol, does not tell.
"""

import re
from collections.abc import Callable, Mapping

from observer.evidence import certificates
from observer.evidence.paths import Chain
from observer.inventory.places import Place
from observer.model import (
    ChainSource,
    Forwarded,
    HttpFacts,
    Outcome,
    Presence,
    Protocol,
    Purpose,
    Shape,
    SshFacts,
    TlsFacts,
)

Facts = Mapping[str, frozenset[str | int]]
ReadChain = Callable[[int], list[bytes]]

UNKNOWN = "unknown"
# `name.namespace.svc`: how webhooks and aggregated APIs are dialled, wherever the cluster's domain ends.
SERVICE_NAME = re.compile(r"[a-z0-9-]+\.[a-z0-9-]+\.svc(\..+)?")
# User-Agents that only clients of the API have.
KUBERNETES_AGENTS = (
    "kubectl",
    "kubelet",
    "kube-proxy",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-apiserver",
    "kubeadm",
    "helm",
)
OFFERS = {
    frozenset({"h2", "http/1.1"}): "h2 and http/1.1",
    frozenset({"h2"}): "h2",
    frozenset({"http/1.1"}): "http/1.1",
    frozenset[str](): "none",
}
GO_SSH = "SSH-2.0-Go"


def facts_of(shape: Shape, client: Place, server: Place, tunnel: bool, chains: "Chains") -> Facts:
    """The facts of a shape between two places; `tunnel`: the cluster is known to use Konnectivity."""
    return {
        "client": frozenset(map(str, client.roles)),
        "server": frozenset(map(str, server.roles)),
        "listener": _one(server.listener(shape.server_port)),
        "port": frozenset({shape.server_port}),
        "protocol": _one(shape.protocol),
        "same_address": _yes(shape.same_address),
        "same_node": _yes(shape.same_node or shape.same_address),
        "midstream": _yes(shape.midstream),
        "tunnel": _one("konnectivity" if tunnel else UNKNOWN),
        **_tls_facts(shape.tls or TlsFacts(), chains),
        **_http_facts(shape),
        "ssh_client": _one(_ssh_client(shape.ssh)),
    }


class Chains:
    """Certificates of a handshake's two ends, by the core's numbers; not kept.

    `server_source` says how the server's are known, `others` what else its endpoint showed for the name, and when.
    """

    def __init__(self, read: ReadChain, shape: Shape) -> None:
        tls = shape.tls or TlsFacts()
        number, source = tls.server_chain, tls.chain_source or ChainSource.CLEAR
        if number is None:
            number, source = shape.remembered_chain, shape.remembered_source or ChainSource.REMEMBERED
        self.server: Chain = () if number is None else tuple(read(number))
        self.client: Chain = () if tls.client_chain is None else tuple(read(tls.client_chain))
        self.server_source = source if self.server else ChainSource.UNKNOWN
        others = ((other.when, tuple(read(other.chain))) for other in shape.others)
        self.others = tuple((when, chain) for when, chain in others if chain)


def hello_seen(tls: TlsFacts) -> bool:
    """Whether the ClientHello is in the capture, so that what it lacks is known to be absent."""
    seen = tls.ja3 is not None or tls.ja4 is not None or tls.server_name is not None or bool(tls.offered_protocols)
    return seen and tls.outcome is not Outcome.MIDSTREAM


def _tls_facts(tls: TlsFacts, chains: Chains) -> dict[str, frozenset[str | int]]:
    return {
        "server_name": _one(_server_name(tls)),
        "next_protocol": _one(_next_protocol(tls)),
        "offers": _one(_offers(tls)),
        "handshake": _one(tls.outcome),
        "client_certificate": _one(Presence.SENT if chains.client else tls.client_certificate),
        "client_identity": _one(_purpose(chains.client)),
        "server_identity": _one(_purpose(chains.server)),
    }


def _http_facts(shape: Shape) -> dict[str, frozenset[str | int]]:
    http = shape.http if shape.protocol is Protocol.HTTP else None
    if http is None:
        return {"forwarded": _one(UNKNOWN), "upgrade": _one(UNKNOWN), "agent": _one(UNKNOWN)}
    upgrade = UNKNOWN if not http.request_seen else "yes" if http.upgrade else "no"
    return {"forwarded": _one(_forwarded(shape, http)), "upgrade": _one(upgrade), "agent": _one(_agent(http.agent))}


def _forwarded(shape: Shape, http: HttpFacts) -> Forwarded:
    """Pod and service requests share connections, so only one of which all is known is the service proxy's alone."""
    shared = shape.midstream or shape.shared_proxy
    return Forwarded.SHARED if http.forwarded is Forwarded.SERVICE and shared else http.forwarded


def _server_name(tls: TlsFacts) -> str:
    if tls.server_name is None:
        return "absent" if hello_seen(tls) else UNKNOWN
    return "service" if SERVICE_NAME.fullmatch(tls.server_name) else "other"


def _next_protocol(tls: TlsFacts) -> str:
    if tls.next_protocol is None:
        return UNKNOWN
    return tls.next_protocol if tls.next_protocol in ("h2", "http/1.1") else "other"


def _offers(tls: TlsFacts) -> str:
    if not hello_seen(tls):
        return UNKNOWN
    return OFFERS.get(frozenset(tls.offered_protocols), "other")


def _purpose(chain: Chain) -> Purpose:
    return certificates.purpose(chain[0]) if chain else Purpose.UNKNOWN


def _agent(agent: str | None) -> str:
    if agent is None:
        return UNKNOWN
    return "kubernetes" if agent.startswith(KUBERNETES_AGENTS) else "other"


def _ssh_client(ssh: SshFacts | None) -> str:
    if ssh is None or ssh.client_version is None:
        return UNKNOWN
    return "go" if ssh.client_version.startswith(GO_SSH) else "other"


def _one(value: str) -> frozenset[str | int]:
    return frozenset({str(value)})


def _yes(value: bool) -> frozenset[str | int]:
    return _one("yes" if value else "no")
