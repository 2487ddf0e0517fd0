"""What is kept of each kind of object: entries of the inventory, and the command lines of the control plane's pods."""

import sys
from collections.abc import Iterable, Iterator
from functools import partial

import msgspec

from observer.inventory import file
from observer.inventory.kubernetes import wire

ENDED = ("Succeeded", "Failed")
SYSTEM = "kube-system"
KUBERNETES = ("default", "kubernetes")


class KnownNode(msgspec.Struct, frozen=True):
    """A node; a second range of pods (of the other address family) beside that of the entry."""

    entry: file.Node
    other_cidrs: tuple[file.Network, ...] = ()


class Started(msgspec.Struct, frozen=True):
    """The command line of a container of the control plane's, and where it runs."""

    container: str
    words: tuple[str, ...]
    where: str
    node: str
    address: str


class KnownPod(msgspec.Struct, frozen=True):
    """A pod, one entry for each of its addresses."""

    uid: str
    entries: tuple[file.Pod, ...]
    started: tuple[Started, ...] = ()


class KnownSlice(msgspec.Struct, frozen=True):
    """The pods behind a service; of the service `kubernetes` the API servers."""

    pods: tuple[file.Pod, ...] = ()
    apiservers: tuple[file.ApiServer, ...] = ()


def node(found: wire.Node) -> KnownNode | None:
    """A node that has an address."""
    told = (entry.address for entry in found.status.addresses or () if entry.type in ("InternalIP", "ExternalIP"))
    addresses = tuple(dict.fromkeys(_addresses(told)))
    cidrs = tuple(_networks(found.spec.pod_cidrs or ()))
    port = found.status.daemon_endpoints.kubelet_endpoint.port
    entry = file.Node(
        name=sys.intern(found.metadata.name),
        addresses=addresses,
        pod_cidr=cidrs[0] if cidrs else None,
        kubelet_port=port if 0 < port < 65536 else 10250,
    )
    return KnownNode(entry, cidrs[1:]) if addresses else None


def pod(found: wire.Pod, *, with_containers: bool) -> KnownPod | None:
    """A pod that runs somewhere and has an address; one that has ended gives its address back."""
    if found.status.phase in ENDED:
        return None
    entries = tuple(map(partial(_entry, found, with_containers), _addresses(_ips(found))))
    return KnownPod(found.metadata.uid, entries, tuple(_started(found))) if entries else None


def service(found: wire.Service) -> tuple[file.Service, ...] | None:
    """A service at each of its virtual addresses; without one it is only a name."""
    meta = found.metadata
    ports = tuple(port.port for port in found.spec.ports or () if port.port)
    entries = (
        file.Service(namespace=sys.intern(meta.namespace), name=meta.name, address=address, ports=ports)
        for address in _addresses(found.spec.cluster_ips or ())
    )
    return tuple(entries) or None


def endpoints(found: wire.EndpointSlice) -> KnownSlice | None:
    """The backends that are pods, or API servers."""
    meta = found.metadata
    service_name = meta.labels.service if meta.labels else None
    if (meta.namespace, service_name or meta.name) == KUBERNETES:
        ports = tuple(port.port for port in found.ports or () if port.port)
        every = (text for endpoint in found.endpoints or () for text in endpoint.addresses or ())
        return KnownSlice(apiservers=tuple(file.ApiServer(address=one, ports=ports) for one in _addresses(every)))
    pods = tuple(entry for endpoint in found.endpoints or () for entry in _backend(endpoint))
    return KnownSlice(pods) if pods else None


def workload(meta: wire.Meta) -> file.Workload | None:
    """What made a pod; a ReplicaSet that bears the template's hash was made by a Deployment."""
    owner = next((owner for owner in meta.owner_references or () if owner.controller), None)
    if owner is None or owner.kind == "Node":
        # A static pod is the node's own.
        return None
    ending = f"-{meta.labels.template}" if meta.labels and meta.labels.template else None
    if owner.kind == "ReplicaSet" and ending and owner.name.endswith(ending):
        return file.Workload(kind="Deployment", name=sys.intern(owner.name.removesuffix(ending)))
    return file.Workload(kind=sys.intern(owner.kind), name=sys.intern(owner.name))


def _entry(found: wire.Pod, with_containers: bool, address: file.Address) -> file.Pod:
    meta, account = found.metadata, found.spec.service_account_name
    return file.Pod(
        namespace=sys.intern(meta.namespace),
        name=meta.name,
        address=address,
        node=sys.intern(found.spec.node_name) or None,
        service_account=sys.intern(account) if account else None,
        uid=meta.uid or None,
        host_network=found.spec.host_network,
        workload=workload(meta),
        containers=tuple(_containers(found.status)) if with_containers else (),
    )


def _ips(found: wire.Pod) -> list[str]:
    told = [entry.ip for entry in found.status.pod_ips or ()]
    # A static pod's mirror may lack its address for a while, but the host's is the same.
    return told or ([found.status.host_ip] if found.spec.host_network else [])


def _containers(status: wire.PodStatus) -> Iterator[file.Container]:
    every = (status.init_container_statuses, status.container_statuses, status.ephemeral_container_statuses)
    for found in (entry for entries in every for entry in entries or ()):
        _, _, number = found.container_id.partition("://")
        if number:
            yield file.Container(name=found.name, id=number)


def _started(found: wire.Pod) -> Iterator[Started]:
    """Of the system's own pods alone: a tenant's pod may well run an API server, and may claim any owner."""
    if found.metadata.namespace != SYSTEM:
        return
    where = f"pod {found.metadata.namespace}/{found.metadata.name}"
    for container in found.spec.containers or ():
        words = (*(container.command or ()), *(container.args or ()))
        if words:
            yield Started(container.name, words, where, found.spec.node_name, found.status.host_ip)


def _backend(endpoint: wire.Endpoint) -> Iterator[file.Pod]:
    target = endpoint.target_ref
    if target is None or target.kind != "Pod":
        return
    for address in _addresses(endpoint.addresses or ()):
        node_name = sys.intern(endpoint.node_name) if endpoint.node_name else None
        yield file.Pod(namespace=sys.intern(target.namespace), name=target.name, address=address, node=node_name)


def _addresses(texts: Iterable[str]) -> Iterator[file.Address]:
    for text in texts:
        try:
            yield file.Address(text)
        except ValueError:
            # "None" of a headless service; names of hosts.
            continue


def _networks(texts: Iterable[str]) -> Iterator[file.Network]:
    for text in texts:
        try:
            yield file.Network(text)
        except ValueError:
            continue
