"""What becomes of a finding: new, seen again, resolved, reopened. Pure: time and what was seen are arguments.

Everything follows from sums over the finding's stored events, so that events that come late, twice or in another order,
or a collector that was killed in between, lead to the same state.
"""

from enum import StrEnum

import msgspec


class Status(StrEnum):
    """Where a finding stands."""

    OPEN = "open"
    RESOLVED = "resolved"


class Turn(StrEnum):
    """What became of a finding."""

    NEW = "new"
    AGAIN = "again"
    RESOLVED = "resolved"
    REOPENED = "reopened"


class Resolution(StrEnum):
    """Why a finding counts as resolved; empty while it is open."""

    NONE = ""
    CLEAN = "clean"
    """The same client was seen to talk to the same server on the same path without it, and for long nobody saw it."""
    UNSEEN = "unseen"
    """For very long nobody saw it, and nothing showed that it is mended."""


class Policy(msgspec.Struct, frozen=True):
    """How long a finding must not have been seen; an agent repeats one that stands every ten minutes at least."""

    clean_s: int = 3600
    unseen_s: int = 7 * 86400


class Seen(msgspec.Struct, frozen=True):
    """All stored events of a finding together, and its latest event."""

    key: str
    events: int
    count: int
    first_ns: int
    last_ns: int
    received_ns: int
    nodes: tuple[str, ...]
    cluster: str
    rule: str
    severity: int
    path: str
    client_address: str
    client_namespace: str
    server_address: str
    server_port: int
    server_namespace: str
    event: str


class State(msgspec.Struct, frozen=True):
    """A finding as it stands; `episode` counts how often it was opened."""

    seen: Seen
    status: Status
    changed_ns: int
    episode: int = 1
    resolution: Resolution = Resolution.NONE


def advanced(state: State | None, seen: Seen, now_ns: int) -> tuple[State, Turn | None]:
    """The state after events came in, and what it is called; no name where nothing new was seen."""
    if state is None:
        return State(seen, Status.OPEN, now_ns), Turn.NEW
    # Where the retention took events away there are fewer, and a later one still tells.
    if seen.events <= state.seen.events and seen.last_ns <= state.seen.last_ns:
        return state, None
    if state.status is Status.OPEN:
        return msgspec.structs.replace(state, seen=seen), Turn.AGAIN
    if seen.last_ns <= state.seen.last_ns:
        # From before it was resolved: history, told late.
        return msgspec.structs.replace(state, seen=seen), None
    return State(seen, Status.OPEN, now_ns, state.episode + 1), Turn.REOPENED


def silent_for(state: State, now_ns: int, policy: Policy) -> Resolution:
    """What the finding's silence would be called by now; `NONE` where it was seen too lately."""
    quiet_s = (now_ns - state.seen.received_ns) / 1e9
    if state.status is Status.RESOLVED or quiet_s < policy.clean_s:
        return Resolution.NONE
    return Resolution.UNSEEN if quiet_s >= policy.unseen_s else Resolution.CLEAN


def resolved(state: State, why: Resolution, now_ns: int) -> State:
    """The state of a finding that is over."""
    return msgspec.structs.replace(state, status=Status.RESOLVED, changed_ns=now_ns, resolution=why)
