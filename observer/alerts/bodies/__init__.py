"""A message in the form that its receiver reads: one module a form, each pure."""

from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from observer.alerts.bodies import alertmanager, cloudevents, generic, pagerduty, slack
from observer.alerts.configuration import Body
from observer.alerts.message import Message


class Form(NamedTuple):
    """A form: its content type, and how a message is written in it."""

    content_type: str
    write: Callable[[Message], dict[str, Any]]


FORMS = {
    Body.GENERIC: Form("application/json", generic.write),
    Body.ALERTMANAGER: Form("application/json", alertmanager.write),
    Body.SLACK: Form("application/json", slack.write),
    Body.PAGERDUTY: Form("application/json", pagerduty.write),
    Body.CLOUDEVENTS: Form("application/cloudevents+json", cloudevents.write),
}


def written(message: Message, body: Body, routing_key: str | None) -> tuple[bytes, str]:
    """The bytes to send and their content type; `routing_key` is PagerDuty's."""
    form = FORMS[body]
    document = form.write(message)
    return orjson.dumps({"routing_key": routing_key, **document} if routing_key else document), form.content_type
