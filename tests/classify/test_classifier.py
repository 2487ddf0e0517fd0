"""The classifier as a whole: what it reads of the core, and that no traffic can break it or make it say `verified`."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from observer.model import (
    Forwarded,
    HttpFacts,
    Outcome,
    Presence,
    Protocol,
    Shape,
    SshFacts,
    State,
    TlsFacts,
)

from .shapes import TUNNEL, Cluster

FROM_CORE = b"""{"protocol":"tls","client_place":1,"server_place":2,"client_address":null,"server_address":"10.0.0.1",
"server_port":10250,"same_address":false,"same_node":false,"midstream":false,"client_spoke":true,"server_spoke":true,
"time":1795350000000000000,"earlier":["verifiable"],
"tls":{"version":"1.3","cipher":4865,"group":29,"next_protocol":null,"offered_protocols":["h2"],"server_name":null,
"resumed":false,"hello_retry":false,"early_data":false,"outcome":"carried-on","established":true,
"client_certificate":"sent","certificate_requested":null,"server_chain":null,"client_chain":null,
"certificate_length":722,"ja3":null,"ja3s":null,"ja4":null,
"alert":{"side":"client","level":null,"description":null,"encrypted":true}},"ssh":null,"http":null}"""

words = st.none() | st.text(max_size=12)
tls_facts = st.builds(
    TlsFacts,
    version=st.sampled_from([None, "1.0", "1.2", "1.3", "3.0", "?"]),
    cipher=st.none() | st.integers(0, 0xFFFF),
    next_protocol=words,
    offered_protocols=st.lists(st.sampled_from(["h2", "http/1.1", "x"]), max_size=3).map(tuple),
    server_name=words | st.sampled_from(["hook.default.svc", "kubernetes"]),
    resumed=st.none() | st.booleans(),
    outcome=st.sampled_from(Outcome),
    client_certificate=st.sampled_from(Presence),
    server_chain=st.none() | st.just(0),
    client_chain=st.none() | st.just(0),
    ja3=words,
)
http_facts = st.builds(
    HttpFacts,
    forwarded=st.sampled_from(Forwarded),
    agent=words,
    upgrade=words,
    credentials=st.sampled_from([None, "bearer", "basic"]),
    request_seen=st.booleans(),
)
ssh_facts = st.builds(SshFacts, client_version=words, key_exchange=words, host_key=words, cipher=words, mac=words)
shapes = st.builds(
    Shape,
    protocol=st.sampled_from(Protocol),
    client_place=st.integers(-1, 9),
    server_place=st.integers(-1, 9),
    server_address=st.none() | st.just("10.240.0.21"),
    server_port=st.sampled_from([0, 22, 443, 2379, 6443, 8080, 8132, 8443, 10250, 10255, 65535]),
    same_address=st.booleans(),
    same_node=st.booleans(),
    midstream=st.booleans(),
    time=st.integers(0, 2**63 - 1),
    earlier=st.lists(st.sampled_from([s for s in State if s is not State.VERIFIED]), max_size=3).map(tuple),
    tls=st.none() | tls_facts,
    http=st.none() | http_facts,
    ssh=st.none() | ssh_facts,
)


def test_a_shape_is_read_as_the_core_writes_it() -> None:
    shape = msgspec.json.decode(FROM_CORE, type=Shape)

    assert shape.tls is not None
    assert shape.tls.outcome is Outcome.CARRIED_ON
    assert shape.earlier == (State.VERIFIABLE,)


@given(shapes, st.lists(st.binary(max_size=60), max_size=3))
def test_no_shape_breaks_the_classifier_or_makes_it_say_verified(shape: Shape, chain: list[bytes]) -> None:
    found = Cluster(TUNNEL, chains=[chain]).classifier.classify(shape)

    assert found.verdict.state is not State.VERIFIED
    assert found.verdict.reasons
    assert found.attribution.reasons
    assert msgspec.json.decode(msgspec.json.encode(found))["attribution"]["path"] == found.attribution.path


@given(shapes)
def test_the_same_shape_always_gets_the_same_answer(shape: Shape) -> None:
    assert Cluster(TUNNEL, chains=[()]).classifier.classify(shape) == Cluster(TUNNEL, chains=[()]).classifier.classify(
        shape
    )


@given(shapes)
def test_unverified_is_never_said_of_a_flow_without_tls(shape: Shape) -> None:
    state = Cluster(TUNNEL, chains=[()]).classifier.classify(shape).verdict.state

    assert state not in (State.UNVERIFIED, State.VERIFIABLE, State.RESUMED) or shape.protocol is Protocol.TLS
