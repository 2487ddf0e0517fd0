"""Two machines of one cluster as network namespaces: a control plane and a node, joined by a veth pair.

Nothing leaves them: they have no other interface and no route.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LINK = "obs0"
TIMEOUT_S = 10

INVENTORY = """
cluster: live
apiservers:
  - {address: 10.99.0.1, name: cp}
  - {address: 10.99.7.1, name: cp}
  - {address: "fd99::1", name: cp}
nodes:
  - {name: node, addresses: [10.99.0.2, 10.99.7.2, "fd99::2"]}
"""


@dataclass(frozen=True)
class Machine:
    """A network namespace."""

    name: str

    def start(self, *command: str | Path, **options: object) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(self._inside(command), **options)  # type: ignore[call-overload,no-any-return]

    def run(self, *command: str | Path, said: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(self._inside(command), input=said, capture_output=True, timeout=TIMEOUT_S, check=False)

    def _inside(self, command: tuple[str | Path, ...]) -> list[str]:
        return ["ip", "netns", "exec", self.name, *map(str, command)]


def hindrance() -> str | None:
    """Why no live test can run here."""
    if os.geteuid() != 0:
        return "not root: network namespaces cannot be made"
    missing = [tool for tool in ("ip", "tcpdump", "openssl") if shutil.which(tool) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    probe = f"obs-probe-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, check=False)
    subprocess.run(["ip", "netns", "del", probe], capture_output=True, check=False)
    return f"no network namespaces: {made.stderr.strip()}" if made.returncode else None


@contextmanager
def cluster() -> Iterator[tuple[Machine, Machine]]:
    """The control plane and the node, gone at the end."""
    machines = [Machine(f"obs-{role}-{os.getpid()}") for role in ("cp", "node")]
    try:
        for machine in machines:
            _ip("netns", "add", machine.name)
        ends = [("netns", machine.name) for machine in machines]
        _ip("link", "add", LINK, *ends[0], "type", "veth", "peer", "name", LINK, *ends[1])
        for number, machine in enumerate(machines, 1):
            _address(machine, number)
        yield machines[0], machines[1]
    finally:
        for machine in machines:
            subprocess.run(["ip", "netns", "del", machine.name], capture_output=True, check=False)


def _address(machine: Machine, number: int) -> None:
    inside = ("-n", machine.name)
    for interface in ("lo", LINK):
        _ip(*inside, "link", "set", interface, "up")
    _ip(*inside, "address", "add", f"10.99.0.{number}/24", "dev", LINK)
    _ip(*inside, "address", "add", f"fd99::{number}/64", "dev", LINK, "nodad")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=TIMEOUT_S)
