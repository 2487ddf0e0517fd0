"""`observer agent`: events of what passes on this machine's interfaces, one a line."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypedDict, Unpack

import click

from observer import agent
from observer.cli.analyze import Address
from observer.errors import ConfigurationError
from observer.pipeline import Source, Watch

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
@click.option("--backend", type=click.Choice(["best", "ebpf", "classic"]), default="best", show_default=True)
@click.option("--ring", "ring_mib", metavar="MIB", type=click.IntRange(1, 1024), default=16, show_default=True)
@click.option("--summary-every", metavar="SECONDS", type=click.FloatRange(1), default=60, show_default=True)
def command(
    interfaces: tuple[str, ...],
    captured_on: str | None,
    output: str,
    backend: str,
    ring_mib: int,
    summary_every: float,
    **settings: Unpack[Settings],
) -> None:
    """Write an event for each control-plane connection of this machine, when its facts are known and when it ends.

    Ends on SIGTERM or SIGINT, when every open connection has got its last event.
    """
    source = Source(interfaces, backend, ring_mib * MIB, captured_on)
    with _appended(output) as out, _stop_signals() as stopped:
        watch = Watch(source, **settings)
        click.echo(f"observer: capturing with {_told(watch)}", err=True)
        agent.run(watch, out, lambda: bool(stopped), interval_s=summary_every)


def _told(watch: Watch) -> str:
    return f"{watch.backend} ({watch.hindrance})" if watch.hindrance else watch.backend


@contextmanager
def _appended(path: str) -> Iterator[BinaryIO]:
    if path == STANDARD_OUTPUT:
        yield sys.stdout.buffer
        return
    with _opened(path) as out:
        yield out


def _opened(path: str) -> BinaryIO:
    try:
        return Path(path).open("ab")
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
