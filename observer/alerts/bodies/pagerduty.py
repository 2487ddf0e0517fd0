"""An event of PagerDuty's Events API, version 2: one incident for each group, closed when nothing of it stands."""

from typing import Any

from observer.alerts.bodies.words import between, counted, headline
from observer.alerts.change import FindingChange
from observer.alerts.message import Message
from observer.alerts.times import rfc3339
from observer.model import Severity

SUMMARY_LIMIT = 1024
"""Characters; more is refused."""

MOST_DETAILS = 20
"""Findings in the details of an incident: PagerDuty takes 512 KiB in all."""

SEVERITIES = {
    Severity.CRITICAL: "critical",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "info",
    Severity.INFO: "info",
    Severity.UNKNOWN: "info",
}


def write(message: Message) -> dict[str, Any]:
    """The event without its routing key, which is a secret."""
    if message.status == "resolved":
        return {"event_action": "resolve", "dedup_key": message.group}
    changes = message.firing + message.resolved
    return {
        "event_action": "trigger",
        "dedup_key": message.group,
        "client": "observer",
        **({"client_url": message.link} if message.link else {}),
        "links": _links(changes),
        "payload": {
            "summary": headline(message)[:SUMMARY_LIMIT],
            "source": changes[0].cluster or changes[0].server.name or changes[0].server.address,
            "severity": SEVERITIES[message.severity],
            "timestamp": rfc3339(message.created_ns),
            "component": changes[0].path,
            "group": message.route,
            "class": changes[0].rule,
            "custom_details": _details(message),
        },
    }


def _links(changes: tuple[FindingChange, ...]) -> list[dict[str, str]]:
    references = sorted({(change.reference, change.rule) for change in changes if change.reference})
    return [{"href": reference, "text": rule} for reference, rule in references[:MOST_DETAILS]]


def _details(message: Message) -> dict[str, Any]:
    return {
        "counts": counted(message),
        "labels": message.labels,
        "firing": [_line(change) for change in message.firing[:MOST_DETAILS]],
        "resolved": [_line(change) for change in message.resolved[:MOST_DETAILS]],
        "remediation": sorted({change.remediation for change in message.firing[:MOST_DETAILS] if change.remediation}),
    }


def _line(change: FindingChange) -> str:
    return f"{change.severity} {change.rule} on {change.path}: {between(change)}, {change.count} flows ({change.key})"
