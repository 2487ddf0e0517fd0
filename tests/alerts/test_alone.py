"""An agent without a collector: its finding events become alerts, and end when nobody sees them any more."""

from typing import Any

import msgspec
import orjson

from observer.alerts import reading, service
from observer.alerts.change import Status
from observer.alerts.lifecycle import FindingEvent, Lifecycle
from observer.model import EventClass
from observer.sinks import Lines
from observer.sinks.alerting import Alerting

from .receiver import ReceiverServer

S = 1_000_000_000


def event(key: str = "00000000000000a1", **fields: Any) -> dict[str, Any]:
    return {
        "schema": "observer/1",
        "kind": "finding",
        "observer": {"cluster": "lab", "node": "node1", "backend": "ebpf", "version": "0.1.0"},
        "id": "e1",
        "key": key,
        "time": "2026-11-22T11:10:36.000000000Z",
        "first_seen": "2026-11-22T11:10:35.000000000Z",
        "last_seen": "2026-11-22T11:10:36.000000000Z",
        "count": 3,
        "client": {"address": "10.240.0.10", "role": "apiserver", "name": "cp1", "kubernetes": None},
        "server": {
            "address": "10.244.1.5",
            "port": 8443,
            "role": "pod",
            "name": "hook",
            "kubernetes": {"namespace": "shop", "pod": {"name": "hook"}},
        },
        "path": {"id": "apiserver-to-webhook"},
        "verdict": {"state": "unverified", "certainty": "inferred", "reasons": []},
        "finding": {
            "id": "webhook-unverified",
            "severity": "high",
            "title": "…",
            "explanation": "…",
            "remediation": "…",
        },
        **fields,
    }


def read(fields: dict[str, Any]) -> FindingEvent:
    return msgspec.json.decode(orjson.dumps(fields), type=FindingEvent)


def test_an_event_is_a_new_finding_once_and_then_again() -> None:
    lifecycle = Lifecycle(60 * S, (), 0)

    (first,) = lifecycle.seen(read(event()), 0)
    (second,) = lifecycle.seen(read(event(count=2, last_seen="2026-11-22T11:12:00.000000000Z")), 10 * S)

    assert (first.status, first.namespace, first.cluster, first.nodes) == (Status.NEW, "shop", "lab", ("node1",))
    assert (second.status, second.count, second.first_ns) == (Status.AGAIN, 5, first.first_ns)
    assert second.last_ns > first.last_ns
    assert (first.client.name, first.client.port, first.server.name, first.server.port) == (
        "cp1",
        None,
        "shop/hook",
        8443,
    )


def test_what_is_not_seen_for_a_time_is_resolved_once_and_new_when_it_comes_again() -> None:
    lifecycle = Lifecycle(60 * S, (), 0)
    lifecycle.seen(read(event("a")), 0)
    lifecycle.seen(read(event("b")), 30 * S)
    lifecycle.seen(read(event("a")), 40 * S)

    assert lifecycle.over(89 * S) == []
    assert [(change.key, change.status) for change in lifecycle.over(90 * S)] == [("b", Status.RESOLVED)]
    assert [change.key for change in lifecycle.over(100 * S)] == ["a"]
    assert lifecycle.over(1000 * S) == []
    assert lifecycle.seen(read(event("b")), 1001 * S)[0].status is Status.NEW


def test_what_stood_before_a_restart_gets_its_whole_time_again() -> None:
    before = Lifecycle(60 * S, (), 0)
    changes = before.seen(read(event("a")), 0)

    after = Lifecycle(60 * S, changes, 500 * S)

    assert after.over(559 * S) == []
    assert [change.key for change in after.over(560 * S)] == ["a"]


class _Quiet:
    def warning(self, event: str, **fields: Any) -> None:
        """Nothing."""

    error = warning


def test_events_of_an_agent_arrive_as_signed_alerts_and_flows_do_not(receiver: ReceiverServer, written: Any) -> None:
    file = written(
        f"""
queue: queue.sqlite
receivers: {{hook: {{url: "{receiver.url}", plaintext_allowed: true, secrets: [{{file: secret}}]}}}}
routes: [{{name: all, receiver: hook, group_wait: 0s, group_interval: 1s}}]
"""
    )
    now = [1_764_000_000 * S]
    alerts = service.Alerts(reading.load(file), _Quiet(), lambda: now[0], longest_rest_s=0.02).start()
    sink = Alerting(alerts, 3600 * S, lambda: now[0])
    lines = [event(), {"kind": "loss", "text": '"kind":"finding"'}, event("b")]

    sink.write(Lines(b'{"kind":"flow"}\n', 1, EventClass.FLOW))
    sink.write(Lines(b"".join(orjson.dumps(line) + b"\n" for line in lines), 3, EventClass.FINDING))
    receiver.wait(lambda r: len(r.requests) == 1)
    now[0] += 3600 * S
    sink.flush()
    receiver.wait(lambda r: len(r.requests) == 2)
    sink.close()

    assert [[f["status"] for f in r.json["data"]["findings"]] for r in receiver.requests] == [
        ["firing", "firing"],
        ["resolved", "resolved"],
    ]
