"""CloudEvents 1.0 in its JSON form: the event whole, in an envelope."""

from typing import Any
from urllib.parse import quote

SPECIFICATION = "1.0"


def converted(event: dict[str, Any]) -> dict[str, Any]:
    """The event as `data`. Events of one source and id are the same; `loss` and `summary` are told apart by time."""
    observer = event.get("observer") or {}
    place = "/".join(quote(part, safe="") for part in (observer.get("cluster"), observer.get("node")) if part)
    return {
        "specversion": SPECIFICATION,
        "id": f"{event.get('id') or event['kind']}{_phase(event)}",
        "source": f"/observer/{place}" if place else "/observer",
        "type": f"observer.{event['kind']}.v1",
        "time": event["time"],
        "datacontenttype": "application/json",
        **_subject(event),
        "data": event,
    }


def _phase(event: dict[str, Any]) -> str:
    """A flow is reported under one id when its facts are known and when it ends."""
    if event["kind"] == "flow":
        return "-end" if event.get("final") else f"-{event['time']}"
    return "" if event.get("id") else f"-{event['time']}"


def _subject(event: dict[str, Any]) -> dict[str, str]:
    path = (event.get("path") or {}).get("id")
    return {"subject": path} if path else {}
