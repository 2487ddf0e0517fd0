"""The facts rules ask for are all there, and unknown where the wire does not tell."""

import pytest

from observer.classify.ciphers import grades, weak_algorithms
from observer.classify.facts import Chains, facts_of
from observer.inventory.places import Place
from observer.model import HttpFacts, Outcome, Protocol, Role, Shape, SshFacts, TlsFacts
from observer.ruleset import PathConditions

from .shapes import http, tls

NOWHERE = Place(frozenset({Role.UNKNOWN}), {})


def fact(
    name: str, content: TlsFacts | HttpFacts | None, protocol: Protocol = Protocol.TLS, *, shared_proxy: bool = False
) -> set[str | int]:
    shape = Shape(
        protocol,
        shared_proxy=shared_proxy,
        tls=content if isinstance(content, TlsFacts) else None,
        http=content if isinstance(content, HttpFacts) else None,
    )
    return set(facts_of(shape, NOWHERE, NOWHERE, False, Chains(lambda _: [], shape))[name])


def test_every_condition_a_rule_may_ask_for_is_a_fact() -> None:
    shape = Shape(Protocol.NONE)
    facts = facts_of(shape, NOWHERE, NOWHERE, False, Chains(lambda _: [], shape))

    assert set(facts) == set(PathConditions.__struct_fields__)


def test_an_absent_server_name_is_known_only_where_the_hello_was_seen() -> None:
    assert fact("server_name", tls()) == {"absent"}
    assert fact("server_name", tls(ja3=None, offered_protocols=())) == {"unknown"}
    assert fact("server_name", tls(outcome=Outcome.MIDSTREAM)) == {"unknown"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [("hook.default.svc", "service"), ("a.b.svc.cluster.local", "service"), ("node1", "other"), ("svc", "other")],
)
def test_a_server_name_of_a_service_is_recognised_in_any_cluster_domain(name: str, kind: str) -> None:
    assert fact("server_name", tls(server_name=name)) == {kind}


def test_http_inside_decrypted_tls_is_not_taken_for_readable_http() -> None:
    assert fact("forwarded", http("pod"), Protocol.TLS) == {"unknown"}
    assert fact("forwarded", http("pod"), Protocol.HTTP) == {"pod"}


@pytest.mark.parametrize(
    ("cipher", "expected"),
    [
        (None, {"unknown"}),
        (0x1301, {"good"}),
        (0xC02F, {"good"}),
        (0x009C, {"no-forward-secrecy"}),
        (0x002F, {"cbc-sha1", "no-forward-secrecy"}),
        (0xC013, {"cbc-sha1"}),
        (0x0005, {"broken", "no-forward-secrecy"}),
        (0x000A, {"broken", "no-forward-secrecy"}),
        (0x006C, {"anonymous"}),
        (0x0003, {"export", "no-forward-secrecy"}),
        (0xC010, {"null"}),
    ],
)
def test_cipher_suites_are_graded_by_what_is_wrong_with_them(cipher: int | None, expected: set[str]) -> None:
    assert grades(cipher) == expected


def test_weak_ssh_algorithms_are_named() -> None:
    weak = SshFacts(key_exchange="diffie-hellman-group14-sha1", host_key="ssh-rsa", cipher="aes128-cbc", mac="hmac-md5")
    good = SshFacts(
        key_exchange="curve25519-sha256",
        host_key="rsa-sha2-512",
        cipher="aes256-gcm@openssh.com",
        mac="hmac-sha2-256-etm@openssh.com",
    )

    assert len(weak_algorithms(weak)) == 4
    assert weak_algorithms(good) == ()


def test_a_service_request_on_a_shared_connection_is_called_neither_a_pods_nor_the_services_alone() -> None:
    assert fact("forwarded", http("service"), Protocol.HTTP) == {"service"}
    assert fact("forwarded", http("service"), Protocol.HTTP, shared_proxy=True) == {"shared"}
