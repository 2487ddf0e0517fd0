"""What is delivered is stored once, whatever happens between the commit and the answer."""

from pathlib import Path

import pytest
import running

from collector.made import flow, lines
from observer.collector.ingest import Delivery, Ingest
from observer.collector.rows import Rows
from observer.collector.store.clickhouse import embedded
from observer.collector.store.schema import Retention


def ids(collector: running.Collector, **query: str) -> list[str]:
    with collector.client("read") as client:
        answer = client.get("/api/v1/flows", params=query)
    assert answer.status_code == 200, answer.text
    return [event["id"] for event in answer.json()["items"]]


def test_events_come_back_as_they_were_sent(collector: running.Collector) -> None:
    sent = flow(1, node="whole", unheard_of={"later": ["version", 1.5]})
    answer = collector.deliver(lines(sent), "whole")
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "duplicates": 0})
    with collector.client("read") as client:
        assert client.get("/api/v1/flows", params={"node": "whole"}).json() == {"items": [sent], "next": None}


def test_a_batch_that_comes_again_is_told_as_duplicate_and_kept_once(collector: running.Collector) -> None:
    batch = lines(*(flow(number, node="twice") for number in range(5)))
    answers = [collector.deliver(batch, "twice").json() for _ in range(2)]
    assert answers == [{"accepted": 5, "duplicates": 0}, {"accepted": 0, "duplicates": 5}]
    assert len(ids(collector, node="twice")) == 5


def test_an_event_in_two_batches_is_kept_once(collector: running.Collector) -> None:
    for batch in ("first", "second"):
        assert collector.deliver(lines(flow(7, node="overlap")), batch).status_code == 200
    assert ids(collector, node="overlap") == ["overlap-7"]


def test_the_last_event_of_a_flow_replaces_the_earlier_even_if_it_comes_first(collector: running.Collector) -> None:
    open_, ended = flow(1, node="order", final=False), flow(1, node="order", final=True)
    for batch, event in (("late", ended), ("early", open_)):
        assert collector.deliver(lines(event), batch).status_code == 200
    with collector.client("read") as client:
        assert [one["final"] for one in client.get("/api/v1/flows?node=order").json()["items"]] == [True]


def test_a_bad_batch_is_refused_with_line_and_reason_and_the_next_is_taken(collector: running.Collector) -> None:
    broken = lines(flow(1, node="bad"), flow(2, node="bad", path={"id": 7}))
    answer = collector.deliver(broken, "bad")
    assert answer.status_code == 422
    assert answer.json() == {"error": "line 2: Expected `str`, got `int` - at `$.path.id`"}
    assert collector.deliver(lines(flow(3, node="bad")), "good").status_code == 200
    assert ids(collector, node="bad") == ["bad-3"]


def test_pages_hold_every_flow_once_in_order(collector: running.Collector) -> None:
    batch = lines(*(flow(number, node="pages", second=number // 3) for number in range(20)))
    assert collector.deliver(batch, "pages").status_code == 200
    told, cursor = list[str](), dict[str, str]()
    with collector.client("read") as client:
        while True:
            page = client.get("/api/v1/flows", params={"node": "pages", "limit": 7, **cursor}).json()
            told += [event["id"] for event in page["items"]]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
    expected = sorted(((number // 3, f"pages-{number}") for number in range(20)), reverse=True)
    assert told == [name for _, name in expected]


@pytest.mark.slow
def test_a_kill_after_the_commit_neither_loses_nor_doubles(tmp_path: Path) -> None:
    batches = {f"batch{one}": lines(*(flow(one * 100 + n, second=one) for n in range(100))) for one in range(6)}
    with running.collector(tmp_path) as collector:
        for number, (batch, text) in enumerate(batches.items()):
            assert collector.deliver(text, batch).status_code == 200
            if number % 3 == 2:
                collector.kill()
                collector.start()
                # The agent did not hear the answer, so it sends again.
                assert collector.deliver(text, batch).status_code == 200
        with collector.client("read") as client:
            sums = client.get("/api/v1/flows/sums", params={"by": "node"}).json()["items"]
            exported = client.get("/api/v1/flows/export").text.splitlines()
    assert [one["flows"] for one in sums] == [600]
    assert len(exported) == 600


def test_who_hears_of_batches_and_fails_does_not_stop_the_next(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_: Rows) -> None:
        raise RuntimeError("no listener")

    store = embedded(tmp_path, Retention(), sync=False)
    ingest = Ingest(store, fails)
    told = [
        ingest.take(Delivery(lines(flow(number)), "", str(number), "n", "flow", "p", "2026-11-25T15:00:00.000Z"))
        for number in range(2)
    ]
    ingest.close()
    store.close()
    assert [answer.accepted for answer in told] == [1, 1]
    assert "no listener" in caplog.text
