"""The inventory file: who is who in a cluster, as its operator wrote it. What the traffic says is in `infer`."""

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Self

import msgspec

from observer import yaml
from observer.errors import ConfigurationError, Problem
from observer.inventory.components import Components, Part, Unread
from observer.model import AnchorRole

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class Address(str):
    """An IP address in its canonical text form."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """The address in `text`; ValueError where there is none."""
        return super().__new__(cls, ipaddress.ip_address(text))


class Network(str):
    """A network in canonical CIDR form."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """The network in `text`; ValueError where there is none."""
        return super().__new__(cls, ipaddress.ip_network(text, strict=False))


class ApiServer(Part, frozen=True):
    """An address that API servers answer on; a load balancer's counts."""

    address: Address
    name: str | None = None
    ports: tuple[Port, ...] = (6443, 443)


class Node(Part, frozen=True):
    """A node: its addresses (host, bridge) and the range of its pods."""

    addresses: tuple[Address, ...]
    name: str | None = None
    pod_cidr: Network | None = None
    kubelet_port: Port = 10250


class Workload(Part, frozen=True):
    """What made a pod and would make it again; kinds are those of Kubernetes: `Deployment`, `DaemonSet`, `Job`."""

    kind: str
    name: str


class Container(Part, frozen=True):
    """A container that runs, or ran; `id` is the runtime's, without its scheme: control groups bear it, too."""

    name: str
    id: str


class Pod(Part, frozen=True):
    """A pod at one of its addresses; one with several has several entries.

    A pod on the host network has its node's address and is told by its processes, never by the address. `uid` and the
    ids of containers are what control groups name.
    """

    namespace: str
    name: str
    address: Address
    node: str | None = None
    service_account: str | None = None
    uid: str | None = None
    host_network: bool = False
    workload: Workload | None = None
    containers: tuple[Container, ...] = ()


class Service(Part, frozen=True):
    """A service and its virtual address."""

    namespace: str
    name: str
    address: Address
    ports: tuple[Port, ...] = ()


class KonnectivityPorts(Part, frozen=True):
    """Ports of a Konnectivity server; the documentation's example and the code's defaults, unless given."""

    server: tuple[Port, ...] = (8131, 8090)
    agent: tuple[Port, ...] = (8132, 8091)
    admin: tuple[Port, ...] = (8133, 8095)
    health: tuple[Port, ...] = (8134, 8092)


class Konnectivity(Part, frozen=True):
    """Where the Konnectivity servers are; that the section is there means that the cluster uses Konnectivity."""

    servers: tuple[Address, ...]
    ports: KonnectivityPorts = KonnectivityPorts()


class Etcd(Part, frozen=True):
    """An address of etcd: the first port serves clients, 2380 peers."""

    address: Address
    name: str | None = None
    ports: tuple[Port, ...] = (2379, 2380)


class Authority(Part, frozen=True):
    """A file of trust anchors (PEM), beside the inventory; without a role any client may trust them."""

    file: str
    role: AnchorRole | None = None


class Inventory(Part, frozen=True):
    """Who is who in one cluster. `inferred` says that traffic told it, so no path can be certain.

    `sources` says, for each host, where a fact of this file was read; `could_not_read` what was not, and why.
    """

    cluster: str = ""
    apiservers: tuple[ApiServer, ...] = ()
    nodes: tuple[Node, ...] = ()
    pod_cidrs: tuple[Network, ...] = ()
    service_cidrs: tuple[Network, ...] = ()
    kubernetes_service: Address | None = None
    pods: tuple[Pod, ...] = ()
    services: tuple[Service, ...] = ()
    konnectivity: Konnectivity | None = None
    etcd: tuple[Etcd, ...] = ()
    components: Components = Components()
    captured_on: Address | None = None
    ca: tuple[Authority, ...] = ()
    inferred: bool = False
    sources: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)
    could_not_read: tuple[Unread, ...] = ()


def load(file: Path) -> Inventory:
    """Reads an inventory file; ConfigurationError holds everything that is wrong with it.

    Files of trust anchors are found from where the inventory is.
    """
    inventory = _checked(yaml.load(file, Inventory))
    beside = (msgspec.structs.replace(authority, file=str(file.parent / authority.file)) for authority in inventory.ca)
    return msgspec.structs.replace(inventory, ca=tuple(beside))


def parse(text: str, file: str = "inventory") -> Inventory:
    """The same from text; `file` only names it in errors."""
    return _checked(yaml.parse(text, file, Inventory))


def _checked(document: yaml.Document[Inventory]) -> Inventory:
    problems = [*_shared_addresses(document), *_unknown_nodes(document)]
    if problems:
        raise ConfigurationError.of(problems)
    return document.value


def _shared_addresses(document: yaml.Document[Inventory]) -> Iterator[Problem]:
    """Two nodes cannot hold one address, or their flows would be told apart at random."""
    owner: dict[str, int] = {}
    for index, node in enumerate(document.value.nodes):
        for position, address in enumerate(node.addresses):
            if owner.setdefault(address, index) != index:
                where = ("nodes", index, "addresses", position)
                yield document.problem(where, f"{address} is already an address of nodes[{owner[address]}]")


def _unknown_nodes(document: yaml.Document[Inventory]) -> Iterator[Problem]:
    names = {node.name for node in document.value.nodes}
    for index, pod in enumerate(document.value.pods):
        if pod.node is not None and names and pod.node not in names:
            yield document.problem(("pods", index, "node"), f"no node is called {pod.node}")
