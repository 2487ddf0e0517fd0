"""A running agent on the loopback interface: its answers, reloads, restarts and sheds, with real packets."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

OBSERVER = Path(sys.executable).parent / "observer"
PATIENCE_S = 15

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("live"),
    pytest.mark.skipif(os.geteuid() != 0, reason="not root: packets cannot be captured"),
]

INVENTORY = "cluster: {name}\nnodes: [{{name: here, addresses: [127.0.0.1], kubelet_port: {port}}}]\n"


class Running:
    """An agent that runs, and a server port that it watches."""

    def __init__(self, folder: Path, port: int, process: "subprocess.Popen[bytes]", told: list[dict[str, Any]]) -> None:
        self.folder, self.port, self.process, self.told = folder, port, process, told
        self.address = next(f"127.0.0.1:{line['port']}" for line in told if line["message"] == "listening")

    def ask(self, path: str) -> str:
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=5) as answer:
            return str(answer.read().decode())

    def metric(self, name: str, **labels: str) -> float:
        families = text_string_to_metric_families(self.ask("/metrics"))
        samples = [one for family in families for one in family.samples if one.name == name]
        return sum(one.value for one in samples if labels.items() <= one.labels.items())

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "events").read_bytes().splitlines()]


@contextmanager
def running(folder: Path, port: int, *options: str) -> Iterator[Running]:
    (folder / "inventory.yaml").write_text(INVENTORY.format(name="first", port=port))
    command: list[str | Path] = [
        OBSERVER,
        "agent",
        "--interface",
        "lo",
        "--inventory",
        "inventory.yaml",
        "--output",
        "events",
    ]
    options = ("--listen", "127.0.0.1:0", "--reload-every", "0.1", "--summary-every", "1", *options)
    with subprocess.Popen([*command, *options], cwd=folder, stderr=subprocess.PIPE) as process:
        try:
            assert process.stderr
            told = [json.loads(process.stderr.readline()) for _ in range(2)]
            yield Running(folder, port, process, told)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_S)


@contextmanager
def kubelet() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def speak(server: socket.socket) -> None:
    """One request in the clear and its answer."""
    with socket.create_connection(server.getsockname()) as client:
        peer, _ = server.accept()
        with peer:
            client.sendall(b"GET /pods HTTP/1.1\r\nHost: n\r\n\r\n")
            peer.recv(100)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            client.recv(100)


def eventually(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


def kinds(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["kind"] == kind]


def test_a_broken_inventory_is_told_everywhere_and_a_mended_one_comes_in_force(tmp_path: Path) -> None:
    with kubelet() as server, running(tmp_path, server.getsockname()[1]) as agent:
        assert json.loads(agent.ask("/healthz"))["status"] == "ok"
        (tmp_path / "inventory.yaml").write_text("cluster: broken\nnodes: [{nmae: here}]\n")
        eventually(lambda: agent.metric("observer_reloads_total", result="failure") == 1)
        assert "inventory.yaml:2:10" in json.loads(agent.ask("/readyz"))["parts"]["files"]
        assert agent.metric("observer_config_in_force") == 0
        speak(server)

        (tmp_path / "inventory.yaml").write_text(INVENTORY.format(name="second", port=agent.port))
        agent.process.send_signal(signal.SIGHUP)
        eventually(lambda: agent.metric("observer_config_in_force") == 1)
        speak(server)
    flows = [event for event in kinds(agent.events(), "flow") if event["final"]]
    assert len(flows) == 2
    assert {flow["path"]["id"] for flow in flows} != {"unattributed"}
    assert {event["observer"]["cluster"] for event in agent.events()} >= {"first", "second"}


def test_metrics_are_readable_and_count_the_flows(tmp_path: Path) -> None:
    with kubelet() as server, running(tmp_path, server.getsockname()[1]) as agent:
        for _ in range(3):
            speak(server)
        eventually(lambda: agent.metric("observer_flows_total", verdict="plaintext") == 3)
        families = list(text_string_to_metric_families(agent.ask("/metrics")))
        assert all(family.name.startswith(("observer_", "process_")) for family in families)
        labels = {name for family in families for sample in family.samples for name in sample.labels}
        assert not labels & {"address", "client", "server", "port", "server_name"}
        assert agent.metric("observer_lost_total") == 0
        assert agent.metric("process_resident_memory_bytes") < 70e6


def test_over_the_budget_flow_events_are_shed_and_counted_and_findings_are_not(tmp_path: Path) -> None:
    with kubelet() as server, running(tmp_path, server.getsockname()[1], "--memory-budget", "1") as agent:
        eventually(lambda: agent.metric("observer_shedding") == 1)
        speak(server)
        eventually(lambda: agent.metric("observer_lost_total", stage="shed") >= 1)
    events = agent.events()
    assert not kinds(events, "flow")
    assert kinds(events, "finding")
    shed = sum(event["lost"].get("shed", 0) for event in kinds(events, "loss"))
    assert shed == kinds(events, "summary")[-1]["counters"]["flow_events_shed"]


def test_after_kill_9_the_next_agent_goes_on_in_the_same_file(tmp_path: Path) -> None:
    with kubelet() as server:
        port = server.getsockname()[1]
        with running(tmp_path, port) as agent:
            speak(server)
            eventually(lambda: bool(kinds(agent.events(), "finding")))
            agent.process.kill()
        with (tmp_path / "events").open("ab") as torn:
            torn.write(b'{"schema":"observer/1","kind":"fl')
        with running(tmp_path, port) as agent:
            speak(server)
    flows = [event for event in kinds(agent.events(), "flow") if event["final"]]
    assert len({flow["id"] for flow in flows}) == len(flows) >= 1
    assert kinds(agent.events(), "summary")[-1]["final"]
