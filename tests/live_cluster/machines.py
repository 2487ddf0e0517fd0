"""A small cluster as network namespaces: an outside host, a control plane, a Konnectivity server, and a node with pods.

All stand on one switch; pods stand behind their node's bridge and reach the API server's service address, which the
node translates as kube-proxy does. Nothing leaves the namespaces: none has a route to anywhere else.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PLANE, TUNNEL, NODE, OUTSIDE = "10.240.0.10", "10.240.0.12", "10.240.0.21", "10.240.0.99"
PLANE_6, NODE_6 = "fd00:240::10", "fd00:240::21"
POD, LATE_POD, GATEWAY = "10.244.1.5", "10.244.1.6", "10.244.1.1"
KUBERNETES = "10.96.0.1"
HOSTS = {"plane": (PLANE, PLANE_6), "tunnel": (TUNNEL, None), "node": (NODE, NODE_6), "outside": (OUTSIDE, None)}

INVENTORY = f"""
cluster: live
apiservers: [{{address: {PLANE}, name: cp}}, {{address: "{PLANE_6}", name: cp}}]
nodes: [{{name: node1, addresses: [{NODE}, "{NODE_6}"], pod_cidr: 10.244.1.0/24}}]
pod_cidrs: [10.244.0.0/16]
service_cidrs: [10.96.0.0/16]
kubernetes_service: {KUBERNETES}
konnectivity: {{servers: [{TUNNEL}], ports: {{server: [8131], agent: [8132]}}}}
components: {{kube-apiserver: {{kubelet_certificate_authority: null}}}}
"""

TRANSLATION = f"""
table ip services {{
  chain prerouting {{
    type nat hook prerouting priority dstnat;
    ip daddr {KUBERNETES} tcp dport 443 dnat to {PLANE}:6443
  }}
}}
"""

PATIENCE_S = 15


class Machine:
    """One namespace, and the programs that run in it until the test ends."""

    def __init__(self, name: str, started: contextlib.ExitStack) -> None:
        self.name, self._started = name, started

    def run(self, *words: str | Path, said: str = "", check: bool = True) -> str:
        """The output of a program that comes to its end."""
        done = subprocess.run(
            self._inside(words), input=said, capture_output=True, text=True, check=False, timeout=PATIENCE_S
        )
        assert not check or done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def start(self, *words: str | Path, ready: str, folder: Path) -> subprocess.Popen[str]:
        """A program that goes on; waits until it has said that it is ready."""
        process = subprocess.Popen(
            self._inside(words),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._started.callback(stop, process, signal.SIGKILL)
        assert process.stdout
        while ready not in (line := process.stdout.readline()):
            assert line, f"{words[0]} ended"
        return process

    def _inside(self, words: tuple[str | Path, ...]) -> list[str]:
        return ["ip", "netns", "exec", self.name, *map(str, words)]


def stop(process: subprocess.Popen[str], how: signal.Signals) -> int:
    """End a program and say with what code it ended."""
    if process.poll() is None:
        process.send_signal(how)
    code = process.wait(PATIENCE_S)
    if process.stdout:
        process.stdout.close()
    return code


def hindrance() -> str | None:
    """Why no such cluster can be made here."""
    if os.geteuid() != 0:
        return "not root: network namespaces cannot be made"
    missing = [tool for tool in ("ip", "nft", "tcpdump") if shutil.which(tool) is None]
    return f"not installed: {', '.join(missing)}" if missing else None


class Cluster:
    """The machines by their names; `pod` adds one while everything runs."""

    def __init__(self, started: contextlib.ExitStack) -> None:
        self._started, self._prefix = started, f"obs-{os.getpid()}"
        self.machines: dict[str, Machine] = {}
        self._switch = self._machine("switch")
        self._ip("link", "add", "fabric", "type", "bridge", inside=self._switch)
        self._ip("link", "set", "fabric", "up", inside=self._switch)
        for name, addresses in HOSTS.items():
            self._host(name, [address for address in addresses if address])
        self._become_node()

    def pod(self, name: str, address: str) -> Machine:
        """A namespace behind the node's bridge, joined by an interface that is new to the node."""
        pod = self._machine(name)
        self._join(self.machines["node"], "pods", name, pod)
        self._ip("address", "add", f"{address}/24", "dev", "eth0", inside=pod)
        self._ip("route", "add", "default", "via", GATEWAY, inside=pod)
        return pod

    def _host(self, name: str, addresses: list[str]) -> None:
        host = self._machine(name)
        self._join(self._switch, "fabric", name, host)
        for address in addresses:
            width = ("/64", "nodad") if ":" in address else ("/24",)
            self._ip("address", "add", f"{address}{width[0]}", "dev", "eth0", *width[1:], inside=host)
        self._ip("route", "add", "10.244.1.0/24", "via", NODE, inside=host, check=name != "node")

    def _become_node(self) -> None:
        node = self.machines["node"]
        self._ip("route", "del", "10.244.1.0/24", inside=node, check=False)
        self._ip("link", "add", "pods", "type", "bridge", inside=node)
        self._ip("link", "set", "pods", "up", inside=node)
        self._ip("address", "add", f"{GATEWAY}/24", "dev", "pods", inside=node)
        node.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        node.run("nft", "-f", "-", said=TRANSLATION)

    def _machine(self, name: str) -> Machine:
        machine = Machine(f"{self._prefix}-{name}", self._started)
        subprocess.run(["ip", "netns", "add", machine.name], check=True, capture_output=True)
        self._started.callback(subprocess.run, ["ip", "netns", "del", machine.name], capture_output=True, check=False)
        self._ip("link", "set", "lo", "up", inside=machine)
        self.machines[name] = machine
        return machine

    def _join(self, switch: Machine, bridge: str, port: str, host: Machine) -> None:
        ends = ("peer", "name", "eth0", "netns", host.name)
        self._ip("link", "add", port, "type", "veth", *ends, inside=switch)
        self._ip("link", "set", port, "master", bridge, "up", inside=switch)
        self._ip("link", "set", "eth0", "up", inside=host)

    def _ip(self, *words: str, inside: Machine, check: bool = True) -> None:
        subprocess.run(["ip", "-n", inside.name, *words], check=check, capture_output=True, timeout=PATIENCE_S)


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """Gone at the end, with all that runs in it; skips where it cannot be made."""
    if reason := hindrance():
        pytest.skip(reason)
    with contextlib.ExitStack() as started:
        yield Cluster(started)


def await_bytes(file: Path, mark: bytes) -> None:
    """Wait until a program has written this."""
    deadline = time.monotonic() + PATIENCE_S
    while mark not in file.read_bytes():
        assert time.monotonic() < deadline, f"{file.name} does not come to its end"
        time.sleep(0.02)
