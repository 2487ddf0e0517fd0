"""Builds hosts as directories: processes as /proc shows them, and files."""

from pathlib import Path

from observer.inventory.file import Inventory
from observer.inventory.host.export import export, host_name
from observer.inventory.host.topology import Host

KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters:
- name: other
  cluster: {{server: https://10.9.9.9:6443}}
- name: kubernetes
  cluster:
    server: https://10.240.0.10:6443
    {verification}
contexts:
- name: here
  context: {{cluster: kubernetes, user: system:node:n1}}
current-context: here
users:
- name: system:node:n1
  user:
    {credentials}
"""


class FakeHost:
    """A directory that looks like a host."""

    def __init__(self, root: Path) -> None:
        self.root, self.proc = root, root / "proc"
        self.write("/proc/sys/kernel/hostname", "CP-1\n")
        self._number = 100

    def write(self, path: str, text: str) -> Path:
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def run(self, *words: str) -> int:
        self._number += 1
        self.write(f"/proc/{self._number}/cmdline", "".join(f"{word}\0" for word in words))
        return self._number

    def kubeconfig(self, path: str, verification: str, credentials: str = "token: SECRET") -> None:
        self.write(path, KUBECONFIG.format(verification=verification, credentials=credentials))

    def export(self, *addresses: str) -> Inventory:
        return export(self.root, self.proc, Host(host_name(self.root, self.proc), addresses))


def reasons(inventory: Inventory) -> dict[str, str]:
    """What could not be read, and why."""
    return {entry.what: entry.reason for entry in inventory.could_not_read}
