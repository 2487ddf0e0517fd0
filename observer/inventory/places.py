"""Compiles an inventory into the table of places the core looks addresses up in. Knows nothing of flows.

A place is a class of addresses that the rules cannot tell apart, so that thousands of nodes share one; names stay
with the address. The core takes the longest prefix that matches.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from observer.inventory.components import Kubeconfig, Kubelet
from observer.inventory.file import ApiServer, Inventory, KonnectivityPorts, Node, Pod
from observer.model import Listener, Role

NO_NODE = -1
EVERYTHING = ("0.0.0.0/0", "::/0")
LOOPBACK = ("127.0.0.0/8", "::1/128")
NAMELESS = b'"name":null,"kubernetes":null'


# kube-controller-manager and kube-scheduler, before 1.23 also in plain HTTP.
CONTROLPLANE_PORTS = (10257, 10259, 10252, 10251)
INSECURE_PORT = 8080
READONLY_PORT = 10255
# Defaults of the Konnectivity agent's own listeners on each node.
AGENT_HEALTH_PORT, AGENT_ADMIN_PORT = 8093, 8094

Ports = Mapping[int, Listener]
Configuration = tuple[tuple[Kubeconfig, ...], Kubelet]
UNCONFIGURED: Configuration = ((), Kubelet())


class Place(msgspec.Struct, frozen=True):
    """What may sit at an address: a host can hold several roles, the port tells which."""

    roles: frozenset[Role]
    ports: Ports
    kubeconfigs: tuple[Kubeconfig, ...] = ()
    kubelet: Kubelet = Kubelet()
    is_node: bool = False
    """Whether these are a node's own addresses; loopback is not, whoever it stands for."""

    def listener(self, port: int) -> Listener:
        """What listens on that port here."""
        return self.ports.get(port, Listener.UNKNOWN)


class Row(msgspec.Struct, frozen=True):
    """One prefix: its place, the number of its host (`NO_NODE`: none), and JSON members with its names."""

    cidr: str
    place: int
    node: int
    name: bytes


class PodRow(msgspec.Struct, frozen=True):
    """A pod by what control groups name: its uid and its containers' ids; place, node and name as of a `Row`."""

    ids: tuple[str, ...]
    place: int
    node: int
    name: bytes


class PlaceTable(msgspec.Struct, frozen=True):
    """Rows for the core, places for the rules; place 0 is any address nothing is known of."""

    rows: tuple[Row, ...]
    places: tuple[Place, ...]
    hosts: Mapping[str, tuple[str, ...]]
    """For each host address all addresses of the same host: any of them may be in its certificate."""
    pods: tuple[PodRow, ...] = ()
    node_places: tuple[int, ...] = ()
    """Places of nothing but nodes: pods on the host network share their addresses, and processes tell them apart."""
    pod_place: int | None = None
    """The place of a pod that nobody has named."""


def compile_places(inventory: Inventory, captured_on: str | None = None) -> PlaceTable:
    """The table for an inventory; `captured_on` (else the inventory's own) is the host whose loopback is seen."""
    compiler = _Compiler(inventory)
    compiler.add_ranges()
    compiler.add_hosts()
    compiler.add_names()
    compiler.add_loopback(captured_on or inventory.captured_on)
    return compiler.table()


class _Host:
    """What is gathered of one host address before it becomes a row."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.roles: set[Role] = set()
        self.ports: dict[int, Listener] = {}
        self.name: str | None = None
        self.node: str | None = None


class _Compiler:
    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.hosts: dict[str, _Host] = {}
        self.groups: dict[str, tuple[str, ...]] = {}
        self.rows: dict[str, Row] = {}
        self.places: dict[tuple[frozenset[Role], tuple[tuple[int, Listener], ...], Configuration, bool], int] = {}
        self.numbers = 0
        self.node_numbers: dict[str, int] = {}
        self._everything()

    def _everything(self) -> None:
        known = not self.inventory.inferred and bool(self.inventory.apiservers or self.inventory.nodes)
        place = self.place({Role.EXTERNAL if known else Role.UNKNOWN}, {})
        for cidr in EVERYTHING:
            self.rows[cidr] = Row(cidr, place, NO_NODE, NAMELESS)

    def place(
        self,
        roles: Iterable[Role],
        ports: Ports,
        configuration: Configuration = UNCONFIGURED,
        *,
        is_node: bool = False,
    ) -> int:
        place = (frozenset(roles), tuple(sorted(ports.items())), configuration, is_node)
        return self.places.setdefault(place, len(self.places))

    def _host_place(self, host: _Host, *, is_node: bool = False) -> int:
        return self.place(host.roles, host.ports, self._configuration(host), is_node=is_node)

    def _configuration(self, host: _Host) -> Configuration:
        """Of equal settings hosts share one, so the place keeps no host's name."""
        names = {host.name, host.node} - {None}
        components = self.inventory.components
        own = (known for known in components.kubeconfigs if known.host in names)
        kubelet = next((components.kubelet[name] for name in names if name in components.kubelet), Kubelet())
        return tuple(msgspec.structs.replace(known, host=None, server=None) for known in own), kubelet

    def host(self, address: str) -> _Host:
        if address not in self.hosts:
            self.hosts[address] = _Host(self.numbers)
            self.numbers += 1
        return self.hosts[address]

    def add_ranges(self) -> None:
        """Ranges of pods and services; a node's own range also says on which node its pods are."""
        for cidr in self.inventory.pod_cidrs:
            self._range(cidr, Role.POD)
        for cidr in self.inventory.service_cidrs:
            self._range(cidr, Role.SERVICE)
        for node in self.inventory.nodes:
            number = self._node(node)
            if node.pod_cidr is not None:
                self._range(node.pod_cidr, Role.POD, number, _name(None, _members(node=node.name)))

    def _range(self, cidr: str, role: Role, number: int = NO_NODE, name: bytes = NAMELESS) -> None:
        self.rows[cidr] = Row(cidr, self.place({role}, {}), number, name)

    def _node(self, node: Node) -> int:
        ports = {node.kubelet_port: Listener.KUBELET, READONLY_PORT: Listener.KUBELET_READONLY} | self._agent_ports()
        addresses = (*node.addresses, *_gateways(node))
        first = self.host(addresses[0]) if addresses else _Host(NO_NODE)
        if node.name:
            self.node_numbers[node.name] = first.number
        for address in addresses:
            host = self.host(address)
            host.number, host.name, host.node = first.number, node.name, node.name
            host.roles.add(Role.NODE)
            host.ports.update(ports)
            self.groups[address] = addresses
        return first.number

    def _agent_ports(self) -> dict[int, Listener]:
        if self.inventory.konnectivity is None:
            return {}
        return {AGENT_HEALTH_PORT: Listener.KONNECTIVITY_HEALTH, AGENT_ADMIN_PORT: Listener.KONNECTIVITY_ADMIN}

    def add_hosts(self) -> None:
        """The control plane: API servers, etcd, Konnectivity servers, in rising order of what a port means."""
        for server in self.inventory.apiservers:
            self._apiserver(server)
        for etcd in self.inventory.etcd:
            peer = {port: Listener.ETCD_PEER if port == 2380 else Listener.ETCD_CLIENT for port in etcd.ports}
            self._add(etcd.address, Role.ETCD, peer, etcd.name)
        if self.inventory.konnectivity is not None:
            ports = _konnectivity_ports(self.inventory.konnectivity.ports)
            for address in self.inventory.konnectivity.servers:
                self._add(address, Role.KONNECTIVITY_SERVER, ports, None)

    def _apiserver(self, server: ApiServer) -> None:
        ports = dict.fromkeys(CONTROLPLANE_PORTS, Listener.CONTROLPLANE_METRICS)
        ports |= {INSECURE_PORT: Listener.APISERVER_INSECURE}
        ports |= {10250: Listener.KUBELET, READONLY_PORT: Listener.KUBELET_READONLY}
        if not self.inventory.etcd:
            # Nothing said where etcd is: by default it is stacked on the API server's host.
            ports |= {2379: Listener.ETCD_CLIENT, 2380: Listener.ETCD_PEER}
        ports |= dict.fromkeys(server.ports, Listener.APISERVER)
        for address in self.groups.get(server.address, (server.address,)):
            # A host that is also a node reaches pods from its bridge's address.
            self._add(address, Role.APISERVER, ports, server.name)

    def _add(self, address: str, role: Role, ports: Ports, name: str | None) -> None:
        host = self.host(address)
        host.roles.add(role)
        host.ports.update(ports)
        host.name = host.name or name

    def add_names(self) -> None:
        """Rows for single addresses: hosts first, then pods and services, which are the more exact word."""
        for address, host in self.hosts.items():
            place = self._host_place(host, is_node=address in self.groups)
            self._row(address, place, host.number, _name(host.name, _members(node=host.node)))
        for pod in self.inventory.pods:
            if pod.address not in self.groups and not pod.host_network:
                self._row(pod.address, self.place({Role.POD}, {}), self._number_of(pod.node), pod_name(pod))
        for service in self.inventory.services:
            name = _name(service.name, _members(service.namespace, {"service": {"name": service.name}}))
            self._row(service.address, self.place({Role.SERVICE}, {}), NO_NODE, name)
        self._kubernetes_service()

    def _kubernetes_service(self) -> None:
        if self.inventory.kubernetes_service is not None:
            place = self.place({Role.APISERVER, Role.SERVICE}, {443: Listener.APISERVER})
            name = _name("kubernetes", _members("default", {"service": {"name": "kubernetes"}}))
            self._row(self.inventory.kubernetes_service, place, NO_NODE, name)

    def _number_of(self, node: str | None) -> int:
        return self.node_numbers.get(node or "", NO_NODE)

    def _row(self, address: str, place: int, number: int, name: bytes) -> None:
        cidr = str(ipaddress.ip_network(address))
        self.rows[cidr] = Row(cidr, place, number, name)

    def add_loopback(self, captured_on: str | None) -> None:
        """Loopback stands for the host the capture was taken on, where that is known."""
        host = self.hosts.get(captured_on or "")
        for cidr in LOOPBACK:
            if host is not None:
                place = self._host_place(host)
                self.rows[cidr] = Row(cidr, place, host.number, _name(host.name, _members(node=host.node)))

    def table(self) -> PlaceTable:
        pod_place = self.place({Role.POD}, {})
        pods = tuple(self._pods(pod_place))
        places = tuple(
            Place(roles, dict(ports), *configuration, is_node) for roles, ports, configuration, is_node in self.places
        )
        nodes = tuple(index for index, place in enumerate(places) if place.roles == {Role.NODE})
        return PlaceTable(tuple(self.rows.values()), places, self.groups, pods, nodes, pod_place)

    def _pods(self, place: int) -> Iterator[PodRow]:
        for pod in self.inventory.pods:
            ids = (*filter(None, [pod.uid]), *(container.id for container in pod.containers))
            if ids:
                yield PodRow(ids, place, self._number_of(pod.node), pod_name(pod))


def _gateways(node: Node) -> Iterator[str]:
    """The bridge's and the overlay's own addresses in a node's pod range belong to the node, not to a pod."""
    if node.pod_cidr is None:
        return
    network = ipaddress.ip_network(node.pod_cidr)
    if network.num_addresses > 2:
        own = (str(network.network_address), str(network.network_address + 1))
        yield from (address for address in own if address not in node.addresses)


def _konnectivity_ports(ports: KonnectivityPorts) -> Ports:
    roles = {
        Listener.KONNECTIVITY_SERVER: ports.server,
        Listener.KONNECTIVITY_AGENT: ports.agent,
        Listener.KONNECTIVITY_ADMIN: ports.admin,
        Listener.KONNECTIVITY_HEALTH: ports.health,
    }
    return {number: role for role, numbers in roles.items() for number in numbers}


def pod_name(pod: Pod) -> bytes:
    """The members `name` and `kubernetes` that events show for a pod."""
    own = {"name": pod.name} if pod.uid is None else {"name": pod.name, "uid": pod.uid}
    members = _members(pod.namespace, {"pod": own}, pod.node)
    if pod.service_account is not None:
        members["service_account"] = pod.service_account
    if pod.workload is not None:
        members["workload"] = {"kind": pod.workload.kind, "name": pod.workload.name}
    return _name(pod.name, members)


def _members(
    namespace: str | None = None, own: Mapping[str, object] | None = None, node: str | None = None
) -> dict[str, object]:
    members: dict[str, object] = {} if namespace is None else {"namespace": namespace}
    members |= own or {}
    return members if node is None else {**members, "node": {"name": node}}


def _name(name: str | None, members: Mapping[str, object]) -> bytes:
    """The members `name` and `kubernetes` of an endpoint, ready to stand in an event."""
    return msgspec.json.encode({"name": name, "kubernetes": members or None})[1:-1]
