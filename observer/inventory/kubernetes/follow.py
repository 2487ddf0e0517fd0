"""Follows a cluster: a thread for each kind of object, and a new inventory when enough has changed for long enough."""

import ipaddress
import random
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from observer.inventory.file import Address, ApiServer, Inventory
from observer.inventory.kubernetes import wire
from observer.inventory.kubernetes.connection import Connection
from observer.inventory.kubernetes.memory import Memory
from observer.inventory.kubernetes.pace import LONGEST_S, Pace
from observer.inventory.kubernetes.reflector import Keeper, Query, Reflector, Standing

QUIET_S, LATEST_S = 0.5, 5.0
"""Changes come in bursts: told after a moment of quiet, or at the latest then."""
SHARE = 50
"""What follows an inventory is made anew with it: at most one part in so many of the time goes there."""
MOST_WATCHED_NODES = 1_000
"""Each node's object changes every five minutes; with more of them the list is read again instead."""

CONTROL_PLANE = "component in (kube-apiserver,etcd,kube-controller-manager,kube-scheduler)"
KONNECTIVITY = "k8s-app in (konnectivity-server)"
NEEDED = ("nodes", "services", "endpointslices")


class Follower:
    """Asks the API server, in threads of its own; `poll` is for the one thread that uses the inventory."""

    def __init__(
        self,
        connection: Connection,
        *,
        node: str | None,
        cluster: str = "",
        clock: Callable[[], float] = time.monotonic,
        chance: random.Random | None = None,
        longest_pause_s: float = LONGEST_S,
    ) -> None:
        self.memory = Memory(node, clock)
        self._connection, self._cluster, self._clock = connection, cluster or connection.name, clock
        self._stopping = threading.Event()
        self._chance = chance or random.Random()  # noqa: S311 - only spreads the load
        self._longest_pause_s = longest_pause_s
        self._reflectors = [self._reflector(query, keeper) for query, keeper in _wanted(self.memory)]
        self._threads = [
            threading.Thread(target=one.run, name=f"kubernetes-{one.query.name}", daemon=True)
            for one in self._reflectors
        ]
        self._told = _Told(clock())

    def start(self) -> None:
        """Begin to follow."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End it; a thread that cannot be woken ends with the program."""
        self._stopping.set()
        for _ in range(20):
            for reflector in self._reflectors:
                reflector.interrupt()
            for thread in self._threads:
                thread.join(0.05 if thread.is_alive() else 0)
            if not any(thread.is_alive() for thread in self._threads):
                return

    def read(self) -> Inventory:
        """Everything as it is now, read a single time; RefusedError where a list cannot be had."""
        for reflector in self._reflectors:
            reflector.read_once()
        return self._inventory()

    def poll(self) -> Inventory | None:
        """A new inventory, where enough has changed; never one of which a needed part was not yet read."""
        now_s, changes = self._clock(), self.memory.changes
        if not self.synced or not self._told.due(changes, now_s):
            return None
        inventory = self._inventory()
        self._told = _Told(now_s, changes)
        return inventory

    def spent(self, seconds: float) -> None:
        """What it cost to use the last inventory, all told: the next waits accordingly."""
        self._told.rest_until_s = self._clock() + seconds * SHARE

    @property
    def synced(self) -> bool:
        """Whether every list was read without which an address would be taken for somebody else's."""
        return all(one.standing.synced for one in self._reflectors if one.query.name in NEEDED)

    def standings(self) -> dict[str, Standing]:
        """How it goes with each kind of object."""
        return {one.query.name: one.standing for one in self._reflectors}

    def _reflector(self, query: Query[Any], keeper: Keeper[Any]) -> Reflector[Any]:
        pace = Pace(random.Random(self._chance.random()), self._longest_pause_s)  # noqa: S311 - only spreads the load
        return Reflector(query, self._connection, keeper, self._stopping, pace)

    def _inventory(self) -> Inventory:
        return self.memory.inventory(self._cluster, _server(self._connection))


class _Told:
    """What the last inventory told, and when the next is due."""

    def __init__(self, now_s: float, changes: int = -1) -> None:
        self.changes = self._seen = changes
        self.rest_until_s = now_s
        self._first_s = self._last_s = now_s

    def due(self, changes: int, now_s: float) -> bool:
        """Whether something new has settled."""
        if changes != self._seen:
            self._first_s = now_s if self._seen == self.changes else self._first_s
            self._seen, self._last_s = changes, now_s
        settled = now_s - self._last_s >= QUIET_S or now_s - self._first_s >= LATEST_S
        return changes != self.changes and settled and now_s >= self.rest_until_s


def _wanted(memory: Memory) -> list[tuple[Query[Any], Keeper[Any]]]:
    nodes = Query("nodes", "/api/v1/nodes", wire.Node, watched_up_to=MOST_WATCHED_NODES)
    services = Query("services", "/api/v1/services", wire.Service)
    slices = Query("endpointslices", "/apis/discovery.k8s.io/v1/endpointslices", wire.EndpointSlice)
    every = Query("pods", "/api/v1/pods", wire.Pod)
    common: list[tuple[Query[Any], Keeper[Any]]] = [(nodes, memory.nodes), (services, memory.services)]
    if memory.node is None:
        return [*common, (slices, memory.slices), (every, memory.pods)]
    return [
        *common,
        (slices, memory.slices),
        (_some("pods", {"fieldSelector": f"spec.nodeName={memory.node}"}), memory.pods),
        (_some("control-plane", {"labelSelector": CONTROL_PLANE}), memory.system),
        (_some("konnectivity", {"labelSelector": KONNECTIVITY}), memory.konnectivity),
    ]


def _some(name: str, selectors: dict[str, str]) -> Query[wire.Pod]:
    return Query(name, "/api/v1/pods", wire.Pod, selectors, few=True)


def _server(connection: Connection) -> ApiServer | None:
    """The address that a kubeconfig names, where it is one."""
    parts = urlsplit(connection.url)
    try:
        address = Address(parts.hostname or "")
    except ValueError:
        return None
    own = ipaddress.ip_address(address).is_loopback
    return None if own else ApiServer(address=address, ports=(parts.port or 443,))
