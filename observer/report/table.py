"""The analysis for a person at a terminal: what is safe at a glance, then what to mend, then what to know beside it.

Plain text where the output is no terminal; nothing here depends on the clock or the locale.
"""

from io import StringIO
from itertools import groupby
from typing import Any, TextIO

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from observer.analysis import UNATTRIBUTED, Analysis, FindingGroup, ordered
from observer.report.matrix import flows_in, matrix
from observer.report.notes import notes
from observer.report.timestamps import span
from observer.report.words import SEVERITIES, STATES, UNSAFE, count, place, printable

PLAIN_WIDTH = 100
"""Columns where nobody can be asked, as in a file."""

SHOWN_PAIRS = 8
"""Pairs of client and server listed under one finding; the machine-readable forms hold all."""

SHOWN_REASONS = 6
"""Reasons listed under one finding; those that name a certificate differ for each server."""


def write(analysis: Analysis, out: TextIO) -> None:
    """Print the analysis, in colour and as wide as the terminal where there is one."""
    console = _console(file=out)
    if console.is_terminal:
        console.print(render(analysis, console.width), crop=False)
    else:
        out.write(plain(analysis))


def plain(analysis: Analysis, width: int = PLAIN_WIDTH) -> str:
    """The same as text without colour or trailing blanks."""
    console = _console(file=StringIO(), width=width, no_color=True, force_terminal=False)
    with console.capture() as captured:
        console.print(render(analysis, width), crop=False)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def _console(**settings: Any) -> Console:
    return Console(highlight=False, markup=False, emoji=False, **settings)


def render(analysis: Analysis, width: int) -> RenderableType:
    """Everything, one part below the other."""
    parts: list[RenderableType] = [_headline(analysis), Text()]
    if analysis.paths:
        parts += [*matrix(analysis.paths, width), Text()]
    for _, group in groupby(ordered(analysis), key=lambda finding: (finding.severity, finding.path, finding.id)):
        parts += [_finding(list(group)), Text()]
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
        text.append(f"{share} ({count(len(unsafe), 'path')})", "bold red")
    else:
        text.append("No flow on a known path is plaintext or seen to be unverified", "bold green")
    return text.append(_by_severity(analysis))


def _by_severity(analysis: Analysis) -> str:
    kinds = groupby(ordered(analysis), key=lambda finding: finding.severity)
    counts = [f"{len({finding.id for finding in group})} {severity.value}" for severity, group in kinds]
    return f"; findings: {', '.join(counts)}" if counts else "; no findings"


def _finding(group: list[FindingGroup]) -> RenderableType:
    first = group[0]
    certainty = " or ".join(sorted({finding.certainty.value for finding in group}))
    title = Text().append(f" {first.severity.value.upper()} ", SEVERITIES[first.severity])
    title.append(f" {printable(first.title)}", "bold")
    what = [Padding(Text(printable(first.explanation)), (0, 0, 0, 2))] if first.explanation else []
    body = Table.grid(padding=(0, 2, 0, 0))
    body.add_column(style="dim", no_wrap=True)
    body.add_column(overflow="fold")
    body.add_row("rule", f"{first.id} ({certainty})")
    body.add_row("path", f"{first.path}: {_seen(group)}")
    body.add_row("who", Group(*_pairs(group)))
    body.add_row("why", Group(*_reasons(group)))
    body.add_row("mend", Text(printable(first.remediation), "green"))
    return Group(title, *what, Padding(body, (0, 0, 0, 2)), *_references(first))


def _seen(group: list[FindingGroup]) -> str:
    flows = count(sum(finding.flows for finding in group), "flow")
    first_ns, last_ns = min(finding.first_ns for finding in group), max(finding.last_ns for finding in group)
    return f"{flows}, {span(first_ns, last_ns)} UTC"


def _pairs(group: list[FindingGroup]) -> list[Text]:
    lines = [
        Text(f"{place(finding.client)} → {place(finding.server)}").append(f"  {count(finding.flows, 'flow')}", "dim")
        for finding in group[:SHOWN_PAIRS]
    ]
    if rest := group[SHOWN_PAIRS:]:
        flows = count(sum(finding.flows for finding in rest), "flow")
        lines.append(Text(f"and {count(len(rest), 'more pair')} with {flows}; -o json lists all", "dim"))
    return lines


def _reasons(group: list[FindingGroup]) -> list[Text]:
    """Each reason once, in the order of the findings."""
    reasons = list(dict.fromkeys(reason for finding in group for reason in finding.reasons))
    lines = [Text(printable(reason)) for reason in reasons[:SHOWN_REASONS]]
    if (rest := len(reasons) - SHOWN_REASONS) > 0:
        lines.append(Text(f"and {count(rest, 'more reason')}; -o json lists all", "dim"))
    return lines


def _references(finding: FindingGroup) -> list[Text]:
    """On lines of their own that are never broken, so that a reader can follow or copy them."""
    line = Text(no_wrap=True, overflow="ignore").append("  see   ", "dim")
    parts = [Text(f"CIS {finding.cis}")] if finding.cis else []
    if finding.reference:
        parts.append(Text(finding.reference, f"link {finding.reference}"))
    return [line.append_text(Text(" · ").join(parts))] if parts else []


def _notes(analysis: Analysis) -> Group:
    return Group(*(Text(f"Note: {note}", "yellow") for note in notes(analysis)))
