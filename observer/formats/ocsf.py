"""OCSF 1.5: flows as Network Activity (4001), findings as Detection Finding (2004), the rest as Base Event (0)."""

from datetime import UTC, datetime
from typing import Any

VERSION = "1.5.0"
NETWORK_ACTIVITY, DETECTION_FINDING, BASE_EVENT = 4001, 2004, 0
OPEN, CLOSE, RESET, TRAFFIC = 1, 2, 3, 6
CREATE = 1
SEVERITIES = {"info": 1, "low": 2, "medium": 3, "high": 4, "critical": 5}
UNKNOWN, OTHER = 0, 99
SHA_256 = 3
TCP = 6


def converted(event: dict[str, Any]) -> dict[str, Any]:
    """One OCSF event."""
    match event["kind"]:
        case "flow":
            return _flow(event)
        case "finding":
            return _finding(event)
    return {**_head(event, BASE_EVENT, 0, OTHER), "activity_name": event["kind"], "unmapped": event}


def _flow(event: dict[str, Any]) -> dict[str, Any]:
    severities = [SEVERITIES.get(found["severity"], UNKNOWN) for found in event["findings"]]
    judged = {name: event[name] for name in ("path", "verdict", "findings")}
    return {
        **_head(event, NETWORK_ACTIVITY, 4, _activity(event)),
        "severity_id": max(severities, default=1),
        **_times(event["flow"]["start"], event["flow"]["end"]),
        "src_endpoint": _endpoint(event["client"]),
        "dst_endpoint": _endpoint(event["server"]),
        "connection_info": _connection(event),
        "traffic": _traffic(event["flow"]),
        **_tls(event.get("tls")),
        "unmapped": judged,
    }


def _finding(event: dict[str, Any]) -> dict[str, Any]:
    found = event["finding"]
    told = {"desc": found.get("explanation"), "src_url": found.get("reference")}
    seen = {"first_seen_time": _ms(event["first_seen"]), "last_seen_time": _ms(event["last_seen"])}
    ends = {"src_endpoint": _endpoint(event["client"]), "dst_endpoint": _endpoint(event["server"])}
    remedy = found.get("remediation")
    return {
        **_head(event, DETECTION_FINDING, 2, CREATE),
        "severity_id": SEVERITIES.get(found["severity"], UNKNOWN),
        **_times(event["first_seen"], event["last_seen"]),
        "is_alert": True,
        "count": max(1, event["count"]),
        "finding_info": _known(
            {"uid": event["key"], "title": found.get("title", found["id"]), "types": [found["id"]], **told, **seen}
        ),
        "evidences": [ends],
        **({"remediation": {"desc": remedy}} if remedy else {}),
        "unmapped": {name: event[name] for name in ("path", "verdict", "coverage") if name in event},
    }


def _head(event: dict[str, Any], of: int, category: int, activity: int) -> dict[str, Any]:
    seen = event.get("observer") or {}
    product = _known({"name": "observer", "vendor_name": "observer", "version": seen.get("version")})
    metadata = {"version": VERSION, "product": product, "uid": event.get("id"), "original_time": event["time"]}
    return {
        "class_uid": of,
        "category_uid": category,
        "activity_id": activity,
        "type_uid": of * 100 + activity,
        "severity_id": 1,
        "time": _ms(event["time"]),
        "metadata": _known(metadata),
    }


def _activity(event: dict[str, Any]) -> int:
    if not event.get("final"):
        return OPEN
    return {"closed": CLOSE, "reset": RESET}.get(event["flow"].get("state", ""), TRAFFIC)


def _endpoint(end: dict[str, Any]) -> dict[str, Any]:
    return _known({"ip": end["address"], "port": end.get("port"), "name": end.get("name")})


def _connection(event: dict[str, Any]) -> dict[str, Any]:
    network = event.get("network") or {}
    version = {"ipv4": 4, "ipv6": 6}.get(network.get("type", ""), UNKNOWN)
    named = {"community_uid": network.get("community_id")}
    wire = {"protocol_name": "tcp", "protocol_num": TCP, "protocol_ver_id": version}
    return _known({"uid": event["id"], "direction_id": UNKNOWN, **wire, **named})


def _traffic(flow: dict[str, Any]) -> dict[str, int]:
    sent, received = (
        (flow.get("client_bytes", 0), flow.get("client_packets", 0)),
        (flow.get("server_bytes", 0), flow.get("server_packets", 0)),
    )
    return {
        "bytes": sent[0] + received[0],
        "bytes_out": sent[0],
        "bytes_in": received[0],
        "packets": sent[1] + received[1],
        "packets_out": sent[1],
        "packets_in": received[1],
    }


def _tls(tls: dict[str, Any] | None) -> dict[str, Any]:
    """Only where the version is known: the schema requires it."""
    if not tls or not tls.get("version"):
        return {}
    client, shown = tls["client"], tls["server"]["certificates"]
    told: dict[str, Any] = {"version": tls["version"], "cipher": tls.get("cipher"), "sni": client.get("server_name")}
    if shown and shown[0].get("issuer") and shown[0].get("serial"):
        told["certificate"] = _certificate(shown[0])
    return {"tls": _known(told)}


def _certificate(shown: dict[str, Any]) -> dict[str, Any]:
    fingerprint = {"algorithm_id": SHA_256, "value": shown["sha256"]}
    named = {"issuer": shown["issuer"], "serial_number": shown["serial"], "subject": shown.get("subject")}
    life = {"created_time": _ms(shown.get("not_before")), "expiration_time": _ms(shown.get("not_after"))}
    return _known({"fingerprints": [fingerprint], **named, **life})


def _times(start: str, end: str) -> dict[str, Any]:
    return _known({"start_time": _ms(start), "end_time": _ms(end)})


def _ms(time: str | None) -> int | None:
    """Milliseconds since 1970 of RFC 3339 in UTC."""
    if time is None:
        return None
    whole = datetime.fromisoformat(time[:19]).replace(tzinfo=UTC)
    return int(whole.timestamp()) * 1000 + int(time[19:].strip(".Z").ljust(3, "0")[:3] or 0)


def _known(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
