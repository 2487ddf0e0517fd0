"""What becomes of findings where no collector keeps them: new, seen again, resolved when they were not seen for a time.

Reads the `finding` events of one agent. Pure: time is an argument.
"""

from collections.abc import Iterable

import msgspec

from observer.alerts.change import FindingChange, Status
from observer.model import Certainty, Severity, State
from observer.results import Endpoint, nanoseconds, party

MOST_KNOWN = 32_768
"""As many as the agent itself tells apart."""


class _Observer(msgspec.Struct, frozen=True):
    cluster: str | None = None
    node: str | None = None


class _Path(msgspec.Struct, frozen=True):
    id: str


class _Verdict(msgspec.Struct, frozen=True):
    state: State = State.UNKNOWN
    certainty: Certainty = Certainty.UNKNOWN


class _Finding(msgspec.Struct, frozen=True):
    id: str
    severity: Severity
    title: str
    explanation: str = ""
    remediation: str = ""
    reference: str | None = None
    cis: str | None = None


class FindingEvent(msgspec.Struct, frozen=True, tag_field="kind", tag="finding"):
    """A `finding` event, as far as alerting needs it."""

    key: str
    first_seen: str
    last_seen: str
    client: Endpoint
    server: Endpoint
    path: _Path
    finding: _Finding
    verdict: _Verdict = _Verdict()
    observer: _Observer = _Observer()
    count: int = 1


class Lifecycle:
    """The findings that stand, by key."""

    def __init__(self, resolve_after_ns: int, standing: Iterable[FindingChange], now_ns: int) -> None:
        """`standing`: those of an earlier run. Nobody looked in between, so their time begins anew."""
        self._resolve_after_ns = resolve_after_ns
        self._standing = {change.key: change for change in standing}
        self._heard_ns = dict.fromkeys(self._standing, now_ns)
        self.shed = 0

    def seen(self, event: FindingEvent, now_ns: int) -> list[FindingChange]:
        """What an event changes: nothing where more findings stand than are kept apart, which is counted."""
        known = self._standing.get(event.key)
        if known is None and len(self._standing) >= MOST_KNOWN:
            self.shed += 1
            return []
        change = _change(event, known)
        self._standing[change.key] = change
        # Anew at the end, so that the dictionary is in the order of silence.
        self._heard_ns.pop(change.key, None)
        self._heard_ns[change.key] = now_ns
        return [change]

    def over(self, now_ns: int) -> list[FindingChange]:
        """What was not seen for so long that it counts as resolved."""
        over = []
        for key, heard_ns in self._heard_ns.items():
            if now_ns - heard_ns < self._resolve_after_ns:
                break
            over.append(key)
        for key in over:
            del self._heard_ns[key]
        return [msgspec.structs.replace(self._standing.pop(key), status=Status.RESOLVED) for key in over]


def _change(event: FindingEvent, known: FindingChange | None) -> FindingChange:
    finding = event.finding
    namespaces = [end.kubernetes.namespace for end in (event.server, event.client) if end.kubernetes]
    return FindingChange(
        key=event.key,
        status=Status.AGAIN if known else Status.NEW,
        severity=finding.severity,
        rule=finding.id,
        path=event.path.id,
        title=finding.title,
        client=party(event.client, server=False),
        server=party(event.server, server=True),
        first_ns=known.first_ns if known else nanoseconds(event.first_seen),
        last_ns=nanoseconds(event.last_seen),
        explanation=finding.explanation,
        remediation=finding.remediation,
        reference=finding.reference,
        cis=finding.cis,
        namespace=next((namespace for namespace in namespaces if namespace), None),
        cluster=event.observer.cluster or None,
        nodes=(event.observer.node,) if event.observer.node else (),
        count=event.count + (known.count if known else 0),
        verdict=event.verdict.state,
        certainty=event.verdict.certainty,
    )
