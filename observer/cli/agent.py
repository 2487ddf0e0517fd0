"""`observer agent`: events of what passes on this machine's interfaces, one a line."""

import os
import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import click

from observer import agent, logs
from observer.agent.broadcast import Broadcast
from observer.agent.budget import Allowance, Budget
from observer.agent.notify import Notifier
from observer.agent.reload import Reloader
from observer.agent.state import State
from observer.agent.teller import Teller
from observer.cli import destinations, keeping, settings
from observer.config import Settings
from observer.logs import Log
from observer.pipeline import Known, Source, Watch, files_of, read_known
from observer.sinks.several import Several

MIB = 1024 * 1024
HURRY_S = 1.0
"""After the time for draining so much is left for what cannot be interrupted."""
OVERDUE = 70
"""The exit code of an agent that could not end in time."""


@click.command("agent")
@settings.options(Settings)
def command(config: str | None, **flags: Any) -> None:
    """Write an event for each control-plane connection of this machine, when its facts are known and when it ends.

    Ends on SIGTERM or SIGINT, when every open connection has got its last event. `observer config` shows the settings.
    """
    layered = settings.layered(Settings, config, flags)
    log = logs.configure(layered.value.log_format, layered.value.log_level)
    for doubt in layered.doubts:
        log.warning("settings", doubt=doubt)
    known = _read(layered.value)
    out = destinations.opened(layered.value, _node(layered.value), _complaint(log))
    try:
        _Daemon(layered.value, known, out, log).run()
    finally:
        out.close(layered.value.drain_timeout_s)
    if out.gone:
        raise BrokenPipeError


def _node(chosen: Settings) -> str:
    return chosen.node or platform.node()


def _complaint(log: Log) -> destinations.Complain:
    def complain(sink: str, trouble: str | None) -> None:
        if trouble:
            log.error("sink takes no events", sink=sink, trouble=trouble)
        else:
            log.info("sink takes events again", sink=sink)

    return complain


def _read(chosen: Settings) -> Known:
    memory = keeping.files(chosen.memory)
    return read_known(inventory=chosen.inventory, ca=chosen.ca, rules=chosen.rules, memory=memory)


def _watch(chosen: Settings, known: Known) -> Watch:
    source = Source(chosen.interfaces, chosen.backend, chosen.ring_mib * MIB, chosen.captured_on)
    if not chosen.kubernetes:
        return Watch(source, known, cluster=chosen.cluster, node=_node(chosen))
    from observer.cli.following import FollowingWatch, follower

    node = _node(chosen)
    return FollowingWatch(source, known, follower(chosen, node), cluster=chosen.cluster, node=node)


class _Daemon:
    """All parts of a running agent, put together."""

    def __init__(self, chosen: Settings, known: Known, out: Several, log: Log) -> None:
        self._chosen, self._out, self._log = chosen, out, log
        self._watch = _watch(chosen, known)
        self._events = Broadcast(out)
        self._teller = Teller(self._watch, self._events)
        self._budget = Budget(Allowance(chosen.cpu_budget_cores, chosen.memory_budget_mib * MIB))
        self._notifier = Notifier(os.environ)
        self._reloader = Reloader(
            known,
            files=lambda now: files_of(now, inventory=chosen.inventory, ca=chosen.ca, rules=chosen.rules),
            read=lambda: _read(chosen),
            apply=self._watch.reconfigure,
            ended=self._say_ready_to_systemd,
            log=log,
            every_s=chosen.reload_every_s,
        )
        reloads = lambda: self._reloader.reloads  # noqa: E731 - asked again each time
        self._state = State(self._watch, self._teller, reloads, out.each, time.monotonic)
        self._keeper = keeping.Keeper(self._watch, chosen.memory, log, every_s=chosen.summary_every_s)
        self._stopped: list[int] = []

    def run(self) -> None:
        """Until a signal asks for the end, and drain then."""
        with ExitStack() as stack:
            stack.enter_context(
                _signals({signal.SIGTERM: self._stop, signal.SIGINT: self._stop, signal.SIGHUP: self._reload})
            )
            self._serve(stack)
            self._say_ready()
            agent.run(
                self._watch,
                self._teller,
                lambda: bool(self._stopped) or self._out.gone,
                interval_s=self._chosen.summary_every_s,
                chores=(
                    self._reloader.tick,
                    self._keep_to_budget,
                    self._state.tick,
                    self._notifier.tick,
                    self._keeper.tick,
                ),
            )
            self._keeper.write()

    def _serve(self, stack: ExitStack) -> None:
        if self._chosen.listen is None:
            return
        from observer.agent.metrics import Metrics
        from observer.agent.server import Answers, Server
        from observer.capture.programs import programs

        metrics = Metrics(self._state.snapshot, self._out.each, programs)
        answers = Answers(self._state.health, self._state.readiness, metrics.text, self._events)
        server = Server(*self._chosen.listen.parts(), answers)
        stack.callback(server.close)
        self._log.info("listening", address=self._chosen.listen, port=server.port)

    def _say_ready(self) -> None:
        backend, hindrance = self._watch.observer.backend, self._watch.hindrance
        fields = {"backend": backend, **({"hindrance": hindrance} if hindrance else {})}
        self._log.info(f"capturing with {backend}", **fields)
        self._say_ready_to_systemd()

    def _say_ready_to_systemd(self) -> None:
        self._notifier.ready(f"capturing with {self._watch.observer.backend}")

    def _keep_to_budget(self, now_s: float) -> None:
        self._budget.tick(now_s)
        if self._budget.is_exceeded != self._teller.is_shedding:
            self._teller.is_shedding = self._budget.is_exceeded
            if self._teller.is_shedding:
                self._log.warning("over the budget: flow events are shed")
            else:
                self._log.info("within the budget again")

    def _reload(self, _: int) -> None:
        self._notifier.reloading()
        self._reloader.ask()

    def _stop(self, number: int) -> None:
        """A second signal ends at once, and so does a drain that takes too long."""
        self._stopped.append(number)
        for asked in (signal.SIGTERM, signal.SIGINT):
            signal.signal(asked, signal.SIG_DFL)
        self._state.stop()
        self._notifier.stopping()
        overdue = threading.Timer(self._chosen.drain_timeout_s + HURRY_S, os._exit, [OVERDUE])
        overdue.daemon = True
        overdue.start()


@contextmanager
def _signals(handlers: Mapping[signal.Signals, Callable[[int], None]]) -> Iterator[None]:
    def handle(number: int, _: object) -> None:
        handlers[signal.Signals(number)](number)

    previous = {asked: signal.signal(asked, handle) for asked in handlers}
    try:
        yield
    finally:
        for asked, before in previous.items():
            signal.signal(asked, before or signal.SIG_DFL)
