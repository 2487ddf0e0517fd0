"""Places: what the core's table says of an address."""

import ipaddress

import msgspec

from observer.inventory import file
from observer.inventory.places import NO_NODE, Place, PlaceTable, Row, compile_places
from observer.model import Listener, Role

LAB = """
apiservers: [{name: cp1, address: 10.240.0.10, ports: [6443, 443]}]
nodes:
- {name: node1, addresses: [10.240.0.21], pod_cidr: 10.244.1.0/24}
- {name: node2, addresses: [10.240.0.22], pod_cidr: 10.244.2.0/24}
pod_cidrs: [10.244.0.0/16]
service_cidrs: [10.96.0.0/16]
kubernetes_service: 10.96.0.1
pods: [{namespace: default, name: web, address: 10.244.1.5, node: node1, service_account: sa}]
konnectivity: {servers: [10.240.0.10]}
etcd: [{address: 10.240.0.10}]
"""
NODES_ONLY = "nodes: [{name: node1, addresses: [10.240.0.21], pod_cidr: 10.244.1.0/24}]\n"


def look_up(table: PlaceTable, address: str) -> tuple[Row, Place]:
    """Longest prefix match, as the core does it."""
    host = ipaddress.ip_address(address)
    networks = [(ipaddress.ip_network(row.cidr), row) for row in table.rows]
    _, row = max(((n.prefixlen, r) for n, r in networks if host in n), key=lambda found: found[0])
    return row, table.places[row.place]


def lab(captured_on: str | None = None) -> PlaceTable:
    return compile_places(file.parse(LAB), captured_on)


def test_a_host_holds_all_its_roles_and_the_port_tells_which() -> None:
    _, place = look_up(lab(), "10.240.0.10")

    assert place.roles == {Role.APISERVER, Role.ETCD, Role.KONNECTIVITY_SERVER}
    assert place.listener(6443) is Listener.APISERVER
    assert place.listener(2379) is Listener.ETCD_CLIENT
    assert place.listener(8132) is Listener.KONNECTIVITY_AGENT
    assert place.listener(9999) is Listener.UNKNOWN


def test_all_nodes_share_one_place() -> None:
    nodes = ", ".join(f"{{addresses: [10.1.{i // 250}.{i % 250 + 1}]}}" for i in range(5000))
    table = compile_places(file.parse(f"nodes: [{nodes}]"))

    assert [place.roles for place in table.places] == [{Role.EXTERNAL}, {Role.NODE}, {Role.POD}]
    assert len({row.node for row in table.rows}) == 5001


def test_the_first_addresses_of_a_pod_range_belong_to_the_node() -> None:
    gateway, place = look_up(lab(), "10.244.1.1")
    node, _ = look_up(lab(), "10.240.0.21")

    assert place.roles == {Role.NODE}
    assert gateway.node == node.node


def test_a_pod_is_on_the_node_whose_range_it_is_from() -> None:
    pod, place = look_up(lab(), "10.244.2.9")
    node, _ = look_up(lab(), "10.240.0.22")

    assert place.roles == {Role.POD}
    assert pod.node == node.node
    assert look_up(lab(), "10.244.9.9")[0].node == NO_NODE


def test_a_named_pod_brings_its_names() -> None:
    row, _ = look_up(lab(), "10.244.1.5")

    assert row.name == (
        b'"name":"web","kubernetes":{"namespace":"default","pod":{"name":"web"},'
        b'"node":{"name":"node1"},"service_account":"sa"}'
    )


def test_a_pod_brings_the_workload_that_made_it_and_its_uid() -> None:
    workload = file.Workload(kind="Deployment", name="web")
    pod = file.Pod(
        namespace="default",
        name="web-1",
        address=file.Address("10.244.1.6"),
        node="node2",
        uid="u-1",
        workload=workload,
    )
    table = compile_places(msgspec.structs.replace(file.parse(LAB), pods=(pod,)))
    row, _ = look_up(table, "10.244.1.6")

    assert row.node == look_up(table, "10.240.0.22")[0].node
    assert row.name == (
        b'"name":"web-1","kubernetes":{"namespace":"default","pod":{"name":"web-1","uid":"u-1"},'
        b'"node":{"name":"node2"},"workload":{"kind":"Deployment","name":"web"}}'
    )


def test_a_pod_on_the_host_network_does_not_take_its_nodes_name() -> None:
    pod = "pods: [{namespace: kube-system, name: kube-proxy, address: 10.240.0.21, host_network: true}]\n"

    assert compile_places(file.parse(NODES_ONLY + pod)) == compile_places(file.parse(NODES_ONLY))


def test_a_pod_on_the_host_network_of_an_unknown_node_names_no_address() -> None:
    pod = "pods: [{namespace: kube-system, name: kube-proxy, address: 10.240.0.99, host_network: true}]\n"

    assert compile_places(file.parse(NODES_ONLY + pod)) == compile_places(file.parse(NODES_ONLY))


def test_the_kubernetes_service_is_an_api_server_and_other_services_are_not() -> None:
    _, kubernetes = look_up(lab(), "10.96.0.1")
    _, other = look_up(lab(), "10.96.0.2")

    assert kubernetes.listener(443) is Listener.APISERVER
    assert other.roles == {Role.SERVICE}


def test_loopback_is_the_host_the_capture_was_taken_on() -> None:
    _, place = look_up(lab("10.240.0.21"), "127.0.0.1")

    assert place.listener(10250) is Listener.KUBELET
    assert look_up(lab(), "127.0.0.1")[0].place == 0


def test_an_address_outside_a_given_inventory_is_external_and_outside_an_inferred_one_unknown() -> None:
    inferred = compile_places(file.parse(LAB + "inferred: true"))

    assert lab().places[0].roles == {Role.EXTERNAL}
    assert inferred.places[0].roles == {Role.UNKNOWN}


def test_without_an_inventory_nothing_is_known() -> None:
    table = compile_places(file.Inventory())

    assert [row.place for row in table.rows] == [0, 0]
    assert table.places[0].roles == {Role.UNKNOWN}


def test_etcd_is_expected_beside_the_api_server_only_where_nothing_else_was_said() -> None:
    stacked = compile_places(file.parse("apiservers: [{address: 10.0.0.1}]"))
    apart = compile_places(file.parse("apiservers: [{address: 10.0.0.1}]\netcd: [{address: 10.0.0.2}]"))

    assert look_up(stacked, "10.0.0.1")[1].listener(2379) is Listener.ETCD_CLIENT
    assert look_up(apart, "10.0.0.1")[1].listener(2379) is Listener.UNKNOWN
