"""The endpoints whose certificates an inventory lets ask for, and endpoints as people write them."""

import ipaddress
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from observer.errors import ConfigurationError
from observer.evidence.probe import Endpoint
from observer.inventory.file import Inventory

FORM = "write ADDRESS:PORT, [IPV6]:PORT or NAME:PORT"


def listed(inventory: Inventory) -> Iterator[Endpoint]:
    """API servers, kubelets, Konnectivity's TLS listeners and etcd."""
    for server in inventory.apiservers:
        yield from (Endpoint(server.address, port) for port in server.ports)
    for node in inventory.nodes:
        yield from (Endpoint(address, node.kubelet_port) for address in node.addresses)
    tunnel = inventory.konnectivity
    for address in tunnel.servers if tunnel else ():
        ports = (*tunnel.ports.server, *tunnel.ports.agent) if tunnel else ()
        yield from (Endpoint(address, port) for port in ports)
    for etcd in inventory.etcd:
        yield from (Endpoint(etcd.address, port) for port in etcd.ports)


def named(text: str, server_name: str | None = None) -> list[Endpoint]:
    """The endpoints a person means; a name stands for all of its addresses, which are asked under it.

    Raises ConfigurationError where it is no endpoint, or the name has no address.
    """
    host, port = _split(text)
    try:
        return [Endpoint(str(ipaddress.ip_address(host)), port, server_name)]
    except ValueError:
        return [Endpoint(address, port, server_name or host) for address in _addresses(text, host)]


def _split(text: str) -> tuple[str, int]:
    try:
        parts = urlsplit(text if "//" in text else f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port:
        raise ConfigurationError(f"{text}: is no endpoint; {FORM}")
    return host, port


def _addresses(text: str, host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(f"{text}: has no address: {getattr(error, 'strerror', None) or error}") from error
    return list(dict.fromkeys(str(address[4][0]) for address in found))
