"""The findings as JUnit XML: one suite for each path, one case for each rule that could hold there."""

from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from observer.analysis import Analysis, FindingGroup, gravest_first, reaches
from observer.model import Severity
from observer.report.notes import notes
from observer.report.words import count, place, printable
from observer.ruleset import FindingRule


def document(analysis: Analysis, rules: Sequence[FindingRule], fail_on: Severity | None) -> bytes:
    """A case fails where its findings make the run fail (`fail_on`: at which severity); else they stand beside it."""
    found: dict[tuple[str, str], list[FindingGroup]] = {}
    for finding in gravest_first(analysis.findings):
        found.setdefault((finding.path, finding.id), []).append(finding)
    root = Element("testsuites", name="observer")
    for totals in analysis.paths:
        suite = SubElement(root, "testsuite", name=totals.id)
        known = SubElement(suite, "properties")
        known.extend(Element("property", name="note", value=_clean(line)) for line in notes(analysis))
        _cases(suite, totals.id, rules, found, fail_on)
    _sum(root, list(root))
    indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(root, encoding="unicode")}\n'.encode()


def _cases(
    suite: Element,
    path: str,
    rules: Sequence[FindingRule],
    found: dict[tuple[str, str], list[FindingGroup]],
    fail_on: Severity | None,
) -> None:
    for rule in rules:
        findings = found.get((path, rule.id), [])
        if findings or _may_hold(rule, path):
            _case(suite, path, rule, findings, fail_on)
    _sum(suite, [suite])


def _may_hold(rule: FindingRule, path: str) -> bool:
    return any(when.path is None or path in when.path for when in rule.when)


def _case(suite: Element, path: str, rule: FindingRule, findings: list[FindingGroup], fail_on: Severity | None) -> None:
    case = SubElement(suite, "testcase", classname=path, name=f"{rule.id}: {rule.title}")
    if not findings:
        return
    text = "\n".join(_told(findings))
    if fail_on is not None and reaches(findings, fail_on):
        failure = SubElement(case, "failure", type=rule.severity.value, message=_clean(rule.title))
        failure.text = text
    else:
        SubElement(case, "system-out").text = text


def _told(findings: list[FindingGroup]) -> Iterator[str]:
    first = findings[0]
    yield f"{first.severity.value}: {_clean(first.explanation)}"
    for finding in findings:
        known = " (known)" if finding.new is False else ""
        flows = count(finding.flows, "flow")
        yield f"{place(finding.client)} → {place(finding.server)}, {flows}, key {finding.key}{known}"
        yield from (f"  because: {_clean(reason)}" for reason in finding.reasons)
    yield f"mend: {_clean(first.remediation)}"
    if first.check:
        yield f"check: {_clean(first.check)}"


def _sum(element: Element, suites: list[Element]) -> None:
    element.set("tests", str(sum(len(suite.findall("testcase")) for suite in suites)))
    element.set("failures", str(sum(len(suite.findall("testcase/failure")) for suite in suites)))


def _clean(text: str) -> str:
    """XML 1.0 knows no control characters, and names come from the traffic."""
    return printable(text)
