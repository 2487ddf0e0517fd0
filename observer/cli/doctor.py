"""`observer doctor`: what live capture needs, and what of it is here."""

import click

from observer.capture.doctor import Health, Machine, attempt, can_capture, examine

UNFIT = 1


@click.command("doctor")
def command() -> int:
    """Say what live capture needs and what of it this machine has, with what each lack costs.

    Exit code 0 where the agent can run, with whatever filter; 1 where it cannot.
    """
    checks = [*examine(Machine()), *attempt()]
    for check in checks:
        click.echo(f"{check.health.value:8} {check.name:20} {check.found}")
        if check.health is not Health.GOOD and check.cost:
            click.echo(f"{'':29} without it: {check.cost}")
    return 0 if can_capture(checks) else UNFIT
