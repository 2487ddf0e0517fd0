"""The kubeconfigs that a host's clients of the API server use, and kube-proxy's own file."""

from collections.abc import Iterator
from pathlib import Path

from observer.inventory.components import Kubeconfig
from observer.inventory.file import Network
from observer.inventory.host import kubeconfig
from observer.inventory.host.commands import Command
from observer.inventory.host.document import Tree, parse
from observer.inventory.host.flags import Flags
from observer.inventory.host.log import Log
from observer.inventory.host.reading import UnreadableError, below

KUBEADM = {
    "kubelet": "/etc/kubernetes/kubelet.conf",
    "kube-controller-manager": "/etc/kubernetes/controller-manager.conf",
    "kube-scheduler": "/etc/kubernetes/scheduler.conf",
    "admin": "/etc/kubernetes/admin.conf",
}
"""Where kubeadm puts them; looked at only where no command names another."""
# These take their kubeconfig from a file of their own.
WITH_CONFIGURATION = ("kube-scheduler", "kube-proxy")
CLIENTS = ("kubelet", "kube-controller-manager", "kube-scheduler", "kube-proxy")


class Clients:
    """The clients of the API server on one host."""

    def __init__(self, commands: list[Command], root: Path, host: str, log: Log) -> None:
        self._commands = [command for command in commands if command.component in CLIENTS]
        self._root, self._host, self._log = root, host, log

    def kubeconfigs(self) -> Iterator[Kubeconfig]:
        """What the kubeconfigs say; one that cannot be read is told in the log."""
        for command, user, path in dict.fromkeys(self._named()):
            text = self._log.text(command, path)
            try:
                if text is not None:
                    known, sources = kubeconfig.read(text, path, user, self._host)
                    self._log.note(f"components.kubeconfigs.{user}", sources)
                    yield known
            except UnreadableError as error:
                self._log.could_not_read(path, error)

    def pod_cidrs(self) -> tuple[Network, ...]:
        """The range of pods that kube-proxy's file names."""
        found = list[Network]()
        for command in self._commands:
            cidrs = self._configuration(command).scalar("clusterCIDR") if command.component == "kube-proxy" else None
            for cidr in str(cidrs.text or "").split(",") if cidrs else ():
                try:
                    found.append(Network(cidr.strip()))
                except ValueError:
                    continue
        return tuple(found)

    def _named(self) -> Iterator[tuple[Command, str, str]]:
        seen = set[str]()
        for command in self._commands:
            seen.add(command.component)
            path = self._kubeconfig(command)
            if path is not None:
                yield command, command.component, path
        for user, path in KUBEADM.items():
            if user not in seen and below(self._root, path).is_file():
                yield Command(user, Flags(()), path, (self._root,)), user, path

    def _kubeconfig(self, command: Command) -> str | None:
        found = self._configuration(command).scalar("clientConnection", "kubeconfig")
        flag = command.flags.text("kubeconfig")
        if found is not None and found.text:
            return found.text
        return flag if isinstance(flag, str) else None

    def _configuration(self, command: Command) -> Tree:
        path = command.flags.text("config") if command.component in WITH_CONFIGURATION else None
        text = self._log.text(command, path) if isinstance(path, str) else None
        try:
            documents = parse(text, str(path)) if text is not None else []
        except UnreadableError as error:
            self._log.could_not_read(str(path), error)
            documents = []
        return next(iter(documents), Tree(str(path), None))
