"""The webhook body of Prometheus Alertmanager, version 4, so that what reads those reads these."""

from typing import Any

from observer.alerts.bodies.words import between
from observer.alerts.change import FindingChange
from observer.alerts.message import Message
from observer.alerts.routing import told
from observer.alerts.times import rfc3339

NEVER = "0001-01-01T00:00:00Z"
"""The end of an alert that stands: Go's zero time."""


def write(message: Message) -> dict[str, Any]:
    """The message as Alertmanager would send it."""
    alerts = [_alert(change, "firing", message) for change in message.firing]
    alerts += [_alert(change, "resolved", message) for change in message.resolved]
    return {
        "version": "4",
        "groupKey": f"observer/{message.route}:{message.group}",
        "truncatedAlerts": message.omitted,
        "status": message.status,
        "receiver": message.receiver,
        "groupLabels": message.labels,
        "commonLabels": _common([alert["labels"] for alert in alerts]),
        "commonAnnotations": _common([alert["annotations"] for alert in alerts]),
        "externalURL": message.link or "",
        "alerts": alerts,
    }


def _alert(change: FindingChange, status: str, message: Message) -> dict[str, Any]:
    return {
        "status": status,
        "labels": _labels(change),
        "annotations": _annotations(change),
        "startsAt": rfc3339(change.first_ns),
        "endsAt": NEVER if status == "firing" else rfc3339(message.created_ns),
        "generatorURL": message.link or "",
        "fingerprint": change.key,
    }


def _labels(change: FindingChange) -> dict[str, str]:
    labels = {
        "alertname": change.rule,
        "severity": change.severity.value,
        "path": change.path,
        "cluster": change.cluster,
        "namespace": change.namespace,
        "client": told(change.client),
        "server": told(change.server),
        "port": None if change.server.port is None else str(change.server.port),
        "finding": change.key,
    }
    return {name: value for name, value in labels.items() if value}


def _annotations(change: FindingChange) -> dict[str, str]:
    annotations = {
        "summary": f"{change.title}: {between(change)}",
        "description": change.explanation,
        "remediation": change.remediation,
        "reference": change.reference,
        "cis": change.cis,
        "verdict": f"{change.verdict} ({change.certainty})",
    }
    return {name: value for name, value in annotations.items() if value}


def _common(every: list[dict[str, str]]) -> dict[str, str]:
    first, *others = every or [{}]
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}
