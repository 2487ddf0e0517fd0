"""When findings are told: grouping, repeats, ends, silence, limits. Pure; times are arguments."""

from typing import Any

from observer.alerts.alerter import Alerter
from observer.alerts.change import FindingChange, Status
from observer.alerts.configuration import Configuration, Label, RateLimit, Receiver, Route
from observer.alerts.duration import Duration
from observer.alerts.message import MOST_TOLD, Message, Reason
from observer.model import Severity

S = 1_000_000_000
T0 = 1_764_000_000 * S


def configuration(*routes: Route) -> Configuration:
    return Configuration(receivers={"hook": Receiver(url="https://example.org")}, routes=routes)


def route(name: str = "all", **fields: Any) -> Route:
    return Route(name=name, receiver="hook", **fields)


def keys(message: Message) -> tuple[list[str], list[str]]:
    return [change.key for change in message.firing], [change.key for change in message.resolved]


def told(alerter: Alerter, time_s: float) -> list[tuple[list[str], list[str]]]:
    return [keys(message) for message in alerter.due(T0 + int(time_s * S))]


def take(alerter: Alerter, time_s: float, *changes: FindingChange) -> None:
    for change in changes:
        alerter.take(change, T0 + int(time_s * S))


def test_findings_that_come_within_the_wait_are_told_together(change: Any) -> None:
    alerter = Alerter(configuration(route()))

    take(alerter, 0, change("a"))
    take(alerter, 10, change("b"))

    assert told(alerter, 29) == []
    assert alerter.next_ns() == T0 + 30 * S
    assert told(alerter, 30) == [(["a", "b"], [])]
    assert told(alerter, 31) == []


def test_what_is_seen_again_is_not_told_again_before_the_repeat(change: Any) -> None:
    alerter = Alerter(configuration(route(repeat_interval=Duration("4h"))))
    take(alerter, 0, change("a"))
    told(alerter, 30)

    take(alerter, 60, change("a", Status.AGAIN, count=7), change("a", Status.NEW))

    assert told(alerter, 30 + 4 * 3600 - 1) == []
    (message,) = alerter.due(T0 + (30 + 4 * 3600) * S)
    assert (message.reason, keys(message)) == (Reason.REPEAT, (["a"], []))


def test_news_of_a_told_group_wait_for_the_interval(change: Any) -> None:
    alerter = Alerter(configuration(route()))
    take(alerter, 0, change("a"))
    told(alerter, 30)

    take(alerter, 40, change("b"))

    assert told(alerter, 329) == []
    assert told(alerter, 330) == [(["b", "a"], [])]


def test_an_end_is_told_once_and_then_forgotten(change: Any) -> None:
    alerter = Alerter(configuration(route()))
    take(alerter, 0, change("a"), change("b"))
    told(alerter, 30)

    take(alerter, 40, change("a", Status.RESOLVED))

    assert told(alerter, 330) == [(["b"], ["a"])]
    take(alerter, 340, change("b", Status.RESOLVED))
    assert told(alerter, 630) == [([], ["b"])]
    assert alerter.next_ns() is None
    assert list(alerter.standing()) == []


def test_what_ends_before_it_was_told_is_never_told(change: Any) -> None:
    alerter = Alerter(configuration(route()))

    take(alerter, 0, change("a"))
    take(alerter, 10, change("a", Status.RESOLVED))

    assert told(alerter, 10_000_000) == []


def test_what_is_reopened_before_its_end_was_told_is_no_news(change: Any) -> None:
    alerter = Alerter(configuration(route()))
    take(alerter, 0, change("a"))
    told(alerter, 30)

    take(alerter, 40, change("a", Status.RESOLVED))
    take(alerter, 50, change("a", Status.REOPENED))

    assert told(alerter, 3600) == []


def test_what_is_reopened_after_its_end_is_told_anew(change: Any) -> None:
    alerter = Alerter(configuration(route()))
    take(alerter, 0, change("a"))
    told(alerter, 30)
    take(alerter, 40, change("a", Status.RESOLVED))
    told(alerter, 330)

    take(alerter, 400, change("a", Status.REOPENED))

    assert told(alerter, 430) == [(["a"], [])]


def test_ends_are_not_told_where_a_route_does_not_want_them(change: Any) -> None:
    alerter = Alerter(configuration(route(resolved=False)))
    take(alerter, 0, change("a"), change("b"))
    told(alerter, 30)

    take(alerter, 40, change("a", Status.RESOLVED))

    assert told(alerter, 3600) == []
    assert [held.key for held in alerter.standing()] == ["b"]


def test_a_silenced_finding_is_told_when_its_silence_ends(change: Any) -> None:
    alerter = Alerter(configuration(route()))
    take(alerter, 0, change("a", silenced=True))
    assert told(alerter, 3600) == []

    take(alerter, 4000, change("a", Status.AGAIN))

    assert told(alerter, 4030) == [(["a"], [])]


def test_silence_stops_repeats_and_does_not_hide_the_end(change: Any) -> None:
    alerter = Alerter(configuration(route(repeat_interval=Duration("1h"))))
    take(alerter, 0, change("a"))
    told(alerter, 30)

    take(alerter, 60, change("a", Status.AGAIN, silenced=True))
    assert told(alerter, 100_000) == []

    take(alerter, 100_001, change("a", Status.RESOLVED, silenced=True))
    assert told(alerter, 100_001) == [([], ["a"])]


def test_a_rise_in_severity_is_news_and_a_fall_is_none(change: Any) -> None:
    alerter = Alerter(configuration(route()))
    take(alerter, 0, change("a", severity=Severity.MEDIUM))
    told(alerter, 30)

    take(alerter, 60, change("a", Status.AGAIN, severity=Severity.LOW))
    assert told(alerter, 3600) == []

    take(alerter, 3600, change("a", Status.AGAIN, severity=Severity.CRITICAL))
    assert told(alerter, 3600) == [(["a"], [])]


def test_groups_are_told_apart(change: Any) -> None:
    alerter = Alerter(configuration(route(group_by=(Label.NAMESPACE,))))

    take(alerter, 0, change("a", namespace="x"), change("b", namespace="y"), change("c", namespace="x"))

    assert told(alerter, 30) == [(["a", "c"], []), (["b"], [])]


def test_the_first_matching_route_is_taken_and_others_only_behind_go_on(change: Any) -> None:
    routes = (
        route("pager", severity=Severity.CRITICAL),
        route("network", paths=("apiserver-to-*",), namespaces=("kube-*", ""), go_on=True),
        route("rest"),
        route("never"),
    )
    alerter = Alerter(configuration(*routes))

    take(alerter, 0, change("a"), change("b", severity=Severity.CRITICAL), change("c", namespace="shop"))

    messages = {message.route: keys(message)[0] for message in alerter.due(T0 + 30 * S)}
    assert messages == {"pager": ["b"], "network": ["a"], "rest": ["a", "c"]}


def test_a_finding_that_moves_to_another_route_ends_where_it_was(change: Any) -> None:
    alerter = Alerter(configuration(route("pager", severity=Severity.CRITICAL), route("rest")))
    take(alerter, 0, change("a", severity=Severity.CRITICAL))
    told(alerter, 30)

    take(alerter, 400, change("a", Status.AGAIN, severity=Severity.LOW))

    messages = {message.route: keys(message) for message in alerter.due(T0 + 430 * S)}
    assert messages == {"pager": ([], ["a"]), "rest": (["a"], [])}
    assert [held.key for held in alerter.standing()] == ["a"]


def test_above_the_rate_limit_messages_wait_and_lose_nothing(change: Any) -> None:
    limit = RateLimit(messages=2, per=Duration("1m"))
    alerter = Alerter(configuration(route(group_by=(Label.FINDING,), rate_limit=limit)))
    take(alerter, 0, *(change(f"{number}") for number in range(5)))

    assert len(told(alerter, 30)) == 2
    assert told(alerter, 60) == []
    assert len(told(alerter, 90)) == 2
    assert len(told(alerter, 150)) == 1
    assert alerter.counters["postponed"] > 0


def test_more_findings_than_a_message_holds_are_counted_and_told_in_the_next(change: Any) -> None:
    alerter = Alerter(configuration(route()))
    take(alerter, 0, *(change(f"{number:03}") for number in range(MOST_TOLD + 5)))

    (first,) = alerter.due(T0 + 30 * S)
    (second,) = alerter.due(T0 + 330 * S)

    assert (len(first.firing), first.omitted) == (MOST_TOLD, 5)
    assert {change.key for change in first.firing + second.firing} == {f"{n:03}" for n in range(MOST_TOLD + 5)}


def test_a_finding_without_a_route_is_nobodys(change: Any) -> None:
    alerter = Alerter(configuration(route(severity=Severity.CRITICAL)))

    take(alerter, 0, change("a"), change("b", Status.RESOLVED))

    assert told(alerter, 100_000) == []
    assert list(alerter.standing()) == []
