"""What becomes of findings, held against a real embedded store and a clock of the test."""

from collections.abc import Iterator

import pytest

from collector.made import APISERVER, finding, flow, lines, summary
from observer.collector import batch, rows
from observer.collector.batch import Limits
from observer.collector.keeper import Change, Keeper
from observer.collector.lifecycle import Policy
from observer.collector.silences import Matcher, Silence
from observer.collector.store.clickhouse import ClickHouse, embedded
from observer.collector.store.schema import Retention
from observer.collector.times import milliseconds, nanoseconds

NOON = nanoseconds("2026-11-22T12:00:00Z", 0)
MINUTE = 60_000_000_000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    opened = embedded(tmp_path_factory.mktemp("store"), Retention(), sync=False)
    yield opened
    opened.close()


class Run:
    """A keeper of a store that the test fills, at times that the test sets."""

    def __init__(self, store: ClickHouse) -> None:
        self.store, self.now_ns, self.told = store, NOON, list[Change]()
        for table in ("flows", "reports", "finding_events", "finding_states", "silences"):
            store._connection.command(f"TRUNCATE TABLE {table}")  # noqa: SLF001 - between tests, not in the program
        self.restart()

    def restart(self) -> None:
        self.keeper = Keeper(self.store, self.told.append, Policy(3600, 86400), lambda: self.now_ns)

    def receive(self, minute: int, *events: dict[str, object]) -> list[str]:
        """Commit events at a minute after noon and step; answers with what became of which finding."""
        self.now_ns = NOON + minute * MINUTE
        if events:
            told = batch.events(lines(*events), Limits())
            self.store.insert([rows.of(told, node="node1", received=milliseconds(self.now_ns))])
        self.told.clear()
        self.keeper.step()
        return [f"{change.state.seen.key} {change.turn.value}" for change in self.told]


@pytest.fixture
def run(store: ClickHouse) -> Run:
    return Run(store)


def clean(number: int, second: int) -> dict[str, object]:
    return flow(number, second=second, verdict={"state": "verified", "certainty": "proven", "reasons": []})


def test_a_finding_is_new_once_and_then_seen_again_with_its_count(run: Run) -> None:
    assert run.receive(0, finding(1, count=3)) == ["k1 new"]
    assert run.receive(1) == []
    assert run.receive(2, finding(2, count=4, minute=2), finding(1, "k2", minute=2)) == ["k1 again", "k2 new"]
    assert [change.state.seen.count for change in run.told] == [7, 1]


def test_a_repeated_event_changes_nothing_even_after_a_restart(run: Run) -> None:
    assert run.receive(0, finding(1, count=3)) == ["k1 new"]
    assert run.receive(1, finding(1, count=3)) == []
    run.restart()
    assert run.receive(2, finding(1, count=3)) == []


def test_two_nodes_that_see_one_finding_are_both_named_and_both_counted(run: Run) -> None:
    assert run.receive(0, finding(1, node="node1"), finding(1, node="node2")) == ["k1 new"]
    assert (run.told[0].state.seen.nodes, run.told[0].state.seen.count) == (("node1", "node2"), 2)


def test_a_finding_is_resolved_when_its_path_was_seen_clean_and_reopened_when_it_comes_back(run: Run) -> None:
    run.receive(0, finding(1))
    assert run.receive(30, clean(1, 120), summary(minute=30)) == []
    assert run.receive(61, summary(minute=61)) == ["k1 resolved"]
    assert run.told[0].state.resolution == "clean"
    assert run.receive(70, finding(2, minute=70)) == ["k1 reopened"]
    assert run.told[0].state.episode == 2


def test_without_a_clean_flow_a_finding_is_not_resolved_by_silence_alone(run: Run) -> None:
    run.receive(0, finding(1))
    assert run.receive(120, summary(minute=120)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": {"state": "unknown", "certainty": "unknown", "reasons": []}},
        {"client": APISERVER | {"address": "10.0.0.11"}},
        {"server": {"address": "10.0.0.22", "port": 10250, "role": "node", "name": "node2", "kubernetes": None}},
        {"findings": [{"id": "kubelet-certificate-unverified", "severity": "high"}]},
        {"final": False},
        {"protocol": "none"},
    ],
    ids=["unjudged", "another client", "another server", "with the finding", "not ended", "without payload"],
)
def test_a_flow_that_shows_no_mend_resolves_nothing(run: Run, changes: dict[str, object]) -> None:
    run.receive(0, finding(1))
    unlike = clean(1, 120) | changes
    assert run.receive(61, unlike, summary(minute=61)) == []


def test_a_silent_node_resolves_nothing_until_the_finding_is_very_old(run: Run) -> None:
    run.receive(0, finding(1), clean(1, 120))
    assert run.receive(120) == []
    assert run.receive(24 * 60 + 1) == ["k1 resolved"]
    assert run.told[0].state.resolution == "unseen"


def test_an_event_from_before_the_resolution_that_comes_late_does_not_reopen(run: Run) -> None:
    run.receive(0, finding(1, minute=5))
    assert run.receive(61, clean(1, 400), summary(minute=61)) == ["k1 resolved"]
    assert run.receive(95, finding(0, minute=1)) == []


def test_a_silenced_finding_is_told_as_such_while_the_silence_lasts(run: Run) -> None:
    matcher = Matcher(path="apiserver-to-kubelet", client="10.0.0.10")
    run.store.keep_silence(Silence("s1", "ada", "being mended", matcher, NOON, NOON, NOON + 10 * MINUTE), revision=1)
    run.receive(0, finding(1))
    assert run.told[0].silenced
    run.receive(11, finding(2, minute=11))
    assert not run.told[0].silenced


def test_a_change_is_told_before_it_is_written_so_that_a_kill_cannot_swallow_it(run: Run) -> None:
    def killed(_: Change) -> None:
        raise KeyboardInterrupt

    run.keeper = Keeper(run.store, killed, Policy(), lambda: run.now_ns)
    with pytest.raises(KeyboardInterrupt):
        run.receive(0, finding(1))
    run.restart()
    assert run.receive(1) == ["k1 new"]


def test_states_survive_a_restart(run: Run) -> None:
    run.receive(0, finding(1, count=2))
    before = run.store.finding_states()
    run.restart()
    assert run.receive(1) == []
    assert run.store.finding_states() == before
