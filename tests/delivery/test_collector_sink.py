"""The sink for a collector against a real HTTP server, with TLS where TLS is what matters."""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from authority import Authority

from observer.errors import ConfigurationError
from observer.model import EventClass
from observer.sinks import Lines
from observer.sinks.backoff import Backoff
from observer.sinks.collector import CollectorTransport
from observer.sinks.credentials import Credentials
from observer.sinks.spooled import Batching, Spooled
from observer.sinks.transport import Failed
from observer.spool.shelf import Limits
from observer.spool.spool import Spool, SpoolLimits

from .far_end import FarEnd, Posted, Reply, far_end

AT_ONCE = Backoff(first_s=0.01, most_s=0.02, lasting_s=0.02)
QUICK = Batching(most_bytes=4096, linger_s=0.02, drain_s=5)
NO_CREDENTIALS = Credentials()
TOKEN = "never-shown"  # noqa: S105 - of this test alone


def spool_in(folder: Path, limits: SpoolLimits = SpoolLimits()) -> Spool:  # noqa: B008
    return Spool(folder / "spool", limits)


@contextmanager
def sink_to(
    end: FarEnd, folder: Path, credentials: Credentials = NO_CREDENTIALS, batching: Batching = QUICK
) -> Iterator[Spooled]:
    transport = CollectorTransport(end.url, "node1", credentials)
    sink = Spooled(spool_in(folder), transport, batching, AT_ONCE)
    yield sink
    sink.close()


def lines(*numbers: int, of: EventClass = EventClass.FLOW) -> Lines:
    return Lines(b"".join(b'{"n":%d}\n' % number for number in numbers), len(numbers), of)


def numbers(end: FarEnd) -> list[int]:
    return sorted(int(line[5:-1]) for line in end.lines())


def test_every_event_arrives_once_in_batches_that_say_what_they_are(tmp_path: Path) -> None:
    with far_end() as end:
        with sink_to(end, tmp_path, Credentials(token=TOKEN)) as sink:
            sink.write(lines(*range(2000)))
            sink.write(lines(5000, of=EventClass.FINDING))
        assert numbers(end) == [*range(2000), 5000]
        headers = [posted.headers for posted in end.taken]

    assert {posted["Observer-Class"] for posted in headers} == {"finding", "flow"}
    assert len({posted["Observer-Batch"] for posted in headers}) == len(headers)
    assert (
        headers[0].items()
        >= {
            "Authorization": f"Bearer {TOKEN}",
            "Content-Type": "application/x-ndjson",
            "Content-Encoding": "zstd",
            "Observer-Schema": "observer/1",
            "Observer-Node": "node1",
        }.items()
    )


@pytest.mark.parametrize(
    "answer",
    [
        (500, {}, b"oops"),
        (503, {"Retry-After": "0"}, b""),
        (429, {}, b""),
        (401, {}, b"{}"),
        (403, {}, b"{}"),
        (415, {"Observer-Accept": "observer/2"}, b'{"error":"schema"}'),
        (302, {"Location": "http://127.0.0.1:1/"}, b""),
        (404, {}, b"not here"),
        (200, {}, b"<html>please log in</html>"),
    ],
    ids=lambda answer: str(answer[0]),
)
def test_a_batch_that_is_not_taken_is_sent_again_under_the_same_id(tmp_path: Path, answer: Reply) -> None:
    with far_end(answer, answer) as end:
        with sink_to(end, tmp_path) as sink:
            sink.write(lines(1, 2))
            end.wait_for(lambda: len(end.posts) == 3)
        ids = {posted.headers["Observer-Batch"] for posted in end.posts}

    assert len(ids) == 1
    assert sink.status().delivered == 2


def test_what_the_collector_says_is_told_until_it_is_over(tmp_path: Path) -> None:
    release = threading.Event()

    def slowly(posted: Posted) -> Reply:
        release.wait(10)
        return posted.reply()

    refusal = (415, {"Observer-Accept": "observer/2"}, b'{"error":"schema observer/1\\u001b[31m"}')
    with far_end(refusal, slowly) as end, sink_to(end, tmp_path) as sink:
        sink.write(lines(1))
        end.wait_for(lambda: sink.status().trouble is not None)
        told = sink.status().trouble
        release.set()
        end.wait_for(lambda: len(end.taken) == 1)

    expected = "415: schema observer/1 [31m (sent observer/1; the collector takes observer/2)"
    assert (told, sink.status().trouble) == (expected, None)


def test_a_bad_batch_is_set_aside_with_the_reason_and_the_next_one_goes_on(tmp_path: Path) -> None:
    with far_end((422, {}, b'{"error":"line 1: no JSON"}')) as end:
        with sink_to(end, tmp_path) as sink:
            sink.write(lines(1, of=EventClass.FINDING))
            sink.flush()
            end.wait_for(lambda: len(end.posts) == 1)
            sink.write(lines(2))
        assert numbers(end) == [2]

    spool = spool_in(tmp_path)
    assert [(reason, body) for _, reason, body in spool.refused()] == [("422: line 1: no JSON", end.posts[0].body)]
    assert sink.status().lost[EventClass.FINDING] == 1
    spool.close()


def test_a_batch_that_is_too_large_is_split_until_it_fits_and_a_single_event_is_set_aside(tmp_path: Path) -> None:
    def at_most_two_and_not_five(posted: Posted) -> Reply:
        too_large = len(posted.lines) > 2 or b'{"n":5}' in posted.lines
        return (413, {}, b'{"error":"large"}') if too_large else posted.reply()

    with far_end(*[at_most_two_and_not_five] * 50) as end, sink_to(end, tmp_path) as sink:
        sink.write(lines(*range(9)))
        sink.sync()
        end.wait_for(lambda: sink.status().waiting_events == 0)

    assert numbers(end) == [0, 1, 2, 3, 4, 6, 7, 8]
    assert sink.status().lost[EventClass.FLOW] == 1


def test_a_batch_that_breaks_the_collector_lets_others_pass(tmp_path: Path) -> None:
    def breaks(posted: Posted) -> Reply:
        return (500, {}, b"bug") if b'{"n":1}' in posted.lines else posted.reply()

    with far_end(*[breaks] * 200) as end, sink_to(end, tmp_path) as sink:
        sink.write(lines(1))
        sink.sync()
        sink.write(lines(2))
        end.wait_for(lambda: numbers(end) == [2])

    assert sink.status().waiting_events == 1


def test_what_was_not_delivered_is_sent_after_a_restart(tmp_path: Path) -> None:
    with far_end() as end:
        gone = end.url
    with sink_to(FarEnd(url=gone), tmp_path) as sink:
        sink.write(lines(1, 2, 3))
    assert "refused" in (sink.status().trouble or "")

    with far_end() as end, sink_to(end, tmp_path):
        end.wait_for(lambda: numbers(end) == [1, 2, 3])


def test_findings_go_before_flows(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    spool.append(EventClass.FLOW, lines(1).data, time.time_ns())
    spool.append(EventClass.FINDING, lines(2, of=EventClass.FINDING).data, time.time_ns())
    spool.close()

    with far_end() as end:
        with sink_to(end, tmp_path):
            end.wait_for(lambda: len(end.taken) == 2)
        assert [posted.headers["Observer-Class"] for posted in end.taken] == ["finding", "flow"]


def test_a_token_that_was_renewed_in_its_file_is_used_for_the_next_attempt(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old\n")

    def expired(_: Posted) -> Reply:
        token.write_text("new\n")
        return 401, {}, b'{"error":"token expired"}'

    with far_end(expired) as end, sink_to(end, tmp_path, Credentials(token_file=str(token))) as sink:
        sink.write(lines(1))
        end.wait_for(lambda: len(end.taken) == 1)

    assert [posted.headers["Authorization"] for posted in end.posts] == ["Bearer old", "Bearer new"]


def server_context(authority: Authority, address: str = "127.0.0.1", names: tuple[str, ...] = ()) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("collector", "collector", address, names=names))
    return context


def test_events_go_over_tls_to_a_collector_whose_certificate_verifies(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    known = Credentials(ca_file=str(authority.file))
    with far_end(tls=server_context(authority)) as end, sink_to(end, tmp_path, known) as sink:
        sink.write(lines(1))
        end.wait_for(lambda: numbers(end) == [1])


def test_a_collector_may_bear_another_name_than_its_address(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with far_end(tls=server_context(authority, "192.0.2.1", ("collector.observer.svc",))) as end:
        known = Credentials(ca_file=str(authority.file), server_name="collector.observer.svc")
        with sink_to(end, tmp_path, known) as sink:
            sink.write(lines(1))
            end.wait_for(lambda: numbers(end) == [1])


@pytest.mark.parametrize("fault", ["other authority", "other name", "system authorities"])
def test_nothing_is_sent_to_a_collector_that_does_not_verify(tmp_path: Path, fault: str) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other-ca")
    address = "192.0.2.1" if fault == "other name" else "127.0.0.1"
    ca_file = {"other authority": str(other.file), "other name": str(authority.file)}.get(fault)
    with far_end(tls=server_context(authority, address)) as end:
        transport = CollectorTransport(end.url, "node1", Credentials(ca_file=ca_file, token=TOKEN))
        spool = spool_in(tmp_path)
        spool.append(EventClass.FLOW, b"{}\n", 0)
        batch = spool.next()
        assert batch is not None
        answer = transport.send(batch)
        spool.close()
        transport.close()

    assert isinstance(answer, Failed)
    assert "certificate verify failed" in answer.reason
    assert end.posts == []


def test_a_client_certificate_is_shown_and_renewed_with_its_file(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = server_context(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.file)
    certificate, key = authority.issue("agent", "agent")
    sound = certificate.read_bytes()
    strange_folder = tmp_path / "strange"
    strange_folder.mkdir()
    strange, strange_key = Authority(strange_folder).issue("agent", "agent")
    key_bytes = key.read_bytes()
    certificate.write_bytes(strange.read_bytes())
    key.write_bytes(strange_key.read_bytes())

    shown = Credentials(str(authority.file), str(certificate), str(key))
    with far_end(tls=context) as end, sink_to(end, tmp_path, shown) as sink:
        sink.write(lines(1))
        sink.sync()
        end.wait_for(lambda: sink.status().trouble is not None)
        assert end.posts == []
        certificate.write_bytes(sound)
        key.write_bytes(key_bytes)
        end.wait_for(lambda: numbers(end) == [1])


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://collector:8443", "without TLS only this machine's own loopback"),
        ("ftp://collector", "no https:// address"),
        ("https://user:password@collector", "host, port and path only"),
    ],
)
def test_an_address_that_would_give_the_token_away_is_refused(url: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        CollectorTransport(url, "node1", NO_CREDENTIALS)


def test_a_missing_certificate_file_is_said_at_the_start() -> None:
    with pytest.raises(ConfigurationError, match=r"/nowhere/ca.crt: No such file or directory"):
        CollectorTransport("https://collector", "node1", Credentials(ca_file="/nowhere/ca.crt"))


def test_a_token_is_not_shown_where_credentials_are_printed() -> None:
    assert TOKEN not in repr(Credentials(token=TOKEN))


def test_an_absent_collector_costs_flows_by_size_and_no_finding(tmp_path: Path) -> None:
    limits = SpoolLimits(findings=Limits(bytes=1 << 20), flows=Limits(bytes=2000))
    sink = Spooled(
        spool_in(tmp_path, limits), CollectorTransport("http://127.0.0.1:9", "node1", NO_CREDENTIALS), QUICK, AT_ONCE
    )
    for number in range(0, 20_000, 100):
        sink.write(lines(*range(number, number + 100)))
        sink.write(lines(number, of=EventClass.FINDING))
    sink.sync()
    status = sink.status()
    sink.close()

    assert status.lost[EventClass.FINDING] == 0
    assert status.lost[EventClass.FLOW] + status.waiting_events == 20_000 + 200
    assert status.lost[EventClass.FLOW] > 0
