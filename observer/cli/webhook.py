"""`observer webhook`: checks the alert configuration, sends test messages, and shows what could not be delivered."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from observer.errors import ConfigurationError

if TYPE_CHECKING:
    from observer.alerts.configuration import Configuration, Route

FAILED = 1

alerts = click.option(
    "--alerts",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    envvar="OBSERVER_ALERTS",
    default="/etc/observer/alerts.yaml",
    show_default=True,
    help="Who is told of what (YAML); OBSERVER_ALERTS sets it, too.",
)


@click.group("webhook")
def command() -> None:
    """Alerts: who is told of findings, and what could not be delivered."""


@command.command("check")
@alerts
def check(file: Path) -> int:
    """Read the configuration and its secrets; say each fault with its file and line. Sends nothing."""
    from observer.alerts import reading

    configuration = reading.load(file)
    click.echo(f"{len(configuration.routes)} routes to {len(configuration.receivers)} receivers are sound")
    return 0


@command.command("test")
@click.argument("route", metavar="[ROUTE]", required=False)
@alerts
def test(route: str | None, file: Path) -> int:
    """Send a test alert and its end over each route, or over one. Exit code 1 where one does not arrive."""
    from observer.alerts import reading

    configuration = reading.load(file)
    failed = False
    for wanted in _routes(configuration, route):
        failed |= not _tested(configuration, wanted)
    return FAILED if failed else 0


@command.command("dead-letters")
@alerts
def dead_letters(file: Path) -> int:
    """One line for each message that was given up: id, time, receiver, tries, why, and what it says."""
    from observer.alerts import reading
    from observer.alerts.outbox import Outbox
    from observer.alerts.times import rfc3339

    outbox = Outbox(reading.load(file).queue)
    for entry in outbox.dead_letters():
        head = f"{entry.id}  {rfc3339(entry.created_ns)[:19]}Z  {entry.receiver}"
        click.echo(f"{head}  {entry.tries} tries  {entry.outcome}\n  {_said(entry.message)}")
    return 0


@command.command("retry")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every dead letter.")
@alerts
def retry(ids: tuple[str, ...], everything: bool, file: Path) -> int:
    """Queue dead letters again; whoever runs with this configuration delivers them."""
    from observer.alerts import reading
    from observer.alerts.outbox import Outbox

    if bool(ids) == everything:
        raise click.UsageError("name the ID of dead letters, or --all")
    outbox = Outbox(reading.load(file).queue)
    dead = {entry.id for entry in outbox.dead_letters()}
    if unknown := sorted(set(ids) - dead):
        raise ConfigurationError(f"no dead letter is called {unknown[0]}")
    click.echo(f"{outbox.revive(ids or sorted(dead), time.time_ns())} messages wait for delivery")
    return 0


def _routes(configuration: "Configuration", name: str | None) -> "list[Route]":
    if name is None:
        return list(configuration.routes)
    found = [route for route in configuration.routes if route.name == name]
    if not found:
        known = ", ".join(route.name for route in configuration.routes)
        raise ConfigurationError(f"no route is called {name}; there are {known}")
    return found


def _tested(configuration: "Configuration", route: "Route") -> bool:
    from observer.alerts.courier import arrived, deliver
    from observer.alerts.trial import messages

    receiver = configuration.receivers[route.receiver]
    for message in messages(route, configuration.link, time.time_ns()):
        answer = deliver(message, receiver, time.time_ns())
        click.echo(f"{route.name} to {route.receiver}: {message.status} message {message.id} {answer.outcome}")
        if not arrived(answer):
            return False
    return True


def _said(encoded: bytes) -> str:
    import msgspec

    from observer.alerts.bodies.words import headline
    from observer.alerts.message import Message

    try:
        message: Message = msgspec.json.decode(encoded, type=Message)
    except msgspec.MsgspecError:
        return "(another version wrote it)"
    return headline(message)
