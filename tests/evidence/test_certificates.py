"""Certificates as events show them."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.evidence import certificates
from observer.model import Purpose

ChainOf = Callable[[str], tuple[bytes, ...]]


def test_a_certificate_is_shown_with_names_times_and_key(chain_of: ChainOf) -> None:
    shown = certificates.describe(chain_of("kubelet-node1-serving")[0])

    assert shown.subject == "CN=system:node:node1,O=system:nodes"
    assert shown.issuer == "CN=kubernetes"
    assert shown.not_after == "2027-11-22T10:46:06Z"
    assert shown.san == ("node1", "10.240.0.21")
    assert shown.self_signed is False
    assert shown.key == "EC-256"
    assert shown.error is None


def test_a_certificate_is_shown_with_what_it_may_be_used_for(chain_of: ChainOf) -> None:
    leaf = certificates.describe(chain_of("kubelet-node1-serving")[0])
    authority = certificates.describe(chain_of("ca")[0])

    assert (leaf.version, leaf.authority, leaf.key_usage) == (3, False, ("digitalSignature",))
    assert leaf.extended_key_usage == ("serverAuth",)
    assert leaf.authority_key_id == authority.key_id
    assert (authority.authority, authority.purpose) == (True, Purpose.AUTHORITY)
    assert authority.extended_key_usage is None


def test_a_self_signed_certificate_is_told_by_its_signature(chain_of: ChainOf) -> None:
    assert certificates.describe(chain_of("podweb-selfsigned")[0]).self_signed is True


@pytest.mark.parametrize(
    ("file", "purpose"),
    [
        ("apiserver", Purpose.APISERVER),
        ("kubelet-node1-selfsigned", Purpose.SELF_GENERATED),
        ("kubelet-node1-serving", Purpose.NODE),
        ("kubelet-node1-client", Purpose.NODE),
        ("apiserver-kubelet-client", Purpose.APISERVER_KUBELET_CLIENT),
        ("front-proxy-client", Purpose.FRONT_PROXY_CLIENT),
        ("konn-server", Purpose.KONNECTIVITY),
        ("webhook", Purpose.UNKNOWN),
    ],
)
def test_the_names_in_a_certificate_tell_its_purpose(chain_of: ChainOf, file: str, purpose: Purpose) -> None:
    assert certificates.purpose(chain_of(file)[0]) is purpose


def test_a_kubelets_certificate_names_its_node(chain_of: ChainOf) -> None:
    assert certificates.node_name(chain_of("kubelet-node1-selfsigned")[0]) == "node1"
    assert certificates.node_name(chain_of("kubelet-node1-serving")[0]) == "node1"
    assert certificates.node_name(chain_of("apiserver")[0]) is None


def test_boundaries_are_where_a_judgement_may_change(chain_of: ChainOf) -> None:
    chain = list(chain_of("kubelet-expired"))
    times = certificates.validity(chain[0])

    assert times is not None
    skew, notice = certificates.CLOCK_SKEW_NS, certificates.EXPIRY_NOTICE_NS
    assert certificates.boundaries(chain) == [times[0] - skew, times[1] - notice, times[1] + skew]
    assert certificates.boundaries([]) == []


@given(st.binary(max_size=200))
def test_bytes_that_are_no_certificate_are_described_and_never_raise(der: bytes) -> None:
    shown = certificates.describe(der)

    assert shown.error == "is no certificate that can be read"
    assert certificates.purpose(der) is Purpose.UNKNOWN
    assert certificates.boundaries([der]) == []


@given(st.data())
def test_a_damaged_certificate_never_raises(chain_of: ChainOf, data: st.DataObject) -> None:
    der = bytearray(chain_of("apiserver")[0])
    for _ in range(3):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))

    certificates.describe(bytes(der))
    certificates.boundaries([bytes(der)])
