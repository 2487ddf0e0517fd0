"""`observer agent`: events of what passes on this machine's interfaces, one a line."""

import platform
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict, Unpack

import click

from observer import agent
from observer.cli.analyze import Address
from observer.errors import ConfigurationError
from observer.pipeline import Source, Watch, read_known
from observer.sinks import Sink
from observer.sinks.file import File, Rotation
from observer.sinks.queue import Queued
from observer.sinks.stdout import Stream

STANDARD_OUTPUT = "-"
MIB = 1024 * 1024


class Settings(TypedDict):
    """The options that the pipeline takes as they are."""

    inventory: str | None
    ca: tuple[str, ...]
    rules: str | None


@click.command("agent")
@click.option("--interface", "interfaces", metavar="NAME", multiple=True, help="Repeatable; without it, all.")
@click.option("--inventory", metavar="FILE", help="Who is who in the cluster (YAML). Without it no path has a name.")
@click.option("--ca", metavar="[ROLE=]FILE", multiple=True, help="Authorities that clients trust (PEM). Repeatable.")
@click.option("--rules", metavar="DIR", help="Rules in place of those that come with the program.")
@click.option("--captured-on", type=Address(), help="This machine's address, for what passes its loopback interface.")
@click.option("--output", metavar="FILE", default=STANDARD_OUTPUT, show_default=True, help="Append events there.")
@click.option("--node", metavar="NAME", default=platform.node, help="This machine, in every event; its host name.")
@click.option("--rotate-size", "rotate_mib", metavar="MIB", type=click.IntRange(0), default=100, show_default=True)
@click.option("--rotate-every", metavar="SECONDS", type=click.FloatRange(0), default=0, help="0: by size alone.")
@click.option("--rotate-keep", metavar="FILES", type=click.IntRange(0), default=5, show_default=True)
@click.option("--backend", type=click.Choice(["best", "ebpf", "classic"]), default="best", show_default=True)
@click.option("--ring", "ring_mib", metavar="MIB", type=click.IntRange(1, 1024), default=16, show_default=True)
@click.option("--summary-every", metavar="SECONDS", type=click.FloatRange(1), default=60, show_default=True)
def command(  # noqa: PLR0913, PLR0917 - one argument an option
    interfaces: tuple[str, ...],
    captured_on: str | None,
    output: str,
    node: str,
    rotate_mib: int,
    rotate_every: float,
    rotate_keep: int,
    backend: str,
    ring_mib: int,
    summary_every: float,
    **settings: Unpack[Settings],
) -> None:
    """Write an event for each control-plane connection of this machine, when its facts are known and when it ends.

    Ends on SIGTERM or SIGINT, when every open connection has got its last event.
    """
    source = Source(interfaces, backend, ring_mib * MIB, captured_on)
    out = _sink(output, Rotation(rotate_mib * MIB, rotate_every, rotate_keep))
    with _stop_signals() as stopped:
        watch = Watch(source, read_known(**settings), node=node)
        click.echo(f"observer: capturing with {_told(watch)}", err=True)
        sink = Queued(out, _complain)
        try:
            agent.run(watch, sink, lambda: bool(stopped) or sink.gone, interval_s=summary_every)
        finally:
            sink.close()
    if sink.gone:
        raise BrokenPipeError


def _complain(sink: str, trouble: str | None) -> None:
    click.echo(f"observer: {sink}: {trouble or 'works again'}", err=True)


def _told(watch: Watch) -> str:
    backend = watch.observer.backend
    return f"{backend} ({watch.hindrance})" if watch.hindrance else backend


def _sink(path: str, rotation: Rotation) -> Sink:
    if path == STANDARD_OUTPUT:
        return Stream(sys.stdout.buffer)
    try:
        return File(Path(path), rotation)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror or error}") from error


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
