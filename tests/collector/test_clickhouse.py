"""The store on a ClickHouse server: the real client over its HTTP protocol, the same SQL, the same answers."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import running

from collector.made import finding, flow, lines, loss, summary

SERVER = Path(__file__).parent / "clickhouse.py"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    command = [sys.executable, str(SERVER), str(tmp_path_factory.mktemp("clickhouse"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.stdout.readline().strip()
        process.kill()


@pytest.fixture(scope="module")
def collectors(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[running.Collector]]:
    """Two collectors on one store; the second leaves the findings to the first."""
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    with (
        running.collector(one, "--store", server) as first,
        running.collector(two, "--store", server, "--ingest-only") as second,
    ):
        yield [first, second]


def test_a_batch_that_two_collectors_took_is_stored_once(collectors: list[running.Collector]) -> None:
    batch = lines(*(flow(number, second=number) for number in range(50)), finding(1), summary(), loss(ring=3))
    for collector in collectors:
        assert collector.deliver(batch, "both").json() == {"accepted": 53, "duplicates": 0}
    for collector in collectors:
        with collector.client("read") as client:
            sums = client.get("/api/v1/flows/sums", params={"by": "path"}).json()["items"]
            nodes = client.get("/api/v1/nodes", params={"since": "2026-11-22T00:00:00Z"}).json()["items"]
            events = client.get("/api/v1/findings/k1/events").json()["items"]
        assert [one["flows"] for one in sums] == [50]
        assert [(one["node"], one["lost"]) for one in nodes] == [("node1", {"ring": 3})]
        assert len(events) == 1


def test_a_refused_batch_and_a_silence_are_seen_by_the_other_collector(collectors: list[running.Collector]) -> None:
    first, second = collectors
    impossible = {"start": "2026-02-31T00:00:00Z", "end": "2026-02-31T00:00:00Z"}
    assert first.deliver(lines(flow(1, flow=impossible)), "impossible").status_code == 422
    silence = {"owner": "ada", "comment": "why", "matcher": {"key": "k1"}, "ends": "2099-01-01T00:00:00Z"}
    with first.client("admin") as client:
        assert client.post("/api/v1/silences", json=silence).status_code == 200
    with second.client("admin") as client:
        assert [one["batch"] for one in client.get("/api/v1/dead-letters").json()["items"]] == ["impossible"]
        assert [one["owner"] for one in client.get("/api/v1/silences").json()["items"]] == ["ada"]


def test_values_travel_beside_the_sql_here_too(collectors: list[running.Collector]) -> None:
    with collectors[0].client("read") as client:
        answer = client.get("/api/v1/flows", params={"text": "' OR 1=1 --", "node": "\\'; DROP TABLE flows"})
    assert (answer.status_code, answer.json()["items"]) == (200, [])
