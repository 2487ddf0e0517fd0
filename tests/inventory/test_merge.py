"""Inventories of several hosts as one: side by side where they tell of different things, silent where they differ."""

import pytest
from msgspec import UNSET

from observer.inventory.file import parse
from observer.inventory.merge import merge

CP1 = """
apiservers: [{address: 10.0.0.1, name: cp-1, ports: [6443]}]
nodes: [{addresses: [10.0.0.1], name: cp-1}]
etcd: [{address: 10.0.0.1, ports: [2379]}]
konnectivity: {servers: [10.0.0.1], ports: {server: [], agent: [8132], admin: [8095], health: [8092]}}
components: {kube-apiserver: {kubelet_certificate_authority: null, anonymous_auth: false}}
sources: {cp-1: {components.kube-apiserver.anonymous_auth: "process 1: --anonymous-auth"}}
"""
CP2 = CP1.replace("10.0.0.1", "10.0.0.2").replace("cp-1", "cp-2").replace("authority: null", "authority: /ca.crt")
NODE = """
nodes: [{addresses: [10.0.0.3], name: node1}]
etcd: [{address: 10.0.0.1, ports: [2380]}]
konnectivity: {servers: [10.0.0.2]}
components:
  kubelet: {node1: {tls_cert_file: null}}
  kubeconfigs: [{user: kubelet, file: /k, host: node1}]
"""


def test_hosts_stand_side_by_side() -> None:
    merged = merge([parse(CP1), parse(NODE)])

    assert [node.name for node in merged.nodes] == ["cp-1", "node1"]
    assert [(entry.address, entry.ports) for entry in merged.etcd] == [("10.0.0.1", (2379, 2380))]
    assert merged.konnectivity is not None
    assert merged.konnectivity.servers == ("10.0.0.1", "10.0.0.2")
    assert merged.konnectivity.ports.agent == (8132,)
    assert merged.components.kube_apiserver.anonymous_auth is False
    assert merged.components.kubelet["node1"].tls_cert_file is None
    assert [known.host for known in merged.components.kubeconfigs] == ["node1"]
    assert set(merged.sources) == {"cp-1"}


@pytest.mark.parametrize("order", [(CP1, CP2, CP1), (CP2, CP1, NODE), (NODE, CP1, CP2)])
def test_what_hosts_differ_in_is_not_known(order: tuple[str, ...]) -> None:
    merged = merge([parse(text) for text in order])

    assert merged.components.kube_apiserver.kubelet_certificate_authority is UNSET
    assert merged.components.kube_apiserver.anonymous_auth is False
    assert [entry.reason.split(":")[0] for entry in merged.could_not_read] == ["hosts differ"]


def test_a_difference_survives_later_merges() -> None:
    merged = merge([merge([parse(CP1), parse(CP2)]), parse(CP1)])

    assert merged.components.kube_apiserver.kubelet_certificate_authority is UNSET


def test_one_inventory_stays_what_it_is() -> None:
    assert merge([parse(CP1)]) == parse(CP1)
