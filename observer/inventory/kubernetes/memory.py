"""All that is remembered of one cluster, and the inventory it makes; bounded by what one node needs to know.

On a node: all nodes, the node's own pods, services, and the pods behind services up to a number; other pods are
known by their node's range. Without a node: every pod.
"""

import collections
import threading
from collections.abc import Callable, Iterable, Iterator

import msgspec

from observer.inventory import merge
from observer.inventory.file import Address, ApiServer, Inventory, Node, Pod, Service
from observer.inventory.kubernetes import summary, wire
from observer.inventory.kubernetes.configured import configured
from observer.inventory.kubernetes.kept import Departed, Kept, Room
from observer.inventory.kubernetes.summary import KnownNode, KnownPod, KnownSlice

MOST_BACKENDS = 20_000
"""Pods of other nodes that one node knows by name, some 300 bytes each."""


class Memory:
    """Takes objects from several threads; `node` is the name of the one we are on, None for none."""

    def __init__(self, node: str | None, clock: Callable[[], float]) -> None:
        lock = threading.RLock()
        self.node = node
        self.backends = Room[KnownSlice](MOST_BACKENDS, lambda known: len(known.pods))
        self.departed = Departed[KnownPod](clock)
        self.nodes = Kept[wire.Node, KnownNode](summary.node, lock)
        self.pods = Kept[wire.Pod, KnownPod](self._pod, lock, self.departed, same=_same_uid)
        self.system = Kept[wire.Pod, KnownPod](self._pod, lock)
        self.konnectivity = Kept[wire.Pod, KnownPod](self._pod, lock)
        self.services = Kept[wire.Service, tuple[Service, ...]](summary.service, lock)
        self.slices = Kept[wire.EndpointSlice, KnownSlice](summary.endpoints, lock, room=self.backends)

    @property
    def changes(self) -> int:
        """How often something changed that an inventory tells."""
        of_pods = sum(kept.changes for kept in self._every_pod())
        return self.nodes.changes + self.services.changes + self.slices.changes + of_pods

    def inventory(self, cluster: str = "", server: ApiServer | None = None) -> Inventory:
        """Who is who now. `server`: an API server's address that we ourselves use."""
        nodes = tuple(_undisputed(known.entry for known in self.nodes.values()))
        services = tuple(entry for entries in self.services.values() for entry in entries)
        own = next((node.addresses[0] for node in nodes if node.name == self.node), None)
        found = Inventory(
            cluster=cluster,
            apiservers=tuple(_named(self._apiservers(server, {one.address for one in services}), nodes)),
            nodes=nodes,
            pod_cidrs=tuple(cidr for known in self.nodes.values() for cidr in known.other_cidrs),
            kubernetes_service=next((one.address for one in services if _is_kubernetes(one)), None),
            pods=self._pods(nodes),
            services=services,
            captured_on=own,
        )
        return merge.merge([found, configured(one for pod in self._system_pods() for one in pod.started)])

    def _every_pod(self) -> tuple[Kept[wire.Pod, KnownPod], ...]:
        return self.system, self.konnectivity, self.pods

    def _system_pods(self) -> Iterable[KnownPod]:
        """Each once, though several queries may tell of it."""
        return {pod.uid: pod for kept in self._every_pod() for pod in kept.values() if pod.started}.values()

    def _apiservers(self, used: ApiServer | None, services: set[Address]) -> Iterator[ApiServer]:
        yield from (server for known in self.slices.values() for server in known.apiservers)
        if used is not None and used.address not in services:
            yield used

    def _pods(self, nodes: tuple[Node, ...]) -> tuple[Pod, ...]:
        """Those that are gone first, so that whoever lives at an address now has it."""
        names, hosts = {node.name for node in nodes}, {address for node in nodes for address in node.addresses}
        gone = (entry for known in self.departed.values() for entry in known.entries)
        exact = [entry for kept in self._every_pod() for known in kept.values() for entry in known.entries]
        told = hosts | {entry.address for entry in exact}
        behind = (pod for known in self.slices.values() for pod in known.pods if pod.address not in told)
        every = {(pod.namespace, pod.name, pod.uid, pod.address): pod for pod in (*gone, *behind, *exact)}
        return tuple(_placed(pod, names) for pod in every.values())

    def _pod(self, found: wire.Pod) -> KnownPod | None:
        return summary.pod(found, with_containers=self.node is not None)


def _same_uid(one: KnownPod, other: KnownPod) -> bool:
    return one.uid == other.uid


def _is_kubernetes(service: Service) -> bool:
    return (service.namespace, service.name) == summary.KUBERNETES


def _undisputed(nodes: Iterable[Node]) -> Iterator[Node]:
    """An address that two nodes claim, as behind one NAT, tells of neither."""
    every = tuple(nodes)
    claims = collections.Counter(address for node in every for address in node.addresses)
    for node in every:
        addresses = tuple(address for address in node.addresses if claims[address] == 1)
        if addresses:
            yield node if addresses == node.addresses else msgspec.structs.replace(node, addresses=addresses)


def _named(servers: Iterable[ApiServer], nodes: Iterable[Node]) -> Iterator[ApiServer]:
    names: dict[Address, str | None] = {address: node.name for node in nodes for address in node.addresses}
    for server in servers:
        yield msgspec.structs.replace(server, name=names.get(server.address))


def _placed(pod: Pod, nodes: set[str | None]) -> Pod:
    """A pod may outlive the object of its node."""
    return pod if pod.node is None or pod.node in nodes else msgspec.structs.replace(pod, node=None)
