"""The inventory of a cluster over the API's wire format."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from observer.cli.inventory import text
from observer.inventory import file
from observer.inventory.file import Inventory
from observer.inventory.kubernetes.follow import Follower

from .apiserver import NODES, PODS, SERVICES, SLICES, Api, Faults, Server, plain, serving
from .objects import endpoint_slice, node, pod, service

PATIENCE_S = 60


def until(holds: Callable[[], bool]) -> None:
    """Waits for what must come, however slow the machine is."""
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.01)


@pytest.fixture
def api() -> Api:
    """A cluster of two nodes."""
    api = Api()
    web = pod("web-7d4b9c-x2x2x", "10.244.2.7", on="node2", owner=("ReplicaSet", "web-7d4b9c"), account="web")
    api.put(NODES, node("node1", "10.0.0.1", pod_cidrs=("10.244.1.0/24", "fd00:1::/64")))
    api.put(NODES, node("node2", "10.0.0.2", pod_cidrs=("10.244.2.0/24",), port=20250))
    api.put(PODS, pod("own", "10.244.1.5", "fd00:1::5", uid="u-own", id="c0ffee"), web)
    api.put(SERVICES, service("kubernetes", "10.96.0.1", ports=(443,)), service("web", "10.96.7.7"), service("none"))
    api.put(SLICES, endpoint_slice("kubernetes", "kubernetes", addresses=("10.0.0.9",), port=6443))
    api.put(SLICES, endpoint_slice("web-1", "web", web))
    return api


@pytest.fixture
def server(api: Api) -> Iterator[Server]:
    with serving(api) as server:
        yield server


@pytest.fixture
def follow(server: Server) -> Iterator[Callable[..., Follower]]:
    """Begins to follow, and waits for the first inventory's parts."""
    started = list[Follower]()

    def follow(node: str | None = "node1") -> Follower:
        follower = Follower(plain(server), node=node, chance=random.Random(1), longest_pause_s=0.02)
        follower.start()
        started.append(follower)
        until(lambda: all(standing.synced for standing in follower.standings().values()))
        return follower

    yield follow
    for follower in started:
        follower.stop()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("kubernetes-")]


def polled(follower: Follower) -> Inventory:
    """The next inventory that is told."""
    found = list[Inventory]()

    def told() -> bool:
        inventory = follower.poll()
        found.extend([inventory] if inventory else [])
        return bool(found)

    until(told)
    return found[0]


def names(inventory: Inventory) -> set[str]:
    return {pod.name for pod in inventory.pods}


def test_a_node_knows_its_own_pods_whole_and_others_by_the_services_they_serve(follow: Callable[..., Follower]) -> None:
    inventory = follow().memory.inventory("lab")

    own, web, own6 = sorted(inventory.pods, key=lambda pod: pod.address)
    assert (own.uid, own.node, own.service_account) == ("u-own", "node1", "default")
    assert own.containers == (file.Container(name="main", id="c0ffee"),)
    assert own6.address == "fd00:1::5"
    assert web == file.Pod(
        namespace="default", name="web-7d4b9c-x2x2x", address=file.Address("10.244.2.7"), node="node2"
    )


def test_nodes_services_and_api_servers_are_told(follow: Callable[..., Follower]) -> None:
    inventory = follow().memory.inventory("lab")

    assert [(n.name, n.addresses, n.pod_cidr, n.kubelet_port) for n in inventory.nodes] == [
        ("node1", ("10.0.0.1",), "10.244.1.0/24", 10250),
        ("node2", ("10.0.0.2",), "10.244.2.0/24", 20250),
    ]
    assert inventory.pod_cidrs == ("fd00:1::/64",)
    assert [(one.address, one.ports) for one in inventory.apiservers] == [("10.0.0.9", (6443,))]
    assert inventory.kubernetes_service == "10.96.0.1"
    assert [(one.name, one.address) for one in inventory.services] == [
        ("kubernetes", "10.96.0.1"),
        ("web", "10.96.7.7"),
    ]
    assert inventory.captured_on == "10.0.0.1"


def test_without_a_node_every_pod_is_known_with_what_made_it(follow: Callable[..., Follower]) -> None:
    inventory = follow(None).memory.inventory("lab")

    assert {(pod.name, pod.workload) for pod in inventory.pods} == {
        ("own", None),
        ("web-7d4b9c-x2x2x", file.Workload(kind="ReplicaSet", name="web-7d4b9c")),
    }


def test_a_change_is_told_once_it_has_settled(follow: Callable[..., Follower], api: Api) -> None:
    follower = follow()
    first = polled(follower)
    api.put(PODS, pod("late", "10.244.1.6"))
    second = polled(follower)

    assert "late" not in names(first)
    assert "late" in names(second)
    assert follower.poll() is None


def test_a_deleted_pod_is_remembered_and_its_address_belongs_to_who_has_it_now(
    follow: Callable[..., Follower], api: Api
) -> None:
    follower = follow()
    api.delete(PODS, "default", "own")
    api.put(PODS, pod("heir", "10.244.1.5"))
    until(lambda: "heir" in names(follower.memory.inventory()))

    order = [pod.name for pod in follower.memory.inventory().pods if pod.address == "10.244.1.5"]
    assert order == ["own", "heir"]


def test_a_pod_that_has_ended_gives_its_address_back(follow: Callable[..., Follower], api: Api) -> None:
    follower = follow(None)
    api.put(PODS, pod("own", "10.244.1.5", phase="Succeeded"))
    until(lambda: len(follower.memory.departed.values()) == 1)

    assert [known.entries[0].name for known in follower.memory.pods.values()] == ["web-7d4b9c-x2x2x"]


def test_what_happens_while_the_server_is_away_is_known_when_it_is_back(
    follow: Callable[..., Follower], api: Api
) -> None:
    follower = follow()
    api.break_watches()
    api.put(PODS, pod("meanwhile", "10.244.1.7"))
    api.delete(SERVICES, "default", "web")
    until(lambda: any(standing.fault for standing in follower.standings().values()))
    known_while_away = follower.memory.inventory()
    api.compact()
    api.away = False
    until(lambda: "meanwhile" in names(follower.memory.inventory()))
    until(lambda: len(follower.memory.inventory().services) == 1)

    assert "own" in names(known_while_away)
    until(lambda: not any(standing.fault for standing in follower.standings().values()))


def test_flags_of_the_control_planes_pods_are_read_like_those_of_processes(
    follow: Callable[..., Follower], api: Api
) -> None:
    command = [
        "kube-apiserver",
        "--advertise-address=10.0.0.9",
        "--secure-port=6443",
        "--etcd-servers=https://127.0.0.1:2379",
    ]
    command += ["--service-cluster-ip-range=10.96.0.0/16", "--egress-selector-config-file=/etc/egress.yaml"]
    labels = {"component": "kube-apiserver", "tier": "control-plane"}
    server = pod(
        "kube-apiserver-cp1", "10.0.0.9", namespace="kube-system", on="cp1", host="10.0.0.9", labels=labels,
        owner=("Node", "cp1"), container="kube-apiserver", command=command,
    )  # fmt: skip
    api.put(NODES, node("cp1", "10.0.0.9"))
    api.put(PODS, server)
    follower = follow()

    inventory = follower.memory.inventory()
    assert inventory.components.kube_apiserver.kubelet_certificate_authority is None
    assert inventory.service_cidrs == ("10.96.0.0/16",)
    assert [(one.address, one.name, one.ports) for one in inventory.apiservers] == [("10.0.0.9", "cp1", (6443,))]
    assert [(one.address, one.ports) for one in inventory.etcd] == [("10.0.0.9", (2379,))]
    assert [(one.what, one.host) for one in inventory.could_not_read] == [("/etc/egress.yaml", "cp1")]
    assert next(pod for pod in inventory.pods if pod.name == "kube-apiserver-cp1").host_network


def test_a_tenants_api_server_is_not_taken_for_the_clusters(follow: Callable[..., Follower], api: Api) -> None:
    command = ["kube-apiserver", "--kubelet-certificate-authority=/ca.crt", "--advertise-address=10.244.1.8"]
    api.put(
        PODS,
        pod(
            "vcluster-0",
            "10.244.1.8",
            namespace="tenant",
            owner=("Node", "node1"),
            labels={"component": "kube-apiserver"},
            command=command,
        ),
    )
    inventory = follow().memory.inventory()

    assert "vcluster-0" in names(inventory)
    assert [one.address for one in inventory.apiservers] == ["10.0.0.9"]
    assert not inventory.sources


def test_konnectivity_is_found_by_its_pods(follow: Callable[..., Follower], api: Api) -> None:
    args = [
        "--server-port=0",
        "--uds-name=/run/server.sock",
        "--agent-port=9132",
        "--admin-port=9133",
        "--health-port=9134",
    ]
    server = pod(
        "konnectivity-server-cp1", "10.0.0.9", namespace="kube-system", on="cp1", host="10.0.0.9",
        labels={"k8s-app": "konnectivity-server"}, owner=("Node", "cp1"), command=["/proxy-server"], args=args,
    )  # fmt: skip
    api.put(NODES, node("cp1", "10.0.0.9"))
    api.put(PODS, server)
    inventory = follow().memory.inventory()

    assert inventory.konnectivity == file.Konnectivity(
        servers=(file.Address("10.0.0.9"),),
        ports=file.KonnectivityPorts(server=(), agent=(9132,), admin=(9133,), health=(9134,)),
    )
    assert inventory.components.konnectivity_server.uds_name == "/run/server.sock"


def test_what_is_exported_is_read_again_as_it_was(follow: Callable[..., Follower], tmp_path: Path) -> None:
    inventory = follow(None).memory.inventory("lab")
    path = tmp_path / "cluster.yaml"
    path.write_text(text(inventory, ""))

    assert file.load(path) == inventory


def test_a_refusal_is_said_with_the_servers_own_words(server: Server, api: Api) -> None:
    api.token = "right"  # noqa: S105 - of this test alone
    follower = Follower(plain(server), node="node1", longest_pause_s=0.02)
    follower.start()
    until(lambda: all(standing.fault for standing in follower.standings().values()))
    follower.stop()

    assert follower.standings()["nodes"].fault == "nodes: HTTP 401: Unauthorized"
    assert follower.poll() is None


CHANGES = 10_000
FAULTS = {
    "error": 0.05, "busy": 0.05, "list_cut": 0.05, "page_gone": 0.1, "gone_as_status": 0.5, "watch_end": 0.02,
    "watch_cut": 0.01, "watch_split": 0.1,
}  # fmt: skip


@pytest.mark.slow
def test_no_update_is_missed_over_ten_thousand_changes_with_faults() -> None:
    seed = random.randrange(1 << 32)
    faults, chance = Faults(seed, **FAULTS), random.Random(seed)
    api = Api(faults)
    with serving(api) as server:
        follower = Follower(plain(server), node=None, chance=random.Random(seed), longest_pause_s=0.02)
        follower.start()
        for number in range(CHANGES):
            change(api, chance, number)
            if chance.random() < 0.005:
                api.compact()
            if number % 100 == 99:
                until(lambda: told(follower) == truth(api))
        standings = follower.standings()
        follower.stop()

    assert all(faults.happened[fault] for fault in FAULTS), (seed, faults.happened, standings)
    assert sum(standing.events for standing in standings.values()) > CHANGES // 10
    assert sum(standing.unread for standing in standings.values()) == 0


def change(api: Api, chance: random.Random, number: int) -> None:
    """One object comes, changes or goes."""
    index = chance.randrange(900)
    path, name = chance.choice([(NODES, "n"), (PODS, "p"), (PODS, "p"), (PODS, "p"), (SERVICES, "s")]), f"x{index}"
    where, namespace = path[0], "" if path[0] == NODES else "default"
    if (namespace, name) in api.objects[where] and chance.random() < 0.3:
        api.delete(where, namespace, name)
        return
    address = f"10.{100 + number % 100}.{index // 250}.{index % 250}"
    made = {NODES: node(name, address), PODS: pod(name, address), SERVICES: service(name, address)}
    api.put(where, made[where])


def told(follower: Follower) -> dict[str, set[tuple[str, str]]]:
    memory = follower.memory
    return {
        NODES: {(known.entry.name or "", known.entry.addresses[0]) for known in memory.nodes.values()},
        PODS: {(entry.name, entry.address) for known in memory.pods.values() for entry in known.entries},
        SERVICES: {(entry.name, entry.address) for entries in memory.services.values() for entry in entries},
    }


def truth(api: Api) -> dict[str, set[tuple[str, str]]]:
    with api.changed:
        return {
            NODES: {
                (n["metadata"]["name"], n["status"]["addresses"][0]["address"]) for n in api.objects[NODES].values()
            },
            PODS: {(p["metadata"]["name"], p["status"]["podIP"]) for p in api.objects[PODS].values()},
            SERVICES: {(s["metadata"]["name"], s["spec"]["clusterIP"]) for s in api.objects[SERVICES].values()},
        }
