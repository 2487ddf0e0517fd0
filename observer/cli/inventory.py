"""`observer inventory`: who is who in a cluster."""

from typing import Any

import click

from observer import pipeline
from observer.cli.output import destination
from observer.cli.progress import progress
from observer.inventory.file import Inventory

PREFACE = """\
# Who is who, as the traffic tells it. Correct what is wrong, add what is missing, then take out
# the line `inferred: true`: paths are certain only with an inventory that a person vouches for.
"""


@click.group("inventory")
def command() -> None:
    """Who is who in the cluster."""


@command.command("infer")
@click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True)
@click.option("--output", metavar="FILE", help="Write there instead of to standard output; whole or not at all.")
def infer(captures: tuple[str, ...], output: str | None) -> int:
    """Write the inventory that the traffic of the captures suggests, as YAML."""
    with progress() as report:
        inventory = pipeline.infer(captures, progress=report)
    with destination(output) as out:
        out.write(text(inventory).encode())
    return 0


def text(inventory: Inventory) -> str:
    """The inventory as a file of the format that `--inventory` reads, without what is not known."""
    import msgspec
    import yaml

    known = _known(msgspec.json.decode(msgspec.json.encode(inventory, enc_hook=str)))
    return PREFACE + yaml.safe_dump(known, sort_keys=False, default_flow_style=None, width=120, allow_unicode=True)


def _known(value: Any) -> Any:
    if isinstance(value, dict):
        pairs = ((key, _known(part)) for key, part in value.items())
        return {key: part for key, part in pairs if part not in (None, [], {}, "", False)}
    return [_known(part) for part in value] if isinstance(value, list) else value
