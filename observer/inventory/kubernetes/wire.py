"""The API's objects as far as they are needed: what is not named here is skipped while reading, never kept.

Go writes an empty list as null or leaves it out, so every list may be both.
"""

from typing import Generic, TypeVar

import msgspec
from msgspec import Raw


class Part(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A part of an object."""


class Labels(Part, frozen=True):
    """The labels that tell something."""

    template: str | None = msgspec.field(default=None, name="pod-template-hash")
    service: str | None = msgspec.field(default=None, name="kubernetes.io/service-name")


class Owner(Part, frozen=True):
    """Who made an object, and would delete it."""

    kind: str = ""
    name: str = ""
    controller: bool = False


class Meta(Part, frozen=True):
    """What every object has; of a list, its version and where the next page begins."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    labels: Labels | None = None
    owner_references: tuple[Owner, ...] | None = None
    continue_: str = msgspec.field(default="", name="continue")


class Object(Part, frozen=True):
    """An object of which only its name matters."""

    metadata: Meta = Meta()


class Ip(Part, frozen=True):
    """One of a pod's addresses."""

    ip: str = ""


class PodContainer(Part, frozen=True):
    """How a container is started."""

    name: str = ""
    command: tuple[str, ...] | None = None
    args: tuple[str, ...] | None = None


class PodSpec(Part, frozen=True):
    """What a pod shall be."""

    node_name: str = ""
    host_network: bool = False
    service_account_name: str | None = None
    containers: tuple[PodContainer, ...] | None = None


class ContainerStatus(Part, frozen=True):
    """What became of a container; its id begins with the runtime's name."""

    name: str = ""
    container_id: str = msgspec.field(default="", name="containerID")


class PodStatus(Part, frozen=True):
    """What a pod is."""

    phase: str = ""
    host_ip: str = msgspec.field(default="", name="hostIP")
    pod_ips: tuple[Ip, ...] | None = msgspec.field(default=None, name="podIPs")
    init_container_statuses: tuple[ContainerStatus, ...] | None = None
    container_statuses: tuple[ContainerStatus, ...] | None = None
    ephemeral_container_statuses: tuple[ContainerStatus, ...] | None = None


class Pod(Object, frozen=True):
    """v1 Pod."""

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class NodeSpec(Part, frozen=True):
    """The ranges of a node's pods."""

    pod_cidrs: tuple[str, ...] | None = msgspec.field(default=None, name="podCIDRs")


class NodeAddress(Part, frozen=True):
    """A name or an address of a node."""

    type: str = ""
    address: str = ""


class KubeletEndpoint(Part, frozen=True):
    """Where the kubelet listens."""

    port: int = msgspec.field(default=0, name="Port")


class DaemonEndpoints(Part, frozen=True):
    """Where a node's daemons listen."""

    kubelet_endpoint: KubeletEndpoint = KubeletEndpoint()


class NodeStatus(Part, frozen=True):
    """What a node is."""

    addresses: tuple[NodeAddress, ...] | None = None
    daemon_endpoints: DaemonEndpoints = DaemonEndpoints()


class Node(Object, frozen=True):
    """v1 Node."""

    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class Port(Part, frozen=True):
    """A port of a service or of its endpoints."""

    name: str | None = None
    port: int | None = None


class ServiceSpec(Part, frozen=True):
    """Where a service answers."""

    cluster_ips: tuple[str, ...] | None = msgspec.field(default=None, name="clusterIPs")
    ports: tuple[Port, ...] | None = None


class Service(Object, frozen=True):
    """v1 Service."""

    spec: ServiceSpec = ServiceSpec()


class Target(Part, frozen=True):
    """The object behind an endpoint."""

    kind: str = ""
    namespace: str = ""
    name: str = ""


class Endpoint(Part, frozen=True):
    """Where one backend of a service is."""

    addresses: tuple[str, ...] | None = None
    node_name: str | None = None
    target_ref: Target | None = None


class EndpointSlice(Object, frozen=True):
    """discovery.k8s.io/v1 EndpointSlice."""

    endpoints: tuple[Endpoint, ...] | None = None
    ports: tuple[Port, ...] | None = None


class Status(Part, frozen=True):
    """Why the API refused."""

    code: int = 0
    reason: str = ""
    message: str = ""


T = TypeVar("T", bound=Object)


class Page(Part, Generic[T], frozen=True):
    """A part of a list."""

    metadata: Meta = Meta()
    items: list[T] | None = None


class Event(Part, frozen=True):
    """One line of a watch; what the object is depends on the type."""

    type: str
    object: Raw
