"""One host's part of the inventory: what it runs and how that is configured, each fact with where it was read."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from observer.inventory import merge
from observer.inventory.components import (
    Components,
    EgressSelector,
    EtcdSettings,
    KonnectivityAgent,
    KonnectivityServer,
    KubeApiServer,
    Kubelet,
)
from observer.inventory.file import Inventory
from observer.inventory.host import controlplane, egress, kubelet
from observer.inventory.host.clients import Clients
from observer.inventory.host.commands import Command
from observer.inventory.host.controlplane import Sources
from observer.inventory.host.log import Log
from observer.inventory.host.reading import UnreadableError, below, read_text
from observer.inventory.host.started import started
from observer.inventory.host.topology import Host, topology
from observer.inventory.merge import P

Read = Callable[[Command, type[P]], tuple[P, Sources]]

KUBELET_CONFIGURATION = "/var/lib/kubelet/config.yaml"
"""Where kubeadm puts it; looked at only where no kubelet runs."""


def export(root: Path, proc: Path, host: Host) -> Inventory:
    """What one host tells; what cannot be read is in `could_not_read`, and nothing of it raises."""
    log = Log()
    commands = started(root, proc, log)
    host = _renamed(commands, host)
    reader = _Reader(commands, root, log)
    clients = Clients(commands, root, host.name, log)
    kubelet_settings, kubelet_port = reader.kubelet(host.name)
    found = topology(commands, host, kubelet_port)
    return msgspec.structs.replace(
        found,
        pod_cidrs=found.pod_cidrs or clients.pod_cidrs(),
        components=Components(
            kube_apiserver=reader.agreed("kube-apiserver", KubeApiServer, reader.apiserver),
            kubelet={host.name: kubelet_settings} if kubelet_settings != Kubelet() else {},
            konnectivity_agent=reader.agreed("konnectivity-agent", KonnectivityAgent),
            konnectivity_server=reader.agreed("konnectivity-server", KonnectivityServer),
            etcd=reader.agreed("etcd", EtcdSettings),
            kubeconfigs=tuple(clients.kubeconfigs()),
        ),
        sources={host.name: log.sources} if log.sources else {},
        could_not_read=log.unread(host.name),
    )


def host_name(root: Path, proc: Path) -> str:
    """The host's name; a running host knows it better than its files."""
    for file in (proc / "sys/kernel/hostname", below(root, "/etc/hostname")):
        try:
            name = read_text(file).strip().lower()
        except UnreadableError:
            continue
        if name:
            return name
    return "unknown"


def _renamed(commands: list[Command], host: Host) -> Host:
    """A kubelet may register its host under another name."""
    names = [command.flags.text("hostname-override") for command in commands if command.component == "kubelet"]
    return next((Host(name, host.addresses) for name in names if isinstance(name, str)), host)


class _Reader:
    """Reads what the commands of a host are configured to do."""

    def __init__(self, commands: list[Command], root: Path, log: Log) -> None:
        self._commands, self._root, self._log = commands, root, log

    def agreed(self, component: str, kind: type[P], read: Read[P] = controlplane.settings) -> P:
        """What all processes of a component agree on: anybody may give a process any name."""
        parts = [read(command, kind) for command in self._of(component)]
        known, conflicts = merge.agreed([part for part, _ in parts], kind)
        for fact, values in conflicts.items():
            self._log.could_not_read(f"{component} {fact}", f"several processes differ: {values}")
        facts = set(msgspec.to_builtins(known))
        for _, sources in parts:
            self._log.note(f"components.{component}", {fact: where for fact, where in sources.items() if fact in facts})
        return known

    def apiserver(self, command: Command, kind: type[KubeApiServer]) -> tuple[KubeApiServer, Sources]:
        """Its flags, and the egress selector configuration that they name."""
        known, sources = controlplane.settings(command, kind)
        sources["egress_selector"] = command.source("egress-selector-config-file")
        return msgspec.structs.replace(known, egress_selector=self._selector(command)), sources

    def _selector(self, command: Command) -> EgressSelector | msgspec.UnsetType | None:
        path = command.flags.text("egress-selector-config-file")
        text = self._log.text(command, path) if isinstance(path, str) else None
        if not isinstance(path, str) or text is None:
            return msgspec.UNSET if isinstance(path, str) else path
        try:
            return egress.read(text, path)
        except UnreadableError as error:
            self._log.could_not_read(path, error)
            return msgspec.UNSET

    def kubelet(self, host: str) -> tuple[Kubelet, int | None]:
        """The kubelet's settings and its port; a host has one."""
        commands = self._of("kubelet") or list(self._stopped_kubelet())
        read = list[tuple[Kubelet, Sources]]()
        port: int | None = None
        for command in commands[:1]:
            files = kubelet.configuration(command)
            for path, reason in files.missing:
                self._log.could_not_read(path, reason)
            read.append(kubelet.settings(command, files))
            port = kubelet.port(command, files)
        for _, sources in read:
            self._log.note(f"components.kubelet.{host}", sources)
        if len(commands) > 1:
            self._log.could_not_read("kubelet", f"several run: {', '.join(command.where for command in commands)}")
            return Kubelet(), None
        return (read[0][0] if read else Kubelet()), port

    def _stopped_kubelet(self) -> Iterator[Command]:
        """The file that kubeadm's kubelet will read, where none runs; its flags are then not known."""
        if below(self._root, KUBELET_CONFIGURATION).is_file():
            yield kubelet.stopped(KUBELET_CONFIGURATION, self._root)

    def _of(self, component: str) -> list[Command]:
        return [command for command in self._commands if command.component == component]
