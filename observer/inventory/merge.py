"""Several inventories of one cluster as one: entries side by side, and of settings what nobody contradicts."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec
from msgspec import UNSET

from observer.inventory.components import Components, Kubelet, Part, Unread
from observer.inventory.file import ApiServer, Etcd, Inventory, Konnectivity, KonnectivityPorts, Node

P = TypeVar("P", bound=Part)
L = TypeVar("L", bound=ApiServer | Etcd)
T = TypeVar("T")
SETTINGS = ("kube_apiserver", "konnectivity_agent", "konnectivity_server", "etcd")
SEVERAL = "several"


def agreed(parts: Sequence[P], kind: type[P]) -> tuple[P, dict[str, str]]:
    """The facts on which all that know them agree, and the values of the others: those are then not known."""
    known, conflicts = dict[str, object](), dict[str, str]()
    for fact in kind.__struct_fields__:
        values = once(value for part in parts if (value := getattr(part, fact)) is not UNSET)
        if len(values) == 1:
            known[fact] = values[0]
        elif values:
            conflicts[fact] = ", ".join("not set" if value is None else str(value) for value in values)
    return kind(**known), conflicts


def merge(inventories: Sequence[Inventory]) -> Inventory:
    """One inventory; settings that differ between hosts are in `could_not_read`, and stay there in later merges."""
    unread = once(entry for each in inventories for entry in each.could_not_read)
    components, conflicts = _components([each.components for each in inventories], unread)
    return Inventory(
        cluster=next((each.cluster for each in inventories if each.cluster), ""),
        apiservers=_listening(entry for each in inventories for entry in each.apiservers),
        nodes=_nodes(entry for each in inventories for entry in each.nodes),
        pod_cidrs=once(entry for each in inventories for entry in each.pod_cidrs),
        service_cidrs=once(entry for each in inventories for entry in each.service_cidrs),
        kubernetes_service=next((each.kubernetes_service for each in inventories if each.kubernetes_service), None),
        pods=once(entry for each in inventories for entry in each.pods),
        services=once(entry for each in inventories for entry in each.services),
        konnectivity=_konnectivity([each.konnectivity for each in inventories if each.konnectivity]),
        etcd=_listening(entry for each in inventories for entry in each.etcd),
        components=components,
        captured_on=next((each.captured_on for each in inventories if each.captured_on), None),
        inferred=any(each.inferred for each in inventories),
        sources=_sources(inventories),
        could_not_read=once((*unread, *conflicts)),
    )


def once(values: Iterable[T]) -> tuple[T, ...]:
    """Each value at its first place."""
    return tuple(dict.fromkeys(values))


def _components(every: list[Components], unread: Sequence[Unread]) -> tuple[Components, list[Unread]]:
    known, differing = dict[str, Part](), list[Unread]()
    before = {entry.what for entry in unread if entry.host == SEVERAL}
    for name in SETTINGS:
        parts: list[Part] = [getattr(components, name) for components in every]
        component = name.replace("_", "-")
        settings, conflicts = agreed(parts, type(parts[0]))
        doubtful = {fact: UNSET for fact in settings.__struct_fields__ if f"{component} {fact}" in before}
        known[name] = msgspec.structs.replace(settings, **doubtful)
        for fact, values in conflicts.items():
            reason = f"hosts differ: {values}"
            differing.append(Unread(host=SEVERAL, what=f"{component} {fact}", reason=reason))
    kubeconfigs = once(entry for components in every for entry in components.kubeconfigs)
    return Components(**known, kubelet=_kubelets(every), kubeconfigs=kubeconfigs), differing  # type: ignore[arg-type]


def _kubelets(every: list[Components]) -> dict[str, Kubelet]:
    names = once(itertools.chain.from_iterable(components.kubelet for components in every))
    parts = {name: [c.kubelet[name] for c in every if name in c.kubelet] for name in names}
    return {name: agreed(own, Kubelet)[0] for name, own in parts.items()}


def _sources(inventories: Iterable[Inventory]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for each in inventories:
        for host, facts in each.sources.items():
            found.setdefault(host, {}).update(facts)
    return found


def _listening(entries: Iterable[L]) -> tuple[L, ...]:
    """Entries of one address have all ports that any of them has."""
    found: dict[str, L] = {}
    for entry in entries:
        before = found.get(entry.address, entry)
        ports = once((*before.ports, *entry.ports))
        found[entry.address] = msgspec.structs.replace(before, ports=ports, name=before.name or entry.name)
    return tuple(found.values())


def _nodes(entries: Iterable[Node]) -> tuple[Node, ...]:
    """Entries that share an address are one node."""
    found, owner = list[Node](), dict[str, int]()
    for entry in entries:
        index = min((owner[address] for address in entry.addresses if address in owner), default=len(found))
        found[index : index + 1] = [_same_node(found[index], entry) if index < len(found) else entry]
        owner.update(dict.fromkeys(entry.addresses, index))
    return tuple(found)


def _same_node(one: Node, other: Node) -> Node:
    return msgspec.structs.replace(
        one,
        addresses=once((*one.addresses, *other.addresses)),
        name=one.name or other.name,
        pod_cidr=one.pod_cidr or other.pod_cidr,
    )


def _konnectivity(entries: Sequence[Konnectivity]) -> Konnectivity | None:
    if not entries:
        return None
    ports = dict(_ports([entry.ports for entry in entries]))
    servers = once(server for entry in entries for server in entry.servers)
    return Konnectivity(servers=servers, ports=KonnectivityPorts(**ports))


def _ports(every: Sequence[KonnectivityPorts]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """What a host said of its ports, before what is only usual."""
    usual: Mapping[str, tuple[int, ...]] = msgspec.structs.asdict(KonnectivityPorts())
    for name, default in usual.items():
        told = [ports for entry in every if (ports := getattr(entry, name)) != default]
        yield name, once(port for ports in told for port in ports) if told else default
