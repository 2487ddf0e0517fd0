"""Who is who, as far as the flags on one host tell: addresses, ports and ranges. Names that need DNS are left out."""

import ipaddress
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

import msgspec

from observer.inventory.file import (
    Address,
    ApiServer,
    Etcd,
    Inventory,
    Konnectivity,
    KonnectivityPorts,
    Network,
    Node,
)
from observer.inventory.host.commands import Command

Socket = tuple[str, int]
APISERVER_PORT = 6443
# Defaults of the Konnectivity programs' code.
KONNECTIVITY_PORTS = {"server": 8090, "agent": 8091, "admin": 8095, "health": 8092}


class Host(msgspec.Struct, frozen=True):
    """One host as it calls itself; `addresses` are those it was told to use, or a person gave."""

    name: str
    addresses: tuple[str, ...] = ()


def topology(commands: list[Command], host: Host, kubelet_port: int | None) -> Inventory:
    """The entries that the commands on a host allow; none is guessed."""
    by = {name: [c for c in commands if c.component == name] for name in {c.component for c in commands}}
    addresses = _addresses(by, host)
    services = _networks(by.get("kube-apiserver", ()), "service-cluster-ip-range")
    first = next(iter(services), None)
    return Inventory(
        apiservers=tuple(_apiservers(by.get("kube-apiserver", ()), addresses, host)),
        nodes=tuple(_nodes(by, addresses, host, kubelet_port)),
        pod_cidrs=_networks([*by.get("kube-controller-manager", ()), *by.get("kube-proxy", ())], "cluster-cidr"),
        service_cidrs=services,
        kubernetes_service=_first_address(first) if first else None,
        konnectivity=_konnectivity(by, addresses),
        etcd=tuple(_etcd(by, addresses)),
    )


def sockets(texts: Iterable[str], default_port: int) -> Iterator[Socket]:
    """Addresses and ports of URLs; names, and addresses that are no one's, are left out."""
    for text in texts:
        try:
            parts = urlsplit(text if "//" in text else f"//{text}")
            address, port = ipaddress.ip_address(parts.hostname or ""), parts.port or default_port
        except ValueError:
            continue
        if not address.is_unspecified:
            yield str(address), port


def _addresses(by: dict[str, list[Command]], host: Host) -> tuple[str, ...]:
    """The host's own addresses: given, or told by the flags of what runs on it."""
    told = [value for command in by.get("kube-apiserver", ()) for value in command.flags.every("advertise-address")]
    told += [value for command in by.get("kubelet", ()) for value in command.flags.every("node-ip")]
    usable = (address for address, _ in sockets(map(_bracketed, [*host.addresses, *told]), 0))
    return tuple(dict.fromkeys(address for address in usable if not ipaddress.ip_address(address).is_loopback))


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _apiservers(commands: Iterable[Command], addresses: tuple[str, ...], host: Host) -> Iterator[ApiServer]:
    for command in commands:
        told = [*command.flags.every("advertise-address"), *command.flags.every("bind-address")]
        port = command.flags.number("secure-port")
        port = APISERVER_PORT if port is None else port
        own = [address for address, _ in sockets(map(_bracketed, told), 0)] or list(addresses)
        if isinstance(port, int) and port and own:
            yield ApiServer(address=Address(own[0]), name=host.name, ports=(port,))


def _nodes(
    by: dict[str, list[Command]], addresses: tuple[str, ...], host: Host, kubelet_port: int | None
) -> Iterator[Node]:
    if by.get("kubelet") and addresses:
        yield Node(addresses=tuple(map(Address, addresses)), name=host.name, kubelet_port=kubelet_port or 10250)


def _networks(commands: Iterable[Command], flag: str) -> tuple[Network, ...]:
    found = list[Network]()
    for value in (value for command in commands for value in command.flags.every(flag)):
        try:
            found.append(Network(value))
        except ValueError:
            continue
    return tuple(dict.fromkeys(found))


def _first_address(cidr: str) -> Address:
    """The service `kubernetes` is the range's first."""
    return Address(str(ipaddress.ip_network(cidr).network_address + 1))


def _etcd(by: dict[str, list[Command]], addresses: tuple[str, ...]) -> Iterator[Etcd]:
    found: dict[str, set[int]] = {}
    urls = [(url, 2379) for c in by.get("kube-apiserver", ()) for url in c.flags.every("etcd-servers")]
    for command in by.get("etcd", ()):
        urls += [(url, 2379) for url in command.flags.every("advertise-client-urls")]
        urls += [(url, 2380) for url in command.flags.every("initial-advertise-peer-urls")]
    for url, default in urls:
        for address, port in sockets([url], default):
            for own in addresses[:1] if ipaddress.ip_address(address).is_loopback else (address,):
                found.setdefault(own, set()).add(port)
    for address, ports in found.items():
        yield Etcd(address=Address(address), ports=tuple(sorted(ports)))


def _konnectivity(by: dict[str, list[Command]], addresses: tuple[str, ...]) -> Konnectivity | None:
    servers, agents = by.get("konnectivity-server", []), by.get("konnectivity-agent", [])
    if not servers and not agents:
        return None
    found = [address for _ in servers for address in addresses[:1]]
    found += [a for c in agents for a, _ in sockets(map(_bracketed, c.flags.every("proxy-server-host")), 0)]
    ports = {name: _port(servers, f"{name}-port", default) for name, default in KONNECTIVITY_PORTS.items()}
    if not servers:
        ports = {"agent": _port(agents, "proxy-server-port", KONNECTIVITY_PORTS["agent"])}
    listening = {name: (port,) for name, port in ports.items() if port}
    known = KonnectivityPorts() if not servers else KonnectivityPorts(server=(), agent=(), admin=(), health=())
    return Konnectivity(
        servers=tuple(map(Address, dict.fromkeys(found))), ports=msgspec.structs.replace(known, **listening)
    )


def _port(commands: list[Command], flag: str, default: int) -> int:
    """0: it does not listen there, or nobody can say where."""
    given = [command.flags.number(flag) for command in commands]
    known = [number for number in given if isinstance(number, int)]
    return known[-1] if known else 0 if any(number is not None for number in given) else default
