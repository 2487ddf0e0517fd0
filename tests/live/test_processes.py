"""Which process and pod an end of a connection belongs to, with real processes in real control groups."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from groups import CONTAINER, POD, Hierarchy, hierarchies
from network import Machine, hindrance
from observing import Event, observing

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("live")]

TALK = Path(__file__).parent / "talk.py"
NODE = "10.99.0.2"
APISERVER = "10.99.0.3"
PORT = 6443
INVENTORY = f"""
apiservers: [{{address: {APISERVER}, name: cp}}]
nodes: [{{name: node, addresses: [{NODE}]}}]
pods:
- {{namespace: kube-system, name: proxy-x, address: {NODE}, node: node, uid: {POD}, host_network: true}}
"""


@pytest.fixture
def machine() -> Iterator[Machine]:
    """A namespace in which a node and an API server sit on one loopback interface."""
    if reason := hindrance():
        pytest.skip(reason)
    machine = Machine(f"obs-own-{os.getpid()}")
    subprocess.run(["ip", "netns", "add", machine.name], check=True)
    try:
        machine.run("ip", "link", "set", "lo", "up")
        for address in (NODE, APISERVER):
            machine.run("ip", "address", "add", f"{address}/32", "dev", "lo")
        yield machine
    finally:
        subprocess.run(["ip", "netns", "del", machine.name], check=True)


@contextmanager
def talking(machine: Machine, role: str, *groups: Path) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """One end of a conversation: its process number and the process that was started."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "start_new_session": True}
    # Not by `ip netns exec`, which hides the control groups behind a new /sys.
    inside = ("nsenter", f"--net=/run/netns/{machine.name}")
    command: list[str | Path] = [*inside, sys.executable, TALK, role, APISERVER, str(PORT), NODE, *groups]
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline()), process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def ends(flow: Event) -> tuple[Any, Any]:
    """Process numbers of client and server, where they are told."""
    return tuple(flow[side]["process"] and flow[side]["process"]["pid"] for side in ("client", "server"))


def test_both_ends_of_a_connection_are_told_by_who_called_and_who_answers(machine: Machine) -> None:
    with (
        talking(machine, "serve") as (server, _),
        observing(machine) as heard,
        talking(machine, "call") as (client, process),
    ):
        process.wait(5)

    assert [ends(flow) for flow in heard.flows()] == [(client, server)]
    assert ends(heard.flows(final=False)[0]) == (client, server)
    assert heard.flows()[0]["client"]["process"]["executable"] == Path(sys.executable).resolve().name
    assert heard.summary()["processes_hindrance"] is None


def test_a_server_is_the_child_that_answers_not_the_parent_that_listens(machine: Machine) -> None:
    with (
        talking(machine, "fork") as (child, parent),
        observing(machine) as heard,
        talking(machine, "call") as (client, process),
    ):
        process.wait(5)

    assert child != parent.pid
    assert ends(heard.flows()[0]) == (client, child)


def test_a_connection_that_was_open_before_is_told_by_who_holds_it(machine: Machine) -> None:
    with (
        talking(machine, "serve") as (server, _),
        talking(machine, "wait") as (client, process),
        observing(machine) as heard,
    ):
        process.communicate(b"\n", timeout=5)

    assert [(flow["flow"]["midstream"], ends(flow)) for flow in heard.flows()] == [(True, (client, server))]


def test_of_two_processes_that_hold_a_connection_neither_is_told(machine: Machine) -> None:
    with (
        talking(machine, "serve") as (server, _),
        talking(machine, "share") as (_, process),
        observing(machine) as heard,
    ):
        process.communicate(b"\n", timeout=5)

    assert ends(heard.flows()[0]) == (None, server)


@pytest.mark.parametrize("version", [1, 2])
def test_a_pod_on_its_nodes_address_is_told_from_the_node_by_its_control_group(
    machine: Machine, version: int, tmp_path: Path
) -> None:
    found = hierarchies()
    if version not in found:
        pytest.skip(f"no hierarchy of control groups of version {version} is mounted")
    (tmp_path / "inventory.yaml").write_text(INVENTORY, encoding="utf-8")
    with (
        found[version].container() as group,
        talking(machine, "serve"),
        observing(machine, "--inventory", tmp_path / "inventory.yaml") as heard,
    ):
        for groups in ([*_roots(found), group], _roots(found)):
            with talking(machine, "call", *groups) as (_, process):
                process.wait(5)

    pod, node = heard.flows()
    assert (pod["client"]["role"], pod["client"]["name"], pod["path"]["id"]) == ("pod", "proxy-x", "pod-to-apiserver")
    assert pod["client"]["kubernetes"]["pod"]["uid"] == POD
    process = pod["client"]["process"]
    assert (process["container_id"], process["pod_uid"]) == (CONTAINER, POD)
    assert (node["client"]["role"], node["client"]["name"], node["path"]["id"]) == ("node", "node", "node-to-apiserver")
    assert node["client"]["process"]["pod_uid"] is None


def _roots(found: dict[int, Hierarchy]) -> list[Path]:
    return [hierarchy.root() for hierarchy in found.values()]
