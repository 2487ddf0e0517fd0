"""`observer agent`: events of what passes on this machine's interfaces, one a line."""

import platform
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from observer import agent
from observer.cli import destinations, settings
from observer.config import Settings
from observer.pipeline import Known, Source, Watch, read_known

MIB = 1024 * 1024


@click.command("agent")
@settings.options(Settings)
def command(config: str | None, **flags: Any) -> None:
    """Write an event for each control-plane connection of this machine, when its facts are known and when it ends.

    Ends on SIGTERM or SIGINT, when every open connection has got its last event. `observer config` shows the settings.
    """
    layered = settings.layered(Settings, config, flags)
    for doubt in layered.doubts:
        click.echo(f"observer: {doubt}", err=True)
    _run(layered.value)


def _run(chosen: Settings) -> None:
    node = chosen.node or platform.node()
    sink = destinations.opened(chosen, node, _complain)
    try:
        with _stop_signals() as stopped:
            watch = _watch(chosen, node)
            click.echo(f"observer: capturing with {_told(watch)}", err=True)
            agent.run(watch, sink, lambda: bool(stopped) or sink.gone, interval_s=chosen.summary_every_s)
    finally:
        sink.close(chosen.drain_timeout_s)
    if sink.gone:
        raise BrokenPipeError


def _watch(chosen: Settings, node: str) -> Watch:
    source, known = _source(chosen), _known(chosen)
    if not chosen.kubernetes:
        return Watch(source, known, cluster=chosen.cluster, node=node)
    from observer.cli.following import FollowingWatch, follower

    return FollowingWatch(source, known, follower(chosen, node), cluster=chosen.cluster, node=node)


def _source(chosen: Settings) -> Source:
    return Source(chosen.interfaces, chosen.backend, chosen.ring_mib * MIB, chosen.captured_on)


def _known(chosen: Settings) -> Known:
    return read_known(inventory=chosen.inventory, ca=chosen.ca, rules=chosen.rules)


def _complain(sink: str, trouble: str | None) -> None:
    click.echo(f"observer: {sink}: {trouble or 'works again'}", err=True)


def _told(watch: Watch) -> str:
    backend = watch.observer.backend
    return f"{backend} ({watch.hindrance})" if watch.hindrance else backend


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """A list that holds the signals that ask for an end, once one came; a second one ends at once."""
    stopped: list[int] = []

    def stop(number: int, _: object) -> None:
        stopped.append(number)
        signal.signal(number, previous[signal.Signals(number)] or signal.SIG_DFL)

    previous = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stopped
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler or signal.SIG_DFL)
