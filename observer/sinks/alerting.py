"""Alerts from an agent that has no collector: its `finding` events, with a small life cycle, to the alert webhooks."""

import time
from collections.abc import Callable

import msgspec

from observer.alerts.lifecycle import FindingEvent, Lifecycle
from observer.alerts.service import Alerts
from observer.model import EventClass
from observer.sinks import Lines, Status

FINDING = b'"kind":"finding"'
"""Stands in each finding event, and perhaps in others: what is read decides."""


class Alerting:
    """Takes lines and tells people of the findings in them."""

    name = "alerts"

    def __init__(self, alerts: Alerts, resolve_after_ns: int, clock_ns: Callable[[], int] = time.time_ns) -> None:
        """`alerts` is started, and closed with the sink; a finding not seen for `resolve_after_ns` is resolved."""
        self._alerts, self._clock_ns = alerts, clock_ns
        self._lifecycle = Lifecycle(resolve_after_ns, alerts.standing(), clock_ns())
        self._delivered = 0

    def write(self, lines: Lines) -> None:
        """Note what became of findings; on disk when it returns."""
        self._delivered += lines.count
        if lines.of is EventClass.FLOW:
            return
        now_ns = self._clock_ns()
        events = [_decoded(line) for line in lines.data.splitlines() if FINDING in line]
        changes = [change for event in events if event for change in self._lifecycle.seen(event, now_ns)]
        changes += self._lifecycle.over(now_ns)
        if changes:
            self._alerts.take(changes)

    def flush(self) -> None:
        """End what was not seen for a time."""
        if over := self._lifecycle.over(self._clock_ns()):
            self._alerts.take(over)

    def close(self) -> None:
        """Stop; what is not delivered is delivered by the next run."""
        self._alerts.close()

    def status(self) -> Status:
        """How many events were seen, and which alerts do not get through."""
        counters = self._alerts.counters()
        dead = counters["dead"]
        return Status(
            waiting_events=counters["waiting"],
            delivered=self._delivered,
            lost={EventClass.FINDING: self._lifecycle.shed + counters.get("shed", 0)},
            trouble=f"{dead} alerts were given up; see `observer webhook dead-letters`" if dead else None,
        )


def _decoded(line: bytes) -> FindingEvent | None:
    try:
        return msgspec.json.decode(line, type=FindingEvent)
    except msgspec.ValidationError:
        return None
