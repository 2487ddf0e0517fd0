"""From the core's sums per judgement to the aggregate that reports show."""

from collections.abc import Iterator, Sequence

import msgspec

from observer.analysis import Analysis, FindingGroup, Party, PathTotals, Tally
from observer.classify import Classified
from observer.inventory.places import PlaceTable
from observer.model import Finding, State
from observer.ruleset import UNATTRIBUTED, RuleSet


class Sum(msgspec.Struct, frozen=True):
    """Flows of one judgement, or of one client and server within it; times in nanoseconds since 1970."""

    judgement: int
    flows: int
    packets: int
    bytes: int
    first: int
    last: int
    client: str | None = None
    server: str | None = None
    port: int | None = None


class Totals(msgspec.Struct, frozen=True):
    """What the core counted while it judged."""

    judgements: tuple[Sum, ...]
    groups: tuple[Sum, ...]


class _Names:
    def __init__(self, table: PlaceTable) -> None:
        self._rows = {row.cidr: row.name for row in table.rows}

    def of(self, address: str) -> str | None:
        row = self._rows.get(f"{address}/{128 if ':' in address else 32}")
        name = msgspec.json.decode(b"{%s}" % row)["name"] if row else None
        return name if isinstance(name, str) else None


def analysis(
    judged: Sequence[Classified],
    totals: Totals,
    table: PlaceTable,
    rules: RuleSet,
    base: Analysis,
) -> Analysis:
    """`base` with what the judged flows say as a whole."""
    counted = [total for total in totals.judgements if total.flows]
    return msgspec.structs.replace(
        base,
        paths=tuple(_paths(judged, counted, rules)),
        findings=tuple(_findings(judged, totals.groups, _Names(table))),
        flows=sum(total.flows for total in counted),
        first_ns=min((total.first for total in counted), default=None),
        last_ns=max((total.last for total in counted), default=None),
    )


def _paths(judged: Sequence[Classified], counted: Sequence[Sum], rules: RuleSet) -> Iterator[PathTotals]:
    """The paths that occur, documented ones first, each group in the order of the rules."""
    sums: dict[str, dict[State, Tally]] = {}
    for total in counted:
        one = judged[total.judgement]
        states = sums.setdefault(one.attribution.path, {})
        old = states.get(one.verdict.state, Tally(0, 0, 0))
        states[one.verdict.state] = Tally(old.flows + total.flows, old.packets + total.packets, old.bytes + total.bytes)
    documented = {rule.id: rule.documented for rule in rules.paths} | {UNATTRIBUTED: False}
    for path in sorted(documented, key=lambda path: not documented[path]):
        if path in sums:
            yield PathTotals(path, documented[path], dict(sorted(sums[path].items())))


def _findings(judged: Sequence[Classified], groups: Sequence[Sum], names: _Names) -> Iterator[FindingGroup]:
    """One group per finding, path, client and server, over all shapes that show it."""
    merged: dict[tuple[str, str, Party, Party], FindingGroup] = {}
    for group in groups:
        one = judged[group.judgement]
        client = Party(group.client or "several", one.attribution.client_role, names.of(group.client or ""))
        server = Party(group.server or "several", one.attribution.server_role, names.of(group.server or ""), group.port)
        for finding in one.findings:
            key = (finding.id, one.attribution.path, client, server)
            new = _group(finding, one, client, server, group)
            merged[key] = _merged(merged[key], new) if key in merged else new
    yield from merged.values()


def _group(finding: Finding, one: Classified, client: Party, server: Party, total: Sum) -> FindingGroup:
    return FindingGroup(
        id=finding.id,
        severity=finding.severity,
        title=finding.title,
        explanation=finding.explanation,
        remediation=finding.remediation,
        path=one.attribution.path,
        client=client,
        server=server,
        certainty=one.verdict.certainty,
        reasons=one.verdict.reasons,
        flows=total.flows,
        first_ns=total.first,
        last_ns=total.last,
        reference=finding.reference,
        cis=finding.cis,
    )


def _merged(old: FindingGroup, new: FindingGroup) -> FindingGroup:
    return msgspec.structs.replace(
        old,
        reasons=tuple(dict.fromkeys((*old.reasons, *new.reasons))),
        flows=old.flows + new.flows,
        first_ns=min(old.first_ns, new.first_ns),
        last_ns=max(old.last_ns, new.last_ns),
    )
