"""One finding or one flow of a saved result, told whole: evidence, packets, certificates, rule, mend and check."""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from observer.analysis import FindingGroup, Party
from observer.model import Outcome, TracedPacket
from observer.report import packets
from observer.report import table as tables
from observer.report.layout import Row, labelled, references
from observer.report.outlook import changes
from observer.report.timestamps import rfc3339, span
from observer.report.words import SEVERITIES, SHOWN_DIGITS, STATES, count, place, printable
from observer.results import Flow, ShownCertificate, Tls, nanoseconds, party

Trace = Callable[[Flow], tuple[TracedPacket, ...]]
"""Gives the packets of a flow."""


class Sources(msgspec.Struct, frozen=True):
    """What the explanation may refer to: where the rules stand, and a capture where one is given."""

    rules: Path
    capture: str | None = None
    trace: Trace | None = None


def of_findings(group: Sequence[FindingGroup], flows: Sequence[Flow], sources: Sources) -> RenderableType:
    """A finding between one or several pairs, with the first of its flows as the example."""
    first = group[0]
    rows: list[Row] = [
        ("key", first.key if len(group) == 1 else f"{count(len(group), 'key')}, each beside its pair"),
        ("rule", f"{first.id}{tables.certainty(list(group))}, {rule_file(sources.rules, 'findings', first.id)}"),
        *tables.found(list(group)),
        ("why", [printable(reason) for reason in dict.fromkeys(r for one in group for r in one.reasons)]),
    ]
    parts = [*tables.title(first), labelled(rows)]
    if flows:
        parts += [Text(), Text(f"For example flow {flows[0].id}", "bold"), *_flow(flows[0], sources)]
    return Group(*parts, Text(), *_mend(first))


def of_flow(flow: Flow, groups: Sequence[FindingGroup], sources: Sources) -> RenderableType:
    """A flow with its verdict, and how to mend each of its findings."""
    parts: list[RenderableType] = [Text(f"Flow {flow.id}", "bold"), *_flow(flow, sources)]
    for finding in groups:
        parts += [Text(), *tables.title(finding), *_mend(finding, key=finding.key)]
    return Group(*parts)


def _flow(flow: Flow, sources: Sources) -> list[RenderableType]:
    state, certainty = flow.verdict.state, flow.verdict.certainty.value
    symbol, style = STATES[state]
    verdict = Text(f"{symbol} {state.value}", style).append("" if certainty == "unknown" else f" ({certainty})")
    rows: list[Row] = [
        ("who", f"{_client(flow)} → {place(party(flow.server, server=True))}"),
        ("when", _times(flow)),
        ("path", f"{flow.path.id} ({flow.path.confidence}), {rule_file(sources.rules, 'paths', flow.path.id)}"),
        ("", [printable(reason) for reason in flow.path.reasons]),
        ("verdict", verdict),
        ("", [printable(reason) for reason in flow.verdict.reasons]),
        ("changes", [f"It would take {line}." for line in changes(state, flow.verdict.reasons)]),
        ("speaks", _protocol(flow)),
        *(_certificates(flow.tls) if flow.tls else []),
        *_packets(flow, sources),
    ]
    return [labelled(rows), *_command(flow, sources)]


def _client(flow: Flow) -> str:
    """The port is that of one connection, so it is told here and nowhere else."""
    client = party(flow.client, server=False)
    return place(Party(client.address, client.role, client.name, flow.client.port))


def _times(flow: Flow) -> str:
    numbers = flow.flow
    size = count(numbers.client_packets + numbers.server_packets, "packet")
    gaps = f", {count(numbers.gaps, 'gap')}" if numbers.gaps else ""
    midstream = ", begun before the capture" if numbers.midstream else ""
    return f"{span(nanoseconds(numbers.start), nanoseconds(numbers.end))} UTC, {numbers.state}, {size}{gaps}{midstream}"


def _protocol(flow: Flow) -> str:
    if flow.tls is None:
        return flow.protocol or "nothing but TCP"
    tls = flow.tls
    words = [f"TLS {tls.version or 'of an unknown version'}", tls.cipher, tls.group, tls.next_protocol, tls.outcome]
    resumed = "resumed" if tls.resumed else None
    midstream = tls.outcome == Outcome.MIDSTREAM
    asked = f"asked for {tls.client.server_name}" if tls.client.server_name else "asked for no name"
    return printable(", ".join(word for word in (*words, resumed, None if midstream else asked) if word))


def _certificates(tls: Tls) -> list[Row]:
    sides = (("server", tls.server.certificates), ("client", tls.client.certificates))
    return [
        (f"{side}'s" if number == 0 else "issuer", certificate(shown))
        for side, chain in sides
        for number, shown in enumerate(chain)
    ]


def certificate(shown: ShownCertificate) -> list[str]:
    """A certificate in a few lines."""
    if shown.error:
        return [f"certificate sha256 {shown.sha256}: {printable(shown.error)}"]
    lines = [
        f"certificate of {shown.subject or 'no subject'}",
        f"signed by {'itself' if shown.self_signed else shown.issuer}",
        f"valid {shown.not_before} – {shown.not_after}, {shown.key or 'unknown key'}",
        f"for {', '.join(shown.san)}" if shown.san else "without alternative names",
        f"sha256 {shown.sha256}",
    ]
    return [printable(line) for line in lines]


def _packets(flow: Flow, sources: Sources) -> list[Row]:
    if sources.trace is None:
        return []
    told = packets.told(sources.trace(flow))
    if not told:
        return [("packets", "none of this flow is in the capture given")]
    width = max(len(str(packet.number)) for packet, _ in told)
    lines = [
        f"{packet.number:>{width}}  {(rfc3339(packet.time_ns) or '')[11:26]}  {'→' if packet.from_client else '←'} "
        f"{printable(words)}"
        for packet, words in told
    ]
    return [("packets", lines)]


def _command(flow: Flow, sources: Sources) -> list[RenderableType]:
    """How to see a packet whole, on a line that can be copied."""
    told = packets.told(sources.trace(flow)) if sources.trace else []
    if not told:
        return []
    order = sorted(told, key=lambda line: ("ServerHello" not in line[1], line[0].learnt is None))
    shown = order[0][0].number
    how = f"  tshark -r {shlex.quote(sources.capture or '-')} -V -Y 'frame.number == {shown}'"
    return [Text(how, "dim", no_wrap=True, overflow="ignore")]


def _mend(finding: FindingGroup, key: str = "") -> list[RenderableType]:
    rows: list[Row] = [("key", key), ("mend", Text(printable(finding.remediation), "green"))]
    if finding.check:
        rows.append(("check", printable(placed(finding.check, finding.server))))
    rows.append(
        ("then", "capture again, and `observer analyze … --baseline RESULT` or `observer diff` shows that it is gone")
    )
    return [labelled(rows), *references(finding.cis, finding.reference)]


def placed(check: str, server: Party) -> str:
    """The check with the server's own address and port."""
    host = f"[{server.address}]" if ":" in server.address else server.address
    told = check.replace("HOST:PORT", f"{host}:{server.port}").replace("HOST", server.address)
    return told.replace("PORT", str(server.port))


def rule_file(folder: Path, kind: str, name: str) -> str:
    """Where the rule stands, as a reader can open it."""
    file = folder / kind / f"{name}.yaml"
    return str(file) if file.exists() else f"no rule file {kind}/{name}.yaml"


def listing(findings: Sequence[FindingGroup], flows: int) -> RenderableType:
    """What can be explained of a result: each finding with its key; flows are too many to list."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for one in findings:
        severity = Text(one.severity.value, SEVERITIES[one.severity])
        table.add_row(
            one.key[:SHOWN_DIGITS], severity, one.id, Text(f"{place(one.client)} → {place(one.server)}", "dim")
        )
    return Group(table, Text(f"and each of the {count(flows, 'flow')} by the id of its event", "dim"))
