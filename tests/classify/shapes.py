"""Shapes and a small cluster to judge them in, built by hand."""

import ipaddress
from collections.abc import Sequence
from typing import Any

from observer import ruleset
from observer.classify import Classified, Classifier
from observer.evidence.chains import Trust
from observer.inventory import file
from observer.inventory.places import compile_places
from observer.model import (
    Forwarded,
    HttpFacts,
    Outcome,
    Presence,
    Protocol,
    Shape,
    SshFacts,
    TlsFacts,
)

API, NODE1, NODE2, POD1, POD2, OUTSIDE = (
    "10.240.0.10",
    "10.240.0.21",
    "10.240.0.22",
    "10.244.1.5",
    "10.244.2.3",
    "10.240.0.99",
)
KUBERNETES, OTHER_SERVICE = "10.96.0.1", "10.96.7.7"
NOW = 1_795_350_000 * 10**9  # 2026-11-22, when the lab's captures were made

PLAIN = """
apiservers: [{name: cp1, address: 10.240.0.10, ports: [6443, 443]}]
nodes:
- {name: node1, addresses: [10.240.0.21], pod_cidr: 10.244.1.0/24}
- {name: node2, addresses: [10.240.0.22], pod_cidr: 10.244.2.0/24}
pod_cidrs: [10.244.0.0/16]
service_cidrs: [10.96.0.0/16]
kubernetes_service: 10.96.0.1
etcd: [{address: 10.240.0.10}]
"""
TUNNEL = PLAIN + "konnectivity: {servers: [10.240.0.12]}\n"
UNSET = PLAIN + "components: {kube-apiserver: {kubelet_certificate_authority: null}}\n"
SET = PLAIN + "components: {kube-apiserver: {kubelet_certificate_authority: /etc/kubernetes/pki/ca.crt}}\n"


def tls(**facts: Any) -> TlsFacts:
    """A handshake of a Go client that carried on without a certificate and without a server name."""
    usual: dict[str, Any] = {
        "version": "1.3",
        "cipher": 0x1301,
        "outcome": Outcome.CARRIED_ON,
        "ja3": "3590d1b8f63dd1d590f0adea4227443d",
        "offered_protocols": ("h2", "http/1.1"),
        "client_certificate": Presence.NONE,
    }
    return TlsFacts(**(usual | facts))


def http(forwarded: str = "absent", **facts: Any) -> HttpFacts:
    """A readable request."""
    usual: dict[str, Any] = {"version": "1.1", "request_seen": True, "method": "GET"}
    return HttpFacts(forwarded=Forwarded(forwarded), **(usual | facts))


class Cluster:
    """A classifier over one inventory, asked by address as the core would."""

    def __init__(
        self, text: str = PLAIN, anchors: Sequence[bytes] = (), chains: Sequence[Sequence[bytes]] = (), **given: Any
    ) -> None:
        inventory = file.parse(text)
        self.table = compile_places(inventory, given.get("captured_on"))
        trust = Trust(anchors, given.get("files", ()), given.get("bound"))
        self.classifier = Classifier(RULES, inventory, trust, lambda number: list(chains[number]), self.table)

    def judge(
        self, client: str, server: str, port: int, content: TlsFacts | HttpFacts | SshFacts | None = None, **more: Any
    ) -> Classified:
        """Judges one flow; `None` as content is a flow without payload."""
        return self.classifier.classify(self.shape(client, server, port, content, **more))

    def path(self, client: str, server: str, port: int, content: Any = None, **more: Any) -> str:
        """The path of one flow, with the tunnel it comes out of."""
        found = self.judge(client, server, port, content, **more).attribution
        return f"{found.path} via {found.via}" if found.via else found.path

    def shape(self, client: str, server: str, port: int, content: Any, **more: Any) -> Shape:
        """The shape the core would hand over."""
        client_place, client_node = self._look_up(client)
        server_place, server_node = self._look_up(server)
        given: dict[str, Any] = {
            "protocol": PROTOCOLS[type(content)],
            "client_place": client_place,
            "server_place": server_place,
            "client_address": client,
            "server_address": server,
            "server_port": port,
            "same_address": client == server,
            "same_node": client_node == server_node != -1,
            "time": NOW,
            "tls": content if isinstance(content, TlsFacts) else None,
            "http": content if isinstance(content, HttpFacts) else None,
            "ssh": content if isinstance(content, SshFacts) else None,
        }
        return Shape(**(given | more))

    def _look_up(self, address: str) -> tuple[int, int]:
        host = ipaddress.ip_address(address)
        rows = [(ipaddress.ip_network(row.cidr), row) for row in self.table.rows]
        found = max((n.prefixlen, index) for index, (n, _) in enumerate(rows) if host in n)
        row = rows[found[1]][1]
        return row.place, row.node


PROTOCOLS = {
    TlsFacts: Protocol.TLS,
    HttpFacts: Protocol.HTTP,
    SshFacts: Protocol.SSH,
    type(None): Protocol.NONE,
}
RULES = ruleset.load()
