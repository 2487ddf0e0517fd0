"""Each body against what its receiver publishes: JSON schemas made from those specifications, and their limits."""

from typing import Any

import jsonschema
import msgspec
import orjson
import pytest

from observer.alerts.bodies import FORMS, written
from observer.alerts.change import FindingChange, Status
from observer.alerts.configuration import Body
from observer.alerts.message import Message, Reason
from observer.analysis import Party
from observer.model import Role

TEXT = {"type": "string"}
TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}
WORDS = {"type": "object", "additionalProperties": TEXT}


def closed(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    """An object of these members and no others."""
    members = {**required, **(optional or {})}
    return {"type": "object", "required": [*required], "properties": members, "additionalProperties": False}


# https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
ALERTMANAGER = closed(
    {
        "version": {"const": "4"},
        "groupKey": TEXT,
        "truncatedAlerts": {"type": "integer", "minimum": 0},
        "status": {"enum": ["firing", "resolved"]},
        "receiver": TEXT,
        "groupLabels": WORDS,
        "commonLabels": WORDS,
        "commonAnnotations": WORDS,
        "externalURL": TEXT,
        "alerts": {
            "type": "array",
            "items": closed(
                {
                    "status": {"enum": ["firing", "resolved"]},
                    "labels": {**WORDS, "required": ["alertname"]},
                    "annotations": WORDS,
                    "startsAt": TIME,
                    "endsAt": TIME,
                    "generatorURL": TEXT,
                    "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
                }
            ),
        },
    }
)
# https://developer.pagerduty.com/docs/events-api-v2-overview
PAGERDUTY = {
    "oneOf": [
        closed(
            {
                "routing_key": {"type": "string", "minLength": 32, "maxLength": 32},
                "event_action": {"const": "trigger"},
                "dedup_key": {"type": "string", "maxLength": 255},
                "payload": closed(
                    {
                        "summary": {"type": "string", "minLength": 1, "maxLength": 1024},
                        "source": {"type": "string", "minLength": 1},
                        "severity": {"enum": ["critical", "error", "warning", "info"]},
                    },
                    {
                        "timestamp": TIME,
                        "component": TEXT,
                        "group": TEXT,
                        "class": TEXT,
                        "custom_details": {"type": "object"},
                    },
                ),
            },
            {
                "client": TEXT,
                "client_url": TEXT,
                "links": {"type": "array", "items": closed({"href": TEXT}, {"text": TEXT})},
                "images": {"type": "array"},
            },
        ),
        closed({"routing_key": TEXT, "event_action": {"enum": ["resolve", "acknowledge"]}, "dedup_key": TEXT}),
    ]
}
# https://docs.slack.dev/reference/block-kit/blocks
SLACK_TEXT = closed({"type": {"const": "mrkdwn"}, "text": {"type": "string", "minLength": 1, "maxLength": 3000}})
SLACK = closed(
    {
        "text": {"type": "string", "maxLength": 40_000},
        "blocks": {
            "type": "array",
            "maxItems": 50,
            "items": {
                "oneOf": [
                    closed(
                        {
                            "type": {"const": "header"},
                            "text": closed(
                                {"type": {"const": "plain_text"}, "text": {"type": "string", "maxLength": 150}},
                                {"emoji": {"type": "boolean"}},
                            ),
                        }
                    ),
                    closed({"type": {"const": "section"}, "text": SLACK_TEXT}),
                    closed(
                        {
                            "type": {"const": "context"},
                            "elements": {"type": "array", "maxItems": 10, "items": SLACK_TEXT},
                        }
                    ),
                ]
            },
        },
    }
)
# https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/cloudevents.json
CLOUDEVENTS = {
    "type": "object",
    "required": ["id", "source", "specversion", "type"],
    "properties": {
        "id": {"type": "string", "minLength": 1},
        "source": {"type": "string", "format": "uri-reference", "minLength": 1},
        "specversion": {"const": "1.0"},
        "type": {"type": "string", "minLength": 1},
        "datacontenttype": {"type": ["string", "null"], "minLength": 1},
        "subject": {"type": ["string", "null"], "minLength": 1},
        "time": TIME,
        "data": {"type": "object"},
    },
    "propertyNames": {"pattern": "^[a-z0-9]+$"},
}
GENERIC = closed(
    {
        "type": {"enum": ["observer.alert.firing", "observer.alert.resolved"]},
        "timestamp": TIME,
        "data": {"type": "object", "required": ["schema", "id", "status", "findings", "omitted"]},
    }
)
SCHEMAS = {
    Body.ALERTMANAGER: ALERTMANAGER,
    Body.PAGERDUTY: PAGERDUTY,
    Body.SLACK: SLACK,
    Body.CLOUDEVENTS: CLOUDEVENTS,
    Body.GENERIC: GENERIC,
}
ROUTING_KEY = "0123456789abcdef0123456789abcdef"


def message(firing: tuple[FindingChange, ...] = (), resolved: tuple[FindingChange, ...] = ()) -> Message:
    labels = {"rule": "kubelet-certificate-unverified"}
    return Message(
        "msg_1",
        "all",
        "hook",
        "5d1f",
        labels,
        Reason.NEWS,
        1_764_000_000_000_000_000,
        firing,
        resolved,
        0,
        "https://o.example",
    )


def body(wanted: Message, form: Body) -> Any:
    return orjson.loads(written(wanted, form, ROUTING_KEY if form is Body.PAGERDUTY else None)[0])


@pytest.mark.parametrize("form", [*Body])
@pytest.mark.parametrize("case", ["firing", "resolved", "both", "large"])
def test_each_body_is_what_its_receiver_publishes(form: Body, case: str, change: Any) -> None:
    ended = change("00000000000000b2", Status.RESOLVED)
    long = {"title": "ü" * 5000, "remediation": "<!channel> & more\n" * 500, "explanation": "x" * 2000}
    messages = {
        "firing": message((change(),)),
        "resolved": message((), (ended,)),
        "both": message((change(),), (ended,)),
        "large": message(tuple(change(f"{n:016x}", **long) for n in range(100))),
    }

    jsonschema.validate(body(messages[case], form), SCHEMAS[form])


def test_every_form_has_a_schema_here() -> None:
    assert set(SCHEMAS) == set(FORMS) == set(Body)


def test_pagerduty_closes_the_incident_that_it_opened(change: Any) -> None:
    opened = body(message((change(),)), Body.PAGERDUTY)
    closed_ = body(message((), (change(status=Status.RESOLVED),)), Body.PAGERDUTY)

    assert (opened["event_action"], closed_["event_action"]) == ("trigger", "resolve")
    assert opened["dedup_key"] == closed_["dedup_key"]


def test_names_from_the_traffic_can_neither_link_nor_mention_in_slack(change: Any) -> None:
    evil = change(client=Party("10.0.0.1", Role.POD, "<!channel>\n<https://evil.example|click>"))

    text = orjson.dumps(body(message((evil,)), Body.SLACK)).decode()

    assert "<!channel>" not in text
    assert "<https://evil" not in text


def test_alertmanager_marks_what_stands_and_what_ended(change: Any) -> None:
    told = body(message((change(),), (change("00000000000000b2", Status.RESOLVED),)), Body.ALERTMANAGER)

    assert [(alert["status"], alert["endsAt"]) for alert in told["alerts"]] == [
        ("firing", "0001-01-01T00:00:00Z"),
        ("resolved", "2025-11-24T16:00:00.000000Z"),
    ]
    assert told["commonLabels"]["cluster"] == "lab"
    assert "finding" not in told["commonLabels"]


@pytest.mark.parametrize("form", [*Body])
def test_the_same_message_is_the_same_bytes(form: Body, change: Any) -> None:
    wanted = message((change(),))
    again = msgspec.json.decode(msgspec.json.encode(wanted), type=Message)

    assert written(wanted, form, None) == written(again, form, None)
