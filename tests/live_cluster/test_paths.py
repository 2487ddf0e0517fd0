"""Agents on a control plane and on a node name every documented path, and say what `analyze` says of a capture."""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from observer import pipeline

from .conversations import SAID, SSHD, TUNNEL_SAID, certificates, play, serve
from .machines import INVENTORY, PLANE, POD, Cluster, await_bytes, cluster, stop

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("live-cluster")]

OBSERVER = Path(sys.executable).parent / "observer"
WATCHED = ("plane", "node")
SAME = ("protocol", "tls", "ssh", "http", "path", "verdict", "findings")
END = b"end-of-capture"

Event = dict[str, Any]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Event]]:
    """The flow events of each machine's agent, and as `analyze plane` those of a capture of all its interfaces."""
    folder = tmp_path_factory.mktemp("live-cluster")
    with cluster() as made:
        made.pod("pod", POD)
        certificates(folder)
        (folder / "inventory.yaml").write_text(INVENTORY)
        serve(made, folder)
        with _watching(made, folder):
            play(made, folder)
    return {
        **{name: _flows(folder / f"{name}.ndjson") for name in WATCHED},
        **{f"analyze {name}": _analyzed(folder, name) for name in WATCHED},
    }


@contextmanager
def _watching(made: Cluster, folder: Path) -> Iterator[None]:
    """An agent and tcpdump on every interface of the machines; both have heard all at the end."""
    started = [_watch(made, name, folder) for name in WATCHED]
    yield
    for name in WATCHED:
        made.machines[name].run("bash", "-c", f"echo {END.decode()} > /dev/udp/127.0.0.1/9")
        await_bytes(folder / f"{name}.pcap", END)
    time.sleep(0.5)
    assert [stop(process, signal.SIGTERM) for pair in started for process in pair] == [0] * 2 * len(started)


def _watch(made: Cluster, name: str, folder: Path) -> tuple["subprocess.Popen[str]", ...]:
    agent: tuple[str | Path, ...] = (
        OBSERVER,
        "agent",
        "--inventory",
        "inventory.yaml",
        "--ca",
        "cluster=cluster-ca.crt",
        *_host(name),
    )
    dump = ("tcpdump", "-i", "any", "-U", "--immediate-mode", "-B", "16384", "-Z", "root", "-w", f"{name}.pcap")
    machine = made.machines[name]
    return (
        machine.start(*agent, "--output", f"{name}.ndjson", ready="capturing with", folder=folder),
        machine.start(*dump, ready="listening on", folder=folder),
    )


def _host(name: str) -> tuple[str, ...]:
    return ("--captured-on", PLANE) if name == "plane" else ()


def _flows(file: Path) -> list[Event]:
    events = map(json.loads, file.read_bytes().splitlines())
    return [event for event in events if event["kind"] == "flow" and event["final"]]


def _analyzed(folder: Path, name: str) -> list[Event]:
    out = folder / f"{name}.analyzed"
    with out.open("wb") as file:
        pipeline.analyze(
            [str(folder / f"{name}.pcap")],
            inventory=str(folder / "inventory.yaml"),
            ca=[f"cluster={folder / 'cluster-ca.crt'}"],
            captured_on=PLANE if name == "plane" else None,
            flows_out=file,
        )
    return _flows(out)


def _ends(flow: Event) -> tuple[Any, ...]:
    return tuple(flow[side][part] for side in ("client", "server") for part in ("address", "port"))


@pytest.mark.parametrize("machine", WATCHED)
def test_every_path_is_named_with_its_true_state(told: dict[str, list[Event]], machine: str) -> None:
    expected = Counter((said.path, said.state, *said.server) for said in SAID if machine in said.seen)
    found = Counter(
        (flow["path"]["id"], flow["verdict"]["state"], flow["server"]["address"], flow["server"]["port"])
        for flow in told[machine]
    )
    assert expected - found == Counter()


@pytest.mark.parametrize("machine", WATCHED)
def test_nothing_else_is_said(told: dict[str, list[Event]], machine: str) -> None:
    servers = {said.server for said in (*SAID, TUNNEL_SAID)} | {(PLANE, 6443)}
    assert {(flow["server"]["address"], flow["server"]["port"]) for flow in told[machine]} <= servers
    assert len({_ends(flow) for flow in told[machine]}) == len(told[machine])


@pytest.mark.parametrize("machine", WATCHED)
def test_an_agent_on_every_interface_says_what_a_capture_of_them_says(
    told: dict[str, list[Event]], machine: str
) -> None:
    expected = {_ends(flow): flow for flow in told[f"analyze {machine}"]}
    found = {_ends(flow): flow for flow in told[machine]}
    assert found.keys() == expected.keys()
    for ends, flow in expected.items():
        assert {name: found[ends][name] for name in SAME} == {name: flow[name] for name in SAME}, ends
        assert _counts(found[ends]) == _counts(flow), ends


def _counts(flow: Event) -> dict[str, Any]:
    """Without the times, which tcpdump rounds to microseconds."""
    return {name: value for name, value in flow["flow"].items() if name not in {"start", "end"}}


@pytest.mark.skipif(not SSHD.exists(), reason="not installed: sshd")
@pytest.mark.parametrize("machine", WATCHED)
def test_a_tunnel_of_openssh_is_named(told: dict[str, list[Event]], machine: str) -> None:
    (flow,) = [flow for flow in told[machine] if flow["protocol"] == "ssh"]
    assert (flow["path"]["id"], flow["verdict"]["state"]) == (TUNNEL_SAID.path, TUNNEL_SAID.state)
    assert flow["ssh"]["client_version"].startswith("SSH-2.0-OpenSSH")
    assert {finding["id"] for finding in flow["findings"]} == {"ssh-tunnel-in-use", "konnectivity-bypass"}
