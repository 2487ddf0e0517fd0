"""What the control plane's pods say of its configuration by their flags; the files they name lie on their nodes."""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import UNSET

from observer.inventory import merge
from observer.inventory.components import (
    Components,
    EtcdSettings,
    KonnectivityAgent,
    KonnectivityServer,
    KubeApiServer,
)
from observer.inventory.file import Inventory
from observer.inventory.host import controlplane, manifests
from observer.inventory.host.commands import Command, Hidden
from observer.inventory.host.flags import Argument
from observer.inventory.host.log import Log
from observer.inventory.host.topology import Host, topology
from observer.inventory.kubernetes.summary import Started
from observer.inventory.merge import P

SELECTOR_FILE = "egress-selector-config-file"


def configured(started: Iterable[Started]) -> Inventory:
    """Addresses, ports and settings that the command lines of the system's pods tell, joined over their nodes."""
    hosts: dict[Host, list[Started]] = {}
    for one in started:
        addresses = (one.address,) if one.address else ()
        hosts.setdefault(Host(one.node, addresses), []).append(one)
    return merge.merge([_of_host(host, every) for host, every in hosts.items()]) if hosts else Inventory()


def _of_host(host: Host, started: Sequence[Started]) -> Inventory:
    log, found = Log(), list[Command | Hidden]()
    for one in started:
        words = [Argument(word, one.where) for word in one.words]
        found += manifests.started_by(one.container, words, one.where, ())
    for part in found:
        if isinstance(part, Hidden):
            log.could_not_read(f"{part.component} ({part.where})", part.reason)
    commands = [part for part in found if isinstance(part, Command)]
    return msgspec.structs.replace(
        topology(commands, host, None),
        components=_components(commands, log),
        sources={host.name: log.sources} if log.sources else {},
        could_not_read=log.unread(host.name),
    )


def _components(commands: list[Command], log: Log) -> Components:
    return Components(
        kube_apiserver=_selected(commands, _agreed(commands, "kube-apiserver", KubeApiServer, log), log),
        konnectivity_agent=_agreed(commands, "konnectivity-agent", KonnectivityAgent, log),
        konnectivity_server=_agreed(commands, "konnectivity-server", KonnectivityServer, log),
        etcd=_agreed(commands, "etcd", EtcdSettings, log),
    )


def _agreed(commands: list[Command], component: str, kind: type[P], log: Log) -> P:
    read = [controlplane.settings(command, kind) for command in commands if command.component == component]
    known, conflicts = merge.agreed([settings for settings, _ in read], kind)
    for fact, values in conflicts.items():
        log.could_not_read(f"{component} {fact}", f"several pods of one node differ: {values}")
    for _, sources in read:
        log.note(f"components.{component}", {fact: where for fact, where in sources.items() if fact not in conflicts})
    return known


def _selected(commands: list[Command], known: KubeApiServer, log: Log) -> KubeApiServer:
    """Whether there is an egress selection; what it says is in a file that the API does not show."""
    own = [command for command in commands if command.component == "kube-apiserver"]
    files = {command.flags.text(SELECTOR_FILE) for command in own}
    if not own:
        return known
    for path in files - {None, UNSET}:
        log.could_not_read(str(path), "lies on the node; `observer inventory export` there reads it")
    return msgspec.structs.replace(known, egress_selector=None if files == {None} else UNSET)
