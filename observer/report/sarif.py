"""The findings as SARIF 2.1.0 (OASIS), for code scanning and other readers of static analysis results."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import orjson

from observer.analysis import Analysis, FindingGroup, gravest_first
from observer.model import Severity
from observer.report.notes import notes
from observer.report.timestamps import rfc3339
from observer.report.words import count, place, printable
from observer.ruleset import FindingRule

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
HOME = "https://kubernetes.io/docs/concepts/architecture/control-plane-node-communication/"

LEVELS = {
    Severity.CRITICAL: ("error", "9.5"),
    Severity.HIGH: ("error", "8.0"),
    Severity.MEDIUM: ("warning", "5.5"),
    Severity.LOW: ("note", "3.0"),
    Severity.INFO: ("note", "0.0"),
    Severity.UNKNOWN: ("none", "0.0"),
}
"""SARIF's level, and the number that GitHub sorts security alerts by."""


def document(analysis: Analysis, rules: Sequence[FindingRule], version: str) -> bytes:
    """One run, with every rule that was looked for and each finding as a result."""
    indices = {rule.id: index for index, rule in enumerate(rules)}
    driver = {"name": "observer", "version": version, "informationUri": HOME, "rules": [_rule(rule) for rule in rules]}
    run = {
        "tool": {"driver": driver},
        "artifacts": [{"location": {"uri": _uri(capture.name)}} for capture in analysis.captures],
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [
                    {"level": "note", "message": {"text": note}} for note in notes(analysis)
                ],
            }
        ],
        "results": [_result(finding, indices, analysis) for finding in gravest_first(analysis.findings)],
        "columnKind": "unicodeCodePoints",
    }
    whole = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return orjson.dumps(whole, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _rule(rule: FindingRule) -> dict[str, Any]:
    level, number = LEVELS[rule.severity]
    check = f"\n\nCheck: {rule.check}" if rule.check else ""
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.explanation},
        "help": {
            "text": f"{rule.explanation}\n\nMend: {rule.remediation}{check}",
            "markdown": f"{rule.explanation}\n\n**Mend:** {rule.remediation}{check.replace('Check:', '**Check:**')}",
        },
        "helpUri": rule.reference,
        "defaultConfiguration": {"level": level},
        "properties": {
            "tags": ["security", "kubernetes", *([f"CIS {rule.cis}"] if rule.cis else [])],
            "security-severity": number,
            "severity": rule.severity,
        },
    }


def _result(finding: FindingGroup, indices: dict[str, int], analysis: Analysis) -> dict[str, Any]:
    result: dict[str, Any] = {"ruleId": finding.id}
    if finding.id in indices:
        result["ruleIndex"] = indices[finding.id]
    if finding.new is not None:
        result["baselineState"] = "new" if finding.new else "unchanged"
    return {
        **result,
        "level": LEVELS[finding.severity][0],
        "message": {"text": _message(finding)},
        "locations": [_location(finding, analysis)],
        "partialFingerprints": {"observerFinding/v1": finding.key},
        "properties": {
            "path": finding.path,
            "certainty": finding.certainty,
            "reasons": [printable(reason) for reason in finding.reasons],
            "flows": finding.flows,
            "start": rfc3339(finding.first_ns),
            "end": rfc3339(finding.last_ns),
        },
    }


def _message(finding: FindingGroup) -> str:
    pair = f"{place(finding.client)} → {place(finding.server)}"
    return f"{finding.title}: {pair} on {finding.path}, {count(finding.flows, 'flow')}. {finding.remediation}"


def _location(finding: FindingGroup, analysis: Analysis) -> dict[str, Any]:
    """The capture, and who talks to whom."""
    pair = f"{place(finding.client)} → {place(finding.server)}"
    logical = {"name": pair, "fullyQualifiedName": f"{finding.path}: {pair}", "kind": "resource"}
    location: dict[str, Any] = {"logicalLocations": [logical]}
    if analysis.captures:
        location["physicalLocation"] = {
            "artifactLocation": {"uri": _uri(analysis.captures[0].name), "index": 0},
            # A capture has no lines, but GitHub shows no alert without one.
            "region": {"startLine": 1},
        }
    return location


def _uri(name: str) -> str:
    return "standard-input" if name == "-" else quote(name)
