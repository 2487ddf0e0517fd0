"""A finding or a flow told whole; packets in words; what would change a verdict."""

from collections.abc import Callable
from pathlib import Path

import pytest

from observer import pipeline, results
from observer.analysis import Analysis, Party
from observer.classify import unknown
from observer.model import Alert, Learnt, Outcome, Role, SshFacts, State, TlsFacts, TracedPacket
from observer.report import explanation, outlook, packets, terminal
from observer.report.explanation import Sources, placed
from observer.results import Flow, nanoseconds

PCAPS = Path(__file__).parents[1] / "pcaps"
KUBELET = "d_unverified_selfsigned_node1_tls12_attach.pcap"

Run = Callable[..., tuple[Analysis, bytes]]
Golden = Callable[[str, str], None]


def flows_of(saved: Callable[..., Path], capture: str) -> tuple[results.Result, list[Flow]]:
    flows: list[Flow] = []
    return results.read(str(saved(capture)), flows.append), flows


def sources(capture: str) -> Sources:
    def trace(flow: Flow) -> tuple[TracedPacket, ...]:
        times = range(nanoseconds(flow.flow.start), nanoseconds(flow.flow.end) + 1)
        client, server = (flow.client.address, flow.client.port), (flow.server.address, flow.server.port)
        return pipeline.trace(str(PCAPS / capture), client, server, times)

    return Sources(Path("rules"), capture, trace)


def test_a_finding_told_whole(saved: Callable[..., Path], golden: Golden) -> None:
    result, flows = flows_of(saved, KUBELET)
    group = [finding for finding in result.findings if finding.id == "kubelet-certificate-unverified"]

    shown = explanation.of_findings(group, flows, sources(KUBELET))

    golden("report_explanation_finding.txt", terminal.plain(lambda _: shown))


@pytest.mark.parametrize(
    "capture",
    [
        "b_curl_wrong_ca_fails_tls12.pcap",
        "d_verified_casigned_node2_exec.pcap",
        "f_nodeproxy_plain_http.pcap",
        "g_ssh_weak_g14sha1_aes128cbc_md5.pcap",
        "c_cm_sched_midstream.pcap",
    ],
)
def test_a_flow_told_whole(saved: Callable[..., Path], golden: Golden, capture: str) -> None:
    result, flows = flows_of(saved, capture)
    flow = next((flow for flow in flows if flow.findings), flows[0])
    groups = [finding for finding in result.findings if finding.id in {one.id for one in flow.findings}][:1]

    shown = explanation.of_flow(flow, groups, sources(capture))

    golden(f"report_explanation_{capture.removesuffix('.pcap')}.txt", terminal.plain(lambda _: shown))


def test_every_reason_for_unknown_has_its_way_out() -> None:
    for reason in unknown.OUTCOMES.values():
        assert outlook.changes(State.UNKNOWN, [reason]) != [outlook.BY_STATE[State.UNKNOWN]], reason


def test_every_state_has_its_way_out_even_for_a_reason_of_tomorrow() -> None:
    assert all(outlook.changes(state, ["tomorrow: something"]) for state in State)


def test_the_longest_beginning_of_a_reason_counts() -> None:
    unset = outlook.changes(
        State.UNVERIFIED, ["configuration: --kubelet-certificate-authority not set (kube-apiserver)"]
    )

    assert "the flag set on every kube-apiserver" in unset[0]


def test_a_packet_is_told_by_what_it_added() -> None:
    hello = Learnt(tls=TlsFacts(ja4="t13", server_name="kubernetes", outcome=Outcome.NO_SERVER_HELLO))
    refusal = TlsFacts(
        ja4="t13",
        version="1.3",
        cipher=0x1301,
        outcome=Outcome.CLIENT_REFUSED,
        alert=Alert("client", 2, 48, encrypted=False),
    )
    told = packets.told(
        (
            TracedPacket(1, 0, from_client=True, flags=2, payload=0),
            TracedPacket(2, 1, from_client=True, flags=24, payload=200, learnt=hello),
            TracedPacket(3, 2, from_client=True, flags=16, payload=0),
            TracedPacket(4, 3, from_client=True, flags=4, payload=7, learnt=Learnt(tls=refusal)),
        )
    )

    assert [packet.number for packet, _ in told] == [1, 2, 4]
    assert told[1][1] == "ClientHello for kubernetes"
    assert told[2][1].split("; ") == [
        "resets (RST)",
        "ServerHello: TLS 1.3 TLS_AES_128_GCM_SHA256",
        "alert 48 unknown_ca of the client",
        "the client refuses",
    ]


def test_a_copy_of_a_packet_is_not_told_twice() -> None:
    banner = Learnt(ssh=SshFacts(server_version="SSH-2.0-x"))
    packet = TracedPacket(7, 0, from_client=False, flags=24, payload=9, learnt=banner)
    copy = TracedPacket(8, 0, from_client=False, flags=2, payload=9, copy=True)

    assert [packet.number for packet, _ in packets.told((packet, copy))] == [7]


def test_a_check_names_the_server_itself() -> None:
    kubelet, six = Party("10.0.0.2", Role.NODE, "node1", 10250), Party("fd00::2", Role.NODE, None, 10250)

    assert placed("openssl s_client -connect HOST:PORT -verify_ip HOST", kubelet) == (
        "openssl s_client -connect 10.0.0.2:10250 -verify_ip 10.0.0.2"
    )
    assert placed("curl http://HOST:PORT/", six) == "curl http://[fd00::2]:10250/"
