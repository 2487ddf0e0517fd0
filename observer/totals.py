"""From the core's sums per judgement to the aggregate that reports show."""

from collections.abc import Iterator, Sequence

import msgspec

from observer import keys
from observer.analysis import Analysis, CertificateUse, FindingGroup, Party, PathTotals, Tally, in_page_order
from observer.classify import Classified
from observer.inventory.places import PlaceTable
from observer.model import Certainty, Finding, State
from observer.ruleset import UNATTRIBUTED, RuleSet

CERTAINTIES = (Certainty.PROVEN, Certainty.INFERRED, Certainty.UNKNOWN)
"""The surest first; one proof is enough."""


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


class ShownChain(msgspec.Struct, frozen=True):
    """A chain by the core's number that an endpoint showed in these captures, and when."""

    address: str
    port: int
    server_name: str | None
    chain: int
    flows: int
    first: int
    last: int


class Totals(msgspec.Struct, frozen=True):
    """What the core counted while it judged."""

    judgements: tuple[Sum, ...]
    groups: tuple[Sum, ...]
    shown: tuple[ShownChain, ...] = ()


class _Names:
    def __init__(self, table: PlaceTable) -> None:
        self._rows = {row.cidr: row.name for row in table.rows}

    def of(self, address: str) -> str | None:
        row = self._rows.get(f"{address}/{128 if ':' in address else 32}")
        return keys.name_of(msgspec.json.decode(b"{%s}" % row, type=keys.Named)) if row else None


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
        paths=in_page_order(_paths(judged, counted, rules)),
        findings=tuple(_findings(judged, totals.groups, _Names(table))),
        certificates=tuple(_certificates(judged, counted)),
        flows=sum(total.flows for total in counted),
        first_ns=min((total.first for total in counted), default=None),
        last_ns=max((total.last for total in counted), default=None),
    )


def _paths(judged: Sequence[Classified], counted: Sequence[Sum], rules: RuleSet) -> Iterator[PathTotals]:
    """The paths that occur."""
    sums: dict[str, dict[State, Tally]] = {}
    for total in counted:
        one = judged[total.judgement]
        states = sums.setdefault(one.attribution.path, {})
        old = states.get(one.verdict.state, Tally(0, 0, 0))
        states[one.verdict.state] = Tally(old.flows + total.flows, old.packets + total.packets, old.bytes + total.bytes)
    documented = {rule.id: rule.documented for rule in rules.paths} | {UNATTRIBUTED: False}
    for path, states in sums.items():
        yield PathTotals(path, documented[path], dict(sorted(states.items())))


def _certificates(judged: Sequence[Classified], counted: Sequence[Sum]) -> Iterator[CertificateUse]:
    """Each certificate once per side, in the order of subjects."""
    uses: dict[tuple[str, str], CertificateUse] = {}
    for total in counted:
        one = judged[total.judgement]
        for side, chain in (("server", one.certificates), ("client", one.client_certificates)):
            for leaf in chain[:1]:
                old = uses.get((side, leaf.sha256), CertificateUse(leaf, side, (), 0))
                paths = tuple(sorted({*old.paths, one.attribution.path}))
                uses[side, leaf.sha256] = CertificateUse(leaf, side, paths, old.flows + total.flows)
    yield from sorted(uses.values(), key=lambda use: (use.side, use.certificate.subject or "", use.certificate.sha256))


def _findings(judged: Sequence[Classified], groups: Sequence[Sum], names: _Names) -> Iterator[FindingGroup]:
    """One group per finding, cause, path, client and server, over all shapes that show it."""
    merged: dict[tuple[str, str, str, Party, Party], FindingGroup] = {}
    for group in groups:
        one = judged[group.judgement]
        client = Party(group.client or "several", one.attribution.client_role, names.of(group.client or ""))
        server = Party(group.server or "several", one.attribution.server_role, names.of(group.server or ""), group.port)
        for finding in one.findings:
            key = (finding.id, finding.cause, one.attribution.path, client, server)
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
        certainty=finding.certainty,
        reasons=finding.reasons,
        flows=total.flows,
        first_ns=total.first,
        last_ns=total.last,
        reference=finding.reference,
        cis=finding.cis,
        key=keys.of(finding.id, finding.cause, one.attribution.path, client, server),
        cause=finding.cause,
        check=finding.check,
    )


def _merged(old: FindingGroup, new: FindingGroup) -> FindingGroup:
    return msgspec.structs.replace(
        old,
        certainty=min(old.certainty, new.certainty, key=CERTAINTIES.index),
        reasons=tuple(dict.fromkeys((*old.reasons, *new.reasons))),
        flows=old.flows + new.flows,
        first_ns=min(old.first_ns, new.first_ns),
        last_ns=max(old.last_ns, new.last_ns),
    )
