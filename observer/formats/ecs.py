"""Elastic Common Schema 8.x: flows and findings in its fields, what it has no field for under `observer_event`."""

from typing import Any

VERSION = "8.17.0"
SEVERITIES = {"info": 1, "low": 21, "medium": 47, "high": 73, "critical": 99}
"""Numbers that Elastic's own detection rules give these words."""


def converted(event: dict[str, Any]) -> dict[str, Any]:
    """One document."""
    return {
        "@timestamp": event["time"],
        "ecs": {"version": VERSION},
        "event": _event(event),
        "observer": _observer(event),
        **_ends(event),
        **_tls(event),
        **_rule(event),
        "observer_event": {
            name: event[name] for name in ("path", "verdict", "findings", "counters", "lost") if name in event
        },
    }


def _event(event: dict[str, Any]) -> dict[str, Any]:
    kind = event["kind"]
    told: dict[str, Any] = {"dataset": f"observer.{kind}", "module": "observer", "id": event.get("id")}
    if kind == "flow":
        flow = event["flow"]
        state = ["end"] if event.get("final") else ["start"]
        told |= {"kind": "event", "category": ["network"], "type": ["connection", *state]}
        told |= {"start": flow["start"], "end": flow["end"]}
    elif kind == "finding":
        severity = SEVERITIES.get(event["finding"]["severity"], 0)
        told |= {"kind": "alert", "category": ["network"], "type": ["info"], "severity": severity}
        told |= {"start": event["first_seen"], "end": event["last_seen"]}
    else:
        told |= {"kind": "metric", "category": ["network"], "type": ["info"]}
    return _known(told)


def _observer(event: dict[str, Any]) -> dict[str, Any]:
    seen = event.get("observer") or {}
    named = {"hostname": seen.get("node"), "version": seen.get("version")}
    return _known({"product": "observer", "type": "sensor", **named})


def _ends(event: dict[str, Any]) -> dict[str, Any]:
    if "client" not in event:
        return {}
    flow, network = event.get("flow") or {}, event.get("network") or {}
    client, server = _end(event["client"], flow, "client"), _end(event["server"], flow, "server")
    protocol = event.get("protocol")
    wire = {"transport": "tcp", "type": network.get("type"), "community_id": network.get("community_id")}
    wire["protocol"] = protocol if protocol in {"tls", "ssh", "http"} else None
    return {"client": client, "source": client, "server": server, "destination": server, "network": _known(wire)}


def _end(end: dict[str, Any], flow: dict[str, Any], side: str) -> dict[str, Any]:
    sizes = {"bytes": flow.get(f"{side}_bytes"), "packets": flow.get(f"{side}_packets")}
    return _known(
        {"address": end["address"], "ip": end["address"], "port": end.get("port"), "domain": end.get("name"), **sizes}
    )


def _tls(event: dict[str, Any]) -> dict[str, Any]:
    tls = event.get("tls")
    if not tls:
        return {}
    client, shown = tls["client"], tls["server"]["certificates"]
    server: dict[str, Any] = {"ja3s": tls["server"].get("ja3s")}
    if shown:
        names = ("subject", "issuer", "not_before", "not_after")
        server |= {name: shown[0].get(name) for name in names} | {"hash": {"sha256": shown[0]["sha256"].upper()}}
    told = {name: tls.get(name) for name in ("version", "cipher", "next_protocol", "resumed", "established")}
    asked = _known({"ja3": client.get("ja3"), "server_name": client.get("server_name")})
    return {
        "tls": _known(
            {**told, "version_protocol": "tls", "curve": tls.get("group"), "client": asked, "server": _known(server)}
        )
    }


def _rule(event: dict[str, Any]) -> dict[str, Any]:
    found = event.get("finding")
    if not found:
        return {}
    told = {"id": found["id"], "name": found.get("title"), "reference": found.get("reference"), "ruleset": "observer"}
    return {"rule": _known(told), **({"message": found["title"]} if found.get("title") else {})}


def _known(fields: dict[str, Any]) -> dict[str, Any]:
    """Without what is not known: an index has no use for nulls."""
    return {name: value for name, value in fields.items() if value not in (None, {})}
