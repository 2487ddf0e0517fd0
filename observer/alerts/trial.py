"""Messages that test a route: a made-up finding that begins and ends at once, and says that it is a test."""

import hashlib
from collections.abc import Iterator

import msgspec

from observer.alerts.change import FindingChange, Status
from observer.alerts.configuration import Route
from observer.alerts.message import Message, Reason
from observer.alerts.routing import group_id, labels_of
from observer.analysis import Party
from observer.model import Role, Severity


def messages(route: Route, link: str | None, now_ns: int) -> Iterator[Message]:
    """The begin and the end of a test finding, as the route's receiver is told them."""
    change = _finding(now_ns)
    labels = labels_of(change, route)
    begun = Message(
        id=_id(route, "firing", now_ns),
        route=route.name,
        receiver=route.receiver,
        group=group_id(route, {**labels, "test": str(now_ns)}),
        labels=labels,
        reason=Reason.TEST,
        created_ns=now_ns,
        firing=(change,),
        link=link,
    )
    yield begun
    ended = msgspec.structs.replace(change, status=Status.RESOLVED)
    yield msgspec.structs.replace(begun, id=_id(route, "resolved", now_ns), firing=(), resolved=(ended,))


def _finding(now_ns: int) -> FindingChange:
    # Addresses of RFC 5737, which are nobody's.
    return FindingChange(
        key=hashlib.sha256(f"test {now_ns}".encode()).hexdigest()[:16],
        status=Status.NEW,
        severity=Severity.INFO,
        rule="test",
        path="unattributed",
        title="Test of the alert webhook",
        client=Party("192.0.2.1", Role.UNKNOWN, "test-client"),
        server=Party("192.0.2.2", Role.UNKNOWN, "test-server", 443),
        first_ns=now_ns,
        last_ns=now_ns,
        explanation="Somebody ran `observer webhook test`. Nothing is wrong.",
        remediation="Nothing is to be done.",
    )


def _id(route: Route, status: str, now_ns: int) -> str:
    return f"msg_{hashlib.sha256(f'{route.name} {status} {now_ns}'.encode()).hexdigest()[:32]}"
