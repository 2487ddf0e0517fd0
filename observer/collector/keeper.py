"""Keeps the findings' states: looks for new events, decides what became of each, tells it, then writes it down.

Told first and written after: a kill in between tells a change twice, never not at all.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator

import msgspec

from observer.collector import lifecycle
from observer.collector.lifecycle import Policy, Resolution, State, Turn
from observer.collector.rows import Rows
from observer.collector.store import Store, StoreUnavailable

POLL_S = 10
"""Another collector may have taken events into the same store; what this one takes wakes it at once."""

RESOLVE_EVERY_S = 60
OVERLAP_S = 300
"""Events are looked at again so long: what another collector committed late must not be missed."""

REPORTS_WITHIN_S = 300
"""An agent sends a summary a minute."""

SECOND_NS = 1_000_000_000

logger = logging.getLogger(__name__)


class Change(msgspec.Struct, frozen=True):
    """A finding, and what became of it; a silenced one is for the record."""

    state: State
    turn: Turn
    silenced: bool


Told = Callable[[Change], None]


class Keeper:
    """The states of all findings. `step` may be called by one thread at a time."""

    def __init__(self, store: Store, told: Told, policy: Policy, clock_ns: Callable[[], int]) -> None:
        self._store, self._told, self._policy, self._clock_ns = store, told, policy, clock_ns
        self._states = {state.seen.key: state for state in store.finding_states()}
        self._looked_ns = max((state.seen.received_ns for state in self._states.values()), default=0)
        self._resolved_ns = 0

    def step(self) -> None:
        """Take in what came since the last time, and see what is over."""
        now_ns = self._clock_ns()
        silences = self._store.silences()

        def told(state: State, turn: Turn) -> None:
            silenced = any(silence.holds(state.seen, now_ns) for silence in silences)
            self._told(Change(state, turn, silenced))

        changed = [*self._advanced(now_ns, told)]
        if now_ns - self._resolved_ns >= RESOLVE_EVERY_S * SECOND_NS:
            changed += self._over(now_ns, told)
            self._resolved_ns = now_ns
        self._store.keep_finding_states(changed, revision=now_ns)
        self._states |= {state.seen.key: state for state in changed}

    def _advanced(self, now_ns: int, told: Callable[[State, Turn], None]) -> Iterator[State]:
        since_ns = max(0, self._looked_ns - OVERLAP_S * SECOND_NS)
        for seen in self._store.findings_seen(since_ns):
            old = self._states.get(seen.key)
            state, turn = lifecycle.advanced(old, seen, now_ns)
            if turn:
                told(state, turn)
            if state is not old:
                yield state
        self._looked_ns = now_ns

    def _over(self, now_ns: int, told: Callable[[State, Turn], None]) -> Iterator[State]:
        silent: dict[Resolution, list[State]] = {Resolution.CLEAN: [], Resolution.UNSEEN: [], Resolution.NONE: []}
        for state in self._states.values():
            silent[lifecycle.silent_for(state, now_ns, self._policy)].append(state)
        clean = self._mended(silent[Resolution.CLEAN], now_ns)
        for why, states in ((Resolution.CLEAN, clean), (Resolution.UNSEEN, silent[Resolution.UNSEEN])):
            for state in states:
                over = lifecycle.resolved(state, why, now_ns)
                told(over, Turn.RESOLVED)
                yield over

    def _mended(self, states: Iterable[State], now_ns: int) -> Iterator[State]:
        """Those that the same ends were seen without, by a node that still reports."""
        for state in states:
            since_ns = now_ns - REPORTS_WITHIN_S * SECOND_NS
            if self._store.seen_clean(state.seen) and self._store.reporting(state.seen.nodes, since_ns):
                yield state


class KeeperThread:
    """Runs a keeper: at once when findings come in, and now and then."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._wake, self._stopped = threading.Event(), False
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
        self._thread.start()

    def heard(self, rows: Rows) -> None:
        """Something was committed."""
        if rows.findings:
            self._wake.set()

    def close(self) -> None:
        """Take in what came, then stop."""
        self._stopped = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            stopped = self._stopped
            try:
                self._keeper.step()
            except StoreUnavailable as error:
                logger.warning("findings are not looked at: %s", error)
            except Exception:
                # The next step looks at the same events again; a thread that ended would look at none, unnoticed.
                logger.exception("a fault while findings were looked at")
            if stopped:
                return
            self._wake.wait(POLL_S)
            self._wake.clear()
