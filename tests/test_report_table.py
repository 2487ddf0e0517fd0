"""The table for people: its whole text at two widths, and what must hold at any."""

import io
import itertools
from collections.abc import Callable

import msgspec
import pytest
from rich.cells import cell_len
from rich.console import Console

from observer.analysis import (
    Analysis,
    CaptureNote,
    FindingGroup,
    Party,
    PathTotals,
    Tally,
    gravest_first,
    with_baseline,
)
from observer.model import Certainty, Role, Severity, State
from observer.report import table, terminal
from observer.report.matrix import Layout, matrix

START = 1_763_600_000_000_000_000
MINUTE = 60_000_000_000
PAGE = "https://kubernetes.io/docs/concepts/architecture/control-plane-node-communication/"
CONTROL_PLANE = Party("10.240.0.10", Role.APISERVER, "cp-1")


def plain(shown: Analysis, width: int = terminal.PLAIN_WIDTH) -> str:
    return terminal.plain(lambda width: table.render(shown, width), width)


def totals(path: str, /, **states: int) -> PathTotals:
    tallies = {State(name): Tally(flows, flows * 20, flows * 9000) for name, flows in states.items()}
    return PathTotals(path, path not in ("etcd-client", "unattributed"), tallies)


def unverified_kubelet(number: int) -> FindingGroup:
    long_name = "ip-10-240-0-23.eu-central-1.compute.internal.with-a-long-suffix.example.com"
    server = Party(f"10.240.0.{20 + number}", Role.NODE, long_name if number == 3 else f"node{number}", 10250)
    return FindingGroup(
        id="kubelet-certificate-unverified",
        severity=Severity.HIGH,
        title="The API server does not verify the kubelet's certificate",
        explanation="Anybody between the two can answer in the kubelet's place, read logs and take over exec sessions.",
        remediation="Start kube-apiserver with --kubelet-certificate-authority=FILE.",
        path="apiserver-to-kubelet",
        client=CONTROL_PLANE,
        server=server,
        certainty=Certainty.INFERRED,
        reasons=(
            "tls: handshake carried on",
            f"certificate: no path to a trust anchor from CN=node{number}@1763600000",
        ),
        flows=400 - 7 * number,
        first_ns=START + number * MINUTE,
        last_ns=START + 2 * number * MINUTE,
        reference=f"{PAGE}#api-server-to-kubelet",
        cis="1.2.5",
        key=f"{number:08x}00000000",
    )


def plaintext_proxy(name: str) -> FindingGroup:
    return FindingGroup(
        id="proxy-plaintext",
        severity=Severity.CRITICAL,
        title="The API server's proxy speaks plain HTTP",
        explanation="",
        remediation="Keep the network between API server and pods private.",
        path="apiserver-to-pod-proxy",
        client=CONTROL_PLANE,
        server=Party("fd00:10:244::17", Role.POD, name, 8080),
        certainty=Certainty.PROVEN,
        reasons=("http: readable request with X-Forwarded-Uri of a pod",),
        flows=1,
        first_ns=START,
        last_ns=START,
    )


def analysis(nodes: int = 3, **changes: object) -> Analysis:
    fields = {
        "captures": (CaptureNote("mixed.pcap", 52_000, "the last packet is incomplete at offset 6821364"),),
        "paths": (
            totals("node-to-apiserver", verifiable=120, unknown=14, resumed=3),
            totals("apiserver-to-kubelet", unverified=4012, aborted=2),
            totals("apiserver-to-pod-proxy", plaintext=1),
            totals("apiserver-to-konnectivity-server", verified=2),
            totals("etcd-client", verified=4),
            totals("unattributed", unknown=12, plaintext=2),
        ),
        "findings": (*(unverified_kubelet(number + 1) for number in range(nodes)), plaintext_proxy("default/web-1")),
        "counters": {"frames": 52_000, "skipped_not_tcp": 1201, "skipped_fragments": 2, "evicted_flows": 0},
        "flows": 4168,
        "first_ns": START,
        "last_ns": START + 60 * MINUTE,
    }
    return Analysis(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [80, 120])
def test_the_whole_table(golden: Callable[[str, str], None], width: int) -> None:
    golden(f"report_table_{width}.txt", plain(analysis(), width))


def test_a_quiet_cluster_is_said_in_few_lines(golden: Callable[[str, str], None]) -> None:
    quiet = analysis(
        captures=(CaptureNote("quiet.pcap", 90),),
        paths=(totals("node-to-apiserver", verifiable=1),),
        findings=(),
        counters={},
        flows=1,
        inventory="cluster.yaml",
        anchors=1,
    )

    golden("report_table_quiet.txt", plain(quiet))


def test_an_empty_capture_says_that_nothing_was_found() -> None:
    empty = Analysis((CaptureNote("empty.pcap", 0),), (), (), {}, 0)

    assert "Note: no TCP flow was found" in plain(empty)


@pytest.mark.parametrize("width", [80, 97, 200])
@pytest.mark.parametrize("flows", [1, 1234, 999_999, 12_345_678])
def test_no_line_but_a_reference_is_wider_than_the_screen(width: int, flows: int) -> None:
    busy = analysis(paths=(totals("apiserver-to-konnectivity-server", **{state.value: flows for state in State}),))

    lines = plain(busy, width).splitlines()

    assert all(cell_len(line) <= width for line in lines if not line.startswith("  see "))
    assert "…" not in "".join(lines)


@pytest.mark.parametrize(
    ("flows", "text"),
    [(9_999, "9999"), (10_000, "10k"), (999_499, "999k"), (999_500, "1.0M"), (9_949_999, "9.9M"), (12_345_678, "12M")],
)
def test_a_number_without_room_keeps_its_size(flows: int, text: str) -> None:
    assert Layout((), exact=False).number(flows) == text


def test_fifty_servers_are_one_finding_with_the_most_frequent_pairs() -> None:
    text = plain(analysis(nodes=50))

    assert text.count("The API server does not verify") == 1
    assert "cp-1 10.240.0.10 → node1 10.240.0.21:10250  393 flows" in text
    assert "and 42 more pairs with " in text
    assert len(text.splitlines()) < 70


def test_one_finding_on_several_paths_is_told_once_with_each_path() -> None:
    bypass = [
        msgspec.structs.replace(unverified_kubelet(number), path=path, certainty=certainty)
        for number, path, certainty in [
            (1, "apiserver-to-kubelet", Certainty.PROVEN),
            (2, "ssh-tunnel", Certainty.INFERRED),
        ]
    ]

    text = plain(analysis(findings=bypass))

    assert text.count("The API server does not verify") == 1
    assert "kubelet-certificate-unverified (proven or inferred)" in text
    assert "where  apiserver-to-kubelet  393 flows" in text
    assert "       ssh-tunnel  386 flows" in text


def test_a_certainty_that_is_not_known_is_not_printed() -> None:
    vague = msgspec.structs.replace(unverified_kubelet(1), certainty=Certainty.UNKNOWN)

    assert "rule   kubelet-certificate-unverified\n" in plain(analysis(findings=(vague,)))


def test_a_baseline_marks_what_is_new_and_what_is_known() -> None:
    marked = with_baseline(analysis(nodes=2), {"0000000100000000"})

    text = plain(marked)

    assert "Findings: 1 critical · 1 high; 2 of 2 new since the baseline" in text
    assert "node1 10.240.0.21:10250  393 flows  00000001  known" in text
    assert "node2 10.240.0.22:10250  386 flows  00000002  new" in text


def test_the_gravest_finding_comes_first_whatever_the_order_given() -> None:
    findings = analysis().findings

    orders = [gravest_first(order) for order in itertools.permutations(findings)]

    assert all(order == orders[0] for order in orders)
    assert orders[0][0].severity is Severity.CRITICAL


def test_names_from_the_traffic_cannot_steer_the_terminal() -> None:
    text = plain(analysis(findings=(plaintext_proxy("web\x1b[2J\u202e[red]x[/red]"),)))

    assert "web\ufffd[2J\ufffd[red]x[/red]" in text
    assert "\x1b" not in text


def test_a_terminal_gets_colour_and_a_symbol_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = io.StringIO()

    terminal.write(lambda width: table.render(analysis(), width), out)

    assert "\x1b[1;31m✗ " in out.getvalue()


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    out = io.StringIO()

    terminal.write(lambda width: table.render(analysis(), width), out)

    assert "\x1b[1;31m" not in out.getvalue()


def test_wide_screens_spell_the_verdicts_and_narrow_ones_explain_the_symbols() -> None:
    def text(width: int) -> str:
        console = Console(width=width, file=io.StringIO())
        with console.capture() as captured:
            console.print(*matrix(analysis().paths, width), sep="\n")
        return captured.get()

    spelled = "path ✗ plaintext ! unverified ⊘ aborted ↻ resumed ? unknown ≈ verifiable ✓ verified flows"
    assert text(130).splitlines()[0].split() == spelled.split()
    assert text(80).splitlines()[0].split() == ["path", *"✗!⊘↻?≈✓", "flows"]
    assert "✗ plaintext" in text(80)
