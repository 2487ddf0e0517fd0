"""Events of real captures in every format, held against what is published of it."""

import ipaddress
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from observer.formats.format import Format, formatted

DATA = Path(__file__).parent / "data"
CLASSES = {4001: "network_activity", 2004: "detection_finding", 0: "base_event"}
Event = dict[str, Any]


@pytest.fixture(scope="module")
def events(analyzed: Callable[..., tuple[Any, bytes]]) -> list[Event]:
    """Flows of captures with every protocol, a finding made of each that has one, and the events about the agent."""
    captures = (
        "j_mixed_cluster_fabric.pcap",
        "d_verified_casigned_node2_exec.pcap",
        "b_curl_wrong_ca_fails_tls12.pcap",
    )
    flows = [json.loads(line) for name in captures for line in analyzed(name)[1].splitlines()]
    told = {"schema": "observer/1", "time": flows[0]["time"], "observer": {"cluster": "lab", "node": "node 1"}}
    reports = [{**told, "kind": "loss", "counters": {"ring_dropped": 3}}, {**told, "kind": "summary", "counters": {}}]
    return [*flows, *({**told, **finding(flow)} for flow in flows if flow["findings"]), *reports]


def finding(flow: Event) -> Event:
    client = {name: value for name, value in flow["client"].items() if name != "port"}
    seen = {"first_seen": flow["flow"]["start"], "last_seen": flow["flow"]["end"], "count": 0, "flows": [flow["id"]]}
    same = {name: flow[name] for name in ("server", "path", "verdict")}
    coverage = {"complete": True, "lost": {}}
    name = {"kind": "finding", "id": f"f{flow['id']}", "key": "09729bab5d3cf0a2"}
    return {**name, **seen, **same, "client": client, "finding": flow["findings"][0], "coverage": coverage}


def converted(events: list[Event], chosen: Format) -> list[Event]:
    lines = b"".join(json.dumps(event).encode() + b"\n" for event in events)
    return [json.loads(line) for line in formatted(lines, chosen).splitlines()]


def test_every_event_is_one_of_the_ocsf_schema(events: list[Event]) -> None:
    schemas = {uid: json.loads((DATA / "ocsf" / f"1.5.0-{name}.json").read_text()) for uid, name in CLASSES.items()}

    out = converted(events, Format.OCSF)

    assert {event["class_uid"] for event in out} == set(CLASSES)
    for event in out:
        jsonschema.Draft202012Validator(schemas[event["class_uid"]]).validate(event)
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
    assert any("certificate" in event.get("tls", {}) for event in out)


def test_every_event_is_a_cloudevent_with_an_id_of_its_own(events: list[Event]) -> None:
    schema = json.loads((DATA / "cloudevents-1.0.json").read_text())

    out = converted(events, Format.CLOUDEVENTS)

    for event in out:
        jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(event)
    assert len({(event["source"], event["id"]) for event in out}) == len(events)
    assert [event["data"] for event in out] == events


def test_every_field_is_one_of_the_elastic_common_schema_and_of_its_type(events: list[Event]) -> None:
    fields = json.loads((DATA / "ecs-8.17.json").read_text())

    for event in converted(events, Format.ECS):
        own = event.pop("observer_event")
        assert isinstance(own, dict)
        for name, value in flat(event):
            assert name in fields
            assert all(is_of(fields[name], one) for one in (value if isinstance(value, list) else [value])), (
                name,
                value,
            )


def flat(fields: Event, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def is_of(kind: str, value: Any) -> bool:
    match kind:
        case "long":
            return isinstance(value, int) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "ip":
            return bool(ipaddress.ip_address(value))
        case "date":
            return bool(datetime.fromisoformat(value[:19])) and value.endswith("Z")
    return isinstance(value, str)


def test_native_lines_stay_as_they_are() -> None:
    assert formatted(b'{"a": 1}\n', Format.NATIVE) == b'{"a": 1}\n'
