"""The inventory file of the command line."""

from pathlib import Path

import msgspec
import pytest

from observer.errors import ConfigurationError
from observer.inventory import file
from observer.model import AnchorRole

EVERYTHING = """
cluster: lab
apiservers:   [{address: 10.240.0.10, ports: [443, 6443]}]
nodes:        [{name: node1, addresses: [10.240.0.21], pod_cidr: 10.244.1.0/24}]
pod_cidrs:    [10.244.0.0/16]
service_cidrs: [10.96.0.0/16]
kubernetes_service: 10.96.0.1
pods:         [{namespace: default, name: web, address: 10.244.1.5, node: node1, service_account: web}]
services:     [{namespace: default, name: web, address: 10.96.7.7, ports: [80]}]
konnectivity: {servers: [10.240.0.12], ports: {server: [8131], agent: [8132], admin: [8133], health: [8134]}}
etcd:         [{address: 10.240.0.10, ports: [2379, 2380]}]
components:   {kube-apiserver: {kubelet_certificate_authority: null}}
captured_on:  10.240.0.10
ca:           [{file: pki/ca.crt}, {file: pki/etcd/ca.crt, role: etcd}]
"""


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        file.parse(text, "i.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_anchors_are_found_from_where_the_inventory_is(tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(EVERYTHING)

    assert [(one.file, one.role) for one in file.load(path).ca] == [
        (str(tmp_path / "pki/ca.crt"), None),
        (str(tmp_path / "pki/etcd/ca.crt"), AnchorRole.ETCD),
    ]


def test_every_documented_field_is_read() -> None:
    inventory = file.parse(EVERYTHING)

    assert inventory.apiservers[0].ports == (443, 6443)
    assert inventory.nodes[0].pod_cidr == "10.244.1.0/24"
    assert inventory.konnectivity is not None
    assert inventory.konnectivity.ports.agent == (8132,)
    assert inventory.captured_on == "10.240.0.10"


def test_what_only_the_cluster_knows_of_a_pod_may_be_said_too() -> None:
    pod = file.parse("""
pods:
- {namespace: d, name: web-1, address: 10.1.0.1, uid: 6f1c, host_network: true,
   workload: {kind: Deployment, name: web}, containers: [{name: web, id: 0a1b}]}
""").pods[0]

    assert (pod.uid, pod.host_network, pod.workload) == ("6f1c", True, file.Workload(kind="Deployment", name="web"))
    assert pod.containers == (file.Container(name="web", id="0a1b"),)


def test_a_flag_known_to_be_unset_differs_from_one_not_known() -> None:
    known = file.parse(EVERYTHING).components.kube_apiserver.kubelet_certificate_authority
    unknown = file.parse("cluster: lab").components.kube_apiserver.kubelet_certificate_authority

    assert known is None
    assert unknown is msgspec.UNSET


def test_addresses_are_put_in_canonical_form() -> None:
    assert file.parse("nodes: [{addresses: ['fd00:0:0::1']}]").nodes[0].addresses == ("fd00::1",)


def test_all_mistakes_are_told_at_once() -> None:
    text = "apiservers: [{adress: 1.2.3.4}]\nnodes:\n- addresses: [10.0.0.300]\nkubernetes_servic: x\n"

    assert problems(text) == [
        "i.yaml:1:14: apiservers[0]: lacks `address`",
        "i.yaml:1:15: apiservers[0].adress: no such field; did you mean `address`?",
        "i.yaml:3:15: nodes[0].addresses[0]: '10.0.0.300' does not appear to be an IPv4 or IPv6 address",
        "i.yaml:4:1: kubernetes_servic: no such field; did you mean `kubernetes_service`?",
    ]


def test_two_nodes_with_one_address_are_refused() -> None:
    text = "nodes:\n- {addresses: [10.0.0.1]}\n- {addresses: [10.0.0.1]}\n"

    assert problems(text) == ["i.yaml:3:16: nodes[1].addresses[0]: 10.0.0.1 is already an address of nodes[0]"]


def test_a_pod_on_a_node_that_is_not_there_is_refused() -> None:
    text = "nodes: [{name: a, addresses: [10.0.0.1]}]\npods: [{namespace: d, name: p, address: 10.1.0.1, node: b}]\n"

    assert problems(text) == ["i.yaml:2:57: pods[0].node: no node is called b"]
