"""Keys of findings: the same fault has the same key in every capture."""

import pytest

from observer import keys
from observer.analysis import Party
from observer.model import Role

CONTROL_PLANE = Party("10.0.0.10", Role.APISERVER, "cp1")
NODE = Party("10.0.0.21", Role.NODE, "node1", 10250)


def key(client: Party = CONTROL_PLANE, server: Party = NODE, cause: str = "unverified") -> str:
    return keys.of("kubelet-certificate-unverified", cause, "apiserver-to-kubelet", client, server)


def test_a_key_never_changes_between_releases() -> None:
    assert key() == "09729babf4471290"


def test_a_named_host_keeps_its_key_when_its_address_changes() -> None:
    assert key(server=Party("10.0.0.99", Role.NODE, "node1", 10250)) == key()


@pytest.mark.parametrize(
    "other",
    [
        key(cause="plaintext"),
        key(client=Party("10.0.0.10", Role.APISERVER, "cp2")),
        key(server=Party("10.0.0.21", Role.NODE, "node1", 10255)),
        key(client=Party("10.0.0.10", Role.APISERVER)),
    ],
)
def test_cause_ends_and_port_of_the_server_tell_findings_apart(other: str) -> None:
    assert other != key()


@pytest.mark.parametrize(
    ("pod", "workload"),
    [
        ("default/web-6d4cf56db6-x7k2p", "default/web"),
        ("monitoring/node-exporter-b9xkz", "monitoring/node-exporter"),
        ("data/etcd-2", "data/etcd"),
        ("default/payments", "default/payments"),
    ],
)
def test_the_pods_of_a_workload_share_its_identity(pod: str, workload: str) -> None:
    assert keys.identity(Party("10.244.0.7", Role.POD, pod)) == workload


def test_the_name_of_a_host_is_left_as_it_is() -> None:
    assert keys.identity(Party("10.0.0.21", Role.NODE, "node-2", 10250)) == "node-2"
