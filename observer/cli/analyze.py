"""`observer analyze`: captures in, verdicts out."""

import ipaddress
from collections.abc import Callable
from typing import BinaryIO, TypedDict, Unpack

import click

from observer import pipeline
from observer.analysis import Analysis, ByteSink, reaches, with_baseline
from observer.cli.options import fail_on_option
from observer.cli.output import destination, text
from observer.cli.progress import progress
from observer.model import AnchorRole, Severity

Run = Callable[[ByteSink | None], Analysis]
"""Analyses, and writes flow events to what it is given."""


class Settings(TypedDict):
    """The options that the pipeline takes as they are."""

    inventory: str | None
    ca: tuple[str, ...]
    rules: str | None
    captured_on: str | None
    keylog: tuple[str, ...]


class Address(click.ParamType[str]):
    """An IP address, in its usual spelling."""

    name = "address"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The address, or wrong usage."""
        try:
            return str(ipaddress.ip_address(value))
        except ValueError:
            self.fail(f"{value!r} is no IP address", param, ctx)


def _table(run: Run, out: BinaryIO) -> Analysis:
    from observer.report import table, terminal

    analysis = run(None)
    with text(out) as stream:
        terminal.write(lambda width: table.render(analysis, width), stream)
    return analysis


def _json(run: Run, out: BinaryIO) -> Analysis:
    from observer.report import documents

    document = documents.Document(out)
    analysis = run(document)
    document.close(analysis)
    return analysis


def _ndjson(run: Run, out: BinaryIO) -> Analysis:
    from observer.report import documents

    analysis = run(out)
    out.write(documents.summary(analysis) + b"\n")
    return analysis


WRITERS = {"table": _table, "json": _json, "ndjson": _ndjson}


@click.command("analyze")
@click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True)
@click.option("--inventory", metavar="FILE", help="Who is who in the cluster (YAML). Without it the traffic tells.")
@click.option(
    "--ca",
    metavar="[ROLE=]FILE",
    multiple=True,
    help="Authorities that clients trust (PEM); ROLE says which clients: "
    f"{', '.join(AnchorRole)}. Without it any may. Repeatable.",
)
@click.option("--rules", metavar="DIR", help="Rules in place of those that come with the program.")
@click.option("--captured-on", type=Address(), help="The host whose loopback the captures show.")
@click.option(
    "--keylog", metavar="FILE", multiple=True, help="TLS secrets (SSLKEYLOGFILE) to decrypt with. Repeatable."
)
@click.option(
    "-o", "--format", "form", type=click.Choice(["table", "json", "ndjson"]), default="table", show_default=True
)
@click.option("--output", metavar="FILE", help="Write there instead of to standard output; whole or not at all.")
@fail_on_option
@click.option(
    "--baseline", metavar="FILE", help="An earlier result (-o json or ndjson); only what is new counts for --fail-on."
)
def command(
    captures: tuple[str, ...],
    form: str,
    output: str | None,
    fail_on: str,
    baseline: str | None,
    **settings: Unpack[Settings],
) -> int:
    """Say for each connection in the captures which documented path it is on and whether it is safe.

    CAPTURE is a pcap or pcapng file, also compressed (.gz, .zst), or - for standard input.
    """
    known = _known(baseline)

    def run(flows_out: ByteSink | None) -> Analysis:
        with progress() as report:
            analysis = pipeline.analyze(captures, **settings, flows_out=flows_out, progress=report)
        return analysis if known is None else with_baseline(analysis, known)

    with destination(output) as out:
        analysis = WRITERS[form](run, out)
    return int(fail_on != "never" and reaches(analysis.findings, Severity(fail_on)))


def _known(baseline: str | None) -> frozenset[str] | None:
    """The keys of an earlier result, read before anything else so that a wrong file costs no time."""
    if baseline is None:
        return None
    from observer import results

    return results.read(baseline).keys()
