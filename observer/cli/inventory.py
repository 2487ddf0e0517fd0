"""`observer inventory`: who is who in a cluster."""

from pathlib import Path
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
HOST_PREFACE = """\
# What one host tells. Join the files of several hosts with `observer inventory merge`.
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


@command.command("export")
@click.option(
    "--root", metavar="DIR", type=click.Path(path_type=Path), default="/", help="Where the host's files begin."
)
@click.option(
    "--proc", metavar="DIR", type=click.Path(path_type=Path), help="The host's processes.  [default: proc under --root]"
)
@click.option("--address", "addresses", metavar="ADDRESS", multiple=True, help="An address of this host. Repeatable.")
@click.option("--output", metavar="FILE", help="Write there instead of to standard output; whole or not at all.")
def export(root: Path, proc: Path | None, addresses: tuple[str, ...], output: str | None) -> int:
    """Write what this host tells: what it runs, and how that is configured to verify whom.

    Flags of running components, static pods, kubelet and egress selector configuration, kubeconfigs; never a key or a
    token. Needs root to see what runs in containers; what cannot be read is said in the file.
    """
    from observer.inventory.host.export import export as read
    from observer.inventory.host.export import host_name
    from observer.inventory.host.topology import Host

    proc = proc or root / "proc"
    inventory = read(root, proc, Host(host_name(root, proc), _addresses(addresses)))
    with destination(output) as out:
        out.write(text(inventory, HOST_PREFACE).encode())
    return 0


@command.command("merge")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--output", metavar="FILE", help="Write there instead of to standard output; whole or not at all.")
def merge(files: tuple[Path, ...], output: str | None) -> int:
    """Write the inventories of several hosts of one cluster as one."""
    from observer.inventory.file import load
    from observer.inventory.merge import merge as merged

    inventory = merged([load(file) for file in files])
    with destination(output) as out:
        out.write(text(inventory, "").encode())
    return 0


def text(inventory: Inventory, preface: str = PREFACE) -> str:
    """The inventory as a file of the format that `--inventory` reads, without what is not known."""
    import msgspec
    import yaml

    every = msgspec.json.decode(msgspec.json.encode(inventory, enc_hook=str))
    components = _sections(every.pop("components"))
    known = {**_known(every), **({"components": components} if components else {})}
    ordered = {field: known[field] for field in inventory.__struct_fields__ if field in known}
    return preface + yaml.safe_dump(ordered, sort_keys=False, default_flow_style=None, width=120, allow_unicode=True)


def _known(value: Any) -> Any:
    if isinstance(value, dict):
        pairs = ((key, _known(part)) for key, part in value.items())
        return {key: part for key, part in pairs if part not in (None, [], {}, "", False)}
    return [_known(part) for part in value] if isinstance(value, list) else value


def _sections(components: dict[str, Any]) -> dict[str, Any]:
    """Of settings null, no and 0 are knowledge; only sections without any are left out."""
    return {name: section for name, section in components.items() if section}


def _addresses(texts: tuple[str, ...]) -> tuple[str, ...]:
    import ipaddress

    try:
        return tuple(str(ipaddress.ip_address(text)) for text in texts)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--address") from None
