"""The analysis as one HTML file that needs nothing else: no script, no font, no picture from anywhere."""

import base64
import hashlib
from functools import cache
from itertools import groupby
from typing import Any

import jinja2
import msgspec
from markupsafe import Markup

from observer.analysis import UNATTRIBUTED, Analysis, CertificateUse, FindingGroup, PathTotals, by_rule
from observer.model import Certainty, Purpose, Severity, State
from observer.report.matrix import flows_in
from observer.report.notes import notes
from observer.report.timestamps import rfc3339, span
from observer.report.words import SEVERITIES, STATES, UNSAFE, count, place, printable

BAR_WIDTH = 100
"""Width of a path's bar, in its own units."""

UNBROKEN = 36
"""Letters of code that stay on one line: no flag of Kubernetes is longer, and a telephone has room for them."""

SHOWN_PAIRS = 6
"""Pairs of client and server that are open from the start; the rest unfolds."""


def document(analysis: Analysis, version: str) -> bytes:
    """The whole page."""
    page = _templates().get_template("report.html.j2")
    style = _templates().get_template("report.css").render()
    return page.render(**_context(analysis), style=style, style_hash=_hash(style), version=version).encode()


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("observer.report"),
        autoescape=jinja2.select_autoescape(("html.j2",)),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"printable": printable, "place": place, "count": count, "code": _code}
    return environment


def _hash(style: str) -> str:
    """What the page's policy allows: this style and nothing else."""
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


def _code(text: str) -> Markup:
    """Words between back ticks as code; flags and short commands are not broken."""
    parts = enumerate(printable(text).split("`"))
    return Markup("").join(_code_word(part) if number % 2 else part for number, part in parts)


def _code_word(word: str) -> Markup:
    if len(word) <= UNBROKEN:
        return Markup('<code class="short">{}</code>').format(word)
    words = (Markup('<span class="short">{}</span>').format(one) for one in word.split(" "))
    return Markup("<code>{}</code>").format(Markup(" ").join(words))


def _context(analysis: Analysis) -> dict[str, Any]:
    known = [totals for totals in analysis.paths if totals.id != UNATTRIBUTED]
    groups = by_rule(analysis.findings)
    return {
        "analysis": analysis,
        "when": _when(analysis.first_ns, analysis.last_ns),
        "unsafe": sum(flows_in(totals, UNSAFE) for totals in known),
        "unsafe_paths": sum(bool(flows_in(totals, UNSAFE)) for totals in known),
        "known": sum(flows_in(totals, STATES) for totals in known),
        "severities": _severities(groups),
        "states": [state for state in STATES if any(state in totals.states for totals in analysis.paths)],
        "symbols": {state: symbol for state, (symbol, _) in STATES.items()},
        "paths": [_path(totals) for totals in analysis.paths],
        "findings": [_finding(group) for group in groups],
        "certificates": [_certificate(use, analysis.last_ns) for use in analysis.certificates],
        "new": None if all(one.new is None for one in analysis.findings) else sum(map(_is_new, groups)),
        "notes": notes(analysis),
    }


def _severities(groups: list[list[FindingGroup]]) -> list[tuple[Severity, int]]:
    return [
        (severity, number)
        for severity in SEVERITIES
        if (number := sum(group[0].severity is severity for group in groups)) or severity is not Severity.UNKNOWN
    ]


def _when(first_ns: int | None, last_ns: int | None) -> str:
    return "" if first_ns is None or last_ns is None else f"{span(first_ns, last_ns)} UTC"


def _path(totals: PathTotals) -> dict[str, Any]:
    flows = flows_in(totals, STATES)
    bars, at = [], 0.0
    for state in STATES:
        width = BAR_WIDTH * flows_in(totals, [state]) / max(1, flows)
        if width:
            bars.append((state, round(at, 2), round(width, 2)))
        at += width
    kind = "unattributed" if totals.id == UNATTRIBUTED else "documented" if totals.documented else "other"
    worst = next((state for state in STATES if state in totals.states), State.UNKNOWN)
    numbers = {state: flows_in(totals, [state]) for state in STATES}
    symbol = "·" if kind == "unattributed" else STATES[worst][0]
    fields = {"id": totals.id, "kind": kind, "flows": flows, "numbers": numbers, "bars": bars}
    return {**fields, "worst": worst, "symbol": symbol}


def _is_new(group: list[FindingGroup]) -> bool:
    return any(finding.new for finding in group)


def _finding(group: list[FindingGroup]) -> dict[str, Any]:
    certainties = sorted({finding.certainty for finding in group} - {Certainty.UNKNOWN}, reverse=True)
    paths = [(path, list(same)) for path, same in groupby(group, key=lambda finding: finding.path)]
    return {
        "first": group[0],
        "certainty": " or ".join(certainties),
        "flows": sum(finding.flows for finding in group),
        "when": _when(min(one.first_ns for one in group), max(one.last_ns for one in group)),
        "paths": [(path, same[:SHOWN_PAIRS], same[SHOWN_PAIRS:]) for path, same in paths],
        "reasons": list(dict.fromkeys(reason for finding in group for reason in finding.reasons)),
        "new": None if group[0].new is None else _is_new(group),
    }


def _certificate(use: CertificateUse, last_ns: int | None) -> dict[str, Any]:
    """With how its validity stands to the time of the last packet, by the beginnings of equal length."""
    now = (rfc3339(last_ns) or "")[:19]
    certificate = use.certificate
    expired = bool(certificate.not_after and now and certificate.not_after[:19] < now)
    early = bool(certificate.not_before and now and certificate.not_before[:19] > now)
    purpose = "" if certificate.purpose is Purpose.UNKNOWN else certificate.purpose.value.replace("-", " ")
    return {**msgspec.structs.asdict(certificate), "use": use, "expired": expired, "early": early, "purpose": purpose}
