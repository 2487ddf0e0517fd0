"""The analysis for a person at a terminal: what is safe at a glance, then what to mend, then what to know beside it.

Nothing here depends on the clock or the locale.
"""

import re
from itertools import groupby

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from observer.analysis import UNATTRIBUTED, Analysis, FindingGroup, by_rule
from observer.model import Certainty
from observer.report.layout import Row, labelled, references
from observer.report.matrix import flows_in, matrix
from observer.report.notes import notes
from observer.report.timestamps import span
from observer.report.words import SEVERITIES, SHOWN_DIGITS, STATES, UNSAFE, count, place, printable

SHOWN_PAIRS, MINIMUM_PAIRS = 8, 2
"""Pairs of client and server listed under one finding, and at least on each path; -o json holds all."""

SHOWN_PATHS = 8
"""Paths listed under one finding."""

SHOWN_REASONS = 6
"""Reasons listed under one finding; those that name a certificate differ for each server."""

LINK = re.compile(r" \(https://[^ )]*\)")


def render(analysis: Analysis, width: int) -> RenderableType:
    """Everything, one part below the other."""
    parts: list[RenderableType] = [_headline(analysis), Text()]
    if analysis.paths:
        parts += [*matrix(analysis.paths, width), Text()]
    for group in by_rule(analysis.findings):
        parts += [_finding(group), Text()]
    parts.append(_notes(analysis))
    return Group(*parts)


def _headline(analysis: Analysis) -> Text:
    names = ", ".join(printable(capture.name) for capture in analysis.captures)
    first_ns, last_ns = analysis.first_ns, analysis.last_ns
    seen = "" if first_ns is None or last_ns is None else f", {span(first_ns, last_ns)} UTC"
    text = Text(f"{names}: {count(analysis.flows, 'flow')}{seen}\n")
    known = [totals for totals in analysis.paths if totals.id != UNATTRIBUTED]
    unsafe = [flows for totals in known if (flows := flows_in(totals, UNSAFE))]
    if unsafe:
        flows = sum(flows_in(totals, STATES) for totals in known)
        share = f"✗ {sum(unsafe):,} of {flows:,} on known paths are plaintext or unverified"
        text.append(f"{share} ({count(len(unsafe), 'path')})\n", "bold red")
    else:
        text.append("No flow on a known path is plaintext or seen to be unverified\n", "bold green")
    return text.append_text(_by_severity(analysis))


def _by_severity(analysis: Analysis) -> Text:
    groups = by_rule(analysis.findings)
    if not groups:
        return Text("No findings")
    kinds = groupby(groups, key=lambda group: group[0].severity)
    counts = (Text(f"{len(list(same))} {severity.value}", SEVERITIES[severity]) for severity, same in kinds)
    text = Text("Findings: ").append_text(Text(" · ").join(counts))
    if all(finding.new is None for finding in analysis.findings):
        return text
    new = sum(any(finding.new for finding in group) for group in groups)
    return text.append(f"; {new} of {len(groups)} new since the baseline", "bold" if new else "")


def _finding(group: list[FindingGroup]) -> RenderableType:
    first = group[0]
    rows: list[Row] = [("rule", f"{first.id}{certainty(group)}"), *found(group)]
    rows += [("why", Group(*_reasons(group))), ("mend", Text(printable(first.remediation), "green"))]
    return Group(*title(first, _novelty(group)), labelled(rows), *references(first.cis, first.reference))


def title(finding: FindingGroup, novelty: str = "") -> list[RenderableType]:
    """Severity and title, and below them what it means."""
    line = Text().append(f" {finding.severity.value.upper()} ", SEVERITIES[finding.severity])
    line.append(f" {printable(finding.title)}", "bold").append(novelty, "bold magenta")
    return [line, *([Padding(Text(printable(finding.explanation)), (0, 0, 0, 2))] if finding.explanation else [])]


def found(group: list[FindingGroup]) -> list[Row]:
    """When and where, with who talks to whom."""
    return [("seen", _seen(group)), ("where", Group(*_places(group)))]


def _novelty(group: list[FindingGroup]) -> str:
    if group[0].new is None:
        return ""
    return "  new" if any(finding.new for finding in group) else "  known"


def certainty(group: list[FindingGroup]) -> str:
    """Only where there is something to say; what is proven of some and likely of others is `proven or inferred`."""
    certainties = {finding.certainty for finding in group} - {Certainty.UNKNOWN}
    return f" ({' or '.join(sorted(certainties, reverse=True))})" if certainties else ""


def _seen(group: list[FindingGroup]) -> str:
    flows = count(sum(finding.flows for finding in group), "flow")
    first_ns, last_ns = min(finding.first_ns for finding in group), max(finding.last_ns for finding in group)
    return f"{flows}, {span(first_ns, last_ns)} UTC"


def _places(group: list[FindingGroup]) -> list[RenderableType]:
    """Each path with the most frequent pairs of client and server on it."""
    paths = [list(same) for _, same in groupby(group, key=lambda finding: finding.path)]
    room = max(MINIMUM_PAIRS, SHOWN_PAIRS // len(paths))
    lines: list[RenderableType] = []
    for path in paths[:SHOWN_PATHS]:
        flows = count(sum(finding.flows for finding in path), "flow")
        pairs = Padding(Group(*_pairs(path, room)), (0, 0, 0, 2))
        lines += [Text(path[0].path).append(f"  {flows}", "dim"), pairs]
    if rest := paths[SHOWN_PATHS:]:
        lines.append(Text(f"and {count(len(rest), 'more path')}; -o json lists all", "dim"))
    return lines


def _pairs(path: list[FindingGroup], room: int) -> list[Text]:
    """With the start of each key, which `observer explain` takes."""
    shown = path if len(path) <= room + 1 else path[:room]
    lines = [
        Text(f"{place(finding.client)} → {place(finding.server)}").append(_details(finding), "dim")
        for finding in sorted(shown, key=lambda finding: finding.new is False)
    ]
    if rest := path[len(shown) :]:
        flows = count(sum(finding.flows for finding in rest), "flow")
        lines.append(Text(f"and {count(len(rest), 'more pair')} with {flows}; -o json lists all", "dim"))
    return lines


def _details(finding: FindingGroup) -> str:
    novelty = {True: "  new", False: "  known", None: ""}[finding.new]
    return f"  {count(finding.flows, 'flow')}  {finding.key[:SHOWN_DIGITS]}{novelty}".rstrip()


def _reasons(group: list[FindingGroup]) -> list[Text]:
    """Each reason once, the first of each finding before the rest; addresses of pages stand under `see`."""
    firsts = [reason for finding in group for reason in finding.reasons[:1]]
    every = [reason for finding in group for reason in finding.reasons[1:]]
    reasons = list(dict.fromkeys(LINK.sub("", reason) for reason in (*firsts, *every)))
    shown = reasons if len(reasons) <= SHOWN_REASONS + 1 else reasons[:SHOWN_REASONS]
    lines = [Text(printable(reason)) for reason in shown]
    if rest := len(reasons) - len(shown):
        lines.append(Text(f"and {count(rest, 'more reason')}; -o json lists all", "dim"))
    return lines


def _notes(analysis: Analysis) -> Group:
    return Group(*(Text(f"Note: {note}", "yellow") for note in notes(analysis)))
