"""Server addresses told apart only where that may change a judgement, and there always."""

from collections.abc import Callable, Iterator

import msgspec
import pytest

from observer.model import Shape

from .shapes import API, KUBERNETES, NODE1, NODE2, OTHER_SERVICE, OUTSIDE, PLAIN, POD1, Cluster, tls

LOOPBACK = "127.0.0.1"
SERVERS = (API, NODE1, NODE2, POD1, OUTSIDE, KUBERNETES, OTHER_SERVICE, LOOPBACK, "10.240.9.9", "10.244.1.1")
PORTS = (443, 2379, 6443, 10250)
NAMES = (None, "kubernetes.default.svc", NODE1, "node1")
CERTIFICATES = (
    "apiserver",
    "etcd-server",
    "kubelet-expired",
    "kubelet-node1-selfsigned",
    "kubelet-node1-serving",
    "kubelet-wrongsan",
    "podweb-selfsigned",
)
# Two nodes with one range of pods: what belongs together is not the same from both ends.
SHARED = PLAIN.replace("10.244.2.0/24", "10.244.1.0/24")


@pytest.mark.parametrize("inventory", [PLAIN, SHARED])
@pytest.mark.parametrize("certificate", CERTIFICATES)
def test_an_address_that_is_no_boundary_is_judged_as_no_address(
    chain_of: Callable[[str], tuple[bytes, ...]], certificate: str, inventory: str
) -> None:
    chain = chain_of(certificate)
    cluster = Cluster(inventory, chain_of("ca"), [chain], captured_on=API)
    _, telling = cluster.classifier.boundaries(chain)

    for shape in _shapes(cluster):
        if shape.server_address not in telling:
            nowhere = msgspec.structs.replace(shape, server_address=None)
            assert cluster.classifier.classify(nowhere) == cluster.classifier.classify(shape)


def test_an_address_that_the_certificate_bears_is_a_boundary_with_all_addresses_of_its_node(
    chain_of: Callable[[str], tuple[bytes, ...]],
) -> None:
    chain = chain_of("kubelet-node1-serving")
    cluster = Cluster(PLAIN, chain_of("ca"), [chain])

    _, telling = cluster.classifier.boundaries(chain)

    assert telling == [NODE1, "10.244.1.0", "10.244.1.1"]
    states = {cluster.judge(API, server, 10250, tls(server_chain=0)).verdict.state for server in (NODE1, NODE2)}
    assert states == {"verifiable", "unverified"}


def _shapes(cluster: Cluster) -> Iterator[Shape]:
    for server in SERVERS:
        for port in PORTS:
            for name in NAMES:
                yield cluster.shape(API, server, port, tls(server_chain=0, server_name=name))
