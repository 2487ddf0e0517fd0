"""The program's own body: `type`, `timestamp` and `data`, as Standard Webhooks proposes."""

from typing import Any

from observer.alerts.bodies.words import headline
from observer.alerts.change import FindingChange
from observer.alerts.message import Message
from observer.alerts.times import rfc3339
from observer.analysis import Party

SCHEMA = "observer-alert/1"


def write(message: Message) -> dict[str, Any]:
    """The message as one object."""
    return {
        "type": f"observer.alert.{message.status}",
        "timestamp": rfc3339(message.created_ns),
        "data": told(message),
    }


def told(message: Message) -> dict[str, Any]:
    """What the message says; fields may be added within the schema's version."""
    return {
        "schema": SCHEMA,
        "id": message.id,
        "status": message.status,
        "reason": message.reason,
        "severity": message.severity,
        "summary": headline(message),
        "route": message.route,
        "group": message.group,
        "labels": message.labels,
        "link": message.link,
        "findings": [
            *(_finding(change, "firing") for change in message.firing),
            *(_finding(change, "resolved") for change in message.resolved),
        ],
        "omitted": message.omitted,
    }


def _finding(change: FindingChange, status: str) -> dict[str, Any]:
    return {
        "key": change.key,
        "status": status,
        "id": change.rule,
        "severity": change.severity,
        "title": change.title,
        "explanation": change.explanation,
        "remediation": change.remediation,
        "reference": change.reference,
        "cis": change.cis,
        "path": change.path,
        "verdict": {"state": change.verdict, "certainty": change.certainty},
        "cluster": change.cluster,
        "namespace": change.namespace,
        "nodes": change.nodes,
        "client": _party(change.client),
        "server": _party(change.server),
        "count": change.count,
        "first_seen": rfc3339(change.first_ns),
        "last_seen": rfc3339(change.last_ns),
    }


def _party(party: Party) -> dict[str, Any]:
    return {"address": party.address, "name": party.name, "role": party.role, "port": party.port}
