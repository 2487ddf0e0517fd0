"""`observer analyze`: captures in, verdicts out."""

import io
import ipaddress
import sys
from collections.abc import Callable
from typing import BinaryIO, TypedDict, Unpack

import click

from observer import pipeline
from observer.analysis import Analysis, ByteSink, reaches
from observer.cli.output import destination
from observer.cli.progress import progress
from observer.model import Severity

SEVERITIES = [severity.value for severity in Severity if severity is not Severity.UNKNOWN]

Run = Callable[[ByteSink | None], Analysis]
"""Analyses, and writes flow events to what it is given."""


class Settings(TypedDict):
    """The options that the pipeline takes as they are."""

    inventory: str | None
    ca: tuple[str, ...]
    rules: str | None
    captured_on: str | None


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
    from observer.report import table

    analysis = run(None)
    text = io.TextIOWrapper(out, encoding=_encoding(out), errors="replace", write_through=True)
    table.write(analysis, text)
    text.detach()
    return analysis


def _json(run: Run, out: BinaryIO) -> Analysis:
    from observer.report import documents

    analysis = run(documents.open_document(out))
    documents.close_document(out, analysis)
    return analysis


def _ndjson(run: Run, out: BinaryIO) -> Analysis:
    from observer.report import documents

    analysis = run(out)
    out.write(documents.summary(analysis) + b"\n")
    return analysis


WRITERS = {"table": _table, "json": _json, "ndjson": _ndjson}


def _encoding(out: BinaryIO) -> str:
    """A file is UTF-8; a terminal is what it says it is."""
    return sys.stdout.encoding if out is sys.stdout.buffer else "utf-8"


@click.command("analyze")
@click.argument("captures", metavar="CAPTURE...", nargs=-1, required=True)
@click.option("--inventory", metavar="FILE", help="Who is who in the cluster (YAML). Without it the traffic tells.")
@click.option("--ca", metavar="FILE", multiple=True, help="Certificates the cluster's clients trust (PEM). Repeatable.")
@click.option("--rules", metavar="DIR", help="Rules in place of those that come with the program.")
@click.option("--captured-on", type=Address(), help="The host whose loopback the captures show.")
@click.option(
    "-o", "--format", "form", type=click.Choice(["table", "json", "ndjson"]), default="table", show_default=True
)
@click.option("--output", metavar="FILE", help="Write there instead of to standard output; whole or not at all.")
@click.option(
    "--fail-on",
    type=click.Choice([*SEVERITIES, "never"]),
    default=Severity.HIGH.value,
    show_default=True,
    help="Exit with 1 where a finding is this severe or worse.",
)
def command(
    captures: tuple[str, ...], form: str, output: str | None, fail_on: str, **settings: Unpack[Settings]
) -> int:
    """Say for each connection in the captures which documented path it is on and whether it is safe.

    CAPTURE is a pcap or pcapng file, also compressed (.gz, .zst), or - for standard input.
    """

    def run(flows_out: ByteSink | None) -> Analysis:
        with progress() as report:
            return pipeline.analyze(captures, **settings, flows_out=flows_out, progress=report)

    with destination(output) as out:
        analysis = WRITERS[form](run, out)
    return int(fail_on != "never" and reaches(analysis.findings, Severity(fail_on)))
