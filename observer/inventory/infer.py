"""Infers who is who from the traffic itself, for captures without an inventory. Every path is then at most `likely`.

Signs are taken in the order of their strength: certificates, then what only one component does, then customary ports
with the right protocol on them. A port alone, without payload, is never a sign.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator

import msgspec

from observer.evidence import certificates
from observer.inventory.file import (
    Address,
    ApiServer,
    Etcd,
    Inventory,
    Konnectivity,
    Network,
    Node,
)
from observer.model import Forwarded, HttpFacts, Outcome, Presence, Protocol, Purpose, SshFacts, TlsFacts

ReadChain = Callable[[int], list[bytes]]
Range = ipaddress.IPv4Network | ipaddress.IPv6Network

# Defaults of kubeadm, kind, minikube and flannel; of k3s and RKE2; of OpenShift's services. Ranges that are also
# common for hosts (192.168.0.0/16, 10.128.0.0/14) are left out.
POD_RANGES = tuple(map(ipaddress.ip_network, ("10.244.0.0/16", "10.42.0.0/16")))
SERVICE_RANGES = tuple(map(ipaddress.ip_network, ("10.96.0.0/12", "10.43.0.0/16", "172.30.0.0/16")))
KUBERNETES_SERVICES = frozenset(str(network.network_address + 1) for network in SERVICE_RANGES)
API_PORTS = (6443, 443)
KUBELET_PORTS = (10250, 10255)
ETCD_PORTS = (2379, 2380)
# 8090 and 8091, the code's defaults, are too common to be a sign.
TUNNEL_PORTS = (8131, 8132)
TUNNEL_ADMIN_PORTS = frozenset({8133, 8134})
SERVICE_NAME = re.compile(r"[a-z0-9-]+\.[a-z0-9-]+\.svc(\..+)?")
FORWARDED = (Forwarded.NODE, Forwarded.POD, Forwarded.SERVICE)
API_AGENTS = ("kubectl", "kubelet", "kube-")


class Edge(msgspec.Struct, frozen=True):
    """What was seen between one client and one port of one server; facts are those of a representative flow."""

    client: str
    server: str
    port: int
    flows: int = 1
    protocol: Protocol = Protocol.UNKNOWN
    tls: TlsFacts | None = None
    http: HttpFacts | None = None
    ssh: SshFacts | None = None


class Survey(msgspec.Struct, frozen=True):
    """All edges of a capture, several per pair where their facts differ."""

    edges: tuple[Edge, ...] = ()


def infer(survey: Survey, read_chain: ReadChain) -> Inventory:
    """The inventory the traffic suggests, marked as inferred."""
    signs = _Signs(survey.edges, read_chain)
    signs.read_servers()
    signs.read_clients()
    signs.read_neighbours()
    return signs.inventory()


class _Signs:
    """Addresses by what they were seen to be."""

    def __init__(self, edges: Iterable[Edge], read_chain: ReadChain) -> None:
        self.edges = tuple(edges)
        self.read_chain = read_chain
        self.apiservers: dict[str, set[int]] = {}
        self.nodes: dict[str, str | None] = {}
        self.etcd: dict[str, set[int]] = {}
        self.tunnels: set[str] = set()

    def read_servers(self) -> None:
        """What servers are, by their certificate or by the right protocol on a customary port."""
        for edge in self.edges:
            purpose = self._purpose(edge, server=True)
            if purpose is Purpose.APISERVER or _serves_api(edge):
                self.apiservers.setdefault(edge.server, set()).add(edge.port)
            elif edge.port in KUBELET_PORTS and _answered(edge):
                self._node(edge.server, self._node_name(edge, server=True))
            elif purpose is Purpose.KONNECTIVITY or (edge.port in TUNNEL_PORTS and edge.protocol is Protocol.TLS):
                self.tunnels.add(edge.server)
            elif purpose is Purpose.ETCD or (edge.port in ETCD_PORTS and _answered(edge)):
                self.etcd.setdefault(edge.server, set()).add(edge.port)
        self._read_tunnel_listeners()

    def _read_tunnel_listeners(self) -> None:
        listeners: dict[str, set[int]] = {}
        for edge in self.edges:
            if edge.protocol is Protocol.HTTP and edge.port in TUNNEL_ADMIN_PORTS:
                listeners.setdefault(edge.server, set()).add(edge.port)
        self.tunnels |= {server for server, ports in listeners.items() if ports == TUNNEL_ADMIN_PORTS}

    def read_clients(self) -> None:
        """What clients are, by their certificate or by what only one component does."""
        for edge in self.edges:
            purpose = self._purpose(edge, server=False)
            if purpose is Purpose.NODE or _is_agent(edge, self.tunnels) or _is_kubelet(edge):
                self._node(edge.client, self._node_name(edge, server=False))
            if _is_go_tunnel(edge):
                self._node(edge.server, None)
        for edge in self.edges:
            if self._acts_as_apiserver(edge):
                self.apiservers.setdefault(edge.client, set())
        for edge in self.edges:
            if edge.client in self.apiservers and edge.port == 10250 and edge.protocol is Protocol.NONE:
                self._node(edge.server, None)

    def _acts_as_apiserver(self, edge: Edge) -> bool:
        if edge.client in self.nodes or _within(edge.client, POD_RANGES):
            return False
        if self._purpose(edge, server=False) is Purpose.APISERVER_KUBELET_CLIENT or _is_go_tunnel(edge):
            return True
        if edge.http is not None and edge.http.forwarded in FORWARDED and edge.protocol is Protocol.HTTP:
            return True
        if any(self.apiservers.values()):
            return False  # an API server was seen to serve, and weaker signs would only add wrong ones
        return (edge.server in self.nodes and _dials_like_apiserver(edge)) or _names_a_pods_service(edge)

    def read_neighbours(self) -> None:
        """Without any sign of a node, clients in the network of an API server are taken for nodes."""
        if self.nodes:
            return
        for edge in self.edges:
            secure = edge.port in self.apiservers.get(edge.server, ()) and edge.port != 8080
            if secure and edge.client not in self.apiservers and _neighbours(edge.client, edge.server):
                self._node(edge.client, None)

    def inventory(self) -> Inventory:
        """The signs as an inventory."""
        addresses = {address for edge in self.edges for address in (edge.client, edge.server)}
        service = next((a for a in sorted(addresses) if a in self.apiservers and a in KUBERNETES_SERVICES), None)
        servers = sorted(address for address in self.apiservers if address != service)
        return Inventory(
            apiservers=tuple(ApiServer(address=Address(a), ports=self._ports(a)) for a in servers),
            nodes=tuple(Node(addresses=(Address(a),), name=name) for a, name in sorted(self.nodes.items())),
            pod_cidrs=tuple(_ranges_with(addresses, POD_RANGES)),
            service_cidrs=tuple(_ranges_with(addresses, SERVICE_RANGES)),
            kubernetes_service=None if service is None else Address(service),
            konnectivity=Konnectivity(servers=tuple(map(Address, sorted(self.tunnels)))) if self.tunnels else None,
            etcd=tuple(Etcd(address=Address(a), ports=tuple(sorted(p))) for a, p in sorted(self.etcd.items())),
            inferred=True,
        )

    def _ports(self, address: str) -> tuple[int, ...]:
        return tuple(sorted(self.apiservers[address] - {8080} | {6443}))

    def _node(self, address: str, name: str | None) -> None:
        if not _within(address, POD_RANGES) and not _is_loopback(address):
            self.nodes[address] = name or self.nodes.get(address)

    def _leaf(self, edge: Edge, server: bool) -> bytes | None:
        tls = edge.tls or TlsFacts()
        number = tls.server_chain if server else tls.client_chain
        chain = [] if number is None else self.read_chain(number)
        return chain[0] if chain else None

    def _purpose(self, edge: Edge, server: bool) -> Purpose:
        leaf = self._leaf(edge, server)
        return certificates.purpose(leaf) if leaf else Purpose.UNKNOWN

    def _node_name(self, edge: Edge, server: bool) -> str | None:
        leaf = self._leaf(edge, server)
        return certificates.node_name(leaf) if leaf else None


def _answered(edge: Edge) -> bool:
    """Whether a server that understands the client's protocol is there."""
    if edge.protocol is Protocol.TLS:
        return (edge.tls or TlsFacts()).outcome not in (Outcome.NO_SERVER_HELLO, Outcome.PLAINTEXT_ANSWER)
    return edge.protocol is Protocol.HTTP


def _serves_api(edge: Edge) -> bool:
    """An API server by its name, its customary port, or the clients that only it has."""
    if edge.tls is not None and (edge.tls.server_name or "").startswith("kubernetes.default"):
        return True
    if edge.port == 6443:
        return edge.protocol in (Protocol.TLS, Protocol.HTTP)
    if edge.port == 443:
        mutual = edge.tls is not None and edge.tls.client_certificate is Presence.SENT
        private = ipaddress.ip_address(edge.server).is_private
        return edge.server in KUBERNETES_SERVICES or (private and (mutual or edge.protocol is Protocol.HTTP))
    agent = edge.http.agent if edge.http is not None and edge.protocol is Protocol.HTTP else None
    own = edge.http is not None and edge.http.forwarded is not Forwarded.ABSENT
    return agent is not None and agent.startswith(API_AGENTS) and not own and edge.port == 8080


def _is_kubelet(edge: Edge) -> bool:
    return edge.http is not None and edge.http.agent == "kubelet"


def _is_agent(edge: Edge, tunnels: set[str]) -> bool:
    """Konnectivity agents run in the nodes' network."""
    return edge.server in tunnels and edge.port == 8132 and edge.protocol is Protocol.TLS


def _is_go_tunnel(edge: Edge) -> bool:
    return edge.ssh is not None and (edge.ssh.client_version or "").startswith("SSH-2.0-Go")


def _dials_like_apiserver(edge: Edge) -> bool:
    """With a client certificate, or without offering the h2 that scrapers offer."""
    if edge.port != 10250 or edge.tls is None or edge.tls.next_protocol == "h2":
        return False
    hello = edge.tls.ja3 is not None or edge.tls.ja4 is not None
    return edge.tls.client_certificate is Presence.SENT or (hello and "h2" not in edge.tls.offered_protocols)


def _names_a_pods_service(edge: Edge) -> bool:
    """Webhooks and aggregated APIs are dialled at a pod's address and named by their service."""
    name = (edge.tls or TlsFacts()).server_name or ""
    return bool(SERVICE_NAME.fullmatch(name)) and _within(edge.server, (*POD_RANGES, *SERVICE_RANGES))


def _within(address: str, ranges: Iterable[Range]) -> bool:
    host = ipaddress.ip_address(address)
    return any(host in network for network in ranges)


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback


def _neighbours(client: str, server: str) -> bool:
    """Whether two hosts are in one network of the usual size (IPv4 /24, IPv6 /64)."""
    first, second = ipaddress.ip_address(client), ipaddress.ip_address(server)
    if first == second or first.version != second.version or first.is_loopback:
        return False
    return second in ipaddress.ip_network(f"{first}/{24 if first.version == 4 else 64}", strict=False)


def _ranges_with(addresses: Iterable[str], ranges: Iterable[Range]) -> Iterator[Network]:
    hosts = [ipaddress.ip_address(address) for address in addresses]
    return (Network(str(network)) for network in ranges if any(host in network for host in hosts))
