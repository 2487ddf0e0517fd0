"""`observer inventory`: who is who in a cluster."""

import os
from pathlib import Path
from typing import Any, TypedDict, Unpack

import click
import msgspec

from observer import pipeline
from observer.cli.output import destination
from observer.cli.progress import progress
from observer.errors import InputError
from observer.inventory.file import Inventory

PREFACE = """\
# Who is who, as the traffic tells it. Correct what is wrong, add what is missing, then take out
# the line `inferred: true`: paths are certain only with an inventory that a person vouches for.
"""
HOST_PREFACE = """\
# What one host tells. Join the files of several hosts with `observer inventory merge`.
"""
CLUSTER_PREFACE = """\
# What the Kubernetes API tells. What only a host's files say (kubelets, egress selectors, kubeconfigs) is not in it:
# run `observer inventory export` on the hosts and join the files with `observer inventory merge`.
"""


class Where(TypedDict):
    """Where `export` looks: at a host's files, or at an API server."""

    root: Path
    proc: Path | None
    addresses: tuple[str, ...]
    kubeconfig: str | None
    context: str | None


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
@click.option("--kubernetes", is_flag=True, help="Ask the Kubernetes API in place of this host.")
@click.option("--kubeconfig", metavar="FILE", help="How to reach it.  [default: KUBECONFIG, or the pod we run in]")
@click.option("--context", metavar="NAME", help="Which context of the kubeconfig.")
@click.option(
    "--cluster", metavar="NAME", default="", help="What the cluster is called.  [default: as in the kubeconfig]"
)
@click.option(
    "--root", metavar="DIR", type=click.Path(path_type=Path), default="/", help="Where the host's files begin."
)
@click.option(
    "--proc", metavar="DIR", type=click.Path(path_type=Path), help="The host's processes.  [default: proc under --root]"
)
@click.option("--address", "addresses", metavar="ADDRESS", multiple=True, help="An address of this host. Repeatable.")
@click.option("--output", metavar="FILE", help="Write there instead of to standard output; whole or not at all.")
def export(output: str | None, kubernetes: bool, cluster: str, **options: Unpack[Where]) -> int:
    """Write what this host tells: what it runs, and how that is configured to verify whom.

    Flags of running components, static pods, kubelet and egress selector configuration, kubeconfigs; never a key or a
    token. Needs root to see what runs in containers; what cannot be read is said in the file.

    With --kubernetes what the API tells: nodes, pods, services, API servers, and the flags of the control plane's pods.
    """
    if kubernetes:
        inventory, preface = _of_cluster(options["kubeconfig"], options["context"], cluster), CLUSTER_PREFACE
    else:
        found = _of_host(options["root"], options["proc"], options["addresses"])
        inventory, preface = msgspec.structs.replace(found, cluster=cluster), HOST_PREFACE
    with destination(output) as out:
        out.write(text(inventory, preface).encode())
    return 0


def _of_host(root: Path, proc: Path | None, addresses: tuple[str, ...]) -> Inventory:
    from observer.inventory.host.export import export as read
    from observer.inventory.host.export import host_name
    from observer.inventory.host.topology import Host

    proc = proc or root / "proc"
    return read(root, proc, Host(host_name(root, proc), _addresses(addresses)))


def _of_cluster(kubeconfig: str | None, context: str | None, cluster: str) -> Inventory:
    from observer.inventory.kubernetes import connection
    from observer.inventory.kubernetes.follow import Follower
    from observer.inventory.kubernetes.reflector import RefusedError

    in_pod = not (kubeconfig or context) and "KUBERNETES_SERVICE_HOST" in os.environ
    server = connection.in_cluster() if in_pod else connection.kubeconfig(kubeconfig, context)
    try:
        return Follower(server, node=None, cluster=cluster).read()
    except RefusedError as error:
        raise InputError(f"{server.url}: {error}") from None


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
