"""What the interface answers, asked over HTTPS from a collector that runs."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import running

from collector.made import finding, flow, lines, loss, summary

CERTIFICATE = {
    "sha256": "aa",
    "subject": "CN=node1",
    "issuer": "CN=cluster-ca",
    "not_before": "2026-01-01T00:00:00Z",
    "not_after": "2027-01-01T00:00:00Z",
}


def shown(number: int, second: int, node: str = "node1", **certificate: str) -> dict[str, Any]:
    chain = {"server": {"certificates": [CERTIFICATE | certificate]}, "client": {"server_name": None}}
    return flow(number, second=second, node=node, tls=chain)


@pytest.fixture(scope="module")
def filled(collector: running.Collector) -> running.Collector:
    """A collector with some of everything."""
    plaintext = {"state": "plaintext", "certainty": "proven", "reasons": []}
    pod = {"address": "10.1.0.7", "port": 40001, "role": "pod", "name": "web", "kubernetes": {"namespace": "shop"}}
    events = [
        shown(1, 1),
        shown(1, 2, node="node2"),
        shown(2, 30, sha256="bb", issuer="CN=stranger"),
        flow(3, second=40, verdict=plaintext, client=pod, findings=[{"id": "plain", "severity": "critical"}]),
        flow(4, second=50, node="node2", server={"address": "10.0.0.29", "port": 22, "role": "node", "name": "node9"}),
        finding(1),
        finding(1, "k2", node="node2", minute=1, server={"address": "10.0.0.22", "port": 10250, "role": "node"}),
        summary("node1"),
        summary("node2"),
        loss("node2", ring=7),
    ]
    assert collector.deliver(lines(*events), "filled").status_code == 200
    return collector


@pytest.fixture
def ask(filled: running.Collector) -> Iterator[Any]:
    with filled.client("read") as client:

        def ask(path: str, /, **query: Any) -> Any:
            answer = client.get(f"/api/v1/{path}", params=query)
            assert answer.status_code == 200, answer.text
            return answer.json()

        yield ask


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"verdict": "plaintext"}, ["node1-3"]),
        ({"namespace": "shop"}, ["node1-3"]),
        ({"severity": "high"}, ["node1-3"]),
        ({"finding": "plain"}, ["node1-3"]),
        ({"node": "node2"}, ["node2-4", "node2-1"]),
        ({"node": ["node1", "node2"], "port": 22}, ["node2-4"]),
        ({"address": "10.1.0.7"}, ["node1-3"]),
        ({"certificate": "bb"}, ["node1-2"]),
        ({"text": "STRANGER"}, ["node1-2"]),
        ({"since": "2026-11-22T12:00:40Z"}, ["node2-4", "node1-3"]),
        ({"until": "2026-11-22T12:00:02Z"}, ["node1-1"]),
        ({"path": "no-such-path"}, []),
        ({"text": "' OR 1=1 --"}, []),
    ],
    ids=str,
)
def test_flows_are_found_by(ask: Any, query: dict[str, Any], expected: list[str]) -> None:
    assert [event["id"] for event in ask("flows", **query)["items"]] == expected


def test_flows_are_counted_by_fields(ask: Any) -> None:
    items = ask("flows/sums", by=["verdict", "node"])["items"]
    assert [(one["values"]["verdict"], one["values"]["node"], one["flows"]) for one in items] == [
        ("unknown", "node1", 2),
        ("unknown", "node2", 2),
        ("plaintext", "node1", 1),
    ]


def test_two_nodes_views_of_one_flow_are_one_conversation(ask: Any) -> None:
    items = ask("conversations", since="2026-11-22T00:00:00Z")["items"]
    assert [(one["id"], one["nodes"]) for one in items] == [
        ("node2-4", ["node2"]),
        ("node1-3", ["node1"]),
        ("node1-2", ["node1"]),
        ("node1-1", ["node1", "node2"]),
    ]


def test_a_conversation_is_on_one_page_only(ask: Any) -> None:
    told, cursor = list[str](), dict[str, str]()
    while True:
        page = ask("conversations", since="2026-11-22T00:00:00Z", limit=1, **cursor)
        told += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert told == ["node2-4", "node1-3", "node1-2", "node1-1"]


def test_a_finding_is_told_with_state_nodes_and_what_mends_it(filled: running.Collector, ask: Any) -> None:
    one = wait_for(filled, "k1")
    assert (one["status"], one["count"], one["nodes"], one["silenced"]) == ("open", 1, ["node1"], None)
    assert one["finding"]["remediation"] == "Set --kubelet-certificate-authority."
    assert [event["id"] for event in ask("findings/k1/events")["items"]] == ["node1-k1-1"]
    assert [each["key"] for each in ask("findings", severity="high", node="node2")["items"]] == ["k2"]
    assert ask("findings", status="resolved")["items"] == []


def wait_for(collector: running.Collector, key: str) -> dict[str, Any]:
    """The keeper works beside the ingest."""
    with collector.client("read") as client:
        for _ in range(200):
            answer = client.get(f"/api/v1/findings/{key}")
            if answer.status_code == 200:
                found: dict[str, Any] = answer.json()
                return found
            time.sleep(0.05)
    raise AssertionError(key)


def test_each_endpoint_remembers_its_certificates_and_who_saw_them(ask: Any) -> None:
    items = ask("certificates")["items"]
    assert [(one["sha256"], one["nodes"], one["first_seen"][11:19]) for one in items] == [
        ("bb", ["node1"], "12:00:30"),
        ("aa", ["node1", "node2"], "12:00:01"),
    ]
    assert ask("certificates", expires_before="2026-12-01T00:00:00Z")["items"] == []


def test_an_endpoint_that_changed_its_issuer_is_told(ask: Any) -> None:
    (change,) = ask("certificates/changes")["items"]
    assert (change["address"], change["port"]) == ("10.0.0.21", 10250)
    assert [one["issuer"] for one in change["issuers"]] == ["CN=cluster-ca", "CN=stranger"]


def test_nodes_tell_who_reports_what_was_lost_and_who_was_never_heard_of(ask: Any) -> None:
    told = {one["node"]: one for one in ask("nodes", since="2026-11-22T00:00:00Z")["items"]}
    assert [(name, told[name]["status"]) for name in ("node1", "node2", "node9")] == [
        ("node1", "reporting"),
        ("node2", "reporting"),
        ("node9", "unobserved"),
    ]
    assert (told["node1"]["lost"], told["node2"]["lost"]) == ({}, {"ring": 7})
    assert told["node1"]["version"] == "0.1.0"


def test_a_silence_is_owned_shown_at_its_findings_and_can_be_ended(filled: running.Collector, ask: Any) -> None:
    wait_for(filled, "k2")
    body = {"owner": "ada", "comment": "mended on Monday", "matcher": {"key": "k2"}, "ends": "2099-01-01T00:00:00Z"}
    with filled.client("admin") as client:
        made = client.post("/api/v1/silences", json=body)
        assert (made.status_code, made.json()["active"]) == (200, True)
        assert ask("findings/k2")["silenced"]["owner"] == "ada"
        ended = client.delete(f"/api/v1/silences/{made.json()['id']}")
    assert ended.json()["active"] is False
    assert ask("findings/k2")["silenced"] is None


@pytest.mark.parametrize(
    "changes",
    [{"matcher": {}}, {"ends": "1h"}, {"ends": "soon"}, {"owner": ""}, {"extra": 1}],
    ids=["of everything", "in the past", "no time", "of nobody", "unknown field"],
)
def test_a_silence_is_refused(filled: running.Collector, changes: dict[str, Any]) -> None:
    body = {"owner": "ada", "comment": "why", "matcher": {"key": "k2"}, "ends": "2099-01-01T00:00:00Z"} | changes
    with filled.client("admin") as client:
        assert client.post("/api/v1/silences", json=body).status_code == 400


def test_a_refused_batch_is_kept_and_can_be_tried_again(filled: running.Collector) -> None:
    broken = lines(flow(1, node="letters") | {"path": None})
    assert filled.deliver(broken, "letter", "letters").status_code == 422
    with filled.client("admin") as client:
        (letter, *_) = client.get("/api/v1/dead-letters").json()["items"]
        assert (letter["batch"], letter["node"], letter["status"]) == ("letter", "letters", 422)
        whole = client.get(f"/api/v1/dead-letters/{letter['id']}").json()
        assert whole["body"]
        assert client.post(f"/api/v1/dead-letters/{letter['id']}/retry").status_code == 422


def test_the_live_list_tells_flows_and_findings_as_they_come(filled: running.Collector) -> None:
    with filled.client("read") as client, client.stream("GET", "/api/v1/stream?node=live") as stream:
        told = stream.iter_lines()
        assert next(told) == ": listening"
        batch = lines(flow(1, node="live"), flow(1, node="other"), finding(1, "live-key", node="live"))
        sender = threading.Thread(target=filled.deliver, args=(batch, "live"))
        sender.start()
        seen: dict[str, Any] = {}
        kind = ""
        for line in told:
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: "):
                seen[kind] = json.loads(line.removeprefix("data: "))
            if len(seen) == 2:
                break
        sender.join()
    assert seen["flow"]["id"] == "live-1"
    assert (seen["finding"]["key"], seen["finding"]["turn"]) == ("live-key", "new")


def test_an_export_holds_every_flow_as_a_line(filled: running.Collector) -> None:
    with filled.client("read") as client:
        answer = client.get("/api/v1/flows/export", params={"node": ["node1", "node2"]})
    assert sorted(json.loads(line)["id"] for line in answer.text.splitlines()) == [
        "node1-1",
        "node1-2",
        "node1-3",
        "node2-1",
        "node2-4",
    ]
