"""A CloudEvents 1.0 event in structured mode around the generic data."""

from typing import Any
from urllib.parse import quote

from observer.alerts.bodies import generic
from observer.alerts.message import Message
from observer.alerts.times import rfc3339


def write(message: Message) -> dict[str, Any]:
    """The message as one event."""
    cluster = next((change.cluster for change in message.firing + message.resolved if change.cluster), None)
    return {
        "specversion": "1.0",
        "id": message.id,
        "source": f"/observer/clusters/{quote(cluster, safe='')}" if cluster else "/observer",
        "type": f"observer.alert.{message.status}",
        "subject": message.group,
        "time": rfc3339(message.created_ns),
        "datacontenttype": "application/json",
        "data": generic.told(message),
    }
