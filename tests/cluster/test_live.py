"""A node's agent with the rights of the chart, in a namespace with an API server: flows bear the cluster's names."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from .apiserver import NODES, PODS, SERVICES, SLICES
from .objects import endpoint_slice, node, pod, service

ROOT = Path(__file__).parents[2]
OBSERVER = Path(sys.executable).parent / "observer"
PATIENCE_S = 30
POD, NODE = "10.244.1.5", "10.0.0.1"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("live"),
    pytest.mark.skipif(os.geteuid() != 0, reason="not root: namespaces cannot be made"),
    pytest.mark.skipif(not shutil.which("ip") or not shutil.which("setpriv"), reason="not installed: ip, setpriv"),
]

# What is written to it becomes objects; it tells its port first.
API = """
import json, sys
from cluster.apiserver import Api, serving
api = Api()
with serving(api) as server:
    print(server.port, flush=True)
    for line in sys.stdin:
        told = json.loads(line)
        if "object" in told:
            api.put(told["path"], told["object"])
        else:
            api.delete(told["path"], *told["name"])
"""
READ_ONLY_PORT = """
import socket
with socket.create_server(("10.0.0.1", 10255)) as server:
    print("up", flush=True)
    while True:
        client, _ = server.accept()
        with client:
            client.recv(1000)
            client.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
"""
VISIT = """
import socket
with socket.create_connection(("10.0.0.1", 10255), source_address=("10.244.1.5", 0), timeout=5) as client:
    client.sendall(b"GET /pods HTTP/1.1\\r\\nHost: node1\\r\\n\\r\\n")
    client.recv(100)
"""


class Stage:
    """A namespace with the addresses of a node and of its pod, an API server, and the agent."""

    def __init__(self, name: str, folder: Path, stack: ExitStack) -> None:
        self.name, self.out, self._stack = name, folder / "events.ndjson", stack
        self._api = self.start(sys.executable, "-c", API, stdin=subprocess.PIPE)
        self._port = int(_line(self._api))
        _line(self.start(sys.executable, "-c", READ_ONLY_PORT))
        self._config = folder / "kubeconfig"
        cluster = {"server": f"http://127.0.0.1:{self._port}"}
        document = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "lab", "user": "u"}}],
            "clusters": [{"name": "lab", "cluster": cluster}],
            "users": [{"name": "u", "user": {}}],
        }
        self._config.write_text(yaml.safe_dump(document))

    def start(self, *command: str | Path, **options: Any) -> "subprocess.Popen[bytes]":
        inside = ["ip", "netns", "exec", self.name, *map(str, command)]
        process = subprocess.Popen(inside, cwd=ROOT / "tests", stdout=subprocess.PIPE, **options)
        self._stack.callback(process.communicate)
        self._stack.callback(process.terminate)
        return process

    def agent(self, capabilities: list[str]) -> "subprocess.Popen[bytes]":
        """The agent, once it captures, with these rights alone."""
        held = "".join(f",+{name.lower()}" for name in capabilities)
        command = ["setpriv", f"--bounding-set=-all{held}", f"--inh-caps=-all{held}", str(OBSERVER), "agent"]
        command += ["--kubernetes", "--kubeconfig", str(self._config), "--node", "node1", "--output", str(self.out)]
        process = self.start(*command, stderr=subprocess.PIPE)
        assert process.stderr
        said = process.stderr.readline()
        assert b"capturing with ebpf" in said, said
        return process

    def tell(self, path: str, **told: Any) -> None:
        assert self._api.stdin
        self._api.stdin.write(json.dumps({"path": path, **told}).encode() + b"\n")
        self._api.stdin.flush()

    def visits(self) -> list[dict[str, Any]]:
        """A visit of the pod at the node's read-only port, and the events of all so far that have ended."""
        seen = len(self.events())
        done = self.start(sys.executable, "-c", VISIT)
        assert done.wait(PATIENCE_S) == 0
        _until(lambda: len(self.events()) > seen)
        return self.events()

    def events(self) -> list[dict[str, Any]]:
        lines = self.out.read_bytes().splitlines() if self.out.exists() else []
        every = [json.loads(line) for line in lines]
        return [event for event in every if event["kind"] == "flow" and event["final"]]


def _line(process: "subprocess.Popen[bytes]") -> bytes:
    assert process.stdout
    return process.stdout.readline()


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.1)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    name = f"obs-cluster-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no network namespaces: {made.stderr.strip()}")
    try:
        for command in (
            ("link", "set", "lo", "up"),
            *(("address", "add", f"{a}/32", "dev", "lo") for a in (POD, NODE)),
        ):
            subprocess.run(["ip", "-n", name, *command], check=True)
        with ExitStack() as stack:
            yield Stage(name, tmp_path, stack)
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)


@pytest.fixture
def capabilities() -> list[str]:
    """What the chart gives an agent."""
    manifests = yaml.safe_load_all((ROOT / "deploy" / "manifests" / "observer.yaml").read_text())
    (agent,) = [one for one in manifests if one and one["kind"] == "DaemonSet"]
    rights: list[str] = agent["spec"]["template"]["spec"]["containers"][0]["securityContext"]["capabilities"]["add"]
    return rights


def test_flows_bear_the_clusters_names_also_those_of_a_pod_that_has_just_gone(
    stage: Stage, capabilities: list[str]
) -> None:
    stage.tell(NODES, object=node("node1", NODE))
    stage.tell(SERVICES, object=service("kubernetes", "10.96.0.1", ports=(443,)))
    stage.tell(SLICES, object=endpoint_slice("kubernetes", "kubernetes", addresses=("10.0.0.9",), port=6443))
    web: dict[str, Any] = {
        "labels": {"pod-template-hash": "7d4b9c"},
        "owner": ("ReplicaSet", "web-7d4b9c"),
        "account": "web",
    }
    stage.tell(PODS, object=pod("web-7d4b9c-x2x2x", POD, uid="u-web", **web))
    agent = stage.agent(capabilities)

    (named,) = stage.visits()
    stage.tell(PODS, name=["default", "web-7d4b9c-x2x2x"])
    time.sleep(2)
    *_, late = stage.visits()
    stage.tell(PODS, object=pod("heir", POD, uid="u-heir"))
    time.sleep(2)
    *_, new = stage.visits()
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(PATIENCE_S) == 0

    assert named["client"]["kubernetes"] == {
        "namespace": "default",
        "pod": {"name": "web-7d4b9c-x2x2x", "uid": "u-web"},
        "node": {"name": "node1"},
        "service_account": "web",
        "workload": {"kind": "Deployment", "name": "web"},
    }
    assert (named["server"]["role"], named["server"]["name"]) == ("node", "node1")
    assert named["path"]["id"] == "kubelet-readonly"
    assert new["client"]["name"] == "heir"
    assert late["client"]["kubernetes"] == named["client"]["kubernetes"]
