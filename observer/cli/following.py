"""A capture whose inventory follows the cluster: what the API tells beside what the files say."""

import time

import msgspec

from observer.analysis import ByteSink
from observer.config import Settings
from observer.inventory.file import Inventory
from observer.inventory.kubernetes import connection
from observer.inventory.kubernetes.follow import Follower
from observer.inventory.merge import merge
from observer.pipeline import Known, Source, Watch

FIRST_S = 15.0
"""Capture waits so long for the API, which says whose every connection is wanted, and begins without it then."""
PAUSE_S = 0.1


class FollowingWatch(Watch):
    """As `Watch`; the inventory changes with the cluster, and stays as it is while the API cannot be reached."""

    def __init__(self, source: Source, known: Known, follower: Follower, *, cluster: str = "", node: str = "") -> None:
        self._follower, self._given = follower, known
        self._told = _first(follower)
        super().__init__(source, _joined(known, self._told), cluster=cluster, node=node)

    def reconfigure(self, known: Known) -> None:
        """What the files say now."""
        self._given = known
        super().reconfigure(_joined(known, self._told))

    def step(self, timeout_ms: int, flows_out: ByteSink) -> None:
        """As `Watch.step`; first takes over what the cluster has become."""
        inventory = self._follower.poll()
        if inventory is not None:
            self._told, begun_s = inventory, time.monotonic()
            super().reconfigure(_joined(self._given, inventory))
            self._follower.spent(time.monotonic() - begun_s)
        super().step(timeout_ms, flows_out)


def follower(chosen: Settings, node: str) -> Follower:
    """Begins to ask the API. ConfigurationError where nothing says how to reach it."""
    server = connection.kubeconfig(chosen.kubeconfig) if chosen.kubeconfig else connection.in_cluster()
    following = Follower(server, node=node, cluster=chosen.cluster)
    following.start()
    return following


def _first(following: Follower) -> Inventory | None:
    end_s = time.monotonic() + FIRST_S
    while time.monotonic() < end_s:
        inventory = following.poll()
        if inventory is not None:
            return inventory
        time.sleep(PAUSE_S)
    return None


def _joined(known: Known, told: Inventory | None) -> Known:
    """A person's word stands first; what it does not say the API may."""
    if told is None:
        return known
    return msgspec.structs.replace(known, inventory=merge([known.inventory, told]) if known.inventory else told)
