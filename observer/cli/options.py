"""Options that several commands share."""

import click

from observer.model import Severity

SEVERITIES = [severity.value for severity in Severity if severity is not Severity.UNKNOWN]

fail_on_option = click.option(
    "--fail-on",
    type=click.Choice([*SEVERITIES, "never"]),
    default=Severity.HIGH.value,
    show_default=True,
    help="Exit with 1 where a finding is this severe or worse.",
)
