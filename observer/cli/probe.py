"""`observer probe`: what certificates endpoints show."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from observer.cli.output import destination, text
from observer.errors import ConfigurationError

if TYPE_CHECKING:
    from observer.evidence.memory import Line
    from observer.evidence.probe import Endpoint


@click.command("probe")
@click.argument("endpoints", metavar="[ENDPOINT...]", nargs=-1)
@click.option("--server-name", metavar="NAME", help="Ask under this name (SNI). Without it a host name is its own.")
@click.option("--inventory", metavar="FILE", type=click.Path(path_type=Path), help="Ask also what is listed there.")
@click.option("--timeout", metavar="S", type=click.FloatRange(0.01, 60), default=5, show_default=True)
@click.option(
    "--rate", metavar="N", type=click.FloatRange(0.01, 1000), default=20, show_default=True, help="Per second."
)
@click.option("-o", "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--output", metavar="FILE", help="Write there instead of to standard output; whole or not at all.")
def command(
    endpoints: tuple[str, ...],
    server_name: str | None,
    inventory: Path | None,
    timeout: float,
    rate: float,
    form: str,
    output: str | None,
) -> int:
    """Fetch the certificates that endpoints show, by a TLS handshake without credentials and without data.

    ENDPOINT is ADDRESS:PORT, [IPV6]:PORT or NAME:PORT. Of an inventory API servers, kubelets, Konnectivity and etcd
    are asked. With -o json each endpoint is one line.
    """
    from observer.evidence.probe import Prober, line
    from observer.pipeline import fetch
    from observer.report import endpoints as report
    from observer.report import terminal

    asked = list(_asked(endpoints, server_name, inventory))
    if not asked:
        raise click.UsageError("name an ENDPOINT, or an inventory that lists some")
    prober = Prober(fetch, timeout_s=timeout, per_second=rate)
    with destination(output) as out:
        results = map(line, prober.probe(asked))
        if form == "json":
            out.writelines(_lines(results))
            return 0
        every = list(results)
        with text(out) as stream:
            terminal.write(lambda _: report.render(every), stream)
    return 0


def _asked(endpoints: tuple[str, ...], server_name: str | None, inventory: Path | None) -> "Iterator[Endpoint]":
    from observer.inventory.endpoints import listed, named
    from observer.inventory.file import load

    for endpoint in endpoints:
        yield from named(endpoint, server_name)
    if inventory is None:
        return
    known = load(inventory)
    if known.inferred:
        raise ConfigurationError(f"{inventory}: was inferred from traffic; ask only what a person vouches for")
    yield from listed(known)


def _lines(results: "Iterable[Line]") -> Iterator[bytes]:
    import msgspec

    return (msgspec.json.encode(result) + b"\n" for result in results)
