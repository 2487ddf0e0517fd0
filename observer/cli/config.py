"""`observer config`: the settings that an agent would run with, and where each comes from."""

from typing import Any

import click

from observer.cli import settings
from observer.config import Settings, showing


@click.command("config")
@settings.options(Settings)
@click.option("-o", "form", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True)
def command(config: str | None, form: str, **flags: Any) -> None:
    """Print the settings that `observer agent` would run with, and where each comes from.

    Defaults come first, then the file, then OBSERVER_* in the environment, then flags. Secrets are not shown.
    """
    layered = settings.layered(Settings, config, flags)
    for doubt in layered.doubts:
        click.echo(f"observer: {doubt}", err=True)
    click.echo(showing.as_json(layered) if form == "json" else showing.as_yaml(layered), nl=False)
